//! What must hold in every run, whatever its scenario and faults: one invariant a file.
//!
//! A checker is a second, plain implementation. It believes the air, the taps at which frames were sealed, and the
//! ledger; it asks no account, window or counter of the cores that it checks. `docs/checks.md` says of each what it
//! looks at, what it shares with the code that it checks, and what it cannot see.
//!
//! - [`duty_cycle`]: no transmitter exceeds its duty cycle, and none sends outside of its sub-bands;
//! - [`frame_counters`]: no FCnt, DevNonce or JoinAccept is used twice, read off the air;
//! - [`sealing`]: no nonce of a seal is used twice, at the places where frames are sealed;
//! - [`authenticity`]: what the aggregator accepted was sealed by the node that it names, and accepted once;
//! - [`contributions`]: what a frame contributes, read by hand; each counts once;
//! - [`oracle`]: every version is what its closing record says, by arithmetic of its own;
//! - [`models`]: no node runs a model that no version gave it;
//! - [`violation`], [`verdict`]: what was found, and how much was looked at.
pub mod authenticity;
pub mod contributions;
pub mod duty_cycle;
pub mod frame_counters;
pub mod models;
pub mod oracle;
pub mod sealing;
pub mod verdict;
pub mod violation;

pub use frame_counters::FrameCounters;
pub use sealing::SealLog;
pub use verdict::{Checks, Findings, Looked, Verdict};
pub use violation::Violation;

use crate::radio::{AirLog, NodeIndex};
use crate::simulation::tally::NodeTally;
use chirrup_aggregator::core::Federation;
use chirrup_aggregator::core::ledger::Record;
use chirrup_protocol::ids::DevEui;
use std::collections::BTreeMap;

/// What the checkers look at when a run has ended.
#[derive(Clone, Copy)]
pub struct Evidence<'a> {
    /// Who takes part, in order of the nodes' numbers.
    pub federation: &'a Federation,
    /// The books of the air.
    pub air: &'a AirLog,
    /// What nodes sealed and ran, by their numbers.
    pub nodes: &'a [NodeTally],
    /// What the aggregator sealed, by device; `None` where it ran in another process.
    pub downlinks: Option<&'a BTreeMap<DevEui, SealLog>>,
    /// Everything that the aggregator wrote, in order.
    pub ledger: &'a [Record],
}

/// Runs every checker.
pub fn check(evidence: &Evidence<'_>) -> Verdict {
    let Evidence { federation, air, nodes, downlinks, ledger } = *evidence;
    let devices: Vec<DevEui> = federation.devices.iter().map(|device| device.dev_eui).collect();
    let sealed = || devices.iter().copied().zip(nodes.iter().map(|node| &node.sealed));
    let (authenticity, places) = authenticity::check(ledger, &sealed().collect());
    let arrived = contributions::read(federation, ledger, &places);
    let (contributions, versions, published) = oracle::check(federation, ledger, &arrived);
    let mut verdict = Verdict::default();
    verdict.checks.duty_cycle = verdict.enter(Some(duty_cycle::check(air)));
    verdict.checks.frame_counters = verdict.enter(air.frame_counters().map(FrameCounters::findings));
    verdict.checks.uplink_nonces = verdict.enter(Some(sealed().map(|(_, log)| log.findings()).collect()));
    verdict.checks.downlink_nonces =
        verdict.enter(downlinks.map(|downlinks| downlinks.values().map(SealLog::findings).collect()));
    verdict.checks.authenticity = verdict.enter(Some(authenticity));
    verdict.checks.contributions = verdict.enter(Some(contributions));
    verdict.checks.versions = verdict.enter(Some(versions));
    let ran = (0..).map(NodeIndex).zip(nodes.iter().map(|node| node.models.as_slice()));
    verdict.checks.models = verdict.enter(Some(models::check(ran, &published)));
    verdict
}
