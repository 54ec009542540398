use super::bench::*;
use super::node::{Confirm, Down, Node};
use chirrup_gateway::core::*;
use chirrup_protocol::airtime::Modulation;
use chirrup_protocol::backhaul::{Downlink, Receipt};
use chirrup_protocol::time::Duration;

fn joined(concentrators: &[chirrup_protocol::ids::GatewayId], numbers: &[u8]) -> (Bench, Vec<Node>) {
    let mut nodes: Vec<Node> = numbers.iter().map(|&number| Node::new(number)).collect();
    let mut bench = Bench::new(config(concentrators, &nodes.iter().collect::<Vec<_>>()));
    for node in &mut nodes {
        bench.join(node);
    }
    bench.pass(Duration::from_secs(3_700));
    bench.sent.clear();
    (bench, nodes)
}

fn down(fcnt: u16, ack: bool, payload: Option<&[u8]>) -> Down {
    Down { fcnt, ack, application: payload.map(|bytes| (9, bytes.to_vec())) }
}

#[test]
fn a_receipts_downlink_goes_to_the_window_with_more_duty_cycle_left() {
    let (mut bench, mut nodes) = joined(&[HERE], &[1]);
    let node = &mut nodes[0];
    let begun = bench.now;
    bench.hear_here(node.uplink(1, b"x", Confirm::No));
    bench.pass_ms(50);
    bench.receipt(node, bench.last_id(), Some(b"model"));
    let [sent] = bench.sent.as_slice() else { panic!("one transmission") };
    // .1 s of 360 in RX2 is less of its hour than .05 s of 36 in RX1.
    assert_eq!((sent.window, sent.at), (ReceiveWindow::Rx2, begun + Duration::from_secs(2)));
    assert_eq!((sent.frequency_hz, sent.modulation), (869_525_000, Modulation::lorawan(9, 125_000)));
    assert_eq!(sent.power_dbm, 27);
    assert_eq!(node.read(&sent.phy), down(1, false, Some(b"model")));
    assert_eq!(bench.server.next_deadline(), None);
}

#[test]
fn the_data_rate_decides_which_window_is_large_enough() {
    let (mut bench, mut nodes) = joined(&[HERE], &[1]);
    let node = &mut nodes[0];
    // 200 bytes fit SF7 and not the SF9 of RX2.
    bench.hear_here(node.uplink(1, b"x", Confirm::No));
    bench.receipt(node, bench.last_id(), Some(&[7; 200]));
    assert_eq!(bench.sent[0].window, ReceiveWindow::Rx1);
    assert_eq!(bench.sent[0].modulation, Modulation::lorawan(7, 125_000));
    // 100 bytes fit SF9 and not SF12.
    bench.pass_ms(5_000);
    bench.hear(heard(HERE, node.uplink(1, b"x", Confirm::No), 12, 0));
    bench.receipt(node, bench.last_id(), Some(&[7; 100]));
    assert_eq!(bench.sent[1].window, ReceiveWindow::Rx2);
    // 200 bytes fit neither, and are not kept; the acknowledgement goes alone.
    bench.pass_ms(5_000);
    bench.hear(heard(HERE, node.uplink(1, b"x", Confirm::Yes), 12, 0));
    bench.receipt(node, bench.last_id(), Some(&[7; 200]));
    assert_eq!(bench.count(Reason::DownlinkTooLarge), 1);
    assert_eq!(node.read(&bench.sent[2].phy), down(3, true, None));
    bench.pass_ms(5_000);
    bench.hear_here(node.uplink(1, b"x", Confirm::No));
    bench.receipt(node, bench.last_id(), None);
    assert_eq!(bench.sent.len(), 3);
}

#[test]
fn a_receipt_without_downlink_needs_no_answer() {
    let (mut bench, mut nodes) = joined(&[HERE], &[1]);
    bench.hear_here(nodes[0].uplink(1, b"x", Confirm::No));
    bench.receipt(&nodes[0], bench.last_id(), None);
    assert_eq!(bench.server.next_deadline(), None);
    bench.pass_ms(5_000);
    assert!(bench.sent.is_empty());
}

#[test]
fn a_confirmed_uplink_is_acknowledged_with_or_without_a_receipt() {
    let (mut bench, mut nodes) = joined(&[HERE], &[1]);
    let node = &mut nodes[0];
    bench.hear_here(node.uplink(1, b"x", Confirm::Yes));
    bench.receipt(node, bench.last_id(), Some(b"y"));
    assert_eq!(node.read(&bench.sent[0].phy), down(1, true, Some(b"y")));
    bench.pass_ms(5_000);
    bench.hear_here(node.uplink(1, b"x", Confirm::Yes));
    bench.receipt(node, bench.last_id(), None);
    assert_eq!(node.read(&bench.sent[1].phy), down(2, true, None));
    bench.pass_ms(5_000);
    // No receipt: the acknowledgement leaves in time for RX1, and the late downlink waits.
    bench.hear_here(node.uplink(1, b"x", Confirm::Yes));
    bench.pass_ms(839);
    assert_eq!(bench.sent.len(), 2);
    bench.pass_ms(1);
    assert_eq!(node.read(&bench.sent[2].phy), down(3, true, None));
    bench.receipt(node, bench.last_id(), Some(b"late"));
    bench.pass_ms(5_000);
    assert_eq!(bench.sent.len(), 3);
    bench.hear_here(node.uplink(0, &[], Confirm::No));
    assert_eq!(node.read(&bench.sent[3].phy), down(4, false, Some(b"late")));
    assert_eq!((bench.server.counters().acknowledgements, bench.server.counters().downlinks), (2, 2));
}

#[test]
fn a_late_receipt_catches_rx2_and_a_later_one_the_next_uplink() {
    let (mut bench, mut nodes) = joined(&[HERE], &[1]);
    let node = &mut nodes[0];
    bench.hear_here(node.uplink(1, b"x", Confirm::No));
    bench.pass_ms(1_930);
    bench.receipt(node, bench.last_id(), Some(b"just"));
    assert_eq!(bench.sent[0].window, ReceiveWindow::Rx2);
    bench.pass_ms(5_000);
    bench.hear_here(node.uplink(1, b"x", Confirm::No));
    bench.pass_ms(1_941);
    bench.receipt(node, bench.last_id(), Some(b"older"));
    bench.receipt(node, bench.last_id(), Some(b"newer"));
    assert_eq!((bench.sent.len(), bench.count(Reason::DownlinkReplaced)), (1, 1));
    // The next uplink waits for its own receipt first, which brings nothing newer.
    bench.pass_ms(5_000);
    bench.hear_here(node.uplink(1, b"x", Confirm::No));
    assert_eq!(bench.sent.len(), 1);
    bench.receipt(node, bench.last_id(), None);
    assert_eq!(node.read(&bench.sent[1].phy), down(2, false, Some(b"newer")));
}

#[test]
fn one_uplink_gets_one_downlink() {
    let (mut bench, mut nodes) = joined(&[HERE], &[1]);
    let node = &mut nodes[0];
    bench.hear_here(node.uplink(1, b"x", Confirm::Yes));
    let id = bench.last_id();
    bench.receipt(node, id, Some(b"a"));
    bench.receipt(node, id, Some(b"b"));
    bench.pass_ms(5_000);
    assert_eq!(bench.sent.len(), 1);
}

#[test]
fn downlinks_for_nobody_are_dropped() {
    let (mut bench, mut nodes) = joined(&[HERE], &[1, 2]);
    bench.hear_here(nodes[0].uplink(1, b"x", Confirm::No));
    let (id, stranger) = (bench.last_id(), Node::new(77));
    bench.receipt(&stranger, id, Some(b"x"));
    let (dev_eui, other) = (nodes[0].dev_eui, nodes[1].dev_eui);
    let of_other = Downlink { dev_eui: other, fport: 1, payload: vec![1] };
    bench.handle(Event::ReceiptReceived(Receipt { id, dev_eui, downlink: Some(of_other) }));
    assert_eq!(bench.count(Reason::DownlinkUnaddressed), 2);
    bench.hear_here(nodes[0].uplink(1, b"x", Confirm::No));
    let commands = Downlink { dev_eui, fport: 0, payload: vec![1] };
    bench.handle(Event::ReceiptReceived(Receipt { id, dev_eui, downlink: Some(commands) }));
    assert_eq!(bench.count(Reason::DownlinkPortReserved), 1);
    bench.pass_ms(5_000);
    assert!(bench.sent.is_empty());
}

#[test]
fn the_best_concentrator_answers_and_the_next_one_where_it_cannot() {
    let (mut bench, mut nodes) = joined(&[HERE, THERE, ELSEWHERE], &[1]);
    let node = &mut nodes[0];
    let phy = node.uplink(1, b"x", Confirm::No);
    bench.hear(heard(HERE, phy.clone(), 7, 10));
    bench.hear(heard(THERE, phy.clone(), 7, 90));
    bench.hear(heard(ELSEWHERE, phy, 7, 50));
    bench.receipt(node, bench.last_id(), Some(b"y"));
    for (refused, expected) in [
        (ReceiveWindow::Rx2, THERE),
        (ReceiveWindow::Rx1, THERE),
        (ReceiveWindow::Rx2, ELSEWHERE),
        (ReceiveWindow::Rx1, ELSEWHERE),
    ] {
        let sent = bench.sent.last().unwrap().clone();
        assert_eq!((sent.window, sent.concentrator), (refused, expected));
        bench.handle(Event::TransmissionRefused { token: sent.token, refusal: Refusal::Collision });
    }
    let sent = bench.sent.last().unwrap();
    assert_eq!(sent.concentrator, HERE);
    // Every attempt has a counter of its own.
    assert_eq!(node.read(&sent.phy), down(5, false, Some(b"y")));
    assert_eq!(bench.count(Reason::TransmissionRefused), 4);
}

#[test]
fn what_is_refused_everywhere_waits_for_the_next_uplink() {
    let (mut bench, mut nodes) = joined(&[HERE], &[1]);
    let node = &mut nodes[0];
    bench.hear_here(node.uplink(1, b"x", Confirm::No));
    bench.receipt(node, bench.last_id(), Some(b"y"));
    for _ in 0..2 {
        let token = bench.sent.last().unwrap().token;
        bench.handle(Event::TransmissionRefused { token, refusal: Refusal::TooLate });
    }
    assert_eq!(bench.sent.len(), 2);
    bench.pass_ms(5_000);
    bench.hear_here(node.uplink(1, b"x", Confirm::No));
    bench.receipt(node, bench.last_id(), None);
    assert_eq!(node.read(&bench.sent[2].phy), down(3, false, Some(b"y")));
}

#[test]
fn a_refused_join_accept_is_sent_in_rx2_as_it_is() {
    let mut node = Node::new(1);
    let mut bench = Bench::new(config(&[HERE], &[&node]));
    bench.hear_here(node.join_request());
    let first = bench.sent[0].clone();
    bench.handle(Event::TransmissionRefused { token: first.token, refusal: Refusal::TooLate });
    let second = bench.sent[1].clone();
    assert_eq!((first.window, second.window), (ReceiveWindow::Rx1, ReceiveWindow::Rx2));
    assert_eq!(second.at, first.at + Duration::from_secs(1));
    // Before the node knows better, RX2 is at DR0.
    assert_eq!(second.modulation, Modulation::lorawan(12, 125_000));
    assert_eq!(first.phy, second.phy);
    // Whether it was heard there shows in the next one.
    bench.pass_ms(20_000);
    bench.hear_here(node.join_request());
    assert_eq!(bench.sent[2].window, ReceiveWindow::Rx1);
}

#[test]
fn downlink_counters_go_on_after_a_restart() {
    let (mut bench, mut nodes) = joined(&[HERE], &[1]);
    let node = &mut nodes[0];
    for fcnt in 1..6 {
        bench.hear_here(node.uplink(1, b"x", Confirm::Yes));
        bench.receipt(node, bench.last_id(), None);
        assert_eq!(node.read(&bench.sent.last().unwrap().phy).fcnt, fcnt);
        bench.pass_ms(5_000);
        bench.restart();
    }
}
