//! What the aggregator tells a node besides models: the time, advice, and what it wants.
//!
//! ```text
//! byte 0    flags: time (bit 0), data rate (bit 1), moments wanted (bit 2), the rest zero
//! time:     +0-3  seconds of protocol time when the aggregator answered
//! data rate: +0   index in the region
//! ```
use super::{DoesNotFit, MessageError, emit_with, expect_end};
use crate::region::DataRate;
use crate::wire::Reader;

const HAS_TIME: u8 = 1;
const HAS_DATA_RATE: u8 = 2;
const WANTS_MOMENTS: u8 = 4;

/// Largest message in bytes.
pub const MAX_BYTES: usize = 6;

/// Whether the federation still needs a node's moments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MomentsWanted {
    /// The scale is settled, or this node's part has arrived whole.
    #[default]
    No,
    /// Send them, all features.
    Yes,
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
}

impl Control {
    /// Reads a message.
    pub fn parse(bytes: &[u8]) -> Result<Self, MessageError> {
        let mut reader = Reader::new(bytes);
        let flags = reader.u8().ok_or(MessageError::Truncated)?;
        if flags & !(HAS_TIME | HAS_DATA_RATE | WANTS_MOMENTS) != 0 {
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
        expect_end(&reader)?;
        Ok(control)
    }

    /// Writes the message and returns its length.
    pub fn emit(&self, buffer: &mut [u8]) -> Result<usize, DoesNotFit> {
        let flags = if self.time_s.is_some() { HAS_TIME } else { 0 }
            | if self.data_rate.is_some() { HAS_DATA_RATE } else { 0 }
            | if self.moments == MomentsWanted::Yes { WANTS_MOMENTS } else { 0 };
        emit_with(buffer, |writer| {
            writer.u8(flags)?;
            if let Some(time_s) = self.time_s {
                writer.u32(time_s)?;
            }
            match self.data_rate {
                Some(data_rate) => writer.u8(data_rate.0),
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
        let control =
            Control { time_s: Some(0x0102_0304), data_rate: Some(DataRate(5)), moments: MomentsWanted::Yes };
        let mut bytes = [0; MAX_BYTES];
        assert_eq!(control.emit(&mut bytes), Ok(6));
        assert_eq!(bytes, [7, 4, 3, 2, 1, 5]);
        assert_eq!(Control::parse(&bytes), Ok(control));
        assert_eq!(Control::parse(&[0]), Ok(Control::default()));
        assert_eq!(Control::parse(&[1, 0]), Err(MessageError::Truncated));
        assert_eq!(Control::parse(&[8]), Err(MessageError::BadField { field: "flags" }));
    }
}
