//! Softmax regression.
use crate::{CLASSES, Exercise, FEATURES, Hash, Sample};
use chirrup_learn::linear::softmax;
use chirrup_learn::{LearnError, Shape};

const SHAPE: Shape = Shape { features: FEATURES, classes: CLASSES };
const LEARNER: softmax::Softmax = softmax::Softmax { shape: SHAPE, learning_rate: 0.02, l2: 0.001 };

/// Softmax regression, f32.
pub struct Softmax {
    params: [f32; SHAPE.linear_params()],
    scratch: [f32; CLASSES],
}

impl Exercise for Softmax {
    const NAME: &'static str = "softmax regression";
    const STATE_BYTES: usize = 4 * SHAPE.linear_params();
    const SCRATCH_BYTES: usize = 4 * CLASSES;

    fn new() -> Self {
        Self { params: [0.0; _], scratch: [0.0; _] }
    }

    fn learn(&mut self, sample: &Sample) -> Result<(), LearnError> {
        LEARNER.step(&mut self.params, &sample.features, sample.label, &mut self.scratch).map(|_| ())
    }

    fn infer(&mut self, sample: &Sample) -> Result<u32, LearnError> {
        LEARNER.predict(&self.params, &sample.features, &mut self.scratch).map(|class| class as u32)
    }

    fn hash(&self, hash: &mut Hash) {
        hash.floats(&self.params);
    }
}
