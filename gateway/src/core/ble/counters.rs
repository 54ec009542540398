//! What happened how often.
use serde::Serialize;
use std::collections::BTreeMap;

/// Why something was dropped or not done. Nothing that arrives by radio is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A connection beyond the configured number.
    TooManyConnections,
    /// A notification of a connection that has ended.
    UnknownConnection,
    /// A value that is no fragment, or not the one that follows.
    BadFragment,
    /// A frame that is none.
    BadFrame,
    /// A device that is not configured.
    UnknownDevEui,
    /// A frame came before the one before it was answered.
    Overtaken,
    /// A connection that said nothing for too long.
    Idle,
    /// A downlink for a device that is not configured, or for two devices at once.
    DownlinkUnaddressed,
    /// A downlink that is no sealed frame on an application's port.
    BadDownlink,
    /// A downlink was replaced by a newer one before it could be written.
    DownlinkReplaced,
}

/// Counts since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Connections taken.
    pub connections: u64,
    /// Frames forwarded.
    pub uplinks: u64,
    /// Frames answered with a downlink.
    pub downlinks: u64,
    /// Frames answered with nothing.
    pub empty_answers: u64,
    /// What was dropped or not done.
    pub discarded: BTreeMap<Reason, u64>,
}

impl Counters {
    /// How often something was dropped or not done for this reason.
    pub fn discarded(&self, reason: Reason) -> u64 {
        self.discarded.get(&reason).copied().unwrap_or(0)
    }

    pub(super) fn discard(&mut self, reason: Reason) {
        *self.discarded.entry(reason).or_default() += 1;
    }
}
