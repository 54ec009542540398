//! What a sealed frame says, one file a message. The FPort of the LoRaWAN frame names the message and costs nothing.
//!
//! Every message has a compact representation with `parse` and `emit`. Numbers are little-endian. `SPEC.md` has the
//! byte tables.
pub mod chunk;
pub mod contribution;
pub mod control;
pub mod evaluation;
pub mod moments;
pub mod status;

/// FPorts of the messages. LoRaWAN leaves 1 to 223 to applications.
pub mod port {
    /// Up: a [`Contribution`](super::contribution::Contribution) that is a client update.
    pub const CONTRIBUTION: u8 = 1;
    /// Up: a [`Status`](super::status::Status), which is also the poll of a node that waits for chunks.
    pub const STATUS: u8 = 2;
    /// Up: an [`Evaluation`](super::evaluation::Evaluation).
    pub const EVALUATION: u8 = 3;
    /// Up: a block of [`Moments`](super::moments::Moments).
    pub const MOMENTS: u8 = 4;
    /// Up: a contribution of statistics.
    pub const STATISTICS: u8 = 6;
    /// Up: a contribution of prototypes.
    pub const PROTOTYPES: u8 = 7;
    /// Up: a contribution that is a whole model.
    pub const MODEL: u8 = 8;
    /// Down: a [`Chunk`](super::chunk::Chunk) of an object.
    pub const CHUNK: u8 = 17;
    /// Down: [`Control`](super::control::Control): time, data-rate advice, what is wanted.
    pub const CONTROL: u8 = 18;
}

/// A message could not be read. Only an implementation that differs from ours can cause it, as its seal verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum MessageError {
    /// It ends before its last field.
    #[error("message ends before its last field")]
    Truncated,
    /// It has bytes after its last field.
    #[error("{extra_bytes} bytes after the last field of the message")]
    TrailingBytes {
        /// How many.
        extra_bytes: usize,
    },
    /// A reserved bit is set or a field has a value without meaning.
    #[error("field `{field}` has a value without meaning")]
    BadField {
        /// Which one.
        field: &'static str,
    },
}

/// A message does not fit the buffer lent for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("message does not fit {have_bytes} bytes")]
pub struct DoesNotFit {
    /// Size of the buffer.
    pub have_bytes: usize,
}

pub(crate) fn expect_end(reader: &crate::wire::Reader<'_>) -> Result<(), MessageError> {
    match reader.remaining() {
        0 => Ok(()),
        extra_bytes => Err(MessageError::TrailingBytes { extra_bytes }),
    }
}

/// Runs a writer over a buffer and returns the bytes written.
pub(crate) fn emit_with(
    buffer: &mut [u8],
    write: impl FnOnce(&mut crate::wire::Writer<'_>) -> Option<()>,
) -> Result<usize, DoesNotFit> {
    let have_bytes = buffer.len();
    let mut writer = crate::wire::Writer::new(buffer);
    match write(&mut writer) {
        Some(()) => Ok(writer.used()),
        None => Err(DoesNotFit { have_bytes }),
    }
}
