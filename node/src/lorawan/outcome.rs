//! What an exchange with the network brought.
use chirrup_protocol::ids::DevAddr;
use chirrup_protocol::region::DataRate;
use chirrup_protocol::time::Duration;
use heapless::Vec;

/// Whether the network is asked to acknowledge an uplink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// ConfirmedDataUp.
    Requested,
    /// UnconfirmedDataUp.
    NotRequested,
}

/// What became of a requested acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledgement {
    /// None was asked for.
    NotRequested,
    /// A downlink with the ACK bit came. Whoever holds the network key can set it: trust sealed receipts only.
    Received,
    /// No downlink with the ACK bit came, though another one may have.
    Missing,
}

/// How well a downlink was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal {
    /// Received signal strength in dBm.
    pub rssi_dbm: i16,
    /// Signal-to-noise ratio in dB.
    pub snr_db: i8,
}

/// Application data of a downlink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Port, 1 to 255.
    pub fport: u8,
    /// Decrypted payload.
    pub payload: Vec<u8, 242>,
}

/// An authentic downlink that answered an uplink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Downlink {
    /// Its counter.
    pub fcnt: u16,
    /// How it was heard.
    pub signal: Signal,
    /// The network holds more for this node (FPending): an early next uplink is worth its airtime.
    pub more_pending: bool,
    /// Application data, absent in a bare acknowledgement or an answer of the MAC.
    pub message: Option<Message>,
}

/// An uplink that went on the air, and what came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its counter.
    pub fcnt: u32,
    /// Data rate at which it went.
    pub data_rate: DataRate,
    /// Channel on which it went, in Hz.
    pub frequency_hz: u32,
    /// PHY payload in bytes.
    pub phy_bytes: usize,
    /// Time on air.
    pub on_air: Duration,
    /// The ACK bit itself, not "any downlink".
    pub acknowledgement: Acknowledgement,
    /// The downlink, if one came.
    pub downlink: Option<Downlink>,
}

/// A network that accepted this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The address it gave.
    pub dev_addr: DevAddr,
    /// How its JoinAccept was heard.
    pub signal: Signal,
    /// Time on air of the join request.
    pub on_air: Duration,
}
