//! One-versus-one decided as published (Rocha and Goldenstein, IEEE TNNLS 2014): base learners whose outcomes correlate
//! form groups, and the class is taken under which the outcomes of all groups are most probable. For comparison.
use crate::data::Labelled;
use chirrup_learn::scalar::Scalar;

/// Correlation from which on two base learners belong together.
const CORRELATED: f64 = 0.7;
/// Base learners in a group, at most: a table doubles with each.
const LARGEST_GROUP: usize = 3;

/// Tables fitted on samples.
pub struct Tables {
    groups: Vec<Vec<usize>>,
    /// Logarithms of probabilities, `[group][outcome][class]`.
    logs: Vec<Vec<Vec<f64>>>,
    priors: Vec<f64>,
}

fn outcomes(weights: &[f32], sample: &[f32]) -> Vec<bool> {
    weights.chunks_exact(sample.len() + 1).map(|row| f32::affine(row, sample) > 0.0).collect()
}

fn correlation(all: &[Vec<bool>], first: usize, second: usize) -> f64 {
    let sign = |value: bool| if value { 1.0 } else { -1.0 };
    let mean = |of: &dyn Fn(&Vec<bool>) -> f64| all.iter().map(of).sum::<f64>() / all.len() as f64;
    let (a, b) = (mean(&|row| sign(row[first])), mean(&|row| sign(row[second])));
    let product = mean(&|row| sign(row[first]) * sign(row[second]));
    let deviations = libm::sqrt((1.0 - a * a) * (1.0 - b * b));
    if deviations > 0.0 { (product - a * b) / deviations } else { 0.0 }
}

fn outcome_of(group: &[usize], outcomes: &[bool]) -> usize {
    group.iter().fold(0, |code, &learner| 2 * code + usize::from(outcomes[learner]))
}

impl Tables {
    /// Groups and tables, with a half added to each count.
    pub fn fit(weights: &[f32], samples: &Labelled) -> Self {
        let all: Vec<_> = samples.samples.iter().map(|sample| outcomes(weights, sample)).collect();
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for learner in 0..weights.len() / (samples.shape.features + 1) {
            let belongs = |group: &&mut Vec<usize>| {
                group.len() < LARGEST_GROUP && correlation(&all, group[0], learner).abs() >= CORRELATED
            };
            match groups.iter_mut().find(belongs) {
                Some(group) => group.push(learner),
                None => groups.push(vec![learner]),
            }
        }
        let classes = samples.shape.classes;
        let mut counts = vec![0.0; classes];
        samples.labels.iter().for_each(|&label| counts[label] += 1.0);
        let table = |group: &Vec<usize>| {
            let mut table = vec![vec![0.5; classes]; 1 << group.len()];
            for (row, &label) in all.iter().zip(&samples.labels) {
                table[outcome_of(group, row)][label] += 1.0;
            }
            let total = |class: usize| counts[class] + 0.5 * f64::from(1u32 << group.len());
            let log = |row: &Vec<f64>| row.iter().enumerate().map(|(c, n)| libm::log(n / total(c))).collect();
            table.iter().map(log).collect()
        };
        let logs = groups.iter().map(table).collect();
        let priors = counts.iter().map(|count| libm::log((count + 1.0) / (samples.len() + classes) as f64));
        Self { logs, priors: priors.collect(), groups }
    }

    /// The most probable class.
    pub fn predict(&self, weights: &[f32], sample: &[f32]) -> usize {
        let outcomes = outcomes(weights, sample);
        let mut scores = self.priors.clone();
        for (group, table) in self.groups.iter().zip(&self.logs) {
            let row = &table[outcome_of(group, &outcomes)];
            scores.iter_mut().zip(row).for_each(|(score, log)| *score += log);
        }
        (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap_or(0)
    }
}
