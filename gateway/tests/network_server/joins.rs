use super::bench::*;
use super::node::{Confirm, Node};
use chirrup_gateway::core::*;
use chirrup_protocol::airtime::Modulation;
use chirrup_protocol::region::DataRate;
use chirrup_protocol::time::Duration;

#[test]
fn a_join_is_answered_after_five_seconds_with_the_networks_settings() {
    let mut node = Node::new(1);
    let mut config = config(&[HERE], &[&node]);
    config.rx1_delay_s = 3;
    config.rx2_data_rate = DataRate(4);
    let mut bench = Bench::new(config);
    let begun = bench.now;
    let phy = node.join_request();
    bench.hear_here(phy);
    let [sent] = bench.sent.as_slice() else { panic!("one transmission") };
    assert_eq!(sent.window, ReceiveWindow::Rx1);
    assert_eq!(sent.at, begun + Duration::from_secs(5));
    assert_eq!(sent.counter_us, bench.counter_us(HERE, sent.at));
    assert_eq!((sent.frequency_hz, sent.modulation), (868_100_000, Modulation::lorawan(7, 125_000)));
    assert_eq!(sent.power_dbm, 14);
    let accepted = node.accept(&sent.phy);
    assert_eq!((accepted.rx_delay, accepted.rx2_data_rate, accepted.rx1_offset), (3, 4, 0));
    assert_eq!(bench.server.counters().joins, 1);
}

#[test]
fn the_concentrators_counter_may_wrap_before_the_window() {
    let mut node = Node::new(1);
    let mut bench = Bench::new(config(&[HERE], &[&node]));
    let phy = node.join_request();
    bench.handle(Event::FrameHeard(Heard { counter_us: u32::MAX - 500_000, ..heard(HERE, phy, 7, 0) }));
    assert_eq!(bench.sent[0].counter_us, 4_499_999);
}

#[test]
fn a_dev_nonce_is_accepted_once_across_restarts_too() {
    let mut node = Node::new(1);
    let mut bench = Bench::new(config(&[HERE], &[&node]));
    let phy = node.join_request();
    bench.hear_here(phy.clone());
    bench.pass_ms(60_000);
    bench.hear_here(phy.clone());
    assert_eq!(bench.count(Reason::DevNonceReused), 1);
    bench.restart();
    bench.hear_here(phy);
    assert_eq!(bench.count(Reason::DevNonceReused), 1);
    assert_eq!(bench.sent.len(), 1);
}

/// Somebody keeps a request from the gateway, and brings it when the node has joined with a later one.
#[test]
fn a_request_that_was_held_back_does_not_replace_the_session_of_a_later_one() {
    let mut node = Node::new(1);
    let mut bench = Bench::new(config(&[HERE], &[&node]));
    bench.join(&mut node);
    bench.hear_here(node.uplink(1, b"x", Confirm::No));
    let held_back = node.join_request();
    bench.pass_ms(60_000);
    bench.join(&mut node);
    for _ in 0..2 {
        bench.pass_ms(60_000);
        bench.hear_here(held_back.clone());
    }
    assert_eq!((bench.count(Reason::DevNonceReused), bench.sent.len()), (2, 2));
    bench.hear_here(node.uplink(1, b"y", Confirm::No));
    assert_eq!(bench.forwarded.len(), 2);
}

#[test]
fn strangers_and_forgers_do_not_join() {
    let (mut node, mut stranger) = (Node::new(1), Node::new(2));
    let mut bench = Bench::new(config(&[HERE], &[&node]));
    bench.hear_here(stranger.join_request());
    node.app_key = [9; 16];
    bench.hear_here(node.join_request());
    assert_eq!((bench.count(Reason::UnknownDevEui), bench.count(Reason::BadMic)), (1, 1));
    assert!(bench.sent.is_empty());
    assert_eq!(bench.server.next_deadline(), None);
}

#[test]
fn a_flood_of_joins_is_held_back_and_uses_up_its_nonces() {
    let mut node = Node::new(1);
    let mut bench = Bench::new(config(&[HERE], &[&node]));
    let recorded: Vec<_> = (0..5).map(|_| node.join_request()).collect();
    for phy in &recorded {
        bench.hear_here(phy.clone());
        bench.pass_ms(100);
    }
    assert_eq!(bench.count(Reason::JoinTooSoon), 4);
    bench.pass_ms(60_000);
    for phy in recorded {
        bench.hear_here(phy);
    }
    assert_eq!(bench.count(Reason::DevNonceReused), 5);
    assert_eq!(bench.sent.len(), 1);
}

#[test]
fn the_old_session_lives_until_the_new_one_is_used() {
    let mut node = Node::new(1);
    let mut bench = Bench::new(config(&[HERE], &[&node]));
    bench.join(&mut node);
    bench.hear_here(node.uplink(1, b"old", Confirm::No));
    bench.pass_ms(20_000);
    let old = node.session.clone();
    bench.join(&mut node);
    let new = node.session.clone();
    // The node never heard the accept: it goes on in the old session, also after a restart.
    bench.restart();
    node.session = old;
    bench.hear_here(node.uplink(1, b"old again", Confirm::No));
    let old = node.session.clone();
    assert_eq!(bench.forwarded.len(), 2);
    // Now it did, and the old session is gone.
    node.session = new;
    bench.hear_here(node.uplink(1, b"new", Confirm::No));
    assert_eq!(bench.forwarded.len(), 3);
    assert_ne!(bench.forwarded[1].dev_addr, bench.forwarded[2].dev_addr);
    node.session = old;
    bench.hear_here(node.uplink(1, b"too late", Confirm::No));
    assert_eq!(bench.count(Reason::UnknownDevAddr), 1);
    assert_eq!(bench.forwarded.len(), 3);
}

#[test]
fn a_session_that_was_never_used_survives_joins_that_fail() {
    let mut node = Node::new(1);
    let mut bench = Bench::new(config(&[HERE], &[&node]));
    bench.join(&mut node);
    for _ in 0..3 {
        // The node hears no accept, and goes on as before.
        bench.hear_here(node.join_request());
        bench.pass_ms(20_000);
    }
    bench.hear_here(node.uplink(1, b"x", Confirm::No));
    assert_eq!(bench.forwarded.len(), 1);
}

/// A node may be in reach of RX2, which is slower and stronger, and not of RX1.
#[test]
fn an_accept_that_was_not_heard_is_followed_by_one_in_the_other_window() {
    let mut node = Node::new(1);
    let mut bench = Bench::new(config(&[HERE], &[&node]));
    for _ in 0..3 {
        bench.hear_here(node.join_request());
        bench.pass_ms(20_000);
    }
    let windows = |bench: &Bench| bench.sent.iter().map(|sent| sent.window).collect::<Vec<_>>();
    let alternating = [ReceiveWindow::Rx1, ReceiveWindow::Rx2, ReceiveWindow::Rx1];
    assert_eq!(windows(&bench), alternating);
    // This one is heard, as its first frame shows. Hours later RX1 is as good as ever.
    bench.join(&mut node);
    bench.hear_here(node.uplink(1, b"x", Confirm::No));
    bench.pass_ms(4_000_000);
    let before = bench.sent.len();
    bench.hear_here(node.join_request());
    assert_eq!(windows(&bench)[before..], [ReceiveWindow::Rx1]);
}

#[test]
fn several_concentrators_give_one_accept_through_the_best() {
    let mut node = Node::new(1);
    let mut bench = Bench::new(config(&[HERE, THERE, ELSEWHERE], &[&node]));
    let phy = node.join_request();
    bench.hear(heard(HERE, phy.clone(), 9, -30));
    assert!(bench.sent.is_empty());
    bench.pass_ms(150);
    bench.hear(heard(THERE, phy, 9, 20));
    bench.pass_ms(1_000);
    let [sent] = bench.sent.as_slice() else { panic!("one transmission") };
    assert_eq!(sent.concentrator, THERE);
    assert_eq!(bench.server.counters().duplicates, 1);
}

#[test]
fn addresses_of_devices_are_unique() {
    let mut nodes: Vec<Node> = (0..100).map(Node::new).collect();
    // The same four low bytes in every DevEUI: all begin their search at one place.
    for (number, node) in nodes.iter_mut().enumerate() {
        node.dev_eui.0 = [number as u8, 0, 0, 0, 1, 2, 3, 4];
    }
    let mut bench = Bench::new(config(&[HERE], &nodes.iter().collect::<Vec<_>>()));
    let mut addresses = std::collections::BTreeSet::new();
    for node in &mut nodes {
        bench.join(node);
        assert!(addresses.insert(node.session.as_ref().unwrap().dev_addr));
    }
}
