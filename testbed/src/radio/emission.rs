//! What a transmitter puts on the air.
use chirrup_protocol::airtime::Modulation;
use chirrup_protocol::time::Instant;

/// The longest frame that a LoRa modem takes, in bytes.
pub const MAX_PHY_BYTES: usize = 255;

/// A frame and how it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emission {
    /// Centre frequency in Hz.
    pub frequency_hz: u32,
    /// Modulation.
    pub modulation: Modulation,
    /// Transmit power in dBm.
    pub power_dbm: i8,
    /// The PHY payload.
    pub phy: Vec<u8>,
}

/// The radio cannot do what it was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RadioError {
    /// A frame longer than a modem's buffer.
    #[error("frame of {have_bytes} bytes, a modem sends at most {MAX_PHY_BYTES}")]
    FrameTooLong {
        /// Its length.
        have_bytes: usize,
    },
    /// Only SF7 to SF12 are modelled.
    #[error("SF{spreading_factor} is not modelled, only SF7 to SF12 are")]
    UnsupportedModulation {
        /// What was asked for.
        spreading_factor: u8,
    },
    /// The gateway is still sending something else.
    #[error("the gateway transmits until {until}")]
    GatewayBusy {
        /// When it is free again.
        until: Instant,
    },
    /// The gateway is off.
    #[error("the gateway is off until {until}")]
    GatewayOff {
        /// When it is on again.
        until: Instant,
    },
    /// A transmission was asked for at a time that has passed.
    #[error("transmission due at {due} asked for at {now}")]
    TooLate {
        /// When it should have begun.
        due: Instant,
        /// When it was asked for.
        now: Instant,
    },
    /// The receiver was started before it was set up, or in another mode than it was set up for.
    #[error("the receiver is not set up for this mode")]
    ReceiverNotSetUp,
    /// The received frame does not fit the caller's buffer.
    #[error("received {have_bytes} bytes into a buffer of {room_bytes}")]
    BufferTooSmall {
        /// The frame's length.
        have_bytes: usize,
        /// The buffer's length.
        room_bytes: usize,
    },
}

impl Emission {
    pub(super) fn check(&self) -> Result<(), RadioError> {
        let spreading_factor = self.modulation.spreading_factor;
        if !(7..=12).contains(&spreading_factor) {
            return Err(RadioError::UnsupportedModulation { spreading_factor });
        }
        if self.phy.len() > MAX_PHY_BYTES {
            return Err(RadioError::FrameTooLong { have_bytes: self.phy.len() });
        }
        Ok(())
    }

    /// The same emission without its bytes.
    pub(super) const fn without_phy(&self) -> Self {
        Self { phy: Vec::new(), ..*self }
    }

    /// Whether two emissions have a frequency in common.
    pub(super) const fn overlaps_band(&self, other: &Self) -> bool {
        let reach_hz = (self.modulation.bandwidth_hz + other.modulation.bandwidth_hz) / 2;
        self.frequency_hz.abs_diff(other.frequency_hz) < reach_hz
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emission(frequency_hz: u32, bandwidth_hz: u32) -> Emission {
        Emission {
            frequency_hz,
            modulation: Modulation::lorawan(7, bandwidth_hz),
            power_dbm: 14,
            phy: vec![],
        }
    }

    #[test]
    fn the_channels_of_a_region_are_apart() {
        let first = emission(868_100_000, 125_000);
        assert!(first.overlaps_band(&first));
        assert!(!first.overlaps_band(&emission(868_300_000, 125_000)));
        assert!(!first.overlaps_band(&emission(868_300_000, 250_000)));
        assert!(first.overlaps_band(&emission(868_200_000, 125_000)));
    }

    #[test]
    fn what_a_modem_cannot_send_is_refused() {
        let mut long = emission(868_100_000, 125_000);
        long.phy = vec![0; 256];
        assert_eq!(long.check(), Err(RadioError::FrameTooLong { have_bytes: 256 }));
        let mut fast = emission(868_100_000, 125_000);
        fast.modulation.spreading_factor = 6;
        assert_eq!(fast.check(), Err(RadioError::UnsupportedModulation { spreading_factor: 6 }));
    }
}
