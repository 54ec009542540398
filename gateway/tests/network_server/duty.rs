//! Half duplex and duty cycle, judged by what was handed to the concentrators.
use super::bench::*;
use super::node::{Confirm, Node};
use chirrup_gateway::core::*;
use chirrup_protocol::airtime::downlink_airtime;
use chirrup_protocol::region::Region;
use chirrup_protocol::time::{Duration, Instant};
use std::collections::{BTreeMap, BTreeSet};

const HOUR: Duration = Duration::from_secs(3_600);

fn span(sent: &Transmission) -> (Instant, Instant) {
    (sent.at, sent.at + downlink_airtime(sent.modulation, sent.phy.len()))
}

/// Fails if two transmissions of one concentrator overlap, or any hour holds too much of a sub-band.
pub fn check(sent: &[Transmission], refused: &BTreeSet<(u64, Instant)>) {
    let mut by_concentrator: BTreeMap<_, Vec<&Transmission>> = BTreeMap::new();
    for transmission in sent.iter().filter(|sent| !refused.contains(&(sent.token, sent.at))) {
        by_concentrator.entry(transmission.concentrator).or_default().push(transmission);
    }
    for mut sent in by_concentrator.into_values() {
        sent.sort_by_key(|sent| sent.at);
        for pair in sent.windows(2) {
            assert!(span(pair[0]).1 <= span(pair[1]).0, "two transmissions at once");
        }
        for band in Region::Eu868.sub_bands() {
            let in_band = |sent: &&&Transmission| (band.from_hz..band.to_hz).contains(&sent.frequency_hz);
            let spans: Vec<_> = sent.iter().filter(in_band).map(|sent| span(sent)).collect();
            for &(_, end) in &spans {
                check_hour(&spans, end, Duration::from_micros(3_600_000 * u64::from(band.duty_per_mille)));
            }
        }
    }
}

fn check_hour(spans: &[(Instant, Instant)], end: Instant, allowed: Duration) {
    let begin = end.saturating_sub(HOUR);
    let used: Duration = spans.iter().map(|&(from, to)| to.min(end).saturating_since(from.max(begin))).sum();
    assert!(used <= allowed, "{used:?} in the hour before {end}");
}

#[test]
fn an_hour_of_greed_stays_within_the_limits_across_restarts() {
    let mut nodes: Vec<Node> = (1..=8).map(Node::new).collect();
    let mut bench = Bench::new(config(&[HERE], &nodes.iter().collect::<Vec<_>>()));
    for node in &mut nodes {
        bench.join(node);
    }
    for round in 0..4_000u32 {
        let node = &mut nodes[round as usize % 8];
        bench.hear(heard(HERE, node.uplink(1, b"more", Confirm::Yes), 9, 0));
        bench.receipt(node, bench.last_id(), Some(&[round as u8; 100]));
        bench.pass_ms(1_700);
        if round % 1_000 == 500 {
            bench.restart();
        }
    }
    assert!(bench.count(Reason::DutyCycleExhausted) > 0);
    // Nearly two hours: both sub-bands must have been used up, and neither overdrawn.
    let airtime: Duration =
        bench.sent.iter().map(|sent| downlink_airtime(sent.modulation, sent.phy.len())).sum();
    assert!(airtime > Duration::from_secs(600), "{airtime:?}");
    check(&bench.sent, &BTreeSet::new());
}

#[test]
fn a_restart_does_not_hand_out_the_hour_again() {
    let mut node = Node::new(1);
    let mut bench = Bench::new(config(&[HERE], &[&node]));
    bench.join(&mut node);
    let mut answered = Vec::new();
    for _ in 0..2 {
        let before = bench.sent.len();
        for _ in 0..600 {
            // 51 bytes at SF12 last more than two seconds.
            bench.hear(heard(HERE, node.uplink(1, b"x", Confirm::No), 12, 0));
            bench.receipt(&node, bench.last_id(), Some(&[1; 51]));
            bench.pass_ms(3_000);
        }
        answered.push(bench.sent.len() - before);
        bench.restart();
    }
    assert!(answered[0] > 0);
    check(&bench.sent, &BTreeSet::new());
}

#[test]
fn a_concentrator_never_sends_two_frames_at_once() {
    let mut nodes: Vec<Node> = (1..=20).map(Node::new).collect();
    let mut bench = Bench::new(config(&[HERE], &nodes.iter().collect::<Vec<_>>()));
    for node in &mut nodes {
        bench.join(node);
    }
    bench.pass(HOUR);
    bench.sent.clear();
    // Twenty uplinks within a fifth of a second, all to be answered.
    for node in &mut nodes {
        bench.hear(heard(HERE, node.uplink(1, b"x", Confirm::No), 9, 0));
        bench.receipt(node, bench.last_id(), Some(&[3; 40]));
        bench.pass_ms(10);
    }
    assert_eq!(bench.sent.len(), 2, "one in RX1, one in RX2: the others overlap them");
    assert_eq!(bench.count(Reason::ConcentratorBusy), 18);
    check(&bench.sent, &BTreeSet::new());
}

#[test]
fn a_refused_transmission_gives_its_time_back() {
    let mut nodes = [Node::new(1), Node::new(2)];
    let mut bench = Bench::new(config(&[HERE], &[&nodes[0], &nodes[1]]));
    for node in &mut nodes {
        bench.join(node);
    }
    let mut refused = BTreeSet::new();
    bench.hear_here(nodes[0].uplink(1, b"x", Confirm::Yes));
    bench.receipt(&nodes[0], bench.last_id(), None);
    for _ in 0..2 {
        let (token, at) = bench.sent.last().map(|sent| (sent.token, sent.at)).unwrap();
        refused.insert((token, at));
        bench.handle(Event::TransmissionRefused { token, refusal: Refusal::Collision });
    }
    let before = bench.sent.len();
    bench.hear_here(nodes[1].uplink(1, b"x", Confirm::Yes));
    bench.receipt(&nodes[1], bench.last_id(), None);
    assert_eq!(bench.sent.len(), before + 1);
    check(&bench.sent, &refused);
}
