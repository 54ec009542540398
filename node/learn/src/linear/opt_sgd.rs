//! Opt-SGD: a binary linear classifier by stochastic gradient descent with momentum, on the perceptron's loss
//! (Rosenblatt 1958) or the logistic one (Bishop, PRML 2006, 4.3.2).
//!
//! With y the label, 0 or 1, and x the sample with a constant feature of one:
//!
//! ```text
//! perceptron  e = [w x > 0] - y       nothing happens where it is zero
//! logistic    e = sigmoid(w x) - y
//! v = mu v - alpha e x,  w += v       alpha / (1 + alpha |x|^2) in place of alpha where the rate is normalised
//! ```
//!
//! State: `4 * (features + 1)` bytes, twice that with momentum; no scratch. A step takes `2 * features`
//! multiplications, `features` more with momentum, `features` more with a normalised rate.
use super::BaseLearner;
use crate::scalar::Scalar;
use crate::{LearnError, check_label, check_length, check_setting};
use core::ops::Bound;

/// What a step makes smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Only samples on the wrong side count.
    Perceptron,
    /// All samples count, by how improbable the model makes their label.
    Logistic,
}

/// What the step size depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// The same for every sample.
    Constant,
    /// The smaller the longer the sample: no step goes beyond the sample's own length.
    Normalised,
}

/// The learner's settings. Weights are the caller's, `[features + 1]`, the bias last; so is the velocity, of the same
/// shape, empty without momentum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptSgd<S> {
    /// Numbers in a sample.
    pub features: usize,
    /// Perceptron or logistic.
    pub loss: Loss,
    /// Constant or normalised.
    pub rate: Rate,
    /// Alpha, above 0 and at most 64.
    pub learning_rate: S,
    /// Mu, from 0 to 0.99.
    pub momentum: S,
}

impl<S: Scalar> OptSgd<S> {
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

    /// One step on one sample. Returns the error before it: zero where a perceptron changed nothing, from -1 to 1.
    pub fn step(
        &self,
        weights: &mut [S],
        velocity: &mut [S],
        sample: &[S],
        label: usize,
    ) -> Result<S, LearnError> {
        self.check_settings()?;
        check_label(label, 2)?;
        check_length("weights", weights.len(), self.weights_len())?;
        check_length("velocity", velocity.len(), self.velocity_len())?;
        check_length("sample", sample.len(), self.features)?;
        let (affine, norm) = S::affine_and_norm(weights, sample)?;
        Ok(self.update(weights, velocity, sample, self.error(affine, label), norm))
    }

    fn error(&self, affine: S, label: usize) -> S {
        let target = if label == 1 { S::ONE } else { S::ZERO };
        let output = match self.loss {
            Loss::Perceptron if affine > S::ZERO => S::ONE,
            Loss::Perceptron => S::ZERO,
            Loss::Logistic => affine.sigmoid(),
        };
        output - target
    }

    fn update(&self, weights: &mut [S], velocity: &mut [S], sample: &[S], error: S, norm: S) -> S {
        if error == S::ZERO {
            return error;
        }
        let rate = match self.rate {
            Rate::Constant => self.learning_rate,
            Rate::Normalised => self.learning_rate / (S::ONE + self.learning_rate * norm),
        };
        let factor = -(rate * error);
        if velocity.is_empty() {
            S::add_scaled(weights, factor, sample);
        } else {
            S::decay_and_add(velocity, self.momentum, factor, sample);
            for (weight, &velocity) in weights.iter_mut().zip(velocity.iter()) {
                *weight = *weight + velocity;
            }
        }
        error
    }
}

impl<S: Scalar> BaseLearner<S> for OptSgd<S> {
    fn features(&self) -> usize {
        self.features
    }

    fn velocity_len(&self) -> usize {
        if self.momentum == S::ZERO { 0 } else { self.weights_len() }
    }

    /// Beyond these bounds the weights need not stay finite.
    fn check_settings(&self) -> Result<(), LearnError> {
        let rates = (Bound::Excluded(S::ZERO), Bound::Included(S::from_f32(64.0)));
        check_setting("learning rate", self.learning_rate, rates)?;
        check_setting("momentum", self.momentum, S::ZERO..=S::from_f32(0.99))
    }

    fn learn(&self, weights: &mut [S], velocity: &mut [S], sample: &[S], label: usize, norm: S) {
        let error = self.error(S::affine(weights, sample), label);
        self.update(weights, velocity, sample, error, norm);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::Fixed;
    use proptest::prelude::*;

    const LEARNER: OptSgd<f32> =
        OptSgd { features: 2, loss: Loss::Logistic, rate: Rate::Constant, learning_rate: 0.1, momentum: 0.0 };

    #[test]
    fn a_logistic_step_follows_the_gradient_of_the_loss() {
        let weights = [0.4, -0.2, 0.1];
        let (sample, label) = ([0.7, -1.2], 1);
        let loss = |weights: &[f32]| -libm::logf(f32::affine(weights, &sample).sigmoid());
        let mut stepped = weights;
        LEARNER.step(&mut stepped, &mut [], &sample, label).unwrap();
        for index in 0..3 {
            let moved = |shift| {
                core::array::from_fn::<_, 3, _>(|i| weights[i] + if i == index { shift } else { 0.0 })
            };
            let numeric = (loss(&moved(1e-2)) - loss(&moved(-1e-2))) / 2e-2;
            let analytic = (weights[index] - stepped[index]) / LEARNER.learning_rate;
            assert!((numeric - analytic).abs() < 1e-3, "{index}: {numeric} against {analytic}");
        }
    }

    /// By hand: the first sample is on the wrong side (0 counts as class 0), the second step adds half the velocity.
    #[test]
    fn a_perceptron_with_momentum_steps_as_written() {
        let learner = OptSgd { loss: Loss::Perceptron, learning_rate: 1.0, momentum: 0.5, ..LEARNER };
        let (mut weights, mut velocity) = ([0.0; 3], [0.0; 3]);
        assert_eq!(learner.step(&mut weights, &mut velocity, &[1.0, -2.0], 1), Ok(-1.0));
        assert_eq!(weights, [1.0, -2.0, 1.0]);
        assert_eq!(learner.step(&mut weights, &mut velocity, &[1.0, -2.0], 1), Ok(0.0));
        assert_eq!(weights, [1.0, -2.0, 1.0]);
        assert_eq!(learner.step(&mut weights, &mut velocity, &[2.0, 0.0], 0), Ok(1.0));
        assert_eq!((weights, velocity), ([-0.5, -3.0, 0.5], [-1.5, -1.0, -0.5]));
    }

    #[test]
    fn a_normalised_step_divides_by_the_norm() {
        let learner =
            OptSgd { loss: Loss::Perceptron, rate: Rate::Normalised, learning_rate: 1.0, ..LEARNER };
        let mut weights = [0.0; 3];
        learner.step(&mut weights, &mut [], &[1.0, 1.0], 1).unwrap();
        assert_eq!(weights, [0.25; 3], "1 / (1 + 3)");
    }

    #[test]
    fn bad_input_is_refused_and_changes_nothing() {
        let mut weights = [0.5; 3];
        let mut step =
            |learner: OptSgd<f32>, sample: &[f32], label| learner.step(&mut weights, &mut [], sample, label);
        assert_eq!(step(LEARNER, &[f32::NAN, 0.0], 0), Err(LearnError::NotFinite { feature: 0 }));
        assert_eq!(step(LEARNER, &[0.0, -2e6], 0), Err(LearnError::TooLarge { feature: 1 }));
        assert_eq!(step(LEARNER, &[0.0; 2], 2), Err(LearnError::UnknownLabel { label: 2, classes: 2 }));
        assert!(step(LEARNER, &[0.0; 3], 0).is_err());
        for learning_rate in [0.0, 65.0, f32::NAN] {
            let refused = Err(LearnError::BadSetting { setting: "learning rate" });
            assert_eq!(step(OptSgd { learning_rate, ..LEARNER }, &[0.0; 2], 0), refused);
        }
        for momentum in [-0.1, 1.0, f32::NAN] {
            let refused = Err(LearnError::BadSetting { setting: "momentum" });
            assert_eq!(step(OptSgd { momentum, ..LEARNER }, &[0.0; 2], 0), refused);
        }
        let no_velocity = step(OptSgd { momentum: 0.5, ..LEARNER }, &[0.0; 2], 0);
        assert_eq!(no_velocity, Err(LearnError::WrongLength { what: "velocity", have: 0, need: 3 }));
        assert_eq!(weights, [0.5; 3]);
    }

    proptest! {
        #[test]
        fn weights_stay_finite_in_either_scalar(
            samples in proptest::collection::vec(
                (prop_oneof![Just(1_048_576f32), Just(-1_048_576.0), Just(1e-38), -3f32..3.0], 0usize..2), 1..300),
            loss in prop_oneof![Just(Loss::Perceptron), Just(Loss::Logistic)],
            rate in prop_oneof![Just(Rate::Constant), Just(Rate::Normalised)],
        ) {
            let learner = OptSgd { features: 2, loss, rate, learning_rate: 64.0f32, momentum: 0.99 };
            let fixed = OptSgd {
                features: 2, loss, rate, learning_rate: Fixed::from_f32(64.0), momentum: Fixed::from_f32(0.99),
            };
            let (mut state, mut fixed_state) = ([[0.0; 3]; 2], [[Fixed::ZERO; 3]; 2]);
            for (value, label) in samples {
                let [weights, velocity] = &mut state;
                learner.step(weights, velocity, &[value, -value], label).unwrap();
                prop_assert!(state.iter().flatten().all(|value| value.is_finite()));
                let value = Fixed::from_f32(value.clamp(-128.0, 128.0));
                let [weights, velocity] = &mut fixed_state;
                fixed.step(weights, velocity, &[value, -value], label).unwrap();
            }
        }
    }
}
