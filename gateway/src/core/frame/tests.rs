//! Golden vectors. Those marked (L) come from the tests of the `lorawan` crate (lora-rs, formerly rust-lorawan),
//! whose cryptography shares nothing with `lrwn`; those marked (C) from the documentation of ChirpStack's `lrwn`,
//! where they were taken over from its Go predecessor.
use super::super::mac_commands::Commands;
use super::super::record::Session;
use super::*;
use chirrup_protocol::ids::DevEui;
use chirrup_protocol::region::DataRate;

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    hex::decode(text.replace(' ', "")).unwrap().try_into().unwrap()
}

fn session(dev_addr: &str, nwk_s_key: Key, app_s_key: Key) -> Session {
    Session {
        dev_addr: DevAddr(bytes(dev_addr)),
        nwk_s_key,
        app_s_key,
        rx1_delay_s: 0,
        rx2_data_rate: DataRate(0),
        fcnt_up: None,
        fcnt_down: 1,
    }
}

fn join_request(phy: &str) -> JoinRequest {
    match parse(&hex::decode(phy.replace(' ', "")).unwrap()) {
        Ok(UplinkFrame::Join(request)) => request,
        other => panic!("not a join request: {other:?}"),
    }
}

fn data_up(phy: &str) -> DataUp {
    match parse(&hex::decode(phy.replace(' ', "")).unwrap()) {
        Ok(UplinkFrame::Data(frame)) => frame,
        other => panic!("not a data frame: {other:?}"),
    }
}

/// (L) `phy_join_request_payload`, (C) the join request of `PhyPayload`.
#[test]
fn join_requests_parse_and_authenticate() {
    let request = join_request("00 0403020104030201 0504030205040302 2d10 6a990e12");
    assert_eq!(request.dev_eui, DevEui::from_u64(0x0203_0405_0203_0405));
    assert_eq!(request.dev_nonce, 0x102d);
    assert!(request.is_authentic(Key([1; 16])));
    assert!(!request.is_authentic(Key([2; 16])));

    let request = join_request("00 0101010101010101 0202020202020202 0303 09b97b32");
    assert_eq!(request.dev_nonce, 771);
    assert!(request.is_authentic(Key(bytes("0102030405060708090a0b0c0d0e0f10"))));
}

/// (L) `phy_join_accept_payload` with `test_join_accept_creator`.
#[test]
fn a_join_accept_has_the_published_bytes() {
    let request = join_request("00 0403020104030201 0504030205040302 2d10 6a990e12");
    let app_key = Key(bytes("00112233445566778899aabbccddeeff"));
    let session = session("02031980", Key([0; 16]), Key([0; 16]));
    let accept = request.accept(app_key, NetId(bytes("221101")), 0x57_0bc7, &session, None);
    assert_eq!(hex::encode(&accept), "20493eeb51fba2116f810edb3742975142");
    assert_eq!(accept.len(), join_accept_bytes(None));
}

/// (C) the LoRaWAN 1.0 join accept of `PhyPayload`.
#[test]
fn another_join_accept_has_the_published_bytes() {
    let request = join_request("00 0102030405060708 0202020202020202 0201 00000000");
    let app_key = Key(bytes("0102030405060708090a0b0c0d0e0f10"));
    let session = session("01020304", Key([0; 16]), Key([0; 16]));
    let accept = request.accept(app_key, NetId(bytes("020202")), 65_793, &session, None);
    assert_eq!(hex::encode(accept), "2023cf335489aae3183c0be0baa8dee5f3");
}

/// (L) `test_derive_newskey` and `test_derive_appskey`.
#[test]
fn session_keys_are_derived_as_published() {
    let request = join_request("00 0403020104030201 0504030205040302 2d10 6a990e12");
    let app_key = Key(bytes("00112233445566778899aabbccddeeff"));
    let (nwk_s_key, app_s_key) = request.session_keys(app_key, NetId(bytes("221101")), 0x57_0bc7);
    assert_eq!(nwk_s_key.0, bytes("7bb25f89e0d1371e1fbf4d997e1468a3"));
    assert_eq!(app_s_key.0, bytes("148820dfb1e0c9d6289cde16c1af249f"));
}

/// (L) `phy_dataup_payload`.
#[test]
fn an_uplink_authenticates_and_decrypts() {
    let session = session("01020304", Key([2; 16]), Key([1; 16]));
    let mut frame = data_up("40 04030201 80 0100 01 a694642615 d6c3b582");
    assert_eq!((frame.dev_addr, frame.fcnt_low), (session.dev_addr, 1));
    assert_eq!(frame.acknowledgement, Acknowledgement::NotRequested);
    assert!(!frame.is_authentic(session.nwk_s_key, 1 + (1 << 16)));
    assert!(frame.is_authentic(session.nwk_s_key, 1));
    let content = frame.content(&session, 1);
    assert_eq!(
        content,
        Content { application: Some((1, b"hello".to_vec())), mac_commands: Some(Commands::default()) }
    );
}

/// (C) the confirmed uplink of `PhyPayload`, with `DevStatusAns` in FOpts.
#[test]
fn a_confirmed_uplink_with_options_authenticates_and_decrypts() {
    let nwk_s_key = Key(bytes("0102030405060708090a0b0c0d0e0f10"));
    let session = session("01020304", nwk_s_key, Key(bytes("100f0e0d0c0b0a090807060504030201")));
    let mut frame = data_up("80 04030201 03 0000 067307 0a e264d4f7 e117d2c0");
    assert_eq!(frame.acknowledgement, Acknowledgement::Requested);
    assert!(frame.is_authentic(session.nwk_s_key, 0));
    let content = frame.content(&session, 0);
    assert_eq!(content.application, Some((10, vec![1, 2, 3, 4])));
    assert_eq!(content.mac_commands.unwrap().names, ["DevStatusAns"]);
}

/// (C) the LoRaWAN 1.0 downlink of `PhyPayload` on port 226: what it carries is only bytes to us.
#[test]
fn a_downlink_has_the_published_bytes() {
    let key = Key(bytes("08070605040302010807060504030201"));
    let session = session("01020304", key, key);
    let payload: [u8; 17] = bytes("2023cf335489aae3183c0be0baa8dee5f3");
    let frame = DataDown {
        link_adr: None,
        fcnt: 10,
        acknowledgement: Acknowledgement::NotRequested,
        application: Some((226, &payload)),
    };
    let expected = "60 04030201 00 0a00 e2 c9604164c97d76f9ea8e1a792ba0879b85 243e5af5".replace(' ', "");
    assert_eq!(hex::encode(frame.encode(&session)), expected);
    assert_eq!(frame.encode(&session).len(), data_down_bytes(Some(17)));
}

#[test]
fn what_no_device_may_send_is_named() {
    let table = [
        ("", Reason::Empty),
        ("40", Reason::Malformed),
        ("41 04030201 80 0100 01 a694642615 d6c3b582", Reason::Malformed),
        ("44 04030201 80 0100 01 a694642615 d6c3b582", Reason::Malformed),
        ("40 04030201 8f 0100 01 a694642615 d6c3b582", Reason::Malformed),
        ("40 04030201 01 0100 02 00 a6 d6c3b582", Reason::Malformed),
        ("60 04030201 80 0100 01 a694642615 d6c3b582", Reason::UnexpectedMType),
        ("20 493eeb51fba2116f810edb37 42975142", Reason::UnexpectedMType),
        ("e0 010203", Reason::UnexpectedMType),
        ("00 0403020104030201 0504030205040302 2d 6a990e12", Reason::Malformed),
    ];
    for (phy, reason) in table {
        assert_eq!(parse(&hex::decode(phy.replace(' ', "")).unwrap()).unwrap_err(), reason, "{phy}");
    }
}

#[test]
fn addresses_carry_their_network() {
    // NetID 000001 has the 7 bits 0000001 in front of each address (RP-LoRaWAN back-end, type 0).
    let net_id = NetId([0, 0, 1]);
    assert_eq!(address_in_network(0xffff_ffff, net_id), DevAddr([0x03, 0xff, 0xff, 0xff]));
    assert!(is_of_network(DevAddr([0x02, 0, 0, 9]), net_id));
    assert!(!is_of_network(DevAddr([0x04, 0, 0, 9]), net_id));
}
