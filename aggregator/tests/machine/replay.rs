//! The ledger is all there is to an aggregator: it gives every version again, and finds what was altered.
use crate::bench::*;
use chirrup_aggregator::core::ledger::{Closing, Record, ReplayError};
use chirrup_aggregator::core::version::ContributionId;
use chirrup_aggregator::core::{Aggregator, Reject};
use chirrup_protocol::message::moments::FeatureMoments;
use chirrup_protocol::message::port;
use chirrup_protocol::time::Duration;

/// A federation with some history: versions of several contributions, refusals of messages, downlinks.
fn history() -> (Bench, Vec<Node>) {
    let (mut bench, mut nodes) = Bench::settled();
    for round in 0..5u32 {
        for node in &mut nodes {
            let version = bench.version();
            let update = [0.1 * round as f32, 0.2, -0.3, 0.05 * node.device as f32, 0.5, 0.0];
            let uplink = node.contribution(version.saturating_sub(node.device as u32), 8 + round, &update);
            bench.exchange(node, uplink);
            let uplink = node.holding(1, version as u8);
            bench.exchange(node, uplink);
        }
        bench.send(nodes[0].uplink(port::STATUS, &[9]));
        bench.send(nodes[1].contribution_as(TASK_ID, 0, 0, 8, &[1.0; PARAMS]));
        bench.send(nodes[2].moments(0, 1, &[FeatureMoments::default(); FEATURES]));
        bench.wait(MAX_INTERVAL);
    }
    (bench, nodes)
}

fn replay(ledger: &[Record]) -> Result<Aggregator, ReplayError> {
    let mut aggregator = Aggregator::new(federation(), signing_key());
    ledger.iter().try_for_each(|record| aggregator.apply(record))?;
    assert_eq!(aggregator.poll_action(), None, "a replay asks for nothing");
    Ok(aggregator)
}

#[test]
fn the_ledger_gives_every_version_and_count_again() {
    let (bench, _) = history();
    let replayed = replay(&bench.ledger).unwrap();
    assert!(bench.version() >= 5);
    assert_eq!(replayed.versions(), bench.aggregator.versions());
    assert_eq!(replayed.current(), bench.aggregator.current());
    assert_eq!(replayed.scales(), bench.aggregator.scales());
    assert_eq!(replayed.accepted(), bench.aggregator.accepted());
    assert_eq!(replayed.waiting(), bench.aggregator.waiting());
    // Those that show in the message; a frame that is refused for its seal is not in the ledger.
    assert_eq!(replayed.rejects(), bench.aggregator.rejects());
    assert!(bench.rejected(Reject::MalformedMessage) == 5 && bench.rejected(Reject::Duplicate) >= 1);
    assert!(replayed.devices().eq(bench.aggregator.devices()));
}

#[test]
fn what_a_device_said_before_it_was_revoked_stays() {
    let (mut bench, mut nodes) = history();
    let mut with_revocation = federation();
    with_revocation.devices[0].revoked_from = Some(bench.now + Duration::from_secs(10));
    let mut aggregator = Aggregator::new(with_revocation, signing_key());
    bench.ledger.iter().try_for_each(|record| aggregator.apply(record)).unwrap();
    assert_eq!(aggregator.versions(), bench.aggregator.versions());
    bench.aggregator = aggregator;

    let refused = |bench: &Bench| bench.rejected(Reject::Revoked);
    let mut held_back = nodes[0].contribution(bench.version(), 8, &[0.5; PARAMS]);
    held_back.received_at = bench.now;
    bench.send(nodes[0].contribution(bench.version(), 8, &[0.5; PARAMS]));
    assert_eq!(refused(&bench), 0, "it is not revoked yet");
    bench.wait(Duration::from_secs(10));
    // A gateway cannot bring it back by saying that the frame came earlier.
    assert_eq!(bench.send(held_back).downlink, None);
    assert_eq!(refused(&bench), 1);
    let accepted = bench.aggregator.accepted();
    bench.send(nodes[1].contribution(bench.version(), 8, &[0.5; PARAMS]));
    assert_eq!((bench.aggregator.accepted(), refused(&bench)), (accepted + 1, 1));
    replay(&bench.ledger).unwrap();
}

#[test]
fn it_goes_on_after_a_restart_as_if_there_had_been_none() {
    let (mut bench, mut nodes) = history();
    let ledger = bench.ledger.clone();
    let mut restarted = Bench { aggregator: replay(&ledger).unwrap(), ledger, now: bench.now, put_off: 0 };
    let mut hashes = Vec::new();
    for bench in [&mut bench, &mut restarted] {
        let mut nodes = nodes.clone();
        for node in &mut nodes {
            let version = bench.version();
            bench.send(node.contribution(version, 8, &[0.25; PARAMS]));
        }
        bench.wait(MAX_INTERVAL);
        hashes.push(bench.aggregator.current().unwrap().hash);
    }
    assert_eq!(hashes[0], hashes[1]);
    // A frame from before the restart is replayed after it.
    let Some(Record::Frame { uplink: old, .. }) = restarted.ledger.first().cloned() else {
        panic!("the ledger begins with a frame")
    };
    restarted.send(old);
    assert_eq!(restarted.rejected(Reject::Replayed), 1);
    // The node, which keeps every counter it heard, would see one that comes twice.
    for _ in 0..200 {
        nodes[0].next_counter += 10;
        let uplink = nodes[0].holding(0, 0);
        restarted.exchange(&mut nodes[0], uplink);
        restarted.wait(Duration::from_secs(60));
    }
}

#[test]
fn downlink_counters_are_not_used_again_however_often_it_restarts() {
    let (mut bench, mut nodes) = Bench::settled();
    for _ in 0..30 {
        for _ in 0..7 {
            let uplink = nodes[0].holding(0, 0);
            assert!(bench.exchange(&mut nodes[0], uplink).is_some());
        }
        let ledger = bench.ledger.clone();
        bench = Bench { aggregator: replay(&ledger).unwrap(), ledger, now: bench.now, put_off: 0 };
    }
    assert_eq!(nodes[0].heard.len(), 210);
}

/// The error of a ledger whose last closing record was altered.
fn altered(alter: impl FnOnce(&mut Closing)) -> ReplayError {
    let (bench, _) = history();
    let mut ledger = bench.ledger;
    let last = ledger.iter_mut().rev().find_map(|record| match record {
        Record::Closing(closing) => Some(closing),
        _ => None,
    });
    alter(last.unwrap());
    replay(&ledger).err().expect("it was altered")
}

#[test]
fn an_altered_closing_record_is_named() {
    let (bench, _) = history();
    let version = bench.version();
    let missing = ContributionId { dev_eui: dev_eui(2), task: TASK_ID, sequence: 99, block: 3 };
    let wrong_hash = ReplayError::WrongHash { what: "version", version };
    let broken = |named| ReplayError::BrokenChain { version: named, current: version - 1 };
    assert_eq!(altered(|closing| closing.hash[0] ^= 1), wrong_hash);
    assert_eq!(altered(|closing| closing.contributions.truncate(1)), wrong_hash);
    assert_eq!(altered(|closing| closing.parent[31] ^= 1), broken(version));
    assert_eq!(altered(|closing| closing.version += 1), broken(version + 1));
    assert_eq!(altered(|closing| closing.contributions.reverse()), ReplayError::Unordered { version });
    let twice = |closing: &mut Closing| closing.contributions.push(*closing.contributions.last().unwrap());
    assert_eq!(altered(twice), ReplayError::Unordered { version });
    let unknown = ReplayError::UnknownContribution { version, id: missing };
    assert_eq!(altered(|closing| closing.contributions.push(missing)), unknown);
}

#[test]
fn altered_and_misplaced_records_are_refused() {
    let (bench, _) = history();
    let mut ledger = bench.ledger.clone();
    let Some(Record::Frame { uplink: frame, .. }) = ledger.first_mut() else {
        panic!("the ledger begins with a frame")
    };
    frame.payload[5] ^= 1;
    assert!(matches!(replay(&ledger), Err(ReplayError::FrameRefused { reason: Reject::NotAuthentic, .. })));

    let mut ledger = bench.ledger.clone();
    ledger.push(ledger[0].clone());
    assert!(matches!(replay(&ledger), Err(ReplayError::FrameRefused { reason: Reject::Replayed, .. })));

    let settled = bench.ledger.iter().position(|record| matches!(record, Record::ScaleSettled(_))).unwrap();
    let mut ledger = bench.ledger.clone();
    let again = ledger[settled].clone();
    ledger.push(again);
    assert!(matches!(replay(&ledger), Err(ReplayError::BrokenChain { .. })), "the scale is settled once");

    let mut ledger = bench.ledger.clone();
    ledger.remove(settled - 1);
    assert_eq!(replay(&ledger).err(), Some(ReplayError::WrongHash { what: "task", version: 1 }));

    let mut ledger = bench.ledger;
    ledger.remove(settled);
    assert!(matches!(replay(&ledger), Err(ReplayError::BrokenChain { current: 0, .. })));
}
