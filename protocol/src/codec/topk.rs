//! The largest coordinates of an update with four bits each (top-k sparsification, Aji and Heafield 2017, and its
//! error feedback, Stich et al. 2018).
//!
//! ```text
//! bits 0-15   largest magnitude, half precision, big-endian
//!      16-19  Rice parameter of the gaps, 0 to 15
//!      20..   entries: gap to the previous coordinate (Golomb-Rice), sign, three bits of magnitude
//! ```
//! A gap is the number of coordinates skipped. Magnitude code m stands for (m + 1) / 8 of the largest. The last byte
//! is filled with ones, which never complete a gap, so no count is needed: the payload decodes by itself.
use super::bits::{BitReader, BitWriter, rice_bits};
use super::feedback::Contractive;
use super::{CodecError, scale};
use core::cmp::Reverse;

/// What is dropped, and what rounding to the nearest level leaves, is less than what is kept.
pub const CONTRACTIVE: Contractive = Contractive::PROMISE;

const HEADER_BITS: usize = 20;
const VALUE_BITS: usize = 4;
const LEVELS: f32 = 8.0;

/// One decoded coordinate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    /// Index of the parameter.
    pub index: usize,
    /// Its change.
    pub value: f32,
}

/// Encodes as many of the largest coordinates of `update` as fit into `payload`, and returns its length.
///
/// Takes about `16 * (update.len() + entries)` steps and no memory besides.
pub fn encode(update: &[f32], payload: &mut [u8]) -> Result<usize, CodecError> {
    let largest = scale::largest_magnitude(update)?;
    // The half-precision value that travels is the unit of all levels, on both sides.
    let unit = half::f16::from_f32(largest);
    if !unit.is_finite() || unit.to_f32() <= 0.0 {
        return Err(if unit.is_finite() { CodecError::Nothing } else { CodecError::NotFinite });
    }
    let room_bits = payload.len() * 8;
    let plan = plan(update, largest, unit.to_f32(), room_bits)
        .ok_or(CodecError::NoRoom { have_bytes: payload.len() })?;
    let mut writer = BitWriter::new(payload);
    let written = (|| {
        writer.bits(unit.to_bits().into(), 16)?;
        writer.bits(plan.rice, 4)?;
        for (gap, value) in entries_above(update, plan.threshold).take(plan.entries) {
            writer.rice(gap, plan.rice)?;
            writer.bit(value < 0.0)?;
            writer.bits(level(value, unit.to_f32()), 3)?;
        }
        Some(())
    })();
    written.expect("the plan counted these bits");
    Ok(writer.finish())
}

/// Decodes a payload into its coordinates, in ascending order.
pub fn decode(payload: &[u8], params: usize) -> Result<impl Iterator<Item = Entry> + Clone + '_, CodecError> {
    let mut reader = BitReader::new(payload);
    let unit = reader.bits(16).ok_or(CodecError::Truncated)?;
    let unit = half::f16::from_bits(unit as u16).to_f32();
    if !unit.is_finite() || unit <= 0.0 {
        return Err(CodecError::NotFinite);
    }
    let rice = reader.bits(4).ok_or(CodecError::Truncated)?;
    let entries = Entries { reader, rice, unit, next: 0 };
    if let Some(beyond) = entries.clone().find(|entry| entry.index >= params) {
        return Err(CodecError::IndexBeyondEnd { index: beyond.index, params });
    }
    Ok(entries)
}

#[derive(Clone)]
struct Entries<'a> {
    reader: BitReader<'a>,
    rice: u32,
    unit: f32,
    next: usize,
}

impl Iterator for Entries<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let gap = self.reader.rice(self.rice)? as usize;
        let negative = self.reader.bit()?;
        let magnitude = (self.reader.bits(3)? + 1) as f32 / LEVELS * self.unit;
        let index = self.next.checked_add(gap)?;
        self.next = index + 1;
        Some(Entry { index, value: if negative { -magnitude } else { magnitude } })
    }
}

struct Plan {
    threshold: f32,
    rice: u32,
    entries: usize,
}

/// The lowest threshold whose entries fit, by bisection over the bits of positive floats (they order as integers).
fn plan(update: &[f32], largest: f32, unit: f32, room_bits: usize) -> Option<Plan> {
    // Values below half a level would be rounded up to one: they stay behind.
    let (mut fits, mut too_many) = (None, (unit / (2.0 * LEVELS)).to_bits());
    let mut high = unit.to_bits() + 1;
    if let Some(plan) = plan_at(update, f32::from_bits(too_many), room_bits) {
        return Some(plan);
    }
    while high - too_many > 1 {
        let middle = too_many + (high - too_many) / 2;
        match plan_at(update, f32::from_bits(middle), room_bits) {
            // The half may be above all of them.
            None if f32::from_bits(middle) > largest => high = middle,
            Some(plan) => {
                fits = Some(plan);
                high = middle;
            }
            None => too_many = middle,
        }
    }
    fits.or_else(|| plan_of_ties(update, largest, room_bits))
}

/// Where even those of the largest magnitude are too many: as many as fit, from the first on.
fn plan_of_ties(update: &[f32], largest: f32, room_bits: usize) -> Option<Plan> {
    let fitting = |rice| {
        let mut bits = HEADER_BITS;
        let fits = |&(gap, _): &(u32, f32)| {
            bits += rice_bits(gap, rice) as usize + VALUE_BITS;
            bits <= room_bits
        };
        (entries_above(update, largest).take_while(fits).count(), Reverse(rice))
    };
    let (entries, Reverse(rice)) = (0..=15).map(fitting).max()?;
    (entries > 0).then_some(Plan { threshold: largest, rice, entries })
}

/// The best Rice parameter for the entries at or above a threshold, if they fit and there are any.
fn plan_at(update: &[f32], threshold: f32, room_bits: usize) -> Option<Plan> {
    let entries = entries_above(update, threshold).count();
    if entries == 0 {
        return None;
    }
    // The best parameter is near the logarithm of the mean gap; its neighbours are tried too.
    let mean_gap = (update.len() / entries).max(1) as u32;
    let guess = mean_gap.ilog2();
    let candidates = guess.saturating_sub(1)..=(guess + 1).min(15);
    let cost = |rice| {
        let gaps = entries_above(update, threshold).map(|(gap, _)| rice_bits(gap, rice) as usize);
        HEADER_BITS + entries * VALUE_BITS + gaps.sum::<usize>()
    };
    let (bits, rice) = candidates.map(|rice| (cost(rice), rice)).min()?;
    (bits <= room_bits).then_some(Plan { threshold, rice, entries })
}

/// Gap and value of each coordinate of at least the threshold.
fn entries_above(update: &[f32], threshold: f32) -> impl Iterator<Item = (u32, f32)> + '_ {
    let mut gap = 0;
    update.iter().filter_map(move |&value| {
        if libm::fabsf(value) >= threshold {
            Some((core::mem::take(&mut gap), value))
        } else {
            gap += 1;
            None
        }
    })
}

fn level(value: f32, unit: f32) -> u32 {
    (libm::roundf(libm::fabsf(value) / unit * LEVELS) as u32).clamp(1, 8) - 1
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    #[test]
    fn the_bits_are_as_specified() {
        // Gaps 1 and 2, values 1.0 (code 7) and -0.25 (code 1); Rice parameter 0 and 1 cost the same, 0 comes first.
        let update = [0.0, 1.0, 0.0, 0.0, -0.25];
        let mut payload = [0; 8];
        let length = encode(&update, &mut payload).unwrap();
        // 1.0 is 0x3c00; parameter 0; 10 0 111; 110 1 001; filled with ones.
        assert_eq!(payload[..length], [0x3c, 0x00, 0b0000_1001, 0b1111_0100, 0b1111_1111][..length]);
        let entries: Vec<_> = decode(&payload[..length], 5).unwrap().collect();
        assert_eq!(entries, [Entry { index: 1, value: 1.0 }, Entry { index: 4, value: -0.25 }]);
    }

    #[test]
    fn a_hundred_bytes_carry_ninety_coordinates_of_650() {
        let update: Vec<f32> =
            (0..650u32).map(|i| ((i.wrapping_mul(2_654_435_761) >> 8) as f32 / 8e6) - 1.0).collect();
        let mut payload = [0; 100];
        let length = encode(&update, &mut payload).unwrap();
        assert!(decode(&payload[..length], 650).unwrap().count() >= 90);
    }

    #[test]
    fn more_equal_magnitudes_than_fit_are_taken_from_the_first_on() {
        let mut payload = [0; 36];
        let update: Vec<f32> = (0..650).map(|index| if index % 2 == 0 { 0.3 } else { -0.3 }).collect();
        let length = encode(&update, &mut payload).unwrap();
        let entries: Vec<_> = decode(&payload[..length], 650).unwrap().collect();
        // A gap of zero is one bit, sign and magnitude are four: (288 - 20) / 5.
        assert_eq!(entries.len(), 53);
        assert!(entries.iter().enumerate().all(|(place, entry)| entry.index == place));
        // Magnitudes that lie closer together than halves do, below a half that is above all of them.
        let close: Vec<f32> = (0..650).map(|index| 0.3 - 1e-7 * (index * 7 % 650) as f32).collect();
        let length = encode(&close, &mut payload).unwrap();
        assert!(decode(&payload[..length], 650).unwrap().count() >= 20);
    }

    #[test]
    fn what_cannot_be_encoded_is_said() {
        assert_eq!(encode(&[0.0; 4], &mut [0; 9]), Err(CodecError::Nothing));
        assert_eq!(encode(&[f32::NAN], &mut [0; 9]), Err(CodecError::NotFinite));
        assert_eq!(encode(&[1e9], &mut [0; 9]), Err(CodecError::NotFinite));
        assert_eq!(encode(&[1.0], &mut [0; 3]), Err(CodecError::NoRoom { have_bytes: 3 }));
        assert_eq!(decode(&[0x3c], 4).err(), Some(CodecError::Truncated));
        assert_eq!(decode(&[0x7c, 0, 0, 0], 4).err(), Some(CodecError::NotFinite));
    }

    proptest! {
        #[test]
        fn the_kept_coordinates_are_the_largest_and_close(
            update in proptest::collection::vec(-10f32..10.0, 1..700),
            room in 8usize..231,
        ) {
            let mut payload = [0; 231];
            let Ok(length) = encode(&update, &mut payload[..room]) else { return Ok(()) };
            prop_assert!(length <= room);
            let entries: Vec<_> = decode(&payload[..length], update.len()).unwrap().collect();
            let largest = update.iter().fold(0f32, |a, b| a.max(b.abs()));
            let smallest_kept = entries.iter().fold(f32::MAX, |a, entry| a.min(update[entry.index].abs()));
            for (index, &value) in update.iter().enumerate() {
                match entries.iter().find(|entry| entry.index == index) {
                    Some(entry) => prop_assert!((entry.value - value).abs() <= largest / 15.0),
                    None => prop_assert!(value.abs() <= smallest_kept),
                }
            }
        }

        #[test]
        fn arbitrary_payloads_never_panic(
            payload in proptest::collection::vec(any::<u8>(), 0..231),
            params in 1usize..700,
        ) {
            if let Ok(entries) = decode(&payload, params) {
                prop_assert!(entries.clone().all(|entry| entry.index < params && entry.value.is_finite()));
            }
        }
    }
}
