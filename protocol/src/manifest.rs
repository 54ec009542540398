//! The signed manifest of an object.
//!
//! ```text
//! byte 0      format, 1
//!      1      object kind: 0 task, 1 model, 2 keys
//!      2      task; of keys 0
//!      3      codec of the object (models: bits a parameter)
//!      4-7    version; of keys their generation
//!      8-15   first 8 bytes of the parent's hash, zeros for a first version
//!      16-17  size of the object in bytes
//!      18     key id of the signature: low 8 bits of the root key's generation
//!      19-21  zero
//!      22-25  expiry, seconds of protocol time
//!      26-57  SHA-256 of the object's bytes
//!      58-121 Ed25519 signature (RFC 8032) over "chirrup manifest" and bytes 0 to 57
//! ```
use crate::ids::TaskId;
use crate::object::{MAX_OBJECT_BYTES, ObjectKind};
use crate::wire::{Reader, Writer};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

/// Bytes of a manifest with its signature.
pub const MANIFEST_BYTES: usize = 122;

const FORMAT: u8 = 1;
const SIGNED_BYTES: usize = MANIFEST_BYTES - 64;
const LABEL: &[u8; 16] = b"chirrup manifest";

/// What the aggregator says of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Task, model or keys.
    pub kind: ObjectKind,
    /// The task it belongs to.
    pub task: TaskId,
    /// How its bytes are coded.
    pub codec: u8,
    /// Its version; never decreases.
    pub version: u32,
    /// First bytes of the hash of the version it came from.
    pub parent: [u8; 8],
    /// Size of the object in bytes.
    pub object_bytes: u16,
    /// Which key signed.
    pub key_id: u8,
    /// Not to be applied from this second of protocol time on.
    pub expires_s: u32,
    /// Hash of the object's bytes.
    pub sha256: [u8; 32],
}

/// The key whose signatures a node believes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustAnchor(VerifyingKey);

impl TrustAnchor {
    /// From the 32 bytes of an Ed25519 public key; `None` when they are not a point of the curve, or a weak one.
    pub fn new(public_key: &[u8; 32]) -> Option<Self> {
        VerifyingKey::from_bytes(public_key).ok().filter(|key| !key.is_weak()).map(Self)
    }

    /// The anchor of a signing key.
    pub fn of(key: &SigningKey) -> Self {
        Self(key.verifying_key())
    }

    /// The public key.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Whether this key signed `message`, strictly: no small-order point, and S below the group's order.
    pub(crate) fn believes(&self, message: &[u8], signature: &Signature) -> bool {
        self.0.verify_strict(message, signature).is_ok()
    }
}

/// A manifest was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum ManifestError {
    /// Not a manifest of this format.
    #[error("not a manifest of format {FORMAT}")]
    Malformed,
    /// The signature is not the aggregator's.
    #[error("signature does not verify")]
    BadSignature,
    /// The object is not the one that was signed.
    #[error("object does not match its manifest")]
    WrongObject,
}

impl Manifest {
    /// Describes and signs an object.
    pub fn sign(&self, key: &SigningKey) -> [u8; MANIFEST_BYTES] {
        let mut bytes = [0; MANIFEST_BYTES];
        bytes[..SIGNED_BYTES].copy_from_slice(&self.signed_part());
        let signature = key.sign(&labelled(&bytes));
        bytes[SIGNED_BYTES..].copy_from_slice(&signature.to_bytes());
        bytes
    }

    /// Checks signature, size and hash.
    pub fn verify(manifest: &[u8], object: &[u8], anchor: &TrustAnchor) -> Result<Self, ManifestError> {
        let parsed = Self::parse(manifest).ok_or(ManifestError::Malformed)?;
        let signature: [u8; 64] =
            manifest[SIGNED_BYTES..].try_into().map_err(|_| ManifestError::Malformed)?;
        if !anchor.believes(&labelled(manifest), &Signature::from_bytes(&signature)) {
            return Err(ManifestError::BadSignature);
        }
        if usize::from(parsed.object_bytes) != object.len() || parsed.sha256 != sha256(object) {
            return Err(ManifestError::WrongObject);
        }
        Ok(parsed)
    }

    /// The size of the object that a manifest, not verified yet, claims; the largest possible if it is none.
    pub(crate) fn claimed_object_bytes(stream: &[u8]) -> usize {
        match stream.get(16..18) {
            Some(size) => usize::from(u16::from_le_bytes([size[0], size[1]])),
            None => MAX_OBJECT_BYTES,
        }
    }

    fn signed_part(&self) -> [u8; SIGNED_BYTES] {
        let mut bytes = [0; SIGNED_BYTES];
        let mut writer = Writer::new(&mut bytes);
        let written = (|| {
            writer.bytes(&[FORMAT, self.kind as u8, self.task.0, self.codec])?;
            writer.u32(self.version)?;
            writer.bytes(&self.parent)?;
            writer.u16(self.object_bytes)?;
            writer.bytes(&[self.key_id, 0, 0, 0])?;
            writer.u32(self.expires_s)?;
            writer.bytes(&self.sha256)
        })();
        written.expect("the fields have 58 bytes together");
        bytes
    }

    fn parse(manifest: &[u8]) -> Option<Self> {
        if manifest.len() != MANIFEST_BYTES {
            return None;
        }
        let mut reader = Reader::new(manifest);
        let [format, kind, task, codec] = reader.array()?;
        let kind = match kind {
            0 => ObjectKind::Task,
            1 => ObjectKind::Model,
            2 => ObjectKind::Keys,
            _ => return None,
        };
        let version = reader.u32()?;
        let parent = reader.array()?;
        let object_bytes = reader.u16()?;
        let [key_id, reserved @ ..] = reader.array::<4>()?;
        let expires_s = reader.u32()?;
        let sha256 = reader.array()?;
        (format == FORMAT && reserved == [0; 3]).then_some(Self {
            kind,
            task: TaskId(task),
            codec,
            version,
            parent,
            object_bytes,
            key_id,
            expires_s,
            sha256,
        })
    }
}

/// SHA-256 of an object's bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn labelled(manifest: &[u8]) -> [u8; LABEL.len() + SIGNED_BYTES] {
    let mut message = [0; LABEL.len() + SIGNED_BYTES];
    message[..LABEL.len()].copy_from_slice(LABEL);
    message[LABEL.len()..].copy_from_slice(&manifest[..SIGNED_BYTES]);
    message
}
