//! Why an exchange did not take place, or broke off. `P` is the radio's error, `S` the snapshot store's.
use chirrup_protocol::region::{DataRate, Region, UnknownDataRate};
use chirrup_protocol::time::Instant;

/// A join that gave no session. A session held before is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError<P, S> {
    /// The duty cycle leaves no room; nothing was sent.
    #[error("duty cycle: the join request fits at {earliest}")]
    DutyCycle {
        /// When it fits.
        earliest: Instant,
    },
    /// The request was sent, no valid JoinAccept came.
    #[error("no valid JoinAccept was received")]
    NoAccept,
    /// All 65,536 DevNonces of this root key are used up: the node needs a new key.
    #[error("every DevNonce of this root key has been used")]
    DevNonceExhausted,
    /// The counters could not be stored; nothing was sent.
    #[error("the snapshot could not be stored")]
    Store(S),
    /// The radio failed to transmit; whether the frame went on the air is unknown.
    #[error("the radio failed while transmitting")]
    Transmit(P),
    /// The request went on the air, then the radio failed.
    #[error("the radio failed while receiving")]
    Receive(P),
    /// The stack gave an answer that its protocol does not allow here.
    #[error("unexpected answer of the LoRaWAN stack")]
    Stack,
}

/// An uplink that was refused, or whose exchange broke off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError<P, S> {
    /// There is no session: join first.
    #[error("not joined")]
    NotJoined,
    /// A frame counter of the session is used up: join again.
    #[error("the session's frame counters are used up")]
    SessionExhausted,
    /// FPort 0 and 224 to 255 are not the application's.
    #[error("FPort {fport} is reserved")]
    ReservedPort {
        /// The port asked for.
        fport: u8,
    },
    /// The payload exceeds what the data rate carries beside the pending MAC answers.
    #[error("{have_bytes} B of payload, at most {limit_bytes} B at this data rate")]
    TooLong {
        /// Payload offered.
        have_bytes: usize,
        /// Payload possible now.
        limit_bytes: usize,
        /// Slowest permitted data rate that would carry it, if any does.
        needs: Option<DataRate>,
    },
    /// The duty cycle leaves no room; nothing was sent.
    #[error("duty cycle: the frame fits at {earliest}")]
    DutyCycle {
        /// When it fits.
        earliest: Instant,
    },
    /// The counters could not be stored; nothing was sent.
    #[error("the snapshot could not be stored")]
    Store(S),
    /// The radio failed to transmit; whether the frame went on the air is unknown. Its counter is spent.
    #[error("the radio failed while transmitting")]
    Transmit(P),
    /// The frame went on the air, then the radio failed.
    #[error("the radio failed while receiving")]
    Receive(P),
    /// The stack gave an answer that its protocol does not allow here.
    #[error("unexpected answer of the LoRaWAN stack")]
    Stack,
}

/// A guard that cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// A region that nodes do not run in.
    #[error("nodes do not run in {region}, only in EU868, US915 and AU915")]
    Region {
        /// The region asked for.
        region: Region,
    },
    /// A limit of the configuration is no data rate of the region.
    #[error(transparent)]
    DataRate(#[from] UnknownDataRate),
    /// The slowest permitted data rate is faster than the fastest.
    #[error("DR{} is above DR{}", .lowest.0, .highest.0)]
    EmptyRange {
        /// Slowest permitted.
        lowest: DataRate,
        /// Fastest permitted.
        highest: DataRate,
    },
}

/// What the two have in common: an exchange that began and broke off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure<P> {
    DutyCycle { earliest: Instant },
    Transmit(P),
    Receive(P),
    Stack,
}

impl<P, S> From<Failure<P>> for JoinError<P, S> {
    fn from(failure: Failure<P>) -> Self {
        match failure {
            Failure::DutyCycle { earliest } => Self::DutyCycle { earliest },
            Failure::Transmit(error) => Self::Transmit(error),
            Failure::Receive(error) => Self::Receive(error),
            Failure::Stack => Self::Stack,
        }
    }
}

impl<P, S> From<Failure<P>> for SendError<P, S> {
    fn from(failure: Failure<P>) -> Self {
        match failure {
            Failure::DutyCycle { earliest } => Self::DutyCycle { earliest },
            Failure::Transmit(error) => Self::Transmit(error),
            Failure::Receive(error) => Self::Receive(error),
            Failure::Stack => Self::Stack,
        }
    }
}
