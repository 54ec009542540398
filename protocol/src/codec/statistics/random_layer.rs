//! The sums of a seeded random layer: federated OS-ELM (Liang et al. 2006; Ito, Tsukada and Matsutani 2020).
//!
//! Every node computes the same random features h of a sample and adds up U = sum h h' and V = sum h t', t being one
//! at the sample's class. The sums of all nodes give the readout (U + lambda I)^-1 V that training on all data would
//! have given. Features are whole numbers of 1/128, so U and V are whole numbers and **exact**: in no way do they
//! depend on how the samples were distributed, as long as b bits hold them.
//!
//! ```text
//! start, LEB128   index of the first entry: U's upper triangle row by row, L (L + 1) / 2, then V, L rows of C
//! 5 bits          shift s
//! b bits each     level l, two's complement; the entry is l 2^s; to the last one or the end of the payload;
//!                 the last byte filled with ones
//! ```
//! The shift is the smallest with which all entries of the payload fit b bits; an entry moves by at most 2^(s-1).
//!
//! **The layer.** Unit i of L has the stream i of its seed: D weights, then a bias, each 2 u - 1 of a uniform u. In
//! single precision, z = (w_0 x_0 + .. + w_(D-1) x_(D-1) + bias) gain, t = z limited to -2..2,
//! h = t (1 - |t| / 4): a sigmoid of additions and multiplications alone, which every machine rounds alike. What is
//! summed is 128 h rounded to the nearest whole number, ties away from zero, and at most 127. A gain of 1 / sqrt(D)
//! suits standardised features.
use super::{Block, CodecError, FRACTION_BITS, triangle_index, triangle_len, write_fields};
use crate::codec::bits::{BitReader, BitWriter};
use crate::codec::random::Random;
use crate::wire::Reader;

/// Fractional bits of a hidden unit, and of V; U has twice as many.
pub const UNIT_FRACTION_BITS: u32 = 7;

const SHIFT_BITS: usize = 5;

/// A random layer. It belongs to the task.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layer {
    /// Of all weights and biases.
    pub seed: u32,
    /// Number of units, L.
    pub units: usize,
    /// Factor before the sigmoid.
    pub gain: f32,
}

impl Layer {
    /// Entries of the sums: of U's triangle, and of V, `[units][classes]`.
    pub const fn sums_len(&self, classes: usize) -> usize {
        triangle_len(self.units) + self.units * classes
    }

    /// Weights of a unit, and after as many as there are features its bias; each in [-1, 1).
    pub fn weights(&self, unit: usize) -> impl Iterator<Item = f32> + use<> {
        let mut random = Random::new(self.seed, unit as u32);
        core::iter::repeat_with(move || 2.0 * random.uniform() - 1.0)
    }

    /// A hidden unit's answer to a sample, `[features]`, in 1/128. A sum that is not a number counts as zero.
    pub fn hidden(&self, unit: usize, sample: &[f32]) -> i8 {
        let mut weights = self.weights(unit);
        let mut sum = 0.0;
        for (feature, weight) in sample.iter().zip(weights.by_ref()) {
            sum += weight * feature;
        }
        let sum = (sum + weights.next().unwrap_or(0.0)) * self.gain;
        let limited = sum.clamp(-2.0, 2.0);
        let unit = limited * (1.0 - libm::fabsf(limited) / 4.0);
        // The conversion saturates at 127, and turns what is not a number into zero.
        libm::roundf(unit * 128.0) as i8
    }

    /// Adds a sample to the sums, `[sums_len]`. `hidden`, `[units]`, are its hidden units.
    ///
    /// Errors: [`CodecError::NotFinite`] when an entry is full; it, and those after it, are then as they were.
    pub fn add(
        &self,
        hidden: &[i8],
        class: usize,
        classes: usize,
        sums: &mut [i32],
    ) -> Result<(), CodecError> {
        let need = self.sums_len(classes);
        if sums.len() < need || hidden.len() < self.units {
            return Err(CodecError::ScratchTooSmall { need, have: sums.len() });
        }
        if class >= classes {
            return Err(CodecError::IndexBeyondEnd { index: class, params: classes });
        }
        let mut add = |place: usize, term: i32| {
            sums[place] = sums[place].checked_add(term).ok_or(CodecError::NotFinite)?;
            Ok(())
        };
        for (row, &first) in hidden[..self.units].iter().enumerate() {
            for (column, &second) in hidden[..self.units].iter().enumerate().skip(row) {
                add(triangle_index(row, column, self.units), i32::from(first) * i32::from(second))?;
            }
            add(triangle_len(self.units) + row * classes + class, first.into())?;
        }
        Ok(())
    }
}

/// Encodes `sums`, U then V, from the entry `start` on with `bits` bits an entry, 4 to 32.
pub fn encode(sums: &[i32], start: usize, bits: u8, payload: &mut [u8]) -> Result<Block, CodecError> {
    let width = known_width(bits)?;
    let have_bytes = payload.len();
    if start >= sums.len() {
        return Err(CodecError::IndexBeyondEnd { index: start, params: sums.len() });
    }
    let (used, body) = write_fields(&[start as u32], payload)?;
    let count = count(body.len() * 8, width, sums.len() - start);
    if count == 0 {
        return Err(CodecError::NoRoom { have_bytes });
    }
    let run = &sums[start..start + count];
    let shift = (0..32).find(|shift| run.iter().all(|&entry| fits(level(entry, *shift), width)));
    let shift = shift.expect("a shift by 31 leaves -1, 0 or 1");
    let mut writer = BitWriter::new(body);
    writer.bits(shift, SHIFT_BITS as u32).expect("counted");
    for &entry in run {
        writer.bits(level(entry, shift) as u32, width).expect("counted");
    }
    Ok(Block { bytes: used + writer.finish(), end: start + count })
}

/// Reads a payload about the sums of a layer of `units` and `classes`. Nothing of it is used unless all of it is good.
pub fn decode(payload: &[u8], units: usize, classes: usize, bits: u8) -> Result<LayerSums<'_>, CodecError> {
    let width = known_width(bits)?;
    let triangle = triangle_len(units);
    let len = triangle + units * classes;
    let mut reader = Reader::new(payload);
    let start = reader.varint().ok_or(CodecError::Truncated)? as usize;
    if start >= len {
        return Err(CodecError::IndexBeyondEnd { index: start, params: len });
    }
    let mut levels = BitReader::new(reader.rest());
    let count = count(levels.remaining(), width, len - start);
    let shift = levels.bits(SHIFT_BITS as u32).ok_or(CodecError::Truncated)?;
    if count == 0 {
        return Err(CodecError::Truncated);
    }
    // A sum of 32 bits needs no more, and one for rounding up.
    if shift > 33 - width {
        return Err(CodecError::BadField { field: "shift" });
    }
    let sums = LayerSums { next: start, end: start + count, triangle, shift, width, levels };
    let mut check = sums.clone();
    while check.read().is_some() {}
    if check.levels.ones() { Ok(sums) } else { Err(CodecError::BadField { field: "padding" }) }
}

/// A payload that was checked.
#[derive(Clone, Debug)]
pub struct LayerSums<'a> {
    next: usize,
    end: usize,
    triangle: usize,
    shift: u32,
    width: u32,
    levels: BitReader<'a>,
}

impl<'a> LayerSums<'a> {
    /// The entries in it, in ascending order: index, and sum in units of 2^-24.
    pub fn sums(&self) -> impl Iterator<Item = (usize, i64)> + use<'a> {
        let mut rest = self.clone();
        core::iter::from_fn(move || rest.read())
    }

    fn read(&mut self) -> Option<(usize, i64)> {
        if self.next == self.end {
            return None;
        }
        let spare = 32 - self.width;
        let level = (self.levels.bits(self.width)? << spare) as i32 >> spare;
        let index = self.next;
        self.next += 1;
        let fraction = if index < self.triangle { 2 * UNIT_FRACTION_BITS } else { UNIT_FRACTION_BITS };
        Some((index, i64::from(level) << self.shift << (FRACTION_BITS - fraction)))
    }
}

fn known_width(bits: u8) -> Result<u32, CodecError> {
    if (4..=32).contains(&bits) { Ok(bits.into()) } else { Err(CodecError::UnknownWidth { bits }) }
}

const fn count(room_bits: usize, width: u32, remaining: usize) -> usize {
    let fitting = room_bits.saturating_sub(SHIFT_BITS) / width as usize;
    if fitting < remaining { fitting } else { remaining }
}

/// The entry divided by 2^shift and rounded to the nearest whole number, ties upwards.
const fn level(entry: i32, shift: u32) -> i64 {
    (entry as i64 + (1 << shift >> 1)) >> shift
}

const fn fits(level: i64, width: u32) -> bool {
    let limit = 1 << (width - 1);
    -limit <= level && level < limit
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    /// Computed by a few lines of Python in numpy's single precision, by the words of the specification.
    #[test]
    fn hidden_units_are_as_specified() {
        let layer = Layer { seed: 7, units: 6, gain: 0.75 };
        let hidden = |layer: Layer| core::array::from_fn(|unit| layer.hidden(unit, &[1.0, -0.5, 2.25]));
        assert_eq!(hidden(layer), [125, -99, -121, 55, -61, 127]);
        assert_eq!(hidden(Layer { gain: 8.0, ..layer }), [127, -128, -128, 127, -128, 127]);
        let weights: Vec<_> = layer.weights(1).take(3).collect();
        assert_eq!(weights, [-0.6889926, 0.849_313_86, 0.216_089_37]);
        assert_eq!(layer.hidden(0, &[f32::NAN]), 0);
        assert_eq!(
            layer.hidden(0, &[f32::INFINITY]).unsigned_abs(),
            127 + u8::from(layer.hidden(0, &[f32::INFINITY]) < 0)
        );
    }

    /// Worked out by hand. 6 bits hold -32 to 31: 100 needs a shift of 2, 25; -7 becomes -1.75 + .5, floor, -2; 6
    /// becomes 1.5 + .5, 2; -128 is -32. Bits: 00010 011001 111110 000010 100000, and three ones.
    #[test]
    fn the_bytes_are_as_specified() {
        let sums = [0, 0, 100, -7, 6, -128];
        let mut payload = [0; 8];
        assert_eq!(encode(&sums, 2, 6, &mut payload), Ok(Block { bytes: 5, end: 6 }));
        assert_eq!(payload[..5], [2, 0b0001_0011, 0b0011_1111, 0b0000_0101, 0b0000_0111]);
        // Two units and one and a half classes' worth: U has 3 entries, V the others.
        let decoded: Vec<_> = decode(&payload[..5], 2, 2, 6).unwrap().sums().take(3).collect();
        assert_eq!(decoded, [(2, 100 << 10), (3, -8 << 17), (4, 8 << 17)]);
        // Sixteen bits lose nothing.
        assert_eq!(encode(&sums, 4, 16, &mut payload), Ok(Block { bytes: 6, end: 6 }));
        assert_eq!(payload[..6], [4, 0, 0, 0x37, 0xfc, 0x07]);
    }

    #[test]
    fn what_does_not_fit_the_format_is_refused() {
        let mut payload = [0; 9];
        assert_eq!(encode(&[1], 0, 3, &mut payload), Err(CodecError::UnknownWidth { bits: 3 }));
        assert_eq!(encode(&[1], 1, 8, &mut payload), Err(CodecError::IndexBeyondEnd { index: 1, params: 1 }));
        assert_eq!(encode(&[1], 0, 8, &mut payload[..2]), Err(CodecError::NoRoom { have_bytes: 2 }));
        let refused = |payload: &[u8]| decode(payload, 2, 1, 8).unwrap_err();
        assert_eq!(refused(&[]), CodecError::Truncated);
        assert_eq!(refused(&[0, 0]), CodecError::Truncated);
        assert_eq!(refused(&[5, 0, 0]), CodecError::IndexBeyondEnd { index: 5, params: 5 });
        assert_eq!(refused(&[4, 0b1101_0000, 7]), CodecError::BadField { field: "shift" });
        assert_eq!(refused(&[4, 0, 0]), CodecError::BadField { field: "padding" });
    }

    #[test]
    fn a_full_sum_and_a_wrong_class_are_said() {
        let layer = Layer { seed: 1, units: 1, gain: 1.0 };
        let mut sums = [i32::MAX, 5];
        assert_eq!(layer.add(&[1], 0, 1, &mut sums), Err(CodecError::NotFinite));
        assert_eq!(layer.add(&[1], 1, 1, &mut sums), Err(CodecError::IndexBeyondEnd { index: 1, params: 1 }));
        let scratch = CodecError::ScratchTooSmall { need: 2, have: 1 };
        assert_eq!(layer.add(&[1], 0, 1, &mut sums[..1]), Err(scratch));
        assert_eq!(sums, [i32::MAX, 5]);
    }

    /// Decodes all blocks of `sums` into totals.
    fn send(sums: &[i32], units: usize, classes: usize, bits: u8, room: usize, totals: &mut [i64]) {
        let (mut next, mut payload) = (0, [0; 231]);
        while next < sums.len() {
            let block = encode(sums, next, bits, &mut payload[..room]).expect("there is room for an entry");
            assert!(block.bytes <= room);
            let decoded = decode(&payload[..block.bytes], units, classes, bits).expect("as it was encoded");
            assert!(decoded.sums().map(|(index, _)| index).eq(next..block.end));
            decoded.sums().for_each(|(index, sum)| totals[index] += sum);
            next = block.end;
        }
    }

    /// Three nodes with different samples, their blocks cut differently, and one node with all samples.
    #[test]
    fn the_sums_of_nodes_equal_those_of_all_samples() {
        let (layer, classes) = (Layer { seed: 9, units: 12, gain: 0.4 }, 3);
        let len = layer.sums_len(classes);
        let mut random = Random::new(4, 0);
        let mut nodes = std::vec![std::vec![0; len]; 4];
        for index in 0..90 {
            let sample: Vec<_> = (0..5).map(|_| 6.0 * random.uniform() - 3.0).collect();
            let hidden: Vec<_> = (0..layer.units).map(|unit| layer.hidden(unit, &sample)).collect();
            for node in [index * index % 3, 3] {
                layer.add(&hidden, index % classes, classes, &mut nodes[node]).unwrap();
            }
        }
        let mut totals = [std::vec![0i64; len], std::vec![0i64; len]];
        for (node, room) in [(2, 36), (0, 100), (1, 207)] {
            send(&nodes[node], layer.units, classes, 24, room, &mut totals[0]);
        }
        send(&nodes[3], layer.units, classes, 24, 51, &mut totals[1]);
        assert_eq!(totals[0], totals[1]);
        assert_eq!(totals[1][0], i64::from(nodes[3][0]) << 10);
    }

    proptest! {
        #[test]
        fn blocks_of_any_size_tile_the_sums(
            units in 1usize..20,
            classes in 0usize..5,
            seed: u32,
            spread in 0u32..32,
            bits in 4u8..=32,
            room in 7usize..=231,
        ) {
            let mut random = Random::new(seed, 0);
            let sums: Vec<_> = (0..triangle_len(units) + units * classes)
                .map(|_| (random.next_u64() as i32) >> spread)
                .collect();
            let mut totals = std::vec![0; sums.len()];
            send(&sums, units, classes, bits, room, &mut totals);
            let largest = sums.iter().map(|sum| sum.unsigned_abs()).max().unwrap_or(0);
            // Half of the smallest shift that is surely enough.
            let needed = 33 - largest.leading_zeros();
            let within = if needed > bits.into() { 1i64 << (needed - u32::from(bits)) } else { 0 };
            for (index, (total, sum)) in totals.iter().zip(&sums).enumerate() {
                let unit = if index < triangle_len(units) { 10 } else { 17 };
                prop_assert!((total - (i64::from(*sum) << unit)).abs() <= within << unit);
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(
            payload in proptest::collection::vec(any::<u8>(), 0..60),
            units in 0usize..80,
            classes in 0usize..12,
            bits: u8,
        ) {
            if let Ok(sums) = decode(&payload, units, classes, bits) {
                let len = triangle_len(units) + units * classes;
                prop_assert!(sums.sums().count() > 0 && sums.sums().all(|(index, _)| index < len));
            }
        }
    }
}
