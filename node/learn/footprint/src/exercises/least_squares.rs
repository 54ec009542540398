//! OS-ELM in steps, batches and sums, as an autoencoder, and an echo state network.
use crate::{CLASSES, Exercise, FEATURES, Hash, Sample};
use chirrup_learn::least_squares::autoencoder::{Autoencoder, Finding, Scores};
use chirrup_learn::least_squares::echo_state;
use chirrup_learn::least_squares::layer::Layer;
use chirrup_learn::least_squares::os_elm::OsElm;
use chirrup_learn::{LearnError, Shape};

const SHAPE: Shape = Shape { features: FEATURES, classes: CLASSES };
const LAYER: Layer = Layer { seed: 5, units: 64, gain: 0.125 };
const OS_ELM: OsElm = OsElm { shape: SHAPE, layer: LAYER, ridge: 1.0 };
const BATCH: usize = 2;
/// Half the units: a solution in double precision takes its time without hardware for it.
const FEDERATED: OsElm = OsElm { layer: Layer { units: 32, ..LAYER }, ..OS_ELM };
const DETECTOR: Autoencoder = Autoencoder {
    features: FEATURES,
    layer: Layer { units: 16, ..LAYER },
    ridge: 1.0,
    deviations: 2.0,
    window: 40,
};
const NETWORK: echo_state::EchoState = echo_state::EchoState {
    seed: 5,
    inputs: 1,
    units: 100,
    outputs: 1,
    radius: 0.85,
    input_gain: 0.02,
    bias_gain: 0.5,
    ridge: 1e-9,
};

/// OS-ELM, a sample at a time.
pub struct Steps {
    covariance: [f32; OS_ELM.covariance_len()],
    readout: [f32; OS_ELM.readout_len()],
    scratch: [f32; OS_ELM.scratch_len()],
}

impl Exercise for Steps {
    const NAME: &'static str = "OS-ELM, 64 units";
    const STATE_BYTES: usize = 4 * (OS_ELM.covariance_len() + OS_ELM.readout_len());
    const SCRATCH_BYTES: usize = 4 * OS_ELM.scratch_len();

    fn new() -> Self {
        let mut new = Self { covariance: [0.0; _], readout: [0.0; _], scratch: [0.0; _] };
        OS_ELM.start(&mut new.covariance, &mut new.readout).expect("both have the learner's length");
        new
    }

    fn learn(&mut self, sample: &Sample) -> Result<(), LearnError> {
        let Self { covariance, readout, scratch } = self;
        OS_ELM.step(covariance, readout, &sample.features, sample.label, scratch).map(|_| ())
    }

    fn infer(&mut self, sample: &Sample) -> Result<u32, LearnError> {
        let scores = &mut self.scratch[..CLASSES];
        OS_ELM.predict(&self.readout, &sample.features, scores).map(|class| class as u32)
    }

    fn hash(&self, hash: &mut Hash) {
        hash.floats(&self.covariance);
        hash.floats(&self.readout);
    }
}

/// OS-ELM in batches: of the sample, and of the sample from its end.
pub struct Batches {
    covariance: [f32; OS_ELM.covariance_len()],
    readout: [f32; OS_ELM.readout_len()],
    scratch: [f32; OS_ELM.batch_scratch_len(BATCH)],
}

impl Exercise for Batches {
    const NAME: &'static str = "OS-ELM, 64 units, a batch of two";
    const STATE_BYTES: usize = Steps::STATE_BYTES;
    const SCRATCH_BYTES: usize = 4 * OS_ELM.batch_scratch_len(BATCH);

    fn new() -> Self {
        let mut new = Self { covariance: [0.0; _], readout: [0.0; _], scratch: [0.0; _] };
        OS_ELM.start(&mut new.covariance, &mut new.readout).expect("both have the learner's length");
        new
    }

    fn learn(&mut self, sample: &Sample) -> Result<(), LearnError> {
        let Self { covariance, readout, scratch } = self;
        let mut samples = [sample.features; BATCH];
        samples[1].reverse();
        OS_ELM.step_batch(covariance, readout, samples.as_flattened(), &[sample.label; BATCH], scratch)?;
        Ok(())
    }

    fn infer(&mut self, sample: &Sample) -> Result<u32, LearnError> {
        let scores = &mut self.scratch[..CLASSES];
        OS_ELM.predict(&self.readout, &sample.features, scores).map(|class| class as u32)
    }

    fn hash(&self, hash: &mut Hash) {
        hash.floats(&self.covariance);
        hash.floats(&self.readout);
    }
}

/// The sums of a federation's OS-ELM. Its verdict is a solution of them, and that solution's.
pub struct Sums {
    sums: [i32; FEDERATED.sums_len()],
    readout: [f32; FEDERATED.readout_len()],
    answers: [i8; FEDERATED.layer.units],
    scratch: [f32; FEDERATED.solve_scratch_len()],
}

impl Exercise for Sums {
    const NAME: &'static str = "OS-ELM, 32 units, sums; the verdict with a solution";
    const STATE_BYTES: usize = 4 * (FEDERATED.sums_len() + FEDERATED.readout_len());
    const SCRATCH_BYTES: usize = 4 * FEDERATED.solve_scratch_len();

    fn new() -> Self {
        Self { sums: [0; _], readout: [0.0; _], answers: [0; _], scratch: [0.0; _] }
    }

    fn learn(&mut self, sample: &Sample) -> Result<(), LearnError> {
        let Self { sums, answers, .. } = self;
        FEDERATED.add_to_sums(sums, &sample.features, sample.label, answers).map(|_| ())
    }

    fn infer(&mut self, sample: &Sample) -> Result<u32, LearnError> {
        FEDERATED.solve_sums(&self.sums, &mut self.scratch, &mut self.readout)?;
        let scores = &mut self.scratch[..CLASSES];
        FEDERATED.predict(&self.readout, &sample.features, scores).map(|class| class as u32)
    }

    fn hash(&self, hash: &mut Hash) {
        self.sums.iter().for_each(|sum| hash.word(*sum as u32));
        hash.floats(&self.readout);
    }
}

/// Autoencoder by OS-ELM.
pub struct Detector {
    covariance: [f32; DETECTOR.covariance_len()],
    readout: [f32; DETECTOR.readout_len()],
    scores: Scores,
    scratch: [f32; DETECTOR.scratch_len()],
}

impl Exercise for Detector {
    const NAME: &'static str = "autoencoder by OS-ELM, 16 units";
    const STATE_BYTES: usize = 4 * (DETECTOR.covariance_len() + DETECTOR.readout_len()) + size_of::<Scores>();
    const SCRATCH_BYTES: usize = 4 * DETECTOR.scratch_len();

    fn new() -> Self {
        let scores = Scores::default();
        let mut new = Self { covariance: [0.0; _], readout: [0.0; _], scores, scratch: [0.0; _] };
        DETECTOR.start(&mut new.covariance, &mut new.readout).expect("both have the learner's length");
        new
    }

    fn learn(&mut self, sample: &Sample) -> Result<(), LearnError> {
        let Self { covariance, readout, scores, scratch } = self;
        DETECTOR.step(covariance, readout, scores, &sample.features, scratch).map(|_| ())
    }

    fn infer(&mut self, sample: &Sample) -> Result<u32, LearnError> {
        let errors = &mut self.scratch[..FEATURES];
        let verdict = DETECTOR.judge(&self.readout, &self.scores, &sample.features, errors)?;
        let is_unusual = verdict.finding == Finding::Unusual;
        Ok(verdict.score.to_bits() ^ u32::from(is_unusual))
    }

    fn hash(&self, hash: &mut Hash) {
        hash.floats(&self.covariance);
        hash.floats(&self.readout);
        hash.floats(&[self.scores.mean, self.scores.variance]);
    }
}

/// Echo state network: it learns a sample's second feature from the first of all so far. Its verdict is a solution, and
/// that solution's answer.
pub struct EchoState {
    state: [f32; NETWORK.units],
    triangle: [f32; NETWORK.triangle_len()],
    readout: [f32; NETWORK.readout_len()],
    scratch: [f32; NETWORK.learning_scratch_len()],
}

impl Exercise for EchoState {
    const NAME: &'static str = "echo state network, 100 units, one input; the verdict with a solution";
    const STATE_BYTES: usize = 4 * (NETWORK.units + NETWORK.triangle_len() + NETWORK.readout_len());
    const SCRATCH_BYTES: usize = 4 * NETWORK.learning_scratch_len();

    fn new() -> Self {
        let mut new = Self { state: [0.0; _], triangle: [0.0; _], readout: [0.0; _], scratch: [0.0; _] };
        NETWORK.start(&mut new.state, &mut new.triangle).expect("both have the network's length");
        new
    }

    fn learn(&mut self, sample: &Sample) -> Result<(), LearnError> {
        let Self { state, triangle, scratch, .. } = self;
        let (input, target) = (&sample.features[..1], &sample.features[1..2]);
        NETWORK.advance(state, input, &mut scratch[..NETWORK.scratch_len()])?;
        NETWORK.learn(triangle, state, input, target, scratch)
    }

    fn infer(&mut self, sample: &Sample) -> Result<u32, LearnError> {
        let Self { state, triangle, readout, scratch } = self;
        NETWORK.solve(triangle, readout)?;
        let (mut answer, scratch) = ([0.0], &mut scratch[..NETWORK.scratch_len()]);
        NETWORK.answer(readout, state, &sample.features[..1], &mut answer, scratch)?;
        Ok(answer[0].to_bits())
    }

    fn hash(&self, hash: &mut Hash) {
        hash.floats(&self.state);
        hash.floats(&self.triangle);
        hash.floats(&self.readout);
    }
}
