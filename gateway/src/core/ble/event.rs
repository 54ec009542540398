//! What the endpoint is told, and what it wants done.
use chirrup_protocol::backhaul::{Receipt, Uplink};
use chirrup_protocol::ble::Mtu;
use chirrup_protocol::ids::{DevEui, GatewayId};
use chirrup_protocol::time::Duration;
use std::collections::BTreeSet;

/// A connection, as the service names it. Never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// Configuration of an [`super::Endpoint`].
#[derive(Clone, Debug)]
pub struct Config {
    /// The devices that may speak.
    pub devices: BTreeSet<DevEui>,
    /// Connections at a time, of all radios together.
    pub max_connections: usize,
    /// How long an uplink waits for its receipt before it is answered without.
    pub answer_within: Duration,
    /// How long a connection may bring nothing. What is written to the device counts for nothing, so this must cover the
    /// longest answer over the slowest connection.
    pub idle_after: Duration,
}

impl Config {
    /// The defaults: 32 connections, a second for a receipt, ten of silence.
    pub const fn new(devices: BTreeSet<DevEui>) -> Self {
        Self {
            devices,
            max_connections: 32,
            answer_within: Duration::from_secs(1),
            idle_after: Duration::from_secs(10),
        }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A node is connected, and its frames are subscribed to.
    Connected {
        /// The connection.
        connection: ConnectionId,
        /// The gateway whose radio it is.
        gateway: GatewayId,
        /// The MTU agreed on, or the largest in use if that is less.
        mtu: Mtu,
    },
    /// A notification came.
    Notified {
        /// The connection.
        connection: ConnectionId,
        /// Received power in dBm.
        rssi_dbm: i16,
        /// Its value.
        value: Vec<u8>,
    },
    /// A connection has ended.
    Disconnected {
        /// The connection.
        connection: ConnectionId,
    },
    /// The aggregator has taken charge of an uplink, and may have an answer for its node.
    ReceiptReceived(Receipt),
    /// [`super::Endpoint::next_deadline`] has come.
    DeadlineReached,
}

/// What must be done, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Keep an uplink until the aggregator's receipt comes, and publish it.
    Forward(Uplink),
    /// Remember that uplink ids below this one may be in use, before any later action.
    ReserveUplinkIds {
        /// The first id that is not reserved.
        below: u64,
    },
    /// Write a value without response.
    Write {
        /// To whom.
        connection: ConnectionId,
        /// What.
        value: Vec<u8>,
    },
    /// End a connection. It counts as ended.
    HangUp {
        /// Which.
        connection: ConnectionId,
    },
}
