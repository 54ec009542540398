//! Under construction.

pub mod data;
pub mod device;
pub mod kernel;
pub mod radio;
pub mod scenario;
pub mod baseline;
pub mod summary;
pub mod report;
pub mod cli;
pub mod simulation;
