//! From what a sensor says to what a learner takes.
pub mod moments;
pub mod scale;
