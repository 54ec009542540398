//! A network executed from flash: convolution (8), pool, convolution (16), mean, dense, softmax on 8 x 8 pixels, in
//! integers, in f32, and in f32 with weights of two bytes. Nothing is learnt. The images are written by
//! `cargo run -p chirrup-compile --example footprint_images`.
use crate::{CLASSES, Exercise, Hash, Sample};
use chirrup_learn::LearnError;
use chirrup_learn::infer::Network;
use chirrup_learn::infer::network::RunError;

/// A format, its image, and the arena that the image asks for.
pub trait Format {
    /// As in the table.
    const NAME: &'static str;
    /// What `chirrup-compile` wrote.
    const IMAGE: &'static [u8];
}

/// Integers.
pub struct Int8;
/// f32.
pub struct F32;
/// f32, weights in two bytes.
pub struct F16;

impl Format for Int8 {
    const NAME: &'static str = "inference from flash, int8";
    const IMAGE: &'static [u8] = include_bytes!("int8.bin");
}

impl Format for F32 {
    const NAME: &'static str = "inference from flash, f32";
    const IMAGE: &'static [u8] = include_bytes!("f32.bin");
}

impl Format for F16 {
    const NAME: &'static str = "inference from flash, f16";
    const IMAGE: &'static [u8] = include_bytes!("f16.bin");
}

/// Room for the largest of the arenas.
const ARENA_BYTES: usize = 4096;

/// A loaded network in lent memory.
pub struct Inference<F> {
    network: Network<'static>,
    arena: [u8; ARENA_BYTES],
    probabilities: [f32; CLASSES],
    format: core::marker::PhantomData<F>,
}

impl<F: Format> Exercise for Inference<F> {
    const NAME: &'static str = F::NAME;
    const STATE_BYTES: usize = 0;
    const SCRATCH_BYTES: usize = arena_bytes(F::IMAGE) + 4 * CLASSES;

    fn new() -> Self {
        let network = Network::load(F::IMAGE).expect("the compiler wrote it");
        let (arena, probabilities) = ([0; ARENA_BYTES], [0.0; CLASSES]);
        Self { network, arena, probabilities, format: core::marker::PhantomData }
    }

    fn learn(&mut self, _: &Sample) -> Result<(), LearnError> {
        Ok(())
    }

    fn infer(&mut self, sample: &Sample) -> Result<u32, LearnError> {
        let Self { network, arena, probabilities, .. } = self;
        network.run(&sample.features, probabilities, arena).map_err(|refused| match refused {
            RunError::Refused(refused) => refused,
            RunError::NotIntegers => unreachable!("the sample is of real numbers"),
        })?;
        // The verdict is all probabilities: nothing else is left to compare.
        let mut hash = Hash::default();
        hash.floats(probabilities);
        Ok(hash.value() as u32)
    }

    fn hash(&self, hash: &mut Hash) {
        hash.floats(&self.probabilities);
    }
}

/// The arena's size as the header states it.
const fn arena_bytes(image: &[u8]) -> usize {
    u32::from_le_bytes([image[16], image[17], image[18], image[19]]) as usize
}
