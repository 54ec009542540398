//! Datagrams as the protocol's own document has them (Lora-net/packet_forwarder, PROTOCOL.TXT, chapters 3 to 6).
use super::*;
use crate::core::ReceiveWindow;
use chirrup_protocol::ids::DevEui;
use chirrup_protocol::time::Instant;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn datagram(identifier: u8, json: &str) -> Vec<u8> {
    let mut bytes = vec![2, 0xab, 0xcd, identifier, 0xaa, 0x55, 0x5a, 0, 0, 0, 1, 1];
    bytes.extend(json.as_bytes());
    bytes
}

fn push(json: &str) -> Pushed {
    match parse(&datagram(0, json)).unwrap().body {
        Body::Push(pushed) => pushed,
        other => panic!("{other:?}"),
    }
}

/// The example of chapter 4, which also holds an FSK frame, with a first frame whose CRC is good.
#[test]
fn frames_are_read_one_by_one() {
    let json = r#"{"rxpk":[
        {"time":"2013-03-31T16:21:17.528002Z","tmst":3512348611,"chan":2,"rfch":0,"freq":866.349812,"stat":1,
         "modu":"LORA","datr":"SF7BW125","codr":"4/6","rssi":-35,"lsnr":5.1,"size":32,
         "data":"-DS4CGaDCdG+48eJNM3Vai-zDpsR71Pn9CPA9uCON84"},
        {"tmst":3512348514,"chan":9,"rfch":1,"freq":869.1,"stat":1,"modu":"FSK","datr":50000,"rssi":-75,
         "size":16,"data":"VEVTVF9QQUNLRVRfMTIzNA=="},
        {"tmst":3316387610,"chan":0,"rfch":0,"freq":863.00981,"stat":1,"modu":"LORA","datr":"SF10BW125",
         "codr":"4/7","rssi":-38,"lsnr":-5.5,"size":10,"data":"VEVTVF9QQUNLRVRfMTIzNA=="},
        {"tmst":1,"chan":0,"rfch":0,"freq":868.1,"stat":-1,"modu":"LORA","datr":"SF12BW125","codr":"4/5",
         "rssi":-120,"lsnr":-20,"size":16,"data":"VEVTVF9QQUNLRVRfMTIzNA=="}]}"#;
    let pushed = push(json);
    // The first is in the document's own unpadded, URL-safe base64, which no forwarder sends.
    assert_eq!((pushed.unreadable, pushed.crc_failed, pushed.frames()), (2, 1, 4));
    let expected = Heard {
        concentrator: GatewayId([0xaa, 0x55, 0x5a, 0, 0, 0, 1, 1]),
        phy: b"TEST_PACKET_1234".to_vec(),
        frequency_hz: 863_009_810,
        modulation: Modulation { spreading_factor: 10, bandwidth_hz: 125_000, coding_rate: 3 },
        rssi_dbm: -38,
        snr_tenth_db: -55,
        counter_us: 3_316_387_610,
    };
    assert_eq!(pushed.heard, [expected]);
}

#[test]
fn a_status_report_holds_no_frames() {
    let json =
        r#"{"stat":{"time":"2014-01-12 08:59:28 GMT","lati":46.24,"rxnb":2,"rxok":2,"rxfw":2,"ackr":100.0}}"#;
    assert_eq!(push(json), Pushed::default());
}

#[test]
fn acknowledgements_echo_the_token() {
    let pushed = parse(&datagram(0, "{}")).unwrap();
    assert_eq!(acknowledgement(&pushed), Some(vec![2, 0xab, 0xcd, 1]));
    let pull = parse(&datagram(2, "")).unwrap();
    assert_eq!(acknowledgement(&pull), Some(vec![2, 0xab, 0xcd, 4]));
}

#[test]
fn refusals_are_told_from_acceptance() {
    let table = [
        ("", Ok(())),
        ("\0", Ok(())),
        (r#"{"txpk_ack":{"error":"NONE"}}"#, Ok(())),
        (r#"{"txpk_ack":{"warn":"TX_POWER","value":20}}"#, Ok(())),
        (r#"{"txpk_ack":{"error":"TOO_LATE"}}"#, Err(Refusal::TooLate)),
        (r#"{"txpk_ack":{"error":"COLLISION_PACKET"}}"#, Err(Refusal::Collision)),
        (r#"{"txpk_ack":{"error":"TX_FREQ"}}"#, Err(Refusal::NotSupported)),
    ];
    for (json, expected) in table {
        match parse(&datagram(5, json)).unwrap().body {
            Body::TxAck(result) => assert_eq!(result, expected, "{json}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_request_has_the_bytes_of_the_protocol() {
    let transmission = Transmission {
        token: 0x1_2345,
        concentrator: GatewayId([1; 8]),
        dev_eui: DevEui([1; 8]),
        window: ReceiveWindow::Rx2,
        at: Instant::ZERO,
        counter_us: 3_512_348_611,
        frequency_hz: 869_525_000,
        modulation: Modulation::lorawan(9, 125_000),
        power_dbm: 27,
        phy: b"TEST_PACKET_1234".to_vec(),
    };
    let bytes = request(transmission.token as u16, &transmission).unwrap();
    assert_eq!(bytes[..4], [2, 0x23, 0x45, 3]);
    let json: serde_json::Value = serde_json::from_slice(&bytes[4..]).unwrap();
    let expected = serde_json::json!({"txpk": {
        "imme": false, "tmst": 3_512_348_611_u32, "freq": 869.525, "rfch": 0, "powe": 27, "modu": "LORA",
        "datr": "SF9BW125", "codr": "4/5", "ipol": true, "prea": 8, "size": 16,
        "data": "VEVTVF9QQUNLRVRfMTIzNA==", "ncrc": true,
    }});
    assert_eq!(json, expected);
}

#[test]
fn what_is_not_of_the_protocol_is_malformed() {
    let table: [&[u8]; 7] = [
        &[],
        &[2, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7],
        &datagram(0, ""),
        &datagram(0, "{"),
        &datagram(0, r#"{"rxpk":7}"#),
        &datagram(3, "{}"),
        &datagram(9, "{}"),
    ];
    for bytes in table {
        assert!(parse(bytes).is_err(), "{bytes:?}");
    }
    let mut version_1 = datagram(2, "");
    version_1[0] = 1;
    assert!(parse(&version_1).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn no_datagram_panics(identifier in 0u8..7, json in ".{0,80}", cut in 0usize..100) {
        let mut bytes = datagram(identifier, &json);
        bytes.truncate(cut);
        let _parsed = parse(&bytes).is_ok();
    }

    /// Texts where the protocol has names and numbers.
    #[test]
    fn no_entry_panics(datr in "(SF)?.{0,10}(BW)?.{0,4}", freq in any::<f64>(), lsnr in any::<f32>()) {
        let entry = serde_json::json!({
            "tmst": 1, "chan": 0, "rfch": 0, "freq": freq, "stat": 1, "modu": "LORA", "datr": datr,
            "codr": "4/5", "rssi": i32::MIN, "lsnr": lsnr, "size": 1, "data": "AA==",
        });
        let json = serde_json::json!({"rxpk": [entry]}).to_string();
        let _parsed = parse(&datagram(0, &json)).is_ok();
    }
}
