//! What the aggregator tells a node besides models: the time, advice, what it wants, and what it has.
//!
//! ```text
//! byte 0    flags: time (bit 0), data rate (bit 1), moments wanted (bit 2), receipt (bit 3), the rest zero
//! time:     +0-3  seconds of protocol time when the aggregator answered
//! data rate: +0   index in the region
//! receipt:  +0    low 8 bits of the sequence of the newest contribution in the ledger
//!           +1-2  its blocks: bit i set: block i is in the ledger
//!           +3    the eight contributions before: bit i set: of sequence - 1 - i some block is in the ledger
//! ```
use super::{DoesNotFit, MessageError, emit_with, expect_end};
use crate::region::DataRate;
use crate::wire::{Reader, Writer};

const HAS_TIME: u8 = 1;
const HAS_DATA_RATE: u8 = 2;
const WANTS_MOMENTS: u8 = 4;
const HAS_RECEIPT: u8 = 8;

/// Largest message in bytes.
pub const MAX_BYTES: usize = 10;

/// Whether the federation still needs a node's moments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MomentsWanted {
    /// The scale is settled, or this node's part has arrived whole.
    #[default]
    No,
    /// Send them, all features.
    Yes,
}

/// Which of a node's contributions are in the ledger: the only acknowledgement that a node may believe, as those of
/// the network are not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Low 8 bits of the sequence of the newest one.
    pub sequence_low: u8,
    /// Bit `i` set: its block `i` is there.
    pub blocks: u16,
    /// Bit `i` set: of the contribution `1 + i` before it some block is there.
    pub before: u8,
}

impl Receipt {
    /// The receipt of what is in the ledger, from (sequence, block) in any order; `None` of nothing.
    pub fn of(contributions: impl Iterator<Item = (u32, u8)> + Clone) -> Option<Self> {
        let newest = contributions.clone().map(|(sequence, _)| sequence).max()?;
        let mut receipt = Self { sequence_low: newest as u8, blocks: 0, before: 0 };
        for (sequence, block) in contributions {
            match newest - sequence {
                0 => receipt.blocks |= 1 << (block & 15),
                age @ 1..=8 => receipt.before |= 1 << (age - 1),
                _ => {}
            }
        }
        Some(receipt)
    }

    /// Whether a contribution of this sequence has arrived, wholly or in part, when the node has since made at most
    /// 127 more; `None` where the receipt does not reach that far back.
    pub const fn has(&self, sequence: u32) -> Option<bool> {
        match self.sequence_low.wrapping_sub(sequence as u8) {
            0 => Some(true),
            age @ 1..=8 => Some(self.before >> (age - 1) & 1 == 1),
            128..=255 => Some(false),
            _ => None,
        }
    }
}

impl Receipt {
    fn parse(reader: &mut Reader<'_>) -> Result<Self, MessageError> {
        let sequence_low = reader.u8().ok_or(MessageError::Truncated)?;
        let blocks = reader.u16().ok_or(MessageError::Truncated)?;
        let before = reader.u8().ok_or(MessageError::Truncated)?;
        if blocks == 0 {
            return Err(MessageError::BadField { field: "blocks" });
        }
        Ok(Self { sequence_low, blocks, before })
    }

    fn emit(self, writer: &mut Writer<'_>) -> Option<()> {
        writer.u8(self.sequence_low)?;
        writer.u16(self.blocks)?;
        writer.u8(self.before)
    }
}

/// A control message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Control {
    /// Protocol time at which the aggregator answered, in seconds.
    pub time_s: Option<u32>,
    /// The data rate that the node's links would carry.
    pub data_rate: Option<DataRate>,
    /// Whether the node should send its moments.
    pub moments: MomentsWanted,
    /// What of its contributions has arrived.
    pub receipt: Option<Receipt>,
}

impl Control {
    /// Reads a message.
    pub fn parse(bytes: &[u8]) -> Result<Self, MessageError> {
        let mut reader = Reader::new(bytes);
        let flags = reader.u8().ok_or(MessageError::Truncated)?;
        if flags & !(HAS_TIME | HAS_DATA_RATE | WANTS_MOMENTS | HAS_RECEIPT) != 0 {
            return Err(MessageError::BadField { field: "flags" });
        }
        let mut control = Self::default();
        if flags & HAS_TIME != 0 {
            control.time_s = Some(reader.u32().ok_or(MessageError::Truncated)?);
        }
        if flags & HAS_DATA_RATE != 0 {
            control.data_rate = Some(DataRate(reader.u8().ok_or(MessageError::Truncated)?));
        }
        if flags & WANTS_MOMENTS != 0 {
            control.moments = MomentsWanted::Yes;
        }
        if flags & HAS_RECEIPT != 0 {
            control.receipt = Some(Receipt::parse(&mut reader)?);
        }
        expect_end(&reader)?;
        Ok(control)
    }

    /// Writes the message and returns its length.
    pub fn emit(&self, buffer: &mut [u8]) -> Result<usize, DoesNotFit> {
        let flags = if self.time_s.is_some() { HAS_TIME } else { 0 }
            | if self.data_rate.is_some() { HAS_DATA_RATE } else { 0 }
            | if self.moments == MomentsWanted::Yes { WANTS_MOMENTS } else { 0 }
            | if self.receipt.is_some() { HAS_RECEIPT } else { 0 };
        emit_with(buffer, |writer| {
            writer.u8(flags)?;
            if let Some(time_s) = self.time_s {
                writer.u32(time_s)?;
            }
            if let Some(data_rate) = self.data_rate {
                writer.u8(data_rate.0)?;
            }
            match self.receipt {
                Some(receipt) => receipt.emit(writer),
                None => Some(()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_as_specified() {
        let control = Control {
            time_s: Some(0x0102_0304),
            data_rate: Some(DataRate(5)),
            moments: MomentsWanted::Yes,
            receipt: Some(Receipt { sequence_low: 0x20, blocks: 0x8001, before: 6 }),
        };
        let mut bytes = [0; MAX_BYTES];
        assert_eq!(control.emit(&mut bytes), Ok(10));
        assert_eq!(bytes, [15, 4, 3, 2, 1, 5, 0x20, 1, 0x80, 6]);
        assert_eq!(Control::parse(&bytes), Ok(control));
        assert_eq!(Control::parse(&[8, 0x20, 0, 0, 6]), Err(MessageError::BadField { field: "blocks" }));
        assert_eq!(Control::parse(&[0]), Ok(Control::default()));
        assert_eq!(Control::parse(&[1, 0]), Err(MessageError::Truncated));
        assert_eq!(Control::parse(&[16]), Err(MessageError::BadField { field: "flags" }));
    }

    #[test]
    fn a_receipt_tells_what_arrived() {
        let receipt = Receipt::of([(298, 0), (300, 15), (300, 0), (290, 3)].into_iter()).unwrap();
        assert_eq!(receipt, Receipt { sequence_low: 44, blocks: 0x8001, before: 2 });
        assert_eq!(receipt.has(300), Some(true));
        assert_eq!(receipt.has(299), Some(false));
        assert_eq!(receipt.has(298), Some(true));
        assert_eq!(receipt.has(301), Some(false), "it was made after the receipt");
        assert_eq!(receipt.has(290), None, "the receipt does not reach so far back");
        assert_eq!(Receipt::of(core::iter::empty()), None);
    }
}
