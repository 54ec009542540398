//! A linear model with a few bits a parameter: each row has a scale of its own and uniform symmetric levels.
//!
//! ```text
//! for each row: 2 bytes  scale, half precision, little-endian
//! then the levels of all rows, `bits` each, most significant first, offset binary; the last byte filled with ones
//! ```
//! A level l in -L..=L, L = 2^(bits - 1) - 1, stands for l * scale / L.
use super::bits::{BitReader, BitWriter};
use super::{CodecError, scale};

/// Bytes of a model of `rows` by `columns` parameters.
pub const fn encoded_bytes(rows: usize, columns: usize, bits: u8) -> usize {
    rows * 2 + (rows * columns * bits as usize).div_ceil(8)
}

/// Encodes `params`, `[rows][columns]`, and returns the length of the payload.
pub fn encode(params: &[f32], columns: usize, bits: u8, payload: &mut [u8]) -> Result<usize, CodecError> {
    let levels = levels(bits)?;
    let rows = params.len() / columns;
    let need_bytes = encoded_bytes(rows, columns, bits);
    let have_bytes = payload.len();
    let payload = payload.get_mut(..need_bytes).ok_or(CodecError::WrongLength { have_bytes, need_bytes })?;
    let (scales, body) = payload.split_at_mut(rows * 2);
    let mut writer = BitWriter::new(body);
    for (row, place) in params.chunks_exact(columns).zip(scales.chunks_exact_mut(2)) {
        let scale = row_scale(row)?;
        place.copy_from_slice(&scale.to_le_bytes());
        let per_level = levels / scale.to_f32();
        for &value in row {
            let level = if scale.to_f32() > 0.0 { libm::roundf(value * per_level) } else { 0.0 };
            let level = level.clamp(-levels, levels) as i32;
            writer.bits((level + levels as i32) as u32, bits.into()).expect("the length was computed above");
        }
    }
    writer.finish();
    Ok(need_bytes)
}

/// Decodes a payload into `params`, `[rows][columns]`, which an error leaves as they were.
pub fn decode(payload: &[u8], columns: usize, bits: u8, params: &mut [f32]) -> Result<(), CodecError> {
    let levels = levels(bits)?;
    let rows = params.len() / columns;
    let need_bytes = encoded_bytes(rows, columns, bits);
    if payload.len() != need_bytes {
        return Err(CodecError::WrongLength { have_bytes: payload.len(), need_bytes });
    }
    let (scales, body) = payload.split_at(rows * 2);
    let scales = scales.chunks_exact(2).map(|bytes| half::f16::from_le_bytes([bytes[0], bytes[1]]).to_f32());
    // Checked before anything is written: a model is the old one or the new one.
    if scales.clone().any(|scale| !scale.is_finite() || scale < 0.0) {
        return Err(CodecError::NotFinite);
    }
    let mut reader = BitReader::new(body);
    for (row, scale) in params.chunks_exact_mut(columns).zip(scales) {
        for value in row {
            let level = reader.bits(bits.into()).ok_or(CodecError::Truncated)?;
            *value = (level as f32 - levels).min(levels) * scale / levels;
        }
    }
    Ok(())
}

/// L, the largest level.
pub(super) fn levels(bits: u8) -> Result<f32, CodecError> {
    match bits {
        2..=8 => Ok(((1u32 << (bits - 1)) - 1) as f32),
        _ => Err(CodecError::UnknownWidth { bits }),
    }
}

/// The scale of a row: its largest magnitude, rounded up to half precision so that no value is clipped.
fn row_scale(row: &[f32]) -> Result<half::f16, CodecError> {
    scale::not_below(scale::largest_magnitude(row)?)
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_bytes_are_as_specified() {
        let params = [1.0, -1.0, 0.0, 0.5, 0.0, 0.0];
        let mut payload = [0; 16];
        assert_eq!(encode(&params, 3, 4, &mut payload), Ok(7));
        // Scales 1.0 and 0.5; levels 14, 0, 7 and 14, 7, 7.
        assert_eq!(payload[..7], [0x00, 0x3c, 0x00, 0x38, 0xe0, 0x7e, 0x77]);
        let mut decoded = [9.0; 6];
        decode(&payload[..7], 3, 4, &mut decoded).unwrap();
        assert_eq!(decoded, params);
    }

    #[test]
    fn a_wrong_length_width_or_scale_is_refused() {
        let mut params = [0.0; 6];
        let wrong = CodecError::WrongLength { have_bytes: 6, need_bytes: 7 };
        assert_eq!(decode(&[0; 6], 3, 4, &mut params), Err(wrong));
        assert_eq!(decode(&[0; 7], 3, 9, &mut params), Err(CodecError::UnknownWidth { bits: 9 }));
        assert_eq!(decode(&[0, 0x3c, 0, 0xfc, 0, 0, 0], 3, 4, &mut params), Err(CodecError::NotFinite));
        assert_eq!(params, [0.0; 6], "nothing was written");
        assert_eq!(encode(&[f32::NAN], 1, 4, &mut [0; 9]), Err(CodecError::NotFinite));
    }

    proptest! {
        #[test]
        fn no_parameter_moves_by_more_than_half_a_level(
            params in proptest::collection::vec(-30f32..30.0, 12),
            bits in 2u8..=8,
        ) {
            let mut payload = [0; 64];
            let length = encode(&params, 4, bits, &mut payload).unwrap();
            let mut decoded = [0.0; 12];
            decode(&payload[..length], 4, bits, &mut decoded).unwrap();
            for (row, decoded) in params.chunks(4).zip(decoded.chunks(4)) {
                let largest = row.iter().fold(0f32, |a, b| a.max(b.abs()));
                let half_level = largest * 1.002 / levels(bits).unwrap() / 2.0;
                for (a, b) in row.iter().zip(decoded) {
                    prop_assert!((a - b).abs() <= half_level + 1e-4);
                }
            }
        }
    }
}
