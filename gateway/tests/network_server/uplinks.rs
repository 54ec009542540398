use super::bench::*;
use super::node::{Confirm, Node};
use chirrup_gateway::core::*;
use chirrup_protocol::backhaul::Reception;
use chirrup_protocol::region::DataRate;
use chirrup_protocol::time::Duration;
use lorawan::maccommandcreator::LinkADRAnsCreator;

fn joined(concentrators: &[chirrup_protocol::ids::GatewayId]) -> (Bench, Node) {
    let mut node = Node::new(1);
    let mut bench = Bench::new(config(concentrators, &[&node]));
    bench.join(&mut node);
    bench.sent.clear();
    (bench, node)
}

#[test]
fn an_uplink_is_forwarded_decrypted() {
    let (mut bench, mut node) = joined(&[HERE]);
    bench.hear_here(node.uplink(17, b"what I learnt", Confirm::No));
    let [uplink] = bench.forwarded.as_slice() else { panic!("one uplink") };
    assert_eq!((uplink.dev_eui, uplink.fcnt, uplink.fport), (node.dev_eui, 0, 17));
    assert_eq!(uplink.payload, b"what I learnt");
    assert_eq!((uplink.data_rate, uplink.received_at), (DataRate(5), bench.now));
    assert_eq!(uplink.receptions, [Reception { gateway: HERE, rssi_dbm: -80, snr_tenth_db: 50 }]);
}

#[test]
fn a_replay_is_refused_across_restarts_too() {
    let (mut bench, mut node) = joined(&[HERE]);
    let first = node.uplink(1, b"a", Confirm::No);
    let second = node.uplink(1, b"b", Confirm::No);
    bench.hear_here(second.clone());
    bench.hear_here(second.clone());
    bench.hear_here(first.clone());
    assert_eq!(bench.count(Reason::Replayed), 2);
    bench.restart();
    bench.hear_here(second);
    bench.hear_here(first);
    assert_eq!(bench.count(Reason::Replayed), 2);
    assert_eq!(bench.forwarded.len(), 1);
}

#[test]
fn the_counter_rolls_over_sixteen_bits() {
    let (mut bench, mut node) = joined(&[HERE]);
    for fcnt in [0, 65_534, 65_536, 131_000, 196_000] {
        node.session.as_mut().unwrap().fcnt_up = fcnt;
        bench.hear_here(node.uplink(1, b"x", Confirm::No));
        assert_eq!(bench.forwarded.last().unwrap().fcnt, fcnt);
    }
    assert_eq!(bench.forwarded.len(), 5);
}

#[test]
fn copies_within_the_window_are_one_uplink_with_the_best_signal_first() {
    let (mut bench, mut node) = joined(&[HERE, THERE, ELSEWHERE]);
    let phy = node.uplink(1, b"x", Confirm::No);
    bench.hear(heard(HERE, phy.clone(), 9, -30));
    bench.pass_ms(120);
    bench.hear(heard(THERE, phy.clone(), 9, 42));
    bench.hear(heard(HERE, phy.clone(), 9, -90));
    assert!(bench.forwarded.is_empty());
    bench.pass_ms(80);
    let [uplink] = bench.forwarded.as_slice() else { panic!("one uplink") };
    let heard_by: Vec<_> = uplink.receptions.iter().map(|r| (r.gateway, r.snr_tenth_db)).collect();
    assert_eq!(heard_by, [(THERE, 42), (HERE, -30)]);
    // A copy that comes later still is a replay.
    bench.hear(heard(ELSEWHERE, phy, 9, 0));
    assert_eq!((bench.count(Reason::Replayed), bench.server.counters().duplicates), (1, 2));
}

#[test]
fn the_best_hearing_knows_the_channel() {
    let (mut bench, mut node) = joined(&[HERE, THERE]);
    let phy = node.uplink(1, b"x", Confirm::Yes);
    // Far too near to this one, it is heard on the neighbouring channel, too.
    bench.hear(Heard { frequency_hz: 868_300_000, ..heard(HERE, phy.clone(), 12, -200) });
    bench.hear(heard(HERE, phy.clone(), 12, 90));
    bench.hear(Heard { frequency_hz: 868_500_000, ..heard(THERE, phy, 12, -100) });
    bench.receipt(&node, bench.last_id(), None);
    let sent = bench.sent[0].clone();
    bench.handle(Event::TransmissionRefused { token: sent.token, refusal: Refusal::Collision });
    assert_eq!(bench.sent[1].window, ReceiveWindow::Rx1);
    assert_eq!(bench.sent[1].frequency_hz, 868_100_000);
}

#[test]
fn a_frame_that_comes_late_keeps_its_own_time() {
    let (mut bench, mut node) = joined(&[HERE]);
    let heard_at = bench.now;
    bench.pass_ms(300);
    bench.handle(Event::DeadlineReached);
    bench.now = heard_at;
    bench.server.handle(heard_at, Event::FrameHeard(heard(HERE, node.uplink(1, b"x", Confirm::No), 7, 0)));
    bench.handle(Event::DeadlineReached);
    assert_eq!(bench.forwarded[0].received_at, heard_at);
    bench.receipt(&node, bench.last_id(), Some(&[1; 200]));
    assert_eq!(bench.sent[0].at, heard_at + Duration::from_secs(1));
}

#[test]
fn nothing_waits_once_all_concentrators_have_spoken() {
    let (mut bench, mut node) = joined(&[HERE, THERE]);
    let phy = node.uplink(1, b"x", Confirm::No);
    bench.hear(heard(HERE, phy.clone(), 9, 0));
    bench.hear(heard(THERE, phy, 9, 0));
    assert_eq!(bench.forwarded.len(), 1);
}

#[test]
fn every_kind_of_bad_frame_has_its_own_count() {
    let (mut bench, mut node) = joined(&[HERE]);
    let good = node.uplink(1, b"x", Confirm::No);
    let altered = |index: usize, value: u8| {
        let mut phy = good.clone();
        phy[index] ^= value;
        phy
    };
    bench.hear_here(Vec::new());
    bench.hear_here(vec![0x40; 255]);
    bench.hear_here(good[..11].to_vec());
    bench.hear_here(altered(1, 0xff)); // another device's address
    bench.hear_here(altered(4, 0x02)); // another network's address
    bench.hear_here(altered(6, 0x01)); // another counter
    bench.hear_here(altered(0, 0x20)); // a downlink
    bench.hear_here(altered(0, 0xa0)); // proprietary
    bench.hear(heard(ELSEWHERE, good.clone(), 7, 0));
    bench.hear(heard(HERE, good.clone(), 6, 0));
    bench.hear(Heard { frequency_hz: 915_000_000, ..heard(HERE, good.clone(), 7, 0) });
    let expected = [
        (Reason::UnknownConcentrator, 1),
        (Reason::UnknownFrequency, 1),
        (Reason::UnknownDataRate, 1),
        (Reason::Empty, 1),
        (Reason::TooLong, 1),
        (Reason::Malformed, 1),
        (Reason::UnexpectedMType, 2),
        (Reason::Foreign, 1),
        (Reason::UnknownDevAddr, 1),
        (Reason::BadMic, 1),
    ];
    assert_eq!(bench.server.counters().discarded, expected.into_iter().collect());
    assert_eq!(bench.server.counters().frames_heard, 12);
    bench.hear_here(good);
    assert_eq!(bench.forwarded.len(), 1);
}

#[test]
fn mac_answers_are_counted_and_never_forwarded_alone() {
    let (mut bench, mut node) = joined(&[HERE]);
    let mut answer = LinkADRAnsCreator::new();
    answer.set_channel_mask_ack(true).set_data_rate_ack(true).set_tx_power_ack(true);
    bench.hear_here(node.uplink_with(1, b"x", Confirm::No, &[&answer]));
    bench.hear_here(node.uplink_with(0, &[], Confirm::No, &[&answer]));
    assert_eq!(bench.forwarded.len(), 1);
    assert_eq!(bench.server.counters().mac_commands["LinkADRAns"], 2);
    assert_eq!(bench.server.counters().uplinks_without_payload, 1);
}

#[test]
fn uplink_ids_never_repeat() {
    let (mut bench, mut node) = joined(&[HERE]);
    for round in 0..5 {
        for _ in 0..3 {
            bench.hear_here(node.uplink(1, &[round], Confirm::No));
        }
        bench.restart();
    }
    let ids: Vec<_> = bench.forwarded.iter().map(|uplink| uplink.id).collect();
    assert_eq!(ids.len(), 15);
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
}
