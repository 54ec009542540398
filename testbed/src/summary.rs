//! What a finished run says about itself: [`RunRecord`] in, [`Summary`] and `timeline.csv` out.
//!
//! The fields of [`Summary`] are a contract with scripts: a field is added, never renamed or removed.
use crate::baseline::Baselines;
use chirrup_protocol::ids::{DevEui, GatewayId};
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
    /// How the last version does.
    pub accuracy: DeployedAccuracy,
    /// One entry a node.
    pub nodes: Vec<NodeRecord>,
    /// One entry a gateway.
    pub gateways: Vec<GatewayRecord>,
    /// Uplinks and downlinks together.
    pub radio: RadioTotals,
    /// Contributions as the aggregator saw them.
    pub contributions: ContributionTotals,
}

/// How well the model that nodes run, quantised as it is, does on the test rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeployedAccuracy {
    /// Mean over nodes of the accuracy of the model that each of them runs at the end.
    pub held: f64,
    /// Mean of the recalls of the classes, over all test rows.
    pub balanced: f64,
    /// Accuracy of the model that the aggregator holds, where it is larger than the nodes'.
    pub server_model: Option<f64>,
    /// Accuracy by split.
    pub by_split: BTreeMap<String, f64>,
}

/// The state of the federation when a version of the global model was closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct VersionRecord {
    /// Virtual time, in seconds.
    pub at_s: f64,
    /// The version.
    pub version: u32,
    /// Share of all test rows that the deployed form of the version classifies correctly.
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
    /// Worst ratio of used to allowed airtime in any one-hour window.
    pub duty_worst_ratio: f64,
    /// Uplinks that no gateway received, by cause.
    pub lost: Losses,
    /// Contributions of it that the aggregator accepted.
    pub contributions_accepted: u64,
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
    /// Worst ratio of used to allowed airtime in any one-hour window.
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
    /// Lost on purpose.
    pub injected: u64,
    /// A downlink that met no open receive window.
    pub unheard: u64,
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

/// The JSON object that `--json` prints and `summary.json` holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Name of the scenario.
    pub scenario: String,
    /// Seed of every random draw.
    pub seed: u64,
    /// Number of nodes.
    pub nodes: usize,
    /// Virtual time, in seconds.
    pub virtual_s: f64,
    /// Wall time, in seconds.
    pub wall_s: f64,
    /// Hash over everything that was on the air.
    pub trace_hash: String,
    /// How the deployed model does on the test rows.
    pub accuracy: Accuracy,
    /// What nodes sent.
    pub uplink: Uplink,
    /// What gateways sent.
    pub downlink: Downlink,
    /// What became of the frames.
    pub radio: Radio,
    /// How near transmitters came to their limit.
    pub duty_cycle: DutyCycle,
    /// Contributions as the aggregator saw them.
    pub contributions: ContributionTotals,
    /// What other ways would have given.
    pub baselines: Baselines,
}

/// Accuracies, all as shares from 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Accuracy {
    /// Of the models that nodes run at the end, mean over nodes.
    #[serde(rename = "final")]
    pub final_: f64,
    /// Mean recall of the classes, of the last version.
    pub balanced: f64,
    /// Of always answering the most frequent class.
    pub majority_rate: f64,
    /// Of the best version.
    pub best: f64,
    /// Of a larger model that the aggregator holds.
    pub server_model: Option<f64>,
    /// Of the last version, by split.
    pub by_split: BTreeMap<String, f64>,
}

/// Mean and maximum over nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct PerNode {
    /// Mean over all nodes.
    pub mean: f64,
    /// The largest of any node.
    pub max: f64,
}

impl PerNode {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let (count, sum, max) =
            values.fold((0u64, 0.0, 0.0f64), |(n, sum, max), value| (n + 1, sum + value, max.max(value)));
        Self { mean: ratio(sum, count as f64), max }
    }
}

/// What nodes sent of one sort.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SentPerNode {
    /// Application bytes.
    pub payload_bytes_per_node: PerNode,
    /// Frames, repetitions included.
    pub frames_per_node: PerNode,
    /// Time on the air, in seconds.
    pub airtime_s_per_node: PerNode,
    /// Energy of the radio, in millijoules.
    pub energy_mj_per_node: PerNode,
}

impl SentPerNode {
    fn of(nodes: &[NodeRecord], part: impl Fn(&NodeRecord) -> Sent) -> Self {
        let per_node = |field: &dyn Fn(Sent) -> f64| PerNode::of(nodes.iter().map(|node| field(part(node))));
        Self {
            payload_bytes_per_node: per_node(&|sent| sent.payload_bytes as f64),
            frames_per_node: per_node(&|sent| sent.frames as f64),
            airtime_s_per_node: per_node(&|sent| sent.airtime_s),
            energy_mj_per_node: per_node(&|sent| sent.energy_mj),
        }
    }
}

/// What nodes sent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Uplink {
    /// All of it.
    #[serde(flatten)]
    pub total: SentPerNode,
    /// Sealed contributions.
    pub contribution: SentPerNode,
    /// Joins, polls, status and MAC answers.
    pub control: SentPerNode,
}

/// What gateways sent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Downlink {
    /// Application bytes.
    pub payload_bytes_total: u64,
    /// Frames.
    pub frames_total: u64,
    /// Time on the air, in seconds.
    pub airtime_s_total: f64,
}

/// What became of the frames.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Radio {
    /// Counts.
    #[serde(flatten)]
    pub totals: RadioTotals,
    /// Delivered over transmitted; 0 when nothing was.
    pub delivery_ratio: f64,
}

/// How near transmitters came to their limit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DutyCycle {
    /// Used over allowed airtime, in the worst one-hour window of any transmitter.
    pub worst_ratio: f64,
}

impl Summary {
    /// Sums a run up. `majority_rate` is that of the test rows.
    pub fn new(scenario: &str, seed: u64, majority_rate: f64, run: &RunRecord, baselines: Baselines) -> Self {
        let final_ = run.final_accuracy();
        Self {
            scenario: scenario.to_owned(),
            seed,
            nodes: run.nodes.len(),
            virtual_s: run.virtual_s,
            wall_s: run.wall_s,
            trace_hash: run.trace_hash.clone(),
            accuracy: Accuracy {
                final_,
                balanced: run.accuracy.balanced,
                majority_rate,
                best: run.versions.iter().map(|version| version.accuracy).fold(final_, f64::max),
                server_model: run.accuracy.server_model,
                by_split: run.accuracy.by_split.clone(),
            },
            uplink: Uplink {
                total: SentPerNode::of(&run.nodes, NodeRecord::sent),
                contribution: SentPerNode::of(&run.nodes, |node| node.contribution),
                control: SentPerNode::of(&run.nodes, |node| node.control),
            },
            downlink: downlink(&run.gateways),
            radio: Radio {
                totals: run.radio,
                delivery_ratio: ratio(run.radio.delivered as f64, run.radio.transmissions as f64),
            },
            duty_cycle: DutyCycle { worst_ratio: run.worst_duty_ratio() },
            contributions: run.contributions.clone(),
            baselines,
        }
    }
}

impl Summary {
    /// The summary as one JSON object, over several lines.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a summary is plain data") + "\n"
    }

    /// The summary as one JSON object on one line.
    pub fn to_json_line(&self) -> String {
        serde_json::to_string(self).expect("a summary is plain data") + "\n"
    }
}

impl RunRecord {
    /// Accuracy of the models that nodes run at the end, mean over nodes.
    pub fn final_accuracy(&self) -> f64 {
        self.accuracy.held
    }

    fn worst_duty_ratio(&self) -> f64 {
        let nodes = self.nodes.iter().map(|node| node.duty_worst_ratio);
        nodes.chain(self.gateways.iter().map(|gateway| gateway.duty_worst_ratio)).fold(0.0, f64::max)
    }

    /// Writes one line a version of the global model, under a header line.
    pub fn write_timeline(&self, to: impl std::io::Write) -> Result<(), csv::Error> {
        let mut writer = csv::Writer::from_writer(to);
        for version in &self.versions {
            writer.serialize(version)?;
        }
        writer.flush()?;
        Ok(())
    }
}

fn downlink(gateways: &[GatewayRecord]) -> Downlink {
    Downlink {
        payload_bytes_total: gateways.iter().map(|gateway| gateway.downlink_payload_bytes).sum(),
        frames_total: gateways.iter().map(|gateway| gateway.downlink_frames).sum(),
        airtime_s_total: gateways.iter().map(|gateway| gateway.downlink_airtime_s).sum(),
    }
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use crate::report::sample;
    use serde_json::Value;

    /// Every path that scripts rely on.
    const CONTRACT: &[&str] = &[
        "scenario",
        "seed",
        "nodes",
        "virtual_s",
        "wall_s",
        "trace_hash",
        "accuracy/final",
        "accuracy/balanced",
        "accuracy/majority_rate",
        "accuracy/best",
        "accuracy/by_split/test",
        "downlink/payload_bytes_total",
        "downlink/frames_total",
        "downlink/airtime_s_total",
        "radio/transmissions",
        "radio/delivered",
        "radio/delivery_ratio",
        "radio/lost/collision",
        "radio/lost/sensitivity",
        "radio/lost/half_duplex",
        "radio/lost/no_demodulator",
        "radio/lost/injected",
        "duty_cycle/worst_ratio",
        "contributions/sent",
        "contributions/accepted",
        "contributions/stale_mean_versions",
        "contributions/rejected/replayed",
        "baselines/centralised",
        "baselines/local_only",
        "baselines/raw_data/bytes_per_node",
        "baselines/raw_data/accuracy",
        "baselines/raw_subset/bytes_per_node",
        "baselines/raw_subset/accuracy",
        "baselines/fedavg_fp32/bytes_per_node",
    ];

    fn json() -> Value {
        serde_json::from_str(&sample::summary(&sample::run()).to_json()).unwrap()
    }

    #[test]
    fn every_field_of_the_contract_is_there() {
        let json = json();
        let mut paths: Vec<String> = CONTRACT.iter().map(|path| (*path).to_owned()).collect();
        for part in ["uplink", "uplink/contribution", "uplink/control"] {
            for figure in ["payload_bytes", "frames", "airtime_s", "energy_mj"] {
                paths.extend(["mean", "max"].map(|of| format!("{part}/{figure}_per_node/{of}")));
            }
        }
        for path in paths {
            let value = json.pointer(&format!("/{path}")).unwrap_or_else(|| panic!("{path} is missing"));
            assert!(value.is_number() || value.is_string(), "{path} is {value}");
        }
        assert!(json["accuracy"]["server_model"].is_null());
    }

    #[test]
    fn totals_are_the_sums_of_their_parts() {
        let run = sample::run();
        let summary = sample::summary(&run);
        let frames = |sent: &super::SentPerNode| sent.frames_per_node.mean;
        let uplink = &summary.uplink;
        assert!(
            (frames(&uplink.total) - frames(&uplink.contribution) - frames(&uplink.control)).abs() < 1e-9
        );
        assert_eq!(summary.accuracy.final_, run.final_accuracy());
        assert!(summary.duty_cycle.worst_ratio >= 0.55);
    }

    #[test]
    fn a_run_in_which_nothing_happened_has_a_summary_without_nan() {
        let json = sample::summary(&super::RunRecord::default()).to_json();
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["radio"]["delivery_ratio"], 0.0);
        assert_eq!(json["uplink"]["frames_per_node"]["mean"], 0.0);
    }
}
