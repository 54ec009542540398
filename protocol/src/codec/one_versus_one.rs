//! One-versus-one classifiers: a linear base learner for each pair of classes (Opt-OVO; voting after Hastie and
//! Tibshirani 1998). Base learners may be left out: those that are there travel with the number of their pair.
//!
//! ```text
//! first, LEB128    weight with which the first run begins
//! runs, to the end of the payload
//!   pair, LEB128   ascending; pair (i, j), i < j < k, has the number i k - i (i + 1) / 2 + j - i - 1
//!   2 bytes        scale, half precision, little-endian
//!   levels         b bits a weight, offset binary, to the last weight or the end of the payload; the last byte
//!                  filled with ones
//! ```
//! With L = 2^(b-1) - 1, level l of -L to L stands for l scale / L. A weight moves by at most half a level. Runs after
//! the first begin at weight 0, so that 45 base learners of 65 weights are 3,060 bytes at 8 bits, and a byte a frame.
use super::block::write_start;
use super::{Block, CodecError, rows};
use crate::wire::{Reader, Writer, varint_bytes};

/// Pairs of `classes`.
pub const fn pairs(classes: usize) -> usize {
    classes * classes.saturating_sub(1) / 2
}

/// Number of the pair (first, second), first < second < classes.
pub const fn pair_index(first: usize, second: usize, classes: usize) -> usize {
    first * classes - first * (first + 1) / 2 + second - first - 1
}

/// The classes of a pair; `None` beyond the last one.
pub fn pair_classes(index: usize, classes: usize) -> Option<(usize, usize)> {
    let mut left = index;
    for first in 0..classes {
        let of_first = classes - first - 1;
        if left < of_first {
            return Some((first, first + 1 + left));
        }
        left -= of_first;
    }
    None
}

/// Encodes base learners, `[numbers.len()][columns]`, from the weight `start` on. `numbers` are those of their pairs,
/// ascending. Zeros are encoded as such.
pub fn encode(
    weights: &[f32],
    numbers: &[u16],
    start: usize,
    bits: u8,
    payload: &mut [u8],
) -> Result<Block, CodecError> {
    super::linear::levels(bits)?;
    let have_bytes = payload.len();
    let columns = weights.len() / numbers.len().max(1);
    if start >= columns * numbers.len() {
        return Err(CodecError::IndexBeyondEnd { index: start, params: weights.len() });
    }
    let (mut bytes, mut rest) = write_start(start % columns, payload)?;
    let mut next = start;
    while let Some(&number) = numbers.get(next / columns) {
        let used = varint_bytes(number.into());
        let left = columns - next % columns;
        let count = rows::run_len(rest.len().saturating_sub(used), bits, left);
        if count == 0 {
            break;
        }
        Writer::new(rest).varint(number.into()).expect("there is room for weights after it");
        let used = used + rows::write(&weights[next..next + count], bits, &mut rest[used..])?;
        next += count;
        bytes += used;
        rest = &mut rest[used..];
    }
    if next == start { Err(CodecError::NoRoom { have_bytes }) } else { Ok(Block { bytes, end: next }) }
}

/// Reads a payload about base learners of `columns` weights for the pairs of `classes`. Nothing of it is used unless
/// all of it is good.
pub fn decode(payload: &[u8], classes: usize, columns: usize, bits: u8) -> Result<Learners<'_>, CodecError> {
    let mut reader = Reader::new(payload);
    let first = reader.varint().ok_or(CodecError::Truncated)? as usize;
    if first >= columns {
        return Err(CodecError::IndexBeyondEnd { index: first, params: columns });
    }
    let learners = Learners { reader, first, columns, bits };
    let (mut check, mut numbers) = (learners.clone(), 0..pairs(classes));
    if check.reader.remaining() == 0 {
        return Err(CodecError::Truncated);
    }
    while check.reader.remaining() > 0 {
        let part = check.read()?;
        if part.pair >= pairs(classes) {
            return Err(CodecError::IndexBeyondEnd { index: part.pair, params: pairs(classes) });
        }
        if !numbers.any(|number| number == part.pair) {
            return Err(CodecError::BadField { field: "pair" });
        }
    }
    Ok(learners)
}

/// A payload that was checked.
#[derive(Clone, Debug)]
pub struct Learners<'a> {
    reader: Reader<'a>,
    first: usize,
    columns: usize,
    bits: u8,
}

/// Consecutive weights of one base learner.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    /// Number of the pair.
    pub pair: usize,
    /// Index of the first weight.
    pub first: usize,
    run: rows::Run<'a>,
}

impl<'a> Part<'a> {
    /// The weights from the first on.
    pub fn weights(&self) -> impl ExactSizeIterator<Item = f32> + use<'a> {
        self.run.clone()
    }
}

impl<'a> Learners<'a> {
    /// The base learners, or parts of them, in it. All but the first and the last part are whole.
    pub fn parts(&self) -> impl Iterator<Item = Part<'a>> + use<'a> {
        let mut rest = self.clone();
        core::iter::from_fn(move || rest.read().ok())
    }

    fn read(&mut self) -> Result<Part<'a>, CodecError> {
        let pair = self.reader.varint().ok_or(CodecError::Truncated)? as usize;
        let first = core::mem::take(&mut self.first);
        let run = rows::read(&mut self.reader, self.bits, self.columns - first)?;
        Ok(Part { pair, first, run })
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use crate::codec::random::Random;
    use proptest::prelude::*;
    use std::vec::Vec;

    /// Worked out by hand: 4 bits, L = 7. Pair 3 from weight 1 on: -1 and 0.5, scale 1 (`3c00`), codes 0 and 11
    /// (3.5, away from zero); pair 7: 0, 0.25, -0.25, scale 0.25 (`3400`), codes 7, 14, 0, and four ones.
    #[test]
    fn the_bytes_are_as_specified() {
        let weights = [9.0, -1.0, 0.5, 0.0, 0.25, -0.25];
        let mut payload = [0; 16];
        assert_eq!(encode(&weights, &[3, 7], 1, 4, &mut payload), Ok(Block { bytes: 10, end: 6 }));
        assert_eq!(payload[..10], [1, 3, 0, 0x3c, 0x0b, 7, 0, 0x34, 0x7e, 0x0f]);
        let learners = decode(&payload[..10], 5, 3, 4).unwrap();
        let parts: Vec<_> = learners
            .parts()
            .map(|part| (part.pair, part.first, part.weights().collect::<Vec<_>>()))
            .collect();
        assert_eq!(parts, [(3, 1, std::vec![-1.0, 4.0 / 7.0]), (7, 0, std::vec![0.0, 0.25, -0.25])]);
    }

    #[test]
    fn pairs_are_numbered_row_by_row() {
        let mut expected = 0;
        for first in 0..10 {
            for second in first + 1..10 {
                assert_eq!(pair_index(first, second, 10), expected);
                assert_eq!(pair_classes(expected, 10), Some((first, second)));
                expected += 1;
            }
        }
        assert_eq!((expected, pair_classes(45, 10), pairs(0)), (45, None, 0));
    }

    #[test]
    fn ten_classes_of_digits_fit_the_bar() {
        let weights: Vec<_> = (0..45 * 65).map(|index| index as f32 / 3_000.0 - 0.5).collect();
        let numbers: Vec<u16> = (0..45).collect();
        let total = |room: usize| {
            let (mut next, mut bytes) = (0, 0);
            while next < weights.len() {
                let block = encode(&weights, &numbers, next, 8, &mut [0; 231][..room]).unwrap();
                (next, bytes) = (block.end, bytes + block.bytes);
            }
            bytes
        };
        assert_eq!(total(207), 3_060 + 15);
        assert!(total(100) <= 3_060 + 4 * 33);
    }

    #[test]
    fn what_no_encoder_writes_is_refused() {
        let refused = |payload: &[u8]| decode(payload, 3, 3, 4).unwrap_err();
        assert_eq!(refused(&[]), CodecError::Truncated);
        assert_eq!(refused(&[0]), CodecError::Truncated);
        assert_eq!(refused(&[0, 1, 0, 0]), CodecError::Truncated);
        assert_eq!(refused(&[3, 1, 0, 0, 0]), CodecError::IndexBeyondEnd { index: 3, params: 3 });
        assert_eq!(refused(&[0, 3, 0, 0, 0x77]), CodecError::IndexBeyondEnd { index: 3, params: 3 });
        assert_eq!(refused(&[0, 1, 0, 0, 0xf7]), CodecError::BadField { field: "level" });
        assert_eq!(refused(&[0, 1, 0, 0, 0x77, 0x70]), CodecError::BadField { field: "padding" });
        assert_eq!(refused(&[2, 1, 0, 0, 0x7f, 1, 0, 0, 0x77]), CodecError::BadField { field: "pair" });
        assert_eq!(refused(&[0, 1, 0, 0x7c, 0x77]), CodecError::NotFinite);
        assert_eq!(
            encode(&[1.0], &[0], 1, 8, &mut []),
            Err(CodecError::IndexBeyondEnd { index: 1, params: 1 })
        );
        assert_eq!(encode(&[], &[], 0, 8, &mut []), Err(CodecError::IndexBeyondEnd { index: 0, params: 0 }));
        assert_eq!(encode(&[1.0], &[0], 0, 8, &mut [0; 4]), Err(CodecError::NoRoom { have_bytes: 4 }));
        assert_eq!(encode(&[f32::NAN], &[0], 0, 8, &mut [0; 9]), Err(CodecError::NotFinite));
    }

    proptest! {
        #[test]
        fn blocks_of_any_size_tile_the_learners(
            numbers in proptest::collection::btree_set(0u16..190, 1..30),
            columns in 1usize..70,
            scale in prop_oneof![Just(0f32), Just(1e-7), 0.01f32..30.0, Just(6e4)],
            bits in 2u8..=8,
            room in 7usize..=231,
            seed: u32,
        ) {
            let mut random = Random::new(seed, 0);
            let numbers: Vec<_> = numbers.into_iter().collect();
            let weights: Vec<_> =
                (0..numbers.len() * columns).map(|_| (random.uniform() * 2.0 - 1.0) * scale).collect();
            let (mut next, mut payload) = (0, [0; 231]);
            while next < weights.len() {
                let block = encode(&weights, &numbers, next, bits, &mut payload[..room]).unwrap();
                prop_assert!(block.bytes <= room);
                for part in decode(&payload[..block.bytes], 20, columns, bits).unwrap().parts() {
                    prop_assert_eq!(part.pair, usize::from(numbers[next / columns]));
                    prop_assert_eq!(part.first, next % columns);
                    for weight in part.weights() {
                        let within = scale * 0.501 / super::super::linear::levels(bits).unwrap() + 6e-8;
                        prop_assert!((weight - weights[next]).abs() <= within);
                        next += 1;
                    }
                }
                prop_assert_eq!(next, block.end);
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(
            payload in proptest::collection::vec(any::<u8>(), 0..60),
            classes in 0usize..20,
            columns in 0usize..80,
            bits: u8,
        ) {
            if let Ok(learners) = decode(&payload, classes, columns, bits) {
                prop_assert!(learners.parts().all(|part| part.pair < pairs(classes)
                    && part.first + part.weights().len() <= columns));
                prop_assert!(learners.parts().count() > 0);
            }
        }
    }
}
