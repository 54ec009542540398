//! Updates as nodes make them: softmax regression on handwritten digits.
use anyhow::Result;
use chirrup_learn::Shape;
use chirrup_learn::features::moments;
use chirrup_learn::features::scale::{self, FeatureScale};
use chirrup_learn::linear::softmax::Softmax;
use chirrup_protocol::codec::random::Random;

const SHAPE: Shape = Shape { features: 64, classes: 10 };
/// Nodes.
pub const NODES: usize = 20;
/// Updates of each node.
pub const ROUNDS: usize = 10;
/// Samples behind an update.
pub const SAMPLES: usize = 30;
const LEARNING_RATE: f32 = 0.02;

/// How the data lie on the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partition {
    /// Each node has a random part of all.
    Iid,
    /// Each node has samples of one digit alone.
    OneClass,
}

struct Sample {
    features: Vec<f32>,
    label: usize,
}

/// All samples on the common scale, in an order drawn at random.
fn samples() -> Result<Vec<Sample>> {
    let data = smartcore::dataset::digits::load_dataset();
    let mut sums = vec![moments::FeatureSums::default(); SHAPE.features];
    for row in data.data.chunks_exact(SHAPE.features) {
        moments::add(&mut sums, row)?;
    }
    let count = data.num_samples as u64;
    let scales: Vec<FeatureScale> = sums
        .iter()
        .map(|&sums| {
            let (mean, deviation) = moments::mean_and_deviation(count, sums);
            FeatureScale::standardising(mean, deviation)
        })
        .collect();
    let mut samples = Vec::new();
    for (row, &label) in data.data.chunks_exact(SHAPE.features).zip(&data.target) {
        let mut features = vec![0.0; SHAPE.features];
        scale::apply(&scales, row, &mut features)?;
        samples.push(Sample { features, label: label as usize });
    }
    let mut random = Random::new(1, 0);
    for index in (1..samples.len()).rev() {
        samples.swap(index, (random.next_u64() % (index as u64 + 1)) as usize);
    }
    Ok(samples)
}

/// For each node its updates, `[ROUNDS][650]`: what it learns from its next samples in each round of a federation that
/// averages updates without compressing them.
pub fn updates(partition: Partition) -> Result<Vec<Vec<Vec<f32>>>> {
    let samples = samples()?;
    let of_node = |node: usize| -> Vec<&Sample> {
        match partition {
            Partition::Iid => samples.iter().skip(node).step_by(NODES).collect(),
            Partition::OneClass => samples
                .iter()
                .filter(|sample| sample.label == node % SHAPE.classes)
                .skip(node / SHAPE.classes)
                .step_by(NODES / SHAPE.classes)
                .collect(),
        }
    };
    let data: Vec<_> = (0..NODES).map(of_node).collect();
    let learner = Softmax { shape: SHAPE, learning_rate: LEARNING_RATE, l2: 0.0 };
    let mut global = vec![0.0; SHAPE.linear_params()];
    let mut updates = vec![Vec::new(); NODES];
    for round in 0..ROUNDS {
        let mut mean = vec![0.0; global.len()];
        for (data, updates) in data.iter().zip(&mut updates) {
            let mut local = global.clone();
            let mut scratch = vec![0.0; SHAPE.classes];
            for sample in data.iter().cycle().skip(round * SAMPLES).take(SAMPLES) {
                learner.step(&mut local, &sample.features, sample.label, &mut scratch)?;
            }
            let update: Vec<f32> = local.iter().zip(&global).map(|(local, global)| local - global).collect();
            mean.iter_mut().zip(&update).for_each(|(mean, value)| *mean += value / NODES as f32);
            updates.push(update);
        }
        global.iter_mut().zip(&mean).for_each(|(global, mean)| *global += mean);
    }
    Ok(updates)
}
