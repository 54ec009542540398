//! Prototypes, and nearest neighbours in a bounded memory.
use crate::{CLASSES, Exercise, FEATURES, Hash, Sample};
use chirrup_learn::neighbours::nearest::{NearestNeighbours, Slot};
use chirrup_learn::neighbours::prototypes;
use chirrup_learn::{LearnError, Shape};

const SHAPE: Shape = Shape { features: FEATURES, classes: CLASSES };
const PROTOTYPES: prototypes::Prototypes =
    prototypes::Prototypes { shape: SHAPE, per_class: 3, memory: u32::MAX };
const MEMORY: NearestNeighbours = NearestNeighbours { shape: SHAPE, slots: 100, neighbours: 1 };
/// What stands for no class, before the first sample.
const NOTHING: usize = CLASSES;

/// Prototypes with counts.
pub struct Prototypes {
    centroids: [f32; PROTOTYPES.centroids_len()],
    counts: [u32; PROTOTYPES.counts_len()],
}

impl Exercise for Prototypes {
    const NAME: &'static str = "prototypes, three a class";
    const STATE_BYTES: usize = 4 * (PROTOTYPES.centroids_len() + PROTOTYPES.counts_len());
    const SCRATCH_BYTES: usize = 0;

    fn new() -> Self {
        Self { centroids: [0.0; _], counts: [0; _] }
    }

    fn learn(&mut self, sample: &Sample) -> Result<(), LearnError> {
        PROTOTYPES.step(&mut self.centroids, &mut self.counts, &sample.features, sample.label).map(|_| ())
    }

    fn infer(&mut self, sample: &Sample) -> Result<u32, LearnError> {
        let class = PROTOTYPES.predict(&self.centroids, &self.counts, &sample.features)?;
        Ok(class.unwrap_or(NOTHING) as u32)
    }

    fn hash(&self, hash: &mut Hash) {
        hash.floats(&self.centroids);
        self.counts.iter().for_each(|count| hash.word(*count));
    }
}

/// Nearest neighbours, a byte a feature.
pub struct Nearest {
    examples: [u8; MEMORY.examples_len()],
    slots: [Slot; MEMORY.slots],
    sample: [u8; FEATURES],
}

impl Nearest {
    fn take(&mut self, sample: &Sample) {
        for (byte, feature) in self.sample.iter_mut().zip(sample.features) {
            *byte = (32.0 * feature + 128.0) as u8;
        }
    }
}

impl Exercise for Nearest {
    const NAME: &'static str = "nearest neighbour, 100 slots of bytes";
    const STATE_BYTES: usize = MEMORY.examples_len() + MEMORY.slots * size_of::<Slot>();
    const SCRATCH_BYTES: usize = FEATURES;

    fn new() -> Self {
        Self { examples: [0; _], slots: [Slot::default(); _], sample: [0; _] }
    }

    fn learn(&mut self, sample: &Sample) -> Result<(), LearnError> {
        self.take(sample);
        MEMORY.step(&mut self.examples, &mut self.slots, &self.sample, sample.label).map(|_| ())
    }

    fn infer(&mut self, sample: &Sample) -> Result<u32, LearnError> {
        self.take(sample);
        let class = MEMORY.predict(&self.examples, &self.slots, &self.sample)?;
        Ok(class.unwrap_or(NOTHING) as u32)
    }

    fn hash(&self, hash: &mut Hash) {
        hash.bytes(&self.examples);
        for slot in self.slots {
            hash.bytes(&[slot.label.unwrap_or(u8::MAX), slot.standing as u8]);
        }
    }
}
