//! A linear support vector machine by simplified sequential minimal optimisation (Platt 1998, simplified as in
//! Edge2Train: the second of a pair of multipliers is drawn at random).
//!
//! With multipliers a, labels y = -1 or 1, and K the products of samples:
//!
//! ```text
//! w = sum of a_i y_i x_i,  E_i = w x_i + b - y_i,  eta = 2 K_ij - K_ii - K_jj
//! a_j = clip(a_j - y_j (E_i - E_j) / eta, L, H),  a_i += y_i y_j (a_j before - a_j)
//! ```
//! The kernel is linear, so the weights are kept at each step and stand for all support vectors: an error costs a
//! product of `features` terms, whatever the number of samples.
//!
//! Memory: samples and labels are the caller's, `4 * samples` bytes of multipliers and `4 * (features + 1)` of weights.
//! A pass takes at most `samples * 7 * features` multiplications; there are at most `max_passes` of them.
use super::check_samples;
use crate::random::Random;
use crate::scalar::Scalar;
use crate::{LearnError, check_label, check_length, check_setting, dot};
use core::ops::Bound;

/// The learner's settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Svm {
    /// Numbers in a sample.
    pub features: usize,
    /// C, the largest multiplier: the cost of a violated margin. Above 0, at most 2^20.
    pub cost: f32,
    /// By how much a condition may be violated, from 0 to 1.
    pub tolerance: f32,
    /// Passes without a change after which it is done.
    pub idle_passes: usize,
    /// Passes after which it stops in any case.
    pub max_passes: usize,
    /// What the pairs are drawn from.
    pub seed: u64,
}

/// Samples and their labels.
#[derive(Clone, Copy, Debug)]
pub struct Samples<'a> {
    /// `[samples][features]`.
    pub features: &'a [f32],
    /// 0 or 1, `[samples]`.
    pub labels: &'a [u8],
}

/// How the training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nothing changed any more.
    Settled,
    /// The bound on the passes was reached.
    OutOfPasses,
}

/// What a training works on: the bias is the last of the weights.
struct Problem<'a> {
    settings: Svm,
    samples: Samples<'a>,
    multipliers: &'a mut [f32],
    weights: &'a mut [f32],
}

impl Svm {
    /// Trains from scratch. Overwrites `multipliers` (`[samples]`; those above zero mark the support vectors) and
    /// `weights` (`[features + 1]`, the bias last).
    pub fn fit(
        &self,
        samples: Samples<'_>,
        multipliers: &mut [f32],
        weights: &mut [f32],
    ) -> Result<Ending, LearnError> {
        self.check(samples, multipliers, weights)?;
        multipliers.fill(0.0);
        weights.fill(0.0);
        let count = multipliers.len();
        let mut problem = Problem { settings: *self, samples, multipliers, weights };
        let (mut random, mut idle) = (Random::new(self.seed), 0);
        for _ in 0..self.max_passes {
            let mut changes = 0usize;
            for first in 0..count {
                changes += usize::from(problem.violates(first) && problem.improve(first, &mut random));
            }
            idle = if changes == 0 { idle + 1 } else { 0 };
            if idle >= self.idle_passes {
                return Ok(Ending::Settled);
            }
        }
        Ok(Ending::OutOfPasses)
    }

    /// The class of a sample, 0 or 1.
    pub fn predict(&self, weights: &[f32], sample: &[f32]) -> Result<usize, LearnError> {
        check_length("weights", weights.len(), self.features + 1)?;
        f32::check_sample(sample, self.features)?;
        Ok(usize::from(f32::affine(weights, sample) > 0.0))
    }

    fn check(&self, samples: Samples<'_>, multipliers: &[f32], weights: &[f32]) -> Result<(), LearnError> {
        check_setting("cost", self.cost, (Bound::Excluded(0.0), Bound::Included(1_048_576.0)))?;
        check_setting("tolerance", self.tolerance, 0.0..=1.0)?;
        check_length("multipliers", multipliers.len(), samples.labels.len())?;
        check_length("weights", weights.len(), self.features + 1)?;
        check_samples(samples.features, self.features, samples.labels.len())?;
        samples.labels.iter().try_for_each(|&label| check_label(label.into(), 2))
    }
}

impl Problem<'_> {
    fn sample(&self, index: usize) -> &[f32] {
        let features = self.settings.features;
        &self.samples.features[index * features..(index + 1) * features]
    }

    fn sign(&self, index: usize) -> f32 {
        if self.samples.labels[index] == 1 { 1.0 } else { -1.0 }
    }

    fn error(&self, index: usize) -> f32 {
        f32::affine(self.weights, self.sample(index)) - self.sign(index)
    }

    /// Whether the multiplier could rise and the margin is too small, or the other way round.
    fn violates(&self, index: usize) -> bool {
        let (excess, multiplier) = (self.sign(index) * self.error(index), self.multipliers[index]);
        excess < -self.settings.tolerance && multiplier < self.settings.cost
            || excess > self.settings.tolerance && multiplier > 0.0
    }

    /// Optimises the multiplier together with that of another sample. Says whether they changed.
    fn improve(&mut self, first: usize, random: &mut Random) -> bool {
        let others = self.multipliers.len() - 1;
        if others == 0 {
            return false;
        }
        let drawn = random.below(others as u32) as usize;
        let second = if drawn < first { drawn } else { drawn + 1 };
        let (x_first, x_second) = (self.sample(first), self.sample(second));
        let squares = (dot::dot(x_first, x_first), dot::dot(x_second, x_second));
        let eta = 2.0 * dot::dot(x_first, x_second) - squares.0 - squares.1;
        let (low, high) = self.range(first, second);
        // Samples that are the same leave nothing to share out.
        if eta >= 0.0 || low >= high {
            return false;
        }
        let errors = (self.error(first), self.error(second));
        let before = (self.multipliers[first], self.multipliers[second]);
        let raised = before.1 - self.sign(second) * (errors.0 - errors.1) / eta;
        let new_second = raised.clamp(low, high);
        if (new_second - before.1).abs() < 1e-5 * (new_second + before.1 + 1e-3) {
            return false;
        }
        let share = self.sign(first) * self.sign(second);
        let new_first = (before.0 + share * (before.1 - new_second)).clamp(0.0, self.settings.cost);
        self.multipliers[first] = new_first;
        self.multipliers[second] = new_second;
        let steps = (self.sign(first) * (new_first - before.0), self.sign(second) * (new_second - before.1));
        self.shift(first, second, steps);
        self.settle_bias(first, second);
        true
    }

    /// Between what the second multiplier must stay, so that both remain from 0 to C.
    fn range(&self, first: usize, second: usize) -> (f32, f32) {
        let (cost, a, b) = (self.settings.cost, self.multipliers[first], self.multipliers[second]);
        if self.samples.labels[first] == self.samples.labels[second] {
            ((a + b - cost).max(0.0), (a + b).min(cost))
        } else {
            ((b - a).max(0.0), (cost + b - a).min(cost))
        }
    }

    fn shift(&mut self, first: usize, second: usize, steps: (f32, f32)) {
        let features = self.settings.features;
        let weights = &mut self.weights[..features];
        dot::add_scaled(weights, steps.0, &self.samples.features[first * features..][..features]);
        dot::add_scaled(weights, steps.1, &self.samples.features[second * features..][..features]);
    }

    /// The bias with which a sample off both bounds has an error of zero; half-way where none is.
    fn settle_bias(&mut self, first: usize, second: usize) {
        let bias = self.weights[self.settings.features];
        let wanted = [first, second].map(|index| bias - self.error(index));
        let is_free =
            |index: usize| self.multipliers[index] > 0.0 && self.multipliers[index] < self.settings.cost;
        self.weights[self.settings.features] = match (is_free(first), is_free(second)) {
            (true, _) => wanted[0],
            (_, true) => wanted[1],
            _ => wanted[0] / 2.0 + wanted[1] / 2.0,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LEARNER: Svm =
        Svm { features: 2, cost: 10.0, tolerance: 1e-3, idle_passes: 10, max_passes: 500, seed: 1 };

    /// Support vectors (1, 1) and (-1, -1) alone: w = (1/2, 1/2), b = 0, multipliers 1/4.
    #[test]
    fn the_widest_margin_is_found() {
        let samples =
            Samples { features: &[1.0, 1.0, -1.0, -1.0, 3.0, 2.0, -2.0, -4.0], labels: &[1, 0, 1, 0] };
        let (mut multipliers, mut weights) = ([9.0; 4], [9.0; 3]);
        assert_eq!(LEARNER.fit(samples, &mut multipliers, &mut weights), Ok(Ending::Settled));
        for (weight, expected) in weights.iter().zip([0.5, 0.5, 0.0]) {
            assert!((weight - expected).abs() < 2e-3, "{weights:?}");
        }
        for (multiplier, expected) in multipliers.iter().zip([0.25, 0.25, 0.0, 0.0]) {
            assert!((multiplier - expected).abs() < 2e-3, "{multipliers:?}");
        }
        assert_eq!(LEARNER.predict(&weights, &[0.5, 0.1]), Ok(1));
        assert_eq!(LEARNER.predict(&weights, &[0.5, -0.7]), Ok(0));
    }

    #[test]
    fn passes_are_bounded() {
        let samples = Samples { features: &[0.0, 0.0, 1.0, 1.0, 0.5, 0.5], labels: &[1, 1, 0] };
        let learner = Svm { max_passes: 1, ..LEARNER };
        assert_eq!(learner.fit(samples, &mut [0.0; 3], &mut [0.0; 3]), Ok(Ending::OutOfPasses));
        let alone = Samples { features: &[1.0, 2.0], labels: &[1] };
        let mut weights = [1.0; 3];
        assert_eq!(LEARNER.fit(alone, &mut [0.0], &mut weights), Ok(Ending::Settled));
        assert_eq!(weights, [0.0; 3], "one class alone has no margin");
    }

    #[test]
    fn bad_input_is_refused_and_changes_nothing() {
        let (mut multipliers, mut weights) = ([7.0; 2], [8.0; 3]);
        let mut fit = |learner: Svm, features: &[f32], labels: &[u8]| {
            learner.fit(Samples { features, labels }, &mut multipliers, &mut weights)
        };
        assert_eq!(
            fit(LEARNER, &[0.0, 0.0, f32::NAN, 0.0], &[0, 1]),
            Err(LearnError::NotFinite { feature: 0 })
        );
        assert_eq!(fit(LEARNER, &[0.0; 4], &[0, 2]), Err(LearnError::UnknownLabel { label: 2, classes: 2 }));
        assert!(fit(LEARNER, &[0.0; 3], &[0, 1]).is_err() && fit(LEARNER, &[0.0; 4], &[0]).is_err());
        assert!(fit(Svm { cost: f32::NAN, ..LEARNER }, &[0.0; 4], &[0, 1]).is_err());
        assert!(fit(Svm { tolerance: -1.0, ..LEARNER }, &[0.0; 4], &[0, 1]).is_err());
        assert_eq!((multipliers, weights), ([7.0; 2], [8.0; 3]));
    }

    proptest! {
        #[test]
        fn multipliers_stay_in_their_box_and_weights_finite(
            features in proptest::collection::vec(
                prop_oneof![Just(1_048_576f32), Just(-1_048_576.0), Just(0.0), Just(1e-30), -3f32..3.0], 16),
            labels in proptest::collection::vec(0u8..2, 8),
            cost in prop_oneof![Just(1e-6f32), Just(1.0), Just(1_048_576.0)],
        ) {
            let (mut multipliers, mut weights) = ([0.0; 8], [0.0; 3]);
            let learner = Svm { cost, max_passes: 50, ..LEARNER };
            learner.fit(Samples { features: &features, labels: &labels }, &mut multipliers, &mut weights).unwrap();
            prop_assert!(multipliers.iter().all(|multiplier| (0.0..=cost).contains(multiplier)));
            prop_assert!(weights.iter().all(|weight| weight.is_finite()));
        }
    }
}
