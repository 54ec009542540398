//! Under construction.

pub mod data;
pub mod kernel;
pub mod scenario;
pub mod baseline;
pub mod summary;
