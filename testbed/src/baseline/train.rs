//! Training and scoring away from any radio.
use super::Rows;
use crate::data::TaskData;
use crate::kernel::Rng;
use crate::scenario::SoftmaxConfig;
use chirrup_learn::linear::softmax::Softmax;
use chirrup_learn::{LearnError, Shape};

/// Steps that a training from scratch takes at least, unless that means more than [`MOST_PASSES`].
const ENOUGH_STEPS: usize = 20_000;
/// Passes over its samples that a training from scratch makes at least.
const FEWEST_PASSES: usize = 10;
/// Passes over its samples that a training from scratch makes at most.
const MOST_PASSES: usize = 200;

/// The federation's learner with a seed for the order of samples.
pub struct Trainer {
    learner: Softmax,
    seed: u64,
}

impl Trainer {
    /// The learner of `config` for the shape of `task`.
    pub fn new(task: &TaskData, config: &SoftmaxConfig, seed: u64) -> Self {
        let shape = Shape { features: task.n_features(), classes: task.n_classes() };
        let learner = Softmax { shape, learning_rate: config.learning_rate, l2: config.l2 };
        Self { learner, seed }
    }

    /// Number of parameters of the model.
    pub fn n_params(&self) -> usize {
        self.learner.shape.linear_params()
    }

    /// Number of classes.
    pub fn n_classes(&self) -> usize {
        self.learner.shape.classes
    }

    /// Random numbers for one purpose of one baseline.
    pub fn rng(&self, purpose: &str, index: u64) -> Rng {
        Rng::for_purpose(self.seed, purpose, index)
    }

    /// A model trained from zero on `rows`; `purpose` decides their order. The step size falls linearly over the
    /// passes: a federation averages the noise of single steps away, and one model must not be worse off.
    pub fn train(&self, rows: &Rows, purpose: &str) -> Result<Vec<f32>, LearnError> {
        let mut params = vec![0.0; self.n_params()];
        let passes = ENOUGH_STEPS.div_ceil(rows.len().max(1)).clamp(FEWEST_PASSES, MOST_PASSES);
        let mut rng = self.rng(purpose, 0);
        for pass in 0..passes {
            let left = (passes - pass) as f32 / passes as f32;
            let learner = Softmax { learning_rate: left * self.learner.learning_rate, ..self.learner };
            one_pass(&learner, &mut params, rows, &mut rng)?;
        }
        Ok(params)
    }

    /// One pass over `rows` in random order, at the learner's own step size.
    pub fn pass(&self, params: &mut [f32], rows: &Rows, rng: &mut Rng) -> Result<(), LearnError> {
        one_pass(&self.learner, params, rows, rng)
    }

    /// Share of `rows` that the model classifies correctly.
    pub fn accuracy(&self, params: &[f32], rows: &Rows) -> Result<f64, LearnError> {
        let mut scratch = vec![0.0; self.n_classes()];
        let mut right = 0usize;
        for row in 0..rows.len() {
            let class = self.learner.predict(params, rows.features(row), &mut scratch)?;
            right += usize::from(class == rows.label(row));
        }
        Ok(right as f64 / rows.len().max(1) as f64)
    }
}

fn one_pass(learner: &Softmax, params: &mut [f32], rows: &Rows, rng: &mut Rng) -> Result<(), LearnError> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    rng.shuffle(&mut order);
    let mut scratch = vec![0.0; learner.shape.classes];
    for row in order {
        learner.step(params, rows.features(row), rows.label(row), &mut scratch)?;
    }
    Ok(())
}
