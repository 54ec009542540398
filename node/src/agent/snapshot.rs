//! What of an agent survives a power cut.
//!
//! ```text
//! byte 0      format, 2
//!      1-34   epoch and counters of the seals: `chirrup_protocol::epoch::Record`
//!      35-38  contributions numbered below this may have been sent
//! ```
//! `chirrup_protocol::slots` keeps such bytes in two places of a flash, so that a cut while they are written leaves
//! those before them.
use chirrup_protocol::epoch::Record;

/// Contributions numbered between two snapshots: at most so many numbers are passed over after a power cut.
pub(super) const SEQUENCE_SLACK: u32 = 16;

const FORMAT: u8 = 2;

/// The durable state of an agent, besides that of its LoRaWAN stack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AgentSnapshot {
    /// Epoch and counters of the seals.
    pub epochs: Record,
    /// Contributions numbered below this may have been sent.
    pub sequences: u32,
}

impl AgentSnapshot {
    /// Size of the stored form.
    pub const BYTES: usize = 1 + Record::BYTES + 4;

    /// The stored form.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [FORMAT; Self::BYTES];
        bytes[1..=Record::BYTES].copy_from_slice(&self.epochs.to_bytes());
        bytes[1 + Record::BYTES..].copy_from_slice(&self.sequences.to_le_bytes());
        bytes
    }

    /// Reads the stored form; `None` when it is none.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        let (format, rest) = bytes.split_first()?;
        let (epochs, sequences) = rest.split_first_chunk()?;
        let sequences = u32::from_le_bytes(sequences.try_into().ok()?);
        (*format == FORMAT).then_some(Self { epochs: Record::from_bytes(epochs)?, sequences })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_form_is_read_back() {
        let epochs =
            Record { epoch: 3, is_confirmed: true, up_limit: 64, age_s: 5, down_limit: [1 << 33, 7] };
        let snapshot = AgentSnapshot { epochs, sequences: 7 };
        let bytes = snapshot.to_bytes();
        assert_eq!((bytes[0], &bytes[1..=Record::BYTES]), (2, epochs.to_bytes().as_slice()));
        assert_eq!(bytes[Record::BYTES + 1..], [7, 0, 0, 0]);
        assert_eq!(AgentSnapshot::from_bytes(&bytes), Some(snapshot));
        assert_eq!(AgentSnapshot::from_bytes(&[0; AgentSnapshot::BYTES]), None);
    }
}
