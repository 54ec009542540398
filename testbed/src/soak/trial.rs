//! One seed, run and judged.
use super::draw::Drawn;
use super::liveness::{ACCURACY_MARGIN, HEALING_S, Lag, caught_up, level, settled_s};
use crate::checker::{Checks, Violation};
use crate::faults::membership::{Presence, presences};
use crate::scenario::{DataRateChoice, Experiment, ExperimentError, Overrides, Scenario, ScenarioError};
use crate::simulation::{CoresError, Fleet, Simulated, simulate};
use crate::summary::NodeRecord;
use chirrup_protocol::region::Region;
use chirrup_protocol::time::{Duration, Instant};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a seed broke.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The scenario that was drawn cannot be run.
    #[error("the scenario: {0}")]
    Scenario(#[from] ScenarioError),
    /// Its data cannot be used.
    #[error("the data: {0}")]
    Data(#[from] ExperimentError),
    /// The run did not come to its end.
    #[error("the run: {0}")]
    Run(#[from] CoresError),
    /// The run panicked; the message is on stderr.
    #[error("the run panicked: {0}")]
    Panicked(String),
    /// A checker found something.
    #[error("{0}")]
    Violated(Violation),
    /// A node did not catch up.
    #[error("node {} runs version {} of {} so long after the last fault", .0.node, .0.held, .0.newest)]
    Behind(Lag),
    /// The fleet learnt less than without faults.
    #[error("the model scores {have:.3}, without faults {without_faults:.3} after as much learning")]
    Accuracy {
        /// Of the last versions, as [`level`] has it.
        have: f64,
        /// Of the same fleet without faults, so long after its task was settled as this one learnt after its healing.
        without_faults: f64,
    },
}

impl Broken {
    /// Whether two are of one kind, so that shrinking does not go from one defect to another.
    pub fn is_like(&self, other: &Self) -> bool {
        let kind = std::mem::discriminant::<Self>;
        match (self, other) {
            (Self::Violated(one), Self::Violated(other)) => {
                std::mem::discriminant(one) == std::mem::discriminant(other)
            }
            _ => kind(self) == kind(other),
        }
    }
}

/// A seed as it is run.
#[derive(Clone, Debug)]
pub struct Trial {
    /// Scenario and faults.
    pub drawn: Drawn,
}

/// What came of a seed.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Everything that it broke.
    pub broken: Vec<Broken>,
    /// What the checkers looked at.
    pub checks: Checks,
    /// Hash over everything that was on the air.
    pub trace_hash: String,
    /// Frames on the air.
    pub transmissions: u64,
    /// Versions that closed.
    pub versions: u32,
    /// Nodes that had not caught up without faults either: their data rate does not reach a gateway.
    pub out_of_reach: usize,
    /// How long after the last fault the slowest other node had caught up.
    pub healed: Duration,
    /// Whether it must learn as much as without faults: all who took part are honest, and still there.
    pub must_learn: bool,
    /// Accuracy of the last versions, as [`level`] has it.
    pub accuracy: f64,
    /// Of the same fleet without faults after as much learning as this one had after its healing.
    pub accuracy_without_faults: f64,
}

impl From<Broken> for Outcome {
    fn from(broken: Broken) -> Self {
        Self { broken: vec![broken], ..Self::default() }
    }
}

/// A run, and what must be known beside it to judge it.
struct Ran {
    simulated: Simulated,
    /// Nodes that left for ever.
    gone: Vec<bool>,
    /// Whether nobody works against the others.
    is_honest: bool,
    /// Whether nodes reach a gateway from everywhere in the disc: they may send as slowly as EU868 allows.
    reaches_all: bool,
}

impl Ran {
    /// For every node that is still there, when it had caught up.
    fn caught_up(&self, faults_end: Instant) -> impl Iterator<Item = Result<Duration, Lag>> {
        let there = (0..self.gone.len()).filter(|&node| !self.gone[node]);
        there.map(move |node| caught_up(&self.simulated.run, faults_end, node))
    }
}

impl Trial {
    /// What a seed stands for.
    pub fn of(seed: u64) -> Self {
        Self { drawn: Drawn::of(seed, HEALING_S) }
    }

    /// Runs it, and the same without faults.
    pub fn run(&self) -> Outcome {
        let both = ran(&self.drawn).and_then(|faulty| Ok((faulty, ran(&self.drawn.without_faults())?)));
        both.map_or_else(Outcome::from, |(faulty, plain)| self.judge(faulty, &plain))
    }

    fn judge(&self, faulty: Ran, plain: &Ran) -> Outcome {
        let faults_end = Instant::ZERO + Duration::from_secs(self.drawn.faults_end_s);
        let lags = |ran: &Ran| -> Vec<Lag> { ran.caught_up(faults_end).filter_map(Result::err).collect() };
        let is_out_of_reach =
            |lag: &Lag| !plain.reaches_all && lags(plain).iter().any(|other| other.node == lag.node);
        let found = plain.simulated.violations.iter().chain(&faulty.simulated.violations).cloned();
        let mut broken: Vec<Broken> = found.map(Broken::Violated).collect();
        let (out_of_reach, behind): (Vec<Lag>, Vec<Lag>) =
            lags(&faulty).into_iter().partition(is_out_of_reach);
        broken.extend(behind.into_iter().map(Broken::Behind));
        let healed = faulty.caught_up(faults_end).filter_map(Result::ok).max().unwrap_or_default();
        let learnt_s = HEALING_S as f64 - healed.as_secs_f64();
        let have = level(&faulty.simulated.run, f64::INFINITY).unwrap_or(0.0);
        let as_early_s = settled_s(&plain.simulated.run).map(|since_s| since_s + learnt_s);
        let without_faults = as_early_s.and_then(|at_s| level(&plain.simulated.run, at_s)).unwrap_or(0.0);
        // Who left took its data along, and FedBuff believes everybody.
        let must_learn = faulty.is_honest && !faulty.gone.contains(&true);
        if have < without_faults - ACCURACY_MARGIN && must_learn {
            broken.push(Broken::Accuracy { have, without_faults });
        }
        let run = faulty.simulated.run;
        Outcome {
            broken,
            checks: run.checks,
            trace_hash: run.trace_hash,
            transmissions: run.radio.transmissions,
            versions: run.versions.last().map_or(0, |version| version.version),
            out_of_reach: out_of_reach.len(),
            healed,
            must_learn,
            accuracy: have,
            accuracy_without_faults: without_faults,
        }
    }
}

fn ran(drawn: &Drawn) -> Result<Ran, Broken> {
    let overrides = Overrides { set: drawn.settings().cloned().collect(), seed: Some(drawn.seed) };
    let run = || {
        let experiment = Experiment::load(Scenario::load(None, &overrides)?)?;
        let fleet = Fleet::new(&experiment);
        let simulated = simulate(&experiment, &fleet, &mut |_| {})?;
        let there = presences(&fleet.faults, fleet.nodes.len(), fleet.seed, fleet.end);
        let is_gone = |(presence, node): (&Presence, &NodeRecord)| {
            presence.until < Instant::NEVER || node.gone_at_s.is_some()
        };
        let gone = there.iter().zip(&simulated.run.nodes).map(is_gone).collect();
        let is_honest = fleet.faults.byzantine_share == 0.0;
        let radio = &fleet.radio;
        let reaches_all = radio.data_rate == DataRateChoice::Adr && radio.region == Region::Eu868;
        Ok(Ran { simulated, gone, is_honest, reaches_all })
    };
    // Nothing of a run that panicked is used.
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(Broken::Panicked(text.unwrap_or("no message").to_owned()))
    })
}
