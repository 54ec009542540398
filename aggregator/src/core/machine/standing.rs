//! What can be seen of an aggregator from outside.
use super::Aggregator;
use crate::core::federation::Federation;
use crate::core::intake::Reject;
use crate::core::version::Version;
use chirrup_protocol::ids::{DevEui, GatewayId};
use chirrup_protocol::region::DataRate;
use chirrup_protocol::task::Scale;
use chirrup_protocol::time::Instant;
use std::collections::BTreeMap;

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
    /// The highest epoch that its frames have shown.
    pub epoch: u32,
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

    /// Uplinks that were put off since the start.
    pub const fn put_off(&self) -> u64 {
        self.put_off
    }

    /// Gateways that brought bad tags not long ago, and how many each may still bring.
    pub fn short_gateways(&self, now: Instant) -> impl Iterator<Item = (GatewayId, u32)> + '_ {
        self.throttle.short(now)
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
            epoch: device.link.epoch(),
        })
    }
}
