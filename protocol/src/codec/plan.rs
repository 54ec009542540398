//! The planner: of several codecs, the one that says most of an update in the bytes that are free.
//!
//! ```text
//! byte 0    codec (bits 7-4), its parameter (bits 3-0)
//!      1..  its payload
//! ```
//! Every candidate encodes, and what the receiver would decode is compared with the update: the payload with the least
//! squared error over all coordinates wins, those that it leaves out counting whole. The choice costs one byte, and on
//! the node one encoding and one decoding a candidate.
use super::update::UpdateCodec;
use super::{Block, CodecError};
use core::ops::Range;

/// Largest payload that is planned for: what LoRaWAN carries, without seal and fields.
pub const MAX_PAYLOAD_BYTES: usize = 227;

const HEADER_BYTES: usize = 1;

/// What the planner chose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Planned {
    /// The codec.
    pub codec: UpdateCodec,
    /// Its block; the bytes are those of the payload, header included.
    pub block: Block,
    /// Squared error that remains.
    pub lost: f32,
}

/// Numbers that [`encode`] works in: a decoded update, and what the most demanding candidate needs.
pub const fn scratch_len(candidates: &[UpdateCodec], params: usize, columns: usize) -> usize {
    let (mut most, mut rest) = (0, candidates);
    while let [codec, others @ ..] = rest {
        let len = codec.scratch_len(params, columns);
        (most, rest) = (if len > most { len } else { most }, others);
    }
    params + most
}

/// Encodes `update`, `[rows][columns]`, from `start` on by the best of `candidates`, the earlier one of equals.
///
/// `NoRoom` if none of them fits, `Nothing` if there is nothing to say; what else a candidate refuses, such as numbers
/// that are not finite, is passed on.
pub fn encode(
    candidates: &[UpdateCodec],
    update: &[f32],
    columns: usize,
    start: usize,
    seed: u32,
    scratch: &mut [f32],
    payload: &mut [u8],
) -> Result<Planned, CodecError> {
    let (need, have) = (scratch_len(candidates, update.len(), columns), scratch.len());
    if have < need {
        return Err(CodecError::ScratchTooSmall { need, have });
    }
    let (decoded, scratch) = scratch.split_at_mut(update.len());
    let have_bytes = payload.len();
    let room = have_bytes.min(MAX_PAYLOAD_BYTES);
    let (mut best, mut refused) = (None::<Planned>, CodecError::NoRoom { have_bytes });
    for &codec in candidates {
        let mut trial = [0; MAX_PAYLOAD_BYTES];
        let trial = &mut trial[..room];
        match try_one(codec, update, columns, start, seed, (&mut *decoded, &mut *scratch), trial) {
            Ok(planned) if best.is_none_or(|best| planned.lost < best.lost) => {
                payload[..planned.block.bytes].copy_from_slice(&trial[..planned.block.bytes]);
                best = Some(planned);
            }
            Ok(_) | Err(CodecError::NoRoom { .. }) => {}
            Err(error) => refused = error,
        }
    }
    best.ok_or(refused)
}

/// Decodes a payload, whatever codec its sender chose, into its range of `update`, `[rows][columns]`.
pub fn decode(
    payload: &[u8],
    columns: usize,
    seed: u32,
    scratch: &mut [f32],
    update: &mut [f32],
) -> Result<Range<usize>, CodecError> {
    let (&header, payload) = payload.split_first().ok_or(CodecError::Truncated)?;
    let codec = UpdateCodec::numbered(header >> 4, header & 0x0f);
    // A payload planned within a planned one has no sender.
    let codec = codec.ok().filter(|&codec| codec != UpdateCodec::Planned);
    let codec = codec.ok_or(CodecError::BadField { field: "codec" })?;
    codec.decode(payload, columns, seed, scratch, update)
}

fn try_one(
    codec: UpdateCodec,
    update: &[f32],
    columns: usize,
    start: usize,
    seed: u32,
    (decoded, scratch): (&mut [f32], &mut [f32]),
    payload: &mut [u8],
) -> Result<Planned, CodecError> {
    let have_bytes = payload.len();
    let (header, body) = payload.split_first_mut().ok_or(CodecError::NoRoom { have_bytes })?;
    let (number, parameter) = codec.number();
    *header = number << 4 | parameter;
    let Block { bytes, end } = codec.encode(update, columns, start, seed, scratch, body)?;
    let said = codec.decode(&body[..bytes], columns, seed, scratch, decoded)?;
    let block = Block { bytes: bytes + HEADER_BYTES, end };
    Ok(Planned { codec, block, lost: squared_error(update, decoded, said) })
}

/// The squared distance of what was decoded from `update`; coordinates that were not `said` count as zero.
fn squared_error(update: &[f32], decoded: &[f32], said: Range<usize>) -> f32 {
    let mut sum = 0.0;
    for (index, (value, decoded)) in update.iter().zip(decoded).enumerate() {
        let error = if said.contains(&index) { value - decoded } else { *value };
        sum += error * error;
    }
    sum
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::super::drive::Scale;
    use super::super::testing::gaussian;
    use super::*;
    use proptest::prelude::*;
    use std::vec;

    const CANDIDATES: [UpdateCodec; 3] = [
        UpdateCodec::TopK,
        UpdateCodec::Drive(Scale::LeastSquares),
        UpdateCodec::Dense(super::super::dense::Width::Byte),
    ];

    fn plan(update: &[f32], room: usize) -> (Planned, std::vec::Vec<u8>) {
        let mut scratch = vec![0.0; scratch_len(&CANDIDATES, update.len(), 1)];
        let mut payload = vec![0; room];
        let planned = encode(&CANDIDATES, update, 1, 0, 7, &mut scratch, &mut payload);
        let planned = planned.expect("there is room for one of them");
        payload.truncate(planned.block.bytes);
        (planned, payload)
    }

    #[test]
    fn each_update_gets_the_codec_that_suits_it() {
        // A few large entries among zeros; as many numbers as coordinates fit bits; fewer numbers than bytes.
        let mut sparse = vec![0.0; 650];
        sparse[77] = 3.0;
        sparse[500] = -1.5;
        assert_eq!(plan(&sparse, 36).0.codec, UpdateCodec::TopK);
        assert_eq!(plan(&gaussian(250, 3), 36).0.codec, UpdateCodec::Drive(Scale::LeastSquares));
        assert_eq!(plan(&gaussian(30, 3), 36).0.codec, UpdateCodec::Dense(super::super::dense::Width::Byte));
    }

    #[test]
    fn what_was_planned_decodes_to_what_was_promised() {
        let update = gaussian(650, 5);
        let (planned, payload) = plan(&update, 100);
        let mut decoded = vec![0.0; 650];
        let range = decode(&payload, 1, 7, &mut [], &mut decoded).unwrap();
        assert_eq!(range.end, planned.block.end);
        assert_eq!(squared_error(&update, &decoded, range), planned.lost);
        let header = payload[0];
        assert_eq!(UpdateCodec::numbered(header >> 4, header & 15), Ok(planned.codec));
    }

    #[test]
    fn what_cannot_be_planned_is_said() {
        let (mut scratch, mut payload) = (vec![0.0; 1_300], [0; 36]);
        let mut attempt = |candidates: &[UpdateCodec], update: &[f32], room: usize, memory: usize| {
            encode(candidates, update, 1, 0, 7, &mut scratch[..memory], &mut payload[..room])
        };
        let update = gaussian(650, 5);
        assert_eq!(attempt(&CANDIDATES, &update, 0, 1_300), Err(CodecError::NoRoom { have_bytes: 0 }));
        assert_eq!(attempt(&CANDIDATES, &update, 2, 1_300), Err(CodecError::NoRoom { have_bytes: 2 }));
        assert_eq!(attempt(&[], &update, 36, 1_300), Err(CodecError::NoRoom { have_bytes: 36 }));
        let too_small = CodecError::ScratchTooSmall { need: 1_300, have: 1_299 };
        assert_eq!(attempt(&CANDIDATES, &update, 36, 1_299), Err(too_small));
        assert_eq!(attempt(&CANDIDATES, &[f32::NAN; 650], 36, 1_300), Err(CodecError::NotFinite));
        assert_eq!(attempt(&CANDIDATES[..1], &[0.0; 650], 36, 1_300), Err(CodecError::Nothing));
        let bad = CodecError::BadField { field: "codec" };
        for header in [0xff, 0xf0, 0x00] {
            assert_eq!(decode(&[header, 0xf0, 0xf0], 1, 7, &mut [], &mut [0.0; 4]), Err(bad));
        }
    }

    proptest! {
        #[test]
        fn no_candidate_alone_does_better(
            update in proptest::collection::vec(-1f32..1.0, 1..300),
            room in 8usize..227,
        ) {
            let (planned, _) = plan(&update, room);
            let mut scratch = vec![0.0; scratch_len(&CANDIDATES, update.len(), 1)];
            for codec in CANDIDATES {
                let mut payload = vec![0; room];
                if let Ok(alone) = encode(&[codec], &update, 1, 0, 7, &mut scratch, &mut payload) {
                    prop_assert!(planned.lost <= alone.lost);
                }
            }
        }

        #[test]
        fn arbitrary_payloads_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60), params in 1usize..90) {
            let mut update = vec![0.0; params];
            let mut scratch = vec![0.0; 2_048];
            if let Ok(range) = decode(&bytes, 1, 7, &mut scratch, &mut update) {
                prop_assert!(range.end <= params && !range.is_empty());
            }
        }
    }
}
