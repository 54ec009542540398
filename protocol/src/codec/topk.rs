//! The largest coordinates of an update, as many as fit, with a sign and three bits of magnitude each (top-k
//! sparsification, Aji and Heafield 2017, and its error feedback, Stich et al. 2018).
//!
//! ```text
//! all range-coded:
//! unit         one of 512: the largest magnitude, eight steps an octave
//! count - 1    one of the number of parameters
//! for each coordinate, ascending: its position, its sign, and its level m, which stands for (m + 1) / 8 of the unit
//! ```
//! A coordinate of 650 costs 5.5 to 10 bits: its position as much as the choice of positions demands, its level as much
//! as it is rare.
use super::CodecError;
use super::entries::{self, Entries};
use super::feedback::Contractive;

pub use super::entries::Entry;

/// What is dropped, and what rounding to the nearest level leaves, is less than what is kept.
pub const CONTRACTIVE: Contractive = Contractive::PROMISE;

/// Encodes as many of the largest coordinates of `update` as fit into `payload`, and returns its length.
///
/// Takes about ten passes over the update, with two divisions a parameter, and no memory besides.
pub fn encode(update: &[f32], payload: &mut [u8]) -> Result<usize, CodecError> {
    entries::encode(update, 0.0, payload)
}

/// Decodes a payload into its coordinates, in ascending order.
pub fn decode(payload: &[u8], params: usize) -> Result<Entries<'_>, CodecError> {
    entries::decode(payload, params)
}
