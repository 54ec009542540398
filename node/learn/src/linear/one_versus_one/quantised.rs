//! A classifier with a byte a weight, and inference on whole numbers.
//!
//! Each base learner has a scale of its own: level l of -127 to 127 stands for `l * scale / 127`, as in the models that
//! travel. A vote depends on the sign alone, so inference needs no scale: the sample becomes whole numbers of 16 bits
//! on a scale of its own, the constant feature with it, and both scales are positive.
//!
//! Size: `pairs * (features + 1)` bytes of levels and `4 * pairs` bytes of scales, 2,925 + 180 at 64 features and
//! 10 classes. Scratch: `2 * (features + 1) + 2 * classes` bytes. An inference takes `pairs * features`
//! multiplications of whole numbers.
use super::{pairs, voting::elect, weights_len};
use crate::scalar::Scalar;
use crate::{LearnError, Shape, check_finite, check_length};

/// The level that stands for a row's largest weight.
const LARGEST: f32 = 127.0;

/// Makes levels (`[pairs][features + 1]`) and scales (`[pairs]`) of weights (as the levels). No weight moves by more
/// than half a level.
pub fn quantise(
    shape: Shape,
    weights: &[f32],
    levels: &mut [i8],
    scales: &mut [f32],
) -> Result<(), LearnError> {
    check_length("weights", weights.len(), weights_len(shape))?;
    check_length("levels", levels.len(), weights_len(shape))?;
    check_length("scales", scales.len(), pairs(shape.classes))?;
    check_finite(weights)?;
    let columns = shape.features + 1;
    let rows = weights.chunks_exact(columns).zip(levels.chunks_exact_mut(columns));
    for ((weights, levels), scale) in rows.zip(scales) {
        *scale = weights.iter().fold(0.0, |largest: f32, weight| largest.max(weight.abs()));
        let divisor = if *scale > 0.0 { *scale } else { 1.0 };
        for (level, weight) in levels.iter_mut().zip(weights) {
            *level = libm::roundf(weight / divisor * LARGEST) as i8;
        }
    }
    Ok(())
}

/// The weight for which a level stands.
pub fn weight(level: i8, scale: f32) -> f32 {
    f32::from(level) / LARGEST * scale
}

/// Products of a level and a number of 16 bits that add up within 32 bits.
const BLOCK: usize = 256;
/// Products that are added without a look at how many are left.
const AT_ONCE: usize = 8;

/// The class with most votes, ties as in [`super::voting`]. `scaled` (`[features + 1]`) and `votes` (`[classes]`) are
/// scratch.
pub fn predict<S: Scalar>(
    shape: Shape,
    levels: &[i8],
    sample: &[S],
    scaled: &mut [i16],
    votes: &mut [u16],
) -> Result<usize, LearnError> {
    let columns = shape.features + 1;
    check_length("levels", levels.len(), weights_len(shape))?;
    check_length("scaled sample", scaled.len(), columns)?;
    check_length("votes", votes.len(), shape.classes)?;
    S::check_sample(sample, shape.features)?;
    S::scale_to_levels(sample, scaled);
    Ok(elect(votes, |pair| dot(&levels[pair * columns..(pair + 1) * columns], scaled) > 0))
}

fn dot(levels: &[i8], scaled: &[i16]) -> i64 {
    let blocks = levels.chunks(BLOCK).zip(scaled.chunks(BLOCK));
    blocks.map(|(levels, scaled)| i64::from(block(levels, scaled))).sum()
}

fn block(levels: &[i8], scaled: &[i16]) -> i32 {
    let (levels, levels_rest) = levels.as_chunks::<AT_ONCE>();
    let (scaled, scaled_rest) = scaled.as_chunks::<AT_ONCE>();
    let product = |(&level, &scaled): (&i8, &i16)| i32::from(level) * i32::from(scaled);
    let mut sum = levels_rest.iter().zip(scaled_rest).map(product).sum();
    for (levels, scaled) in levels.iter().zip(scaled) {
        sum += levels.iter().zip(scaled).map(product).sum::<i32>();
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::one_versus_one::voting;
    use crate::random::Random;
    use crate::scalar::Fixed;
    use proptest::prelude::*;

    const SHAPE: Shape = Shape { features: 5, classes: 4 };

    #[test]
    fn ten_classes_of_digits_fit() {
        let shape = Shape { features: 64, classes: 10 };
        assert!(weights_len(shape) + 4 * pairs(10) <= 3_110);
    }

    #[test]
    fn blocks_of_the_largest_numbers_add_up() {
        assert_eq!(dot(&[-127; 600], &[i16::MIN; 600]), 600 * 127 * 32_768);
        assert_eq!(dot(&[-128; 600], &[i16::MIN; 600]), 600 * 128 * 32_768);
    }

    #[test]
    fn bad_input_is_refused_and_changes_nothing() {
        let (mut levels, mut scales, mut weights) = ([1; 36], [2.0; 6], [0.0; 36]);
        weights[7] = f32::NAN;
        let refused = quantise(SHAPE, &weights, &mut levels, &mut scales);
        assert_eq!(refused, Err(LearnError::NotFinite { feature: 7 }));
        assert!(quantise(SHAPE, &weights[1..], &mut levels, &mut scales).is_err());
        assert!(quantise(SHAPE, &weights, &mut levels, &mut scales[1..]).is_err());
        assert_eq!((levels, scales), ([1; 36], [2.0; 6]));
        let judge = |sample: &[f32]| predict(SHAPE, &levels, sample, &mut [0; 6], &mut [0; 4]);
        assert_eq!(judge(&[0.0, f32::INFINITY, 0.0, 0.0, 0.0]), Err(LearnError::NotFinite { feature: 1 }));
        assert!(judge(&[0.0; 4]).is_err());
    }

    proptest! {
        #[test]
        fn no_weight_moves_by_more_than_half_a_level(
            weights in proptest::collection::vec(
                prop_oneof![-9f32..9.0, Just(0.0), Just(f32::MAX), Just(1e-40)], 36),
        ) {
            let (mut levels, mut scales) = ([0; 36], [0.0; 6]);
            quantise(SHAPE, &weights, &mut levels, &mut scales).unwrap();
            for (index, (&level, &original)) in levels.iter().zip(&weights).enumerate() {
                let scale = scales[index / 6];
                prop_assert!((weight(level, scale) / 2.0 - original / 2.0).abs() <= scale * 0.251 / LARGEST + 1e-44);
            }
        }

        /// Weights that are levels already, samples that both scalars hold: all three decide alike.
        #[test]
        fn whole_numbers_decide_as_real_ones(seed: u64) {
            let mut random = Random::new(seed);
            let mut weights: Vec<f32> = (0..36).map(|_| random.below(255) as f32 - 127.0).collect();
            weights.iter_mut().step_by(6).for_each(|weight| *weight = 127.0);
            let sample: [f32; 5] = core::array::from_fn(|_| random.below(1 << 15) as f32 / 2_048.0 - 8.0);
            let (mut levels, mut scales, mut votes) = ([0; 36], [0.0; 6], [0; 4]);
            quantise(SHAPE, &weights, &mut levels, &mut scales).unwrap();
            let expected = voting::predict(SHAPE, &weights, &sample, &mut votes);
            let fixed = sample.map(Fixed::from_f32);
            prop_assert_eq!(predict(SHAPE, &levels, &fixed, &mut [0; 6], &mut votes), expected);
            let close = weights.chunks(6).any(|row| f32::affine(row, &sample).abs() < 1.0);
            if !close {
                prop_assert_eq!(predict(SHAPE, &levels, &sample, &mut [0; 6], &mut votes), expected);
            }
        }
    }
}
