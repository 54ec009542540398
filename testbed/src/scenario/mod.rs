//! Scenarios: what a run simulates, as plain valid data.
//!
//! A scenario is a TOML file of sections; `--set section.key=value` overrides any key. The parser knows every key,
//! refuses the rest by name, and leaves nothing to be checked later. What is planned but not simulated yet stands in a
//! list of its own (`unavailable.rs`): such a key is refused, never ignored.
mod ble;
mod error;
mod experiment;
mod faults;
mod parse;
mod propagation;
mod radio;
#[cfg(test)]
mod radio_tests;
mod section;
#[cfg(test)]
mod tests;
mod traffic;
mod unavailable;
mod vibration;

use crate::data::Partition;
use crate::data::vibration::VibrationConfig;
use crate::radio::Battery;
use chirrup_protocol::codec::update::UpdateCodec;
use serde::Serialize;
use std::path::PathBuf;

pub use ble::{BleConfig, BleNodes};
pub use error::ScenarioError;
pub use experiment::{Experiment, ExperimentError};
pub use faults::{BackhaulConfig, BatteryEnd, ByzantineKind, FaultsConfig};
pub use parse::Overrides;
pub use propagation::PropagationConfig;
pub use radio::{AdrChoice, DataRateChoice, RadioConfig};
pub use traffic::{Activation, Confirmation, Interval, Mac, TrafficConfig};

/// The scenario that runs when none is named.
pub const QUICKSTART: &str = include_str!("../../scenarios/quickstart.toml");

/// Everything that a run depends on, valid throughout.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scenario {
    /// Name in reports and of the default output folder.
    pub name: String,
    /// Where the samples come from.
    pub data: DataConfig,
    /// The fleet and its shares of the data.
    pub nodes: NodesConfig,
    /// What every node runs on its samples.
    pub learner: LearnerConfig,
    /// What a node sends.
    pub contribution: ContributionConfig,
    /// How the aggregator combines what it receives.
    pub strategy: StrategyConfig,
    /// The air between nodes and gateways.
    pub radio: RadioConfig,
    /// Nodes that speak BLE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ble: Option<BleConfig>,
    /// What goes wrong on purpose.
    pub faults: FaultsConfig,
    /// The way between network server and aggregator.
    pub backhaul: BackhaulConfig,
    /// Plain packets instead of learning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic: Option<TrafficConfig>,
    /// How long, and which random numbers.
    pub run: RunConfig,
    /// The services of a live run.
    pub live: LiveConfig,
}

/// Section `data`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DataConfig {
    /// Key `source`, and the keys that describe the file of `csv` and the machines of `vibration`.
    pub source: Source,
    /// Key `scale`.
    pub scale: Scale,
}

/// Where samples come from.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Built-in handwritten digits.
    Digits,
    /// Built-in diagnostic measurements.
    BreastCancer,
    /// Generated vibration of machines.
    Vibration(VibrationConfig),
    /// A table of the user's.
    Csv(CsvConfig),
}

/// How a CSV file is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CsvConfig {
    /// The file, `.csv` or `.csv.gz`.
    pub path: PathBuf,
    /// Column of labels.
    pub label: String,
    /// Column of nodes; the column `node`, if there is one, when absent.
    pub node: Option<String>,
    /// Column of splits; the column `split`, if there is one, when absent.
    pub split: Option<String>,
}

/// Who decides the offset and scale of features.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// The exact sum of every node's counts, sums and squares.
    Moments,
    /// The operator, in this file: see [`crate::data::schema`].
    Schema(PathBuf),
}

/// Section `nodes`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct NodesConfig {
    /// Number of nodes. With [`Partition::ByColumn`] the column decides instead.
    pub count: usize,
    /// How training rows are spread over nodes.
    pub partition: Partition,
    /// Time between two samples of a node's stream, in seconds. The stream repeats the samples that a node owns.
    pub sample_interval_s: u64,
    /// Samples that a node sums up before it reports its moments.
    pub moments_samples: u32,
    /// Airtime that a node may spend on contributions, in seconds a day.
    pub airtime_s_per_day: u64,
    /// Keys `battery_mah` and `battery_self_discharge_per_year`.
    pub battery: Battery,
}

/// Section `learner`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum LearnerConfig {
    /// Multinomial logistic regression by stochastic gradient descent.
    Softmax(SoftmaxConfig),
}

/// Parameters of the softmax learner.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SoftmaxConfig {
    /// Step size.
    pub learning_rate: f32,
    /// Weight decay a step.
    pub l2: f32,
}

/// Section `contribution`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ContributionConfig {
    /// Kind of contribution.
    pub kind: ContributionKind,
    /// How it becomes bytes.
    pub codec: UpdateCodec,
    /// Most bytes of codec payload in a contribution; the data rate may set a lower limit.
    pub max_bytes: u8,
    /// Fewest examples behind a contribution.
    pub min_examples: u16,
    /// Most examples that a node learns from between two versions.
    pub max_examples: u16,
    /// Reduction of loss, in nats an example, that a second on the air must bring when airtime is plentiful.
    pub price_nats_per_s: f32,
    /// Contributions that a node may send between two versions.
    pub max_per_version: u8,
}

/// Kinds of contribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContributionKind {
    /// A compressed delta against a model version.
    Update,
}

/// Section `strategy`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum StrategyConfig {
    /// Buffered asynchronous averaging (Nguyen et al. 2022).
    Fedbuff(FedbuffConfig),
}

/// Parameters of buffered averaging.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FedbuffConfig {
    /// Contributions that make a new version.
    pub buffer: u32,
    /// A contribution `s` versions old weighs (1 + s) to the power of minus this.
    pub staleness_exponent: f32,
    /// Step size of the aggregator.
    pub server_rate: f32,
    /// Shortest time between two versions, in seconds.
    pub min_interval_s: u64,
    /// Longest time between two versions when any contribution waits, in seconds.
    pub max_interval_s: u64,
    /// How long after the first moments the scale is settled without those still missing, in seconds.
    pub moments_patience_s: u64,
    /// Bits a parameter of the published model.
    pub model_bits: u8,
}

/// Section `run`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RunConfig {
    /// Virtual time that the run covers, in seconds.
    pub duration_s: u64,
    /// Seed of every random draw.
    pub seed: u64,
}

/// Section `live`: the services behind the virtual radio. `chirrup run` has none of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LiveConfig {
    /// The MQTT broker.
    pub broker: BrokerChoice,
    /// Where the gateway service listens for packet forwarders; 0 takes any free port.
    pub udp_port: u16,
    /// Where the aggregator's page is; 0 takes any free port.
    pub http_port: u16,
    /// Kill the aggregator at this virtual time, in seconds, and start it again.
    pub kill_aggregator_at_s: Option<u64>,
}

/// Which MQTT broker a live run uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BrokerChoice {
    /// The one inside the gateway service.
    Embedded,
    /// Any other, without a password.
    External {
        /// Name or address.
        host: String,
        /// TCP port.
        port: u16,
    },
}
