//! What the page, the status and the metrics say.
use super::driver::Driver;
use super::validation::Score;
use chirrup_protocol::object::MAX_OBJECT_BYTES;
use chirrup_protocol::region::DataRate;
use chirrup_protocol::time::Instant;
use serde::Serialize;
use std::collections::BTreeMap;

/// Versions that are described, the newest ones.
const DESCRIBED_VERSIONS: usize = 300;

/// The federation at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// Protocol time, microseconds.
    pub now_us: u64,
    /// When something is due next, microseconds of protocol time.
    pub next_deadline_us: Option<u64>,
    /// What is learnt.
    pub task: TaskStatus,
    /// Number of the newest version; `None` until the scale is settled.
    pub version: Option<u32>,
    /// Versions published so far.
    pub versions_total: usize,
    /// The newest ones, oldest first.
    pub versions: Vec<VersionStatus>,
    /// Contributions that wait for the next version.
    pub waiting: usize,
    /// At how many a version closes.
    pub buffer: usize,
    /// Contributions accepted so far.
    pub accepted: u64,
    /// What was refused, by reason; what never verified only since the last start.
    pub rejects: BTreeMap<String, u64>,
    /// Uplinks put off since the last start: their gateways were out of budget, or too many contributions waited.
    pub put_off: u64,
    /// Gateways that brought bad tags not long ago, and how many each may still bring.
    pub bad_tags_left: BTreeMap<String, u32>,
    /// The devices, by EUI.
    pub devices: Vec<DeviceStatus>,
    /// Records in the ledger.
    pub ledger_records: u64,
    /// Samples in the operator's validation file.
    pub validation_samples: Option<usize>,
}

/// The task.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TaskStatus {
    /// Its number.
    pub id: u8,
    /// Numbers in a sample.
    pub features: u16,
    /// Labels.
    pub classes: u16,
    /// Whether the scale is settled and the task published.
    pub settled: bool,
    /// Bits a parameter of a published model.
    pub model_bits: u8,
    /// Bytes of a published model.
    pub model_bytes: usize,
    /// Bytes that an object may have.
    pub max_object_bytes: usize,
}

/// A published version.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VersionStatus {
    /// Its number.
    pub number: u32,
    /// Its hash.
    pub hash: String,
    /// When it closed, microseconds of protocol time.
    pub at_us: u64,
    /// Contributions in it.
    pub contributions: usize,
    /// Their mean staleness, in versions.
    pub mean_staleness: f64,
    /// From sealed evaluation messages of the nodes.
    pub nodes: Option<Accuracy>,
    /// From the operator's validation file.
    pub validation: Option<Accuracy>,
}

/// Verdicts on a version.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Accuracy {
    /// Right ones.
    pub correct: u64,
    /// All.
    pub total: u64,
    /// Their ratio.
    pub accuracy: f64,
}

/// A device.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeviceStatus {
    /// Its EUI.
    pub dev_eui: String,
    /// When its latest authentic frame arrived, microseconds of protocol time.
    pub last_heard_us: Option<u64>,
    /// Signal to noise ratio of that frame.
    pub snr_db: Option<f64>,
    /// Data rate of that frame.
    pub data_rate: Option<u8>,
    /// Battery as in LoRaWAN's DevStatusAns.
    pub battery: Option<u8>,
    /// Version of the model it holds.
    pub model_version: u32,
    /// Contributions accepted from it.
    pub contributions: u64,
    /// The highest epoch that its frames have shown.
    pub epoch: u32,
}

impl Accuracy {
    fn of(correct: u64, total: u64) -> Option<Self> {
        (total > 0).then(|| Self { correct, total, accuracy: correct as f64 / total as f64 })
    }
}

impl Status {
    pub(super) fn of(driver: &Driver) -> Self {
        let aggregator = &driver.aggregator;
        let federation = aggregator.federation();
        let short = aggregator.short_gateways(driver.clock.now());
        let rejects = aggregator.rejects().iter().map(|(reason, &count)| (reason.to_string(), count));
        Self {
            now_us: driver.clock.now().as_micros(),
            next_deadline_us: aggregator.next_deadline().map(Instant::as_micros),
            task: task(driver),
            version: aggregator.current().map(|version| version.number),
            versions_total: aggregator.versions().len(),
            versions: versions(driver),
            waiting: aggregator.waiting(),
            buffer: federation.cadence.buffer,
            accepted: aggregator.accepted(),
            rejects: rejects.collect(),
            put_off: aggregator.put_off(),
            bad_tags_left: short.map(|(gateway, left)| (gateway.to_string(), left)).collect(),
            devices: devices(driver),
            ledger_records: driver.ledger.len(),
            validation_samples: driver.judged().map(|(samples, _)| samples),
        }
    }
}

fn task(driver: &Driver) -> TaskStatus {
    let federation = driver.aggregator.federation();
    let task = &federation.task;
    let columns = usize::from(task.features) + 1;
    TaskStatus {
        id: federation.task_id.0,
        features: task.features,
        classes: task.classes,
        settled: driver.aggregator.scales().is_some(),
        model_bits: federation.model_bits,
        model_bytes: chirrup_protocol::codec::linear::encoded_bytes(
            task.classes.into(),
            columns,
            federation.model_bits,
        ),
        max_object_bytes: MAX_OBJECT_BYTES,
    }
}

fn versions(driver: &Driver) -> Vec<VersionStatus> {
    let notes = driver.aggregator.versions();
    let scores = driver.judged().map(|(_, scores)| scores);
    let score = |number| scores.and_then(|scores: &BTreeMap<u32, Score>| scores.get(&number));
    let described = notes[notes.len().saturating_sub(DESCRIBED_VERSIONS)..].iter();
    let versions = described.map(|note| VersionStatus {
        number: note.number,
        hash: hex::encode(note.hash),
        at_us: note.at.as_micros(),
        contributions: note.contributions,
        mean_staleness: note.staleness as f64 / note.contributions.max(1) as f64,
        nodes: Accuracy::of(note.evaluated.0, note.evaluated.1),
        validation: score(note.number).and_then(|score| Accuracy::of(score.correct, score.total)),
    });
    versions.collect()
}

fn devices(driver: &Driver) -> Vec<DeviceStatus> {
    let devices = driver.aggregator.devices().map(|device| DeviceStatus {
        dev_eui: device.dev_eui.to_string(),
        last_heard_us: device.last_heard.map(Instant::as_micros),
        snr_db: device.snr_tenth_db.map(|tenth| f64::from(tenth) / 10.0),
        data_rate: device.data_rate.map(|DataRate(index)| index),
        battery: device.battery,
        model_version: device.model_version,
        contributions: device.contributions,
        epoch: device.epoch,
    });
    devices.collect()
}
