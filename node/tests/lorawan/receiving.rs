//! Downlinks: acknowledgements, replays, forgeries, and what a radio may do wrong.
use crate::bench::*;
use crate::network::{Announced, Down};
use chirrup_node::lorawan::*;

fn payload_of(sent: &Sent) -> Option<&[u8]> {
    Some(&sent.downlink.as_ref()?.message.as_ref()?.payload)
}

#[test]
fn a_downlink_arrives_with_its_port_and_signal() {
    let mut bench = Bench::joined(Announced::default());
    let sent = bench.hear(&Down { more_pending: true, ..Down::data(0, b"model") });
    let downlink = sent.downlink.unwrap();
    assert_eq!((downlink.fcnt, downlink.more_pending), (0, true));
    assert_eq!(downlink.signal, Signal { rssi_dbm: -80, snr_db: 5 });
    let message = downlink.message.unwrap();
    assert_eq!((message.fport, &message.payload[..]), (9, &b"model"[..]));
    assert_eq!(bench.node.counters().downlinks, 2, "with the JoinAccept");
}

#[test]
fn the_largest_downlink_fits() {
    let mut bench = Bench::joined(Announced::default());
    let sent = bench.hear(&Down::data(0, &[7; 242]));
    assert_eq!(payload_of(&sent), Some(&[7; 242][..]));
}

#[test]
fn rx2_is_heard_when_rx1_brings_nothing() {
    let mut bench = Bench::joined(Announced::default());
    bench.air.reply(Reply::Nothing);
    bench.air.reply(Reply::Frame(bench.network.downlink(&Down::data(0, b"late"))));
    assert_eq!(payload_of(&bench.send(b"x").unwrap()), Some(&b"late"[..]));
}

#[test]
fn only_the_ack_bit_acknowledges() {
    let mut bench = Bench::joined(Announced::default());
    let cases = [
        (None, Acknowledgement::Missing),
        (Some(Down::data(0, b"no ack")), Acknowledgement::Missing),
        (Some(Down { ack: true, ..Down::data(1, b"with data") }), Acknowledgement::Received),
        (Some(Down { ack: true, fcnt: 2, ..Down::default() }), Acknowledgement::Received),
    ];
    for (down, expected) in cases {
        if let Some(down) = down {
            bench.air.reply(Reply::Frame(bench.network.downlink(&down)));
        }
        let sent = bench.send_as(b"x", Confirmation::Requested).unwrap();
        assert_eq!(sent.acknowledgement, expected);
        assert!(bench.last_uplink(sent.fcnt).confirmed);
    }
    let plain = bench.hear(&Down { ack: true, fcnt: 3, ..Down::default() });
    assert_eq!(plain.acknowledgement, Acknowledgement::NotRequested);
}

#[test]
fn a_confirmed_downlink_is_acknowledged_once_and_across_a_power_cut() {
    let mut bench = Bench::joined(Announced::default());
    bench.hear(&Down { confirmed: true, ..Down::data(0, b"please confirm") });
    assert!(bench.last_uplink(0).fopts.is_empty() && !bench.last_uplink(0).ack);
    bench.send(b"x").unwrap();
    assert!(bench.last_uplink(1).ack);
    bench.send(b"x").unwrap();
    assert!(!bench.last_uplink(2).ack);
    bench.hear(&Down { confirmed: true, ..Down::data(1, b"and this") });
    run(bench.node.checkpoint(bench.now)).unwrap();
    bench.power_cut();
    let sent = bench.send(b"x").unwrap();
    assert!(bench.last_uplink(sent.fcnt).ack);
}

#[test]
fn an_acknowledgement_and_answers_outlive_a_failing_radio() {
    let mut bench = Bench::joined(Announced::default());
    bench.hear(&Down { confirmed: true, ..Down::commands(0, &[0x06]) });
    bench.air.script().tx_fails = true;
    assert!(bench.send(b"x").is_err());
    bench.air.script().tx_fails = false;
    let sent = bench.send(b"x").unwrap();
    let up = bench.last_uplink(sent.fcnt);
    assert_eq!((up.ack, up.fopts), (true, vec![0x06, 255, 5]));
}

#[test]
fn no_downlink_is_accepted_twice() {
    let mut bench = Bench::joined(Announced::default());
    for fcnt in [0, 1, 5] {
        let down = Down::data(fcnt, b"once");
        assert_eq!(payload_of(&bench.hear(&down)), Some(&b"once"[..]));
        for replay in 0..=fcnt {
            assert_eq!(bench.hear(&Down::data(replay, b"twice")).downlink, None);
        }
    }
    assert_eq!(bench.node.counters().discarded.replayed, 1 + 2 + 6);
}

#[test]
fn a_stored_downlink_counter_survives_a_power_cut() {
    let mut bench = Bench::joined(Announced::default());
    bench.hear(&Down::data(7, b"once"));
    run(bench.node.checkpoint(bench.now)).unwrap();
    bench.power_cut();
    assert_eq!(bench.hear(&Down::data(7, b"once")).downlink, None);
    assert!(bench.hear(&Down::data(8, b"next")).downlink.is_some());
}

#[test]
fn an_uplink_sent_back_is_discarded() {
    let mut bench = Bench::joined(Announced::default());
    for _ in 0..3 {
        bench.send(b"x").unwrap();
    }
    let own = bench.air.last().1;
    assert_eq!(bench.hear_raw(own).downlink, None);
    assert_eq!(bench.node.counters().discarded.reflected, 1);
    assert!(bench.hear(&Down::data(0, b"genuine")).downlink.is_some());
}

#[test]
fn a_wrong_mic_or_a_foreign_frame_is_discarded() {
    let mut bench = Bench::joined(Announced::default());
    let good = bench.network.downlink(&Down::data(0, b"x"));
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x04;
        assert_eq!(bench.hear_raw(bad).downlink, None, "byte {at}");
    }
    assert_eq!(bench.hear_raw(Vec::new()).downlink, None);
    let discarded = bench.node.counters().discarded;
    assert_eq!(discarded.foreign + discarded.bad_mic + discarded.reflected, good.len() as u32 + 1);
    assert!(bench.hear_raw(good).downlink.is_some(), "none of it did harm");
}

#[test]
fn the_node_says_when_downlink_counters_end() {
    let mut bench = Bench::joined(Announced::default());
    assert!(bench.hear(&Down::data(65_278, b"x")).downlink.is_some());
    assert_eq!(bench.node.standing(), Standing::Joined);
    assert!(bench.hear(&Down::data(65_280, b"x")).downlink.is_some());
    assert_eq!(bench.node.standing(), Standing::JoinAgain);
    assert!(bench.hear(&Down::data(65_535, b"last")).downlink.is_some());
    // The stack knows 16 bits; not repairable from outside.
    assert_eq!(bench.hear(&Down::data(65_536, b"x")).downlink, None);
    bench.join(2, Announced::default()).unwrap();
    assert_eq!(bench.node.standing(), Standing::Joined);
    assert!(bench.hear(&Down::data(0, b"new session")).downlink.is_some());
}

#[test]
fn a_driver_that_claims_too_much_is_not_believed() {
    let mut bench = Bench::joined(Announced::default());
    for claim in [257, 300, usize::MAX] {
        bench.air.reply(Reply::Claim(claim));
        assert_eq!(bench.send(b"x").unwrap().downlink, None);
    }
    assert_eq!(bench.node.counters().discarded.oversized, 3);
}

#[test]
fn a_failing_radio_spends_the_counter_and_says_how_far_it_came() {
    let mut bench = Bench::joined(Announced::default());
    bench.air.reply(Reply::Failure);
    assert_eq!(bench.send(b"x"), Err(SendError::Receive(RadioFailed)));
    bench.air.script().tx_fails = true;
    assert_eq!(bench.send(b"x"), Err(SendError::Transmit(RadioFailed)));
    assert_eq!(run(bench.node.join(bench.now)), Err(JoinError::Transmit(RadioFailed)));
    bench.air.script().tx_fails = false;
    assert_eq!(bench.send(b"x").unwrap().fcnt, 2);
    assert_eq!(bench.last_uplink(2).payload, b"x");
}
