//! Opt-OVO: voting in either scalar, a byte a weight, and with base learners left out.
use super::scalar::Number;
use crate::{CLASSES, Exercise, FEATURES, Hash, SAMPLES, Sample};
use chirrup_learn::linear::one_versus_one::reduced::{self, Standing};
use chirrup_learn::linear::one_versus_one::{OneVersusOne, pairs, quantised, reduction, voting, weights_len};
use chirrup_learn::linear::passive_aggressive::{PassiveAggressive, StepRule};
use chirrup_learn::scalar::Scalar;
use chirrup_learn::{LearnError, Shape};

const SHAPE: Shape = Shape { features: FEATURES, classes: CLASSES };
const WEIGHTS: usize = weights_len(SHAPE);
const PAIRS: usize = pairs(CLASSES);

fn learner<S: Scalar>() -> OneVersusOne<PassiveAggressive<S>> {
    let aggressiveness = S::from_f32(0.000_976_562_5);
    OneVersusOne {
        classes: CLASSES,
        base: PassiveAggressive { features: FEATURES, rule: StepRule::Damped, aggressiveness },
    }
}

/// Voting.
pub struct Voting<S> {
    weights: [S; WEIGHTS],
    votes: [u16; CLASSES],
}

impl<S: Number> Exercise for Voting<S> {
    const NAME: &'static str = S::IN.opt_ovo;
    const STATE_BYTES: usize = 4 * WEIGHTS;
    const SCRATCH_BYTES: usize = 2 * CLASSES;

    fn new() -> Self {
        Self { weights: [S::ZERO; _], votes: [0; _] }
    }

    fn learn(&mut self, sample: &Sample) -> Result<(), LearnError> {
        learner().step(&mut self.weights, &mut [], S::features(sample), sample.label)
    }

    fn infer(&mut self, sample: &Sample) -> Result<u32, LearnError> {
        voting::predict(SHAPE, &self.weights, S::features(sample), &mut self.votes).map(|class| class as u32)
    }

    fn hash(&self, hash: &mut Hash) {
        S::hash(&self.weights, hash);
    }
}

/// A byte a weight, made anew at each step.
pub struct Bytes {
    trained: Voting<f32>,
    levels: [i8; WEIGHTS],
    scales: [f32; PAIRS],
    scaled: [i16; FEATURES + 1],
}

impl Exercise for Bytes {
    const NAME: &'static str = "Opt-OVO of Train++, int8 (step: in f32, then quantisation)";
    const STATE_BYTES: usize = Voting::<f32>::STATE_BYTES + WEIGHTS + 4 * PAIRS;
    const SCRATCH_BYTES: usize = Voting::<f32>::SCRATCH_BYTES + 2 * (FEATURES + 1);

    fn new() -> Self {
        Self { trained: Voting::new(), levels: [0; _], scales: [0.0; _], scaled: [0; _] }
    }

    fn learn(&mut self, sample: &Sample) -> Result<(), LearnError> {
        self.trained.learn(sample)?;
        quantised::quantise(SHAPE, &self.trained.weights, &mut self.levels, &mut self.scales)
    }

    fn infer(&mut self, sample: &Sample) -> Result<u32, LearnError> {
        let votes = &mut self.trained.votes;
        quantised::predict(SHAPE, &self.levels, &sample.fixed, &mut self.scaled, votes)
            .map(|class| class as u32)
    }

    fn hash(&self, hash: &mut Hash) {
        self.levels.iter().for_each(|&level| hash.bytes(&level.to_le_bytes()));
        hash.floats(&self.scales);
    }
}

const KEPT: usize = reduction::default_kept(CLASSES);
/// Samples that the base learners see. The others are held out.
const SEEN: usize = SAMPLES * 3 / 4;

/// Four base learners in five, chosen by their outcomes on held-out samples when the last of them has come.
pub struct Reduced {
    trained: Voting<f32>,
    tables: [u16; reduction::tables_len(CLASSES)],
    numbers: [u16; PAIRS],
    kept: [f32; WEIGHTS],
    standings: [Standing<f32>; CLASSES],
    samples: usize,
}

impl Exercise for Reduced {
    const NAME: &'static str = "Opt-OVO reduced to 36 base learners (step: outcomes of a held-out sample)";
    const STATE_BYTES: usize = 4 * KEPT * (FEATURES + 1) + 2 * KEPT + 2 * reduction::tables_len(CLASSES);
    const SCRATCH_BYTES: usize = 8 * CLASSES;

    fn new() -> Self {
        Self {
            trained: Voting::new(),
            tables: [0; _],
            numbers: core::array::from_fn(|number| number as u16),
            kept: [0.0; _],
            standings: [Standing::default(); _],
            samples: 0,
        }
    }

    fn learn(&mut self, sample: &Sample) -> Result<(), LearnError> {
        self.samples += 1;
        if self.samples <= SEEN {
            return self.trained.learn(sample);
        }
        let weights = &self.trained.weights;
        reduction::observe(SHAPE, weights, &sample.features, sample.label, &mut self.tables)?;
        if self.samples == SAMPLES {
            let mut scratch = [0.0; CLASSES];
            reduction::choose(CLASSES, &self.tables, KEPT, &mut self.numbers, &mut scratch)?;
            self.kept = *weights;
            reduction::compact(SHAPE, &self.numbers[..KEPT], &mut self.kept)?;
        }
        Ok(())
    }

    fn infer(&mut self, sample: &Sample) -> Result<u32, LearnError> {
        let weights = &self.kept[..KEPT * (FEATURES + 1)];
        reduced::predict(SHAPE, &self.numbers[..KEPT], weights, &sample.features, &mut self.standings)
            .map(|class| class as u32)
    }

    fn hash(&self, hash: &mut Hash) {
        self.numbers.iter().for_each(|&number| hash.word(number.into()));
        hash.floats(&self.kept);
    }
}
