//! What a finished simulation hands over.
use super::links::{BleTotals, LinkKind};
use crate::checker::Checks;
use crate::faults::Injected;
use crate::radio::Cause;
use crate::radio::outcome::Outcomes;
use chirrup_protocol::ids::{DevEui, GatewayId};
use chirrup_protocol::time::Instant;
use serde::Serialize;
use std::collections::BTreeMap;

pub use crate::radio::Position;

/// Whatever a simulation hands over when it has ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunRecord {
    /// Virtual time that has passed, in seconds.
    pub virtual_s: f64,
    /// Wall time that has passed, in seconds; set by whoever reads the clock. The only field that differs between
    /// two runs of one scenario.
    pub wall_s: f64,
    /// Hash over everything that was on the air, in hexadecimal.
    pub trace_hash: String,
    /// One entry a version of the global model, in order; the first is the model before any contribution.
    pub versions: Vec<VersionRecord>,
    /// The same and what came in between, in order: nodes fetch a version after it was closed.
    pub course: Vec<VersionRecord>,
    /// How the last version does.
    pub accuracy: DeployedAccuracy,
    /// One entry a node.
    pub nodes: Vec<NodeRecord>,
    /// One entry a gateway.
    pub gateways: Vec<GatewayRecord>,
    /// Uplinks and downlinks together.
    pub radio: RadioTotals,
    /// What was on the air of BLE, where some nodes speak it.
    pub ble: Option<BleTotals>,
    /// Contributions as the aggregator saw them.
    pub contributions: ContributionTotals,
    /// How much the checkers looked at, and what they found.
    pub checks: Checks,
    /// What went wrong on purpose.
    pub faults: Injected,
}

/// How well the model that nodes run, quantised as it is, does on the test rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeployedAccuracy {
    /// Mean over nodes of the accuracy of the model that each of them runs at the end; who has left runs none.
    pub held: f64,
    /// Mean of the recalls of the classes, over all test rows.
    pub balanced: f64,
    /// Accuracy of the model that the aggregator holds, where it is larger than the nodes'.
    pub server_model: Option<f64>,
    /// Accuracy by split.
    pub by_split: BTreeMap<String, f64>,
}

/// The state of the federation at a time: when a version of the global model was closed, or in between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct VersionRecord {
    /// Virtual time, in seconds.
    pub at_s: f64,
    /// The newest version.
    pub version: u32,
    /// Share of all test rows that the deployed form of this version classifies correctly.
    pub accuracy: f64,
    /// The same of the models that nodes run at this time, mean over nodes: the downlink takes its time.
    pub held: f64,
    /// Nodes that run this version or the one before.
    pub nodes_up_to_date: usize,
    /// Bytes that all nodes together had put on the air by then, LoRaWAN's own included.
    pub uplink_phy_bytes: u64,
    /// Airtime that all nodes together had used by then, in seconds.
    pub uplink_airtime_s: f64,
    /// Energy that all nodes together had spent on it, in millijoules.
    pub uplink_energy_mj: f64,
    /// Airtime that all gateways together had used by then, in seconds.
    pub downlink_airtime_s: f64,
}

/// What a node sent of one sort.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sent {
    /// Application bytes: seal included, LoRaWAN's own bytes not.
    pub payload_bytes: u64,
    /// Frames, repetitions included.
    pub frames: u64,
    /// Time on the air, in seconds.
    pub airtime_s: f64,
    /// Energy of the radio, in millijoules.
    pub energy_mj: f64,
}

impl std::ops::Add for Sent {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            payload_bytes: self.payload_bytes + other.payload_bytes,
            frames: self.frames + other.frames,
            airtime_s: self.airtime_s + other.airtime_s,
            energy_mj: self.energy_mj + other.energy_mj,
        }
    }
}

/// One node of a finished run.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeRecord {
    /// Identity.
    pub dev_eui: DevEui,
    /// Name in the data, where nodes come from a column.
    pub name: Option<String>,
    /// Where it stands.
    pub position: Position,
    /// What carries its frames.
    pub link: LinkKind,
    /// Data rate's index at the end of the run.
    pub data_rate: u8,
    /// Spreading factor at the end of the run.
    pub spreading_factor: u8,
    /// Training samples that it owns.
    pub samples: usize,
    /// Sealed contributions.
    pub contribution: Sent,
    /// Joins, polls, status and MAC answers.
    pub control: Sent,
    /// Worst ratio of used to allowed airtime: in any hour of a duty cycle, or any window of a dwell time.
    pub duty_worst_ratio: f64,
    /// Years until its battery is empty if it goes on like this.
    pub battery_years: f64,
    /// Uplinks that no gateway received, by cause.
    pub lost: Losses,
    /// When it left for ever, or its battery was found empty; in seconds.
    pub gone_at_s: Option<f64>,
    /// Contributions of it that the aggregator accepted.
    pub contributions_accepted: u64,
    /// When it came to run which version; 0 is none, after a restart.
    pub versions: Vec<(Instant, u32)>,
}

impl NodeRecord {
    /// Everything that it sent.
    pub fn sent(&self) -> Sent {
        self.contribution + self.control
    }
}

/// One gateway of a finished run.
#[derive(Clone, Debug, PartialEq)]
pub struct GatewayRecord {
    /// Identity.
    pub id: GatewayId,
    /// Where it stands.
    pub position: Position,
    /// Downlink frames that it sent.
    pub downlink_frames: u64,
    /// Application bytes in them.
    pub downlink_payload_bytes: u64,
    /// Their time on the air, in seconds.
    pub downlink_airtime_s: f64,
    /// Worst ratio of used to allowed airtime: in any hour of a duty cycle, or any window of a dwell time.
    pub duty_worst_ratio: f64,
}

/// Frames lost, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Losses {
    /// Overlapped by another frame too strong to survive.
    pub collision: u64,
    /// Too weak for every receiver.
    pub sensitivity: u64,
    /// The receiver was sending.
    pub half_duplex: u64,
    /// The receiver was busy with as many frames as it can demodulate.
    pub no_demodulator: u64,
    /// An interferer's noise was too strong.
    pub interference: u64,
    /// On a channel that no gateway listens to.
    pub off_channel: u64,
    /// Lost on purpose.
    pub injected: u64,
    /// A downlink that met no open receive window.
    pub unheard: u64,
}

impl From<Outcomes> for Losses {
    fn from(outcomes: Outcomes) -> Self {
        Self {
            collision: outcomes.lost(Cause::Collision),
            sensitivity: outcomes.lost(Cause::Sensitivity),
            half_duplex: outcomes.lost(Cause::HalfDuplex),
            no_demodulator: outcomes.lost(Cause::NoDemodulator),
            interference: outcomes.lost(Cause::Interference),
            off_channel: outcomes.lost(Cause::OffChannel),
            injected: outcomes.lost(Cause::Injected),
            unheard: outcomes.unheard,
        }
    }
}

/// Uplinks and downlinks on the air.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RadioTotals {
    /// Frames on the air.
    pub transmissions: u64,
    /// Those that at least one receiver they were meant for got.
    pub delivered: u64,
    /// The rest, by cause.
    pub lost: Losses,
}

/// Contributions as the aggregator saw them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ContributionTotals {
    /// Contributions that nodes sent, each counted once.
    pub sent: u64,
    /// Contributions that entered a version or wait for one.
    pub accepted: u64,
    /// Mean staleness of the accepted ones, in versions.
    pub stale_mean_versions: f64,
    /// The rest of what arrived, by reason.
    pub rejected: BTreeMap<String, u64>,
}

impl RunRecord {
    /// Accuracy of the models that nodes run at the end, mean over nodes.
    pub fn final_accuracy(&self) -> f64 {
        self.accuracy.held
    }

    pub(super) fn worst_duty_ratio(&self) -> f64 {
        let nodes = self.nodes.iter().map(|node| node.duty_worst_ratio);
        nodes.chain(self.gateways.iter().map(|gateway| gateway.duty_worst_ratio)).fold(0.0, f64::max)
    }

    /// Writes one line an entry of the course, under a header line.
    pub fn write_timeline(&self, to: impl std::io::Write) -> Result<(), csv::Error> {
        let mut writer = csv::Writer::from_writer(to);
        for entry in &self.course {
            writer.serialize(entry)?;
        }
        writer.flush()?;
        Ok(())
    }
}
