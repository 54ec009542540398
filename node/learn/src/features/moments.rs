//! Count, sums and sums of squares of a stream's features: what a federation needs to agree on a common scale.
//!
//! State: `16 * features` bytes.
use crate::{LearnError, check_finite, check_length};

/// Sums of one feature.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FeatureSums {
    /// Sum of the values.
    pub sum: f64,
    /// Sum of their squares.
    pub sum_of_squares: f64,
}

/// Adds a sample to the sums, `[features]` each.
pub fn add(sums: &mut [FeatureSums], sample: &[f32]) -> Result<(), LearnError> {
    check_length("sample", sample.len(), sums.len())?;
    check_finite(sample)?;
    for (feature, &value) in sums.iter_mut().zip(sample) {
        let value = f64::from(value);
        feature.sum += value;
        feature.sum_of_squares += value * value;
    }
    Ok(())
}

/// Mean and standard deviation (of the population) of a feature with `count` values; zeros without any.
pub fn mean_and_deviation(count: u64, sums: FeatureSums) -> (f64, f64) {
    if count == 0 {
        return (0.0, 0.0);
    }
    let mean = sums.sum / count as f64;
    // Rounding can bring the variance of a constant feature slightly below zero.
    let variance = (sums.sum_of_squares / count as f64 - mean * mean).max(0.0);
    (mean, libm::sqrt(variance))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_deviation_of_a_known_series() {
        let mut sums = [FeatureSums::default(); 2];
        for value in [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0] {
            add(&mut sums, &[value, 3.0]).unwrap();
        }
        assert_eq!(mean_and_deviation(8, sums[0]), (5.0, 2.0));
        assert_eq!(mean_and_deviation(8, sums[1]), (3.0, 0.0));
        assert_eq!(mean_and_deviation(0, FeatureSums::default()), (0.0, 0.0));
    }

    #[test]
    fn a_bad_sample_leaves_the_sums_alone() {
        let mut sums = [FeatureSums::default(); 2];
        assert_eq!(add(&mut sums, &[1.0, f32::NAN]), Err(LearnError::NotFinite { feature: 1 }));
        assert_eq!(sums, [FeatureSums::default(); 2]);
    }
}
