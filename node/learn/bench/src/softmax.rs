//! Softmax regression by stochastic gradient descent.
use crate::data::{self, SPLITS, Split};
use crate::section::{Bar, Section, Table, mean, percent};
use anyhow::Result;
use chirrup_learn::linear::softmax::Softmax;

/// Passes over the data, and the accuracy that a reference reached after them on one split.
const PASSES: [(usize, f64); 3] = [(1, 0.933), (5, 0.954), (20, 0.963)];
const LEARNING_RATE: f32 = 0.05;

/// Accuracy after so many passes.
pub fn accuracy(split: &Split, passes: usize) -> Result<f64> {
    let shape = split.train.shape;
    let learner = Softmax { shape, learning_rate: LEARNING_RATE, l2: 0.0 };
    let (mut params, mut scratch) = (vec![0.0; shape.linear_params()], vec![0.0; shape.classes]);
    for pass in 0..passes {
        for index in split.train.order(pass as u64) {
            learner.step(
                &mut params,
                &split.train.samples[index],
                split.train.labels[index],
                &mut scratch,
            )?;
        }
    }
    Ok(split.test.accuracy(|sample| learner.predict(&params, sample, &mut scratch))?)
}

/// Digits after one and more passes.
pub fn section() -> Result<Section> {
    let digits = data::digits();
    let splits = SPLITS.map(|seed| digits.split(seed)).collect::<Result<Vec<_>>>()?;
    let (mut rows, mut bars) = (Vec::new(), Vec::new());
    for (passes, reference) in PASSES {
        let accuracies = splits.iter().map(|split| accuracy(split, passes)).collect::<Result<Vec<_>>>()?;
        bars.push(Bar::at_least(format!("softmax, digits, passes: {passes}"), reference, mean(&accuracies)));
        rows.push(vec![passes.to_string(), percent(&accuracies), format!("{:.1}", 100.0 * reference)]);
    }
    Ok(Section {
        title: "Softmax regression",
        text: format!("Digits, 650 parameters (2,600 B), step size {LEARNING_RATE}."),
        tables: vec![Table {
            caption:
                "Accuracy in percent, beside that of an independent implementation on a split of its own."
                    .into(),
            head: vec!["passes", "accuracy", "reference"],
            rows,
        }],
        bars,
    })
}
