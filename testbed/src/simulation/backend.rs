//! What stands behind the air: network server and aggregator, in this process or in others.
use crate::radio::RadioError;
use chirrup_gateway::core::ble;
use chirrup_gateway::core::{Heard, Refusal, Transmission};
use chirrup_protocol::airtime::Modulation;
use chirrup_protocol::ids::GatewayId;
use chirrup_protocol::time::Instant;

/// A frame that a concentrator is to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Names it in [`Backend::refused`].
    pub token: u64,
    /// Who is to send it.
    pub concentrator: GatewayId,
    /// When its first symbol is due.
    pub at: Instant,
    /// Centre frequency in Hz.
    pub frequency_hz: u32,
    /// How to modulate it.
    pub modulation: Modulation,
    /// Radiated power in dBm ERP.
    pub power_dbm: i8,
    /// The PHY payload.
    pub phy: Vec<u8>,
}

impl From<Transmission> for Order {
    fn from(transmission: Transmission) -> Self {
        let Transmission { token, concentrator, at, frequency_hz, modulation, power_dbm, phy, .. } =
            transmission;
        Self { token, concentrator, at, frequency_hz, modulation, power_dbm, phy }
    }
}

/// What a gateway is to do on BLE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BleOrder {
    /// Write a value.
    Write {
        /// To whom.
        connection: ble::ConnectionId,
        /// What.
        value: Vec<u8>,
    },
    /// End a connection.
    HangUp {
        /// Which.
        connection: ble::ConnectionId,
    },
}

/// What a concentrator tells a network server that asked for what it cannot send.
pub const fn refusal(error: RadioError) -> Refusal {
    match error {
        RadioError::TooLate { .. } => Refusal::TooLate,
        RadioError::GatewayBusy { .. } => Refusal::Collision,
        RadioError::GatewayOff { .. } => Refusal::Unavailable,
        RadioError::FrameTooLong { .. }
        | RadioError::UnsupportedModulation { .. }
        | RadioError::ReceiverNotSetUp
        | RadioError::BufferTooSmall { .. } => Refusal::NotSupported,
    }
}

/// Takes what concentrators heard, gives what they are to send. All calls come in the order of virtual time.
pub trait Backend {
    /// Why the run cannot go on.
    type Error;

    /// A concentrator heard a frame, which ended now.
    fn heard(&mut self, now: Instant, heard: Heard) -> Result<(), Self::Error>;

    /// A concentrator did not send what it was asked to.
    fn refused(&mut self, now: Instant, token: u64, error: RadioError) -> Result<(), Self::Error>;

    /// When [`Backend::reached`] is due, if nothing happens before.
    fn next_deadline(&self) -> Option<Instant>;

    /// The deadline has come.
    fn reached(&mut self, now: Instant) -> Result<(), Self::Error>;

    /// The next frame to send.
    fn poll_order(&mut self) -> Option<Order>;

    /// Something happened on BLE. Only a backend that has BLE is told.
    fn ble_happened(&mut self, _now: Instant, _event: ble::Event) -> Result<(), Self::Error> {
        Ok(())
    }

    /// The next thing to do on BLE.
    fn poll_ble_order(&mut self) -> Option<BleOrder> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_server_learns_why_a_concentrator_did_not_send() {
        let (until, now) = (Instant::from_micros(9), Instant::from_micros(5));
        let reasons = [
            (RadioError::TooLate { due: Instant::ZERO, now }, Refusal::TooLate),
            (RadioError::GatewayBusy { until }, Refusal::Collision),
            (RadioError::GatewayOff { until }, Refusal::Unavailable),
            (RadioError::FrameTooLong { have_bytes: 256 }, Refusal::NotSupported),
            (RadioError::UnsupportedModulation { spreading_factor: 6 }, Refusal::NotSupported),
        ];
        for (error, expected) in reasons {
            assert_eq!(refusal(error), expected, "{error}");
        }
    }
}
