//! What a node learnt: four bytes of fields, then the payload of the task's codec.
//!
//! ```text
//! byte 0    task (bits 7-4) | block (bits 3-0)
//!      1    low 8 bits of the base version
//!      2    sequence, modulo 256
//!      3    example count, as a small float: exponent e (bits 7-4), mantissa m (bits 3-0)
//!      4..  codec payload; decodes by itself
//! ```
//! The example count is `m` where e = 0 and `(16 + m) << (e - 1)` elsewhere, rounded down.
use super::{DoesNotFit, MessageError, emit_with};
use crate::ids::TaskId;
use crate::wire::{Reader, nearest};

/// Bytes before the codec's payload.
pub const HEADER_BYTES: usize = 4;

/// One frame of a contribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contribution<'a> {
    /// The task, 0 to 15.
    pub task: TaskId,
    /// Which part of the contribution this is, 0 to 15. Each stands alone.
    pub block: u8,
    /// Low 8 bits of the model version that the node started from.
    pub base_version_low: u8,
    /// Number of the contribution, modulo 256. A retry keeps it.
    pub sequence: u8,
    /// How many examples it was learnt from.
    pub examples: ExampleCount,
    /// For the codec.
    pub payload: &'a [u8],
}

/// A count of examples with at most 1/16 of error, in one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExampleCount(u8);

impl ExampleCount {
    /// The largest representable count that is not above `count`.
    pub const fn at_most(count: u32) -> Self {
        if count < 16 {
            return Self(count as u8);
        }
        let exponent = 32 - count.leading_zeros() - 4;
        if exponent > 15 {
            return Self(0xff);
        }
        Self((exponent << 4) as u8 | (count >> (exponent - 1)) as u8 & 0x0f)
    }

    /// The count.
    pub const fn get(self) -> u32 {
        let (exponent, mantissa) = (self.0 >> 4, (self.0 & 0x0f) as u32);
        if exponent == 0 { mantissa } else { (16 + mantissa) << (exponent - 1) }
    }
}

impl<'a> Contribution<'a> {
    /// Reads a message.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, MessageError> {
        let mut reader = Reader::new(bytes);
        let [place, base_version_low, sequence, examples] = reader.array().ok_or(MessageError::Truncated)?;
        Ok(Self {
            task: TaskId(place >> 4),
            block: place & 0x0f,
            base_version_low,
            sequence,
            examples: ExampleCount(examples),
            payload: reader.rest(),
        })
    }

    /// Writes the message and returns its length.
    pub fn emit(&self, buffer: &mut [u8]) -> Result<usize, DoesNotFit> {
        let place = self.task.0 << 4 | self.block & 0x0f;
        emit_with(buffer, |writer| {
            writer.bytes(&[place, self.base_version_low, self.sequence, self.examples.0])?;
            writer.bytes(self.payload)
        })
    }

    /// The base version: the newest one, not above `current`, that has the low bits of the message. `None` when
    /// there is none (a node cannot have started from a version that does not exist).
    pub const fn base_version(&self, current: u32) -> Option<u32> {
        let age = (current as u8).wrapping_sub(self.base_version_low) as u32;
        current.checked_sub(age)
    }

    /// The whole sequence number: the nearest to `expected`, as nodes number their contributions in order.
    pub const fn sequence_near(&self, expected: u32) -> u32 {
        nearest(self.sequence as u64, 8, expected as u64) as u32
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_bytes_are_as_specified() {
        let message = Contribution {
            task: TaskId(3),
            block: 2,
            base_version_low: 0x10,
            sequence: 0x20,
            examples: ExampleCount::at_most(100),
            payload: &[0xaa, 0xbb],
        };
        let mut bytes = [0; 6];
        assert_eq!(message.emit(&mut bytes), Ok(6));
        // 100 = (16 + 9) << 2: exponent 3, mantissa 9.
        assert_eq!(bytes, [0x32, 0x10, 0x20, 0x39, 0xaa, 0xbb]);
        assert_eq!(Contribution::parse(&bytes), Ok(message));
        assert_eq!(Contribution::parse(&bytes[..3]), Err(MessageError::Truncated));
        assert_eq!(message.emit(&mut [0; 5]), Err(DoesNotFit { have_bytes: 5 }));
    }

    #[test]
    fn the_base_version_is_the_newest_that_fits() {
        let base = |low, current| {
            let examples = ExampleCount::at_most(1);
            let header = Contribution {
                task: TaskId(0),
                block: 0,
                base_version_low: low,
                sequence: 0,
                examples,
                payload: &[],
            };
            header.base_version(current)
        };
        assert_eq!(base(7, 7), Some(7));
        assert_eq!(base(255, 256), Some(255));
        assert_eq!(base(1, 256), Some(1));
        assert_eq!(base(9, 7), None);
    }

    proptest! {
        #[test]
        fn a_count_is_rounded_down_by_less_than_a_sixteenth(count in 0u32..500_000) {
            let rounded = ExampleCount::at_most(count).get();
            prop_assert!(rounded <= count && count - rounded <= count / 16);
        }
    }
}
