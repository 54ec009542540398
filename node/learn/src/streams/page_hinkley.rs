//! The Page-Hinkley test (Page, Biometrika 1954): whether the mean of a stream has risen, say of a learner's loss. For
//! a fall give it the negated values.
//!
//! The test compares m(t), the sum of x(i) - mean(i) - tolerance, with its least value so far. Their difference obeys
//! g(t) = max(0, g(t-1) + x(t) - mean(t) - tolerance), which is what runs here, as it does not grow with time.
//!
//! State: 12 bytes. A value takes one division and four additions.
use super::drift::DriftSignal;
use crate::{LearnError, check_sample};

/// Settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PageHinkley {
    /// How far above the mean a value may lie without being counted.
    pub tolerance: f32,
    /// Sum of what was counted at which the mean has risen.
    pub threshold: f32,
    /// Sum at which it may have.
    pub warning: f32,
    /// Values before the first signal, while the mean settles.
    pub warm_up: u32,
    /// Values that the mean remembers, at least 1: a later one counts as if it were the one with this number.
    pub horizon: u32,
}

/// What the test knows of a stream; starts as the default.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rise {
    count: u32,
    mean: f32,
    excess: f32,
}

impl PageHinkley {
    /// Takes the next value, finite and of a magnitude up to [`crate::MAX_MAGNITUDE`].
    pub fn update(self, state: &mut Rise, value: f32) -> Result<DriftSignal, LearnError> {
        check_sample(&[value], 1)?;
        state.count = state.count.saturating_add(1);
        let weight = state.count.min(self.horizon).max(1) as f32;
        state.mean += (value - state.mean) / weight;
        // The bound matters only where the settings let no threshold be reached.
        state.excess = (state.excess + value - state.mean - self.tolerance).clamp(0.0, f32::MAX);
        if state.count <= self.warm_up {
            state.excess = 0.0;
        }
        if state.excess > self.threshold {
            *state = Rise::default();
            return Ok(DriftSignal::Drift);
        }
        Ok(if state.excess > self.warning { DriftSignal::Warning } else { DriftSignal::Steady })
    }
}

impl Rise {
    /// Mean of the values since the last drift.
    pub const fn mean(self) -> f32 {
        self.mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use proptest::prelude::*;

    const TEST: PageHinkley =
        PageHinkley { tolerance: 0.05, threshold: 10.0, warning: 5.0, warm_up: 30, horizon: 1 << 20 };

    /// The definition, with both sums kept.
    #[test]
    fn the_recurrence_is_the_test_of_the_definition() {
        let (mut random, mut state) = (Random::new(5), Rise::default());
        let (mut mean, mut sum, mut least) = (0.0f64, 0.0f64, 0.0f64);
        let settings = PageHinkley { threshold: 1e9, warning: 1e9, warm_up: 0, ..TEST };
        for count in 1..2_000 {
            let value = random.unit() + if count > 1_000 { 0.5 } else { 0.0 };
            settings.update(&mut state, value).unwrap();
            mean += (f64::from(value) - mean) / f64::from(count);
            sum += f64::from(value) - mean - f64::from(settings.tolerance);
            least = least.min(sum);
            assert!((sum - least - f64::from(state.excess)).abs() < 1e-2, "{count}");
        }
    }

    #[test]
    fn a_rise_is_warned_of_then_found() {
        let (mut random, mut state) = (Random::new(2), Rise::default());
        let mut signals = Vec::new();
        for index in 0..1_100 {
            let likely = if index < 1_000 { 0.1 } else { 0.6 };
            let value = if random.unit() < likely { 1.0 } else { 0.0 };
            signals.push(TEST.update(&mut state, value).unwrap());
        }
        let first = |wanted| signals.iter().position(|signal| *signal == wanted).unwrap();
        assert!((1_000..1_040).contains(&first(DriftSignal::Drift)), "{}", first(DriftSignal::Drift));
        assert!((1_000..first(DriftSignal::Drift)).contains(&first(DriftSignal::Warning)));
    }

    #[test]
    fn bad_values_change_nothing() {
        let mut state = Rise { count: 3, mean: 1.0, excess: 2.0 };
        let before = state;
        for value in [f32::NAN, f32::INFINITY, 2e6] {
            assert!(TEST.update(&mut state, value).is_err());
        }
        assert_eq!(state, before);
    }

    proptest! {
        #[test]
        fn the_state_stays_finite(
            values in prop::collection::vec(-1_048_576.0f32..=1_048_576.0, 0..100), horizon: u32, tolerance in -1e6f32..1e6,
        ) {
            let settings = PageHinkley { tolerance, horizon, ..TEST };
            let mut state = Rise::default();
            for value in values {
                settings.update(&mut state, value).unwrap();
                prop_assert!(state.mean.is_finite() && state.excess.is_finite());
            }
        }
    }
}
