//! What the service counts.
use crate::core::Counters;
use serde::Serialize;

/// What the service counts besides its network server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ServiceCounters {
    /// Frames that packet forwarders pushed, good and bad.
    pub frames_pushed: u64,
    /// Frames whose CRC was wrong.
    pub crc_failed: u64,
    /// Entries of datagrams that are no LoRa frames.
    pub unreadable_frames: u64,
    /// Datagrams that are not of the protocol.
    pub malformed_datagrams: u64,
    /// Transmissions handed to a concentrator.
    pub transmissions: u64,
    /// Publications, repeated ones too.
    pub publications: u64,
    /// Receipts.
    pub receipts: u64,
    /// Envelopes that did not open.
    pub unreadable_envelopes: u64,
    /// Uplinks that found the outbox full.
    pub outbox_full: u64,
}

impl ServiceCounters {
    /// Writes all counts to the log, as one object.
    pub fn log(&self, network: &Counters, outbox: usize) {
        match serde_json::to_string(&Report { service: self, network, outbox }) {
            Ok(json) => tracing::info!(%json, "counters"),
            Err(error) => tracing::warn!(%error, "counters"),
        }
    }
}

#[derive(Serialize)]
struct Report<'a> {
    service: &'a ServiceCounters,
    network: &'a Counters,
    outbox: usize,
}
