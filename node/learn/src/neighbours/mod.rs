//! Learners that keep examples, or means of them.
pub mod nearest;
pub mod prototypes;
