//! What a window of a signal looks like, in eleven numbers. Samples are `i16` as they come from a converter, or `f32`.
//!
//! With mean m and central moments c2, c3, c4 (means of powers of x - m): RMS is the root of the mean square, skewness
//! c3 / c2^(3/2), kurtosis c4 / c2^2 (3 for a normal distribution), the crest factor the largest magnitude over the RMS,
//! jerk the root of the mean square of the differences of neighbours. Of a constant window skewness and kurtosis are
//! zero, of a window of zeros the crest factor too.
//!
//! State: none. Twelve passes with ten multiplications a sample in all, three roots and a dozen divisions.
use crate::dot::{LANES, total};
use crate::{LearnError, check_length, check_sample};

/// Numbers that describe a window.
pub const STATISTICS: usize = 11;

/// What a window looks like; in units of the samples unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Mean.
    pub mean: f32,
    /// Root of the mean square.
    pub rms: f32,
    /// Mean of the squared deviations from the mean.
    pub variance: f32,
    /// Asymmetry, without unit.
    pub skewness: f32,
    /// Weight of the tails, without unit.
    pub kurtosis: f32,
    /// Largest magnitude over the RMS.
    pub crest_factor: f32,
    /// Share of the neighbours between which the sign changes; zero counts as positive.
    pub zero_crossings: f32,
    /// The same of the deviations from the mean, for signals that do not lie around zero.
    pub mean_crossings: f32,
    /// Least sample.
    pub least: f32,
    /// Largest sample.
    pub most: f32,
    /// Root of the mean square of differences of neighbours.
    pub jerk: f32,
}

impl Statistics {
    /// All of them, in the order of the fields.
    pub const fn features(self) -> [f32; STATISTICS] {
        [
            self.mean,
            self.rms,
            self.variance,
            self.skewness,
            self.kurtosis,
            self.crest_factor,
            self.zero_crossings,
            self.mean_crossings,
            self.least,
            self.most,
            self.jerk,
        ]
    }
}

/// Statistics of a window of at least one sample; `f32` samples finite and up to [`crate::MAX_MAGNITUDE`].
pub fn statistics<T: Copy + Into<f32>>(window: &[T]) -> Result<Statistics, LearnError> {
    check_length("window", window.len(), window.len().max(1))?;
    for (feature, &sample) in window.iter().enumerate() {
        check_sample(&[sample.into()], 1).map_err(|error| at(error, feature))?;
    }
    let mean = sum(window, |sample| sample) / window.len() as f32;
    let pairs = (window.len() - 1).max(1) as f32;
    let neighbours = window.windows(2).map(|pair| (pair[0].into(), pair[1].into()));
    let crossings = |level: f32| {
        let changes = neighbours.clone().filter(|(left, right)| (*left < level) != (*right < level));
        changes.count() as f32 / pairs
    };
    let least = window.iter().map(|&sample| sample.into()).fold(f32::INFINITY, f32::min);
    let most = window.iter().map(|&sample| sample.into()).fold(f32::NEG_INFINITY, f32::max);
    let (rms, variance, skewness, kurtosis) = shape(window, mean);
    let jerk = neighbours.clone().fold(0.0, |sum, (left, right)| sum + (right - left) * (right - left));
    Ok(Statistics {
        mean,
        rms,
        variance,
        skewness,
        kurtosis,
        crest_factor: if rms > 0.0 { most.max(-least) / rms } else { 0.0 },
        zero_crossings: crossings(0.0),
        mean_crossings: crossings(mean),
        least,
        most,
        jerk: libm::sqrtf(jerk / pairs),
    })
}

/// RMS, variance, skewness and kurtosis. Deviations are taken relative to the largest, so that no power overflows.
fn shape<T: Copy + Into<f32>>(window: &[T], mean: f32) -> (f32, f32, f32, f32) {
    let count = window.len() as f32;
    let rms = libm::sqrtf(sum(window, |sample| sample * sample) / count);
    let widest = window.iter().fold(0.0, |widest, &sample| f32::max(widest, (sample.into() - mean).abs()));
    // Deviations of a constant window are what rounding the mean has left.
    if widest <= 1e-6 * rms {
        return (rms, 0.0, 0.0, 0.0);
    }
    let unit = 1.0 / widest;
    let moment = |power: fn(f32) -> f32| sum(window, |sample| power((sample - mean) * unit)) / count;
    let second = moment(|x| x * x);
    let (third, fourth) = (moment(|x| x * x * x), moment(|x| x * x * (x * x)));
    (rms, second * widest * widest, third / (second * libm::sqrtf(second)), fourth / (second * second))
}

/// Sum over the window in eight lanes.
fn sum<T: Copy + Into<f32>>(window: &[T], term: impl Fn(f32) -> f32) -> f32 {
    let mut sums = [0.0; LANES];
    for chunk in window.chunks(LANES) {
        for (sum, &sample) in sums.iter_mut().zip(chunk) {
            *sum += term(sample.into());
        }
    }
    total(&sums)
}

/// The error with the place of the sample in the window.
fn at(error: LearnError, feature: usize) -> LearnError {
    match error {
        LearnError::NotFinite { .. } => LearnError::NotFinite { feature },
        LearnError::TooLarge { .. } => LearnError::TooLarge { feature },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn moment(window: &[f64], power: i32) -> f64 {
        let mean = window.iter().sum::<f64>() / window.len() as f64;
        let powers = window.iter().map(|x| (0..power).fold(1.0, |product, _| product * (x - mean)));
        powers.sum::<f64>() / window.len() as f64
    }

    #[test]
    fn a_window_by_hand() {
        let found = statistics(&[1i16, -1, 1, -1, 4]).unwrap();
        assert_eq!((found.mean, found.rms), (0.8, 2.0));
        assert!((found.variance - 3.36).abs() < 1e-6);
        assert_eq!((found.least, found.most, found.crest_factor), (-1.0, 4.0, 2.0));
        assert_eq!((found.zero_crossings, found.mean_crossings), (1.0, 1.0));
        assert!((found.jerk - libm::sqrtf(37.0 / 4.0)).abs() < 1e-6);
        assert_eq!(found.features()[10], found.jerk);
    }

    #[test]
    fn a_constant_window_has_defined_statistics() {
        for window in [[0.1f32; 7], [0.0; 7], [-1_048_576.0; 7]] {
            let found = statistics(&window).unwrap();
            assert_eq!((found.skewness, found.kurtosis, found.jerk), (0.0, 0.0, 0.0));
            assert!(found.features().iter().all(|value| value.is_finite()));
        }
        assert_eq!(statistics(&[0i16]).unwrap(), Statistics::default());
    }

    #[test]
    fn bad_windows_are_refused() {
        assert!(statistics::<i16>(&[]).is_err());
        assert_eq!(statistics(&[0.0, f32::NAN]), Err(LearnError::NotFinite { feature: 1 }));
        assert_eq!(statistics(&[0.0, 0.0, 2e6]), Err(LearnError::TooLarge { feature: 2 }));
    }

    proptest! {
        #[test]
        fn statistics_of_integers_are_those_of_the_definition(
            window in prop::collection::vec(any::<i16>(), 2..300),
        ) {
            let found = statistics(&window).unwrap();
            let exact: Vec<f64> = window.iter().map(|&sample| f64::from(sample)).collect();
            let second = moment(&exact, 2);
            let near = |found: f32, wanted: f64, scale: f64| (f64::from(found) - wanted).abs() <= 1e-4 * scale;
            prop_assert!(near(found.variance, second, second + 1.0));
            let (third, fourth) = (moment(&exact, 3), moment(&exact, 4));
            if second > 1.0 {
                prop_assert!(near(found.skewness, third / (second * libm::sqrt(second)), 10.0));
                prop_assert!(near(found.kurtosis, fourth / (second * second), fourth / (second * second)));
            }
            prop_assert!(found.crest_factor >= 0.0 && found.jerk >= 0.0);
        }

        #[test]
        fn extreme_windows_have_finite_statistics(
            window in prop::collection::vec(-1_048_576.0f32..=1_048_576.0, 1..100), tiny: f32,
        ) {
            prop_assert!(statistics(&window).unwrap().features().iter().all(|value| value.is_finite()));
            let tiny = if tiny.is_normal() && tiny.abs() < 1.0 { tiny } else { 1e-38 };
            let found = statistics(&[tiny, -tiny, tiny * 0.5]).unwrap();
            prop_assert!(found.features().iter().all(|value| value.is_finite()));
        }
    }
}
