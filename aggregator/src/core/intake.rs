//! From a sealed frame to a message: the device, its seal, its counter, and what the message says.
use super::intervals::IntervalSet;
use chirrup_protocol::backhaul::Uplink;
use chirrup_protocol::ids::DevEui;
use chirrup_protocol::seal::{self, Binding, DeviceSecret, Direction, FrameKey, Header, OpenError};
use serde::{Deserialize, Serialize};

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
    pub const ALL: [Self; 14] = [
        Self::UnknownDevice,
        Self::Revoked,
        Self::WrongLength,
        Self::UnknownHeader,
        Self::Replayed,
        Self::NotAuthentic,
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

/// The sealed link with one device: its keys and every counter it has used.
#[derive(Debug)]
pub struct Link {
    dev_eui: DevEui,
    epoch: u32,
    up: FrameKey,
    down: FrameKey,
    seen: IntervalSet,
}

/// A frame whose seal verified and whose counter is new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Its whole counter.
    pub counter: u64,
    /// The message.
    pub message: Vec<u8>,
}

impl Link {
    /// The link in its first epoch.
    pub fn new(dev_eui: DevEui, secret: &DeviceSecret) -> Self {
        let key = |direction| secret.frame_key(dev_eui, 0, direction);
        Self {
            dev_eui,
            epoch: 0,
            up: key(Direction::Up),
            down: key(Direction::Down),
            seen: IntervalSet::default(),
        }
    }

    /// Opens an uplink, without marking its counter as seen.
    pub fn open(&self, uplink: &Uplink) -> Result<Opened, Reject> {
        let counter = Header::parse(&uplink.payload)?.counter(self.seen.end());
        let mut message = [0; seal::MAX_MESSAGE_BYTES];
        let binding = self.binding(Direction::Up, uplink.fport);
        let length = seal::open(&self.up, binding, counter, &uplink.payload, &mut message)?;
        if self.seen.contains(counter) {
            return Err(Reject::Replayed);
        }
        Ok(Opened { counter, message: message[..length].to_vec() })
    }

    /// Marks a counter as seen.
    pub fn accept(&mut self, counter: u64) {
        self.seen.insert(counter);
    }

    /// Whether no later frame of the device has been accepted.
    pub fn is_latest(&self, counter: u64) -> bool {
        counter + 1 >= self.seen.end()
    }

    /// Seals a downlink. The message must be one that the protocol defines, hence fit.
    pub fn seal(&self, counter: u64, fport: u8, message: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; message.len() + seal::OVERHEAD_BYTES];
        let binding = self.binding(Direction::Down, fport);
        seal::seal(&self.down, binding, counter, message, &mut frame)
            .expect("the buffer was made to measure, and 2^40 downlinks take longer than any device lives");
        frame
    }

    const fn binding(&self, direction: Direction, fport: u8) -> Binding {
        Binding { dev_eui: self.dev_eui, epoch: self.epoch, direction, fport }
    }
}
