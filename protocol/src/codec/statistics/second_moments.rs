//! Second moments: the mean products of features, or their scatter within classes, as a symmetric matrix. With the
//! class means they make a linear discriminant or a ridge regression that equals the central one.
//!
//! ```text
//! start, LEB128         index of the first entry in the upper triangle, row by row
//! samples n, LEB128     1 to 2^24 - 1
//! unit u, 2 bytes       half precision, not negative
//! entries               to the last one or the end of the payload; the last byte filled with ones
//!   on the diagonal     16 bits: half precision, not negative
//!   elsewhere           b bits: level + L, with L = 2^(b-1) - 1; stands for level x u
//! ```
//! A diagonal that shared the grid of the other entries would cost them their precision or its own, and the matrix
//! its definiteness: of 4 bits in one grid a discriminant collapses. Here 4 bits lose nothing measurable on digits.
//! The unit is the payload's own, so an entry moves by at most half of 1/L of the largest beside it. What adds up is
//! n times the entry. A matrix of which blocks are missing has entries over fewer samples than others; they show.
use super::{
    Block, CodecError, FRACTION_BITS, Sum, check_samples, next_row, read_samples, triangle_len, write_fields,
};
use crate::codec::bits::{BitReader, BitWriter};
use crate::codec::linear::levels;
use crate::codec::scale;
use crate::wire::Reader;

/// Encodes mean products, the triangle of `[features][features]`, over `samples` samples, from the entry `start` on.
pub fn encode(
    moments: &[f32],
    features: usize,
    samples: u32,
    start: usize,
    bits: u8,
    payload: &mut [u8],
) -> Result<Block, CodecError> {
    let levels = levels(bits)?;
    check_samples(samples, 1)?;
    let have_bytes = payload.len();
    let moments = moments.get(..triangle_len(features)).unwrap_or(moments);
    if start >= moments.len() {
        return Err(CodecError::IndexBeyondEnd { index: start, params: moments.len() });
    }
    let (used, rest) = write_fields(&[start as u32, samples], payload)?;
    let Some((place, body)) = rest.split_at_mut_checked(2) else {
        return Err(CodecError::NoRoom { have_bytes });
    };
    let entries = Entries::new(start, features, bits).fitting(body.len() * 8, moments.len());
    let mut largest = 0f32;
    for entry in entries.clone() {
        let moment = moments[entry.index];
        if !in_range(moment, samples) || entry.diagonal && !(0.0..65_520.0).contains(&moment) {
            return Err(CodecError::NotFinite);
        }
        largest = if entry.diagonal { largest } else { largest.max(libm::fabsf(moment)) };
    }
    let unit = scale::not_below(largest / levels)?;
    place.copy_from_slice(&unit.to_le_bytes());
    let mut writer = BitWriter::new(body);
    let mut end = start;
    for entry in entries {
        let field = entry.field(moments[entry.index], unit.to_f32(), levels);
        writer.bits(field, entry.bits).expect("as many entries as fit");
        end = entry.index + 1;
    }
    if end == start {
        Err(CodecError::NoRoom { have_bytes })
    } else {
        Ok(Block { bytes: used + 2 + writer.finish(), end })
    }
}

/// Reads a payload about the triangle of `[features][features]`. Nothing of it is used unless all of it is good.
pub fn decode(payload: &[u8], features: usize, bits: u8) -> Result<SecondMoments<'_>, CodecError> {
    levels(bits)?;
    let mut reader = Reader::new(payload);
    let start = reader.varint().ok_or(CodecError::Truncated)? as usize;
    let params = triangle_len(features);
    if start >= params {
        return Err(CodecError::IndexBeyondEnd { index: start, params });
    }
    let samples = read_samples(&mut reader, 1)?;
    let unit = fixed_half(reader.u16().ok_or(CodecError::Truncated)?)?;
    let body = BitReader::new(reader.rest());
    let entries = Entries::new(start, features, bits).fitting(body.remaining(), params);
    let moments = SecondMoments { entries, samples, unit, body };
    let mut check = moments.clone();
    check.read().ok_or(CodecError::Truncated)??;
    while let Some(sum) = check.read() {
        sum?;
    }
    if check.body.ones() { Ok(moments) } else { Err(CodecError::BadField { field: "padding" }) }
}

/// A payload that was checked.
#[derive(Clone, Debug)]
pub struct SecondMoments<'a> {
    entries: Entries,
    samples: u32,
    unit: i64,
    body: BitReader<'a>,
}

impl<'a> SecondMoments<'a> {
    /// The entries of the triangle in it, in ascending order.
    pub fn sums(&self) -> impl Iterator<Item = Sum> + use<'a> {
        let mut rest = self.clone();
        core::iter::from_fn(move || rest.read()?.ok())
    }

    fn read(&mut self) -> Option<Result<Sum, CodecError>> {
        let entry = self.entries.next()?;
        let field = self.body.bits(entry.bits)?;
        let value = if entry.diagonal { fixed_half(field as u16) } else { self.level(field) };
        let sum = value.and_then(|value| value.checked_mul(self.samples.into()).ok_or(CodecError::NotFinite));
        Some(sum.map(|sum| Sum { index: entry.index, samples: self.samples, sum }))
    }

    fn level(&self, field: u32) -> Result<i64, CodecError> {
        let levels = (1 << (self.entries.bits - 1)) - 1;
        let level = i64::from(field) - levels;
        if level <= levels { Ok(level * self.unit) } else { Err(CodecError::BadField { field: "level" }) }
    }
}

/// Whether the sum over the samples keeps clear of the end of fixed point.
fn in_range(moment: f32, samples: u32) -> bool {
    libm::fabsf(moment) * (samples as f32) < (1u64 << (61 - FRACTION_BITS)) as f32
}

/// A number in half precision, not negative, as a whole number of 2^-24.
fn fixed_half(bits: u16) -> Result<i64, CodecError> {
    let value = half::f16::from_bits(bits).to_f32();
    // Below infinity, and without a sign.
    if bits < 0x7c00 {
        Ok((value * (1u32 << FRACTION_BITS) as f32) as i64)
    } else {
        Err(CodecError::NotFinite)
    }
}

/// Walks along the triangle.
#[derive(Clone, Debug)]
struct Entries {
    next: usize,
    end: usize,
    diagonal: usize,
    row_len: usize,
    bits: u32,
    room_bits: usize,
}

#[derive(Clone, Copy)]
struct Entry {
    index: usize,
    diagonal: bool,
    bits: u32,
}

impl Entry {
    fn field(&self, moment: f32, unit: f32, levels: f32) -> u32 {
        if self.diagonal {
            return half::f16::from_f32(libm::fabsf(moment)).to_bits().into();
        }
        let level = if unit > 0.0 { libm::roundf(moment / unit).clamp(-levels, levels) } else { 0.0 };
        (level + levels) as u32
    }
}

impl Entries {
    fn new(start: usize, features: usize, bits: u8) -> Self {
        let (diagonal, row_len) = next_row(start, features);
        Self { next: start, end: start, diagonal, row_len, bits: bits.into(), room_bits: 0 }
    }

    /// The entries up to `end` that so many bits hold.
    fn fitting(self, room_bits: usize, end: usize) -> Self {
        Self { room_bits, end, ..self }
    }
}

impl Iterator for Entries {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let diagonal = self.next == self.diagonal;
        let bits = if diagonal { 16 } else { self.bits };
        if self.next >= self.end || self.room_bits < bits as usize {
            return None;
        }
        self.room_bits -= bits as usize;
        if diagonal {
            self.diagonal += self.row_len;
            self.row_len = self.row_len.saturating_sub(1);
        }
        self.next += 1;
        Some(Entry { index: self.next - 1, diagonal, bits })
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use crate::codec::random::Random;
    use crate::codec::statistics::MAX_SAMPLES;
    use proptest::prelude::*;
    use std::vec::Vec;

    const ONE: i64 = 1 << FRACTION_BITS;

    /// Worked out by hand: 4 bits, L = 7. The largest off the diagonal is 0.875, the unit 0.125 (`3000`); 0.875 is
    /// level 7, field 14; -0.3 is level -2 (-2.4), field 5; 0.06 is 0 (0.48), field 7. 1.0 is `3c00`, 2.0 `4000`.
    #[test]
    fn the_bytes_are_as_specified() {
        let moments = [1.0, 0.875, -0.3, 2.0, 0.06, 0.5];
        let mut payload = [0; 16];
        let block = encode(&moments, 3, 200, 0, 4, &mut payload).unwrap();
        assert_eq!(block, Block { bytes: 13, end: 6 });
        assert_eq!(payload[..13], [0, 0xc8, 1, 0, 0x30, 0x3c, 0, 0xe5, 0x40, 0x00, 0x73, 0x80, 0x0f]);
        let sums: Vec<_> = decode(&payload[..13], 3, 4).unwrap().sums().collect();
        let expected = [8, 7, -2, 16, 0, 4].map(|eighths| 200 * eighths * ONE / 8);
        assert_eq!(sums.iter().map(|sum| sum.sum).collect::<Vec<_>>(), expected);
        assert!(sums.iter().enumerate().all(|(index, sum)| (sum.index, sum.samples) == (index, 200)));
        // From the last entry of the first row on, with room for that and two after it.
        let block = encode(&moments, 3, 200, 2, 4, &mut payload[..8]).unwrap();
        assert_eq!(block, Block { bytes: 8, end: 5 });
        let decoded = decode(&payload[..8], 3, 4).unwrap();
        assert_eq!(decoded.sums().map(|sum| sum.index).collect::<Vec<_>>(), [2, 3, 4]);
    }

    #[test]
    fn what_cannot_be_encoded_is_said() {
        let encode = |moment, samples, bits, room| {
            encode(&[moment, 0.5, 1.0], 2, samples, 0, bits, &mut [0; 36][..room]).unwrap_err()
        };
        assert_eq!(encode(f32::NAN, 9, 4, 36), CodecError::NotFinite);
        assert_eq!(encode(-1.0, 9, 4, 36), CodecError::NotFinite);
        assert_eq!(encode(65_520.0, 9, 4, 36), CodecError::NotFinite);
        assert_eq!(encode(65_519.0, MAX_SAMPLES, 4, 36), CodecError::NotFinite);
        assert_eq!(encode(1.0, 0, 4, 36), CodecError::BadField { field: "samples" });
        assert_eq!(encode(1.0, 9, 1, 36), CodecError::UnknownWidth { bits: 1 });
        assert_eq!(encode(1.0, 9, 4, 5), CodecError::NoRoom { have_bytes: 5 });
        assert_eq!(encode(1.0, 9, 4, 3), CodecError::NoRoom { have_bytes: 3 });
        let beyond = super::encode(&[1.0], 1, 9, 1, 4, &mut [0; 9]);
        assert_eq!(beyond, Err(CodecError::IndexBeyondEnd { index: 1, params: 1 }));
    }

    #[test]
    fn what_no_encoder_writes_is_refused() {
        let refused = |payload: &[u8]| decode(payload, 3, 4).unwrap_err();
        assert_eq!(refused(&[0, 200, 1, 0]), CodecError::Truncated);
        assert_eq!(refused(&[0, 200, 1, 0, 0x30, 0x3c]), CodecError::Truncated);
        assert_eq!(refused(&[6, 1, 0, 0, 0]), CodecError::IndexBeyondEnd { index: 6, params: 6 });
        assert_eq!(refused(&[1, 1, 0, 0x80, 0x77]), CodecError::NotFinite, "a negative unit");
        assert_eq!(refused(&[1, 1, 0, 0, 0xf7]), CodecError::BadField { field: "level" });
        assert_eq!(refused(&[2, 1, 0, 0, 0x70]), CodecError::BadField { field: "padding" });
        assert_eq!(refused(&[0, 1, 0, 0, 0x7c, 0]), CodecError::NotFinite, "an infinite diagonal");
        assert_eq!(
            refused(&[3, 0xff, 0xff, 0xff, 7, 0, 0, 0x7b, 0xff]),
            CodecError::NotFinite,
            "beyond fixed point"
        );
    }

    #[test]
    fn a_run_of_rows_is_sent_in_as_many_bytes_as_said() {
        // 64 features, 4 bits: 64 halves and 2,016 levels are 1,136 bytes; six frames of 207.
        let moments: Vec<f32> = (0..64)
            .flat_map(|row| (row..64).map(move |column| if row == column { 1.0 } else { 0.5 }))
            .collect();
        let (mut next, mut bytes, mut frames) = (0, 0, 0);
        while next < moments.len() {
            let block = encode(&moments, 64, 300, next, 4, &mut [0; 207]).unwrap();
            (next, bytes, frames) = (block.end, bytes + block.bytes, frames + 1);
        }
        assert_eq!((frames, bytes), (6, 5 + 5 * 6 + 1_136));
    }

    proptest! {
        #[test]
        fn blocks_of_any_size_tile_the_triangle(
            features in 1usize..40,
            scale in prop_oneof![Just(0f32), Just(1e-9), Just(1e-6), 0.01f32..4.0, Just(3e4)],
            samples in 1u32..100_000,
            bits in 2u8..=8,
            room in 9usize..=231,
            seed: u32,
        ) {
            let mut random = Random::new(seed, 0);
            let mut moments: Vec<f32> = (0..triangle_len(features)).map(|_| (random.uniform() * 2.0 - 1.0) * scale).collect();
            for row in 0..features {
                let place = crate::codec::statistics::triangle_index(row, row, features);
                moments[place] = moments[place].abs();
            }
            let mut payload = [0; 231];
            let mut next = 0;
            while next < moments.len() {
                let block = encode(&moments, features, samples, next, bits, &mut payload[..room]).unwrap();
                prop_assert!(block.bytes <= room);
                let sums: Vec<_> = decode(&payload[..block.bytes], features, bits).unwrap().sums().collect();
                prop_assert!(sums.iter().map(|sum| sum.index).eq(next..block.end));
                for sum in sums {
                    let value = sum.sum as f64 / f64::from(samples) / ONE as f64;
                    // Half a level of a unit that was rounded up to half precision; half precision on the diagonal.
                    let within = f64::from(scale) * 0.501 / f64::from(levels(bits).unwrap()) + 1.0 / ONE as f64;
                    prop_assert!((value - f64::from(moments[sum.index])).abs() <= within);
                }
                next = block.end;
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(
            payload in proptest::collection::vec(any::<u8>(), 0..60),
            features in 0usize..80,
            bits: u8,
        ) {
            if let Ok(moments) = decode(&payload, features, bits) {
                let sums: Vec<_> = moments.sums().collect();
                prop_assert!(!sums.is_empty() && sums.iter().all(|sum| sum.index < triangle_len(features)));
            }
        }
    }
}
