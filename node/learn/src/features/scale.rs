//! Features on the scale of the task: `(value - offset) * gain`, within a bound.
use crate::{LearnError, check_finite, check_length};

/// Standardised features stay within this many standard deviations. A pixel that is dark in all samples but a few
/// would otherwise reach a deviation of thirty and drag the weights with it.
pub const BOUND: f32 = 6.0;

/// Offset and gain of one feature. They belong to the task, never to a node's own stream.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FeatureScale {
    /// What becomes zero.
    pub offset: f32,
    /// Reciprocal of what becomes one; zero for a constant feature.
    pub gain: f32,
}

impl FeatureScale {
    /// The scale that gives a feature zero mean and unit deviation; zero gain where the deviation is zero.
    pub fn standardising(mean: f64, deviation: f64) -> Self {
        let gain = if deviation > 0.0 { (1.0 / deviation) as f32 } else { 0.0 };
        Self { offset: mean as f32, gain: if gain.is_finite() { gain } else { 0.0 } }
    }
}

/// Scales a sample into `scaled` (`[features]` all three).
pub fn apply(scales: &[FeatureScale], sample: &[f32], scaled: &mut [f32]) -> Result<(), LearnError> {
    check_length("sample", sample.len(), scales.len())?;
    check_length("scaled", scaled.len(), scales.len())?;
    check_finite(sample)?;
    for ((out, &value), scale) in scaled.iter_mut().zip(sample).zip(scales) {
        let centred = (value - scale.offset).clamp(f32::MIN, f32::MAX);
        *out = (centred * scale.gain).clamp(-BOUND, BOUND);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scaled_feature_is_bounded_and_a_constant_one_is_zero() {
        let scales = [FeatureScale::standardising(5.0, 2.0), FeatureScale::standardising(3.0, 0.0)];
        let mut scaled = [0.0; 2];
        apply(&scales, &[9.0, 4.0], &mut scaled).unwrap();
        assert_eq!(scaled, [2.0, 0.0]);
        apply(&scales, &[1e9, 3.0], &mut scaled).unwrap();
        assert_eq!(scaled, [BOUND, 0.0]);
        assert!(apply(&scales, &[1.0], &mut scaled).is_err());
    }

    #[test]
    fn an_overflowing_difference_does_not_become_a_nan() {
        let scales = [FeatureScale { offset: -3e38, gain: 0.0 }];
        let mut scaled = [1.0];
        apply(&scales, &[3e38], &mut scaled).unwrap();
        assert_eq!(scaled, [0.0]);
    }
}
