//! The aggregator's state machine: see [`super`] for its diagram.
use super::answer::LinkQuality;
use super::distribution::{Holding, Published, Registry};
use super::federation::{Federation, ScaleSource};
use super::intake::{Link, Opened, Reject};
use super::intervals::IntervalSet;
use super::ledger::{Closing, Record, ReplayError, ScaleSettled};
use super::moments::MomentsSum;
use super::strategy::to_fixed;
use super::version::{Contribution, ContributionId, Version, n_params};
use chirrup_protocol::backhaul::{Downlink, Receipt, Uplink};
use chirrup_protocol::codec::topk;
use chirrup_protocol::ids::DevEui;
use chirrup_protocol::manifest::{Manifest, sha256};
use chirrup_protocol::message::control::{self, Control, MomentsWanted};
use chirrup_protocol::message::moments::Moments;
use chirrup_protocol::message::status::Status;
use chirrup_protocol::message::{contribution, port};
use chirrup_protocol::object::{MAX_OBJECT_BYTES, ObjectKind};
use chirrup_protocol::region::DataRate;
use chirrup_protocol::seal::{self, Counters, DeviceSecret};
use chirrup_protocol::task::Scale;
use chirrup_protocol::time::Instant;
use ed25519_dalek::SigningKey;
use std::collections::{BTreeMap, VecDeque};

/// Contributions that may wait for a version; at this number it closes whatever the cadence says.
const MAX_WAITING: usize = 4_096;

/// What happens to an aggregator.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A gateway handed over an uplink.
    UplinkReceived(Uplink),
    /// The time that [`Aggregator::next_deadline`] named has come.
    DeadlineReached,
}

/// What an aggregator wants done, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Write this to the ledger. It must be durable before a later action is carried out.
    Append(Record),
    /// Tell the gateway that an uplink is taken care of, and what to answer the node.
    Acknowledge(Receipt),
}

/// One device, as the aggregator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceStanding {
    /// The device.
    pub dev_eui: DevEui,
    /// When its latest authentic frame arrived.
    pub last_heard: Option<Instant>,
    /// Signal to noise ratio of that frame in tenths of a dB.
    pub snr_tenth_db: Option<i16>,
    /// Data rate of that frame.
    pub data_rate: Option<DataRate>,
    /// Battery as in LoRaWAN's DevStatusAns.
    pub battery: Option<u8>,
    /// Version of the model it holds.
    pub model_version: u32,
    /// Contributions accepted from it.
    pub contributions: u64,
}

/// A published version, in short.
#[derive(Clone, Debug, PartialEq)]
pub struct VersionNote {
    /// Its number.
    pub number: u32,
    /// Its hash.
    pub hash: [u8; 32],
    /// When it closed.
    pub at: Instant,
    /// Contributions in it.
    pub contributions: usize,
    /// Sum of their staleness, in versions.
    pub staleness: u64,
    /// Verdicts of nodes on it: correct and total.
    pub evaluated: (u64, u64),
}

struct Device {
    link: Link,
    down: Counters,
    /// Contributions seen: `sequence * 16 + block`.
    contributions: IntervalSet,
    accepted: u64,
    holding: Holding,
    quality: LinkQuality,
    last_heard: Option<Instant>,
    data_rate: Option<DataRate>,
    battery: Option<u8>,
}

/// The task as published.
struct SettledTask {
    hash: [u8; 32],
    scales: Vec<Scale>,
}

/// The aggregator.
pub struct Aggregator {
    federation: Federation,
    signing_key: SigningKey,
    devices: BTreeMap<DevEui, Device>,
    moments: MomentsSum,
    first_moments_at: Option<Instant>,
    task: Option<SettledTask>,
    current: Option<Version>,
    waiting: BTreeMap<ContributionId, Contribution>,
    last_closing: Instant,
    registry: Registry,
    notes: Vec<VersionNote>,
    rejects: BTreeMap<Reject, u64>,
    actions: VecDeque<Action>,
}

impl Aggregator {
    /// An aggregator that has taken in nothing. The key signs what it publishes.
    pub fn new(federation: Federation, signing_key: SigningKey) -> Self {
        let device = |enrolled: &super::federation::Enrolled| {
            let link = Link::new(enrolled.dev_eui, &DeviceSecret::new(enrolled.secret));
            (enrolled.dev_eui, Device::new(link))
        };
        Self {
            devices: federation.devices.iter().map(device).collect(),
            moments: MomentsSum::new(federation.task.features.into()),
            first_moments_at: None,
            task: None,
            current: None,
            waiting: BTreeMap::new(),
            last_closing: Instant::ZERO,
            registry: Registry::default(),
            notes: Vec::new(),
            rejects: BTreeMap::new(),
            actions: VecDeque::new(),
            federation,
            signing_key,
        }
    }

    /// Takes over a record of the ledger, at a restart or in a replay.
    pub fn apply(&mut self, record: &Record) -> Result<(), ReplayError> {
        match record {
            Record::Frame(uplink) => {
                let opened = self.open(uplink).map_err(|reason| refused(uplink, reason))?;
                self.take_in(uplink, &opened);
                Ok(())
            }
            Record::ScaleSettled(settled) => self.apply_scale(settled),
            Record::Closing(closing) => self.apply_closing(closing),
            Record::DownlinkCounters { dev_eui, limit } => {
                if let Some(device) = self.devices.get_mut(dev_eui) {
                    device.down = Counters::restored(*limit);
                }
                Ok(())
            }
        }
    }

    /// Handles an event. The actions it causes must be carried out before the next event.
    pub fn handle(&mut self, now: Instant, event: Event) {
        match event {
            Event::UplinkReceived(uplink) => self.receive(now, &uplink),
            Event::DeadlineReached => self.close_what_is_due(now),
        }
    }

    /// The next thing to do, until there is none.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`Event::DeadlineReached`] is due, if nothing else happens before.
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.task.is_none() {
            return self.scale_due_at();
        }
        self.version_due_at()
    }

    fn receive(&mut self, now: Instant, uplink: &Uplink) {
        let downlink = match self.open(uplink) {
            Ok(opened) => {
                self.record(Record::Frame(uplink.clone()));
                self.take_in(uplink, &opened);
                self.close_what_is_due(now);
                self.answer(now, uplink)
            }
            Err(reason) => {
                self.count(reason);
                None
            }
        };
        let receipt = Receipt { id: uplink.id, dev_eui: uplink.dev_eui, downlink };
        self.actions.push_back(Action::Acknowledge(receipt));
    }

    fn open(&self, uplink: &Uplink) -> Result<Opened, Reject> {
        self.devices.get(&uplink.dev_eui).ok_or(Reject::UnknownDevice)?.link.open(uplink)
    }

    fn record(&mut self, record: Record) {
        self.actions.push_back(Action::Append(record));
    }

    fn count(&mut self, reason: Reject) {
        *self.rejects.entry(reason).or_default() += 1;
    }
}

/// Taking in a frame whose seal verified.
impl Aggregator {
    fn take_in(&mut self, uplink: &Uplink, opened: &Opened) {
        let device = self.devices.get_mut(&uplink.dev_eui).expect("its seal verified, so it is enrolled");
        device.link.accept(opened.counter);
        device.last_heard = device.last_heard.max(Some(uplink.received_at));
        device.data_rate = Some(uplink.data_rate);
        device.quality.heard(uplink);
        if let Err(reason) = self.take_in_message(uplink, &opened.message) {
            self.count(reason);
        }
    }

    fn take_in_message(&mut self, uplink: &Uplink, message: &[u8]) -> Result<(), Reject> {
        match uplink.fport {
            port::CONTRIBUTION => self.take_in_contribution(uplink.dev_eui, message),
            port::STATUS => self.take_in_status(uplink.dev_eui, message),
            port::MOMENTS => self.take_in_moments(uplink, message),
            _ => Err(Reject::UnknownPort),
        }
    }

    fn take_in_contribution(&mut self, dev_eui: DevEui, message: &[u8]) -> Result<(), Reject> {
        let message = contribution::Contribution::parse(message).map_err(|_| Reject::MalformedMessage)?;
        let current = self.current.as_ref().ok_or(Reject::OutOfSeason)?.number;
        if message.task != self.federation.task_id {
            return Err(Reject::WrongTask);
        }
        let base_version = message.base_version(current).ok_or(Reject::UnknownBase)?;
        if current - base_version > self.federation.cadence.max_staleness {
            return Err(Reject::TooStale);
        }
        let changes = decode_changes(message.payload, n_params(&self.federation.task))?;
        let device = self.devices.get_mut(&dev_eui).expect("its seal verified, so it is enrolled");
        let id = device.contribution_id(dev_eui, &message);
        if !device.contributions.insert(u64::from(id.sequence) * 16 + u64::from(id.block)) {
            return Err(Reject::Duplicate);
        }
        device.accepted += 1;
        self.waiting.insert(id, Contribution { base_version, examples: message.examples.get(), changes });
        Ok(())
    }

    fn take_in_status(&mut self, dev_eui: DevEui, message: &[u8]) -> Result<(), Reject> {
        let status = Status::parse(message).map_err(|_| Reject::MalformedMessage)?;
        let device = self.devices.get_mut(&dev_eui).expect("its seal verified, so it is enrolled");
        device.holding.update(&self.registry, &status);
        device.battery = Some(status.battery);
        if let Some(evaluation) = status.evaluation {
            let judged = self.notes.iter_mut().rev().find(|note| note.number as u8 == evaluation.version_low);
            if let Some(note) = judged {
                note.evaluated.0 += u64::from(evaluation.correct);
                note.evaluated.1 += u64::from(evaluation.total);
            }
        }
        Ok(())
    }

    fn take_in_moments(&mut self, uplink: &Uplink, message: &[u8]) -> Result<(), Reject> {
        let block = Moments::parse(message).map_err(|_| Reject::MalformedMessage)?;
        if !self.moments.fits(&block) {
            return Err(Reject::BadPayload);
        }
        if self.task.is_some() {
            return Err(Reject::OutOfSeason);
        }
        self.moments.add(uplink.dev_eui, &block);
        self.first_moments_at.get_or_insert(uplink.received_at);
        Ok(())
    }
}

/// Closing: the scale once, versions ever after.
impl Aggregator {
    fn scale_due_at(&self) -> Option<Instant> {
        match self.federation.scale {
            ScaleSource::Schema(_) => Some(Instant::ZERO),
            ScaleSource::Moments { devices, .. } if self.moments.complete_devices() >= devices => {
                self.first_moments_at
            }
            ScaleSource::Moments { patience, .. } => self.first_moments_at.map(|first| first + patience),
        }
    }

    fn version_due_at(&self) -> Option<Instant> {
        let cadence = &self.federation.cadence;
        match self.waiting.len() {
            0 => None,
            MAX_WAITING.. => Some(self.last_closing),
            waiting if waiting >= cadence.buffer => Some(self.last_closing + cadence.min_interval),
            _ => Some(self.last_closing + cadence.max_interval),
        }
    }

    fn close_what_is_due(&mut self, now: Instant) {
        if self.task.is_none() && self.scale_due_at().is_some_and(|due| due <= now) {
            self.settle_scale(now);
        }
        if self.task.is_some() && self.version_due_at().is_some_and(|due| due <= now) {
            self.close_version(now);
        }
    }

    fn settle_scale(&mut self, at: Instant) {
        let (hash, task) = self.make_task();
        self.record(Record::ScaleSettled(ScaleSettled { at, hash }));
        self.publish_task(at, hash, task);
    }

    fn apply_scale(&mut self, settled: &ScaleSettled) -> Result<(), ReplayError> {
        let (hash, task) = self.make_task();
        if hash != settled.hash {
            return Err(ReplayError::WrongHash { what: "task", version: 1 });
        }
        self.publish_task(settled.at, hash, task);
        Ok(())
    }

    fn make_task(&self) -> ([u8; 32], Vec<u8>) {
        let scales = match &self.federation.scale {
            ScaleSource::Schema(schema) => {
                schema.iter().map(|&(offset, gain)| Scale { offset, gain }).collect()
            }
            ScaleSource::Moments { .. } => self.moments.scales(),
        };
        let mut object = vec![0; MAX_OBJECT_BYTES];
        let length = self
            .federation
            .task
            .emit(&scales, &mut object)
            .expect("the number of features is checked when the configuration is read");
        object.truncate(length);
        (sha256(&object), object)
    }

    fn publish_task(&mut self, at: Instant, hash: [u8; 32], object: Vec<u8>) {
        let mut scales = Vec::new();
        chirrup_protocol::task::Task::parse(&object, |_, scale| scales.push(scale))
            .expect("the task was written a moment ago");
        self.task = Some(SettledTask { hash, scales });
        let stream = self.sign(at, ObjectKind::Task, 1, [0; 32], 0, object);
        self.registry.publish_task(Published { version: 1, stream });
        self.current = Some(Version::zero(&self.federation.task, hash));
        self.last_closing = at;
    }

    fn close_version(&mut self, at: Instant) {
        let (Some(parent), Some(task)) = (&self.current, &self.task) else { return };
        let contributions: Vec<_> =
            self.waiting.iter().map(|(id, contribution)| (*id, contribution)).collect();
        let next = parent
            .next(&self.federation, task.hash, &contributions)
            .expect("strategies keep parameters within what the codec carries");
        let closing = Closing {
            at,
            version: next.number,
            parent: parent.hash,
            contributions: contributions.iter().map(|(id, _)| *id).collect(),
            hash: next.hash,
        };
        self.record(Record::Closing(closing.clone()));
        self.publish_version(&closing, next);
    }

    fn apply_closing(&mut self, closing: &Closing) -> Result<(), ReplayError> {
        let broken = |current| ReplayError::BrokenChain { version: closing.version, current };
        let (Some(parent), Some(task)) = (&self.current, &self.task) else { return Err(broken(0)) };
        if closing.parent != parent.hash || closing.version != parent.number + 1 {
            return Err(broken(parent.number));
        }
        if !closing.contributions.is_sorted_by(|a, b| a < b) {
            return Err(ReplayError::Unordered { version: closing.version });
        }
        let find = |id: &ContributionId| {
            let unknown = ReplayError::UnknownContribution { version: closing.version, id: *id };
            self.waiting.get(id).map(|contribution| (*id, contribution)).ok_or(unknown)
        };
        let contributions: Vec<_> = closing.contributions.iter().map(find).collect::<Result<_, _>>()?;
        let next = parent
            .next(&self.federation, task.hash, &contributions)
            .map_err(|error| ReplayError::Object(error.to_string()))?;
        if next.hash != closing.hash {
            return Err(ReplayError::WrongHash { what: "version", version: closing.version });
        }
        self.publish_version(closing, next);
        Ok(())
    }

    fn publish_version(&mut self, closing: &Closing, next: Version) {
        let staleness = |id: &ContributionId| {
            let taken = self.waiting.remove(id).expect("the closing record names what waits");
            u64::from(closing.version - 1 - taken.base_version)
        };
        let staleness = closing.contributions.iter().map(staleness).sum();
        self.notes.push(VersionNote {
            number: next.number,
            hash: next.hash,
            at: closing.at,
            contributions: closing.contributions.len(),
            staleness,
            evaluated: (0, 0),
        });
        let bits = self.federation.model_bits;
        let object = next.object.clone();
        let stream = self.sign(closing.at, ObjectKind::Model, next.number, closing.parent, bits, object);
        self.registry.publish_model(Published { version: next.number, stream });
        self.last_closing = closing.at;
        self.current = Some(next);
    }

    fn sign(
        &self,
        at: Instant,
        kind: ObjectKind,
        version: u32,
        parent: [u8; 32],
        codec: u8,
        object: Vec<u8>,
    ) -> Vec<u8> {
        let parent = *parent.first_chunk().expect("a hash has more than eight bytes");
        let manifest = Manifest {
            kind,
            task: self.federation.task_id,
            codec,
            version,
            parent,
            object_bytes: object.len() as u16,
            key_id: 0,
            expires_s: (at + self.federation.object_lifetime).as_secs() as u32,
            sha256: sha256(&object),
        };
        let mut stream = manifest.sign(&self.signing_key).to_vec();
        stream.extend_from_slice(&object);
        stream
    }
}

/// Answering.
impl Aggregator {
    fn answer(&mut self, now: Instant, uplink: &Uplink) -> Option<Downlink> {
        let message_bytes = self.federation.downlink_bytes.checked_sub(seal::OVERHEAD_BYTES)?;
        let moments = self.moments_wanted(uplink.dev_eui);
        let rule = self.federation.data_rate_advice;
        let device = self.devices.get_mut(&uplink.dev_eui)?;
        let time_s = Some(uplink.received_at.as_secs() as u32);
        let advice = rule.and_then(|rule| device.quality.advice(&rule, uplink.data_rate));
        let (fport, message) = if advice.is_some() {
            device.quality.advised();
            (port::CONTROL, emit_control(&Control { time_s, data_rate: advice, moments }))
        } else if let Some(chunk) = device.holding.next_chunk(&self.registry, message_bytes) {
            let mut message = vec![0; message_bytes];
            let length = chunk.emit(&mut message).expect("the run of chunks was chosen to fit");
            message.truncate(length);
            (port::CHUNK, message)
        } else if moments == MomentsWanted::Yes || device.quality.wants_time(now) {
            (port::CONTROL, emit_control(&Control { time_s, data_rate: None, moments }))
        } else {
            return None;
        };
        Some(self.seal_downlink(uplink.dev_eui, fport, &message))
    }

    fn moments_wanted(&self, dev_eui: DevEui) -> MomentsWanted {
        match self.federation.scale {
            ScaleSource::Moments { .. } if self.task.is_none() && !self.moments.is_complete(dev_eui) => {
                MomentsWanted::Yes
            }
            _ => MomentsWanted::No,
        }
    }

    fn seal_downlink(&mut self, dev_eui: DevEui, fport: u8, message: &[u8]) -> Downlink {
        let device = self.devices.get_mut(&dev_eui).expect("only enrolled devices are answered");
        let counter = match device.down.take() {
            Some(counter) => counter,
            None => {
                let limit = device.down.wanted_limit();
                self.actions.push_back(Action::Append(Record::DownlinkCounters { dev_eui, limit }));
                device.down.grant(limit);
                device.down.take().expect("a block was granted a moment ago")
            }
        };
        Downlink { dev_eui, fport, payload: device.link.seal(counter, fport, message) }
    }
}

/// What can be seen from outside.
impl Aggregator {
    /// The configuration.
    pub const fn federation(&self) -> &Federation {
        &self.federation
    }

    /// The newest version; `None` until the scale is settled.
    pub const fn current(&self) -> Option<&Version> {
        self.current.as_ref()
    }

    /// The scale of the task, `[features]`; `None` until it is settled.
    pub fn scales(&self) -> Option<&[Scale]> {
        self.task.as_ref().map(|task| task.scales.as_slice())
    }

    /// Every version so far, oldest first.
    pub fn versions(&self) -> &[VersionNote] {
        &self.notes
    }

    /// Contributions that wait for the next version.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Contributions accepted so far.
    pub fn accepted(&self) -> u64 {
        self.devices.values().map(|device| device.accepted).sum()
    }

    /// How often something was refused, by reason.
    pub const fn rejects(&self) -> &BTreeMap<Reject, u64> {
        &self.rejects
    }

    /// The devices, in order of their EUIs.
    pub fn devices(&self) -> impl Iterator<Item = DeviceStanding> + '_ {
        self.devices.iter().map(|(&dev_eui, device)| DeviceStanding {
            dev_eui,
            last_heard: device.last_heard,
            snr_tenth_db: device.quality.latest_snr_tenth_db(),
            data_rate: device.data_rate,
            battery: device.battery,
            model_version: device.holding.model_version,
            contributions: device.accepted,
        })
    }
}

impl Device {
    fn new(link: Link) -> Self {
        Self {
            link,
            down: Counters::restored(0),
            contributions: IntervalSet::default(),
            accepted: 0,
            holding: Holding::default(),
            quality: LinkQuality::default(),
            last_heard: None,
            data_rate: None,
            battery: None,
        }
    }

    /// The whole sequence number is the nearest to those seen: a node numbers its contributions in order.
    fn contribution_id(&self, dev_eui: DevEui, message: &contribution::Contribution<'_>) -> ContributionId {
        let sequence = message.sequence_near((self.contributions.end() / 16) as u32);
        ContributionId { dev_eui, task: message.task, sequence, block: message.block }
    }
}

fn refused(uplink: &Uplink, reason: Reject) -> ReplayError {
    let counter_low = seal::Header::parse(&uplink.payload).map_or(0, |header| header.counter_low);
    ReplayError::FrameRefused { dev_eui: uplink.dev_eui, counter_low, reason }
}

fn decode_changes(payload: &[u8], params: usize) -> Result<Vec<(u32, i64)>, Reject> {
    let entries = topk::decode(payload, params).map_err(|_| Reject::BadPayload)?;
    let fixed = entries.map(|entry| Some((entry.index as u32, to_fixed(entry.value)?)));
    fixed.collect::<Option<Vec<_>>>().ok_or(Reject::BadPayload)
}

fn emit_control(control: &Control) -> Vec<u8> {
    let mut message = vec![0; control::MAX_BYTES];
    let length = control.emit(&mut message).expect("the buffer holds the largest control message");
    message.truncate(length);
    message
}
