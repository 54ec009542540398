//! How a model did on a node's own samples, class by class.
//!
//! ```text
//! byte 0-1  low 16 bits of the version that was judged
//!      ..   first class, LEB128
//!      ..   for each consecutive class, to the end of the message: samples (LEB128), then how many of them were
//!           judged wrongly (LEB128)
//! ```
//! Each message stands alone: correct verdicts, all verdicts and the recall of its classes follow from its counts,
//! and the counts of several nodes and messages add up. A [`Status`](super::status::Status) carries the two sums
//! alone, in five bytes.
use super::{DoesNotFit, MessageError};
use crate::wire::{Reader, Writer, varint_bytes};

/// Verdicts on the samples of one class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassVerdicts {
    /// Samples of the class.
    pub samples: u32,
    /// How many of them were taken for another class; at most `samples`.
    pub wrong: u32,
}

impl ClassVerdicts {
    /// How many were recognised: the numerator of the recall.
    pub const fn correct(self) -> u32 {
        self.samples.saturating_sub(self.wrong)
    }

    const fn bytes(self) -> usize {
        varint_bytes(self.samples) + varint_bytes(self.wrong)
    }

    fn parse(reader: &mut Reader<'_>) -> Result<Self, MessageError> {
        let samples = reader.varint().ok_or(MessageError::Truncated)?;
        let wrong = reader.varint().ok_or(MessageError::Truncated)?;
        if wrong > samples {
            return Err(MessageError::BadField { field: "wrong" });
        }
        Ok(Self { samples, wrong })
    }
}

/// A message as it was received: its counts are checked, and read from its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evaluation<'a> {
    /// Low 16 bits of the model's version.
    pub version_low: u16,
    /// The first class.
    pub first_class: u32,
    body: &'a [u8],
}

/// What [`emit`] wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emitted {
    /// Bytes written.
    pub bytes: usize,
    /// Classes in them.
    pub classes: usize,
}

/// Writes the verdicts of as many of `classes`, the first of which is `first_class`, as fit. At least one must.
pub fn emit(
    version: u32,
    first_class: u32,
    classes: &[ClassVerdicts],
    buffer: &mut [u8],
) -> Result<Emitted, DoesNotFit> {
    let have_bytes = buffer.len();
    let mut writer = Writer::new(buffer);
    let mut written = 0;
    let head = writer.u16(version as u16).and_then(|()| writer.varint(first_class));
    head.ok_or(DoesNotFit { have_bytes })?;
    for class in classes {
        if writer.used() + class.bytes() > have_bytes {
            break;
        }
        let both = writer.varint(class.samples).and_then(|()| writer.varint(class.wrong));
        both.expect("the room was looked at before");
        written += 1;
    }
    if written == 0 {
        Err(DoesNotFit { have_bytes })
    } else {
        Ok(Emitted { bytes: writer.used(), classes: written })
    }
}

impl<'a> Evaluation<'a> {
    /// Reads a message, and checks every count in it.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, MessageError> {
        let mut reader = Reader::new(bytes);
        let version_low = reader.u16().ok_or(MessageError::Truncated)?;
        let first_class = reader.varint().ok_or(MessageError::Truncated)?;
        let body = reader.rest();
        let mut check = Reader::new(body);
        ClassVerdicts::parse(&mut check)?;
        while check.remaining() > 0 {
            ClassVerdicts::parse(&mut check)?;
        }
        Ok(Self { version_low, first_class, body })
    }

    /// The verdicts of consecutive classes, from the first on.
    pub fn classes(&self) -> impl Iterator<Item = ClassVerdicts> + use<'a> {
        let mut reader = Reader::new(self.body);
        core::iter::from_fn(move || ClassVerdicts::parse(&mut reader).ok())
    }

    /// All verdicts in the message.
    pub fn total(&self) -> u64 {
        self.classes().map(|class| u64::from(class.samples)).sum()
    }

    /// Correct ones among them.
    pub fn correct(&self) -> u64 {
        self.classes().map(|class| u64::from(class.correct())).sum()
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn verdicts(samples: u32, wrong: u32) -> ClassVerdicts {
        ClassVerdicts { samples, wrong }
    }

    #[test]
    fn the_bytes_are_as_specified() {
        let mut bytes = [0; 32];
        let classes = [verdicts(300, 1), verdicts(0, 0), verdicts(7, 7)];
        assert_eq!(emit(0x1_0203, 200, &classes, &mut bytes), Ok(Emitted { bytes: 11, classes: 3 }));
        assert_eq!(bytes[..11], [3, 2, 0xc8, 1, 0xac, 2, 1, 0, 0, 7, 7]);
        let message = Evaluation::parse(&bytes[..11]).unwrap();
        assert_eq!((message.version_low, message.first_class), (0x0203, 200));
        assert_eq!((message.correct(), message.total()), (299, 307));
        assert_eq!(message.classes().collect::<Vec<_>>(), classes);
    }

    #[test]
    fn ten_classes_fit_the_smallest_frame() {
        let mut bytes = [0; 40];
        assert_eq!(emit(9, 0, &[verdicts(120, 9); 10], &mut bytes), Ok(Emitted { bytes: 23, classes: 10 }));
    }

    #[test]
    fn impossible_counts_are_refused() {
        assert_eq!(Evaluation::parse(&[0, 0, 0, 1, 2]), Err(MessageError::BadField { field: "wrong" }));
        assert_eq!(Evaluation::parse(&[0, 0, 0, 1]), Err(MessageError::Truncated));
        assert_eq!(Evaluation::parse(&[0, 0, 0]), Err(MessageError::Truncated));
        assert_eq!(emit(0, 0, &[], &mut [0; 40]), Err(DoesNotFit { have_bytes: 40 }));
        assert_eq!(emit(0, 0, &[verdicts(300, 1)], &mut [0; 5]), Err(DoesNotFit { have_bytes: 5 }));
    }

    proptest! {
        #[test]
        fn what_fits_is_read_again(
            counts in proptest::collection::vec((0u32..100_000, 0u32..=100), 1..60),
            room in 16usize..231,
        ) {
            let classes: Vec<_> =
                counts.iter().map(|&(samples, percent)| verdicts(samples, samples / 100 * percent)).collect();
            let mut bytes = [0; 231];
            let emitted = emit(5, 3, &classes, &mut bytes[..room]).unwrap();
            let message = Evaluation::parse(&bytes[..emitted.bytes]).unwrap();
            prop_assert_eq!(message.classes().collect::<Vec<_>>(), &classes[..emitted.classes]);
            if emitted.classes < classes.len() {
                prop_assert!(emitted.bytes + classes[emitted.classes].bytes() > room);
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(message) = Evaluation::parse(&bytes) {
                prop_assert!(message.correct() <= message.total());
                prop_assert!(message.classes().count() > 0);
            }
        }
    }
}
