//! Learners at work, each the same way on a computer (`src/bin/host.rs`) and on an emulated Cortex-M
//! (`src/bin/board.rs`): what they have learnt must be the same to the last bit, and what a step takes there is counted.
//! `.ci/learn-footprint` runs both and writes `docs/learning-footprint.md`.
//!
//! A learner takes part by an [`Exercise`] in a file of [`exercises`] and a line in [`exercises::visit`].
#![no_std]

pub mod exercises;
mod hash;
mod stream;

pub use hash::Hash;
pub use stream::{CLASSES, FEATURES, Sample, Stream};

use chirrup_learn::LearnError;

/// Samples that an exercise learns from before it is measured.
pub const SAMPLES: usize = 200;

/// A learner with the memory that it is lent.
pub trait Exercise {
    /// The learner and its settings, as in the table.
    const NAME: &'static str;
    /// Bytes that a node keeps from sample to sample.
    const STATE_BYTES: usize;
    /// Bytes that are lent for a call and free after it.
    const SCRATCH_BYTES: usize;

    /// Before the first sample.
    fn new() -> Self;

    /// Learns from a sample.
    fn learn(&mut self, sample: &Sample) -> Result<(), LearnError>;

    /// Judges a sample: a class, or whatever comes out of it.
    fn infer(&mut self, sample: &Sample) -> Result<u32, LearnError>;

    /// Adds all that was learnt.
    fn hash(&self, hash: &mut Hash);
}

/// Learns from [`SAMPLES`] samples, and judges each before.
pub fn train<E: Exercise>(
    exercise: &mut E,
    stream: &mut Stream,
    verdicts: &mut Hash,
) -> Result<(), LearnError> {
    for _ in 0..SAMPLES {
        let sample = stream.next_sample();
        verdicts.word(exercise.infer(&sample)?);
        exercise.learn(&sample)?;
    }
    Ok(())
}

/// What an exercise has learnt and how it judged, as one number.
pub fn fingerprint<E: Exercise>(exercise: &mut E, stream: &mut Stream) -> Result<u64, LearnError> {
    let mut hash = Hash::default();
    train(exercise, stream, &mut hash)?;
    exercise.hash(&mut hash);
    Ok(hash.value())
}
