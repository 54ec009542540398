//! Every coordinate by itself: in single precision, in half, or in 8 bits with one scale a block.
//!
//! ```text
//! single, half: start, LEB128; then each coordinate, 4 or 2 bytes, little-endian
//! 8 bits:       start, LEB128; scale, half, little-endian; then for each coordinate a level, two's complement
//! ```
//! A level l in -127..=127 stands for l * scale / 127. The relative error is zero, at most 2^-11 a coordinate (an
//! absolute 2^-25 below 2^-14), or half a level: 1/254 of the largest magnitude.
use super::block::{Block, fixed_width_count, read_start, write_start};
use super::feedback::Contractive;
use super::{CodecError, scale};
use crate::wire::{Reader, Writer};
use core::ops::Range;

/// All widths round to nearest.
pub const CONTRACTIVE: Contractive = Contractive::PROMISE;

const LEVELS: f32 = 127.0;

/// How a coordinate is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// IEEE 754 binary32, codec 2.
    Single,
    /// IEEE 754 binary16, codec 3.
    Half,
    /// 8 bits and one scale for the block, codec 4.
    Byte,
}

impl Width {
    const fn bits(self) -> u32 {
        match self {
            Self::Single => 32,
            Self::Half => 16,
            Self::Byte => 8,
        }
    }

    const fn scale_bytes(self) -> usize {
        match self {
            Self::Single | Self::Half => 0,
            Self::Byte => 2,
        }
    }
}

/// Encodes the coordinates of `update`, `[params]`, from `start` on into one block.
pub fn encode(update: &[f32], start: usize, width: Width, payload: &mut [u8]) -> Result<Block, CodecError> {
    let have_bytes = payload.len();
    let rest = update.get(start..).filter(|rest| !rest.is_empty());
    let rest = rest.ok_or(CodecError::IndexBeyondEnd { index: start, params: update.len() })?;
    let (start_bytes, body) = write_start(start, payload)?;
    let count = fixed_width_count(body.len().saturating_sub(width.scale_bytes()), width.bits(), rest.len())
        .map_err(|_| CodecError::NoRoom { have_bytes })?;
    let mut writer = Writer::new(body);
    write(&rest[..count], width, &mut writer)?.expect("the count was chosen so that it fits");
    Ok(Block { bytes: start_bytes + writer.used(), end: start + count })
}

/// Decodes a block into its range of `update`, `[params]`.
pub fn decode(payload: &[u8], width: Width, update: &mut [f32]) -> Result<Range<usize>, CodecError> {
    let (start, body) = read_start(payload, update.len())?;
    let mut reader = Reader::new(body);
    let step = match width {
        Width::Single | Width::Half => 1.0,
        Width::Byte => scale::read(reader.u16().ok_or(CodecError::Truncated)?)? / LEVELS,
    };
    let have_bytes = body.len();
    let remaining = update.len() - start;
    let count =
        fixed_width_count(reader.remaining(), width.bits(), remaining).map_err(|_| CodecError::Truncated)?;
    let need_bytes = width.scale_bytes() + count * width.bits() as usize / 8;
    if have_bytes != need_bytes {
        return Err(CodecError::WrongLength { have_bytes, need_bytes });
    }
    for value in &mut update[start..start + count] {
        *value = read(width, step, &mut reader)?;
    }
    Ok(start..start + count)
}

/// Writes values, and their scale before them; `None` where they do not fit.
fn write(values: &[f32], width: Width, writer: &mut Writer) -> Result<Option<()>, CodecError> {
    let largest = scale::largest_magnitude(values)?;
    Ok(match width {
        Width::Single => values.iter().try_for_each(|&value| writer.f32(value)),
        Width::Half => {
            scale::nearest(largest)?;
            values.iter().try_for_each(|&value| writer.f16(value))
        }
        Width::Byte => {
            let scale = scale::not_below(largest)?;
            let per_level = scale::ratio(LEVELS, scale.to_f32());
            let level = |value| libm::roundf(value * per_level).clamp(-LEVELS, LEVELS) as i8;
            let scale_written = writer.u16(scale.to_bits());
            scale_written.and_then(|()| values.iter().try_for_each(|&value| writer.u8(level(value) as u8)))
        }
    })
}

fn read(width: Width, step: f32, reader: &mut Reader) -> Result<f32, CodecError> {
    let value = match width {
        Width::Single => reader.f32(),
        Width::Half => reader.f16(),
        Width::Byte => match reader.u8().map(|byte| byte as i8) {
            Some(i8::MIN) => return Err(CodecError::BadField { field: "level" }),
            level => level.map(|level| f32::from(level) * step),
        },
    };
    value.ok_or(CodecError::Truncated).and_then(finite)
}

const fn finite(value: f32) -> Result<f32, CodecError> {
    if value.is_finite() { Ok(value) } else { Err(CodecError::NotFinite) }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::super::testing::{Codec, gaussian};
    use super::*;

    fn codec(width: Width) -> Codec<'static> {
        Codec::new(
            move |update, start, payload| encode(update, start, width, payload),
            move |payload, update| decode(payload, width, update),
        )
    }

    #[test]
    fn the_contract_of_codecs_holds() {
        for width in [Width::Single, Width::Half, Width::Byte] {
            codec(width).check();
        }
    }

    #[test]
    fn the_bytes_are_as_specified() {
        // By hand. The largest is 1.5, half 3e00; 127 / 1.5 = 84.67, so that -1 becomes -85 and .25 becomes 21.
        let update = [9.0, 1.5, -1.0, 0.25];
        for (width, bytes) in [
            (Width::Single, "010000c03f000080bf0000803e"),
            (Width::Half, "01003e00bc0034"),
            (Width::Byte, "01003e7fab15"),
        ] {
            let mut payload = [0; 16];
            let block = encode(&update, 1, width, &mut payload).unwrap();
            assert_eq!((hex::encode(&payload[..block.bytes]).as_str(), block.end), (bytes, 4));
        }
    }

    #[test]
    fn the_error_is_as_stated() {
        let update = gaussian(200, 5);
        let largest = scale::largest_magnitude(&update).unwrap();
        assert_eq!(codec(Width::Single).transfer(&update, 36), update);
        for (a, b) in codec(Width::Half).transfer(&update, 36).iter().zip(&update) {
            assert!((a - b).abs() <= b.abs() / 2_048.0 + 1.0 / 33_554_432.0);
        }
        for (a, b) in codec(Width::Byte).transfer(&update, 36).iter().zip(&update) {
            assert!((a - b).abs() <= largest * 1.001 / 254.0);
        }
    }

    #[test]
    fn what_no_encoder_writes_is_refused() {
        let update = &mut [0.0; 2];
        let byte = |payload: &[u8], update: &mut [f32]| decode(payload, Width::Byte, update);
        assert_eq!(byte(&[0, 0, 0x3c, 0x80], update), Err(CodecError::BadField { field: "level" }));
        assert_eq!(byte(&[0, 0, 0x7c, 0], update), Err(CodecError::NotFinite));
        assert_eq!(byte(&[0, 0, 0x3c], update), Err(CodecError::Truncated));
        assert_eq!(
            byte(&[0, 0, 0x3c, 1, 1, 1], update),
            Err(CodecError::WrongLength { have_bytes: 5, need_bytes: 4 })
        );
        assert_eq!(decode(&[1, 0, 0x7c], Width::Half, update), Err(CodecError::NotFinite));
        assert_eq!(
            decode(&[0, 0, 0, 0, 0, 1], Width::Single, update),
            Err(CodecError::WrongLength { have_bytes: 5, need_bytes: 4 })
        );
        assert_eq!(encode(&[65_520.0], 0, Width::Half, &mut [0; 9]), Err(CodecError::NotFinite));
    }
}
