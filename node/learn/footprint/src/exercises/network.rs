//! A network of 64, 32 and 10 units: trained as a whole in f32 and in Q16.16, in the part of a plan, in bytes, and as a
//! new head on a frozen body.
use crate::{CLASSES, Exercise, FEATURES, Hash, Sample};
use chirrup_learn::network::head::{Head, frozen};
use chirrup_learn::network::int8::convert::{calibrate, calibration_scratch_len, fit_scales, quantise};
use chirrup_learn::network::int8::train::{Int8Backprop, Int8Scratch};
use chirrup_learn::network::int8::{Int8Mlp, LayerScale};
use chirrup_learn::network::mlp::Mlp;
use chirrup_learn::network::plan::{Plan, Update};
use chirrup_learn::network::train::Backprop;
use chirrup_learn::random::Random;
use chirrup_learn::scalar::{Fixed, Scalar};
use chirrup_learn::{LearnError, Shape};

const HIDDEN: usize = 32;
const WIDTHS: [usize; 3] = [FEATURES, HIDDEN, CLASSES];
const MLP: Mlp = Mlp { widths: &WIDTHS };
const WHOLE: Backprop =
    Backprop { mlp: MLP, plan: Plan::Whole, learning_rate: 0.02, momentum: None, clip_norm: 5.0 };
const WITH_MOMENTUM: Backprop = Backprop { learning_rate: 0.002, momentum: Some(0.9), ..WHOLE };
/// Twelve of the hidden units, the other hidden biases, and the last layer.
const SPARSE: Backprop = Backprop {
    plan: Plan::Layers(&[
        Update::Channels(&[0b1011_0010, 0b0110_1000, 0b0101_0010, 0b1000_0100]),
        Update::Whole,
    ]),
    ..WITH_MOMENTUM
};

fn initial<S: Scalar>() -> [S; MLP.params_len()] {
    let mut params = [S::ZERO; MLP.params_len()];
    MLP.init(&mut params, &mut Random::new(3)).expect("the parameters have the length of the network");
    params
}

/// Everything changes, f32 or Q16.16.
pub struct Whole<S> {
    params: [S; MLP.params_len()],
    sample: [S; FEATURES],
    probabilities: [S; CLASSES],
    scratch: [S; WHOLE.scratch_len()],
}

impl<S: Scalar> Whole<S> {
    fn begin() -> Self {
        let zero = S::ZERO;
        Self { params: initial(), sample: [zero; _], probabilities: [zero; _], scratch: [zero; _] }
    }

    fn take(&mut self, sample: &Sample) {
        for (converted, &value) in self.sample.iter_mut().zip(&sample.features) {
            *converted = S::from_f32(value);
        }
    }

    fn step(&mut self, sample: &Sample) -> Result<(), LearnError> {
        self.take(sample);
        WHOLE.step(&mut self.params, &mut [], &self.sample, sample.label, &mut self.scratch).map(|_| ())
    }

    fn verdict(&mut self, sample: &Sample) -> Result<u32, LearnError> {
        self.take(sample);
        let scratch = &mut self.scratch[..MLP.scratch_len()];
        MLP.predict(&self.params, &self.sample, &mut self.probabilities, scratch).map(|class| class as u32)
    }
}

impl Exercise for Whole<f32> {
    const NAME: &'static str = "network 64-32-10";
    const STATE_BYTES: usize = 4 * MLP.params_len();
    const SCRATCH_BYTES: usize = 4 * (FEATURES + CLASSES + WHOLE.scratch_len());

    fn new() -> Self {
        Self::begin()
    }

    fn learn(&mut self, sample: &Sample) -> Result<(), LearnError> {
        self.step(sample)
    }

    fn infer(&mut self, sample: &Sample) -> Result<u32, LearnError> {
        self.verdict(sample)
    }

    fn hash(&self, hash: &mut Hash) {
        hash.floats(&self.params);
    }
}

impl Exercise for Whole<Fixed> {
    const NAME: &'static str = "network 64-32-10, Q16.16";
    const STATE_BYTES: usize = 4 * MLP.params_len();
    const SCRATCH_BYTES: usize = 4 * (FEATURES + CLASSES + WHOLE.scratch_len());

    fn new() -> Self {
        Self::begin()
    }

    fn learn(&mut self, sample: &Sample) -> Result<(), LearnError> {
        self.step(sample)
    }

    fn infer(&mut self, sample: &Sample) -> Result<u32, LearnError> {
        self.verdict(sample)
    }

    fn hash(&self, hash: &mut Hash) {
        self.params.iter().for_each(|param| hash.word(param.to_bits() as u32));
    }
}

/// Everything or a part changes, with momentum for so many parameters.
pub struct Moving<const VELOCITY: usize> {
    params: [f32; MLP.params_len()],
    velocity: [f32; VELOCITY],
    probabilities: [f32; CLASSES],
    scratch: [f32; SPARSE.scratch_len()],
}

/// Everything changes.
pub type AllMoving = Moving<{ WITH_MOMENTUM.velocity_len() }>;
/// A part changes.
pub type SomeMoving = Moving<{ SPARSE.velocity_len() }>;

impl<const VELOCITY: usize> Moving<VELOCITY> {
    const STATE_BYTES: usize = 4 * (MLP.params_len() + VELOCITY);
    const SCRATCH_BYTES: usize = 4 * (CLASSES + SPARSE.scratch_len());

    fn begin() -> Self {
        Self { params: initial(), velocity: [0.0; _], probabilities: [0.0; _], scratch: [0.0; _] }
    }

    fn step(&mut self, learner: Backprop, sample: &Sample) -> Result<(), LearnError> {
        let Self { params, velocity, scratch, .. } = self;
        learner.step(params, velocity, &sample.features, sample.label, scratch).map(|_| ())
    }

    fn verdict(&mut self, sample: &Sample) -> Result<u32, LearnError> {
        let scratch = &mut self.scratch[..MLP.scratch_len()];
        let class = MLP.predict(&self.params, &sample.features, &mut self.probabilities, scratch)?;
        Ok(class as u32)
    }

    fn learned(&self, hash: &mut Hash) {
        hash.floats(&self.params);
        hash.floats(&self.velocity);
    }
}

impl Exercise for AllMoving {
    const NAME: &'static str = "network 64-32-10, with momentum";
    const STATE_BYTES: usize = Self::STATE_BYTES;
    const SCRATCH_BYTES: usize = Self::SCRATCH_BYTES;

    fn new() -> Self {
        Self::begin()
    }

    fn learn(&mut self, sample: &Sample) -> Result<(), LearnError> {
        self.step(WITH_MOMENTUM, sample)
    }

    fn infer(&mut self, sample: &Sample) -> Result<u32, LearnError> {
        self.verdict(sample)
    }

    fn hash(&self, hash: &mut Hash) {
        self.learned(hash);
    }
}

impl Exercise for SomeMoving {
    const NAME: &'static str = "network 64-32-10, with momentum, sparse update";
    const STATE_BYTES: usize = Self::STATE_BYTES;
    const SCRATCH_BYTES: usize = Self::SCRATCH_BYTES;

    fn new() -> Self {
        Self::begin()
    }

    fn learn(&mut self, sample: &Sample) -> Result<(), LearnError> {
        self.step(SPARSE, sample)
    }

    fn infer(&mut self, sample: &Sample) -> Result<u32, LearnError> {
        self.verdict(sample)
    }

    fn hash(&self, hash: &mut Hash) {
        self.learned(hash);
    }
}

const WEIGHTS: usize = FEATURES * HIDDEN + HIDDEN * CLASSES;
const BIASES: usize = HIDDEN + CLASSES;

/// Everything changes, in bytes.
pub struct Bytes {
    scales: [LayerScale; 2],
    weights: [i8; WEIGHTS],
    biases: [i32; BIASES],
    random: Random,
    activations: [i8; FEATURES + HIDDEN],
    errors: [i32; 2 * HIDDEN],
    probabilities: [f32; CLASSES],
}

impl Bytes {
    fn convert(&mut self) -> Result<(), LearnError> {
        let params: [f32; MLP.params_len()] = initial();
        let mut peaks = [0.0; 2];
        calibrate(MLP, &params, &[3.0; FEATURES], &mut peaks, &mut [0.0; calibration_scratch_len(MLP)])?;
        fit_scales(MLP, &params, &peaks, 2.0, &mut self.scales)?;
        let network = Int8Mlp { widths: &WIDTHS, scales: &self.scales };
        quantise(network, &params, &mut self.weights, &mut self.biases)
    }
}

impl Exercise for Bytes {
    const NAME: &'static str = "network 64-32-10, int8";
    const STATE_BYTES: usize = WEIGHTS + 4 * BIASES + 2 * size_of::<LayerScale>() + size_of::<Random>();
    const SCRATCH_BYTES: usize = FEATURES + HIDDEN + 4 * (2 * HIDDEN + CLASSES);

    fn new() -> Self {
        let mut bytes = Self {
            scales: [LayerScale::fitting(1.0, 1.0); 2],
            weights: [0; _],
            biases: [0; _],
            random: Random::new(5),
            activations: [0; _],
            errors: [0; _],
            probabilities: [0.0; _],
        };
        bytes.convert().expect("all lengths are those of the network");
        bytes
    }

    fn learn(&mut self, sample: &Sample) -> Result<(), LearnError> {
        let Self { scales, weights, biases, random, activations, errors, probabilities } = self;
        let network = Int8Mlp { widths: &WIDTHS, scales };
        let learner = Int8Backprop { network, plan: Plan::Whole, learning_rate: 0.02, clip_norm: 5.0 };
        let mut scratch = Int8Scratch { activations, errors, probabilities };
        learner.step(weights, biases, &sample.features, sample.label, &mut scratch, random).map(|_| ())
    }

    fn infer(&mut self, sample: &Sample) -> Result<u32, LearnError> {
        let Self { scales, weights, biases, activations, probabilities, .. } = self;
        let network = Int8Mlp { widths: &WIDTHS, scales };
        let class = network.predict(weights, biases, &sample.features, probabilities, activations)?;
        Ok(class as u32)
    }

    fn hash(&self, hash: &mut Hash) {
        self.weights.iter().for_each(|weight| hash.bytes(&weight.to_le_bytes()));
        self.biases.iter().for_each(|bias| hash.word(*bias as u32));
    }
}

const EMBEDDED: Shape = Shape { features: HIDDEN, classes: CLASSES };

/// A new last layer on the first.
pub struct NewHead {
    body: [f32; MLP.params_len()],
    work: [f32; MLP.scratch_len()],
    head: [f32; EMBEDDED.linear_params()],
    scratch: [f32; HIDDEN + CLASSES],
}

impl Exercise for NewHead {
    const NAME: &'static str = "new head on the frozen first layer of a network 64-32-10";
    const STATE_BYTES: usize = 4 * EMBEDDED.linear_params();
    const SCRATCH_BYTES: usize = 4 * (MLP.scratch_len() + HIDDEN + CLASSES);

    fn new() -> Self {
        Self { body: initial(), work: [0.0; _], head: [0.0; _], scratch: [0.0; _] }
    }

    fn learn(&mut self, sample: &Sample) -> Result<(), LearnError> {
        let Self { body, work, head, scratch } = self;
        let mut learner = Head::new(frozen(MLP, body, 1, work), EMBEDDED);
        learner.step(head, &sample.features, sample.label, scratch).map(|_| ())
    }

    fn infer(&mut self, sample: &Sample) -> Result<u32, LearnError> {
        let Self { body, work, head, scratch } = self;
        let class =
            Head::new(frozen(MLP, body, 1, work), EMBEDDED).predict(head, &sample.features, scratch)?;
        Ok(class as u32)
    }

    fn hash(&self, hash: &mut Hash) {
        hash.floats(&self.head);
    }
}
