//! What the network server is told, and what it wants done.
use super::record::{AirtimeRecord, DeviceRecord};
use chirrup_protocol::airtime::Modulation;
use chirrup_protocol::backhaul::{Receipt, Uplink};
use chirrup_protocol::ids::{DevEui, GatewayId};
use chirrup_protocol::time::Instant;

/// A frame as one concentrator heard it, with a correct CRC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The concentrator.
    pub concentrator: GatewayId,
    /// The PHY payload.
    pub phy: Vec<u8>,
    /// Centre frequency in Hz.
    pub frequency_hz: u32,
    /// How it was modulated.
    pub modulation: Modulation,
    /// Received power in dBm.
    pub rssi_dbm: i16,
    /// Signal to noise ratio in tenths of a dB.
    pub snr_tenth_db: i16,
    /// The concentrator's counter at the end of the frame, in microseconds. Downlinks are timed against it.
    pub counter_us: u32,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A concentrator heard a frame. `now` is taken for the frame's end.
    FrameHeard(Heard),
    /// The aggregator has taken charge of an uplink, and may have an answer for its node.
    ReceiptReceived(Receipt),
    /// A concentrator will not send what [`Action::Transmit`] asked for.
    TransmissionRefused {
        /// The transmission's token.
        token: u64,
        /// Why.
        refusal: Refusal,
    },
    /// [`super::NetworkServer::next_deadline`] has come.
    DeadlineReached,
}

/// Why a concentrator does not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// The request came too late for its time slot.
    TooLate,
    /// The request came too early.
    TooEarly,
    /// Another transmission or a beacon holds the time slot.
    Collision,
    /// Its radio has no such frequency or power.
    NotSupported,
    /// It is not connected, or it failed.
    Unavailable,
}

/// The two receive windows of Class A.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReceiveWindow {
    /// At the uplink's channel and data rate.
    Rx1,
    /// A second later, at the network's frequency and data rate.
    Rx2,
}

/// A frame to be sent at a point in time. Downlinks invert the polarisation and carry no CRC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmission {
    /// Names it in [`Event::TransmissionRefused`].
    pub token: u64,
    /// The concentrator that must send it.
    pub concentrator: GatewayId,
    /// For which device it is.
    pub dev_eui: DevEui,
    /// The window it aims at.
    pub window: ReceiveWindow,
    /// Its first symbol, in protocol time.
    pub at: Instant,
    /// The same by the concentrator's counter, in microseconds. This one is exact.
    pub counter_us: u32,
    /// Centre frequency in Hz.
    pub frequency_hz: u32,
    /// How to modulate it.
    pub modulation: Modulation,
    /// Radiated power in dBm ERP.
    pub power_dbm: i8,
    /// The PHY payload.
    pub phy: Vec<u8>,
}

/// What must be done, in this order: an action is due only when those before it are, and what is to be stored is
/// durable before any later action is carried out.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Have a concentrator send a frame.
    Transmit(Transmission),
    /// Keep an uplink until the aggregator's receipt comes, and publish it.
    Forward(Uplink),
    /// Replace the device's record.
    StoreDevice(DeviceRecord),
    /// Remember that uplink ids below this one may be in use. Replaces the former value.
    ReserveUplinkIds {
        /// The first id that is not reserved.
        below: u64,
    },
    /// Replace the record of this concentrator, sub-band and minute.
    StoreAirtime(AirtimeRecord),
}
