//! How models and updates become few bytes, one file a codec, each with its paper.
//!
//! Codecs are pure: slices in, bytes out, memory lent by the caller. What an encoder drops stays with the caller, who
//! decodes its own bytes and keeps the difference ([`feedback`]; Seide et al. 2014, Karimireddy et al. 2019). Only codecs
//! whose error is a share of their input hand out the [`feedback::Contractive`] which that takes; those which are right
//! on average over seeds do not.
//!
//! **Every payload decodes by itself**, given the shape of the task. The codecs of client updates share one form:
//!
//! ```text
//! encode(update, start, .., payload) -> Block      coordinates start..block.end are in the first block.bytes bytes
//! decode(payload, .., update)        -> Range      writes the decoded values of that range of coordinates
//! ```
//! An update, `[params]`, larger than a frame is sent as blocks: the next one starts where the last one ended, each
//! says where it starts, and the loss of one costs its coordinates alone. A block ends where its payload is full or
//! where the parameters end, so that no count travels. After an error the lent memory holds nothing of use.
//!
//! What is random is drawn from [`random::Random`], seeded by what the receiver knows (the device, and the four bytes of
//! fields before the payload), so that nothing but the payload travels.
pub mod basis;
mod bits;
mod block;
pub mod coarse;
mod codes;
pub mod dct;
pub mod dense;
pub mod drive;
pub mod eden;
pub mod elastic;
mod entries;
pub mod feedback;
pub mod hadamard;
pub mod linear;
pub mod low_rank;
pub mod nuqsgd;
pub mod one_versus_one;
pub mod plan;
pub mod positions;
pub mod prototypes;
pub mod qsgd;
pub mod random;
pub mod range;
mod rows;
mod scale;
pub mod sign;
pub mod sparse_sign;
pub mod statistics;
pub mod terngrad;
#[cfg(all(test, feature = "std"))]
mod testing;
pub mod threshold;
pub mod topk;
pub mod tree;
pub mod update;

pub use block::Block;

/// Bytes could not be decoded, or numbers not encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum CodecError {
    /// The bytes end too early.
    #[error("payload ends too early")]
    Truncated,
    /// The bytes have another length than the shape demands.
    #[error("payload has {have_bytes} bytes, needs {need_bytes}")]
    WrongLength {
        /// How many there are.
        have_bytes: usize,
        /// How many there must be.
        need_bytes: usize,
    },
    /// A coordinate beyond the last parameter.
    #[error("coordinate {index} of {params} parameters")]
    IndexBeyondEnd {
        /// The coordinate.
        index: usize,
        /// How many parameters there are.
        params: usize,
    },
    /// A number that is infinite, not a number, or out of the format's range.
    #[error("a value is not finite or out of range")]
    NotFinite,
    /// Not even one coordinate fits.
    #[error("{have_bytes} bytes hold no coordinate")]
    NoRoom {
        /// Size of the buffer.
        have_bytes: usize,
    },
    /// All numbers are zero.
    #[error("nothing to encode")]
    Nothing,
    /// Memory lent for the work is too small.
    #[error("needs memory for {need} numbers, was lent {have}")]
    ScratchTooSmall {
        /// How many numbers the codec needs room for.
        need: usize,
        /// How many the caller lent.
        have: usize,
    },
    /// A field, or a symbol, that no encoder writes.
    #[error("field `{field}` has a value without meaning")]
    BadField {
        /// Which one.
        field: &'static str,
    },
    /// Fewer samples than the task demands behind what is sent.
    #[error("{count} samples, the task demands {min}")]
    TooFewSamples {
        /// How many there are.
        count: u32,
        /// How many there must be.
        min: u32,
    },
    /// A width of parameters that the codec does not have.
    #[error("the codec has no width of {bits} bits")]
    UnknownWidth {
        /// The width asked for.
        bits: u8,
    },
}
