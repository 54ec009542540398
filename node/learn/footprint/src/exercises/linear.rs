//! Binary linear learners, which tell the lower five classes from the upper five, and the discriminant of all ten.
use super::scalar::Number;
use crate::{CLASSES, Exercise, FEATURES, Hash, Sample};
use chirrup_learn::linear::discriminant::{Discriminant as Learner, Statistics};
use chirrup_learn::linear::opt_sgd::{self, Loss, Rate};
use chirrup_learn::linear::passive_aggressive::{PassiveAggressive, StepRule};
use chirrup_learn::linear::softmax::Softmax;
use chirrup_learn::linear::svm;
use chirrup_learn::{LearnError, Shape};

const COLUMNS: usize = FEATURES + 1;

fn is_upper(sample: &Sample) -> usize {
    usize::from(sample.label >= CLASSES / 2)
}

/// Train++.
pub struct TrainPlusPlus<S> {
    weights: [S; COLUMNS],
}

impl<S: Number> TrainPlusPlus<S> {
    fn learner() -> PassiveAggressive<S> {
        // So small that after all samples there still is a loss: the step that is counted changes the weights.
        let aggressiveness = S::from_f32(1.0 / 16_384.0);
        PassiveAggressive { features: FEATURES, rule: StepRule::Damped, aggressiveness }
    }
}

impl<S: Number> Exercise for TrainPlusPlus<S> {
    const NAME: &'static str = S::IN.train_plus_plus;
    const STATE_BYTES: usize = 4 * COLUMNS;
    const SCRATCH_BYTES: usize = 0;

    fn new() -> Self {
        Self { weights: [S::ZERO; _] }
    }

    fn learn(&mut self, sample: &Sample) -> Result<(), LearnError> {
        Self::learner().step(&mut self.weights, S::features(sample), is_upper(sample)).map(|_| ())
    }

    fn infer(&mut self, sample: &Sample) -> Result<u32, LearnError> {
        Self::learner().predict(&self.weights, S::features(sample)).map(|class| class as u32)
    }

    fn hash(&self, hash: &mut Hash) {
        S::hash(&self.weights, hash);
    }
}

/// Opt-SGD with all that it has.
pub struct OptSgd<S> {
    weights: [S; COLUMNS],
    velocity: [S; COLUMNS],
}

impl<S: Number> OptSgd<S> {
    fn learner() -> opt_sgd::OptSgd<S> {
        opt_sgd::OptSgd {
            features: FEATURES,
            loss: Loss::Logistic,
            rate: Rate::Normalised,
            learning_rate: S::ONE,
            momentum: S::from_f32(0.7),
        }
    }
}

impl<S: Number> Exercise for OptSgd<S> {
    const NAME: &'static str = S::IN.opt_sgd;
    const STATE_BYTES: usize = 8 * COLUMNS;
    const SCRATCH_BYTES: usize = 0;

    fn new() -> Self {
        Self { weights: [S::ZERO; _], velocity: [S::ZERO; _] }
    }

    fn learn(&mut self, sample: &Sample) -> Result<(), LearnError> {
        let (weights, velocity) = (&mut self.weights, &mut self.velocity);
        Self::learner().step(weights, velocity, S::features(sample), is_upper(sample)).map(|_| ())
    }

    fn infer(&mut self, sample: &Sample) -> Result<u32, LearnError> {
        Self::learner().predict(&self.weights, S::features(sample)).map(|class| class as u32)
    }

    fn hash(&self, hash: &mut Hash) {
        S::hash(&self.weights, hash);
        S::hash(&self.velocity, hash);
    }
}

const STORED: usize = 24;
const SVM: svm::Svm =
    svm::Svm { features: FEATURES, cost: 1.0, tolerance: 1e-2, idle_passes: 2, max_passes: 4, seed: 1 };

/// A support vector machine, trained anew on the last samples at each step.
pub struct Svm {
    samples: [f32; STORED * FEATURES],
    labels: [u8; STORED],
    multipliers: [f32; STORED],
    weights: [f32; COLUMNS],
    next: usize,
}

impl Exercise for Svm {
    const NAME: &'static str = "linear SVM (step: up to 4 passes over 24 samples)";
    const STATE_BYTES: usize = 4 * (STORED * FEATURES + COLUMNS) + STORED;
    const SCRATCH_BYTES: usize = 4 * STORED;

    fn new() -> Self {
        Self { samples: [0.0; _], labels: [0; _], multipliers: [0.0; _], weights: [0.0; _], next: 0 }
    }

    fn learn(&mut self, sample: &Sample) -> Result<(), LearnError> {
        self.samples[self.next * FEATURES..][..FEATURES].copy_from_slice(&sample.features);
        self.labels[self.next] = is_upper(sample) as u8;
        self.next = (self.next + 1) % STORED;
        let samples = svm::Samples { features: &self.samples, labels: &self.labels };
        SVM.fit(samples, &mut self.multipliers, &mut self.weights).map(|_| ())
    }

    fn infer(&mut self, sample: &Sample) -> Result<u32, LearnError> {
        SVM.predict(&self.weights, &sample.features).map(|class| class as u32)
    }

    fn hash(&self, hash: &mut Hash) {
        hash.floats(&self.multipliers);
        hash.floats(&self.weights);
    }
}

const SHAPE: Shape = Shape { features: FEATURES, classes: CLASSES };
const DISCRIMINANT: Learner = Learner { shape: SHAPE, shrinkage: 0.1 };
const JUDGE: Softmax = Softmax { shape: SHAPE, learning_rate: 0.01, l2: 0.0 };

/// Class means and a shared covariance.
pub struct Discriminant {
    counts: [u32; CLASSES],
    means: [f32; CLASSES * FEATURES],
    scatter: [f32; DISCRIMINANT.scatter_len()],
    factor: [f32; DISCRIMINANT.scatter_len()],
    params: [f32; SHAPE.linear_params()],
    probabilities: [f32; CLASSES],
}

impl Exercise for Discriminant {
    const NAME: &'static str = "class means and covariance (verdict: solution and judgement)";
    const STATE_BYTES: usize = 4 * (CLASSES + CLASSES * FEATURES + DISCRIMINANT.scatter_len());
    const SCRATCH_BYTES: usize = 4 * (DISCRIMINANT.scatter_len() + SHAPE.linear_params() + CLASSES);

    fn new() -> Self {
        Self {
            counts: [0; _],
            means: [0.0; _],
            scatter: [0.0; _],
            factor: [0.0; _],
            params: [0.0; _],
            probabilities: [0.0; _],
        }
    }

    fn learn(&mut self, sample: &Sample) -> Result<(), LearnError> {
        DISCRIMINANT.step(&mut self.statistics().0, &sample.features, sample.label)
    }

    fn infer(&mut self, sample: &Sample) -> Result<u32, LearnError> {
        let (statistics, params, factor) = self.statistics();
        DISCRIMINANT.solve(&statistics, params, factor)?;
        JUDGE.predict(&self.params, &sample.features, &mut self.probabilities).map(|class| class as u32)
    }

    fn hash(&self, hash: &mut Hash) {
        hash.floats(&self.means);
        hash.floats(&self.scatter);
        hash.floats(&self.params);
    }
}

impl Discriminant {
    fn statistics(&mut self) -> (Statistics<'_>, &mut [f32], &mut [f32]) {
        let (counts, means, scatter) = (&mut self.counts, &mut self.means, &mut self.scatter);
        (Statistics { counts, means, scatter }, &mut self.params, &mut self.factor)
    }
}
