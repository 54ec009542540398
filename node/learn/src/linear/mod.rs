//! Models that are linear in the features.
pub mod discriminant;
pub mod one_versus_one;
pub mod opt_sgd;
pub mod passive_aggressive;
pub mod softmax;
pub mod svm;

use crate::scalar::Scalar;
use crate::{LearnError, check_length, check_sample};

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

/// Refuses samples, `[count][features]`, of which one would be refused.
pub(crate) fn check_samples(samples: &[f32], features: usize, count: usize) -> Result<(), LearnError> {
    check_length("samples", samples.len(), count * features)?;
    samples.chunks_exact(features.max(1)).try_for_each(|sample| check_sample(sample, sample.len()))
}
