//! OS-ELM: a random layer and a readout by recursive least squares, alone and federated.
use crate::data::{self, Labelled, SPLITS, Split};
use crate::section::{Bar, Section, Table, mean, percent};
use anyhow::{Result, ensure};
use chirrup_learn::least_squares::layer::Layer;
use chirrup_learn::least_squares::os_elm::OsElm;
use chirrup_learn::least_squares::sums::Added;
use chirrup_learn::random::Random;

const NODES: usize = 10;
/// Units, and the accuracy that a reference reached with them, which is asked of two.
const UNITS: [(usize, f64, bool); 4] =
    [(32, 0.829, false), (64, 0.927, true), (128, 0.959, true), (256, 0.972, false)];

fn learner(data: &Labelled, seed: u64, units: usize) -> OsElm {
    // Twice 1 / sqrt(features), which suits features of unit deviation: pixels deviate by less.
    let layer = Layer { seed: seed as u32, units, gain: 0.25 };
    OsElm { shape: data.shape, layer, ridge: 1.0 }
}

fn accuracy(learner: OsElm, readout: &[f32], test: &Labelled) -> Result<f64> {
    let mut scores = vec![0.0; learner.shape.classes];
    Ok(test.accuracy(|sample| learner.predict(readout, sample, &mut scores))?)
}

/// The readout after one pass, one sample at a time.
fn steps(learner: OsElm, train: &Labelled) -> Result<Vec<f32>> {
    let mut covariance = vec![0.0; learner.covariance_len()];
    let (mut readout, mut scratch) = (vec![0.0; learner.readout_len()], vec![0.0; learner.scratch_len()]);
    learner.start(&mut covariance, &mut readout)?;
    for (sample, label) in train.iter() {
        learner.step(&mut covariance, &mut readout, sample, label, &mut scratch)?;
    }
    Ok(readout)
}

/// The readout after one pass in batches.
fn batches(learner: OsElm, train: &Labelled, batch: usize) -> Result<Vec<f32>> {
    let mut covariance = vec![0.0; learner.covariance_len()];
    let mut readout = vec![0.0; learner.readout_len()];
    learner.start(&mut covariance, &mut readout)?;
    for (samples, labels) in train.samples.chunks(batch).zip(train.labels.chunks(batch)) {
        let mut scratch = vec![0.0; learner.batch_scratch_len(labels.len())];
        learner.step_batch(&mut covariance, &mut readout, &samples.concat(), labels, &mut scratch)?;
    }
    Ok(readout)
}

/// The sums of nodes, a sample going to the node that `node` says.
fn sums_of(learner: OsElm, train: &Labelled, node: impl Fn(usize) -> usize) -> Result<Vec<Vec<i32>>> {
    let mut nodes = vec![vec![0; learner.sums_len()]; NODES];
    let mut answers = vec![0; learner.layer.units];
    for (index, (sample, label)) in train.iter().enumerate() {
        let added = learner.add_to_sums(&mut nodes[node(index)], sample, label, &mut answers)?;
        ensure!(added == Added::Counted, "sums hold 131,000 samples");
    }
    Ok(nodes)
}

fn solve(learner: OsElm, sums: &[i32]) -> Result<Vec<f32>> {
    let mut readout = vec![0.0; learner.readout_len()];
    learner.solve_sums(sums, &mut vec![0.0; learner.solve_scratch_len()], &mut readout)?;
    Ok(readout)
}

fn total(nodes: &[Vec<i32>]) -> Vec<i32> {
    (0..nodes[0].len()).map(|entry| nodes.iter().map(|node| node[entry]).sum()).collect()
}

/// Nine in ten samples of a class are at its node, the tenth anywhere.
fn skewed(train: &Labelled, seed: u64) -> Vec<usize> {
    let mut random = Random::new(seed);
    let mut node = |label| if random.below(10) > 0 { label } else { random.below(NODES as u32) as usize };
    train.labels.iter().map(|&label| node(label)).collect()
}

/// Length of the difference of two readouts, as a share of the first's.
fn distance(left: &[f32], right: &[f32]) -> f64 {
    let square = |value: f64| value * value;
    let difference: f64 = left.iter().zip(right).map(|(l, r)| square(f64::from(*l) - f64::from(*r))).sum();
    libm::sqrt(difference / left.iter().map(|l| square(f64::from(*l))).sum::<f64>())
}

/// What the ways to the same readout give on a split.
struct Ways {
    alone: f64,
    federated: f64,
    /// Distances from the federated readout: of the one from the sums of all data, of steps, of batches.
    distances: [f64; 3],
}

fn ways(split: &Split, seed: u64, units: usize) -> Result<Ways> {
    let learner = learner(&split.train, seed, units);
    let place = skewed(&split.train, seed);
    let nodes = sums_of(learner, &split.train, |index| place[index])?;
    let mut alone = Vec::new();
    for node in &nodes {
        alone.push(accuracy(learner, &solve(learner, node)?, &split.test)?);
    }
    let federated = solve(learner, &total(&nodes))?;
    let central = solve(learner, &total(&sums_of(learner, &split.train, |_| 0)?))?;
    let others = [central, steps(learner, &split.train)?, batches(learner, &split.train, 16)?];
    Ok(Ways {
        alone: mean(&alone),
        federated: accuracy(learner, &federated, &split.test)?,
        distances: others.map(|other| distance(&federated, &other)),
    })
}

fn one_pass(bars: &mut Vec<Bar>) -> Result<Table> {
    let (pixels, digits) = (data::digits_about_zero(), data::digits());
    let mut rows = Vec::new();
    for (units, reference, is_asked) in UNITS {
        let (mut plain, mut standardised) = (Vec::new(), Vec::new());
        for seed in SPLITS {
            let split = pixels.cut(seed);
            let learner = learner(&split.train, seed, units);
            plain.push(accuracy(learner, &steps(learner, &split.train)?, &split.test)?);
            let split = digits.split(seed)?;
            let learner = OsElm { layer: Layer { gain: 0.125, ..learner.layer }, ..learner };
            standardised.push(accuracy(learner, &steps(learner, &split.train)?, &split.test)?);
        }
        let learner = learner(&digits, 0, units);
        let bytes = 4 * (learner.covariance_len() + learner.readout_len());
        if is_asked {
            bars.push(Bar::at_least(
                format!("OS-ELM, digits, one pass, units: {units}"),
                reference,
                mean(&plain),
            ));
        }
        if units == 64 {
            bars.push(Bar::at_most("OS-ELM, 64 units: bytes of state", 11_000.0, bytes as f64));
        }
        rows.push(vec![
            units.to_string(),
            bytes.to_string(),
            (4 * learner.scratch_len()).to_string(),
            percent(&plain),
            percent(&standardised),
            format!("{:.1}", 100.0 * reference),
        ]);
    }
    let head = vec!["units", "state, B", "scratch, B", "pixels / 8 - 1", "standardised", "reference"];
    let caption = "Digits after one pass, one sample at a time. Accuracy in percent, beside that of an independent \
                   implementation on a split of its own.";
    Ok(Table { caption: caption.into(), head, rows })
}

fn federated(bars: &mut Vec<Bar>) -> Result<Table> {
    let (pixels, mut rows) = (data::digits_about_zero(), Vec::new());
    for units in [64, 128] {
        let all = SPLITS.map(|seed| ways(&pixels.cut(seed), seed, units)).collect::<Result<Vec<_>>>()?;
        let of_all = |of: fn(&Ways) -> f64| all.iter().map(of).collect::<Vec<_>>();
        let worst = |way: usize| all.iter().map(|ways| ways.distances[way]).fold(0.0, f64::max);
        for (way, name) in ["the sums of all data", "steps over all data"].into_iter().enumerate() {
            let what =
                format!("federated OS-ELM, {units} units: distance from {name}, in 1e-5 of the weights");
            bars.push(Bar::at_most(what, 1.0, 1e5 * worst(way)));
        }
        rows.push(vec![
            units.to_string(),
            percent(&of_all(|ways| ways.alone)),
            percent(&of_all(|ways| ways.federated)),
            format!("{:.1e}", worst(0)),
            format!("{:.1e}", worst(1)),
            format!("{:.1e}", worst(2)),
        ]);
    }
    let head = vec!["units", "alone", "federated", "sums of all", "steps", "batches of 16"];
    let caption = "Ten nodes, each with nine in ten samples of one digit. Accuracy in percent, of the nodes alone (mean) \
                   and of the readout from the sum of their sums; then how far from it, as a share of its length, the \
                   readouts are that come from all data in one place: the worst of the splits.";
    Ok(Table { caption: caption.into(), head, rows })
}

/// Digits in one pass, alone and federated.
pub fn section() -> Result<Section> {
    let mut bars = Vec::new();
    let tables = vec![one_pass(&mut bars)?, federated(&mut bars)?];
    Ok(Section {
        title: "OS-ELM",
        text: "The layer's weights come from a seed and take no memory; P is a packed triangle. Pixels keep their \
               common scale here:\nstandardised, a pixel that is dark in nearly all samples counts as much as one \
               that tells digits apart, and a random\nlayer, unlike a trained one, has no way to ignore it.\n\n\
               A federation adds up whole numbers, so its readout is that of all data to the last bit, however the \
               data are spread."
            .into(),
        tables,
        bars,
    })
}
