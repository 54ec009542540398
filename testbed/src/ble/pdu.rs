//! PDUs of the link layer, and what becomes of them.
use chirrup_protocol::ble::airtime::{Encryption, pdu_airtime, pdu_payload_bytes};
use chirrup_protocol::time::{Duration, Instant};

/// LL_TERMINATE_IND: opcode and reason (Core Specification 5.4, Vol 6, Part B, 2.4.2.3).
const TERMINATE_BYTES: usize = 2;

/// An end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The gateway.
    Central,
    /// The node.
    Peripheral,
}

/// What a PDU of the link layer carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pdu {
    /// Nothing.
    Empty,
    /// A step of the set-up, with so many bytes of payload.
    SetUp(u8),
    /// The value of a notification or a write.
    Value(Vec<u8>),
    /// The connection ends.
    Terminate,
}

impl Pdu {
    /// Bytes of payload.
    pub const fn payload_bytes(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::SetUp(bytes) => *bytes as usize,
            Self::Value(value) => pdu_payload_bytes(value.len()),
            Self::Terminate => TERMINATE_BYTES,
        }
    }

    /// Time on the air.
    pub const fn airtime(&self) -> Duration {
        pdu_airtime(self.payload_bytes(), Encryption::Off)
    }
}

/// A PDU that was on the air.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// When it began.
    pub at: Instant,
    /// Who sent it.
    pub from: End,
    /// What.
    pub pdu: Pdu,
    /// Whether it had been sent before.
    pub again: Repetition,
    /// Whether the other end got it.
    pub heard: Hearing,
}

/// Whether a PDU is sent for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repetition {
    /// It is.
    First,
    /// It was sent before, and not acknowledged.
    Again,
}

/// Whether a PDU was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hearing {
    /// It was.
    Heard,
    /// It was not, or not whole.
    Lost,
    /// Nobody listened: the peripheral left the event out.
    Unattended,
}

/// What came of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// When its last PDU had ended.
    pub end: Instant,
    /// All that was on the air, in order.
    pub sent: Vec<Sent>,
    /// What the central received for the first time, and when.
    pub to_central: Vec<(Instant, Pdu)>,
    /// What the peripheral received for the first time.
    pub to_peripheral: Vec<(Instant, Pdu)>,
    /// How long the peripheral's receiver was on.
    pub listened: Duration,
}

impl Held {
    /// An event in which nothing has been sent yet.
    pub const fn begun(at: Instant) -> Self {
        Self {
            end: at,
            sent: Vec::new(),
            to_central: Vec::new(),
            to_peripheral: Vec::new(),
            listened: Duration::ZERO,
        }
    }
}
