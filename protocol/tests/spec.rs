//! The golden vectors of `SPEC.md`, chapter "Vectors". They were not computed by this code: HKDF, AES-CCM, AES-GCM
//! and Ed25519 come from OpenSSL 3, and the records were written by bincode's published rules.
#![allow(missing_docs, clippy::unwrap_used)]
use chirrup_protocol::backhaul::{self, BackhaulKey, Downlink, Receipt, Reception, Uplink, UplinkId};
use chirrup_protocol::ids::{DevAddr, DevEui, GatewayId, TaskId};
use chirrup_protocol::manifest::{MANIFEST_BYTES, Manifest, TrustAnchor, sha256};
use chirrup_protocol::object::ObjectKind;
use chirrup_protocol::region::DataRate;
use chirrup_protocol::seal::{Binding, DeviceSecret, Direction, Header, MAX_MESSAGE_BYTES, open, seal};
use chirrup_protocol::time::Instant;
use ed25519_dalek::SigningKey;

const DEV_EUI: DevEui = DevEui::from_u64(0x70b3_d57e_d000_0001);
const GATEWAY: GatewayId = GatewayId([0x00, 0x16, 0xc0, 0x01, 0xff, 0x10, 0xa2, 0x35]);

fn bytes(digits: &str) -> Vec<u8> {
    hex::decode(digits).expect("the vectors are hexadecimal")
}

fn secret() -> DeviceSecret {
    DeviceSecret::new(core::array::from_fn(|index| index as u8))
}

/// Seals and opens, and compares both with the vector.
fn check_seal(binding: Binding, counter: u64, message: &str, sealed: &str) {
    let key = secret().frame_key(binding.dev_eui, binding.epoch, binding.direction);
    let mut frame = [0; 242];
    let length = seal(&key, binding, counter, &bytes(message), &mut frame).unwrap();
    assert_eq!(hex::encode(&frame[..length]), sealed);
    let mut opened = [0; MAX_MESSAGE_BYTES];
    assert_eq!(Header::parse(&frame[..length]).unwrap().counter(counter), counter);
    let length = open(&key, binding, counter, &bytes(sealed), &mut opened).unwrap();
    assert_eq!(hex::encode(&opened[..length]), message);
}

#[test]
fn an_uplink_is_sealed_as_specified() {
    let binding = Binding { dev_eui: DEV_EUI, epoch: 5, direction: Direction::Up, fport: 1 };
    check_seal(binding, 70_000, "32102039aabb", "50701185fe191bfca01aaea7b53df22194");
}

#[test]
fn a_downlink_is_sealed_as_specified() {
    let binding = Binding { dev_eui: DEV_EUI, epoch: 0, direction: Direction::Down, fport: 17 };
    check_seal(binding, 0, "01040708", "400000fec8afe2cbacef0ab221583b");
}

#[test]
fn a_manifest_is_signed_as_specified() {
    let key = SigningKey::from_bytes(&[3; 32]);
    let object = [5; 60];
    let manifest = Manifest {
        kind: ObjectKind::Model,
        task: TaskId(1),
        codec: 6,
        version: 9,
        parent: [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef],
        object_bytes: 60,
        key_id: 0,
        expires_s: 100,
        sha256: sha256(&object),
    };
    let signed = "01010106090000000123456789abcdef3c000000000064000000\
                  4b6d8ddac4d6ef0873569206b72f97c0f1b19ef8296b7d95c3f461043ad0b82a";
    let signature = "26d83ad14592a722a03e02dd98c15ec44506cff54c117f9fdcd301802a6773684\
                     a27a31ef9d843f3c2b8060e5fc49f132d48b115cbc3ab640a3bdaca71618504";
    let expected = bytes(&format!("{signed}{signature}"));
    assert_eq!(expected.len(), MANIFEST_BYTES);
    assert_eq!(manifest.sign(&key)[..], expected);
    let public_key = bytes("ed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d1");
    let anchor = TrustAnchor::new(public_key.as_slice().try_into().unwrap()).unwrap();
    assert_eq!(Manifest::verify(&expected, &object, &anchor), Ok(manifest));
}

#[test]
fn an_uplink_record_is_encoded_as_specified() {
    let uplink = Uplink {
        id: UplinkId(300),
        received_at: Instant::from_micros(1_700_000_000_000_000),
        dev_eui: DEV_EUI,
        dev_addr: DevAddr([0x26, 0x01, 0x1b, 0xda]),
        fcnt: 70_000,
        fport: 1,
        data_rate: DataRate(3),
        receptions: vec![Reception { gateway: GATEWAY, rssi_dbm: -113, snr_tenth_db: -55 }],
        payload: bytes("400000aabb"),
    };
    let expected = "fb2c01fd00401e18240a060070b3d57ed000000126011bdafc701101000103\
                    010016c001ff10a235e16d05400000aabb";
    assert_eq!(hex::encode(backhaul::encode(&uplink)), expected);
    assert_eq!(backhaul::decode(&bytes(expected)), Some(uplink));
}

#[test]
fn an_envelope_is_sealed_as_specified() {
    let dev_eui = DevEui::from_u64(0x0102_0304_0506_0708);
    let downlink = Downlink { dev_eui, fport: 17, payload: vec![0xaa, 0xbb] };
    let receipt = Receipt { id: UplinkId(300), dev_eui, downlink: Some(downlink) };
    let topic = backhaul::Topics::new("chirrup/v1").receipt(GATEWAY);
    assert_eq!(topic, "chirrup/v1/receipt/0016c001ff10a235");
    let key = BackhaulKey::new([7; 32]);
    let expected = "010101010101010101010101018dcd88b692bce80bd7d3d42071357335adfd13fc\
                    099591a872a6205fd3b47ac6bab3e074a3ef950e";
    assert_eq!(hex::encode(backhaul::seal(&key, [1; 12], &topic, &receipt)), expected);
    assert_eq!(backhaul::open(&key, &topic, &bytes(expected)), Ok(receipt));
}
