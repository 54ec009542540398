//! Objects on their way to a node, and the manifest that vouches for them.
use crate::input::Input;
use chirrup_protocol::ids::TaskId;
use chirrup_protocol::manifest::{MANIFEST_BYTES, Manifest, TrustAnchor, sha256};
use chirrup_protocol::message::chunk::Chunk;
use chirrup_protocol::message::status::Progress;
use chirrup_protocol::object::{
    Assembly, CHUNK_BYTES, MAX_CHUNKS, ObjectError, ObjectKind, ObjectTag, Received, chunk_count, next_chunk,
    with_chunk,
};
use ed25519_dalek::SigningKey;
use std::sync::OnceLock;

/// Bytes of the objects in the targets; with the manifest five chunks, the last one shorter.
const OBJECT_BYTES: usize = 40;
/// The node's buffer: two chunks more than the object needs.
const BUFFER_BYTES: usize = 7 * CHUNK_BYTES;
const TAG: ObjectTag = ObjectTag::new(ObjectKind::Model, 9);

fn object() -> Vec<u8> {
    (0..OBJECT_BYTES as u8).collect()
}

/// A signed stream, and the anchor that believes it.
fn published() -> &'static (Vec<u8>, TrustAnchor) {
    static PUBLISHED: OnceLock<(Vec<u8>, TrustAnchor)> = OnceLock::new();
    PUBLISHED.get_or_init(|| {
        let key = SigningKey::from_bytes(&[3; 32]);
        let manifest = Manifest {
            kind: TAG.kind,
            task: TaskId(1),
            codec: 6,
            version: TAG.version_low.into(),
            parent: [1; 8],
            object_bytes: OBJECT_BYTES as u16,
            key_id: 0,
            expires_s: 100,
            sha256: sha256(&object()),
        };
        ([&manifest.sign(&key)[..], &object()].concat(), TrustAnchor::of(&key))
    })
}

/// A manifest that the aggregator did not sign is refused, and so is one with another object. Input: a manifest,
/// then the object.
pub fn manifest(bytes: &[u8]) {
    let (stream, anchor) = published();
    let mut input = Input::new(bytes);
    let (claimed, bytes) = (input.bytes(MANIFEST_BYTES), input.rest());
    if Manifest::verify(claimed, bytes, anchor).is_ok() {
        assert!(claimed == &stream[..MANIFEST_BYTES] && bytes == object());
    }
}

/// Manifests to start from: a good one, and one of nothing.
pub fn manifest_seeds() -> Vec<Vec<u8>> {
    vec![published().0.clone(), published().0[..MANIFEST_BYTES].to_vec(), vec![0; 40]]
}

/// What a node should have, remembered naively.
struct Model {
    object: Option<ObjectTag>,
    received: [bool; MAX_CHUNKS],
    buffer: [u8; BUFFER_BYTES],
    /// Whether a chunk of the present object was not the aggregator's.
    tampered: bool,
}

impl Model {
    fn clear(&mut self) {
        *self = Self { object: None, received: [false; MAX_CHUNKS], tampered: false, ..*self };
    }

    fn insert(&mut self, chunk: &Chunk<'_>, genuine: bool) {
        if self.object != Some(chunk.object) {
            self.clear();
        }
        self.object = Some(chunk.object);
        self.tampered |= !genuine;
        let first = usize::from(chunk.first);
        self.received[first..first + chunk_count(chunk.bytes.len())].fill(true);
        self.buffer[first * CHUNK_BYTES..][..chunk.bytes.len()].copy_from_slice(chunk.bytes);
    }

    fn progress(&self) -> Option<Progress> {
        let object = self.object?;
        let missing = self.received.iter().position(|&received| !received)?;
        let after = self.received[missing + 1..].iter().take(64).enumerate();
        let received_after = after.fold(0, |bits, (bit, &received)| bits | u64::from(received) << bit);
        Some(Progress { object, first_missing: missing as u8, received_after })
    }

    fn holds(&self, stream: &[u8]) -> bool {
        self.received[..chunk_count(stream.len())].iter().all(|&received| received)
            && &self.buffer[..stream.len()] == stream
    }
}

/// The chunk of a step and whether it is the aggregator's; `None` where the step forgets what was received.
fn step<'a>(input: &mut Input<'_>, stream: &'a [u8], altered: &'a mut Vec<u8>) -> Option<(Chunk<'a>, bool)> {
    let [kind, first, length] = input.array();
    let known = Progress { object: TAG, first_missing: first % 8, received_after: 0 };
    let good = next_chunk(TAG, stream, known, 2 + CHUNK_BYTES * (1 + usize::from(length) % 6));
    match (kind % 8, good) {
        (0..=3, Some(chunk)) => Some((chunk, true)),
        (4, Some(chunk)) => {
            altered.extend_from_slice(chunk.bytes);
            altered[usize::from(input.u8()) % chunk.bytes.len()] ^= 1 << (length % 8);
            Some((Chunk { bytes: altered, ..chunk }, false))
        }
        (5, _) => {
            altered.resize(1 + usize::from(length) % (3 * CHUNK_BYTES), length);
            Some((Chunk { object: TAG, first, bytes: altered }, false))
        }
        (6, _) => {
            altered.extend_from_slice(input.bytes(usize::from(length) % 240));
            altered.push(kind);
            let object = ObjectTag::from_byte(first ^ length)?;
            Some((Chunk { object, first, bytes: altered }, false))
        }
        _ => None,
    }
}

/// Chunks lost, repeated, reordered, altered, foreign and hostile; then the object is verified. Input: for each step a
/// kind, a first chunk, a length, and what its kind needs.
pub fn assembly(bytes: &[u8]) {
    let (stream, anchor) = published();
    let mut buffer = [0; BUFFER_BYTES];
    let mut assembly = Assembly::new(&mut buffer);
    let mut model =
        Model { object: None, received: [false; MAX_CHUNKS], buffer: [0; BUFFER_BYTES], tampered: false };
    let (mut input, mut verified) = (Input::new(bytes), false);
    while !input.is_empty() {
        let mut altered = Vec::new();
        let Some((chunk, genuine)) = step(&mut input, stream, &mut altered) else {
            assembly.clear();
            model.clear();
            continue;
        };
        let end = usize::from(chunk.first) * CHUNK_BYTES + chunk.bytes.len();
        let inserted = assembly.insert(&chunk);
        if end <= BUFFER_BYTES && (inserted.is_ok() || assembly.object().is_none()) {
            model.insert(&chunk, genuine);
        }
        if let Err(error) = inserted {
            let too_large = |error| matches!(error, ObjectError::TooLarge { need_bytes, have_bytes } if need_bytes > have_bytes);
            assert!(too_large(error));
            // Either nothing changed, or a claimed length that cannot be has thrown the object out.
            if assembly.object().is_none() {
                model.clear();
            }
        }
        let whole = model.holds(stream);
        assert!(!whole || model.tampered || inserted != Ok(Received::Incomplete));
        // A signature takes longer than everything else here: once an input, and rarely where it must fail.
        if inserted == Ok(Received::Complete) && !verified && (whole || bytes.len().is_multiple_of(16)) {
            verified = true;
            match assembly.verify(anchor) {
                Ok((manifest, bytes)) => assert!(bytes == object() && manifest.version == 9 && whole),
                Err(error) => {
                    assert!(error != ObjectError::Incomplete && (!whole || model.tampered));
                    model.clear();
                }
            }
        }
        assert_eq!(assembly.object(), model.object);
        assert_eq!(assembly.progress(), model.progress());
    }
}

/// Receptions to start from: in order, in reverse, one altered, one foreign.
pub fn assembly_seeds() -> Vec<Vec<u8>> {
    let ordered: Vec<u8> = (0..5).flat_map(|first| [0, first, 0]).collect();
    let reversed: Vec<u8> = (0..5).rev().flat_map(|first| [0, first, 0]).collect();
    let altered = [&[4, 4, 0, 3], &ordered[..]].concat();
    let foreign = [&[6, 0x80, 4], &[7; 5][..], &ordered].concat();
    vec![ordered, reversed, altered, foreign, vec![5, 3, 9, 7, 0, 0, 0, 0, 5]]
}

/// What a status says is missing, and the chunk that answers it. Input: first missing, bitmap, room, size of stream.
pub fn progress(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let known = Progress { object: TAG, first_missing: input.u8(), received_after: input.u64() };
    let room = usize::from(input.u8());
    let stream = vec![0; usize::from(input.u16()) % (MAX_CHUNKS * CHUNK_BYTES + 1)];
    let has = |index: usize| match index.checked_sub(usize::from(known.first_missing)) {
        None => true,
        Some(after @ 1..=64) => known.received_after >> (after - 1) & 1 == 1,
        Some(_) => false,
    };
    let first = (0..chunk_count(stream.len())).find(|&index| !has(index));
    match next_chunk(TAG, &stream, known, room) {
        Some(chunk) => {
            assert!(Some(usize::from(chunk.first)) == first && chunk.bytes.len() + 2 <= room);
            let after = with_chunk(known, &chunk);
            assert!(after.first_missing >= known.first_missing);
            let end = usize::from(chunk.first) + chunk_count(chunk.bytes.len());
            assert!((usize::from(chunk.first)..end).all(|index| !has(index)));
            let again = next_chunk(TAG, &stream, after, room);
            // A status cannot say that all of the most chunks are there: it names the last one.
            let repeats = |first: u8| usize::from(first) < end && usize::from(first) != MAX_CHUNKS - 1;
            assert!(again.is_none_or(|again| !repeats(again.first)));
        }
        None => assert!(first.is_none() || room < 2 + CHUNK_BYTES),
    }
}

/// Statuses to start from.
pub fn progress_seeds() -> Vec<Vec<u8>> {
    vec![
        vec![0, 0, 0, 0, 0, 0, 0, 0, 0, 40, 162, 0],
        vec![2, 5, 1, 0, 0, 0, 0, 0, 0x80, 222, 0xff, 0x21],
        vec![250, 0xff, 0, 0, 0, 0, 0, 0, 0, 104, 0, 0x22],
    ]
}
