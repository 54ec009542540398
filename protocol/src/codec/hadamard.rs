//! The randomised Hadamard transform: a rotation that spreads what a vector holds evenly over all coordinates, so that
//! each looks normally distributed whatever the vector was (Ailon and Chazelle 2009; Suresh et al. 2017).
//!
//! It is orthogonal and in place at any length d: random signs, then the transform of the first m coordinates, m the
//! largest power of two not above d; then other signs and the transform of the last m. Nothing is padded. At last
//! coordinates are mixed in pairs from both ends: else a vector whose energy is in one half would keep it there where d
//! is just below 2 m, and one scale for both halves would fit neither.
use super::random::Random;
use core::f32::consts::FRAC_1_SQRT_2;

const FIRST_SIGNS: u32 = 0;
const SECOND_SIGNS: u32 = 1;

/// Rotates a vector of any length, in place. About d log2 d additions, twice that where d is not a power of two.
pub fn rotate(vector: &mut [f32], seed: u32) {
    flip_signs(vector, seed, FIRST_SIGNS);
    let power = largest_power(vector.len());
    if power == vector.len() {
        return transform(vector);
    }
    transform(&mut vector[..power]);
    let rest = vector.len() - power;
    flip_signs(&mut vector[rest..], seed, SECOND_SIGNS);
    transform(&mut vector[rest..]);
    fold(vector);
}

/// The inverse of [`rotate`].
pub fn rotate_back(vector: &mut [f32], seed: u32) {
    let power = largest_power(vector.len());
    let rest = vector.len() - power;
    if rest > 0 {
        fold(vector);
        transform(&mut vector[rest..]);
        flip_signs(&mut vector[rest..], seed, SECOND_SIGNS);
    }
    transform(&mut vector[..power]);
    flip_signs(vector, seed, FIRST_SIGNS);
}

/// The orthonormal Hadamard transform in natural order, its own inverse. The length is zero or a power of two.
pub fn transform(vector: &mut [f32]) {
    debug_assert!(vector.is_empty() || vector.len().is_power_of_two());
    let mut half = 1;
    while half < vector.len() {
        for pair in vector.chunks_exact_mut(2 * half) {
            let (low, high) = pair.split_at_mut(half);
            for (a, b) in low.iter_mut().zip(high) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
    let norm = 1.0 / libm::sqrtf(vector.len() as f32);
    vector.iter_mut().for_each(|value| *value *= norm);
}

/// The largest power of two not above `length`; zero for zero.
pub(super) const fn largest_power(length: usize) -> usize {
    if length == 0 { 0 } else { 1 << length.ilog2() }
}

fn flip_signs(vector: &mut [f32], seed: u32, stream: u32) {
    let mut random = Random::new(seed, stream);
    vector.iter_mut().for_each(|value| *value *= random.sign());
}

/// Rotates each pair from both ends by 45 degrees; its own inverse.
fn fold(vector: &mut [f32]) {
    let (low, high) = vector.split_at_mut(vector.len() / 2);
    for (a, b) in low.iter_mut().zip(high.iter_mut().rev()) {
        (*a, *b) = ((*a + *b) * FRAC_1_SQRT_2, (*a - *b) * FRAC_1_SQRT_2);
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::{vec, vec::Vec};

    fn energy(vector: &[f32]) -> f64 {
        vector.iter().map(|&value| f64::from(value) * f64::from(value)).sum()
    }

    #[test]
    fn the_transform_is_the_matrix() {
        // By hand: rows + + + +, + - + -, + + - -, + - - +, each halved.
        let mut vector = [1.0, 2.0, 4.0, 9.0];
        transform(&mut vector);
        assert_eq!(vector, [8.0, -3.0, -5.0, 2.0]);
        transform(&mut []);
    }

    #[test]
    fn the_rotation_is_as_specified() {
        // Computed from SPEC.md in Python, each operation rounded to single precision.
        let mut power = [1.0, 2.0, 3.0, 4.0];
        rotate(&mut power, 7);
        assert_eq!(power, [-1.0, -3.0, -2.0, 4.0]);
        let mut other = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
        rotate(&mut other, 7);
        let expected =
            [0x3f35_04f3, 0xc007_c3b6, 0xc113_1405, 0x3f80_0000, 0x40cb_a591, 0xc007_c3b6, 0xc007_c3b6];
        assert_eq!(other.map(f32::to_bits), expected);
    }

    /// Share of the energy that signs with one scale keep of a vector with all its energy in `range`: 2/pi = .637 is
    /// the best.
    fn kept_by_signs(length: usize, range: core::ops::Range<usize>) -> f64 {
        let mut sum = 0.0;
        for seed in 0..20 {
            let mut vector = vec![0.0; length];
            let mut random = Random::new(seed, 9);
            vector[range.clone()].iter_mut().for_each(|value| *value = random.uniform() - 0.5);
            rotate(&mut vector, seed);
            let magnitudes: f64 = vector.iter().map(|value| f64::from(value.abs())).sum();
            sum += magnitudes * magnitudes / (length as f64 * energy(&vector)) / 20.0;
        }
        sum
    }

    #[test]
    fn energy_is_spread_wherever_it_was() {
        for length in [256, 257, 320, 384, 448, 511] {
            for range in [0..1, 7..9, 0..length / 2, length / 2..length, length / 4..length / 2] {
                let kept = kept_by_signs(length, range.clone());
                assert!(kept > 0.60, "{length} {range:?}: {kept}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_rotated_back_is_the_vector(
            vector in proptest::collection::vec(-10f32..10.0, 0..700),
            seed: u32,
        ) {
            let mut rotated = vector.clone();
            rotate(&mut rotated, seed);
            prop_assert!((energy(&rotated) - energy(&vector)).abs() <= 1e-5 * energy(&vector));
            rotate_back(&mut rotated, seed);
            let error: Vec<f32> = rotated.iter().zip(&vector).map(|(a, b)| a - b).collect();
            prop_assert!(energy(&error) <= 1e-11 * energy(&vector));
        }
    }
}
