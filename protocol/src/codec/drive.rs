//! One bit a coordinate: the signs of the rotated block and one scale (DRIVE, Vargaftik et al. 2021).
//!
//! ```text
//! start, LEB128; then in bits:
//! bits 0-14   scale, a half without its sign
//!      15..   for each coordinate of the rotated block 1 where it is negative; the last byte filled with ones
//! ```
//! Rotated coordinates are as good as normally distributed, so signs lose a share of 1 - 2/pi = .363 of the energy with
//! the least-squares scale, and pi/2 - 1 = .571 with the unbiased one, whatever the block was. 36 bytes hold 265
//! coordinates of the first block and 257 of those that start beyond 127.
use super::block::Block;
use super::codes::{CodesReader, CodesWriter, SCALE_BITS};
use super::feedback::Contractive;
use super::{CodecError, hadamard, scale};
use core::ops::Range;

/// Which scale the encoder takes. The decoder does not need to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// The smallest error. What is decoded is too small on average: use error feedback.
    LeastSquares,
    /// Right on average over seeds, for means over many nodes. Never with error feedback.
    Unbiased,
}

impl Scale {
    /// The promise that error feedback needs; of the least-squares scale alone.
    pub const fn contractive(self) -> Option<Contractive> {
        match self {
            Self::LeastSquares => Some(Contractive::PROMISE),
            Self::Unbiased => None,
        }
    }
}

/// Numbers that [`encode`] works in at most, for payloads up to 231 bytes: the coordinates of one block.
pub const fn scratch_len(params: usize) -> usize {
    const MOST: usize = 231 * 8;
    if params < MOST { params } else { MOST }
}

/// Encodes the coordinates of `update`, `[params]`, from `start` on into one block. Zeros are encoded as such. About
/// d log2 d additions, twice that where the block's length d is not a power of two.
pub fn encode(
    update: &[f32],
    start: usize,
    kind: Scale,
    seed: u32,
    scratch: &mut [f32],
    payload: &mut [u8],
) -> Result<Block, CodecError> {
    let mut writer = CodesWriter::new(update.len(), start, SCALE_BITS, 1, payload)?;
    let rotated = rotated(&update[writer.range()], seed, scratch)?;
    let magnitudes = scale::sum(rotated, libm::fabsf);
    writer.put_scale(scale::nearest(match kind {
        Scale::LeastSquares => magnitudes / rotated.len() as f32,
        Scale::Unbiased => scale::ratio(scale::sum(rotated, |value| value * value), magnitudes),
    })?);
    writer.put_signs(rotated);
    Ok(writer.finish())
}

/// Decodes a block into its range of `update`, `[params]`.
pub fn decode(payload: &[u8], seed: u32, update: &mut [f32]) -> Result<Range<usize>, CodecError> {
    let mut reader = CodesReader::new(payload, update.len())?;
    let scale = reader.scale()?;
    let range = reader.codes(1, update, |negative| Ok(if negative == 1 { -scale } else { scale }))?;
    hadamard::rotate_back(&mut update[range.clone()], seed);
    Ok(range)
}

/// The rotated block, in memory that the caller lends.
pub(super) fn rotated<'a>(block: &[f32], seed: u32, scratch: &'a mut [f32]) -> Result<&'a [f32], CodecError> {
    scale::largest_magnitude(block)?;
    let (need, have) = (block.len(), scratch.len());
    let rotated = scratch.get_mut(..need).ok_or(CodecError::ScratchTooSmall { need, have })?;
    rotated.copy_from_slice(block);
    hadamard::rotate(rotated, seed);
    Ok(rotated)
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::super::testing::{Codec, check_unbiased, gaussian, mean_nmse};
    use super::*;
    use std::vec;
    use std::vec::Vec;

    fn codec(kind: Scale, seed: u32) -> Codec<'static> {
        Codec::new(
            move |update, start, payload| {
                encode(update, start, kind, seed, &mut vec![0.0; scratch_len(update.len())], payload)
            },
            move |payload, update| decode(payload, seed, update),
        )
    }

    #[test]
    fn the_contract_of_codecs_holds() {
        codec(Scale::LeastSquares, 7).check();
        codec(Scale::Unbiased, 8).check();
    }

    #[test]
    fn the_bytes_are_as_specified() {
        // Computed from SPEC.md in Python, each operation rounded to single precision.
        let update: Vec<f32> = (0..9).map(|index| (index * index) as f32 - 10.0).collect();
        let golden =
            [(Scale::LeastSquares, "029b34cf", 0x41ab_8fb7), (Scale::Unbiased, "02a0a0cf", 0x4204_14ab)];
        for (kind, bytes, first) in golden {
            let mut payload = [0; 16];
            let block = encode(&update, 2, kind, 7, &mut [0.0; 7], &mut payload).unwrap();
            assert_eq!((hex::encode(&payload[..block.bytes]).as_str(), block.end), (bytes, 9));
            let mut decoded = [9.0; 9];
            assert_eq!(decode(&payload[..block.bytes], 7, &mut decoded), Ok(2..9));
            assert_eq!((decoded[1], decoded[2].to_bits()), (9.0, first));
        }
    }

    #[test]
    fn a_frame_of_51_bytes_holds_257_coordinates_and_needs_memory_for_them() {
        let update = gaussian(650, 1);
        let mut payload = [0; 36];
        let first = encode(&update, 0, Scale::Unbiased, 7, &mut [0.0; 265], &mut payload).unwrap();
        assert_eq!(first, Block { bytes: 36, end: 265 });
        let second = encode(&update, 265, Scale::Unbiased, 7, &mut [0.0; 257], &mut payload).unwrap();
        assert_eq!(second, Block { bytes: 36, end: 522 });
        let short = encode(&update, 265, Scale::Unbiased, 7, &mut [0.0; 256], &mut payload);
        assert_eq!(short, Err(CodecError::ScratchTooSmall { need: 257, have: 256 }));
        assert_eq!((scratch_len(650), scratch_len(5_000)), (650, 1_848));
    }

    #[test]
    fn the_error_is_that_of_signs_of_normal_coordinates() {
        for length in [512, 650, 1_000] {
            for (kind, most) in [(Scale::LeastSquares, 0.366), (Scale::Unbiased, 0.58)] {
                let (nmse, bytes) = mean_nmse(length, |seed| codec(kind, seed));
                assert!(nmse <= most, "{length} coordinates, {kind:?}: {nmse}");
                assert_eq!(bytes, (8 + 15 + length).div_ceil(8), "three bytes besides signs");
            }
        }
    }

    #[test]
    fn the_unbiased_scale_is_right_on_average() {
        check_unbiased(&gaussian(300, 3), |seed| codec(Scale::Unbiased, seed));
    }
}
