//! What a finished run says about itself: [`RunRecord`] in, [`Summary`] and `timeline.csv` out.
//!
//! The fields of [`Summary`] are a contract with scripts: a field is added, never renamed or removed.
mod links;
mod record;

use crate::baseline::Baselines;
use crate::checker::Checks;
use crate::faults::Injected;
use serde::Serialize;
use std::collections::BTreeMap;

pub use links::{BleFigures, BleTotals, LinkFigures, LinkKind, Links};
pub use record::*;

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
    /// The two kinds of link apart, where some nodes speak BLE. The other figures under `uplink` are of all nodes,
    /// those under `downlink` and `radio` of LoRaWAN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub links: Option<Links>,
    /// What became of the frames.
    pub radio: Radio,
    /// How near transmitters came to their limit.
    pub duty_cycle: DutyCycle,
    /// How long batteries last.
    pub battery: BatteryForecast,
    /// Contributions as the aggregator saw them.
    pub contributions: ContributionTotals,
    /// How much each checker looked at, and how often it found its invariant broken; null for one that was not run.
    pub checks: Checks,
    /// What went wrong on purpose, by kind.
    pub faults: Injected,
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
    /// Of one value a node.
    pub fn of(values: impl Iterator<Item = f64>) -> Self {
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

/// How long batteries last if the run goes on as it was: the energy of radio and sleep, without that of computing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BatteryForecast {
    /// Years until they are empty.
    pub years_per_node: Years,
}

/// Mean and minimum over nodes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Years {
    /// Mean over all nodes.
    pub mean: f64,
    /// Of the node whose battery is empty first.
    pub min: f64,
}

impl Years {
    fn of(nodes: &[NodeRecord]) -> Self {
        let years = || nodes.iter().map(|node| node.battery_years);
        let min = years().min_by(f64::total_cmp).unwrap_or(0.0);
        Self { mean: PerNode::of(years()).mean, min }
    }
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
            links: Links::of(run),
            radio: Radio {
                totals: run.radio,
                delivery_ratio: ratio(run.radio.delivered as f64, run.radio.transmissions as f64),
            },
            duty_cycle: DutyCycle { worst_ratio: run.worst_duty_ratio() },
            battery: BatteryForecast { years_per_node: Years::of(&run.nodes) },
            contributions: run.contributions.clone(),
            checks: run.checks,
            faults: run.faults,
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
        "battery/years_per_node/mean",
        "battery/years_per_node/min",
        "contributions/sent",
        "contributions/accepted",
        "contributions/stale_mean_versions",
        "contributions/rejected/replayed",
        "checks/duty_cycle/looked_at",
        "checks/duty_cycle/violations",
        "checks/models/looked_at",
        "faults/reboots",
        "faults/power_cuts",
        "faults/gateway_off_s",
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
        assert!(json["checks"]["downlink_nonces"].is_null(), "a checker that was not run");
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
