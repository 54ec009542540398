//! From books and ledger to a record of the run.
use super::cores::CoresError;
use super::fleet::Fleet;
use super::world::Ended;
use crate::data::Sample;
use crate::radio::air_log::Record as AirRecord;
use crate::radio::energy::{RadioTime, transmit_energy_mj};
use crate::radio::outcome::{Cause, Outcomes};
use crate::radio::{GatewayIndex, NodeIndex, Transmitter};
use crate::scenario::Experiment;
use crate::summary::{
    ContributionTotals, DeployedAccuracy, GatewayRecord, Losses, NodeRecord, RadioTotals, RunRecord, Sent,
    VersionRecord,
};
use chirrup_aggregator::core::ledger::Record;
use chirrup_aggregator::core::{Aggregator, Reject};
use chirrup_learn::Shape;
use chirrup_learn::scale::{self, FeatureScale};
use chirrup_learn::softmax::Softmax;
use chirrup_node::agent::{Agent, Counts};
use chirrup_protocol::airtime::LORAWAN_OVERHEAD_BYTES;
use chirrup_protocol::message::port;
use chirrup_protocol::time::{Duration, Instant};
use std::collections::BTreeMap;

/// What an uplink carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// A sealed contribution.
    Contribution,
    /// A join, a status, moments, a MAC answer.
    Control,
}

impl FrameKind {
    /// Read off the parts of a LoRaWAN frame that travel in clear.
    pub fn of(phy: &[u8]) -> Self {
        match fport(phy) {
            Some(port::CONTRIBUTION) => Self::Contribution,
            _ => Self::Control,
        }
    }
}

fn is_data(phy: &[u8]) -> bool {
    matches!(phy.first().map(|mhdr| mhdr >> 5), Some(2 | 4))
}

fn fopts_bytes(phy: &[u8]) -> usize {
    phy.get(5).map_or(0, |fctrl| usize::from(fctrl & 0x0f))
}

fn fport(phy: &[u8]) -> Option<u8> {
    phy.get(8 + fopts_bytes(phy)).copied().filter(|_| is_data(phy))
}

/// Application bytes of a frame: seal included, LoRaWAN's own not.
fn payload_bytes(phy: &[u8]) -> u64 {
    let overhead = LORAWAN_OVERHEAD_BYTES + fopts_bytes(phy);
    if is_data(phy) { phy.len().saturating_sub(overhead) as u64 } else { 0 }
}

/// What is noted of a node while it runs.
#[derive(Clone, Debug, Default)]
pub struct NodeTally {
    /// Sealed contributions.
    pub contribution: Sent,
    /// Everything else.
    pub control: Sent,
    /// When it came to run which version.
    pub versions: Vec<(Instant, u32)>,
    /// What its agent counted, over all reboots.
    pub counts: Counts,
    counts_before_reboot: Counts,
    last_kind: Option<FrameKind>,
    used: RadioTime,
}

impl NodeTally {
    /// A frame begins; `used` is the radio's time so far.
    pub fn frame_begins(&mut self, kind: FrameKind, phy: &[u8], used: RadioTime) {
        self.settle(used);
        self.last_kind = Some(kind);
        let sent = self.of(kind);
        sent.frames += 1;
        sent.payload_bytes += payload_bytes(phy);
    }

    /// Takes notice of the agent.
    pub fn observe(&mut self, now: Instant, agent: &Agent<'_>) {
        let counts = *agent.counts();
        if counts.samples < self.counts.samples - self.counts_before_reboot.samples {
            self.counts_before_reboot = self.counts;
        }
        self.counts = sum(self.counts_before_reboot, counts);
        let version = agent.model_version();
        if self.versions.last().map_or(0, |last| last.1) != version {
            self.versions.push((now, version));
        }
    }

    /// The run ends.
    pub fn close(&mut self, used: RadioTime, at: Instant) -> Self {
        self.settle(used);
        let asleep = RadioTime::default().energy_mj(at - Instant::ZERO)
            - RadioTime::default().energy_mj(used.transmitting + used.receiving);
        self.control.energy_mj += asleep;
        self.clone()
    }

    /// The version that it ran at a time.
    pub fn version_at(&self, at: Instant) -> u32 {
        self.versions.iter().take_while(|(since, _)| *since <= at).last().map_or(0, |(_, version)| *version)
    }

    /// Books what the radio did since the frame before on that frame: its own airtime and its receive windows.
    fn settle(&mut self, used: RadioTime) {
        let transmitting = minus(used.transmitting, self.used.transmitting);
        let receiving = minus(used.receiving, self.used.receiving);
        self.used = used;
        let awake = RadioTime { transmitting, receiving };
        if let Some(kind) = self.last_kind {
            let sent = self.of(kind);
            sent.airtime_s += transmitting.as_secs_f64();
            sent.energy_mj += awake.energy_mj(transmitting + receiving);
        }
    }

    const fn of(&mut self, kind: FrameKind) -> &mut Sent {
        match kind {
            FrameKind::Contribution => &mut self.contribution,
            FrameKind::Control => &mut self.control,
        }
    }
}

fn minus(a: Duration, b: Duration) -> Duration {
    Duration::from_micros(a.as_micros() - b.as_micros())
}

fn sum(a: Counts, b: Counts) -> Counts {
    Counts {
        samples: a.samples + b.samples,
        bad_samples: a.bad_samples + b.bad_samples,
        contributions: a.contributions + b.contributions,
        bad_downlinks: a.bad_downlinks + b.bad_downlinks,
        bad_objects: a.bad_objects + b.bad_objects,
        models: a.models + b.models,
    }
}

/// Sums a run up. The versions come from the ledger alone.
pub fn record(
    experiment: &Experiment,
    fleet: &Fleet,
    ended: &Ended,
    ledger: &[Record],
    rejects: &BTreeMap<Reject, u64>,
) -> Result<RunRecord, CoresError> {
    let chain = Chain::from_ledger(experiment, fleet, ledger)?;
    let medium = ended.air.medium();
    let log = medium.log();
    let held = |at: Instant| ended.tallies.iter().map(move |tally| tally.version_at(at));
    let versions = chain
        .versions
        .iter()
        .map(|version| version_record(version, log.records(), &ended.tallies, chain.held(held(version.at))));
    Ok(RunRecord {
        virtual_s: ended.at.as_secs_f64(),
        wall_s: 0.0,
        trace_hash: hex::encode(log.trace_hash()),
        versions: versions.collect(),
        accuracy: chain.deployed(held(ended.at)),
        nodes: node_records(experiment, fleet, ended, &chain),
        gateways: gateway_records(fleet, ended),
        radio: totals(log.uplinks().outcomes, log.downlinks().outcomes),
        contributions: ContributionTotals {
            sent: ended.tallies.iter().map(|tally| tally.counts.contributions).sum(),
            accepted: chain.accepted.iter().sum(),
            stale_mean_versions: chain.stale_mean,
            rejected: rejects.iter().map(|(reason, count)| (name(*reason), *count)).collect(),
        },
    })
}

fn name(reason: Reject) -> String {
    serde_json::to_value(reason)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .expect("reasons serialise as their names")
}

/// How the versions of a ledger do on the test rows.
struct Chain {
    /// Oldest first; the first is version 0.
    versions: Vec<ChainVersion>,
    /// Contributions accepted, by node.
    accepted: Vec<u64>,
    stale_mean: f64,
}

struct ChainVersion {
    number: u32,
    at: Instant,
    scores: BTreeMap<String, Score>,
}

/// Correct and total, by class.
#[derive(Clone, Debug, Default)]
struct Score {
    by_class: Vec<(u64, u64)>,
}

impl Score {
    fn accuracy(&self) -> f64 {
        let (correct, total) =
            self.by_class.iter().fold((0, 0), |sum, class| (sum.0 + class.0, sum.1 + class.1));
        if total == 0 { 0.0 } else { correct as f64 / total as f64 }
    }

    fn balanced(&self) -> f64 {
        let recalls: Vec<f64> = self
            .by_class
            .iter()
            .filter(|class| class.1 > 0)
            .map(|class| class.0 as f64 / class.1 as f64)
            .collect();
        recalls.iter().sum::<f64>() / recalls.len().max(1) as f64
    }

    fn merge(&mut self, other: &Self) {
        self.by_class.resize(self.by_class.len().max(other.by_class.len()), (0, 0));
        for (sum, class) in self.by_class.iter_mut().zip(&other.by_class) {
            *sum = (sum.0 + class.0, sum.1 + class.1);
        }
    }
}

impl ChainVersion {
    fn all(&self) -> Score {
        self.scores.values().fold(Score::default(), |mut sum, score| {
            sum.merge(score);
            sum
        })
    }
}

impl Chain {
    fn from_ledger(experiment: &Experiment, fleet: &Fleet, ledger: &[Record]) -> Result<Self, CoresError> {
        let mut aggregator = Aggregator::new(fleet.federation.clone(), fleet.signing_key.clone());
        let mut versions = Vec::new();
        for record in ledger {
            aggregator.apply(record)?;
            let at = match record {
                Record::ScaleSettled(settled) => settled.at,
                Record::Closing(closing) => closing.at,
                Record::Frame(_) | Record::DownlinkCounters { .. } => continue,
            };
            versions.push(score(experiment, &aggregator, at)?);
        }
        let accepted = aggregator.devices().map(|device| device.contributions).collect();
        let (stale, closed) = aggregator
            .versions()
            .iter()
            .fold((0, 0), |sum, note| (sum.0 + note.staleness, sum.1 + note.contributions));
        Ok(Self {
            versions,
            accepted,
            stale_mean: if closed == 0 { 0.0 } else { stale as f64 / closed as f64 },
        })
    }

    fn of(&self, number: u32) -> Option<&ChainVersion> {
        self.versions.iter().find(|version| version.number == number)
    }

    /// Mean accuracy over nodes of the versions that they run.
    fn held(&self, versions: impl Iterator<Item = u32>) -> f64 {
        mean(versions.map(|version| self.of(version).map_or(0.0, |version| version.all().accuracy())))
    }

    fn deployed(&self, versions: impl Iterator<Item = u32> + Clone) -> DeployedAccuracy {
        let splits = self.versions.first().map(|version| version.scores.keys()).into_iter().flatten();
        let of_split = |split: &String| {
            mean(
                versions
                    .clone()
                    .map(|version| self.of(version).map_or(0.0, |version| version.scores[split].accuracy())),
            )
        };
        DeployedAccuracy {
            held: self.held(versions.clone()),
            balanced: mean(
                versions.clone().map(|v| self.of(v).map_or(0.0, |version| version.all().balanced())),
            ),
            server_model: None,
            by_split: splits.map(|split| (split.clone(), of_split(split))).collect(),
        }
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
    if count == 0 { 0.0 } else { sum / f64::from(count) }
}

fn score(experiment: &Experiment, aggregator: &Aggregator, at: Instant) -> Result<ChainVersion, CoresError> {
    let federation = aggregator.federation();
    let (version, scales) =
        aggregator.current().zip(aggregator.scales()).expect("the scale is settled when a version exists");
    let scales: Vec<FeatureScale> =
        scales.iter().map(|scale| FeatureScale { offset: scale.offset, gain: scale.gain }).collect();
    let params = version.deployed(&federation.task, federation.model_bits)?;
    let rate = |rows: &Vec<Sample>| score_rows(experiment, &params, &scales, rows);
    let scores = experiment.task.tests.iter().map(|(split, rows)| (split.clone(), rate(rows))).collect();
    Ok(ChainVersion { number: version.number, at, scores })
}

fn score_rows(experiment: &Experiment, params: &[f32], scales: &[FeatureScale], rows: &[Sample]) -> Score {
    let shape = Shape { features: experiment.task.n_features(), classes: experiment.task.n_classes() };
    let learner = Softmax { shape, learning_rate: 0.0, l2: 0.0 };
    let (mut scaled, mut scratch) = (vec![0.0; shape.features], vec![0.0; shape.classes]);
    let mut by_class = vec![(0, 0); shape.classes];
    for row in rows {
        let predicted = scale::apply(scales, &row.features, &mut scaled)
            .and_then(|()| learner.predict(params, &scaled, &mut scratch))
            .expect("the data was checked when it was read");
        let class = &mut by_class[usize::from(row.label)];
        class.0 += u64::from(predicted == usize::from(row.label));
        class.1 += 1;
    }
    Score { by_class }
}

fn version_record(
    version: &ChainVersion,
    records: &[AirRecord],
    tallies: &[NodeTally],
    held: f64,
) -> VersionRecord {
    let mut record = VersionRecord {
        at_s: version.at.as_secs_f64(),
        version: version.number,
        accuracy: version.all().accuracy(),
        held,
        ..VersionRecord::default()
    };
    for sent in records.iter().filter(|sent| sent.start <= version.at) {
        match sent.source {
            Transmitter::Node(_) => {
                record.uplink_phy_bytes += u64::from(sent.phy_bytes);
                record.uplink_airtime_s += sent.airtime.as_secs_f64();
                record.uplink_energy_mj += transmit_energy_mj(sent.airtime);
            }
            Transmitter::Gateway(_) => record.downlink_airtime_s += sent.airtime.as_secs_f64(),
        }
    }
    record.nodes_up_to_date =
        tallies.iter().filter(|tally| tally.version_at(version.at) + 1 >= version.number).count();
    record
}

fn node_records(experiment: &Experiment, fleet: &Fleet, ended: &Ended, chain: &Chain) -> Vec<NodeRecord> {
    let medium = ended.air.medium();
    let log = medium.log();
    let of = |(index, tally): (usize, &NodeTally)| {
        let node = NodeIndex(index as u32);
        let last = log.records().iter().rev().find(|sent| sent.source == Transmitter::Node(node));
        let spreading_factor = last.map_or(0, |sent| sent.modulation.spreading_factor);
        let data_rate = fleet.radio.region.data_rate(spreading_factor, 125_000).map_or(0, |dr| dr.0);
        NodeRecord {
            dev_eui: fleet.nodes[index].dev_eui,
            name: experiment.node_name(index).map(str::to_owned),
            position: fleet.node_positions[index],
            data_rate,
            spreading_factor,
            samples: experiment.shares[index].len(),
            contribution: tally.contribution,
            control: tally.control,
            duty_worst_ratio: log.duty().fullest_of(Transmitter::Node(node)).map_or(0.0, |hour| hour.ratio),
            lost: losses(log.node(node).outcomes),
            contributions_accepted: chain.accepted.get(index).copied().unwrap_or(0),
        }
    };
    ended.tallies.iter().enumerate().map(of).collect()
}

fn gateway_records(fleet: &Fleet, ended: &Ended) -> Vec<GatewayRecord> {
    let medium = ended.air.medium();
    let log = medium.log();
    let of = |(index, id)| {
        let gateway = GatewayIndex(index as u16);
        let sums = log.gateway(gateway);
        let frames = sums.outcomes.total();
        GatewayRecord {
            id,
            position: fleet.gateway_positions[index],
            downlink_frames: frames,
            downlink_payload_bytes: sums.phy_bytes.saturating_sub(frames * LORAWAN_OVERHEAD_BYTES as u64),
            downlink_airtime_s: sums.airtime.as_secs_f64(),
            duty_worst_ratio: log
                .duty()
                .fullest_of(Transmitter::Gateway(gateway))
                .map_or(0.0, |hour| hour.ratio),
        }
    };
    fleet.gateways.iter().copied().enumerate().map(of).collect()
}

fn losses(outcomes: Outcomes) -> Losses {
    Losses {
        collision: outcomes.lost(Cause::Collision),
        sensitivity: outcomes.lost(Cause::Sensitivity),
        half_duplex: outcomes.lost(Cause::HalfDuplex),
        no_demodulator: outcomes.lost(Cause::NoDemodulator),
        injected: outcomes.lost(Cause::Injected),
        unheard: outcomes.unheard,
    }
}

fn totals(uplinks: Outcomes, downlinks: Outcomes) -> RadioTotals {
    let mut all = uplinks;
    all += downlinks;
    RadioTotals { transmissions: all.total(), delivered: all.delivered, lost: losses(all) }
}
