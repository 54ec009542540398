//! A run of an object's chunks on its way to a node.
//!
//! ```text
//! byte 0    object kind (bits 7-6) | low 6 bits of its version
//!      1    index of the first chunk
//!      2..  chunks; each has CHUNK_BYTES bytes, only an object's last may be shorter
//! ```
use super::{DoesNotFit, MessageError, emit_with};
use crate::object::ObjectTag;
use crate::wire::Reader;

/// Bytes before the chunks.
pub const HEADER_BYTES: usize = 2;

/// Consecutive chunks of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// Which object.
    pub object: ObjectTag,
    /// Index of the first chunk.
    pub first: u8,
    /// The chunks' bytes; never empty.
    pub bytes: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// Reads a message.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, MessageError> {
        let mut reader = Reader::new(bytes);
        let [tag, first] = reader.array().ok_or(MessageError::Truncated)?;
        if reader.remaining() == 0 {
            return Err(MessageError::Truncated);
        }
        let object = ObjectTag::from_byte(tag).ok_or(MessageError::BadField { field: "object tag" })?;
        Ok(Self { object, first, bytes: reader.rest() })
    }

    /// Writes the message and returns its length.
    pub fn emit(&self, buffer: &mut [u8]) -> Result<usize, DoesNotFit> {
        emit_with(buffer, |writer| {
            writer.bytes(&[self.object.to_byte(), self.first])?;
            writer.bytes(self.bytes)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::ObjectKind;

    #[test]
    fn the_bytes_are_as_specified() {
        let chunk = Chunk { object: ObjectTag::new(ObjectKind::Task, 0x1c1), first: 4, bytes: &[7, 8] };
        let mut bytes = [0; 4];
        assert_eq!(chunk.emit(&mut bytes), Ok(4));
        assert_eq!(bytes, [0x01, 4, 7, 8]);
        assert_eq!(Chunk::parse(&bytes), Ok(chunk));
        assert_eq!(Chunk::parse(&bytes[..2]), Err(MessageError::Truncated));
        assert_eq!(Chunk::parse(&[0xc1, 4, 7]), Err(MessageError::BadField { field: "object tag" }));
    }
}
