//! What the tests of all codecs of client updates demand.
use super::random::Random;
use super::{Block, CodecError};
use core::ops::Range;
use proptest::prelude::*;
use std::{boxed::Box, vec, vec::Vec};

type Encode<'a> = Box<dyn Fn(&[f32], usize, &mut [u8]) -> Result<Block, CodecError> + 'a>;
type Decode<'a> = Box<dyn Fn(&[u8], &mut [f32]) -> Result<Range<usize>, CodecError> + 'a>;

/// What no coordinate that is decoded has: it marks those which are not.
const UNTOUCHED: f32 = f32::NAN;

/// A codec with its parameters, seed and memory.
pub struct Codec<'a> {
    encode: Encode<'a>,
    decode: Decode<'a>,
    /// Lengths of updates are multiples of it.
    columns: usize,
    /// Fewest bytes that take a block.
    room: usize,
}

impl<'a> Codec<'a> {
    pub fn new(
        encode: impl Fn(&[f32], usize, &mut [u8]) -> Result<Block, CodecError> + 'a,
        decode: impl Fn(&[u8], &mut [f32]) -> Result<Range<usize>, CodecError> + 'a,
    ) -> Self {
        Self { encode: Box::new(encode), decode: Box::new(decode), columns: 1, room: 8 }
    }

    /// For codecs of matrices, whose blocks are rows and take at least `room` bytes.
    pub fn of_rows(self, columns: usize, room: usize) -> Self {
        Self { columns, room, ..self }
    }

    /// The blocks of an update, each with the coordinates that it holds.
    pub fn blocks(&self, update: &[f32], room: usize) -> Vec<(Range<usize>, Vec<u8>)> {
        let (mut blocks, mut start) = (vec![], 0);
        while start < update.len() {
            let mut payload = vec![0x5a; room];
            let block = (self.encode)(update, start, &mut payload).expect("there is room");
            assert!(block.bytes <= room && block.end > start && block.end <= update.len());
            blocks.push((start..block.end, payload[..block.bytes].to_vec()));
            start = block.end;
        }
        blocks
    }

    /// What a receiver holds after all blocks, in any order.
    pub fn transfer(&self, update: &[f32], room: usize) -> Vec<f32> {
        let mut decoded = vec![UNTOUCHED; update.len()];
        for (range, payload) in self.blocks(update, room).iter().rev() {
            assert_eq!((self.decode)(payload, &mut decoded).as_ref(), Ok(range));
        }
        assert!(decoded.iter().all(|value| value.is_finite()));
        decoded
    }

    /// Properties that all codecs share.
    pub fn check(&self) {
        self.check_blocks();
        self.check_arbitrary_bytes();
        self.check_edges();
    }

    fn check_blocks(&self) {
        let config = ProptestConfig::with_cases(48);
        proptest!(config, |(
            values in proptest::collection::vec(-10f32..10.0, 1..10),
            rows in 1usize..80,
            room in self.room..231,
            lost in any::<u64>(),
        )| {
            let length = rows * self.columns.max(7).next_multiple_of(self.columns);
            let update: Vec<f32> = (0..length).map(|index| values[index * index % values.len()]).collect();
            let all = self.transfer(&update, room);
            let mut some = vec![UNTOUCHED; length];
            let blocks = self.blocks(&update, room);
            let arrived = |number: usize| lost >> (number % 64) & 1 == 0;
            for (number, (_, payload)) in blocks.iter().enumerate().filter(|(number, _)| arrived(*number)) {
                prop_assert!((self.decode)(payload, &mut some).is_ok(), "block {}", number);
            }
            for (number, (range, _)) in blocks.into_iter().enumerate() {
                match arrived(number) {
                    true => prop_assert_eq!(&some[range.clone()], &all[range]),
                    false => prop_assert!(some[range].iter().all(|value| value.is_nan())),
                }
            }
        });
    }

    fn check_arbitrary_bytes(&self) {
        let config = ProptestConfig::with_cases(512);
        proptest!(config, |(
            payload in proptest::collection::vec(any::<u8>(), 0..231),
            near_start in any::<bool>(),
            rows in 1usize..20,
        )| {
            let mut payload = payload;
            if near_start && let Some(byte) = payload.first_mut() {
                *byte = 0;
            }
            let mut update = vec![UNTOUCHED; rows * self.columns.max(40).next_multiple_of(self.columns)];
            if let Ok(range) = (self.decode)(&payload, &mut update) {
                for (index, value) in update.iter().enumerate() {
                    prop_assert_eq!(value.is_finite(), range.contains(&index));
                }
            }
        });
    }

    fn check_edges(&self) {
        let length = self.columns * 5;
        for value in [1e-40, 1e-20, 1e-7, 1.0, 1e3] {
            let decoded = self.transfer(&vec![-value; length], 200);
            assert!(decoded.iter().all(|decoded| decoded.abs() <= 1e-6 + 50.0 * value), "{value}");
        }
        assert!(self.transfer(&vec![0.0; length], 200).iter().all(|&value| value == 0.0));
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut update = vec![1.0; length];
            update[2] = bad;
            assert_eq!((self.encode)(&update, 0, &mut [0; 200]), Err(CodecError::NotFinite));
        }
        let huge = vec![3e38; length];
        let encoded = (self.encode)(&huge, 0, &mut [0; 200]);
        assert!(matches!(encoded, Err(CodecError::NotFinite) | Ok(_)), "{encoded:?}");
        let beyond = CodecError::IndexBeyondEnd { index: length, params: length };
        assert_eq!((self.encode)(&vec![1.0; length], length, &mut [0; 200]), Err(beyond));
        for room in 0..self.room {
            let mut payload = vec![0; room];
            match (self.encode)(&vec![1.0; length], 0, &mut payload) {
                Ok(block) => assert!(block.bytes <= room),
                Err(error) => assert_eq!(error, CodecError::NoRoom { have_bytes: room }),
            }
        }
        if self.columns == 1 {
            assert!((self.transfer(&[-3.0], 200)[0] + 3.0).abs() < 6.0, "one coordinate");
        }
    }
}

/// Normally distributed numbers (Box and Muller 1958).
pub fn gaussian(length: usize, seed: u32) -> Vec<f32> {
    let mut random = Random::new(seed, 77);
    let mut number = || {
        let radius = libm::sqrtf(-2.0 * libm::logf(1.0 - random.uniform()));
        radius * libm::cosf(core::f32::consts::TAU * random.uniform())
    };
    (0..length).map(|_| number()).collect()
}

/// |a - b|² / |a|².
pub fn nmse(a: &[f32], b: &[f32]) -> f64 {
    let square = |value: f32| f64::from(value) * f64::from(value);
    let error: f64 = a.iter().zip(b).map(|(a, b)| square(a - b)).sum();
    error / a.iter().map(|&value| square(value)).sum::<f64>()
}

/// The mean over 100 normal vectors and seeds of the error of one block, and its bytes.
pub fn mean_nmse<'a>(length: usize, codec: impl Fn(u32) -> Codec<'a>) -> (f64, usize) {
    let (mut sum, mut bytes) = (0.0, 0);
    for seed in 0..100 {
        let update = gaussian(length, seed);
        let codec = codec(seed);
        let blocks = codec.blocks(&update, 4_096);
        assert_eq!(blocks.len(), 1);
        bytes = blocks[0].1.len();
        sum += nmse(&update, &codec.transfer(&update, 4_096));
    }
    (sum / 100.0, bytes)
}

/// The error of a mean over seeds falls as one over their number, which a bias would not let it.
pub fn check_unbiased<'a>(update: &[f32], codec: impl Fn(u32) -> Codec<'a>) {
    const SEEDS: u32 = 2_000;
    let (mut mean, mut single) = (vec![0f32; update.len()], 0.0);
    for seed in 0..SEEDS {
        let decoded = codec(seed.wrapping_mul(0x9e37_79b9)).transfer(update, 231);
        single += nmse(update, &decoded) / f64::from(SEEDS);
        mean.iter_mut().zip(decoded).for_each(|(mean, value)| *mean += value / SEEDS as f32);
    }
    let of_mean = nmse(update, &mean);
    assert!(of_mean <= 1.3 * single / f64::from(SEEDS), "one {single}, mean {of_mean}");
}
