//! Models that are linear in the features.
pub mod one_versus_one;
pub mod opt_sgd;
pub mod passive_aggressive;
pub mod softmax;

use crate::LearnError;
use crate::scalar::Scalar;

/// A binary linear learner of which a classifier of several classes can be made.
pub trait BaseLearner<S: Scalar>: Copy {
    /// Numbers in a sample.
    fn features(&self) -> usize;

    /// Entries it keeps beside its weights.
    fn velocity_len(&self) -> usize;

    /// Refuses settings outside their range.
    fn check_settings(&self) -> Result<(), LearnError> {
        Ok(())
    }

    /// One step on a sample with a label of 0 or 1, of which all was checked. `norm` is the square of the sample's
    /// length, a constant feature of one included.
    fn learn(&self, weights: &mut [S], velocity: &mut [S], sample: &[S], label: usize, norm: S);
}
