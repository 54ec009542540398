//! Under construction.

pub mod baseline;
pub mod cli;
pub mod data;
pub mod device;
pub mod kernel;
pub mod radio;
pub mod report;
pub mod scenario;
pub mod simulation;
pub mod summary;
