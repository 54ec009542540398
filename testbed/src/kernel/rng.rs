//! Random numbers of the testbed: xoshiro256++ (Blackman and Vigna 2019), one stream a purpose.
//!
//! A stream is named by the run's seed, a label and an index. Streams do not depend on each other: a node more, or a
//! fault more, does not change what the others draw. The generator is fast and good enough for simulation; it is not
//! meant for keys.
use sha2::{Digest, Sha256};

/// One stream of random numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng {
    state: [u64; 4],
}

impl Rng {
    /// The stream for `label` and `index` in the run with `seed`. Its state is SHA-256 over seed (8 bytes,
    /// little-endian), index (8 bytes, little-endian) and label.
    pub fn for_purpose(seed: u64, label: &str, index: u64) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_le_bytes());
        hash.update(index.to_le_bytes());
        hash.update(label.as_bytes());
        let digest: [u8; 32] = hash.finalize().into();
        let mut state = [0; 4];
        for (word, bytes) in state.iter_mut().zip(digest.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        Self { state }
    }

    /// The next 64 bits.
    pub const fn next_u64(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let shifted = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= shifted;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// Uniform in [0, 1), with 53 bits.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in `0..bound`, without bias (Lemire 2019).
    ///
    /// # Panics
    /// When `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "there is no number below 0");
        let reject_below = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(bound);
            if product as u64 >= reject_below {
                return (product >> 64) as u64;
            }
        }
    }

    /// True with the given probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// Exponentially distributed with mean 1.
    pub fn exponential(&mut self) -> f64 {
        -libm::log(1.0 - self.uniform())
    }

    /// Normally distributed with mean 0 and variance 1: the first of a pair, whose second is not used.
    pub fn normal(&mut self) -> f64 {
        self.normal_pair().0
    }

    /// Two independent ones (Box and Muller 1958).
    pub fn normal_pair(&mut self) -> (f64, f64) {
        let radius = libm::sqrt(2.0 * self.exponential());
        let (sine, cosine) = libm::sincos(2.0 * core::f64::consts::PI * self.uniform());
        (radius * cosine, radius * sine)
    }

    /// Puts the items into random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

impl rand_core::RngCore for Rng {
    fn next_u32(&mut self) -> u32 {
        (Self::next_u64(self) >> 32) as u32
    }

    fn next_u64(&mut self) -> u64 {
        Self::next_u64(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        rand_core::impls::fill_bytes_via_next(self, bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first outputs of the authors' C code from the state 1, 2, 3, 4, as the crate `rand_xoshiro` has them.
    #[test]
    fn xoshiro_matches_the_reference() {
        let mut rng = Rng { state: [1, 2, 3, 4] };
        let expected = [
            41_943_041,
            58_720_359,
            3_588_806_011_781_223,
            3_591_011_842_654_386,
            9_228_616_714_210_784_205,
            9_973_669_472_204_895_162,
        ];
        assert_eq!(expected.map(|_| rng.next_u64()), expected);
    }

    #[test]
    fn streams_repeat_and_differ_by_seed_label_and_index() {
        let first = |seed, label, index| Rng::for_purpose(seed, label, index).next_u64();
        assert_eq!(first(1, "a", 0), first(1, "a", 0));
        let distinct = [first(1, "a", 0), first(2, "a", 0), first(1, "b", 0), first(1, "a", 1)];
        for (at, value) in distinct.iter().enumerate() {
            assert!(!distinct[at + 1..].contains(value));
        }
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut rng = Rng::for_purpose(7, "moments", 0);
        let n = 200_000;
        let mean = |draw: &mut dyn FnMut() -> f64| (0..n).map(|_| draw()).sum::<f64>() / f64::from(n);
        assert!((mean(&mut || rng.uniform()) - 0.5).abs() < 0.005);
        assert!((mean(&mut || rng.exponential()) - 1.0).abs() < 0.01);
        assert!(mean(&mut || rng.normal()).abs() < 0.01);
        let square = mean(&mut || {
            let x = rng.normal();
            x * x
        });
        assert!((square - 1.0).abs() < 0.02);
        assert!((mean(&mut || f64::from(u8::from(rng.chance(0.3)))) - 0.3).abs() < 0.01);
    }

    #[test]
    fn numbers_stay_below_their_bound_and_reach_all_of_it() {
        let mut rng = Rng::for_purpose(7, "bounds", 0);
        let mut counts = [0; 6];
        for _ in 0..6_000 {
            counts[rng.below(6) as usize] += 1;
        }
        assert!(counts.iter().all(|&count| (850..1_150).contains(&count)), "{counts:?}");
        let mut items = [0, 1, 2, 3, 4, 5, 6, 7];
        rng.shuffle(&mut items);
        let mut sorted = items;
        sorted.sort_unstable();
        assert_ne!(items, sorted);
        assert_eq!(sorted, [0, 1, 2, 3, 4, 5, 6, 7]);
    }
}
