//! The public keys that a node holds of its federation: as the welcome that it is provisioned with, and as the signed
//! object by which the root hands over to the next generation.
//!
//! ```text
//! welcome:     byte 0-31   the aggregator's X25519 public key
//!                   32-63  the root's Ed25519 public key
//!                   64-67  generation
//! keys object: byte 0      format, 1
//!                   1-68   a welcome
//! ```
use super::agreement::AgreementPublicKey;
use super::{IdentityError, text};
use crate::ids::TaskId;
use crate::manifest::{MANIFEST_BYTES, Manifest, TrustAnchor, sha256};
use crate::object::ObjectKind;
use crate::wire::Reader;
use ed25519_dalek::SigningKey;

/// Bytes of a welcome.
pub const WELCOME_BYTES: usize = 68;
/// Characters of a welcome as text.
pub const WELCOME_CHARACTERS: usize = text::characters(WELCOME_BYTES);
/// How a welcome as text begins.
pub const PREFIX: &str = "CHIRRUP-W1:";
/// Bytes of a keys object.
pub const KEYS_OBJECT_BYTES: usize = 1 + WELCOME_BYTES;
/// Generation of a federation's first keys.
pub const FIRST_GENERATION: u32 = 0;

const FORMAT: u8 = 1;

/// One generation of public keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AggregatorKeys {
    /// The aggregator's side of the agreement.
    pub agreement: AgreementPublicKey,
    /// Whose signatures nodes believe.
    pub root: TrustAnchor,
    /// Counts the changes of these keys.
    pub generation: u32,
}

/// A keys object was refused. Its node goes on with the keys it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum SuccessionError {
    /// The manifest describes something else than these keys.
    #[error("manifest and object are not a keys object's")]
    NotKeys,
    /// Not a keys object of this format.
    #[error("not a keys object of format {FORMAT} with {KEYS_OBJECT_BYTES} bytes: {have_bytes} bytes")]
    Malformed {
        /// Bytes of the object.
        have_bytes: usize,
    },
    /// The new root's key is no point of the curve, or of small order.
    #[error("weak or invalid Ed25519 key")]
    WeakKey,
    /// Generations follow each other by one.
    #[error("generation {have} does not follow generation {present}")]
    WrongGeneration {
        /// The generation that the object names.
        have: u32,
        /// The generation that the node has.
        present: u32,
    },
}

impl AggregatorKeys {
    /// The welcome.
    pub fn to_welcome(&self) -> [u8; WELCOME_BYTES] {
        let mut bytes = [0; WELCOME_BYTES];
        bytes[..32].copy_from_slice(self.agreement.as_bytes());
        bytes[32..64].copy_from_slice(self.root.as_bytes());
        bytes[64..].copy_from_slice(&self.generation.to_le_bytes());
        bytes
    }

    /// Reads a welcome. Nothing but the way it came by vouches for it.
    pub fn from_welcome(bytes: &[u8]) -> Result<Self, IdentityError> {
        let wrong_length = IdentityError::WrongLength { need_bytes: WELCOME_BYTES, have_bytes: bytes.len() };
        let bytes: &[u8; WELCOME_BYTES] = bytes.try_into().map_err(|_| wrong_length)?;
        Self::read(bytes).ok_or(IdentityError::WeakKey)
    }

    /// The welcome as text, in the lent characters.
    pub fn write_text<'t>(&self, text: &'t mut [u8; WELCOME_CHARACTERS]) -> &'t str {
        text::write(PREFIX, &self.to_welcome(), text)
    }

    /// Reads a welcome from text.
    pub fn from_text(text: &str) -> Result<Self, IdentityError> {
        Self::from_welcome(&text::read::<WELCOME_BYTES>(PREFIX, text)?)
    }

    /// These keys as an object, with the manifest that the root before them signs.
    pub fn publish(
        &self,
        expires_s: u32,
        present_root: &SigningKey,
    ) -> ([u8; MANIFEST_BYTES], [u8; KEYS_OBJECT_BYTES]) {
        let mut object = [FORMAT; KEYS_OBJECT_BYTES];
        object[1..].copy_from_slice(&self.to_welcome());
        let manifest = Manifest {
            kind: ObjectKind::Keys,
            task: TaskId(0),
            codec: 0,
            version: self.generation,
            parent: [0; 8],
            object_bytes: KEYS_OBJECT_BYTES as u16,
            key_id: self.generation.wrapping_sub(1) as u8,
            expires_s,
            sha256: sha256(&object),
        };
        (manifest.sign(present_root), object)
    }

    /// The keys after these, from a keys object whose manifest verified under [`AggregatorKeys::root`]
    /// ([`Manifest::verify`], or [`crate::object::Assembly::verify`]). The caller checks expiry as of any object.
    pub fn successor(&self, manifest: &Manifest, object: &[u8]) -> Result<Self, SuccessionError> {
        let is_keys = manifest.kind == ObjectKind::Keys
            && (manifest.task, manifest.codec, manifest.parent) == (TaskId(0), 0, [0; 8])
            && manifest.sha256 == sha256(object);
        if !is_keys {
            return Err(SuccessionError::NotKeys);
        }
        let malformed = SuccessionError::Malformed { have_bytes: object.len() };
        let (&[format], welcome) = object.split_first_chunk().ok_or(malformed)?;
        let welcome: &[u8; WELCOME_BYTES] = welcome.try_into().map_err(|_| malformed)?;
        if format != FORMAT {
            return Err(malformed);
        }
        let next = Self::read(welcome).ok_or(SuccessionError::WeakKey)?;
        if manifest.version != next.generation {
            return Err(SuccessionError::NotKeys);
        }
        let (have, present) = (next.generation, self.generation);
        if present.checked_add(1) == Some(have) {
            Ok(next)
        } else {
            Err(SuccessionError::WrongGeneration { have, present })
        }
    }

    fn read(bytes: &[u8; WELCOME_BYTES]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let agreement = AgreementPublicKey::new(reader.array()?);
        let root = TrustAnchor::new(&reader.array()?)?;
        Some(Self { agreement, root, generation: reader.u32()? })
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use crate::identity::{AgreementKey, NodeKeys};
    use crate::ids::DevEui;
    use crate::manifest::ManifestError;
    use crate::message::chunk::Chunk;
    use crate::object::{Assembly, CHUNK_BYTES, ObjectError, ObjectTag, Received};
    use proptest::prelude::*;

    fn root(generation: u8) -> SigningKey {
        SigningKey::from_bytes(&[generation + 1; 32])
    }

    fn keys(generation: u8) -> AggregatorKeys {
        AggregatorKeys {
            agreement: AgreementKey::new([generation + 100; 32]).public_key(),
            root: TrustAnchor::of(&root(generation)),
            generation: generation.into(),
        }
    }

    /// As a node receives them: in chunks.
    fn receive(
        present: &AggregatorKeys,
        manifest: &[u8],
        object: &[u8],
    ) -> Result<AggregatorKeys, ObjectError> {
        let tag = ObjectTag::new(ObjectKind::Keys, present.generation + 1);
        let mut buffer = [0; 204];
        let mut assembly = Assembly::new(&mut buffer);
        let stream = [manifest, object].concat();
        for (index, bytes) in stream.chunks(CHUNK_BYTES).enumerate() {
            let is_last = (index + 1) * CHUNK_BYTES >= stream.len();
            let received = assembly.insert(&Chunk { object: tag, first: index as u8, bytes })?;
            assert_eq!(received == Received::Complete, is_last);
        }
        let (manifest, object) = assembly.verify(&present.root)?;
        Ok(present.successor(&manifest, object).expect("the root signed the next generation"))
    }

    #[test]
    fn a_chain_of_generations_is_followed() {
        let node = NodeKeys::from_seed(&[9; 32]);
        let dev_eui = DevEui::from_u64(7);
        let mut held = keys(0);
        for generation in 1..4 {
            let (manifest, object) = keys(generation).publish(1_000, &root(generation - 1));
            let before = node.device_secret(dev_eui, &held).unwrap();
            held = receive(&held, &manifest, &object).unwrap();
            assert_eq!(held, keys(generation));
            let secret = node.device_secret(dev_eui, &held).unwrap();
            assert_ne!(secret, before);
            let aggregator = AgreementKey::new([generation + 100; 32]);
            let node_key = node.agreement().public_key();
            assert_eq!(aggregator.device_secret(dev_eui, node_key, generation.into()), Ok(secret));
        }
    }

    #[test]
    fn only_the_present_root_names_its_successor() {
        let (manifest, object) = keys(1).publish(1_000, &root(1));
        let error = receive(&keys(0), &manifest, &object);
        assert_eq!(error, Err(ManifestError::BadSignature.into()));
    }

    #[test]
    fn generations_follow_by_one() {
        for (present, next) in [(0, 2), (1, 1), (2, 1)] {
            let (manifest, object) = keys(next).publish(1_000, &root(present));
            let manifest = Manifest::verify(&manifest, &object, &keys(present).root).unwrap();
            let (have, present_generation) = (next.into(), present.into());
            let expected = SuccessionError::WrongGeneration { have, present: present_generation };
            assert_eq!(keys(present).successor(&manifest, &object), Err(expected));
        }
        let last = AggregatorKeys { generation: u32::MAX, ..keys(0) };
        let (manifest, object) = keys(0).publish(1_000, &root(0));
        let manifest = Manifest::verify(&manifest, &object, &last.root).unwrap();
        let expected = SuccessionError::WrongGeneration { have: 0, present: u32::MAX };
        assert_eq!(last.successor(&manifest, &object), Err(expected));
    }

    #[test]
    fn what_is_no_keys_object_is_refused_though_it_is_signed() {
        let (manifest, object) = keys(1).publish(1_000, &root(0));
        let good = Manifest::verify(&manifest, &object, &keys(0).root).unwrap();
        let refuse = |manifest: Manifest, object: &[u8]| keys(0).successor(&manifest, object).unwrap_err();
        for other in [
            Manifest { kind: ObjectKind::Model, ..good },
            Manifest { task: TaskId(1), ..good },
            Manifest { codec: 6, ..good },
            Manifest { parent: [1; 8], ..good },
            Manifest { version: 2, ..good },
            Manifest { sha256: [0; 32], ..good },
        ] {
            assert_eq!(refuse(other, &object), SuccessionError::NotKeys, "{other:?}");
        }
        let of = |object: &[u8]| Manifest { sha256: sha256(object), ..good };
        let short = &object[..68];
        assert_eq!(refuse(of(short), short), SuccessionError::Malformed { have_bytes: 68 });
        assert_eq!(refuse(of(&[]), &[]), SuccessionError::Malformed { have_bytes: 0 });
        let mut format = object;
        format[0] = 2;
        assert_eq!(refuse(of(&format), &format), SuccessionError::Malformed { have_bytes: 69 });
        let mut weak = object;
        weak[33..65].fill(0);
        assert_eq!(refuse(of(&weak), &weak), SuccessionError::WeakKey);
    }

    proptest! {
        #[test]
        fn a_welcome_survives(seed: [u8; 32], agreement: [u8; 32], generation: u32) {
            let root = TrustAnchor::of(&SigningKey::from_bytes(&seed));
            let keys = AggregatorKeys { agreement: AgreementPublicKey::new(agreement), root, generation };
            prop_assert_eq!(AggregatorKeys::from_welcome(&keys.to_welcome()), Ok(keys.clone()));
            let mut text = [0; WELCOME_CHARACTERS];
            let text = keys.write_text(&mut text);
            prop_assert_eq!((text.len(), text.trim()), (113, text));
            prop_assert_eq!(AggregatorKeys::from_text(&std::format!("\n {text}\n")), Ok(keys));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 66..71)) {
            match AggregatorKeys::from_welcome(&bytes) {
                Ok(keys) => prop_assert_eq!(&keys.to_welcome()[..], &bytes[..]),
                Err(error) => prop_assert!(error == IdentityError::WeakKey || bytes.len() != WELCOME_BYTES),
            }
        }
    }
}
