//! From a sealed frame to a message: the device, its seal, its counter, and what the message says.
use super::frame_age::FrameAge;
use super::intervals::IntervalSet;
use chirrup_protocol::backhaul::Uplink;
use chirrup_protocol::epoch::uplink_epoch;
use chirrup_protocol::ids::DevEui;
use chirrup_protocol::seal::{self, Binding, DeviceSecret, Direction, FrameKey, Header, OpenError};
use chirrup_protocol::time::{Duration, Instant};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Why an uplink, or what it says, was not accepted. Each has its own count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Reject {
    /// Nobody enrolled the device.
    #[error("unknown device")]
    UnknownDevice,
    /// The device is revoked.
    #[error("revoked")]
    Revoked,
    /// Too short or too long for a sealed frame.
    #[error("wrong length")]
    WrongLength,
    /// A version or flags of the seal that are unknown.
    #[error("unknown header")]
    UnknownHeader,
    /// The seal does not verify.
    #[error("not authentic")]
    NotAuthentic,
    /// The counter was seen before.
    #[error("replayed")]
    Replayed,
    /// A later frame of the device was accepted longer ago than a frame may be old.
    #[error("too old")]
    TooOld,
    /// A port without a message.
    #[error("unknown port")]
    UnknownPort,
    /// The seal verified, but the message has no meaning.
    #[error("malformed message")]
    MalformedMessage,
    /// A contribution to another task.
    #[error("wrong task")]
    WrongTask,
    /// A contribution before the task exists, or moments after the scale was settled.
    #[error("out of season")]
    OutOfSeason,
    /// A contribution to a version that does not exist.
    #[error("unknown base version")]
    UnknownBase,
    /// A contribution that was begun too many versions ago.
    #[error("too stale")]
    TooStale,
    /// A contribution that has come before.
    #[error("duplicate")]
    Duplicate,
    /// The codec refused the payload, or a change overflows fixed point.
    #[error("bad payload")]
    BadPayload,
}

impl Reject {
    /// Every reason, in the order of the checks.
    pub const ALL: [Self; 15] = [
        Self::UnknownDevice,
        Self::Revoked,
        Self::WrongLength,
        Self::UnknownHeader,
        Self::Replayed,
        Self::NotAuthentic,
        Self::TooOld,
        Self::UnknownPort,
        Self::MalformedMessage,
        Self::WrongTask,
        Self::OutOfSeason,
        Self::UnknownBase,
        Self::TooStale,
        Self::Duplicate,
        Self::BadPayload,
    ];
}

impl From<OpenError> for Reject {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::WrongLength { .. } => Self::WrongLength,
            OpenError::UnknownHeader { .. } => Self::UnknownHeader,
            OpenError::NotAuthentic => Self::NotAuthentic,
        }
    }
}

/// The place of a frame in the life of its device. A device uses them in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FrameNumber {
    /// The epoch of its seal.
    pub epoch: u32,
    /// Its whole counter.
    pub counter: u64,
}

/// The sealed link with one device: its epochs, and every counter it has used in them.
#[derive(Debug)]
pub struct Link {
    dev_eui: DevEui,
    secret: DeviceSecret,
    /// The highest epoch that an uplink has verified.
    epoch: u32,
    /// Its key for downlinks.
    down: FrameKey,
    /// Uplinks by epoch, from two before the highest on.
    up: BTreeMap<u32, UplinkEpoch>,
    age: FrameAge,
}

#[derive(Debug)]
struct UplinkEpoch {
    key: FrameKey,
    seen: IntervalSet,
}

/// A frame whose seal verified and whose number is new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Its number.
    pub number: FrameNumber,
    /// The message.
    pub message: Vec<u8>,
}

impl Link {
    /// The link in its first epoch. Frames may be as old as `max_age`.
    pub fn new(dev_eui: DevEui, secret: &DeviceSecret, max_age: Duration) -> Self {
        let mut link = Self {
            dev_eui,
            secret: secret.clone(),
            epoch: 0,
            down: secret.frame_key(dev_eui, 0, Direction::Down),
            up: BTreeMap::new(),
            age: FrameAge::new(max_age),
        };
        link.up.insert(0, link.uplinks(0));
        link
    }

    /// The highest epoch that an uplink has verified.
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Opens an uplink that came `now`, without marking its number as seen.
    pub fn open(&self, now: Instant, uplink: &Uplink) -> Result<Opened, Reject> {
        let key_id = Header::parse(&uplink.payload)?.key_id;
        let epoch = uplink_epoch(key_id, self.epoch).ok_or(Reject::NotAuthentic)?;
        let new_epoch;
        let uplinks = match self.up.get(&epoch) {
            Some(known) => known,
            None => {
                new_epoch = self.uplinks(epoch);
                &new_epoch
            }
        };
        let mut message = [0; seal::MAX_MESSAGE_BYTES];
        let binding = self.binding(epoch, Direction::Up, uplink.fport);
        let expected = uplinks.seen.end();
        let (counter, length) =
            seal::open_near(&uplinks.key, binding, expected, &uplink.payload, &mut message)?;
        let number = FrameNumber { epoch, counter };
        if uplinks.seen.contains(counter) {
            return Err(Reject::Replayed);
        }
        if self.age.is_too_old(now, number) {
            return Err(Reject::TooOld);
        }
        Ok(Opened { number, message: message[..length].to_vec() })
    }

    /// Marks a number as seen. Whether it is the first of a new epoch, in which downlink counters begin anew.
    pub fn accept(&mut self, now: Instant, number: FrameNumber) -> Advance {
        self.age.accept(now, number);
        if !self.up.contains_key(&number.epoch) {
            self.up.insert(number.epoch, self.uplinks(number.epoch));
        }
        if let Some(uplinks) = self.up.get_mut(&number.epoch) {
            uplinks.seen.insert(number.counter);
        }
        if number.epoch <= self.epoch {
            return Advance::Stays;
        }
        self.epoch = number.epoch;
        self.down = self.secret.frame_key(self.dev_eui, self.epoch, Direction::Down);
        self.up.retain(|epoch, _| epoch.saturating_add(2) >= number.epoch);
        Advance::Begins
    }

    /// Whether no later frame of the device has been accepted.
    pub fn is_latest(&self, number: FrameNumber) -> bool {
        let end = self.up.get(&number.epoch).map_or(0, |uplinks| uplinks.seen.end());
        number.epoch >= self.epoch && number.counter + 1 >= end
    }

    /// Seals a downlink under the highest epoch. The message must be one that the protocol defines, hence fit.
    pub fn seal(&self, counter: u64, fport: u8, message: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; message.len() + seal::OVERHEAD_BYTES];
        let binding = self.binding(self.epoch, Direction::Down, fport);
        seal::seal(&self.down, binding, counter, message, &mut frame)
            .expect("the buffer was made to measure, and 2^40 downlinks take longer than any device lives");
        frame
    }

    fn uplinks(&self, epoch: u32) -> UplinkEpoch {
        let key = self.secret.frame_key(self.dev_eui, epoch, Direction::Up);
        UplinkEpoch { key, seen: IntervalSet::default() }
    }

    const fn binding(&self, epoch: u32, direction: Direction, fport: u8) -> Binding {
        Binding { dev_eui: self.dev_eui, epoch, direction, fport }
    }
}

/// Whether a frame began an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advance {
    /// It belongs to one that is known.
    Stays,
    /// It is the first of a new one.
    Begins,
}
