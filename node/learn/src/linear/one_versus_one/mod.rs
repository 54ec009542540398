//! Opt-OVO: a binary base learner for each pair of classes (Knerr, Personnaz, Dreyfus 1990; voting after Hastie and
//! Tibshirani, Annals of Statistics 1998).
//!
//! Base learner (i, j), i < j < k, has label 1 for class i and label 0 for class j, and learns from samples of these
//! two alone: a sample is a step for k - 1 base learners, which share the square of its length.
//!
//! State: `2 * classes * (classes - 1) * (features + 1)` bytes, 11,700 at 64 features and 10 classes; as much again
//! where the base learner keeps velocities. A step takes `classes - 1` steps of the base learner.
//!
//! Modules in reading order: [`voting`] decides between the classes, [`quantised`] does with a byte a weight,
//! [`reduction`] says which base learners can be left out, and [`reduced`] decides without them.
pub mod quantised;
pub mod reduced;
pub mod reduction;
pub mod voting;

use super::BaseLearner;
use crate::scalar::Scalar;
use crate::{LearnError, Shape, check_label, check_length};

/// Pairs of `classes`.
pub const fn pairs(classes: usize) -> usize {
    classes * classes.saturating_sub(1) / 2
}

/// Number of the pair (first, second), first < second < classes.
pub const fn pair_index(first: usize, second: usize, classes: usize) -> usize {
    first * classes - first * (first + 1) / 2 + second - first - 1
}

/// The pairs of `classes` in the order of their numbers: (0, 1), (0, 2) and so on.
pub fn pairs_of(classes: usize) -> impl Iterator<Item = (usize, usize)> + Clone {
    (0..classes).flat_map(move |first| (first + 1..classes).map(move |second| (first, second)))
}

/// Length of the weights, `[pairs][features + 1]`, the bias last in each row.
pub const fn weights_len(shape: Shape) -> usize {
    pairs(shape.classes) * (shape.features + 1)
}

/// The learner's settings. Weights are the caller's, of [`weights_len`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OneVersusOne<B> {
    /// Labels, 0 to `classes - 1`.
    pub classes: usize,
    /// What learns a pair.
    pub base: B,
}

impl<B> OneVersusOne<B> {
    /// Length of the velocities: that of the weights, or zero where the base learner keeps none.
    pub fn velocities_len<S: Scalar>(&self) -> usize
    where
        B: BaseLearner<S>,
    {
        pairs(self.classes) * self.base.velocity_len()
    }

    /// One step on one sample for all base learners that have to do with its class.
    pub fn step<S: Scalar>(
        &self,
        weights: &mut [S],
        velocities: &mut [S],
        sample: &[S],
        label: usize,
    ) -> Result<(), LearnError>
    where
        B: BaseLearner<S>,
    {
        let shape = Shape { features: self.base.features(), classes: self.classes };
        self.base.check_settings()?;
        check_label(label, self.classes)?;
        check_length("weights", weights.len(), weights_len(shape))?;
        check_length("velocities", velocities.len(), self.velocities_len())?;
        check_length("sample", sample.len(), shape.features)?;
        let norm = S::squared_norm(sample)?;
        for other in (0..self.classes).filter(|&other| other != label) {
            let index = pair_index(label.min(other), label.max(other), self.classes);
            let weights = row_mut(weights, index, shape.features + 1);
            let velocity = row_mut(velocities, index, self.base.velocity_len());
            self.base.learn(weights, velocity, sample, usize::from(label < other), norm);
        }
        Ok(())
    }
}

fn row_mut<T>(rows: &mut [T], index: usize, length: usize) -> &mut [T] {
    &mut rows[index * length..(index + 1) * length]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::opt_sgd::{Loss, OptSgd, Rate};
    use crate::linear::passive_aggressive::{PassiveAggressive, StepRule};
    use crate::random::Random;
    use crate::scalar::Fixed;

    const PERCEPTRON: OneVersusOne<OptSgd<f32>> = OneVersusOne {
        classes: 4,
        base: OptSgd {
            features: 3,
            loss: Loss::Perceptron,
            rate: Rate::Constant,
            learning_rate: 1.0,
            momentum: 0.7,
        },
    };

    #[test]
    fn pairs_are_numbered_in_their_order() {
        for classes in 0..12 {
            let numbers: Vec<_> = pairs_of(classes).map(|(i, j)| pair_index(i, j, classes)).collect();
            assert_eq!(numbers, (0..pairs(classes)).collect::<Vec<_>>());
        }
        assert_eq!(weights_len(Shape { features: 64, classes: 10 }) * 4, 11_700);
    }

    /// Each pair learns as if it saw the samples of its two classes alone.
    #[test]
    fn a_base_learner_sees_the_samples_of_its_pair() {
        let mut random = Random::new(5);
        let (mut weights, mut velocities) = ([0.0; 24], [0.0; 24]);
        let mut alone = [[[0.0; 4]; 2]; 6];
        for _ in 0..200 {
            let sample: [f32; 3] = core::array::from_fn(|_| random.symmetric());
            let label = random.below(4) as usize;
            PERCEPTRON.step(&mut weights, &mut velocities, &sample, label).unwrap();
            for (pair, [weights, velocity]) in pairs_of(4).zip(&mut alone) {
                if pair.0 == label || pair.1 == label {
                    let label = usize::from(pair.0 == label);
                    PERCEPTRON.base.step(weights, velocity, &sample, label).unwrap();
                }
            }
        }
        for (row, [weights, _]) in weights.chunks(4).zip(alone) {
            assert_eq!(row, weights);
        }
    }

    #[test]
    fn bad_input_is_refused_and_changes_nothing() {
        let (mut weights, mut velocities) = ([0.5; 24], [0.25; 24]);
        let mut step = |sample: &[f32], label| PERCEPTRON.step(&mut weights, &mut velocities, sample, label);
        assert_eq!(step(&[0.0, 0.0, f32::NAN], 0), Err(LearnError::NotFinite { feature: 2 }));
        assert_eq!(step(&[0.0; 3], 4), Err(LearnError::UnknownLabel { label: 4, classes: 4 }));
        assert!(step(&[0.0; 2], 0).is_err());
        assert_eq!((weights, velocities), ([0.5; 24], [0.25; 24]));
        assert!(PERCEPTRON.step(&mut weights[1..], &mut velocities, &[0.0; 3], 0).is_err());
        assert!(PERCEPTRON.step(&mut weights, &mut [], &[0.0; 3], 0).is_err());
    }

    #[test]
    fn extreme_samples_leave_fixed_weights_in_range_and_floats_finite() {
        let rule = StepRule::Damped;
        let floating = OneVersusOne {
            classes: 3,
            base: PassiveAggressive { features: 2, rule, aggressiveness: 1e9f32 },
        };
        let fixed = OneVersusOne {
            classes: 3,
            base: PassiveAggressive { features: 2, rule, aggressiveness: Fixed::MAX },
        };
        let (mut weights, mut fixed_weights) = ([0.0; 9], [Fixed::ZERO; 9]);
        for index in 0..500 {
            let sign = if index % 7 < 3 { 1.0 } else { -1.0 };
            floating.step(&mut weights, &mut [], &[sign * 1_048_576.0, 1e-30], index % 3).unwrap();
            let sample = [Fixed::from_f32(sign * 128.0), Fixed::from_bits(1)];
            fixed.step(&mut fixed_weights, &mut [], &sample, index % 3).unwrap();
        }
        assert!(weights.iter().all(|weight| weight.is_finite()));
    }
}
