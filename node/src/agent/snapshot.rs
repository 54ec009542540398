//! What of an agent survives a power cut.
//!
//! ```text
//! byte 0      format, 1
//!      1-8    counters of uplink seals below this may have been used
//!      9-16   downlinks with a counter below this are refused
//!      17-20  contributions numbered below this may have been sent
//! ```

/// Contributions numbered between two snapshots: at most so many numbers are passed over after a power cut.
pub(super) const SEQUENCE_SLACK: u32 = 16;
/// Downlinks accepted between two snapshots. After a power cut as many may come that are refused, and each costs a
/// poll; each snapshot wears the flash.
pub(super) const DOWNLINK_SLACK: u64 = 4;

/// The durable state of an agent, besides that of its LoRaWAN stack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AgentSnapshot {
    /// Seal counters below this may have been used.
    pub up_counters: u64,
    /// Downlinks with a counter below this are refused.
    pub down_from: u64,
    /// Contributions numbered below this may have been sent.
    pub sequences: u32,
}

impl AgentSnapshot {
    /// Size of the stored form.
    pub const BYTES: usize = 21;

    /// The stored form.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [1; Self::BYTES];
        bytes[1..9].copy_from_slice(&self.up_counters.to_le_bytes());
        bytes[9..17].copy_from_slice(&self.down_from.to_le_bytes());
        bytes[17..].copy_from_slice(&self.sequences.to_le_bytes());
        bytes
    }

    /// Reads the stored form; `None` when it is none.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        let number = |range: core::ops::Range<usize>| bytes[range].try_into().map(u64::from_le_bytes).ok();
        let sequences = u32::from_le_bytes(bytes[17..].try_into().ok()?);
        (bytes[0] == 1).then_some(Self { up_counters: number(1..9)?, down_from: number(9..17)?, sequences })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_form_is_read_back() {
        let snapshot = AgentSnapshot { up_counters: 64, down_from: 1 << 33, sequences: 7 };
        let bytes = snapshot.to_bytes();
        assert_eq!(AgentSnapshot::from_bytes(&bytes), Some(snapshot));
        assert_eq!(AgentSnapshot::from_bytes(&[0; AgentSnapshot::BYTES]), None);
    }
}
