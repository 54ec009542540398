//! Runs of a row of weights: a scale of their own and uniform symmetric levels, as in [`super::linear`].
//!
//! ```text
//! 2 bytes  scale, half precision, little-endian
//! levels   b bits each, offset binary, to the end of the row or of the payload; the last byte filled with ones
//! ```
use super::bits::{BitReader, BitWriter};
use super::linear::levels;
use super::{CodecError, scale};
use crate::wire::Reader;

pub const SCALE_BYTES: usize = 2;

/// How many of the `left` weights of a row a run of `have_bytes` holds; zero when there is no room for any.
pub fn run_len(have_bytes: usize, bits: u8, left: usize) -> usize {
    left.min(have_bytes.saturating_sub(SCALE_BYTES) * 8 / usize::from(bits))
}

/// Writes a run into as many bytes as it needs, which are there, and returns their number.
pub fn write(weights: &[f32], bits: u8, bytes: &mut [u8]) -> Result<usize, CodecError> {
    let levels = levels(bits)?;
    let scale = scale::not_below(scale::largest_magnitude(weights)?)?;
    let (place, body) = bytes.split_at_mut(SCALE_BYTES);
    place.copy_from_slice(&scale.to_le_bytes());
    let per_level = scale::ratio(levels, scale.to_f32());
    let mut writer = BitWriter::new(body);
    for weight in weights {
        let level = libm::roundf(weight * per_level).clamp(-levels, levels) + levels;
        writer.bits(level as u32, bits.into()).expect("the length of the run was chosen for these bytes");
    }
    Ok(SCALE_BYTES + writer.finish())
}

/// Reads and checks the run that follows, of a row that has `left` weights to come.
pub fn read<'a>(reader: &mut Reader<'a>, bits: u8, left: usize) -> Result<Run<'a>, CodecError> {
    let levels = levels(bits)?;
    let count = run_len(reader.remaining(), bits, left);
    let scale = scale::read(reader.u16().ok_or(CodecError::Truncated)?)?;
    let body = reader.bytes((count * usize::from(bits)).div_ceil(8)).ok_or(CodecError::Truncated)?;
    let run = Run { codes: BitReader::new(body), count, bits: bits.into(), levels, scale };
    let mut check = run.codes.clone();
    for _ in 0..count {
        if check.bits(run.bits).ok_or(CodecError::Truncated)? as f32 > 2.0 * levels {
            return Err(CodecError::BadField { field: "level" });
        }
    }
    match count {
        0 => Err(CodecError::Truncated),
        _ if !check.ones() => Err(CodecError::BadField { field: "padding" }),
        _ => Ok(run),
    }
}

/// Decoded weights, in order.
#[derive(Clone, Debug)]
pub struct Run<'a> {
    codes: BitReader<'a>,
    count: usize,
    bits: u32,
    levels: f32,
    scale: f32,
}

impl Iterator for Run<'_> {
    type Item = f32;

    fn next(&mut self) -> Option<f32> {
        self.count = self.count.checked_sub(1)?;
        let code = self.codes.bits(self.bits)?;
        Some((code as f32 - self.levels) * self.scale / self.levels)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count, Some(self.count))
    }
}

impl ExactSizeIterator for Run<'_> {}
