//! Levels that double, rounded at random so that every coordinate is right on average (NUQSGD, Ramezani-Kebrya et al.
//! 2021), with the infinity norm as scale: fine where most coordinates are small.
//!
//! ```text
//! start, LEB128; then in bits:
//! bits 0-2    bits a coordinate b, less one: b is 2 to 5
//!      3-17   scale S, a half without its sign: the largest magnitude
//!      18..   for each coordinate a level l in -M..=M, M = 2^(b-1) - 1, as l + M; filled with ones
//! ```
//! Level l stands for 2^(|l| - M) S with the sign of l, level zero for zero. The error of a coordinate v has mean zero
//! and a variance of at most v^2 / 8, or |v| 2^(1-M) S for those below the least level.
//!
//! **Never with error feedback**, as [`super::qsgd`].
use super::block::Block;
use super::codes::{CodesReader, CodesWriter, HEADER_BITS};
use super::qsgd::round;
use super::random::Random;
use super::{CodecError, scale};
use core::ops::Range;

/// Encodes the coordinates of `update`, `[params]`, from `start` on into one block, `bits` each, 2 to 5. Zeros are
/// encoded as such.
pub fn encode(
    update: &[f32],
    start: usize,
    bits: u8,
    seed: u32,
    payload: &mut [u8],
) -> Result<Block, CodecError> {
    let levels = levels(bits)?;
    let mut writer = CodesWriter::new(update.len(), start, HEADER_BITS, bits.into(), payload)?;
    let block = &update[writer.range()];
    let scale = scale::not_below(scale::largest_magnitude(block)?)?;
    writer.put_width(bits);
    writer.put_scale(scale);
    let mut random = Random::new(seed, 0);
    for &value in block {
        let place = place(scale::ratio(libm::fabsf(value), scale.to_f32()), levels);
        let level = round(place, &mut random);
        writer.put(if value < 0.0 { levels - level } else { levels + level }, bits.into());
    }
    Ok(writer.finish())
}

/// Decodes a block into its range of `update`, `[params]`.
pub fn decode(payload: &[u8], update: &mut [f32]) -> Result<Range<usize>, CodecError> {
    let mut reader = CodesReader::new(payload, update.len())?;
    let bits = reader.width()?;
    let levels = levels(bits)?;
    let scale = reader.scale()?;
    reader.codes(bits.into(), update, |code| match code {
        code if code > 2 * levels => Err(CodecError::BadField { field: "level" }),
        code if code < levels => Ok(-(magnitude(levels - code, levels) * scale)),
        code => Ok(magnitude(code - levels, levels) * scale),
    })
}

/// Levels above zero.
const fn levels(bits: u8) -> Result<u32, CodecError> {
    match bits {
        2..=5 => Ok((1 << (bits - 1)) - 1),
        _ => Err(CodecError::UnknownWidth { bits }),
    }
}

/// What a level stands for, as a share of the scale.
fn magnitude(level: u32, levels: u32) -> f32 {
    if level == 0 { 0.0 } else { 1.0 / (1u32 << (levels - level)) as f32 }
}

/// Where a share of the scale lies among the levels: the level below it, and how much of the way to the next.
fn place(share: f32, levels: u32) -> f32 {
    let below = (1..=levels).take_while(|&level| magnitude(level, levels) <= share).count() as u32;
    if below == levels {
        return levels as f32;
    }
    let (low, high) = (magnitude(below, levels), magnitude(below + 1, levels));
    below as f32 + (share - low) / (high - low)
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::super::testing::{Codec, check_unbiased, gaussian, mean_nmse};
    use super::*;
    use std::vec::Vec;

    fn codec(bits: u8, seed: u32) -> Codec<'static> {
        Codec::new(move |update, start, payload| encode(update, start, bits, seed, payload), decode)
    }

    #[test]
    fn the_contract_of_codecs_holds() {
        (2..=5).for_each(|bits| codec(bits, 7).check());
    }

    #[test]
    fn the_bytes_are_as_specified() {
        // Computed from SPEC.md in Python, each operation rounded to single precision.
        let update: Vec<f32> = (0..9).map(|index| (index * index) as f32 - 10.3).collect();
        let golden = [
            (2, "0234add16a", 0x4256_e000),
            (3, "0254add272ed", 0x4256_e000),
            (4, "0274adcd6b37bb", 0x4256_e000),
            (5, "0294adc65d73bef7", 0x4256_e000),
        ];
        for (bits, bytes, last) in golden {
            let mut payload = [0; 16];
            let block = encode(&update, 2, bits, 7, &mut payload).unwrap();
            assert_eq!((hex::encode(&payload[..block.bytes]).as_str(), block.end), (bytes, 9));
            let mut decoded = [9.0; 9];
            assert_eq!(decode(&payload[..block.bytes], &mut decoded), Ok(2..9));
            assert_eq!((decoded[1], decoded[7].to_bits()), (9.0, last));
        }
    }

    #[test]
    fn levels_double_and_are_kept_as_they_are() {
        let update = [1.0, -0.5, 0.25, 0.0, 0.125, -0.0625, 0.031_25, 0.015_625];
        assert_eq!(codec(4, 3).transfer(&update, 36), update);
        assert_eq!(codec(3, 3).transfer(&update[..4], 36), update[..4]);
    }

    #[test]
    fn every_width_is_right_on_average() {
        let update = gaussian(200, 3);
        (2..=5).for_each(|bits| check_unbiased(&update, |seed| codec(bits, seed)));
    }

    #[test]
    fn the_error_is_at_most_an_eighth_where_levels_reach() {
        for (bits, most) in [(3, 0.145), (4, 0.085), (5, 0.085)] {
            let (nmse, _) = mean_nmse(512, |seed| codec(bits, seed));
            assert!(nmse <= most, "{bits} bits: {nmse}");
        }
    }

    #[test]
    fn what_no_encoder_writes_is_refused() {
        let payload = [0, 0b0010_1111, 0b0000_0000, 0b0011_1111];
        assert_eq!(decode(&payload, &mut [0.0]), Err(CodecError::BadField { field: "level" }));
        assert_eq!(encode(&[1.0], 0, 1, 7, &mut [0; 9]), Err(CodecError::UnknownWidth { bits: 1 }));
    }
}
