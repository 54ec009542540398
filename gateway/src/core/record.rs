//! What must survive a restart.
use chirrup_protocol::ids::{DevAddr, DevEui, GatewayId};
use chirrup_protocol::region::DataRate;
use chirrup_protocol::time::{Duration, Instant};
use serde::{Deserialize, Serialize};
use std::fmt;

/// An AES-128 key. Its debug form shows nothing.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key(pub [u8; 16]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// What a join agreed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The device's address.
    pub dev_addr: DevAddr,
    /// NwkSKey: integrity of frames and secrecy of MAC commands.
    pub nwk_s_key: Key,
    /// AppSKey: secrecy of the application payload.
    pub app_s_key: Key,
    /// The RX1 delay that the join announced, in seconds.
    pub rx1_delay_s: u8,
    /// The RX2 data rate that the join announced.
    pub rx2_data_rate: DataRate,
    /// The highest frame counter accepted from the device.
    pub fcnt_up: Option<u32>,
    /// The frame counter of the next downlink.
    pub fcnt_down: u32,
}

/// All that is kept of one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRecord {
    /// Which one.
    pub dev_eui: DevEui,
    /// The JoinNonce of the latest join accept, zero before the first; 24 bits.
    pub join_nonce: u32,
    /// Every DevNonce that this device ever joined with, ascending, as devices count.
    pub dev_nonces: Vec<u16>,
    /// The session in use.
    pub active: Option<Session>,
    /// The session of a join whose accept the device may not have heard. It replaces the active one with its first
    /// valid uplink.
    pub joining: Option<Session>,
}

impl DeviceRecord {
    /// A device that has never joined.
    pub fn new(dev_eui: DevEui) -> Self {
        Self { dev_eui, join_nonce: 0, dev_nonces: Vec::new(), active: None, joining: None }
    }
}

/// What a concentrator sent in one sub-band within one minute: a restart must not hand out the same duty cycle
/// twice. Records older than [`AirtimeRecord::KEEP`] may be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AirtimeRecord {
    /// The transmitter.
    pub concentrator: GatewayId,
    /// Index in the region's sub-bands.
    pub sub_band: u8,
    /// The minute since the epoch in which the transmissions started.
    pub minute: u64,
    /// Their time on air.
    pub on_air: Duration,
    /// When the last one ends.
    pub end: Instant,
}

impl AirtimeRecord {
    /// Longer than the hour that a duty cycle is measured over, by the minute that a record is long and the longest
    /// time that a transmission is planned ahead.
    pub const KEEP: Duration = Duration::from_secs(3_600 + 120);
}

/// What a restarted service has read back from its store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The latest record of each device. Records of devices that are no longer configured are ignored.
    pub devices: Vec<DeviceRecord>,
    /// The latest reservation of uplink ids.
    pub uplink_ids_below: u64,
    /// The airtime records of the last hour, in any order.
    pub airtime: Vec<AirtimeRecord>,
}
