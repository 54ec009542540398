//! Class means and counts: what a nearest-mean classifier, and with the second moments a linear discriminant, is made
//! of (Fisher 1936; the means of each class add up over nodes, whatever classes a node has).
//!
//! ```text
//! 8 first + s, LEB128            first: feature with which the first run begins; s: fractional bits, 0 to 7
//! runs, to the end of the payload
//!   class, LEB128                ascending
//!   samples n, LEB128            1 to 2^24 - 1
//!   a level a feature, b bits    to the last feature or the end of the payload; the last byte filled with ones
//! ```
//! With H = 2^(b-1), level l of 0 to 2 H - 1 stands for the mean (2 (l - H) + 1) / 2^(s+1): a grid of power-of-two
//! steps, which all nodes share. `s` is the largest with which no mean of the payload leaves the grid, so a mean moves
//! by at most half a step, 2^-(s+1). What adds up is n times the mean. Runs after the first begin at feature 0.
use super::{Block, CodecError, FRACTION_BITS, Sum, check_samples, read_samples, write_fields};
use crate::codec::bits::{BitReader, BitWriter};
use crate::wire::{Reader, varint_bytes};

const MOST_FRACTION: u32 = 7;

/// Encodes the means of classes, `[classes][features]`, each over `counts[class]` samples, from `start` on, and
/// returns where to go on. Classes with fewer than `fewest` samples, or none, are left out: the mean of one sample is
/// that sample. `start` and `end` count entries of `means`. [`CodecError::Nothing`] when no class is left.
pub fn encode(
    counts: &[u32],
    means: &[f32],
    start: usize,
    bits: u8,
    fewest: u32,
    payload: &mut [u8],
) -> Result<Block, CodecError> {
    let half = half_levels(bits)?;
    let features = means.len() / counts.len().max(1);
    let have_bytes = payload.len();
    let mut plan = Plan { counts, features, bits: bits.into(), fewest, next: start, room: 0 };
    plan.skip();
    let (first, next) = (plan.next % features.max(1), plan.next);
    if next >= counts.len() * features {
        return Err(CodecError::Nothing);
    }
    plan.room = have_bytes.saturating_sub(varint_bytes(8 * first as u32));
    let fraction = fraction_bits(plan.clone(), means, half)?;
    let (used, mut rest) = write_fields(&[8 * first as u32 + fraction], payload)?;
    let mut bytes = used;
    while let Some(run) = plan.next_run()? {
        let (used, body) = write_fields(&[run.class as u32, run.samples], rest)?;
        let mut writer = BitWriter::new(body);
        for mean in run.means(means, features) {
            let level = libm::floorf(mean * (1u32 << fraction) as f32).clamp(-half, half - 1.0) + half;
            writer.bits(level as u32, bits.into()).expect("the plan counted these bits");
        }
        let used = used + writer.finish();
        bytes += used;
        rest = &mut rest[used..];
    }
    if plan.next == next {
        Err(CodecError::NoRoom { have_bytes })
    } else {
        plan.skip();
        Ok(Block { bytes, end: plan.next })
    }
}

/// Reads a payload of the means of `classes` by `features`. Nothing of it is used unless all of it is good.
pub fn decode(
    payload: &[u8],
    classes: usize,
    features: usize,
    bits: u8,
    fewest: u32,
) -> Result<ClassMeans<'_>, CodecError> {
    half_levels(bits)?;
    let mut reader = Reader::new(payload);
    let head = reader.varint().ok_or(CodecError::Truncated)?;
    let first = head as usize / 8;
    if first >= features {
        return Err(CodecError::IndexBeyondEnd { index: first, params: features });
    }
    let runs = Runs { reader, first, fraction: head % 8, features, bits: bits.into() };
    let (mut check, mut classes_left) = (runs.clone(), 0..classes);
    if check.reader.remaining() == 0 {
        return Err(CodecError::Truncated);
    }
    while let Some(run) = check.read(fewest)? {
        if classes_left.find(|class| *class == run.class).is_none() {
            return Err(if run.class < classes {
                CodecError::BadField { field: "class" }
            } else {
                CodecError::IndexBeyondEnd { index: run.class, params: classes }
            });
        }
    }
    Ok(ClassMeans { runs })
}

/// A payload that was checked.
#[derive(Clone, Debug)]
pub struct ClassMeans<'a> {
    runs: Runs<'a>,
}

impl<'a> ClassMeans<'a> {
    /// Each class and feature with its samples and sum, in ascending order; `index` is class x features + feature.
    pub fn sums(&self) -> impl Iterator<Item = Sum> + use<'a> {
        let mut runs = self.runs.clone();
        core::iter::from_fn(move || runs.read(0).ok().flatten()).flat_map(DecodedRun::sums)
    }
}

fn half_levels(bits: u8) -> Result<f32, CodecError> {
    match bits {
        2..=8 => Ok((1u32 << (bits - 1)) as f32),
        _ => Err(CodecError::UnknownWidth { bits }),
    }
}

/// The most fractional bits with which all means of the runs stay on the grid; 0 when none do.
fn fraction_bits(mut plan: Plan<'_>, means: &[f32], half: f32) -> Result<u32, CodecError> {
    let mut largest = 0f32;
    while let Some(run) = plan.next_run()? {
        for &mean in run.means(means, plan.features) {
            if !mean.is_finite() {
                return Err(CodecError::NotFinite);
            }
            largest = largest.max(libm::fabsf(mean));
        }
    }
    let fits = |fraction: &u32| largest * (1u32 << fraction) as f32 <= half;
    Ok((0..=MOST_FRACTION).rev().find(fits).unwrap_or(0))
}

/// Which runs fit.
#[derive(Clone)]
struct Plan<'a> {
    counts: &'a [u32],
    features: usize,
    bits: usize,
    fewest: u32,
    next: usize,
    room: usize,
}

struct PlannedRun {
    class: usize,
    samples: u32,
    first: usize,
    length: usize,
}

impl PlannedRun {
    fn means<'a>(&self, means: &'a [f32], features: usize) -> core::slice::Iter<'a, f32> {
        let start = self.class * features + self.first;
        means[start..start + self.length].iter()
    }
}

impl Plan<'_> {
    /// Passes over classes with too few samples.
    fn skip(&mut self) {
        let too_few = |class: usize| self.counts.get(class).is_some_and(|count| *count < self.fewest.max(1));
        while self.features > 0 && too_few(self.next / self.features) {
            self.next = (self.next / self.features + 1) * self.features;
        }
    }

    fn next_run(&mut self) -> Result<Option<PlannedRun>, CodecError> {
        self.skip();
        let (class, first) = (self.next / self.features, self.next % self.features);
        let Some(&samples) = self.counts.get(class) else { return Ok(None) };
        check_samples(samples, self.fewest)?;
        let fields = varint_bytes(class as u32) + varint_bytes(samples);
        let body = self.room.saturating_sub(fields);
        let length = (self.features - first).min(body * 8 / self.bits);
        if length == 0 {
            return Ok(None);
        }
        self.next += length;
        self.room = body - (length * self.bits).div_ceil(8);
        Ok(Some(PlannedRun { class, samples, first, length }))
    }
}

#[derive(Clone, Debug)]
struct Runs<'a> {
    reader: Reader<'a>,
    first: usize,
    fraction: u32,
    features: usize,
    bits: usize,
}

struct DecodedRun<'a> {
    class: usize,
    samples: u32,
    index: usize,
    end: usize,
    fraction: u32,
    bits: u32,
    levels: BitReader<'a>,
}

impl<'a> Runs<'a> {
    fn read(&mut self, fewest: u32) -> Result<Option<DecodedRun<'a>>, CodecError> {
        if self.reader.remaining() == 0 {
            return Ok(None);
        }
        let class = self.reader.varint().ok_or(CodecError::Truncated)? as usize;
        let samples = read_samples(&mut self.reader, fewest)?;
        let first = core::mem::take(&mut self.first);
        let length = (self.features - first).min(self.reader.remaining() * 8 / self.bits);
        let body = self.reader.bytes((length * self.bits).div_ceil(8)).ok_or(CodecError::Truncated)?;
        if length == 0 {
            return Err(CodecError::Truncated);
        }
        let index = class.saturating_mul(self.features).saturating_add(first);
        let (fraction, bits) = (self.fraction, self.bits as u32);
        let end = index.saturating_add(length);
        Ok(Some(DecodedRun { class, samples, index, end, fraction, bits, levels: BitReader::new(body) }))
    }
}

impl<'a> DecodedRun<'a> {
    fn sums(mut self) -> impl Iterator<Item = Sum> + use<'a> {
        (self.index..self.end).map_while(move |index| {
            let level = i64::from(self.levels.bits(self.bits)?);
            let odd = 2 * (level - (1 << (self.bits - 1))) + 1;
            let sum = i64::from(self.samples) * (odd << (FRACTION_BITS - 1 - self.fraction));
            Some(Sum { index, samples: self.samples, sum })
        })
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    const ONE: i64 = 1 << FRACTION_BITS;

    /// Worked out by hand. The largest mean is 1.9, so of 4-bit levels (H = 8) s = 2: steps of 1/4. 1.9 is level 15,
    /// 1.875; -1 is level 4, -0.875; 0.1 is level 8, 0.125; of class 2, -0.3 is level 6, -0.375; 0 is 8; 0.9 is 11.
    #[test]
    fn the_bytes_are_as_specified() {
        let means = [1.9, -1.0, 0.1, 9.0, 9.0, 9.0, -0.3, 0.0, 0.9];
        let mut payload = [0; 12];
        let block = encode(&[300, 0, 2], &means, 0, 4, 1, &mut payload).unwrap();
        assert_eq!(block, Block { bytes: 10, end: 9 });
        assert_eq!(payload[..10], [2, 0, 0xac, 2, 0xf4, 0x8f, 2, 2, 0x68, 0xbf]);
        let sums: Vec<_> = decode(&payload[..10], 3, 3, 4, 1).unwrap().sums().collect();
        let sum = |index, samples: u32, eighths: i64| Sum {
            index,
            samples,
            sum: i64::from(samples) * eighths * ONE / 8,
        };
        let expected = [(0, 300, 15), (1, 300, -7), (2, 300, 1), (6, 2, -3), (7, 2, 1), (8, 2, 7)];
        assert_eq!(sums, expected.map(|(index, samples, eighths)| sum(index, samples, eighths)));
        // The second feature of class 2 alone, with a grid of its own: s = 7, 0 is level 8, 1/256.
        let block = encode(&[300, 0, 2], &means[..8], 7, 4, 1, &mut payload);
        assert_eq!(block, Err(CodecError::Nothing), "two columns a class: class 3 does not exist");
        let block = encode(&[300, 0, 2], &means, 7, 4, 1, &mut payload[..4]).unwrap();
        assert_eq!((block, &payload[..4]), (Block { bytes: 4, end: 9 }, &[0x0b, 2, 2, 0x8f][..]));
    }

    #[test]
    fn what_cannot_be_encoded_is_said() {
        let encode = |counts: &[u32], means: &[f32], fewest, room| {
            encode(counts, means, 0, 4, fewest, &mut [0; 36][..room]).unwrap_err()
        };
        assert_eq!(encode(&[0, 0], &[1.0; 6], 0, 36), CodecError::Nothing);
        assert_eq!(encode(&[2, 1], &[1.0; 6], 3, 36), CodecError::Nothing);
        assert_eq!(encode(&[], &[], 3, 36), CodecError::Nothing);
        assert_eq!(encode(&[2, 1], &[1.0; 6], 1, 3), CodecError::NoRoom { have_bytes: 3 });
        assert_eq!(encode(&[2, 1], &[1.0; 6], 1, 0), CodecError::NoRoom { have_bytes: 0 });
        assert_eq!(encode(&[2, 1], &[f32::INFINITY; 6], 1, 36), CodecError::NotFinite);
        assert_eq!(encode(&[1 << 24], &[1.0; 6], 1, 36), CodecError::BadField { field: "samples" });
        assert_eq!(
            super::encode(&[1], &[1.0], 0, 9, 1, &mut [0; 9]),
            Err(CodecError::UnknownWidth { bits: 9 })
        );
    }

    #[test]
    fn what_no_encoder_writes_is_refused() {
        let refused = |payload: &[u8], fewest| decode(payload, 3, 3, 4, fewest).unwrap_err();
        assert_eq!(refused(&[], 1), CodecError::Truncated);
        assert_eq!(refused(&[0], 1), CodecError::Truncated);
        assert_eq!(refused(&[0, 1, 1], 1), CodecError::Truncated);
        assert_eq!(refused(&[24, 1, 1, 0], 1), CodecError::IndexBeyondEnd { index: 3, params: 3 });
        assert_eq!(refused(&[0, 3, 1, 0], 1), CodecError::IndexBeyondEnd { index: 3, params: 3 });
        assert_eq!(refused(&[0, 1, 0, 0], 1), CodecError::BadField { field: "samples" });
        assert_eq!(refused(&[0, 1, 2, 0], 3), CodecError::TooFewSamples { count: 2, min: 3 });
        assert_eq!(refused(&[0, 1, 2, 0, 0, 1, 2, 0, 0], 1), CodecError::BadField { field: "class" });
    }

    /// All blocks of a node's means, each decoded alone.
    fn blocks(counts: &[u32], means: &[f32], bits: u8, fewest: u32, room: usize) -> Vec<Vec<Sum>> {
        let (classes, features, mut next) = (counts.len(), means.len() / counts.len(), 0);
        let mut blocks = Vec::new();
        let mut payload = [0; 231];
        while next < means.len() {
            match encode(counts, means, next, bits, fewest, &mut payload[..room]) {
                Ok(block) => {
                    let decoded = decode(&payload[..block.bytes], classes, features, bits, fewest)
                        .expect("as it was encoded");
                    blocks.push(decoded.sums().collect());
                    next = block.end;
                }
                Err(error) => {
                    assert_eq!((error, blocks.len()), (CodecError::Nothing, 0));
                    break;
                }
            }
        }
        blocks
    }

    proptest! {
        #[test]
        fn blocks_of_any_size_tile_the_classes_and_stay_on_the_grid(
            counts in proptest::collection::vec(prop_oneof![Just(0u32), 0u32..400, Just(crate::codec::statistics::MAX_SAMPLES)], 1..12),
            features in 1usize..70,
            scale in prop_oneof![Just(0f32), Just(1e-30), 0.01f32..1.0, Just(1.0), Just(4.0)],
            seed: u32,
            bits in 2u8..=8,
            fewest in 0u32..4,
            room in 8usize..=231,
        ) {
            let mut random = crate::codec::random::Random::new(seed, 0);
            let means: Vec<f32> = (0..counts.len() * features).map(|_| (random.uniform() * 2.0 - 1.0) * scale).collect();
            let sums = blocks(&counts, &means, bits, fewest, room).concat();
            let kept = |index: &usize| counts[index / features] >= fewest.max(1);
            let expected: Vec<usize> = (0..means.len()).filter(kept).collect();
            prop_assert_eq!(sums.iter().map(|sum| sum.index).collect::<Vec<_>>(), expected);
            // With H = 2^(b-1), the step is the smallest of 2^-7 to 1 with which H steps reach the largest mean.
            let half = (1u32 << (bits - 1)) as f32;
            let step = (0..8).map(|s| 1.0 / (1u32 << (7 - s)) as f32).find(|step| step * half >= scale).unwrap_or(1.0);
            for sum in sums {
                prop_assert_eq!(sum.samples, counts[sum.index / features]);
                let mean = sum.sum as f64 / sum.samples as f64 / ONE as f64;
                let within = f64::from((step / 2.0).max(scale - half + 0.5));
                prop_assert!((mean - f64::from(means[sum.index])).abs() <= within);
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(
            payload in proptest::collection::vec(any::<u8>(), 0..60),
            classes in 0usize..20,
            features in 0usize..80,
            bits: u8,
        ) {
            if let Ok(means) = decode(&payload, classes, features, bits, 1) {
                prop_assert!(means.sums().all(|sum| sum.index < classes * features && sum.samples > 0));
                prop_assert!(means.sums().count() > 0);
            }
        }
    }
}
