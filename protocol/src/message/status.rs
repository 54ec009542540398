//! Where a node stands. It is also the poll of a node that waits for chunks.
//!
//! ```text
//! byte 0    flags: progress follows (bit 0), evaluation follows (bit 1), task held (bit 2), model held (bit 3),
//!           restarted (bit 4), the rest zero
//!      1    low 8 bits of the version of the task object held, zero without one
//!      2    low 8 bits of the version of the model held, zero without one
//!      3    battery as in LoRaWAN's DevStatusAns: 0 external, 1 to 254, 255 unknown
//! progress:
//!      +0   object kind (bits 7-6) | low 6 bits of its version
//!      +1   first missing chunk
//!      +2   length n of the bitmap, 0 to 8
//!      +3.. bitmap: bit i of byte j set: chunk (first missing + 1 + 8 j + i) was received
//! evaluation:
//!      +0   low 8 bits of the version that was judged
//!      +1-2 correct
//!      +3-4 total, at least 1 and at least `correct`
//! restarted:
//!      +0-1 low 16 bits of the counter from which downlinks of the present epoch are opened
//! ```
use super::{DoesNotFit, MessageError, emit_with, expect_end};
use crate::object::{ObjectKind, ObjectTag};
use crate::wire::{Reader, Writer};

/// Most bytes of bitmap in a status.
pub const MAX_BITMAP_BYTES: usize = 8;

const HAS_PROGRESS: u8 = 1;
const HAS_EVALUATION: u8 = 2;
const HOLDS_TASK: u8 = 4;
const HOLDS_MODEL: u8 = 8;
const RESTARTED: u8 = 16;

/// A node's state, as it tells the aggregator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Low 8 bits of the version of the task object it holds, if any.
    pub task_version_low: Option<u8>,
    /// Low 8 bits of the version of the model it holds, if any.
    pub model_version_low: Option<u8>,
    /// 0 external power, 1 to 254 from empty to full, 255 unknown.
    pub battery: u8,
    /// The object it is receiving, if any.
    pub progress: Option<Progress>,
    /// How the deployed model did on the node's own samples, if it counted any.
    pub evaluation: Option<Evaluation>,
    /// After a restart, until a downlink was opened: [`crate::epoch::Epochs::downlinks_from`].
    pub downlinks_from: Option<u16>,
}

/// How far the reception of an object has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Which object.
    pub object: ObjectTag,
    /// The first chunk that is missing.
    pub first_missing: u8,
    /// Bit `i` set: chunk `first_missing + 1 + i` was received.
    pub received_after: u64,
}

/// Counts of a model's verdicts on samples that it was not trained on before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// Low 8 bits of the model's version.
    pub version_low: u8,
    /// Correct verdicts.
    pub correct: u16,
    /// All verdicts.
    pub total: u16,
}

impl Status {
    /// Reads a message.
    pub fn parse(bytes: &[u8]) -> Result<Self, MessageError> {
        let mut reader = Reader::new(bytes);
        let [flags, task, model, battery] = reader.array().ok_or(MessageError::Truncated)?;
        if flags & !(HAS_PROGRESS | HAS_EVALUATION | HOLDS_TASK | HOLDS_MODEL | RESTARTED) != 0 {
            return Err(MessageError::BadField { field: "flags" });
        }
        let task_version_low = held(flags & HOLDS_TASK != 0, task, "task version")?;
        let model_version_low = held(flags & HOLDS_MODEL != 0, model, "model version")?;
        let progress = if flags & HAS_PROGRESS != 0 { Some(Progress::parse(&mut reader)?) } else { None };
        let evaluation =
            if flags & HAS_EVALUATION != 0 { Some(Evaluation::parse(&mut reader)?) } else { None };
        let downlinks_from = match flags & RESTARTED {
            0 => None,
            _ => Some(reader.u16().ok_or(MessageError::Truncated)?),
        };
        expect_end(&reader)?;
        Ok(Self { task_version_low, model_version_low, battery, progress, evaluation, downlinks_from })
    }

    /// Writes the message and returns its length.
    pub fn emit(&self, buffer: &mut [u8]) -> Result<usize, DoesNotFit> {
        let (task, model) = (self.task_version_low, self.model_version_low);
        let flags = if self.progress.is_some() { HAS_PROGRESS } else { 0 }
            | if self.evaluation.is_some() { HAS_EVALUATION } else { 0 }
            | if task.is_some() { HOLDS_TASK } else { 0 }
            | if model.is_some() { HOLDS_MODEL } else { 0 }
            | if self.downlinks_from.is_some() { RESTARTED } else { 0 };
        emit_with(buffer, |writer| {
            writer.bytes(&[flags, task.unwrap_or(0), model.unwrap_or(0), self.battery])?;
            if let Some(progress) = self.progress {
                progress.emit(writer)?;
            }
            if let Some(evaluation) = self.evaluation {
                evaluation.emit(writer)?;
            }
            match self.downlinks_from {
                Some(low) => writer.u16(low),
                None => Some(()),
            }
        })
    }
}

/// A version whose flag says whether there is one; its byte is zero when there is none.
const fn held(is_held: bool, low: u8, field: &'static str) -> Result<Option<u8>, MessageError> {
    match (is_held, low) {
        (true, low) => Ok(Some(low)),
        (false, 0) => Ok(None),
        (false, _) => Err(MessageError::BadField { field }),
    }
}

impl Progress {
    fn parse(reader: &mut Reader<'_>) -> Result<Self, MessageError> {
        let [tag, first_missing, length] = reader.array().ok_or(MessageError::Truncated)?;
        if usize::from(length) > MAX_BITMAP_BYTES {
            return Err(MessageError::BadField { field: "bitmap length" });
        }
        let bitmap = reader.bytes(length.into()).ok_or(MessageError::Truncated)?;
        let mut bytes = [0; 8];
        bytes[..bitmap.len()].copy_from_slice(bitmap);
        let object = ObjectTag::from_byte(tag).ok_or(MessageError::BadField { field: "object tag" })?;
        Ok(Self { object, first_missing, received_after: u64::from_le_bytes(bytes) })
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Option<()> {
        let bytes = self.received_after.to_le_bytes();
        let length = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        writer.bytes(&[self.object.to_byte(), self.first_missing, length as u8])?;
        writer.bytes(&bytes[..length])
    }
}

impl Evaluation {
    fn parse(reader: &mut Reader<'_>) -> Result<Self, MessageError> {
        let version_low = reader.u8().ok_or(MessageError::Truncated)?;
        let correct = reader.u16().ok_or(MessageError::Truncated)?;
        let total = reader.u16().ok_or(MessageError::Truncated)?;
        if total == 0 || correct > total {
            return Err(MessageError::BadField { field: "evaluation" });
        }
        Ok(Self { version_low, correct, total })
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Option<()> {
        writer.u8(self.version_low)?;
        writer.u16(self.correct)?;
        writer.u16(self.total)
    }
}

impl Progress {
    /// Nothing received yet.
    pub const fn none_of(kind: ObjectKind, version: u32) -> Self {
        Self { object: ObjectTag::new(kind, version), first_missing: 0, received_after: 0 }
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_bytes_are_as_specified() {
        let object = ObjectTag::new(ObjectKind::Model, 0x83);
        let status = Status {
            task_version_low: Some(1),
            model_version_low: Some(0x82),
            battery: 255,
            progress: Some(Progress { object, first_missing: 2, received_after: 0b1_0000_0101 }),
            evaluation: Some(Evaluation { version_low: 0x82, correct: 300, total: 301 }),
            downlinks_from: Some(0x141),
        };
        let mut bytes = [0; 64];
        let length = status.emit(&mut bytes).unwrap();
        let expected = [0x1f, 1, 0x82, 255, 0x43, 2, 2, 5, 1, 0x82, 0x2c, 1, 0x2d, 1, 0x41, 1];
        assert_eq!(bytes[..length], expected);
        assert_eq!(Status::parse(&expected), Ok(status));
        assert_eq!(Status::parse(&[32, 0, 0, 0]), Err(MessageError::BadField { field: "flags" }));
        assert_eq!(Status::parse(&[0, 0, 0, 0, 9]), Err(MessageError::TrailingBytes { extra_bytes: 1 }));
        let nothing_judged = [2, 0, 0, 0, 1, 0, 0, 0, 0];
        assert_eq!(Status::parse(&nothing_judged), Err(MessageError::BadField { field: "evaluation" }));
    }

    #[test]
    fn none_and_version_256_are_told_apart() {
        let status = |model_version_low| Status {
            task_version_low: None,
            model_version_low,
            battery: 7,
            progress: None,
            evaluation: None,
            downlinks_from: None,
        };
        for (model, bytes) in [(None, [0, 0, 0, 7]), (Some(256u32 as u8), [8, 0, 0, 7])] {
            let mut emitted = [0; 4];
            assert_eq!(status(model).emit(&mut emitted), Ok(4));
            assert_eq!(emitted, bytes);
            assert_eq!(Status::parse(&bytes), Ok(status(model)));
        }
        assert_eq!(Status::parse(&[8, 1, 0, 0]), Err(MessageError::BadField { field: "task version" }));
        assert_eq!(Status::parse(&[4, 0, 1, 0]), Err(MessageError::BadField { field: "model version" }));
    }

    proptest! {
        #[test]
        fn what_parses_is_emitted_again(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
            if let Ok(status) = Status::parse(&bytes) {
                let mut again = [0; 64];
                let length = status.emit(&mut again).unwrap();
                prop_assert_eq!(Status::parse(&again[..length]), Ok(status));
            }
        }
    }
}
