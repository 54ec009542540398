//! Standardisation by the moments of the stream so far (Welford, Technometrics 1962), which may forget the far past
//! (Finch, "Incremental calculation of weighted mean and variance", 2009). With weight a of the newest value and d its
//! difference from the mean so far,
//!
//! ```text
//! mean += a d     variance = (1 - a) (variance + a d^2)
//! ```
//!
//! where a is 1 / n for the n-th value, which gives the mean and variance of all values, but no less than 1 / horizon.
//!
//! State: `8 * features` bytes and a count. A sample takes `4 * features` multiplications; standardising one a square
//! root and a division for each feature. A federation whose nodes share a model needs one scale for all of them: see
//! [`moments`](super::moments).
use super::scale::BOUND;
use crate::{LearnError, check_length, check_sample};

/// Settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    /// Numbers in a sample.
    pub features: usize,
    /// Samples that are remembered, at least 1; `u32::MAX` for all of them.
    pub horizon: u32,
}

/// Moments of a feature; they start as the default.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FeatureMoments {
    /// Mean of the values.
    pub mean: f32,
    /// Mean of the squares of their deviations from it.
    pub variance: f32,
}

impl Running {
    /// Adds a sample to the moments, `[features]`. `count` is the number of samples before it, zero at the start.
    pub fn add(
        self,
        moments: &mut [FeatureMoments],
        count: &mut u32,
        sample: &[f32],
    ) -> Result<(), LearnError> {
        check_length("moments", moments.len(), self.features)?;
        check_sample(sample, self.features)?;
        *count = count.saturating_add(1);
        let newest = 1.0 / (*count).min(self.horizon).max(1) as f32;
        for (feature, &value) in moments.iter_mut().zip(sample) {
            let difference = value - feature.mean;
            feature.mean += newest * difference;
            feature.variance = (1.0 - newest) * (feature.variance + newest * difference * difference);
        }
        Ok(())
    }

    /// Brings a sample to zero mean and unit deviation, within [`BOUND`] deviations, into `scaled` (`[features]`). A
    /// feature that was constant so far becomes zero.
    pub fn standardise(
        self,
        moments: &[FeatureMoments],
        sample: &[f32],
        scaled: &mut [f32],
    ) -> Result<(), LearnError> {
        check_length("moments", moments.len(), self.features)?;
        check_length("scaled", scaled.len(), self.features)?;
        check_sample(sample, self.features)?;
        for ((out, &value), feature) in scaled.iter_mut().zip(sample).zip(moments) {
            let deviation = libm::sqrtf(feature.variance);
            let scaled = (value - feature.mean) / deviation;
            *out = if deviation > 0.0 { scaled.clamp(-BOUND, BOUND) } else { 0.0 };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: Running = Running { features: 2, horizon: u32::MAX };

    #[test]
    fn mean_and_variance_of_a_known_series() {
        let (mut moments, mut count) = ([FeatureMoments::default(); 2], 0);
        for value in [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0] {
            ALL.add(&mut moments, &mut count, &[value, 3.0]).unwrap();
        }
        assert!((moments[0].mean - 5.0).abs() < 1e-5 && (moments[0].variance - 4.0).abs() < 1e-5);
        assert_eq!(moments[1], FeatureMoments { mean: 3.0, variance: 0.0 });
        let mut scaled = [1.0; 2];
        ALL.standardise(&moments, &[9.0, 4.0], &mut scaled).unwrap();
        assert!((scaled[0] - 2.0).abs() < 1e-5);
        assert_eq!(scaled[1], 0.0, "a constant feature says nothing");
        ALL.standardise(&moments, &[-9e5, 3.0], &mut scaled).unwrap();
        assert_eq!(scaled, [-BOUND, 0.0]);
    }

    #[test]
    fn a_horizon_follows_a_changed_level() {
        let settings = Running { features: 1, horizon: 20 };
        let (mut moments, mut count) = ([FeatureMoments::default()], 0);
        for index in 0..500u16 {
            let level = if index < 300 { 0.0 } else { 10.0 };
            let value = level + f32::from(index % 2);
            settings.add(&mut moments, &mut count, &[value]).unwrap();
        }
        assert!((moments[0].mean - 10.5).abs() < 0.1 && (moments[0].variance - 0.25).abs() < 0.02);
    }

    #[test]
    fn a_bad_sample_changes_nothing() {
        let (mut moments, mut count) = ([FeatureMoments::default(); 2], 0);
        for sample in [&[1.0, f32::NAN][..], &[1.0], &[f32::INFINITY, 0.0], &[0.0, 2e6]] {
            assert!(ALL.add(&mut moments, &mut count, sample).is_err());
            assert!(ALL.standardise(&moments, sample, &mut [0.0; 2]).is_err());
        }
        assert_eq!((moments, count), ([FeatureMoments::default(); 2], 0));
    }

    proptest! {
        #[test]
        fn moments_are_those_of_two_passes(values in prop::collection::vec(-1e3f32..1e3, 1..200)) {
            let settings = Running { features: 1, horizon: u32::MAX };
            let (mut moments, mut count) = ([FeatureMoments::default()], 0);
            for &value in &values {
                settings.add(&mut moments, &mut count, &[value]).unwrap();
            }
            let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len() as f64;
            let squares = values.iter().map(|&value| (f64::from(value) - mean) * (f64::from(value) - mean));
            let variance = squares.sum::<f64>() / values.len() as f64;
            prop_assert!((f64::from(moments[0].mean) - mean).abs() < 1e-2);
            prop_assert!((f64::from(moments[0].variance) - variance).abs() < 1e-4 * variance + 1.0);
        }

        #[test]
        fn extreme_samples_leave_finite_moments(
            values in prop::collection::vec(-1_048_576.0f32..=1_048_576.0, 0..100), horizon: u32, count: u32,
        ) {
            let (mut moments, mut count, mut scaled) = ([FeatureMoments::default()], count, [0.0]);
            let settings = Running { features: 1, horizon };
            for value in values {
                settings.add(&mut moments, &mut count, &[value]).unwrap();
                settings.standardise(&moments, &[value], &mut scaled).unwrap();
                prop_assert!(moments[0].mean.is_finite() && moments[0].variance >= 0.0);
                prop_assert!(scaled[0].abs() <= BOUND);
            }
        }
    }
}
