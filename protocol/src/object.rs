//! Objects that the aggregator publishes, and their way to a node in chunks.
//!
//! An object is a task, a model or keys. What travels is one stream: the signed manifest, then the object's bytes, cut
//! into chunks of [`CHUNK_BYTES`]. A downlink carries as many consecutive chunks as fit. A node that lost one chunk
//! says so in its status and is sent that one.
//!
//! ```text
//! Empty --chunk--> Receiving --last chunk--> Complete --manifest verifies--> the node applies it
//!                     |  ^                       |
//!      a newer object |  | lost chunk sent again | signature, hash or length wrong
//!                     v  |                       v
//!                  Receiving (the newer)       Empty, counted
//! ```
//!
//! An object stays complete while by the node's clock it has expired, until the node is told the time.
use crate::manifest::{MANIFEST_BYTES, Manifest, ManifestError, TrustAnchor};
use crate::message::chunk::{self, Chunk};
use crate::message::status::Progress;

/// Bytes of a chunk. One fits a sealed frame at EU868 DR0 to DR2, three fill one at DR3, six one at DR4 and above.
pub const CHUNK_BYTES: usize = 34;
/// Most chunks of a stream.
pub const MAX_CHUNKS: usize = 256;
/// Largest object in bytes.
pub const MAX_OBJECT_BYTES: usize = MAX_CHUNKS * CHUNK_BYTES - MANIFEST_BYTES;

/// Bits of an object's version in its tag.
pub const VERSION_BITS: u32 = 6;
const VERSION_MASK: u8 = (1 << VERSION_BITS) - 1;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub enum ObjectKind {
    /// What to learn and how: [`crate::task`].
    Task,
    /// A global model.
    Model,
    /// The next generation of public keys: [`crate::identity::aggregator_keys`].
    Keys,
}

/// An object's kind and the low 6 bits of its version, in one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectTag {
    /// What it is.
    pub kind: ObjectKind,
    /// Version modulo 64.
    pub version_low: u8,
}

impl ObjectTag {
    /// The tag of a version.
    pub const fn new(kind: ObjectKind, version: u32) -> Self {
        Self { kind, version_low: version as u8 & VERSION_MASK }
    }

    /// Kind in bits 7 and 6, version in the rest.
    pub const fn to_byte(self) -> u8 {
        self.version_low | (self.kind as u8) << VERSION_BITS
    }

    /// The reverse of [`ObjectTag::to_byte`]; `None` for a kind that does not exist.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        let kind = match byte >> VERSION_BITS {
            0 => ObjectKind::Task,
            1 => ObjectKind::Model,
            2 => ObjectKind::Keys,
            _ => return None,
        };
        Some(Self { kind, version_low: byte & VERSION_MASK })
    }
}

/// Chunks of a stream of `stream_bytes`.
pub const fn chunk_count(stream_bytes: usize) -> usize {
    stream_bytes.div_ceil(CHUNK_BYTES)
}

/// The chunks to send next to a node: the first run that `progress` lacks, as long as `message_bytes` allow. `None`
/// when nothing is missing or not one chunk fits.
pub fn next_chunk<'a>(
    object: ObjectTag,
    stream: &'a [u8],
    progress: Progress,
    message_bytes: usize,
) -> Option<Chunk<'a>> {
    let count = chunk_count(stream.len());
    let first = (usize::from(progress.first_missing)..count).find(|&index| !has(progress, index))?;
    let fitting = message_bytes.checked_sub(chunk::HEADER_BYTES)? / CHUNK_BYTES;
    let run = (first..count).take(fitting).take_while(|&index| !has(progress, index)).count();
    let bytes = stream.get(first * CHUNK_BYTES..((first + run) * CHUNK_BYTES).min(stream.len()))?;
    (run > 0).then_some(Chunk { object, first: first as u8, bytes })
}

/// Marks chunks as received, on the side of the sender.
pub fn with_chunk(progress: Progress, chunk: &Chunk<'_>) -> Progress {
    let run = usize::from(chunk.first)..usize::from(chunk.first) + chunk_count(chunk.bytes.len());
    let is_there = |index| has(progress, index) || run.contains(&index);
    let first_missing = (0..MAX_CHUNKS).find(|&index| !is_there(index)).unwrap_or(MAX_CHUNKS - 1);
    let bits = (0..64).filter(|bit| is_there(first_missing + 1 + bit));
    let received_after = bits.fold(0, |bitmap, bit| bitmap | 1 << bit);
    Progress { first_missing: first_missing as u8, received_after, ..progress }
}

/// Whether a node that says this of a stream lacks none of its chunks. A stream of [`MAX_CHUNKS`] is never told to be
/// whole: the first missing chunk would be one that a byte does not number.
pub fn is_whole(progress: Progress, stream_bytes: usize) -> bool {
    (0..chunk_count(stream_bytes)).all(|index| has(progress, index))
}

fn has(progress: Progress, index: usize) -> bool {
    let first_missing = usize::from(progress.first_missing);
    index < first_missing
        || index > first_missing
            && index - first_missing <= 64
            && progress.received_after >> (index - first_missing - 1) & 1 == 1
}

/// Receives one object at a time into a lent buffer.
#[derive(Debug)]
pub struct Assembly<'m> {
    buffer: &'m mut [u8],
    object: Option<ObjectTag>,
    received: [u64; MAX_CHUNKS / 64],
    /// Length of the stream once its shortened last chunk or its manifest has told it.
    stream_bytes: Option<usize>,
}

/// What a chunk brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// More chunks are missing.
    Incomplete,
    /// The stream is whole: call [`Assembly::verify`].
    Complete,
}

/// A chunk or an object was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum ObjectError {
    /// The chunk ends beyond the buffer, or beyond the end of its object.
    #[error("object needs {need_bytes} bytes, there is room for {have_bytes}")]
    TooLarge {
        /// Bytes of stream that it needs.
        need_bytes: usize,
        /// Bytes that there are.
        have_bytes: usize,
    },
    /// A stream was asked for that is not whole yet.
    #[error("object is not complete")]
    Incomplete,
    /// The manifest does not verify, or is not the one of these bytes.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

impl<'m> Assembly<'m> {
    /// An assembly in `buffer`, which bounds the size of objects: manifest and bytes, rounded up to whole chunks.
    pub const fn new(buffer: &'m mut [u8]) -> Self {
        Self { buffer, object: None, received: [0; MAX_CHUNKS / 64], stream_bytes: None }
    }

    /// The object being received.
    pub const fn object(&self) -> Option<ObjectTag> {
        self.object
    }

    /// Forgets what was received.
    pub const fn clear(&mut self) {
        self.object = None;
        self.received = [0; MAX_CHUNKS / 64];
        self.stream_bytes = None;
    }

    /// How far reception has come, for a status; `None` when nothing is being received.
    pub fn progress(&self) -> Option<Progress> {
        let object = self.object?;
        let first_missing = (0..MAX_CHUNKS).find(|&index| !self.has(index))?;
        let after = (first_missing + 1..MAX_CHUNKS).take(64).enumerate();
        let received_after =
            after.fold(0, |bits, (bit, index)| if self.has(index) { bits | 1 << bit } else { bits });
        Some(Progress { object, first_missing: first_missing as u8, received_after })
    }

    /// Takes in a chunk. One of another object than the present replaces it: the caller decides beforehand whether
    /// it wants that object.
    pub fn insert(&mut self, chunk: &Chunk<'_>) -> Result<Received, ObjectError> {
        let start = usize::from(chunk.first) * CHUNK_BYTES;
        let end = start + chunk.bytes.len();
        if self.object != Some(chunk.object) {
            self.clear();
        }
        let have_bytes = self.stream_bytes.unwrap_or(self.buffer.len()).min(self.buffer.len());
        let place = self.buffer.get_mut(start..end).filter(|_| end <= have_bytes);
        let place = place.ok_or(ObjectError::TooLarge { need_bytes: end, have_bytes })?;
        place.copy_from_slice(chunk.bytes);
        self.object = Some(chunk.object);
        for index in usize::from(chunk.first)..chunk_count(end) {
            self.received[index / 64] |= 1 << (index % 64);
        }
        self.learn_length()?;
        Ok(if self.is_complete() { Received::Complete } else { Received::Incomplete })
    }

    /// Whether no chunk is missing.
    pub fn is_complete(&self) -> bool {
        self.stream_bytes.is_some_and(|bytes| (0..chunk_count(bytes)).all(|index| self.has(index)))
    }

    /// Checks the manifest's signature and the object's hash. On success returns the manifest and the object's
    /// bytes; on failure forgets them.
    pub fn verify(&mut self, anchor: &TrustAnchor) -> Result<(Manifest, &[u8]), ObjectError> {
        let Some(stream_bytes) = self.stream_bytes.filter(|_| self.is_complete()) else {
            return Err(ObjectError::Incomplete);
        };
        let (manifest, object) = self.buffer[..stream_bytes].split_at(MANIFEST_BYTES);
        match Manifest::verify(manifest, object, anchor) {
            Ok(verified) => Ok((verified, &self.buffer[MANIFEST_BYTES..stream_bytes])),
            Err(error) => {
                self.clear();
                Err(error.into())
            }
        }
    }

    fn has(&self, index: usize) -> bool {
        self.received[index / 64] >> (index % 64) & 1 == 1
    }

    /// The manifest names the object's size; its signature is checked at the end.
    fn learn_length(&mut self) -> Result<(), ObjectError> {
        if self.stream_bytes.is_some() || !(0..chunk_count(MANIFEST_BYTES)).all(|index| self.has(index)) {
            return Ok(());
        }
        let need_bytes = MANIFEST_BYTES + Manifest::claimed_object_bytes(self.buffer);
        if need_bytes > self.buffer.len() {
            self.clear();
            return Err(ObjectError::TooLarge { need_bytes, have_bytes: self.buffer.len() });
        }
        self.stream_bytes = Some(need_bytes);
        Ok(())
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use crate::ids::TaskId;
    use crate::manifest::sha256;
    use ed25519_dalek::SigningKey;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[3; 32])
    }

    fn stream(object: &[u8], version: u32) -> Vec<u8> {
        let manifest = Manifest {
            kind: ObjectKind::Model,
            task: TaskId(1),
            codec: 4,
            version,
            parent: [0; 8],
            object_bytes: object.len() as u16,
            key_id: 0,
            expires_s: 100,
            sha256: sha256(object),
        };
        let mut stream = manifest.sign(&key()).to_vec();
        stream.extend_from_slice(object);
        stream
    }

    #[test]
    fn an_altered_object_or_a_foreign_signature_is_refused() {
        let tag = ObjectTag::new(ObjectKind::Model, 9);
        let object = [5; 60];
        let receive = |stream: &[u8], anchor: &TrustAnchor| {
            let mut buffer = [0; 400];
            let mut assembly = Assembly::new(&mut buffer);
            for (index, bytes) in stream.chunks(CHUNK_BYTES).enumerate() {
                assembly.insert(&Chunk { object: tag, first: index as u8, bytes })?;
            }
            assembly.verify(anchor).map(|(manifest, bytes)| (manifest.version, bytes.to_vec()))
        };
        let good = stream(&object, 9);
        let anchor = TrustAnchor::of(&key());
        assert_eq!(receive(&good, &anchor), Ok((9, object.to_vec())));
        let stranger = TrustAnchor::of(&SigningKey::from_bytes(&[4; 32]));
        assert_eq!(receive(&good, &stranger), Err(ManifestError::BadSignature.into()));
        for index in 0..good.len() {
            let mut altered = good.clone();
            altered[index] ^= 0x10;
            // A larger claimed size never completes; everything else is refused by signature or hash.
            assert!(receive(&altered, &anchor).is_err(), "byte {index}");
        }
    }

    #[test]
    fn a_tag_has_two_bits_of_kind_and_six_of_version() {
        for (kind, version, byte) in [
            (ObjectKind::Task, 0x7f, 0x3f),
            (ObjectKind::Model, 9, 0x49),
            (ObjectKind::Keys, 64, 0x80),
            (ObjectKind::Keys, 0x1ff, 0xbf),
        ] {
            assert_eq!(ObjectTag::new(kind, version).to_byte(), byte);
            assert_eq!(ObjectTag::from_byte(byte), Some(ObjectTag::new(kind, version)));
        }
        assert_eq!([0xc0, 0xff].map(ObjectTag::from_byte), [None; 2]);
    }

    #[test]
    fn an_object_larger_than_the_buffer_is_refused() {
        let mut buffer = [0; 170];
        let mut assembly = Assembly::new(&mut buffer);
        let tag = ObjectTag::new(ObjectKind::Model, 1);
        let stream = stream(&[1; 100], 1);
        let error = assembly.insert(&Chunk { object: tag, first: 0, bytes: &stream[..136] }).unwrap_err();
        assert_eq!(error, ObjectError::TooLarge { need_bytes: 222, have_bytes: 170 });
        let beyond = Chunk { object: tag, first: 5, bytes: &[0; 34] };
        assert_eq!(assembly.insert(&beyond), Err(ObjectError::TooLarge { need_bytes: 204, have_bytes: 170 }));
    }

    proptest! {
        /// Chunks lost, repeated and reordered; what the status says is missing is sent until nothing is.
        #[test]
        fn a_lossy_link_delivers_in_the_end(
            size in 1usize..2_000,
            room in 36usize..230,
            losses in proptest::collection::vec(any::<bool>(), 200),
        ) {
            let object: Vec<u8> = (0..size).map(|index| (index * 7) as u8).collect();
            let stream = stream(&object, 300);
            let tag = ObjectTag::new(ObjectKind::Model, 300);
            let mut buffer = [0; 2_200];
            let mut assembly = Assembly::new(&mut buffer);
            let mut known = Progress::none_of(ObjectKind::Model, 300);
            let mut losses = losses.into_iter().chain(core::iter::repeat(false));
            let mut done = false;
            for _ in 0..400 {
                let Some(chunk) = next_chunk(tag, &stream, known, room) else { break };
                prop_assert!(chunk.bytes.len() + 2 <= room);
                if losses.next() != Some(true) {
                    done = assembly.insert(&chunk).unwrap() == Received::Complete;
                    // Without a loss, the sender knows what the status would say.
                    prop_assert_eq!(Some(with_chunk(known, &chunk)), assembly.progress());
                }
                known = assembly.progress().unwrap_or(known);
                prop_assert_eq!(is_whole(known, stream.len()), assembly.is_complete());
            }
            prop_assert!(done);
            let (manifest, bytes) = assembly.verify(&TrustAnchor::of(&key())).unwrap();
            prop_assert_eq!(manifest.version, 300);
            prop_assert_eq!(bytes, &object[..]);
        }

        #[test]
        fn arbitrary_chunks_never_panic(
            chunks in proptest::collection::vec((any::<u8>(), any::<u8>(), 1usize..240), 1..60),
        ) {
            let mut buffer = [0; 1_000];
            let mut assembly = Assembly::new(&mut buffer);
            let bytes = [0xff; 240];
            for (tag, first, length) in chunks {
                let kind = if tag & 0x80 == 0 { ObjectKind::Task } else { ObjectKind::Keys };
                let object = ObjectTag::new(kind, u32::from(tag & 1));
                let chunk = Chunk { object, first, bytes: &bytes[..length] };
                if assembly.insert(&chunk) == Ok(Received::Complete) {
                    prop_assert!(assembly.verify(&TrustAnchor::of(&key())).is_err());
                }
            }
        }
    }
}
