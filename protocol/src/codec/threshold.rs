//! The coordinates of an accumulated update above a threshold that the quality of the link sets (Globe2Train, device
//! side, Sudharsan et al. 2021; the accumulation after Deep Gradient Compression, Lin et al. 2018).
//!
//! A node adds what it learns to what it has not sent. It sends the entries that reach the threshold, those largest first
//! if they do not all fit, clears them ([`clear_sent`]) and keeps the rest. The threshold is inversely proportional to the
//! quality of the link: over a bad link, where a frame is dear, only what matters most is said.
//!
//! The bytes are those of [`topk`].
//!
//! ```
//! use chirrup_protocol::codec::threshold::{clear_sent, encode, quality, threshold};
//! let mut owed = [0.5, -0.04, 0.2, 0.0];
//! let mut payload = [0; 36];
//! // 10 dB above the sensitivity: half the quality, twice the threshold.
//! let length = encode(&owed, threshold(0.05, quality(100)), &mut payload)?;
//! clear_sent(&payload[..length], &mut owed)?;
//! assert_eq!(owed, [0.0, -0.04, 0.0, 0.0]);
//! # Ok::<(), chirrup_protocol::codec::CodecError>(())
//! ```
use super::feedback::Contractive;
use super::{CodecError, entries, topk};

pub use super::entries::{Entries, Entry};

/// As top-k.
pub const CONTRACTIVE: Contractive = topk::CONTRACTIVE;

/// The margin, in tenths of a dB, at which a link cannot become better.
const BEST_MARGIN_DB10: f32 = 200.0;
/// The quality of a link without margin: its threshold is twenty times the base.
const WORST_QUALITY: f32 = 0.05;

/// The quality of a link, 0.05 to 1, from the SNR above what its data rate demands, in tenths of a dB: one at 20 dB, and
/// proportional below.
pub fn quality(margin_db10: i16) -> f32 {
    (f32::from(margin_db10) / BEST_MARGIN_DB10).clamp(WORST_QUALITY, 1.0)
}

/// The threshold over a link: `base` over the best one.
pub fn threshold(base: f32, quality: f32) -> f32 {
    base / quality
}

/// Encodes the coordinates of `update` of at least `threshold`, the largest if they do not all fit into `payload`, and
/// returns its length. [`CodecError::Nothing`] if there are none.
///
/// Those below a sixteenth of the largest stay behind, whatever the threshold.
pub fn encode(update: &[f32], threshold: f32, payload: &mut [u8]) -> Result<usize, CodecError> {
    entries::encode(update, threshold, payload)
}

/// Decodes a payload into its coordinates, in ascending order.
pub fn decode(payload: &[u8], params: usize) -> Result<Entries<'_>, CodecError> {
    entries::decode(payload, params)
}

/// Clears the coordinates that a payload holds. What rounding took from them is forgotten, as in the papers; to keep it,
/// subtract the decoded values instead ([`super::feedback`]).
pub fn clear_sent(payload: &[u8], accumulated: &mut [f32]) -> Result<(), CodecError> {
    entries::decode(payload, accumulated.len())?.for_each(|entry| accumulated[entry.index] = 0.0);
    Ok(())
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use crate::codec::testing::gaussian;
    use proptest::prelude::*;
    use std::vec::Vec;

    #[test]
    fn a_bad_link_raises_the_threshold() {
        assert_eq!([-50, 0, 10, 50, 100, 200, 400].map(quality), [0.05, 0.05, 0.05, 0.25, 0.5, 1.0, 1.0]);
        assert_eq!(threshold(0.125, quality(50)), 0.5);
    }

    #[test]
    fn nothing_reaches_a_high_threshold() {
        let mut payload = [0; 36];
        assert_eq!(encode(&[0.5, -0.25], 0.75, &mut payload), Err(CodecError::Nothing));
        assert_eq!(encode(&[0.5, -0.25], f32::INFINITY, &mut payload), Err(CodecError::Nothing));
        assert_eq!(encode(&[0.5, f32::NAN], 0.1, &mut payload), Err(CodecError::NotFinite));
        let length = encode(&[0.5, -0.25], 0.25, &mut payload).unwrap();
        assert_eq!(decode(&payload[..length], 2).unwrap().count(), 2, "what is at the threshold is sent");
    }

    proptest! {
        #[test]
        fn what_reaches_the_threshold_is_sent_the_largest_first(
            seed in any::<u32>(),
            threshold in 0.01f32..3.0,
            room in 8usize..231,
        ) {
            let update = gaussian(400, seed);
            let mut payload = [0; 231];
            let Ok(length) = encode(&update, threshold, &mut payload[..room]) else {
                prop_assert!(update.iter().all(|value| value.abs() < threshold));
                return Ok(());
            };
            let mut owed = update.clone();
            clear_sent(&payload[..length], &mut owed).unwrap();
            let sent: Vec<f32> = update.iter().zip(&owed).filter(|(_, owed)| **owed == 0.0).map(|(v, _)| v.abs()).collect();
            let smallest = sent.iter().fold(f32::MAX, |least, value| least.min(*value));
            let largest = sent.iter().fold(0f32, |most, value| most.max(*value));
            prop_assert!(smallest >= threshold);
            let kept = owed.iter().fold(0f32, |most, value| most.max(value.abs()));
            prop_assert!(kept <= smallest, "{} was kept, {} sent", kept, smallest);
            // All of them where there is room: at most 14 bits each.
            if sent.len() * 14 + 40 < room * 8 {
                prop_assert!(kept < threshold.max(largest / 15.0));
            }
        }
    }
}
