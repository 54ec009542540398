//! Train++: passive-aggressive binary classification (Crammer, Dekel, Keshet, Shalev-Shwartz, Singer, JMLR 2006).
//!
//! With y = -1 for label 0 and y = 1 for label 1, and x the sample with a constant feature of one:
//!
//! ```text
//! loss = max(0, 1 - y w x)
//! PA-I   tau = min(C, loss / |x|^2)
//! PA-II  tau = loss / (|x|^2 + 1 / (2 C))
//! w += tau y x
//! ```
//!
//! State: `4 * (features + 1)` bytes, 260 at 64 features; no scratch. A step takes `3 * features` multiplications and
//! one division, a third of them only where the loss is above zero.
use super::BaseLearner;
use crate::scalar::Scalar;
use crate::{LearnError, check_label, check_length};

/// How far a step goes where the loss is above zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepRule {
    /// PA-I: to a loss of zero, but no further than the aggressiveness.
    Clipped,
    /// PA-II: the more of the way the larger the aggressiveness.
    Damped,
}

/// The learner's settings. Weights are the caller's, `[features + 1]`, the bias last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PassiveAggressive<S> {
    /// Numbers in a sample.
    pub features: usize,
    /// PA-I or PA-II.
    pub rule: StepRule,
    /// C of the paper. The learner stays as it is where this is not above zero.
    pub aggressiveness: S,
}

impl<S: Scalar> PassiveAggressive<S> {
    /// Length of the weights.
    pub const fn weights_len(self) -> usize {
        self.features + 1
    }

    /// The class of a sample, 0 or 1.
    pub fn predict(&self, weights: &[S], sample: &[S]) -> Result<usize, LearnError> {
        check_length("weights", weights.len(), self.weights_len())?;
        S::check_sample(sample, self.features)?;
        Ok(usize::from(S::affine(weights, sample) > S::ZERO))
    }

    /// One step on one sample. Returns the loss before it: below one where the sample was classified rightly, zero
    /// where nothing was changed.
    #[inline]
    pub fn step(&self, weights: &mut [S], sample: &[S], label: usize) -> Result<S, LearnError> {
        check_label(label, 2)?;
        check_length("weights", weights.len(), self.weights_len())?;
        check_length("sample", sample.len(), self.features)?;
        let (affine, norm) = S::affine_and_norm(weights, sample)?;
        Ok(self.update(weights, sample, label, affine, norm))
    }

    #[inline]
    fn update(&self, weights: &mut [S], sample: &[S], label: usize, affine: S, norm: S) -> S {
        let margin = if label == 1 { affine } else { -affine };
        let loss = S::ONE - margin;
        if loss > S::ZERO {
            let tau = self.tau(loss, norm);
            S::add_scaled(weights, if label == 1 { tau } else { -tau }, sample);
            loss
        } else {
            S::ZERO
        }
    }

    #[inline]
    fn tau(&self, loss: S, norm: S) -> S {
        let limit = self.aggressiveness;
        match self.rule {
            StepRule::Clipped if limit > S::ZERO => {
                let full = loss / norm;
                if full < limit { full } else { limit }
            }
            StepRule::Damped if limit > S::ZERO => loss / (norm + S::ONE / (limit + limit)),
            _ => S::ZERO,
        }
    }
}

impl<S: Scalar> BaseLearner<S> for PassiveAggressive<S> {
    fn features(&self) -> usize {
        self.features
    }

    fn velocity_len(&self) -> usize {
        0
    }

    fn learn(&self, weights: &mut [S], _velocity: &mut [S], sample: &[S], label: usize, norm: S) {
        let affine = S::affine(weights, sample);
        self.update(weights, sample, label, affine, norm);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::Fixed;
    use proptest::prelude::*;

    const fn learner(rule: StepRule) -> PassiveAggressive<f32> {
        PassiveAggressive { features: 2, rule, aggressiveness: 0.5 }
    }

    /// x = (1, 2), 1: |x|^2 = 6. At w = 0 the loss is 1; PA-I takes 1/6, PA-II 1 / (6 + 1) = 1/7.
    #[test]
    fn a_step_is_that_of_the_paper() {
        for (rule, tau) in [(StepRule::Clipped, 1.0 / 6.0), (StepRule::Damped, 1.0 / 7.0)] {
            let mut weights = [0.0; 3];
            assert_eq!(learner(rule).step(&mut weights, &[1.0, 2.0], 0), Ok(1.0));
            assert_eq!(weights, [-tau, -2.0 * tau, -tau]);
        }
        let mut weights = [0.0; 3];
        let timid = PassiveAggressive { aggressiveness: 0.125, ..learner(StepRule::Clipped) };
        timid.step(&mut weights, &[1.0, 2.0], 1).unwrap();
        assert_eq!(weights, [0.125, 0.25, 0.125]);
    }

    #[test]
    fn an_unclipped_step_reaches_a_margin_of_one() {
        let learner = PassiveAggressive { aggressiveness: f32::INFINITY, ..learner(StepRule::Damped) };
        let mut weights = [0.3, -0.7, 0.1];
        learner.step(&mut weights, &[0.5, 2.0], 1).unwrap();
        assert!((f32::affine(&weights, &[0.5, 2.0]) - 1.0).abs() < 1e-6);
        let before = weights;
        assert_eq!(learner.step(&mut weights, &[1.5, 6.0], 1), Ok(0.0));
        assert_eq!(weights, before);
    }

    #[test]
    fn bad_input_is_refused_and_changes_nothing() {
        let mut weights = [0.5; 3];
        let mut step = |sample: &[f32], label| learner(StepRule::Damped).step(&mut weights, sample, label);
        assert_eq!(step(&[1.0, f32::NAN], 0), Err(LearnError::NotFinite { feature: 1 }));
        assert_eq!(step(&[0.0, -2e6], 0), Err(LearnError::TooLarge { feature: 1 }));
        assert_eq!(step(&[1.0, 1.0], 2), Err(LearnError::UnknownLabel { label: 2, classes: 2 }));
        assert!(step(&[1.0], 0).is_err() && step(&[1.0; 3], 0).is_err());
        assert_eq!(weights, [0.5; 3]);
        assert!(learner(StepRule::Damped).predict(&weights, &[f32::NAN, 0.0]).is_err());
        assert!(learner(StepRule::Damped).predict(&weights[1..], &[0.0; 2]).is_err());
    }

    #[test]
    fn an_aggressiveness_of_nothing_learns_nothing() {
        for aggressiveness in [0.0, -1.0, f32::NAN] {
            for rule in [StepRule::Clipped, StepRule::Damped] {
                let mut weights = [0.0; 3];
                PassiveAggressive { features: 2, rule, aggressiveness }
                    .step(&mut weights, &[1.0; 2], 1)
                    .unwrap();
                assert_eq!(weights, [0.0; 3]);
            }
        }
    }

    #[test]
    fn a_zero_vector_teaches_the_bias_alone() {
        let mut weights = [0.0; 3];
        learner(StepRule::Damped).step(&mut weights, &[0.0; 2], 1).unwrap();
        assert_eq!(weights, [0.0, 0.0, 0.5]);
    }

    proptest! {
        #[test]
        fn weights_stay_finite(
            samples in proptest::collection::vec(
                (prop_oneof![Just(1_048_576f32), Just(-1_048_576.0), Just(0.0), Just(1e-38), -3f32..3.0],
                 prop_oneof![Just(1_048_576f32), Just(-1_048_576.0), Just(1e-20), -3f32..3.0], 0usize..2), 1..300),
            aggressiveness in prop_oneof![Just(1e-30f32), Just(1.0), Just(f32::MAX), Just(f32::INFINITY)],
            rule in prop_oneof![Just(StepRule::Clipped), Just(StepRule::Damped)],
        ) {
            let learner = PassiveAggressive { features: 2, rule, aggressiveness };
            let mut weights = [0.0; 3];
            for (first, second, label) in samples {
                learner.step(&mut weights, &[first, second], label).unwrap();
                prop_assert!(weights.iter().all(|weight| weight.is_finite()));
            }
        }

        #[test]
        fn fixed_point_follows_f32(
            samples in proptest::collection::vec(((-3f32..3.0), (-3f32..3.0), 0usize..2), 1..100),
        ) {
            let floating = learner(StepRule::Damped);
            let fixed = PassiveAggressive::<Fixed> {
                features: 2, rule: floating.rule, aggressiveness: Fixed::from_f32(floating.aggressiveness),
            };
            let (mut weights, mut fixed_weights) = ([0.0; 3], [Fixed::ZERO; 3]);
            for (first, second, label) in samples {
                let sample = [Fixed::from_f32(first), Fixed::from_f32(second)];
                floating.step(&mut weights, &sample.map(Fixed::to_f32), label).unwrap();
                fixed.step(&mut fixed_weights, &sample, label).unwrap();
            }
            prop_assert!(weights.iter().zip(fixed_weights).all(|(w, f)| (w - f.to_f32()).abs() < 5e-3));
        }
    }
}
