//! What a federation is: its task, its devices, and when versions close. Plain data, so that it can be exported with
//! a ledger.
use super::strategy::Strategy;
use chirrup_protocol::ids::{DevEui, TaskId};
use chirrup_protocol::region::{DataRate, Region};
use chirrup_protocol::task::Task;
use chirrup_protocol::time::{Duration, Instant};
use serde::{Deserialize, Serialize};

/// Configuration of a federation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Federation {
    /// The task's number.
    pub task_id: TaskId,
    /// What the nodes learn.
    pub task: Task,
    /// Where offset and scale of the features come from.
    pub scale: ScaleSource,
    /// Bits a parameter of a published model, 2 to 8.
    pub model_bits: u8,
    /// How contributions become a version.
    pub strategy: Strategy,
    /// When they do.
    pub cadence: Cadence,
    /// Largest application payload of a downlink in bytes: that of RX2's data rate.
    pub downlink_bytes: usize,
    /// Whether nodes are told which data rate their links would carry.
    pub data_rate_advice: Option<DataRateAdvice>,
    /// How long a published object may be applied.
    pub object_lifetime: Duration,
    /// A frame that comes so long after a later one of its device is refused.
    pub max_frame_age: Duration,
    /// Who may contribute.
    pub devices: Vec<Enrolled>,
}

/// A device and the secret it shares with the aggregator.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    /// The device.
    pub dev_eui: DevEui,
    /// The root of its frame keys.
    pub secret: [u8; 32],
    /// From then on nothing of it is taken in. What was taken in before stays, and is replayed.
    pub revoked_from: Option<Instant>,
}

impl std::fmt::Debug for Enrolled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Enrolled({}, ..)", self.dev_eui)
    }
}

/// Where offset and scale come from. They belong to the task: a node that standardises by its own stream destroys
/// the federation under label skew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ScaleSource {
    /// The operator knows them: offset and gain of each feature.
    Schema(Vec<(f32, f32)>),
    /// The exact sum of the nodes' moments.
    Moments {
        /// Settle once this many devices have sent theirs whole, ...
        devices: usize,
        /// ... or this long after the first moments came, as soon as every feature was given by some device.
        patience: Duration,
    },
}

/// When a version closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cadence {
    /// Once this many contributions wait, ...
    pub buffer: usize,
    /// ... but not sooner than this after the version before;
    pub min_interval: Duration,
    /// or this long after the version before, if any contribution waits.
    pub max_interval: Duration,
    /// Contributions that started more versions ago than this are refused.
    pub max_staleness: u32,
}

/// The rule behind data-rate advice: the fastest data rate whose demodulation floor lies `margin` below the best
/// signal of the device's recent uplinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataRateAdvice {
    /// Whose data rates.
    pub region: Region,
    /// Margin in tenths of a dB.
    pub margin_tenth_db: i16,
    /// Never advise a slower one.
    pub lowest: DataRate,
    /// Never advise a faster one.
    pub highest: DataRate,
}
