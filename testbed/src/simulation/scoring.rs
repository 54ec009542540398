//! How the versions of a ledger do on held-out samples. Nothing but the ledger says what a version is.
use super::cores::CoresError;
use super::fleet::Fleet;
use crate::data::Sample;
use crate::faults::byzantine::Trigger;
use crate::scenario::{ByzantineKind, Experiment};
use crate::summary::DeployedAccuracy;
use chirrup_aggregator::core::Aggregator;
use chirrup_aggregator::core::ledger::Record;
use chirrup_learn::Shape;
use chirrup_learn::features::scale::{self, FeatureScale};
use chirrup_learn::linear::softmax::Softmax;
use chirrup_protocol::task::Scale;
use chirrup_protocol::time::Instant;
use std::collections::BTreeMap;

/// How the versions of a ledger do on the test rows.
pub struct Chain {
    /// Oldest first; the first is version 0.
    pub versions: Vec<ChainVersion>,
    /// Contributions accepted, by node.
    pub accepted: Vec<u64>,
    /// Mean staleness of the contributions in all versions, in versions.
    pub stale_mean: f64,
    /// How often the newest version walks through a backdoor, if the scenario has one.
    pub backdoor_success: Option<f64>,
}

/// One version, judged.
pub struct ChainVersion {
    /// Its number.
    pub number: u32,
    /// When it closed.
    pub at: Instant,
    /// By split.
    scores: BTreeMap<String, Score>,
    /// Over all splits.
    all: Score,
}

/// Correct and total, by class.
#[derive(Clone, Debug, Default)]
pub struct Score {
    by_class: Vec<(u64, u64)>,
}

impl Score {
    /// Correct over total; zero without any.
    pub fn accuracy(&self) -> f64 {
        let (correct, total) =
            self.by_class.iter().fold((0, 0), |sum, class| (sum.0 + class.0, sum.1 + class.1));
        if total == 0 { 0.0 } else { correct as f64 / total as f64 }
    }

    /// Mean recall of the classes that there are.
    pub fn balanced(&self) -> f64 {
        let recalls: Vec<f64> = self
            .by_class
            .iter()
            .filter(|class| class.1 > 0)
            .map(|class| class.0 as f64 / class.1 as f64)
            .collect();
        recalls.iter().sum::<f64>() / recalls.len().max(1) as f64
    }

    /// Of one class.
    #[cfg(test)]
    pub fn of_one_class(correct: u64, total: u64) -> Self {
        Self { by_class: vec![(correct, total)] }
    }

    fn merge(&mut self, other: &Self) {
        self.by_class.resize(self.by_class.len().max(other.by_class.len()), (0, 0));
        for (sum, class) in self.by_class.iter_mut().zip(&other.by_class) {
            *sum = (sum.0 + class.0, sum.1 + class.1);
        }
    }
}

impl ChainVersion {
    /// One that was judged by a single split.
    #[cfg(test)]
    pub fn judged(number: u32, at: Instant, score: Score) -> Self {
        Self { number, at, scores: BTreeMap::from([("test".into(), score.clone())]), all: score }
    }

    /// Over all splits.
    pub fn all(&self) -> &Score {
        &self.all
    }
}

impl Chain {
    /// Feeds a ledger through the aggregator's core and judges every version.
    pub fn from_ledger(
        experiment: &Experiment,
        fleet: &Fleet,
        ledger: &[Record],
    ) -> Result<Self, CoresError> {
        let mut aggregator = Aggregator::new(fleet.federation.clone(), fleet.signing_key.clone());
        let mut versions = Vec::new();
        for record in ledger {
            aggregator.apply(record)?;
            let at = match record {
                Record::ScaleSettled(settled) => settled.at,
                Record::Closing(closing) => closing.at,
                Record::Frame { .. } | Record::DownlinkCounters { .. } => continue,
            };
            versions.push(score(experiment, &aggregator, at)?);
        }
        let accepted = aggregator.devices().map(|device| device.contributions).collect();
        let (stale, closed) = aggregator
            .versions()
            .iter()
            .fold((0, 0), |sum, note| (sum.0 + note.staleness, sum.1 + note.contributions));
        Ok(Self {
            backdoor_success: backdoor_success(experiment, &aggregator)?,
            versions,
            accepted,
            stale_mean: if closed == 0 { 0.0 } else { stale as f64 / closed as f64 },
        })
    }

    /// Numbers rise by one from version to version.
    fn of(&self, number: u32) -> Option<&ChainVersion> {
        let first = self.versions.first()?.number;
        self.versions.get(number.checked_sub(first)? as usize)
    }

    /// Mean accuracy over nodes of the versions that they run.
    pub fn held(&self, versions: &[u32]) -> f64 {
        self.mean_over(versions, |version| version.all().accuracy())
    }

    /// The same in detail.
    pub fn deployed(&self, versions: &[u32]) -> DeployedAccuracy {
        let splits = self.versions.first().map(|version| version.scores.keys()).into_iter().flatten();
        let of_split = |split: &String| self.mean_over(versions, |version| version.scores[split].accuracy());
        DeployedAccuracy {
            held: self.held(versions),
            balanced: self.mean_over(versions, |version| version.all().balanced()),
            server_model: None,
            by_split: splits.map(|split| (split.clone(), of_split(split))).collect(),
        }
    }

    fn mean_over(&self, versions: &[u32], figure: impl Fn(&ChainVersion) -> f64) -> f64 {
        let sum: f64 = versions.iter().map(|&number| self.of(number).map_or(0.0, &figure)).sum();
        if versions.is_empty() { 0.0 } else { sum / versions.len() as f64 }
    }
}

/// A version as nodes run it.
struct Deployed {
    params: Vec<f32>,
    scales: Vec<FeatureScale>,
    learner: Softmax,
}

impl Deployed {
    fn newest(experiment: &Experiment, aggregator: &Aggregator) -> Result<Self, CoresError> {
        let federation = aggregator.federation();
        let (version, scales) = aggregator
            .current()
            .zip(aggregator.scales())
            .expect("the scale is settled when a version exists");
        let scale = |scale: &Scale| FeatureScale { offset: scale.offset, gain: scale.gain };
        let shape = Shape { features: experiment.task.n_features(), classes: experiment.task.n_classes() };
        Ok(Self {
            params: version.deployed(&federation.task, federation.model_bits)?,
            scales: scales.iter().map(scale).collect(),
            learner: Softmax { shape, learning_rate: 0.0, l2: 0.0 },
        })
    }

    fn predict(&self, features: &[f32]) -> usize {
        let (mut scaled, mut scratch) = (vec![0.0; features.len()], vec![0.0; self.learner.shape.classes]);
        scale::apply(&self.scales, features, &mut scaled)
            .and_then(|()| self.learner.predict(&self.params, &scaled, &mut scratch))
            .expect("the data was checked when it was read")
    }
}

fn score(experiment: &Experiment, aggregator: &Aggregator, at: Instant) -> Result<ChainVersion, CoresError> {
    let deployed = Deployed::newest(experiment, aggregator)?;
    let rate = |rows: &Vec<Sample>| score_rows(&deployed, rows);
    let scores: BTreeMap<String, Score> =
        experiment.task.tests.iter().map(|(split, rows)| (split.clone(), rate(rows))).collect();
    let all = scores.values().fold(Score::default(), |mut sum, score| {
        sum.merge(score);
        sum
    });
    let number = aggregator.current().map_or(0, |version| version.number);
    Ok(ChainVersion { number, at, scores, all })
}

fn score_rows(deployed: &Deployed, rows: &[Sample]) -> Score {
    let mut by_class = vec![(0, 0); deployed.learner.shape.classes];
    for row in rows {
        let class = &mut by_class[usize::from(row.label)];
        class.0 += u64::from(deployed.predict(&row.features) == usize::from(row.label));
        class.1 += 1;
    }
    Score { by_class }
}

/// Over the test rows of all classes but the wanted one.
fn backdoor_success(experiment: &Experiment, aggregator: &Aggregator) -> Result<Option<f64>, CoresError> {
    let faults = &experiment.scenario.faults;
    let is_attempted = faults.byzantine_kind == ByzantineKind::Backdoor && faults.byzantine_share > 0.0;
    if !is_attempted || aggregator.current().is_none() {
        return Ok(None);
    }
    let deployed = Deployed::newest(experiment, aggregator)?;
    let trigger = Trigger::of(&experiment.task.train);
    let succeeds = |row: &Sample| {
        let mut features = row.features.clone();
        trigger.apply(&mut features);
        Trigger::succeeds(row.label.into(), deployed.predict(&features))
    };
    let attempts: Vec<bool> = experiment.task.tests.values().flatten().filter_map(succeeds).collect();
    let successes = attempts.iter().filter(|&&succeeded| succeeded).count();
    Ok(Some(successes as f64 / attempts.len().max(1) as f64))
}
