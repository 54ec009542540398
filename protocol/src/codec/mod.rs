//! How models and updates become few bytes, one file a codec.
//!
//! Codecs are pure: slices in, bytes out. What an encoder drops stays with the caller, who decodes its own bytes and
//! keeps the difference (error feedback; Seide et al. 2014, Karimireddy et al. 2019).
mod bits;
pub mod linear;
pub mod topk;

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
    /// A width of parameters that the codec does not have.
    #[error("{bits} bits a parameter; the codec has 2 to 8")]
    UnknownWidth {
        /// The width asked for.
        bits: u8,
    },
}
