//! What a node learnt: four bytes of fields, then the payload of the task's codec.
//!
//! ```text
//! byte 0    task (bits 7-4) | block (bits 3-0)
//!      1    low 8 bits of the base version
//!      2    sequence, modulo 256
//!      3    bits 9 and 8 of the base version (bits 7-6)
//!           | example count, as a small float: exponent e (bits 5-2), mantissa m (bits 1-0)
//!      4..  codec payload; decodes by itself
//! ```
//! The example count is `m` where e = 0 and `(4 + m) << (e - 1)` elsewhere, rounded down. No field tells a deadline:
//! a contribution is good as long as its base version is, and the aggregator knows when it published that.
use super::{DoesNotFit, MessageError, emit_with};
use crate::codec::random;
use crate::ids::{DevEui, TaskId};
use crate::wire::{Reader, nearest};

/// Bytes before the codec's payload.
pub const HEADER_BYTES: usize = 4;
/// Bits of the base version that travel.
pub const BASE_VERSION_BITS: u32 = 10;

const BASE_VERSION_MASK: u32 = (1 << BASE_VERSION_BITS) - 1;

/// One frame of a contribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contribution<'a> {
    /// The task, 0 to 15.
    pub task: TaskId,
    /// Which part of the contribution this is, 0 to 15. Each stands alone.
    pub block: u8,
    /// Low bits of the model version that the node started from.
    pub base: BaseVersion,
    /// Number of the contribution, modulo 256. A retry keeps it.
    pub sequence: u8,
    /// How many examples it was learnt from.
    pub examples: ExampleCount,
    /// For the codec.
    pub payload: &'a [u8],
}

/// The low [`BASE_VERSION_BITS`] bits of a model version.
///
/// They stand for the newest version that is not above the current one. That is the version meant as long as its
/// successor by 1,024 is not published, which the aggregator leaves undone while frames built on it may arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BaseVersion(u16);

impl BaseVersion {
    /// The low bits of a version.
    pub const fn of(version: u32) -> Self {
        Self((version & BASE_VERSION_MASK) as u16)
    }

    /// The version meant when `current` is the newest one. `None` when no version up to it has these low bits: a node
    /// cannot have started from a version that does not exist.
    pub const fn at(self, current: u32) -> Option<u32> {
        current.checked_sub(current.wrapping_sub(self.0 as u32) & BASE_VERSION_MASK)
    }
}

/// A count of examples in six bits: exact up to 8, beyond that rounded down by at most a fifth.
///
/// It weighs an update among others, all of which are rounded alike, and it must never claim more than there was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExampleCount(u8);

impl ExampleCount {
    const MAX: Self = Self(0x3f);

    /// The largest representable count that is not above `count`.
    pub const fn at_most(count: u32) -> Self {
        if count < 4 {
            return Self(count as u8);
        }
        let exponent = 32 - count.leading_zeros() - 2;
        if exponent > 15 {
            return Self::MAX;
        }
        Self((exponent << 2) as u8 | (count >> (exponent - 1)) as u8 & 3)
    }

    /// The count.
    pub const fn get(self) -> u32 {
        let (exponent, mantissa) = (self.0 >> 2, (self.0 & 3) as u32);
        if exponent == 0 { mantissa } else { (4 + mantissa) << (exponent - 1) }
    }
}

impl<'a> Contribution<'a> {
    /// Reads a message.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, MessageError> {
        let mut reader = Reader::new(bytes);
        let [place, base_low, sequence, base_and_examples] = reader.array().ok_or(MessageError::Truncated)?;
        let base = u16::from(base_and_examples >> 6) << 8 | u16::from(base_low);
        Ok(Self {
            task: TaskId(place >> 4),
            block: place & 0x0f,
            base: BaseVersion(base),
            sequence,
            examples: ExampleCount(base_and_examples & ExampleCount::MAX.0),
            payload: reader.rest(),
        })
    }

    /// Writes the message and returns its length.
    pub fn emit(&self, buffer: &mut [u8]) -> Result<usize, DoesNotFit> {
        emit_with(buffer, |writer| {
            writer.bytes(&self.header())?;
            writer.bytes(self.payload)
        })
    }

    /// What the codec's random numbers are drawn from: device and fields, which both sides know. A retry keeps them,
    /// the blocks of a contribution differ in them, and no two devices err in the same direction.
    pub const fn seed(&self, dev_eui: DevEui) -> u32 {
        random::seed(dev_eui, u32::from_le_bytes(self.header()))
    }

    const fn header(&self) -> [u8; HEADER_BYTES] {
        let place = self.task.0 << 4 | self.block & 0x0f;
        let base_high = (self.base.0 >> 8) as u8;
        [place, self.base.0 as u8, self.sequence, base_high << 6 | self.examples.0]
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
            base: BaseVersion::of(0x110),
            sequence: 0x20,
            examples: ExampleCount::at_most(100),
            payload: &[0xaa, 0xbb],
        };
        let mut bytes = [0; 6];
        assert_eq!(message.emit(&mut bytes), Ok(6));
        // 100 becomes 96 = (4 + 2) << 4: exponent 5, mantissa 2; bit 8 of the base version above it.
        assert_eq!(bytes, [0x32, 0x10, 0x20, 0x56, 0xaa, 0xbb]);
        // The first number of SplitMix64 from the state 0102030405060708 xor 56201032 2^32.
        assert_eq!(message.seed(DevEui::from_u64(0x0102_0304_0506_0708)), 0xc049_4a46);
        assert_eq!(Contribution::parse(&bytes), Ok(message));
        assert_eq!(Contribution::parse(&bytes[..3]), Err(MessageError::Truncated));
        assert_eq!(message.emit(&mut [0; 5]), Err(DoesNotFit { have_bytes: 5 }));
    }

    #[test]
    fn the_base_version_is_the_newest_that_fits() {
        let base = |version, current| BaseVersion::of(version).at(current);
        assert_eq!(base(7, 7), Some(7));
        assert_eq!(base(1_023, 1_024), Some(1_023));
        assert_eq!(base(1, 1_024), Some(1));
        assert_eq!(base(0, 1_024), Some(1_024));
        assert_eq!(base(9, 7), None);
    }

    #[test]
    fn counts_are_exact_up_to_eight() {
        for count in 0..=8 {
            assert_eq!(ExampleCount::at_most(count).get(), count);
        }
        assert_eq!(ExampleCount::at_most(9).get(), 8);
        assert_eq!(ExampleCount::at_most(114_687).get(), 98_304);
        assert_eq!(ExampleCount::at_most(u32::MAX).get(), 114_688);
    }

    proptest! {
        #[test]
        fn a_count_is_rounded_down_by_at_most_a_fifth(count in 0u32..131_072) {
            let rounded = ExampleCount::at_most(count).get();
            prop_assert!(rounded <= count && count - rounded <= count / 5);
        }

        #[test]
        fn what_parses_is_emitted_again(bytes in proptest::collection::vec(any::<u8>(), 4..40)) {
            let message = Contribution::parse(&bytes).unwrap();
            let mut again = [0; 40];
            let length = message.emit(&mut again).unwrap();
            prop_assert_eq!(&again[..length], &bytes[..]);
        }

        #[test]
        fn a_version_is_known_until_its_successor_by_1024(version in 0u32..1 << 20, later in 0u32..1_024) {
            prop_assert_eq!(BaseVersion::of(version).at(version + later), Some(version));
        }
    }
}
