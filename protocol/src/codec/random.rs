//! The generator behind everything that codecs draw: SplitMix64 (Steele, Lea and Flood 2014).
//!
//! Both sides must draw the same numbers on any machine, so the generator is part of the format. It is not for keys.
//!
//! ```
//! use chirrup_protocol::codec::random::Random;
//! let mut random = Random::new(7, 0);
//! assert_eq!(random.next_u64(), 0x63cb_e1e4_5932_0dd7);
//! ```
use crate::ids::DevEui;

/// The seed of a contribution, from the device's identity and the four bytes of fields before the payload: the upper
/// half of the first number from the state DevEUI xor fields 2^32.
pub const fn seed(dev_eui: DevEui, fields: u32) -> u32 {
    let state = u64::from_be_bytes(dev_eui.0) ^ (fields as u64) << 32;
    let mut random = Random { state, signs: 0, signs_left: 0 };
    (random.next_u64() >> 32) as u32
}

/// A stream of numbers, a function of its seed and stream alone.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
    signs: u64,
    signs_left: u32,
}

impl Random {
    /// The stream with number `stream` of a seed. Streams of one seed are independent of each other.
    pub const fn new(seed: u32, stream: u32) -> Self {
        Self { state: (stream as u64) << 32 | seed as u64, signs: 0, signs_left: 0 }
    }

    /// The next 64 bits.
    pub const fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.state ^ self.state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A multiple of 2^-24 in [0, 1): the upper 24 of the next 64 bits.
    pub fn uniform(&mut self) -> f32 {
        (self.next_u64() >> 40) as f32 / 16_777_216.0
    }

    /// +1 or -1: bit by bit from the lowest of the next 64 bits, a set bit being -1. The bits left of a word are kept
    /// for the next sign, whatever else is drawn in between.
    pub fn sign(&mut self) -> f32 {
        if self.signs_left == 0 {
            self.signs = self.next_u64();
            self.signs_left = 64;
        }
        let negative = self.signs & 1 == 1;
        self.signs >>= 1;
        self.signs_left -= 1;
        if negative { -1.0 } else { 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first outputs of SplitMix64 from state 1234567, as published with the generator's reference code.
    #[test]
    fn the_numbers_are_those_of_splitmix64() {
        let mut random = Random::new(1_234_567, 0);
        let expected = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ];
        for number in expected {
            assert_eq!(random.next_u64(), number);
        }
    }

    #[test]
    fn streams_differ_and_numbers_stay_in_their_range() {
        let (mut first, mut second) = (Random::new(7, 0), Random::new(7, 1));
        assert_ne!(first.next_u64(), second.next_u64());
        let mut sum = 0.0;
        for _ in 0..10_000 {
            let uniform = first.uniform();
            assert!((0.0..1.0).contains(&uniform));
            sum += uniform;
        }
        assert!((4_900.0..5_100.0).contains(&sum), "the mean of 10,000 is near a half: {sum}");
    }

    #[test]
    fn signs_are_the_bits_of_a_word() {
        let word = Random::new(3, 0).next_u64();
        let mut random = Random::new(3, 0);
        for bit in 0..64 {
            assert_eq!(random.sign() < 0.0, word >> bit & 1 == 1);
        }
    }
}
