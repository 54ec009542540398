//! Statistics: sums that add up exactly, whatever the order in which nodes, blocks and retries arrive.
//!
//! What a node sends is rounded once, by its encoder. Every decoded value is a whole number of 2^-24
//! ([`FRACTION_BITS`]), and addition of whole numbers does not depend on the order. A frame carries a run of a node's
//! statistics; each run adds up by itself, and [`Sum`] says which entries it holds.
pub mod class_means;
pub mod random_layer;
pub mod second_moments;

use super::{Block, CodecError};
use crate::wire::{Reader, Writer, varint_bytes};

/// Fractional bits of decoded statistics.
pub const FRACTION_BITS: u32 = 24;
/// Most samples behind a statistic.
pub const MAX_SAMPLES: u32 = (1 << 24) - 1;

/// One decoded entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sum {
    /// Which entry of the node's statistics.
    pub index: usize,
    /// Samples behind it.
    pub samples: u32,
    /// The sum over these samples, in units of 2^-24.
    pub sum: i64,
}

/// Entries of a symmetric matrix of `size` rows: the upper triangle with its diagonal, row by row.
pub const fn triangle_len(size: usize) -> usize {
    size * (size + 1) / 2
}

/// Place of the entry (row, column), row <= column < size, within the triangle.
pub const fn triangle_index(row: usize, column: usize, size: usize) -> usize {
    triangle_len(size) - triangle_len(size - row) + column - row
}

/// The first place on the diagonal that is at or after `index`, and the length of the row that begins there.
const fn next_row(index: usize, size: usize) -> (usize, usize) {
    let (mut diagonal, mut row_len) = (0, size);
    while diagonal < index && row_len > 0 {
        diagonal += row_len;
        row_len -= 1;
    }
    (diagonal, row_len)
}

/// A count of samples: LEB128, 1 to [`MAX_SAMPLES`].
fn read_samples(reader: &mut Reader<'_>, fewest: u32) -> Result<u32, CodecError> {
    let samples = reader.varint().ok_or(CodecError::Truncated)?;
    check_samples(samples, fewest)?;
    Ok(samples)
}

const fn check_samples(samples: u32, fewest: u32) -> Result<(), CodecError> {
    match samples {
        1..=MAX_SAMPLES if samples >= fewest => Ok(()),
        1..=MAX_SAMPLES => Err(CodecError::TooFewSamples { count: samples, min: fewest }),
        _ => Err(CodecError::BadField { field: "samples" }),
    }
}

/// Writes numbers as LEB128 and returns what remains of the payload.
fn write_fields<'a>(fields: &[u32], payload: &'a mut [u8]) -> Result<(usize, &'a mut [u8]), CodecError> {
    let have_bytes = payload.len();
    let used = fields.iter().map(|field| varint_bytes(*field)).sum();
    let mut writer = Writer::new(payload);
    let written = fields.iter().try_for_each(|field| writer.varint(*field));
    written.ok_or(CodecError::NoRoom { have_bytes })?;
    Ok((used, &mut payload[used..]))
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;

    #[test]
    fn a_triangle_is_counted_row_by_row() {
        let mut expected = 0;
        for row in 0..7 {
            assert_eq!(next_row(expected, 7), (expected, 7 - row));
            for column in row..7 {
                assert_eq!(triangle_index(row, column, 7), expected);
                expected += 1;
                assert_eq!(next_row(expected, 7), (triangle_len(7) - triangle_len(6 - row), 6 - row));
            }
        }
        assert_eq!(expected, triangle_len(7));
    }
}
