//! One network in three kinds of numbers, beside linear and batch methods.
use super::{MLP, WHOLE, WIDTHS, accuracy, fit, initial};
use crate::baselines::{logistic_regression, rbf_svm};
use crate::data::{Labelled, Split};
use crate::section::{Bar, Table, mean, percent};
use crate::softmax;
use anyhow::Result;
use chirrup_learn::network::int8::convert::{calibrate, calibration_scratch_len, fit_scales, quantise};
use chirrup_learn::network::int8::train::{Int8Backprop, Int8Scratch};
use chirrup_learn::network::int8::{Int8Mlp, LayerScale};
use chirrup_learn::network::plan::Plan;
use chirrup_learn::random::Random;
use chirrup_learn::scalar::{Fixed, Scalar};

const PASSES: [usize; 3] = [1, 5, 20];
/// Samples that scales are fitted on.
const CALIBRATION: usize = 100;

/// A network of bytes with its memory.
pub struct Bytes {
    scales: Vec<LayerScale>,
    weights: Vec<i8>,
    biases: Vec<i32>,
    random: Random,
}

impl Bytes {
    /// From a network of f32, with room for weights and activations to grow by a factor.
    pub fn of(params: &[f32], data: &Labelled, headroom: f32) -> Result<Self> {
        let (mut peaks, mut scratch) = ([0.0; 2], vec![0.0; calibration_scratch_len(MLP)]);
        for sample in data.samples.iter().take(CALIBRATION) {
            calibrate(MLP, params, sample, &mut peaks, &mut scratch)?;
        }
        // Samples do not grow.
        peaks[1] *= headroom;
        let mut scales = vec![LayerScale::fitting(1.0, 1.0); MLP.layers()];
        fit_scales(MLP, params, &peaks, headroom, &mut scales)?;
        let network = Int8Mlp { widths: &WIDTHS, scales: &scales };
        let (mut weights, mut biases) = (vec![0; network.weights_len()], vec![0; network.biases_len()]);
        quantise(network, params, &mut weights, &mut biases)?;
        Ok(Self { scales, weights, biases, random: Random::new(1) })
    }

    /// Trains with quantisation-aware scaling.
    pub fn fit(
        &mut self,
        plan: Plan,
        learning_rate: f32,
        data: &Labelled,
        passes: std::ops::Range<usize>,
    ) -> Result<()> {
        let network = Int8Mlp { widths: &WIDTHS, scales: &self.scales };
        let learner = Int8Backprop { network, plan, learning_rate, clip_norm: WHOLE.clip_norm };
        let mut scratch = Int8Scratch {
            activations: &mut vec![0; network.activations_len()],
            errors: &mut vec![0; learner.errors_len()],
            probabilities: &mut [0.0; WIDTHS[2]],
        };
        for pass in passes {
            for index in data.order(pass as u64) {
                let (sample, label) = (&data.samples[index], data.labels[index]);
                let Self { weights, biases, random, .. } = self;
                learner.step(weights, biases, sample, label, &mut scratch, random)?;
            }
        }
        Ok(())
    }

    /// Share of the samples whose label is predicted.
    pub fn accuracy(&self, data: &Labelled) -> Result<f64> {
        let network = Int8Mlp { widths: &WIDTHS, scales: &self.scales };
        let (mut probabilities, mut activations) = ([0.0; WIDTHS[2]], vec![0; network.activations_len()]);
        Ok(data.accuracy(|sample| {
            network.predict(&self.weights, &self.biases, sample, &mut probabilities, &mut activations)
        })?)
    }

    /// Weights, biases and scales.
    pub fn model_bytes(&self) -> usize {
        self.weights.len() + 4 * self.biases.len() + size_of_val(&*self.scales)
    }
}

/// Accuracies after each of the [`PASSES`].
type Progress = [f64; PASSES.len()];

/// Calls `train` with the passes from one count to the next, and takes what it gives.
fn progress(mut train: impl FnMut(std::ops::Range<usize>) -> Result<f64>) -> Result<Progress> {
    let mut progress = Progress::default();
    for (index, passes) in PASSES.into_iter().enumerate() {
        progress[index] = train(if index == 0 { 0 } else { PASSES[index - 1] }..passes)?;
    }
    Ok(progress)
}

fn of_scalar<S: Scalar>(split: &Split) -> Result<Progress> {
    let mut params: Vec<S> = initial(1)?;
    progress(|passes| {
        fit(WHOLE, &mut params, &split.train, passes)?;
        accuracy(&params, &split.test)
    })
}

fn of_bytes(split: &Split) -> Result<Progress> {
    let mut bytes = Bytes::of(&initial(1)?, &split.train, 2.0)?;
    progress(|passes| {
        bytes.fit(Plan::Whole, WHOLE.learning_rate, &split.train, passes)?;
        bytes.accuracy(&split.test)
    })
}

fn of_converted(split: &Split) -> Result<Progress> {
    let mut params: Vec<f32> = initial(1)?;
    progress(|passes| {
        fit(WHOLE, &mut params, &split.train, passes)?;
        Bytes::of(&params, &split.train, 1.0)?.accuracy(&split.test)
    })
}

fn of_softmax(split: &Split) -> Result<Progress> {
    progress(|passes| softmax::accuracy(split, passes.end))
}

/// A method that has all samples at once.
type Batch = fn(&Split) -> Result<f64>;

/// One figure, after however many passes.
fn of_batch(split: &Split, judge: Batch) -> Result<Progress> {
    Ok([judge(split)?; PASSES.len()])
}

/// The table, and how far bytes fall below floats.
pub fn measure(splits: &[Split]) -> Result<(Vec<Table>, Vec<Bar>)> {
    let of_all =
        |judge: &dyn Fn(&Split) -> Result<Progress>| splits.iter().map(judge).collect::<Result<Vec<_>>>();
    let bytes = Bytes::of(&initial(1)?, &splits[0].train, 1.0)?.model_bytes();
    let floats = 4 * MLP.params_len();
    let online = [
        ("network, f32", floats, of_all(&of_scalar::<f32>)?),
        ("network, Q16.16", floats, of_all(&of_scalar::<Fixed>)?),
        ("network, bytes, trained", bytes, of_all(&of_bytes)?),
        ("network, bytes, converted", bytes, of_all(&of_converted)?),
        ("softmax regression", 2_600, of_all(&of_softmax)?),
    ];
    let after =
        |progress: &[Progress], index| progress.iter().map(|of_split| of_split[index]).collect::<Vec<_>>();
    let mut rows = Vec::new();
    for (name, bytes, progress) in &online {
        let cells = (0..PASSES.len()).map(|index| percent(&after(progress, index)));
        rows.push([name.to_string(), bytes.to_string()].into_iter().chain(cells).collect());
    }
    let batches: [(&str, Batch); 3] = [
        ("logistic regression, batch", logistic_regression),
        ("RBF-SVM, batch", rbf_svm),
        ("most frequent class", |split| Ok(split.test.majority_rate())),
    ];
    for (name, judge) in batches {
        let cell = percent(&after(&of_all(&|split| of_batch(split, judge))?, 0));
        rows.push(vec![name.into(), "-".into(), "-".into(), "-".into(), cell]);
    }
    let last = |index: usize| 100.0 * mean(&after(&online[index].2, PASSES.len() - 1));
    let bars = vec![
        Bar::at_most("network, digits, points that trained bytes fall below f32", 1.0, last(0) - last(2)),
        Bar::at_most("network, digits, points that converted bytes fall below f32", 1.0, last(0) - last(3)),
        Bar::at_most("network, digits, points that Q16.16 falls below f32", 1.0, last(0) - last(1)),
    ];
    let table = Table {
        caption: "Accuracy on digits in percent, after passes over the data.".into(),
        head: vec!["learner", "model, B", "1 pass", "5 passes", "20 passes"],
        rows,
    };
    Ok((vec![table], bars))
}
