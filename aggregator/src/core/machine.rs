//! The aggregator's state machine: see [`super`] for its diagram.
mod answering;
mod closing;
mod standing;
mod taking_in;

use super::answer::LinkQuality;
use super::distribution::{Holding, Registry};
use super::federation::Federation;
use super::intake::{Link, Opened, Reject};
use super::intervals::IntervalSet;
use super::ledger::{Record, ReplayError};
use super::moments::MomentsSum;
use super::throttle::Throttle;
use super::version::{Contribution, ContributionId, Version};
use chirrup_protocol::backhaul::{Receipt, Uplink, UplinkId};
use chirrup_protocol::ids::{DevEui, GatewayId};
use chirrup_protocol::message::{contribution, port};
use chirrup_protocol::region::DataRate;
use chirrup_protocol::seal::{self, Counters, DeviceSecret};
use chirrup_protocol::task::Scale;
use chirrup_protocol::time::Instant;
use ed25519_dalek::SigningKey;
use std::collections::{BTreeMap, VecDeque};

pub use closing::BASE_REACH;
pub use standing::{DeviceStanding, VersionNote};

/// What happens to an aggregator.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A gateway handed over an uplink.
    UplinkReceived {
        /// The gateway, as its topic says.
        via: GatewayId,
        /// The uplink.
        uplink: Uplink,
    },
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
    /// Nothing was done with an uplink: its gateway is to bring it again, later, and gets no receipt.
    PutOff(UplinkId),
}

struct Device {
    link: Link,
    revoked_from: Option<Instant>,
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
    throttle: Throttle,
    put_off: u64,
    actions: VecDeque<Action>,
}

impl Aggregator {
    /// An aggregator that has taken in nothing. The key signs what it publishes.
    pub fn new(federation: Federation, signing_key: SigningKey) -> Self {
        let device = |enrolled: &super::federation::Enrolled| {
            let secret = DeviceSecret::new(enrolled.secret);
            let link = Link::new(enrolled.dev_eui, &secret, federation.max_frame_age);
            (enrolled.dev_eui, Device { revoked_from: enrolled.revoked_from, ..Device::new(link) })
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
            throttle: Throttle::default(),
            put_off: 0,
            actions: VecDeque::new(),
            federation,
            signing_key,
        }
    }

    /// Takes over a record of the ledger, at a restart or in a replay.
    pub fn apply(&mut self, record: &Record) -> Result<(), ReplayError> {
        match record {
            Record::Frame { at, uplink } => {
                let opened = self.open(*at, uplink).map_err(|reason| refused(uplink, reason))?;
                self.take_in(*at, uplink, &opened);
                Ok(())
            }
            Record::ScaleSettled(settled) => self.apply_scale(settled),
            Record::Closing(closing) => self.apply_closing(closing),
            Record::DownlinkCounters { dev_eui, epoch, limit } => match self.devices.get_mut(dev_eui) {
                Some(device) => device.reserve(*dev_eui, *epoch, *limit),
                None => Ok(()),
            },
        }
    }

    /// Handles an event. The actions it causes must be carried out before the next event.
    pub fn handle(&mut self, now: Instant, event: Event) {
        match event {
            Event::UplinkReceived { via, uplink } => self.receive(now, via, uplink),
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

    fn receive(&mut self, now: Instant, via: GatewayId, mut uplink: Uplink) {
        if self.throttle.left(now, via) == 0 || uplink.fport == port::CONTRIBUTION && self.is_full() {
            self.put_off += 1;
            self.actions.push_back(Action::PutOff(uplink.id));
            return;
        }
        // A gateway's clock is not to be trusted with when things are due.
        uplink.received_at = uplink.received_at.min(now);
        let downlink = match self.admit(now, &uplink).and_then(|()| self.open(now, &uplink)) {
            Ok(opened) => {
                self.record(Record::Frame { at: now, uplink: uplink.clone() });
                self.take_in(now, &uplink, &opened);
                self.close_what_is_due(now);
                self.answer(now, &uplink)
            }
            Err(reason) => {
                if reason == Reject::NotAuthentic {
                    self.throttle.charge(now, via);
                }
                self.count(reason);
                None
            }
        };
        let receipt = Receipt { id: uplink.id, dev_eui: uplink.dev_eui, downlink };
        self.actions.push_back(Action::Acknowledge(receipt));
    }

    /// Goes by the time of now: when the frame was received is for its gateway to say, and when it was sent for a
    /// device that is no longer believed.
    fn admit(&self, now: Instant, uplink: &Uplink) -> Result<(), Reject> {
        let revoked_from = self.devices.get(&uplink.dev_eui).and_then(|device| device.revoked_from);
        if revoked_from.is_some_and(|from| from <= now) { Err(Reject::Revoked) } else { Ok(()) }
    }

    fn open(&self, now: Instant, uplink: &Uplink) -> Result<Opened, Reject> {
        self.devices.get(&uplink.dev_eui).ok_or(Reject::UnknownDevice)?.link.open(now, uplink)
    }

    fn record(&mut self, record: Record) {
        self.actions.push_back(Action::Append(record));
    }

    fn count(&mut self, reason: Reject) {
        *self.rejects.entry(reason).or_default() += 1;
    }
}

impl Device {
    fn new(link: Link) -> Self {
        Self {
            link,
            revoked_from: None,
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

    /// Downlink counters below `limit` may be in use. Those of an epoch that is over are of no further use.
    fn reserve(&mut self, dev_eui: DevEui, epoch: u32, limit: u64) -> Result<(), ReplayError> {
        let known = self.link.epoch();
        if epoch > known {
            return Err(ReplayError::UnknownEpoch { dev_eui, epoch, known });
        }
        if epoch == known {
            self.down = Counters::restored(self.down.next().max(limit));
        }
        Ok(())
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
