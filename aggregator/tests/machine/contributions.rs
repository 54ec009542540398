//! Contributions become versions: when, with which weight, and each once.
use crate::bench::*;
use chirrup_aggregator::core::strategy::to_float;
use chirrup_aggregator::core::{BASE_REACH, Reject};
use chirrup_protocol::time::Duration;
use core::f32::consts::FRAC_1_SQRT_2;

const UP: [f32; PARAMS] = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
const DOWN: [f32; PARAMS] = [-1.0, 0.0, 0.0, 0.0, 0.0, 0.0];

fn first_param(bench: &Bench) -> f32 {
    to_float(bench.aggregator.current().unwrap().params[0])
}

#[test]
fn a_full_buffer_closes_a_version_but_not_too_soon() {
    let (mut bench, mut nodes) = Bench::settled();
    let settled_at = bench.now;
    for node in &mut nodes {
        bench.send(node.contribution(0, 10, &UP));
    }
    assert_eq!((bench.version(), bench.aggregator.waiting()), (0, 3));
    assert_eq!(bench.aggregator.next_deadline(), Some(settled_at + MIN_INTERVAL));
    bench.wait(MIN_INTERVAL);
    assert_eq!((bench.version(), bench.aggregator.waiting()), (1, 0));
    assert_eq!(bench.aggregator.versions()[0].contributions, 3);
    // Later, the third contribution closes it at once.
    bench.wait(MIN_INTERVAL);
    for node in &mut nodes {
        assert_eq!(bench.version(), 1);
        bench.send(node.contribution(1, 10, &UP));
    }
    assert_eq!(bench.version(), 2);
}

#[test]
fn one_contribution_closes_a_version_in_the_end_and_none_never() {
    let (mut bench, mut nodes) = Bench::settled();
    bench.send(nodes[0].contribution(0, 10, &UP));
    bench.wait(Duration::from_secs(999));
    assert_eq!(bench.version(), 0);
    bench.wait(Duration::from_secs(1));
    assert_eq!(bench.version(), 1);
    assert_eq!(bench.aggregator.next_deadline(), None);
    bench.wait(MAX_INTERVAL.saturating_mul(10));
    assert_eq!(bench.version(), 1);
}

#[test]
fn examples_and_staleness_decide_the_weight() {
    let (mut bench, mut nodes) = Bench::settled();
    bench.send(nodes[0].contribution(0, 8, &UP));
    bench.send(nodes[1].contribution(0, 24, &DOWN));
    bench.wait(MAX_INTERVAL);
    // (8 - 24) / 32.
    assert!((first_param(&bench) + 0.5).abs() < 1e-4, "{}", first_param(&bench));
    let before = first_param(&bench);
    bench.send(nodes[0].contribution(1, 8, &UP));
    bench.send(nodes[1].contribution(0, 8, &DOWN));
    bench.wait(MAX_INTERVAL);
    // Weights 8 and 8 / sqrt(2).
    let expected = before + (1.0 - FRAC_1_SQRT_2) / (1.0 + FRAC_1_SQRT_2);
    assert!((first_param(&bench) - expected).abs() < 1e-3, "{} for {expected}", first_param(&bench));
    assert_eq!(bench.aggregator.versions()[1].staleness, 1);
}

#[test]
fn what_was_begun_too_long_ago_is_too_stale() {
    let (mut bench, mut nodes) = Bench::settled();
    for version in 0..3 {
        bench.send(nodes[0].contribution(version, 8, &UP));
        bench.wait(MAX_INTERVAL);
    }
    assert_eq!(bench.version(), 3);
    bench.send(nodes[1].contribution(1, 8, &UP));
    assert_eq!((bench.aggregator.waiting(), bench.rejected(Reject::TooStale)), (1, 0));
    bench.send(nodes[1].contribution(0, 8, &UP));
    assert_eq!((bench.aggregator.waiting(), bench.rejected(Reject::TooStale)), (1, 1));
    bench.send(nodes[1].contribution(4, 8, &UP));
    assert_eq!((bench.aggregator.waiting(), bench.rejected(Reject::UnknownBase)), (1, 1));
}

#[test]
fn a_frame_and_a_contribution_count_once_each_under_its_own_reason() {
    let (mut bench, mut nodes) = Bench::settled();
    let uplink = nodes[0].contribution(0, 8, &UP);
    bench.send(uplink.clone());
    for _ in 0..3 {
        assert_eq!(bench.send(uplink.clone()).downlink, None);
    }
    // The same identity under a new seal; whatever it holds.
    bench.send(nodes[0].contribution_as(TASK_ID, 0, 0, 8, &DOWN));
    assert_eq!((bench.aggregator.accepted(), bench.aggregator.waiting()), (1, 1));
    assert_eq!((bench.rejected(Reject::Replayed), bench.rejected(Reject::Duplicate)), (3, 1));
    bench.wait(MAX_INTERVAL);
    // And once more when the version has closed.
    bench.send(uplink);
    bench.send(nodes[0].contribution_as(TASK_ID, 1, 0, 8, &DOWN));
    assert_eq!((bench.aggregator.accepted(), bench.aggregator.waiting()), (1, 0));
    assert_eq!((bench.rejected(Reject::Replayed), bench.rejected(Reject::Duplicate)), (4, 2));
    assert!((first_param(&bench) - 1.0).abs() < 1e-4);
    // The same number of another device is another contribution.
    bench.send(nodes[1].contribution_as(TASK_ID, 1, 0, 8, &DOWN));
    assert_eq!(bench.aggregator.accepted(), 2);
}

#[test]
fn numbers_are_understood_beyond_their_eight_bits() {
    let (mut bench, mut nodes) = Bench::settled();
    for _ in 0..600 {
        let version = bench.version();
        bench.send(nodes[0].contribution(version, 8, &UP));
        bench.wait(MAX_INTERVAL);
    }
    assert_eq!((bench.aggregator.accepted(), bench.version()), (600, 600));
    assert!(bench.aggregator.rejects().is_empty(), "{:?}", bench.aggregator.rejects());
}

#[test]
fn frames_may_arrive_in_any_order() {
    let (mut bench, mut nodes) = Bench::settled();
    let mut uplinks: Vec<_> = (0..40).map(|_| nodes[0].contribution(0, 8, &UP)).collect();
    uplinks.reverse();
    for uplink in uplinks {
        bench.send(uplink);
    }
    assert_eq!(bench.aggregator.accepted(), 40);
}

/// Of a base version ten bits travel: version 1024 waits until nobody can mean version 1 any more.
#[test]
fn a_version_waits_until_its_low_bits_are_free() {
    let (mut bench, mut nodes) = Bench::settled();
    let began = bench.now;
    let mut contribute = |bench: &mut Bench| {
        for node in &mut nodes {
            bench.send(node.contribution(bench.version(), 8, &UP));
        }
    };
    while bench.version() < BASE_REACH - 1 {
        contribute(&mut bench);
        bench.wait(MIN_INTERVAL);
    }
    let took = bench.now - began;
    assert!(took < LIFETIME, "the cadence is faster than the configuration would allow: {took:?}");
    contribute(&mut bench);
    let superseded = bench.aggregator.versions()[0].at;
    let free = superseded + LIFETIME + MAX_FRAME_AGE;
    assert_eq!(bench.aggregator.next_deadline(), Some(free + Duration::from_micros(1)));
    bench.wait(free - bench.now);
    assert_eq!(bench.version(), BASE_REACH - 1);
    bench.wait(Duration::from_micros(1));
    assert_eq!(bench.version(), BASE_REACH);
}
