//! One bit a coordinate: its sign, and the block's mean magnitude (signSGD with error feedback, Karimireddy et al.
//! 2019).
//!
//! ```text
//! start, LEB128; then in bits:
//! bits 0-14   scale, a half without its sign
//!      15..   for each coordinate 1 where it is negative; the last byte filled with ones
//! ```
//! The share of the energy that is lost is 1 - |x|_1^2 / (d |x|_2^2), exactly but for the scale's rounding: .363 of
//! normal coordinates, more the more unequal they are. Much cheaper than [`super::drive`], which is .363 of any.
use super::block::Block;
use super::codes::{CodesReader, CodesWriter, SCALE_BITS};
use super::feedback::Contractive;
use super::{CodecError, scale};
use core::ops::Range;

/// A mean magnitude never makes an error larger than its input.
pub const CONTRACTIVE: Contractive = Contractive::PROMISE;

/// Encodes the coordinates of `update`, `[params]`, from `start` on into one block. Zeros are encoded as such where all
/// are; else a zero counts as positive.
pub fn encode(update: &[f32], start: usize, payload: &mut [u8]) -> Result<Block, CodecError> {
    let mut writer = CodesWriter::new(update.len(), start, SCALE_BITS, 1, payload)?;
    let block = &update[writer.range()];
    scale::largest_magnitude(block)?;
    writer.put_scale(scale::nearest(scale::sum(block, libm::fabsf) / block.len() as f32)?);
    writer.put_signs(block);
    Ok(writer.finish())
}

/// Decodes a block into its range of `update`, `[params]`.
pub fn decode(payload: &[u8], update: &mut [f32]) -> Result<Range<usize>, CodecError> {
    let mut reader = CodesReader::new(payload, update.len())?;
    let scale = reader.scale()?;
    reader.codes(1, update, |negative| Ok(if negative == 1 { -scale } else { scale }))
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::super::testing::{Codec, gaussian, nmse};
    use super::*;

    fn codec() -> Codec<'static> {
        Codec::new(encode, decode)
    }

    #[test]
    fn the_contract_of_codecs_holds() {
        codec().check();
    }

    #[test]
    fn the_bytes_are_as_specified() {
        // By hand: mean magnitude 1.5 is half 3e00, in 15 bits 011111000000000; signs 0110; ones.
        let update = [9.0, 0.5, -1.0, -4.5, 0.0];
        let mut payload = [0; 9];
        assert_eq!(encode(&update, 1, &mut payload), Ok(Block { bytes: 4, end: 5 }));
        assert_eq!(payload[..4], [1, 0b0111_1100, 0b0000_0000, 0b1101_1111]);
        let mut decoded = [7.0; 5];
        assert_eq!(decode(&payload[..4], &mut decoded), Ok(1..5));
        assert_eq!(decoded, [7.0, 1.5, -1.5, -1.5, 1.5]);
        assert_eq!(decode(&[0, 0xf8, 0x00, 0xff], &mut decoded), Err(CodecError::NotFinite));
    }

    #[test]
    fn the_error_is_as_stated() {
        let mut update = gaussian(200, 5);
        update.iter_mut().enumerate().for_each(|(index, value)| *value *= (index / 50) as f32);
        let (sum, energy) = update.iter().fold((0.0, 0.0), |(sum, energy), value| {
            (sum + f64::from(value.abs()), energy + f64::from(value * value))
        });
        let expected = 1.0 - sum * sum / (200.0 * energy);
        assert!((nmse(&update, &codec().transfer(&update, 36)) - expected).abs() < 1e-5);
    }
}
