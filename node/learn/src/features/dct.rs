//! The discrete cosine transform of second type, orthonormal (Ahmed, Natarajan and Rao, IEEE Trans. Computers 1974):
//! of the logarithms of band energies it gives what is known as cepstral coefficients, of which the first few hold most.
//!
//! ```text
//! X(k) = s(k) sum of x(n) cos(pi k (2n + 1) / (2 N)) over n,   s(0) = sqrt(1/N), else sqrt(2/N)
//! ```
//!
//! Cosines follow one from another by a rotation, which starts anew every [`STRIDE`] values; their error is below
//! 2e-6, that of a coefficient below 4e-6 times the sum of the magnitudes.
//!
//! State: none. A coefficient takes `5 * values` multiplications and two short series for every [`STRIDE`] of them.
use crate::{LearnError, check_length, check_sample};

/// Values between two cosines that are computed from their angle.
pub const STRIDE: usize = 16;

/// The first coefficients of a transform, as many as `coefficients` has room for, at most as many as there are values.
pub fn dct2(values: &[f32], coefficients: &mut [f32]) -> Result<(), LearnError> {
    let have = coefficients.len();
    check_length("coefficients", have, have.min(values.len()))?;
    check_sample(values, values.len())?;
    let count = values.len() as f32;
    for (k, coefficient) in coefficients.iter_mut().enumerate() {
        let scale = libm::sqrtf(if k == 0 { 1.0 } else { 2.0 } / count);
        *coefficient = scale * projection(values, k);
    }
    Ok(())
}

/// Sum of the products with the k-th cosine.
fn projection(values: &[f32], k: usize) -> f32 {
    let length = values.len();
    let (turn_cos, turn_sin) = unit_circle(2 * k, length);
    let mut sum = 0.0;
    for (index, chunk) in values.chunks(STRIDE).enumerate() {
        let (mut cos, mut sin) = unit_circle(k * (2 * index * STRIDE + 1), length);
        for value in chunk {
            sum += value * cos;
            (cos, sin) = (cos * turn_cos - sin * turn_sin, sin * turn_cos + cos * turn_sin);
        }
    }
    sum
}

/// Cosine and sine of `pi * steps / (2 * length)`. Whole quarters are taken off first, and an angle beyond an eighth is
/// turned around, so that short series are exact to the last bits; `libm` would compute in double precision.
fn unit_circle(steps: usize, length: usize) -> (f32, f32) {
    let (quarters, rest) = (steps / length, steps % length);
    let is_beyond = 2 * rest > length;
    let near = if is_beyond { length - rest } else { rest };
    let angle = core::f32::consts::FRAC_PI_2 * (near as f32 / length as f32);
    let square = angle * angle;
    let sin = angle * nested(square, [1.0 / 6.0, 1.0 / 20.0, 1.0 / 42.0, 1.0 / 72.0]);
    let cos = nested(square, [1.0 / 2.0, 1.0 / 12.0, 1.0 / 30.0, 1.0 / 56.0]);
    let (cos, sin) = if is_beyond { (sin, cos) } else { (cos, sin) };
    match quarters % 4 {
        0 => (cos, sin),
        1 => (-sin, cos),
        2 => (-cos, -sin),
        _ => (sin, -cos),
    }
}

/// Taylor's alternating series, each term taken out of those after it.
fn nested(square: f32, factors: [f32; 4]) -> f32 {
    factors.iter().rev().fold(1.0, |rest, factor| 1.0 - square * factor * rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn by_definition(values: &[f32], k: usize) -> f64 {
        let count = values.len() as f64;
        let terms = values.iter().enumerate().map(|(n, &value)| {
            let angle = core::f64::consts::PI * (k * (2 * n + 1)) as f64 / (2.0 * count);
            f64::from(value) * libm::cos(angle)
        });
        terms.sum::<f64>() * libm::sqrt(if k == 0 { 1.0 } else { 2.0 } / count)
    }

    #[test]
    fn a_constant_has_one_coefficient() {
        let mut coefficients = [0.0; 4];
        dct2(&[3.0; 4], &mut coefficients).unwrap();
        assert!((coefficients[0] - 6.0).abs() < 1e-6);
        assert!(coefficients[1..].iter().all(|coefficient| coefficient.abs() < 1e-6));
    }

    #[test]
    fn bad_input_is_refused() {
        let mut coefficients = [7.0; 2];
        assert!(dct2(&[1.0], &mut coefficients).is_err());
        assert!(dct2(&[1.0, f32::NAN], &mut coefficients).is_err());
        assert!(dct2(&[1.0, 2e6], &mut coefficients).is_err());
        assert_eq!(coefficients, [7.0; 2]);
        assert_eq!(dct2(&[], &mut []), Ok(()));
    }

    proptest! {
        #[test]
        fn coefficients_are_within_the_stated_error(values in prop::collection::vec(-50.0f32..50.0, 1..130)) {
            let mut coefficients = vec![0.0; values.len()];
            dct2(&values, &mut coefficients).unwrap();
            let magnitudes: f64 = values.iter().map(|value| f64::from(value.abs())).sum();
            for (k, &coefficient) in coefficients.iter().enumerate() {
                let error = (f64::from(coefficient) - by_definition(&values, k)).abs();
                prop_assert!(error <= 4e-6 * magnitudes + 1e-30, "{k}: {error}");
            }
        }
    }
}
