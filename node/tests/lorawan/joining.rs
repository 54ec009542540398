//! Joining: identities, nonces, and what a JoinAccept may change.
use crate::bench::*;
use crate::network::{Announced, Network};
use chirrup_node::lorawan::*;
use chirrup_protocol::region::{DataRate, Region, UnknownDataRate};
use chirrup_protocol::time::Instant;
use lora_modulation::SpreadingFactor;

fn nonce_of(request: &[u8]) -> u16 {
    Network::of_join(request, 1).0.dev_nonce
}

#[test]
fn a_network_reads_the_identities_and_derives_the_same_keys() {
    let mut bench = Bench::new();
    let joined = bench.join(1, Announced::default()).unwrap();
    let (request, _) = Network::of_join(&bench.air.last().1, 1);
    assert_eq!(request.dev_eui.to_be_bytes(), DEV_EUI.0);
    assert_eq!(request.join_eui.to_be_bytes(), JOIN_EUI);
    assert_eq!(joined.dev_addr.0, crate::network::DEV_ADDR);
    assert_eq!(joined.signal, Signal { rssi_dbm: -80, snr_db: 5 });
    bench.send(b"hello").unwrap();
    assert_eq!(bench.last_uplink(0).payload, b"hello");
}

#[test]
fn dev_nonces_count_from_zero() {
    let mut bench = Bench::new();
    for expected in 0..20 {
        bench.later(3_700);
        assert_eq!(run(bench.node.join(bench.now)), Err(JoinError::NoAccept));
        assert_eq!(nonce_of(&bench.air.last().1), expected);
    }
}

#[test]
fn dev_nonces_are_never_used_twice_across_power_cuts() {
    let mut bench = Bench::new();
    let mut last = None;
    for round in 0..30 {
        bench.later(3_700);
        if round % 3 == 0 {
            bench.air.reply(Reply::Hang);
            assert!(poll_once(bench.node.join(bench.now)).is_none());
        } else {
            assert_eq!(run(bench.node.join(bench.now)), Err(JoinError::NoAccept));
        }
        let nonce = nonce_of(&bench.air.last().1);
        assert!(last < Some(nonce), "{nonce} after {last:?}");
        last = Some(nonce);
        if round % 4 == 0 {
            bench.power_cut();
        }
    }
}

#[test]
fn the_windows_follow_dl_settings_and_rx_delay() {
    let announced = Announced { rx1_offset: 2, rx2_data_rate: 3, rx_delay: 5, cf_list_hz: None, mask: None };
    let mut bench = Bench::joined(announced);
    bench.node.set_data_rate(DataRate(5)).unwrap();
    bench.send(b"x").unwrap();
    let script = bench.air.script();
    let [rx1, rx2] = script.windows[..] else { panic!("two windows") };
    assert_eq!(rx1.rf.bb.sf, SpreadingFactor::_9, "DR5 - 2");
    assert_eq!(rx1.rf.frequency, script.sent[0].0.rf.frequency);
    assert_eq!((rx2.rf.bb.sf, rx2.rf.frequency), (SpreadingFactor::_9, 869_525_000));
    assert_eq!(script.at_ms, [5_000, 6_000]);
}

#[test]
fn the_windows_of_a_join_are_the_regions() {
    let mut bench = Bench::joined(Announced {
        rx1_offset: 2,
        rx2_data_rate: 3,
        rx_delay: 5,
        cf_list_hz: None,
        mask: None,
    });
    bench.later(3_700);
    assert_eq!(run(bench.node.join(bench.now)), Err(JoinError::NoAccept));
    let script = bench.air.script();
    assert_eq!(script.at_ms, [5_000, 6_000]);
    let sf: Vec<_> = script.windows.iter().map(|window| window.rf.bb.sf).collect();
    assert_eq!(sf, [SpreadingFactor::_12; 2], "no offset, RX2 at DR0");
}

#[test]
fn impossible_windows_are_not_adopted() {
    let mut bench = Bench::joined(Announced {
        rx1_offset: 7,
        rx2_data_rate: 15,
        rx_delay: 0,
        cf_list_hz: None,
        mask: None,
    });
    bench.send(b"x").unwrap();
    let script = bench.air.script();
    assert_eq!(script.windows[1].rf.bb.sf, SpreadingFactor::_12);
    assert_eq!(script.at_ms, [1_000, 2_000]);
}

#[test]
fn the_channels_of_the_cf_list_are_used_and_forbidden_ones_are_not() {
    let cf_list_hz = Some([867_100_000, 867_300_000, 915_000_000, 0, 867_900_000]);
    let mut bench = Bench::joined(Announced { cf_list_hz, ..Announced::default() });
    let mut used = std::collections::BTreeSet::new();
    for _ in 0..100 {
        used.insert(bench.send(b"x").unwrap().frequency_hz);
    }
    let expected = [867_100_000, 867_300_000, 867_900_000, 868_100_000, 868_300_000, 868_500_000];
    assert!(used.iter().eq(&expected), "{used:?}");
    // They survive a power cut too.
    bench.power_cut();
    let after: std::collections::BTreeSet<u32> =
        (0..100).map(|_| bench.send(b"x").unwrap().frequency_hz).collect();
    assert_eq!(after, used);
}

#[test]
fn a_forged_join_accept_changes_nothing() {
    let mut bench = Bench::new();
    let mut forged = vec![0x20; 33];
    let honest = Announced { cf_list_hz: Some([867_100_000; 5]), rx_delay: 9, ..Announced::default() };
    forged[17..33].copy_from_slice(&Network::join_accept(1, honest)[17..33]);
    bench.later(3_700);
    bench.air.reply(Reply::Frame(forged));
    bench.air.reply(Reply::Frame(Network::join_accept(2, Announced::default())));
    run(bench.node.join(bench.now)).unwrap();
    assert_eq!(bench.node.counters().discarded.bad_join_accept, 1);
    bench.air.script().at_ms.clear();
    for _ in 0..64 {
        let sent = bench.send(b"x").unwrap();
        assert!([868_100_000, 868_300_000, 868_500_000].contains(&sent.frequency_hz));
    }
    assert_eq!(bench.air.script().at_ms[..2], [1_000, 2_000]);
}

#[test]
fn the_last_join_accept_cannot_be_replayed() {
    let mut bench = Bench::joined(Announced::default());
    assert_eq!(bench.join(1, Announced::default()), Err(JoinError::NoAccept));
    bench.power_cut();
    assert_eq!(bench.join(1, Announced::default()), Err(JoinError::NoAccept));
    bench.join(2, Announced::default()).unwrap();
}

#[test]
fn a_failed_join_keeps_the_session() {
    let mut bench = Bench::joined(Announced::default());
    bench.later(3_700);
    assert_eq!(run(bench.node.join(bench.now)), Err(JoinError::NoAccept));
    assert_eq!(bench.node.standing(), Standing::Joined);
    bench.send(b"still here").unwrap();
    assert_eq!(bench.last_uplink(0).payload, b"still here");
}

#[test]
fn a_new_session_survives_a_power_cut_before_its_first_uplink() {
    let mut bench = Bench::joined(Announced::default());
    bench.power_cut();
    assert_eq!(bench.node.standing(), Standing::Joined);
    let sent = bench.send(b"x").unwrap();
    assert_eq!(bench.last_uplink(sent.fcnt).payload, b"x");
}

#[test]
fn joins_are_charged_to_the_duty_cycle() {
    let mut bench = Bench::new();
    bench.later(3_700);
    // 23 B at SF12 are 1.483 s; 36 s hold 24 of them.
    for _ in 0..24 {
        assert_eq!(run(bench.node.join(bench.now)), Err(JoinError::NoAccept));
    }
    let earliest = bench.node.earliest_join(bench.now);
    assert!(earliest > bench.now);
    assert_eq!(run(bench.node.join(bench.now)), Err(JoinError::DutyCycle { earliest }));
    assert_eq!(bench.air.script().sent.len(), 24);
    assert_eq!(bench.node.counters().joins.frames, 24);
    assert_eq!(bench.node.counters().on_air().as_micros(), 24 * 1_482_752);
}

#[test]
fn the_lowest_and_highest_data_rate_bound_a_node() {
    let mut narrow = config();
    (narrow.lowest_data_rate, narrow.highest_data_rate) = (DataRate(2), DataRate(4));
    let parts = || {
        let air = Air::default();
        Parts { radio: air.clone(), timer: air, rng: Dice(1), store: Flash::default() }
    };
    let mut node = Guard::new(narrow.clone(), parts(), None, Instant::ZERO).unwrap();
    assert_eq!(node.data_rate(), DataRate(2));
    let refused = UnknownDataRate { data_rate: DataRate(5), lowest: DataRate(2), highest: DataRate(4) };
    assert_eq!(node.set_data_rate(DataRate(5)), Err(refused));
    node.set_data_rate(DataRate(4)).unwrap();
    narrow.highest_data_rate = DataRate(7);
    assert!(matches!(
        Guard::new(narrow.clone(), parts(), None, Instant::ZERO).err(),
        Some(RestoreError::DataRate(_))
    ));
    narrow.highest_data_rate = DataRate(1);
    let empty = RestoreError::EmptyRange { lowest: DataRate(2), highest: DataRate(1) };
    assert_eq!(Guard::new(narrow, parts(), None, Instant::ZERO).err(), Some(empty));
    let served = [Region::Eu868, Region::Us915, Region::Au915];
    for region in Region::ALL.into_iter().filter(|region| !served.contains(region)) {
        let abroad = GuardConfig { region, ..config() };
        let refused = Guard::new(abroad, parts(), None, Instant::ZERO).err().unwrap();
        assert_eq!(
            refused.to_string(),
            format!("nodes do not run in {region}, only in EU868, US915 and AU915")
        );
    }
}
