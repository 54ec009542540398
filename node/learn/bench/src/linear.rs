//! Linear models that are solved for: class means with a shared covariance, and the support vector machine.
use crate::data::{self, SPLITS, Split};
use crate::section::{Bar, Section, Table, mean, percent};
use anyhow::Result;
use chirrup_learn::linear::discriminant::{Discriminant, Statistics};
use chirrup_learn::linear::softmax::Softmax;
use chirrup_learn::linear::svm::{Ending, Samples, Svm};

const SHRINKAGE: f32 = 0.05;
const COST: f32 = 0.1;
/// Samples that the machine is given: about what a node can store.
const STORED: [usize; 2] = [50, 200];
const PASSES: usize = 400;

fn discriminant(split: &Split) -> Result<f64> {
    let shape = split.train.shape;
    let learner = Discriminant { shape, shrinkage: SHRINKAGE };
    let (mut counts, mut means) = (vec![0; shape.classes], vec![0.0; shape.classes * shape.features]);
    let mut scatter = vec![0.0; learner.scatter_len()];
    let mut statistics = Statistics { counts: &mut counts, means: &mut means, scatter: &mut scatter };
    for (sample, label) in split.train.iter() {
        learner.step(&mut statistics, sample, label)?;
    }
    let (mut params, mut scratch) = (vec![0.0; shape.linear_params()], vec![0.0; learner.scatter_len()]);
    learner.solve(&statistics, &mut params, &mut scratch)?;
    let judge = Softmax { shape, learning_rate: 0.0, l2: 0.0 };
    let mut probabilities = vec![0.0; shape.classes];
    Ok(split.test.accuracy(|sample| judge.predict(&params, sample, &mut probabilities))?)
}

/// Accuracy, and whether the training settled.
fn svm(split: &Split, stored: usize) -> Result<(f64, Ending)> {
    let train = split.train.picked(0..stored.min(split.train.len()));
    let features = train.shape.features;
    let learner = Svm { features, cost: COST, tolerance: 1e-3, idle_passes: 10, max_passes: PASSES, seed: 1 };
    let labels: Vec<u8> = train.labels.iter().map(|&label| label as u8).collect();
    let (mut multipliers, mut weights) = (vec![0.0; train.len()], vec![0.0; features + 1]);
    let samples = Samples { features: &train.samples.concat(), labels: &labels };
    let ending = learner.fit(samples, &mut multipliers, &mut weights)?;
    Ok((split.test.accuracy(|sample| learner.predict(&weights, sample))?, ending))
}

/// Both.
pub fn section() -> Result<Section> {
    let is_six = data::digits().relabelled(2, |label| usize::from(label == 6));
    let (mut solved, mut machines, mut bars) = (Vec::new(), Vec::new(), Vec::new());
    for (name, data, asked) in [
        ("digits", data::digits(), 0.94),
        ("digits, is it a 6", is_six, 0.97),
        ("breast cancer", data::breast_cancer(), 0.94),
    ] {
        let splits = SPLITS.map(|seed| data.split(seed)).collect::<Result<Vec<_>>>()?;
        let majority: Vec<f64> = splits.iter().map(|split| split.test.majority_rate()).collect();
        let accuracies = splits.iter().map(discriminant).collect::<Result<Vec<_>>>()?;
        bars.push(Bar::at_least(format!("class means and covariance, {name}"), asked, mean(&accuracies)));
        solved.push(vec![name.into(), percent(&majority), percent(&accuracies)]);
        for stored in STORED.into_iter().filter(|_| data.shape.classes == 2) {
            let runs = splits.iter().map(|split| svm(split, stored)).collect::<Result<Vec<_>>>()?;
            let accuracies: Vec<f64> = runs.iter().map(|(accuracy, _)| *accuracy).collect();
            let settled = runs.iter().filter(|(_, ending)| *ending == Ending::Settled).count();
            let name = format!("{name}, {stored} samples");
            let bytes = 4 * (stored * (data.shape.features + 1) + data.shape.features + 1) + stored;
            machines.push(vec![
                name,
                bytes.to_string(),
                percent(&majority),
                percent(&accuracies),
                format!("{settled} of {}", runs.len()),
            ]);
        }
    }
    Ok(Section {
        title: "Class means with a shared covariance, and a linear support vector machine",
        text: format!(
            "The covariance is drawn towards a ball by {SHRINKAGE}, one pass. The machine is trained by simplified SMO \
             with C = {COST} on as many\nsamples as a node can store, in at most {PASSES} passes over them."
        ),
        tables: vec![
            Table {
                caption: "Class means and covariance: accuracy in percent after one pass.".into(),
                head: vec!["task", "most frequent class", "accuracy"],
                rows: solved,
            },
            Table {
                caption: "Support vector machine: memory with the samples, accuracy, and in how many splits nothing \
                          changed any more before the last pass."
                    .into(),
                head: vec!["task", "memory, B", "most frequent class", "accuracy", "settled"],
                rows: machines,
            },
        ],
        bars,
    })
}
