//! The golden vectors of `SPEC.md`, chapter "Identity and keys", both ways. They were computed with OpenSSL 3 and
//! Python's hashlib, not by this code.
#![allow(missing_docs, clippy::unwrap_used)]
use chirrup_protocol::identity::revocation::{self, Revocation, RevocationList};
use chirrup_protocol::identity::{AggregatorKeys, AgreementKey, Enrolment, NodeKeys, enrolment};
use chirrup_protocol::ids::DevEui;
use chirrup_protocol::manifest::{Manifest, TrustAnchor};
use ed25519_dalek::SigningKey;

const DEV_EUI: DevEui = DevEui::from_u64(0x70b3_d57e_d000_0001);
const ENROLMENT: &str = "70b3d57ed0000001c38eddf9abe6aafd5b3362f01b7260b7da4da1a7beb3f25f6e71919f52a39bb81dc447ea887ef460\
     82a7512ae8460f21bcaa1ff6aee42c3e9ec2fc7a25d0954ab60dfe73a5dc7af0c9f0e761c81c20b6266a8172cd4dcacc\
     dfa6785a470db26dde42d44053954c7e7de4c758343a232de271fb5a9172579cf6acf12930fd7d0a";
const ENROLMENT_TEXT: &str = "CHIRRUP-E1:6BEO:QDDQ100MWOZ2S-WLXRL$NB%MC6L39AC+QRSJK*4O$SUD/DJII5KA*UJFY3549MBH\
     A+UCNGXBAHGT3-1D%N$14.4MVQ573KE-V5Z4D*IU0NO7WP/KHOF NPDBTIDP464O%4IGG.\
     .PVSPECSU9F9:82PMI4SL$QMPA7U98-F29P5R65K49SS-YVJHII3BD8V.LUV86F F";
const WELCOME: &str = "50a61409b1ddd0325e9b16b700e719e9772c07000b1bd7786e907c653d20495ded4928c628d1c2c6eae9033890599561\
     2959273a5c63f93636c14614ac8737d100000000";
const WELCOME_TEXT: &str = "CHIRRUP-W1: 8A:N2%LMIEQ9/BA*2650IC3/2F$*08I1ZAR:/DUWFXW7GC9+:T/659752SOHVTEI08BI *IAA57/4QUBXMVM-6U%8M LO27000000";
const DEVICE_SECRET: &str = "641c6c0681f4fc14c0428a31e569deb3145b0f0ca109221290319a29055659d0";
const NEXT_DEVICE_SECRET: &str = "4c518605cad7ee7763f27617331bbd57c17861f660a84380fe532c9b3ff914f9";
const KEYS_OBJECT: &str = "01f5b2d6e60f9477e310c2982daaa6c9136c108a1777c5947e448fa37d68174557ea4a6c63e29c520abef5507b132ec5\
     f9954776aebebe7b92421eea691446d22c01000000";
const KEYS_MANIFEST: &str = "0102000001000000000000000000000045000000000064000000d93940a2c61fdf2a921bc44c67a3b70bb5d1861eb16c\
     51bc2c65cdd1ac797ea2de494e52fa0539dc503e7ca0cc217afd875acbfd5c65d3226da85064f61377ce846a66e06708\
     221f2d58bc1a7574de767a4f19db8a14a1100e8ef4a3c4e6c504";
const REVOCATIONS: &str = "63686972727570207265766f636174696f6e0107000000020070b3d57ed000000100f1536570b3d57ed0000002640000\
     00cdfa8019a0caae74134d70a2b00540a7c8382e95f3bd320c02ae92c36478661ad45e79e684308cd3ad7b1c49333c34\
     2557aac941e1d6c97073b473b317893601";

fn bytes(digits: &str) -> Vec<u8> {
    hex::decode(digits).expect("the vectors are hexadecimal")
}

fn node() -> NodeKeys {
    NodeKeys::from_seed(&core::array::from_fn(|index| index as u8))
}

fn root() -> SigningKey {
    SigningKey::from_bytes(&[3; 32])
}

fn keys() -> AggregatorKeys {
    let agreement = AgreementKey::new([5; 32]).public_key();
    AggregatorKeys { agreement, root: TrustAnchor::of(&root()), generation: 0 }
}

fn next_keys() -> AggregatorKeys {
    let agreement = AgreementKey::new([6; 32]).public_key();
    let root = TrustAnchor::of(&SigningKey::from_bytes(&[7; 32]));
    AggregatorKeys { agreement, root, generation: 1 }
}

#[test]
fn a_node_enrols_as_specified() {
    let enrolment = Enrolment::sign(DEV_EUI, &node());
    assert_eq!(hex::encode(enrolment), ENROLMENT);
    let mut text = [0; enrolment::ENROLMENT_CHARACTERS];
    assert_eq!(enrolment::write_text(&enrolment, &mut text), ENROLMENT_TEXT);
    for read in [Enrolment::verify(&bytes(ENROLMENT)), Enrolment::verify_text(ENROLMENT_TEXT)] {
        let read = read.unwrap();
        assert_eq!(read.dev_eui, DEV_EUI);
        assert_eq!(read.agreement, node().agreement().public_key());
        assert_eq!(read.identity, TrustAnchor::of(node().identity()));
    }
    let seed = "5d5d76f1b50d631f307027aeca4af040bf27f7ff9d287c3e434955cfaec13eb5";
    assert_eq!(hex::encode(node().identity().to_bytes()), seed);
    let scalar = bytes("acdbbc8dba4faf660b6d3c8fdcc1bc4611ad21248525ee3e401adc5c374b84ef");
    let agreement = AgreementKey::new(scalar.try_into().unwrap());
    assert_eq!(agreement.public_key(), node().agreement().public_key());
}

#[test]
fn a_node_is_welcomed_as_specified() {
    assert_eq!(hex::encode(keys().to_welcome()), WELCOME);
    let mut text = [0; chirrup_protocol::identity::aggregator_keys::WELCOME_CHARACTERS];
    assert_eq!(keys().write_text(&mut text), WELCOME_TEXT);
    assert_eq!(AggregatorKeys::from_welcome(&bytes(WELCOME)), Ok(keys()));
    assert_eq!(AggregatorKeys::from_text(WELCOME_TEXT), Ok(keys()));
}

#[test]
fn both_sides_derive_the_secret_that_is_specified() {
    let node_key = node().agreement().public_key();
    for (scalar, keys, secret) in
        [([5; 32], keys(), DEVICE_SECRET), ([6; 32], next_keys(), NEXT_DEVICE_SECRET)]
    {
        let here = AgreementKey::new(scalar).device_secret(DEV_EUI, node_key, keys.generation).unwrap();
        assert_eq!(hex::encode(here.expose()), secret);
        assert_eq!(node().device_secret(DEV_EUI, &keys), Ok(here));
    }
}

#[test]
fn keys_are_handed_over_as_specified() {
    let (manifest, object) = next_keys().publish(100, &root());
    assert_eq!((hex::encode(manifest), hex::encode(object)), (KEYS_MANIFEST.into(), KEYS_OBJECT.into()));
    let manifest = Manifest::verify(&bytes(KEYS_MANIFEST), &bytes(KEYS_OBJECT), &keys().root).unwrap();
    assert_eq!(keys().successor(&manifest, &bytes(KEYS_OBJECT)), Ok(next_keys()));
}

#[test]
fn a_revocation_list_is_signed_as_specified() {
    let second = DevEui::from_u64(0x70b3_d57e_d000_0002);
    let entries =
        [Revocation { dev_eui: DEV_EUI, from_s: 1_700_000_000 }, Revocation { dev_eui: second, from_s: 100 }];
    let mut list = [0; revocation::list_bytes(2)];
    assert_eq!(revocation::sign(7, &entries, &root(), &mut list), Ok(113));
    assert_eq!(hex::encode(list), REVOCATIONS);
    let list = bytes(REVOCATIONS);
    let list = RevocationList::verify(&list, &TrustAnchor::of(&root())).unwrap();
    assert_eq!((list.number(), list.revoked_from_s(second)), (7, Some(100)));
    assert!(list.iter().eq(entries));
}
