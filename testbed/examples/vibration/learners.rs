//! What learners reach with all rows in one place, alone on each machine, and federated without a radio.
use anyhow::Result;
use chirrup_learn::features::moments::{self, FeatureSums};
use chirrup_learn::features::scale::{self, FeatureScale};
use chirrup_learn::linear::one_versus_one::{OneVersusOne, voting, weights_len};
use chirrup_learn::linear::passive_aggressive::{PassiveAggressive, StepRule};
use chirrup_learn::linear::softmax::Softmax;
use chirrup_learn::trees::hoeffding::{ActiveLeaf, HoeffdingTree, LeafRule, Moments, Node, Tree};
use chirrup_learn::{LearnError, Shape};
use chirrup_testbed::data::vibration::{Condition, VibrationConfig, task};
use chirrup_testbed::data::{Sample, TaskData};
use chirrup_testbed::kernel::Rng;
use std::fmt::Write;

const SEEDS: [u64; 3] = [1, 2, 3];
const PASSES: usize = 20;
const ROUNDS: usize = 20;
const TREE_NODES: u16 = 31;
const TREE_LEAVES: u16 = 8;

/// Accuracy on the machines that were learnt from, and on others.
type Accuracies = [f64; 2];

/// One learner in three settings.
struct Outcome {
    name: &'static str,
    central: Accuracies,
    local: Accuracies,
    federated: Accuracies,
}

/// Rows on the common scale.
struct Data {
    shape: Shape,
    /// By machine.
    machines: Vec<Vec<Sample>>,
    /// Same machines, other machines.
    tests: [Vec<Sample>; 2],
}

impl Data {
    fn of(task: &TaskData) -> Result<Self> {
        let mut sums = vec![FeatureSums::default(); task.n_features()];
        task.train.iter().try_for_each(|row| moments::add(&mut sums, &row.features))?;
        let count = task.train.len() as u64;
        let scales: Vec<FeatureScale> = sums
            .iter()
            .map(|sums| {
                let (mean, deviation) = moments::mean_and_deviation(count, *sums);
                FeatureScale::standardising(mean, deviation)
            })
            .collect();
        let scaled = |row: &Sample| -> Result<Sample, LearnError> {
            let mut features = vec![0.0; scales.len()];
            scale::apply(&scales, &row.features, &mut features)?;
            Ok(Sample { features, label: row.label })
        };
        let all = |rows: &[Sample]| rows.iter().map(scaled).collect::<Result<Vec<_>, _>>();
        let nodes = task.nodes.as_ref().expect("generated rows name their machine");
        let mut machines = vec![Vec::new(); nodes.names.len()];
        for (row, &machine) in task.train.iter().zip(&nodes.of_row) {
            machines[machine].push(scaled(row)?);
        }
        let tests = [all(&task.tests["test-same-machines"])?, all(&task.tests["test-other-machines"])?];
        Ok(Self { shape: Shape { features: task.n_features(), classes: task.n_classes() }, machines, tests })
    }

    fn all(&self) -> Vec<Sample> {
        self.machines.concat()
    }

    /// Accuracies of what `predict` says.
    fn score(&self, mut predict: impl FnMut(&[f32]) -> Result<usize, LearnError>) -> Result<Accuracies> {
        let mut accuracies = [0.0; 2];
        for (accuracy, rows) in accuracies.iter_mut().zip(&self.tests) {
            let mut right = 0;
            for row in rows {
                right += usize::from(predict(&row.features)? == usize::from(row.label));
            }
            *accuracy = right as f64 / rows.len() as f64;
        }
        Ok(accuracies)
    }
}

/// A learner whose weights can be averaged.
#[derive(Clone, Copy)]
enum Linear {
    Softmax(Softmax),
    OneVersusOne(OneVersusOne<PassiveAggressive<f32>>),
}

impl Linear {
    fn weights_len(&self, shape: Shape) -> usize {
        match self {
            Self::Softmax(_) => shape.linear_params(),
            Self::OneVersusOne(_) => weights_len(shape),
        }
    }

    fn pass(&self, shape: Shape, weights: &mut [f32], rows: &[Sample], rng: &mut Rng) -> Result<()> {
        let mut order: Vec<&Sample> = rows.iter().collect();
        rng.shuffle(&mut order);
        let mut scratch = vec![0.0; shape.classes];
        for row in order {
            match self {
                Self::Softmax(softmax) => {
                    softmax.step(weights, &row.features, row.label.into(), &mut scratch)?;
                }
                Self::OneVersusOne(ovo) => ovo.step(weights, &mut [], &row.features, row.label.into())?,
            }
        }
        Ok(())
    }

    fn score(&self, data: &Data, weights: &[f32]) -> Result<Accuracies> {
        let (mut scratch, mut votes) = (vec![0.0; data.shape.classes], vec![0; data.shape.classes]);
        data.score(|sample| match self {
            Self::Softmax(softmax) => softmax.predict(weights, sample, &mut scratch),
            Self::OneVersusOne(_) => voting::predict(data.shape, weights, sample, &mut votes),
        })
    }

    fn outcome(&self, name: &'static str, data: &Data, seed: u64) -> Result<Outcome> {
        let rng = |label: &str| Rng::for_purpose(seed, label, 0);
        let trained = |rows: &[Sample], rng: &mut Rng| -> Result<Vec<f32>> {
            let mut weights = vec![0.0; self.weights_len(data.shape)];
            (0..PASSES).try_for_each(|_| self.pass(data.shape, &mut weights, rows, rng))?;
            Ok(weights)
        };
        let central = self.score(data, &trained(&data.all(), &mut rng("central"))?)?;
        let mut alone = rng("local");
        let local = data.machines.iter().map(|rows| self.score(data, &trained(rows, &mut alone)?));
        let local = mean(&local.collect::<Result<Vec<_>>>()?);
        let federated = self.score(data, &self.federated(data, &mut rng("federated"))?)?;
        Ok(Outcome { name, central, local, federated })
    }

    /// Federated averaging: one local pass a round, all machines alike.
    fn federated(&self, data: &Data, rng: &mut Rng) -> Result<Vec<f32>> {
        let mut global = vec![0.0; self.weights_len(data.shape)];
        for _ in 0..ROUNDS {
            let mut sums = vec![0.0; global.len()];
            for rows in &data.machines {
                let mut weights = global.clone();
                self.pass(data.shape, &mut weights, rows, rng)?;
                sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight);
            }
            global = sums.into_iter().map(|sum| sum / data.machines.len() as f32).collect();
        }
        Ok(global)
    }
}

/// A grown tree with its memory.
struct Grown {
    settings: HoeffdingTree,
    nodes: Vec<Node>,
    leaves: Vec<ActiveLeaf>,
    counts: Vec<u32>,
    moments: Vec<Moments>,
}

impl Grown {
    fn from(shape: Shape, rows: &[Sample], passes: usize, rng: &mut Rng) -> Result<Self> {
        let settings = HoeffdingTree {
            shape,
            nodes: TREE_NODES,
            leaves: TREE_LEAVES,
            grace: 50,
            delta: 1e-4,
            tie: 0.05,
            least_variance: 0.1,
            rule: LeafRule::NaiveBayes,
        };
        let mut grown = Self {
            settings,
            nodes: vec![Node::default(); TREE_NODES.into()],
            leaves: vec![ActiveLeaf::default(); TREE_LEAVES.into()],
            counts: vec![0; settings.counts_len()],
            moments: vec![Moments::default(); settings.moments_len()],
        };
        let mut order: Vec<&Sample> = rows.iter().collect();
        for _ in 0..passes {
            rng.shuffle(&mut order);
            for row in &order {
                settings.learn(&mut grown.tree(), &row.features, row.label.into())?;
            }
        }
        Ok(grown)
    }

    fn tree(&mut self) -> Tree<'_> {
        Tree {
            nodes: &mut self.nodes,
            leaves: &mut self.leaves,
            counts: &mut self.counts,
            moments: &mut self.moments,
        }
    }

    fn predict(&mut self, sample: &[f32]) -> Result<usize, LearnError> {
        self.settings.predict(&mut self.tree(), sample)
    }
}

/// Trees are not averaged: the federation is the vote of all machines' trees.
fn trees(data: &Data, seed: u64) -> Result<Outcome> {
    let rng = |label: &str| Rng::for_purpose(seed, label, 0);
    let mut central = Grown::from(data.shape, &data.all(), 5, &mut rng("central"))?;
    let central = data.score(|sample| central.predict(sample))?;
    let mut alone = rng("local");
    let grown = data.machines.iter().map(|rows| Grown::from(data.shape, rows, 5, &mut alone));
    let mut grown = grown.collect::<Result<Vec<_>>>()?;
    let local = grown.iter_mut().map(|tree| data.score(|sample| tree.predict(sample)));
    let local = mean(&local.collect::<Result<Vec<_>>>()?);
    let federated = data.score(|sample| {
        let mut votes = vec![0; data.shape.classes];
        for tree in &mut grown {
            votes[tree.predict(sample)?] += 1;
        }
        // The lowest of several.
        Ok(votes.iter().enumerate().rev().max_by_key(|vote| vote.1).map_or(0, |vote| vote.0))
    })?;
    Ok(Outcome { name: "Hoeffding tree, naive Bayes; votes of all", central, local, federated })
}

fn outcomes(config: &VibrationConfig, seed: u64) -> Result<Vec<Outcome>> {
    let data = Data::of(&task::load(config, seed))?;
    let shape = data.shape;
    let softmax = Linear::Softmax(Softmax { shape, learning_rate: 0.05, l2: 0.0 });
    let base = PassiveAggressive { features: shape.features, rule: StepRule::Damped, aggressiveness: 0.03 };
    let ovo = Linear::OneVersusOne(OneVersusOne { classes: shape.classes, base });
    Ok(vec![
        softmax.outcome("softmax; average", &data, seed)?,
        ovo.outcome("one versus one, Train++; average", &data, seed)?,
        trees(&data, seed)?,
    ])
}

fn mean(of: &[Accuracies]) -> Accuracies {
    [0, 1].map(|test| of.iter().map(|accuracies| accuracies[test]).sum::<f64>() / of.len().max(1) as f64)
}

fn settings() -> Vec<(&'static str, VibrationConfig)> {
    let all = VibrationConfig::default();
    let one = VibrationConfig { faults_per_machine: 1, windows: 30, ..all.clone() };
    let small = VibrationConfig { severity: 0.5, ..all.clone() };
    let alike = VibrationConfig { spread: 0.0, ..all.clone() };
    let short = VibrationConfig { window: 512, ..all.clone() };
    vec![
        ("all faults on each machine", all),
        ("one fault a machine", one),
        ("all, half the severity", small),
        ("all, machines alike", alike),
        ("all, windows of 512", short),
    ]
}

/// The table in Markdown.
pub fn table() -> Result<String> {
    let mut text = String::from(
        "\n| data | learner; how it is federated | one place, same | other | machine alone, same | other | federated, \
         same | other |\n|---|---|---|---|---|---|---|---|\n",
    );
    for (name, config) in settings() {
        let by_seed = SEEDS.map(|seed| outcomes(&config, seed)).into_iter().collect::<Result<Vec<_>>>()?;
        for learner in 0..by_seed[0].len() {
            let figures = |of: fn(&Outcome) -> Accuracies| {
                mean(&by_seed.iter().map(|outcomes| of(&outcomes[learner])).collect::<Vec<_>>())
            };
            let columns = [
                figures(|outcome| outcome.central),
                figures(|outcome| outcome.local),
                figures(|outcome| outcome.federated),
            ];
            write!(text, "| {name} | {} ", by_seed[0][learner].name)?;
            columns.concat().iter().try_for_each(|share| write!(text, "| {:.1} ", 100.0 * share))?;
            text.push_str("|\n");
        }
    }
    let machines = VibrationConfig::default().machines;
    let rows = VibrationConfig::default().windows * (1 + Condition::FAULTS.len());
    writeln!(
        text,
        "\nAccuracy in percent, mean of {} seeds; {machines} machines, {rows} windows each (60 with one fault too). \
         Chance is 20.\n",
        SEEDS.len()
    )?;
    Ok(text)
}
