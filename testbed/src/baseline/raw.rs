//! Sending the data itself: all of it, or as little as suffices.
//!
//! A feature on the common scale is quantised uniformly to `2^bits` levels between -3 and 3 deviations. A node
//! codes each column, and its labels, by itself: adaptively with the Krichevsky-Trofimov estimator, or with a fixed
//! number of bits a cell, whichever is shorter. Its bits are rounded up to bytes; the figure is the mean of nodes.
use super::{RawData, RawSubset, Rows, Trainer};
use crate::data::Shares;
use chirrup_learn::LearnError;

/// Quantised features lie within this many deviations.
const RANGE: f32 = 3.0;
/// Finest quantisation that is tried.
const MOST_BITS: u32 = 8;
/// Finest quantisation that is tried for a subset.
const MOST_SUBSET_BITS: u32 = 4;
/// Accuracy that quantisation may cost.
const TOLERANCE: f64 = 0.005;
/// A subset counts by the mean over this many draws, so that no lucky one decides.
const DRAWS: u64 = 3;

/// All samples, as coarse as accuracy stays within half a point of `unquantised`; the finest otherwise.
pub fn whole(
    trainer: &Trainer,
    train: &Rows,
    test: &Rows,
    shares: &Shares,
    unquantised: f64,
) -> Result<RawData, LearnError> {
    for bits in 1.. {
        let quantised = train.map_features(|value| midpoint(level(value, bits), bits));
        let accuracy = trainer.accuracy(&trainer.train(&quantised, "centralised")?, test)?;
        if accuracy >= unquantised - TOLERANCE || bits == MOST_BITS {
            let bytes = shares.iter().map(|share| code_bytes(train, share, bits, trainer.n_classes()));
            let bytes_per_node = bytes.sum::<u64>().div_ceil(shares.len() as u64);
            return Ok(RawData { bytes_per_node, accuracy, bits_per_feature: bits });
        }
    }
    unreachable!("the loop returns at MOST_BITS")
}

/// A subset that was tried.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    bits: u32,
    samples: usize,
    bytes_per_node: u64,
    accuracy: f64,
}

/// The cheapest class-balanced subset that reaches `target`.
pub fn subset(
    trainer: &Trainer,
    train: &Rows,
    test: &Rows,
    shares: &Shares,
    target: f64,
) -> Result<RawSubset, LearnError> {
    let search = Search { trainer, train, test, owner: owners(train, shares), nodes: shares.len() };
    let mut cheapest: Option<Attempt> = None;
    let mut best_accuracy = 0.0f64;
    for bits in 1..=MOST_SUBSET_BITS {
        let all = search.attempt(bits, search.largest_class())?;
        best_accuracy = best_accuracy.max(all.accuracy);
        if all.accuracy < target {
            continue;
        }
        let limit = cheapest.map_or(u64::MAX, |attempt| attempt.bytes_per_node);
        if let Some(found) = search.smallest(bits, target, limit)? {
            cheapest = Some(found);
        }
    }
    Ok(match cheapest {
        Some(found) => RawSubset {
            bytes_per_node: Some(found.bytes_per_node),
            accuracy: found.accuracy,
            samples: Some(found.samples),
            bits_per_feature: Some(found.bits),
            reason: None,
        },
        None => RawSubset {
            accuracy: best_accuracy,
            reason: Some(format!(
                "no class-balanced sample of at most {MOST_SUBSET_BITS} bits a feature reaches {target:.3}, best \
                 {best_accuracy:.3}"
            )),
            ..RawSubset::default()
        },
    })
}

/// Which node owns each training row.
fn owners(train: &Rows, shares: &Shares) -> Vec<usize> {
    let mut owner = vec![0; train.len()];
    shares.iter().enumerate().for_each(|(node, share)| share.iter().for_each(|&row| owner[row] = node));
    owner
}

struct Search<'a> {
    trainer: &'a Trainer,
    train: &'a Rows,
    test: &'a Rows,
    owner: Vec<usize>,
    nodes: usize,
}

impl Search<'_> {
    /// Climbs in steps of a quarter until the accuracy is reached, or the cost is no longer below `limit`.
    fn smallest(&self, bits: u32, target: f64, limit: u64) -> Result<Option<Attempt>, LearnError> {
        let mut per_class = 1;
        loop {
            let attempt = self.attempt(bits, per_class)?;
            if attempt.bytes_per_node >= limit {
                return Ok(None);
            }
            if attempt.accuracy >= target {
                return Ok(Some(attempt));
            }
            if per_class >= self.largest_class() {
                return Ok(None);
            }
            per_class = (per_class + 1).max(per_class * 5 / 4).min(self.largest_class());
        }
    }

    /// Trains on `per_class` rows of every class, or all where it has fewer.
    fn attempt(&self, bits: u32, per_class: usize) -> Result<Attempt, LearnError> {
        let quantised = |value| midpoint(level(value, bits), bits);
        let (mut accuracy, mut bytes, mut samples) = (0.0, 0, 0);
        for draw in 0..DRAWS {
            let chosen = self.balanced(per_class, draw);
            let rows = self.train.gather(&chosen).map_features(quantised);
            let params = self.trainer.train(&rows, "subset-order")?;
            accuracy += self.trainer.accuracy(&params, self.test)? / DRAWS as f64;
            bytes += self.bytes(&chosen, bits);
            samples = chosen.len();
        }
        let bytes_per_node = bytes.div_ceil(DRAWS * self.nodes as u64);
        Ok(Attempt { bits, samples, bytes_per_node, accuracy })
    }

    fn balanced(&self, per_class: usize, draw: u64) -> Vec<usize> {
        let mut chosen = Vec::new();
        for class in 0..self.trainer.n_classes() {
            let mut members: Vec<usize> =
                (0..self.train.len()).filter(|&row| self.train.label(row) == class).collect();
            self.trainer.rng("subset", draw << 16 | class as u64).shuffle(&mut members);
            members.truncate(per_class);
            chosen.append(&mut members);
        }
        chosen
    }

    fn bytes(&self, chosen: &[usize], bits: u32) -> u64 {
        let mut of_node = vec![Vec::new(); self.nodes];
        chosen.iter().for_each(|&row| of_node[self.owner[row]].push(row));
        of_node.iter().map(|rows| code_bytes(self.train, rows, bits, self.trainer.n_classes())).sum()
    }

    fn largest_class(&self) -> usize {
        let mut sizes = vec![0; self.trainer.n_classes()];
        (0..self.train.len()).for_each(|row| sizes[self.train.label(row)] += 1);
        sizes.into_iter().max().unwrap_or(0)
    }
}

/// Index of the level that a scaled feature falls into.
fn level(value: f32, bits: u32) -> usize {
    let levels = (1u32 << bits) as f32;
    let position = (value + RANGE) / (2.0 * RANGE) * levels;
    position.clamp(0.0, levels - 1.0) as usize
}

/// The value in the middle of a level.
fn midpoint(level: usize, bits: u32) -> f32 {
    let step = 2.0 * RANGE / (1u32 << bits) as f32;
    (level as f32 + 0.5) * step - RANGE
}

/// Bytes in which one node codes `rows`.
fn code_bytes(train: &Rows, rows: &[usize], bits: u32, n_classes: usize) -> u64 {
    let mut total_bits = 0.0;
    for feature in 0..train.n_features() {
        let cells = rows.iter().map(|&row| level(train.features(row)[feature], bits));
        total_bits += column_bits(cells, 1 << bits);
    }
    total_bits += column_bits(rows.iter().map(|&row| train.label(row)), n_classes);
    libm::ceil(total_bits / 8.0) as u64
}

/// Bits of a column of symbols below `alphabet`: the shorter of the adaptive and the fixed code.
fn column_bits(symbols: impl Iterator<Item = usize>, alphabet: usize) -> f64 {
    let mut counts = vec![0u32; alphabet];
    symbols.for_each(|symbol| counts[symbol] += 1);
    let n: u32 = counts.iter().sum();
    adaptive_bits(&counts).min(f64::from(n) * libm::log2(alphabet as f64))
}

/// Code length of the Krichevsky-Trofimov estimator. The order of symbols does not matter, only their counts:
/// each symbol costs -log2((count so far + 1/2) / (all so far + alphabet / 2)), and the product has a closed form.
fn adaptive_bits(counts: &[u32]) -> f64 {
    let half_alphabet = counts.len() as f64 / 2.0;
    let n: u32 = counts.iter().sum();
    let all = libm::lgamma(f64::from(n) + half_alphabet) - libm::lgamma(half_alphabet);
    let own: f64 = counts.iter().map(|&count| libm::lgamma(f64::from(count) + 0.5) - libm::lgamma(0.5)).sum();
    (all - own) / core::f64::consts::LN_2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closed_form_is_the_sequential_estimator() {
        let symbols = [0usize, 2, 1, 0, 0, 3, 0, 2];
        let mut counts = [0u32; 4];
        let mut bits = 0.0;
        for (seen, &symbol) in symbols.iter().enumerate() {
            bits -= libm::log2((f64::from(counts[symbol]) + 0.5) / (seen as f64 + 2.0));
            counts[symbol] += 1;
        }
        assert!((adaptive_bits(&counts) - bits).abs() < 1e-9);
        assert!(adaptive_bits(&[0; 4]).abs() < 1e-12, "nothing costs nothing");
    }

    #[test]
    fn a_column_never_costs_more_than_its_fixed_code() {
        assert!((column_bits((0..16).map(|i| i % 16), 16) - 64.0).abs() < 1e-9);
        assert!(column_bits((0..1_000).map(|_| 3), 16) < 100.0, "a constant column is nearly free");
    }

    #[test]
    fn quantisation_is_within_half_a_step() {
        for bits in 1..=MOST_BITS {
            let step = 2.0 * RANGE / (1u32 << bits) as f32;
            for i in -300..=300 {
                let value = i as f32 / 100.0;
                assert!((midpoint(level(value, bits), bits) - value).abs() <= step / 2.0 + 1e-6);
            }
            assert_eq!(level(-99.0, bits), 0);
            assert_eq!(level(99.0, bits), (1 << bits) - 1);
        }
    }
}
