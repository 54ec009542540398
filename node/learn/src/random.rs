//! Numbers that a seed decides: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).

/// A stream of numbers. Eight bytes of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The stream of a seed.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// 64 uniform bits.
    pub const fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.state ^ self.state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// 32 uniform bits.
    pub const fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }

    /// A number from 0 to `end - 1` (zero when `end` is): the high half of a product (Lemire, TOMACS 2019), biased by
    /// less than `end / 2^32`.
    pub const fn below(&mut self, end: u32) -> u32 {
        ((self.next_u32() as u64 * end as u64) >> 32) as u32
    }

    /// A multiple of 2^-24 from 0 up to, not including, 1.
    pub const fn unit(&mut self) -> f32 {
        (self.next_u32() >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    /// A multiple of 2^-23 from -1 up to, not including, 1.
    pub const fn symmetric(&mut self) -> f32 {
        2.0 * self.unit() - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_that_of_the_reference() {
        // First outputs for the seed 1234567 of the authors' C code, as published with it at prng.di.unimi.it.
        let mut random = Random::new(1_234_567);
        let first: [u64; 3] = core::array::from_fn(|_| random.next_u64());
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn numbers_stay_in_range() {
        let mut random = Random::new(3);
        for _ in 0..1_000 {
            assert!(random.below(7) < 7);
            assert!((0.0..1.0).contains(&random.unit()));
            assert!((-1.0..1.0).contains(&random.symmetric()));
        }
        assert_eq!(random.below(0), 0);
    }
}
