//! Samples that a seed decides: ten classes around centres of their own, with noise.
use chirrup_learn::random::Random;
use chirrup_learn::scalar::{Fixed, Scalar};

/// Numbers in a sample.
pub const FEATURES: usize = 64;
/// Labels.
pub const CLASSES: usize = 10;
const NOISE: f32 = 2.0;

/// A labelled sample.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// About from -3 to 3.
    pub features: [f32; FEATURES],
    /// The same in Q16.16. What a sensor measures is a whole number: converting `f32` is no part of a learner's work.
    pub fixed: [Fixed; FEATURES],
    /// 0 to 9.
    pub label: usize,
}

/// Endless samples.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    random: Random,
}

impl Stream {
    /// The stream of a seed.
    pub const fn new(seed: u64) -> Self {
        Self { random: Random::new(seed) }
    }

    /// The next sample.
    pub fn next_sample(&mut self) -> Sample {
        let label = self.random.below(CLASSES as u32) as usize;
        let mut centre = Random::new(label as u64);
        let features: [f32; FEATURES] =
            core::array::from_fn(|_| centre.symmetric() + NOISE * self.random.symmetric());
        Sample { features, fixed: features.map(Fixed::from_f32), label }
    }
}
