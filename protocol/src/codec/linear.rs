//! A linear model with a few bits a parameter: each row has a scale of its own and uniform symmetric levels.
//!
//! ```text
//! for each row: 2 bytes  scale, half precision, little-endian
//! then the levels of all rows, `bits` each, most significant first, offset binary; the last byte filled with ones
//! ```
//! A level l in -L..=L, L = 2^(bits - 1) - 1, stands for l * scale / L.
//!
//! A model that a node contributes travels as blocks, where it does not fit a frame; a row's run has a scale of its own:
//!
//! ```text
//! start, LEB128  index of the first parameter
//! runs, one a row, to the last parameter or the end of the payload
//!   2 bytes      scale
//!   levels       to the end of the row; the last byte filled with ones
//! ```
use super::bits::{BitReader, BitWriter};
use super::block::{read_start, write_start};
use super::{Block, CodecError, rows, scale};
use crate::wire::Reader;
use core::ops::Range;

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

/// Encodes parameters, `[rows][columns]`, from the one with index `start` on, as many as fit. No parameter moves by
/// more than half a level of its run. Zeros are encoded as such.
pub fn encode_block(
    params: &[f32],
    start: usize,
    columns: usize,
    bits: u8,
    payload: &mut [u8],
) -> Result<Block, CodecError> {
    levels(bits)?;
    if start >= params.len() {
        return Err(CodecError::IndexBeyondEnd { index: start, params: params.len() });
    }
    let have_bytes = payload.len();
    let (mut bytes, mut rest) = write_start(start, payload)?;
    let mut next = start;
    while next < params.len() {
        let left = (columns - next % columns).min(params.len() - next);
        let count = rows::run_len(rest.len(), bits, left);
        if count == 0 {
            break;
        }
        let used = rows::write(&params[next..next + count], bits, rest)?;
        next += count;
        bytes += used;
        rest = &mut rest[used..];
    }
    if next == start { Err(CodecError::NoRoom { have_bytes }) } else { Ok(Block { bytes, end: next }) }
}

/// Decodes a block into its place among `params`, `[rows][columns]`, which an error leaves as they were.
pub fn decode_block(
    payload: &[u8],
    columns: usize,
    bits: u8,
    params: &mut [f32],
) -> Result<Range<usize>, CodecError> {
    let (start, rest) = read_start(payload, params.len())?;
    // Checked before anything is written.
    let end = place_runs(rest, start..params.len(), columns, bits, |_, _| ())?;
    place_runs(rest, start..end, columns, bits, |index, value| params[index] = value)?;
    Ok(start..end)
}

/// Gives each parameter of a block to `place`, and returns the index after the last one.
fn place_runs(
    runs: &[u8],
    range: Range<usize>,
    columns: usize,
    bits: u8,
    mut place: impl FnMut(usize, f32),
) -> Result<usize, CodecError> {
    let (mut reader, mut next) = (Reader::new(runs), range.start);
    while next == range.start || reader.remaining() > 0 {
        if next == range.end {
            return Err(CodecError::WrongLength {
                have_bytes: runs.len(),
                need_bytes: runs.len() - reader.remaining(),
            });
        }
        let left = (columns - next % columns).min(range.end - next);
        for value in rows::read(&mut reader, bits, left)? {
            place(next, value);
            next += 1;
        }
    }
    Ok(next)
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

    /// Worked out by hand: the second parameter of the first row, 0.5 with scale 0.5 (`3800`): code 14, four ones; then
    /// the first two of the second row, 1 and -0.25 with scale 1: codes 14 and 5 (-1.75).
    #[test]
    fn the_bytes_of_a_block_are_as_specified() {
        let params = [9.0, 0.5, 1.0, -0.25];
        let mut payload = [0; 16];
        assert_eq!(encode_block(&params, 1, 2, 4, &mut payload), Ok(Block { bytes: 7, end: 4 }));
        assert_eq!(payload[..7], [1, 0, 0x38, 0xef, 0, 0x3c, 0xe5]);
        let mut decoded = [7.0; 5];
        assert_eq!(decode_block(&payload[..7], 2, 4, &mut decoded), Ok(1..4));
        assert_eq!(decoded, [7.0, 0.5, 1.0, -2.0 / 7.0, 7.0]);
    }

    #[test]
    fn blocks_that_no_encoder_writes_are_refused() {
        let mut params = [7.0; 3];
        let mut refused = |payload: &[u8]| decode_block(payload, 2, 4, &mut params).unwrap_err();
        assert_eq!(refused(&[]), CodecError::Truncated);
        assert_eq!(refused(&[0]), CodecError::Truncated);
        assert_eq!(refused(&[3, 0, 0, 0x77]), CodecError::IndexBeyondEnd { index: 3, params: 3 });
        assert_eq!(refused(&[0, 0, 0, 0x77, 0]), CodecError::Truncated);
        assert_eq!(refused(&[0, 0, 0, 0x77, 0, 0, 0xf7]), CodecError::BadField { field: "level" });
        assert_eq!(refused(&[2, 0, 0, 0x70]), CodecError::BadField { field: "padding" });
        assert_eq!(refused(&[2, 0, 0, 0x7f, 9]), CodecError::WrongLength { have_bytes: 4, need_bytes: 3 });
        assert_eq!(refused(&[0, 0, 0xfc, 0x77]), CodecError::NotFinite);
        assert_eq!(params, [7.0; 3], "nothing was written");
        assert_eq!(encode_block(&[1.0], 0, 1, 4, &mut [0; 3]), Err(CodecError::NoRoom { have_bytes: 3 }));
        assert_eq!(encode_block(&[1.0], 0, 1, 1, &mut [0; 9]), Err(CodecError::UnknownWidth { bits: 1 }));
        assert_eq!(encode_block(&[1e9], 0, 1, 4, &mut [0; 9]), Err(CodecError::NotFinite));
    }

    proptest! {
        #[test]
        fn blocks_of_any_size_tile_the_model(
            params in proptest::collection::vec(-30f32..30.0, 1..300),
            columns in 1usize..70,
            bits in 2u8..=8,
            room in 6usize..=231,
        ) {
            let mut decoded = std::vec![0.0; params.len()];
            let (mut next, mut payload) = (0, [0; 231]);
            while next < params.len() {
                let block = encode_block(&params, next, columns, bits, &mut payload[..room]).unwrap();
                prop_assert!(block.bytes <= room);
                prop_assert_eq!(decode_block(&payload[..block.bytes], columns, bits, &mut decoded), Ok(next..block.end));
                next = block.end;
            }
            for (row, decoded) in params.chunks(columns).zip(decoded.chunks(columns)) {
                let largest = row.iter().fold(0f32, |a, b| a.max(b.abs()));
                let half_level = largest * 1.002 / levels(bits).unwrap() / 2.0;
                prop_assert!(row.iter().zip(decoded).all(|(a, b)| (a - b).abs() <= half_level + 1e-4));
            }
        }

        #[test]
        fn arbitrary_blocks_never_panic(
            payload in proptest::collection::vec(any::<u8>(), 0..60),
            columns in 1usize..80,
            bits: u8,
            params in 0usize..100,
        ) {
            let mut decoded = std::vec![0.0; params];
            if let Ok(range) = decode_block(&payload, columns, bits, &mut decoded) {
                prop_assert!(range.start < range.end && range.end <= params);
            }
        }

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
