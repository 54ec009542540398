//! Models that are linear in the features.
pub mod softmax;
