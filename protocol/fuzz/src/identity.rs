//! Enrolments, welcomes, keys objects and revocation lists, as bytes and as text.
use crate::input::Input;
use chirrup_protocol::identity::aggregator_keys::{FIRST_GENERATION, WELCOME_CHARACTERS};
use chirrup_protocol::identity::enrolment::{self, ENROLMENT_CHARACTERS};
use chirrup_protocol::identity::revocation::{self, Revocation, RevocationList, list_bytes};
use chirrup_protocol::identity::{
    AggregatorKeys, AgreementKey, ENROLMENT_BYTES, Enrolment, NodeKeys, WELCOME_BYTES, base45,
};
use chirrup_protocol::ids::{DevEui, TaskId};
use chirrup_protocol::manifest::{Manifest, TrustAnchor, sha256};
use chirrup_protocol::object::ObjectKind;
use ed25519_dalek::SigningKey;
use std::sync::OnceLock;

fn root() -> &'static (SigningKey, AggregatorKeys) {
    static ROOT: OnceLock<(SigningKey, AggregatorKeys)> = OnceLock::new();
    ROOT.get_or_init(|| {
        let key = SigningKey::from_bytes(&[3; 32]);
        let agreement = AgreementKey::new([5; 32]).public_key();
        let keys = AggregatorKeys { agreement, root: TrustAnchor::of(&key), generation: FIRST_GENERATION };
        (key, keys)
    })
}

fn enrolled() -> &'static [u8; ENROLMENT_BYTES] {
    static ENROLLED: OnceLock<[u8; ENROLMENT_BYTES]> = OnceLock::new();
    ENROLLED.get_or_init(|| {
        let dev_eui = DevEui::from_u64(0x70b3_d57e_d000_0001);
        Enrolment::sign(dev_eui, &NodeKeys::from_seed(&[7; 32]))
    })
}

/// An enrolment that its node did not sign is refused. (Another node's, which a fuzzer would have to sign, is not.)
pub fn enrolment(bytes: &[u8]) {
    if let Ok(enrolment) = Enrolment::verify(bytes) {
        assert_eq!(bytes, enrolled());
        assert_eq!(enrolment.dev_eui.0, bytes[..8]);
        assert_eq!(enrolment.identity.as_bytes(), &bytes[8..40]);
    }
}

/// Enrolments to start from.
pub fn enrolment_seeds() -> Vec<Vec<u8>> {
    vec![enrolled().to_vec()]
}

/// Text of a record: what is read is written again, apart from white space around it.
pub fn identity_text(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(welcome) = AggregatorKeys::from_text(text) {
        assert_eq!(welcome.write_text(&mut [0; WELCOME_CHARACTERS]), text.trim());
    }
    if Enrolment::verify_text(text).is_ok() {
        assert_eq!(enrolment::write_text(enrolled(), &mut [0; ENROLMENT_CHARACTERS]), text.trim());
    }
}

/// Texts to start from.
pub fn identity_text_seeds() -> Vec<Vec<u8>> {
    let mut characters = [0; ENROLMENT_CHARACTERS];
    let enrolment = enrolment::write_text(enrolled(), &mut characters).as_bytes().to_vec();
    let mut characters = [0; WELCOME_CHARACTERS];
    vec![enrolment, format!(" {}\n", root().1.write_text(&mut characters)).into_bytes()]
}

/// Base45: text that decodes is the one text of its bytes.
pub fn base45(text: &[u8]) {
    let mut bytes = vec![0; text.len()];
    let Ok(length) = base45::decode(text, &mut bytes) else { return };
    let mut again = vec![0; text.len()];
    assert_eq!(base45::encode(&bytes[..length], &mut again), Ok(text.len()));
    assert_eq!(again, text);
}

/// Texts to start from.
pub fn base45_seeds() -> Vec<Vec<u8>> {
    [&b"AB"[..], b"BB8", b"%69 VD92EX0", b"UJCLQE7W581", b"QED8WEX0"].map(<[u8]>::to_vec).into()
}

/// A welcome: what is read is written again.
pub fn welcome(bytes: &[u8]) {
    if let Ok(keys) = AggregatorKeys::from_welcome(bytes) {
        assert_eq!(keys.to_welcome(), bytes);
    }
}

/// Welcomes to start from.
pub fn welcome_seeds() -> Vec<Vec<u8>> {
    vec![root().1.to_welcome().to_vec()]
}

/// Keys after the present ones: only of the next generation, and those that the object names. Input: kind, task, codec,
/// version, whether the hash is right; then the object.
pub fn keys_object(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let [kind, task, codec, hash] = input.array();
    let version = input.u32();
    let object = input.rest();
    let manifest = Manifest {
        kind: [ObjectKind::Keys, ObjectKind::Task, ObjectKind::Model][usize::from(kind % 3)],
        task: TaskId(task),
        codec,
        version,
        parent: [0; 8],
        object_bytes: object.len() as u16,
        key_id: 0,
        expires_s: 0,
        sha256: if hash == 0 { sha256(object) } else { [hash; 32] },
    };
    if let Ok(next) = root().1.successor(&manifest, object) {
        assert_eq!((manifest.kind, task, codec, hash), (ObjectKind::Keys, 0, 0, 0));
        assert_eq!((next.generation, version), (FIRST_GENERATION + 1, FIRST_GENERATION + 1));
        assert_eq!(&object[1..], next.to_welcome());
    }
}

/// Keys objects to start from: the next generation, and one too far.
pub fn keys_object_seeds() -> Vec<Vec<u8>> {
    let seed = |generation: u32| {
        let (key, keys) = root();
        let (_, object) = AggregatorKeys { generation, ..keys.clone() }.publish(100, key);
        [&[0; 4], &generation.to_le_bytes()[..], &object].concat()
    };
    assert_eq!(seed(1).len(), 4 + 4 + 1 + WELCOME_BYTES);
    vec![seed(1), seed(2)]
}

fn listed() -> &'static [Vec<u8>; 2] {
    static LISTED: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    LISTED.get_or_init(|| {
        [0, 5].map(|count| {
            let entry = |index: u64| Revocation { dev_eui: DevEui::from_u64(index * index), from_s: 9 };
            let entries: Vec<_> = (0..count).map(entry).collect();
            let mut bytes = vec![0; list_bytes(entries.len())];
            let written = revocation::sign(4, &entries, &root().0, &mut bytes);
            assert_eq!(written, Ok(bytes.len()));
            bytes
        })
    })
}

/// A list that the root did not sign is refused.
pub fn revocation(bytes: &[u8]) {
    if let Ok(list) = RevocationList::verify(bytes, &root().1.root) {
        assert!(listed().iter().any(|genuine| genuine == bytes));
        assert_eq!(list.iter().count(), list.len());
        assert!(list.iter().all(|entry| list.revoked_from_s(entry.dev_eui) == Some(entry.from_s)));
    }
}

/// Lists to start from.
pub fn revocation_seeds() -> Vec<Vec<u8>> {
    listed().to_vec()
}
