//! The life of epochs: which frames are opened, under what they are answered, and what a restart remembers.
use crate::bench::*;
use chirrup_aggregator::core::ledger::ReplayError;
use chirrup_aggregator::core::{Aggregator, Record, Reject};
use chirrup_protocol::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

fn restarted(bench: &Bench) -> Bench {
    let mut aggregator = Aggregator::new(federation(), signing_key());
    bench.ledger.iter().try_for_each(|record| aggregator.apply(record)).unwrap();
    Bench { aggregator, ledger: bench.ledger.clone(), now: bench.now, put_off: 0 }
}

fn epoch(bench: &Bench) -> u32 {
    bench.aggregator.devices().next().unwrap().epoch
}

#[test]
fn an_epoch_is_known_by_its_first_frame_and_answered_under_its_key() {
    let (mut bench, mut nodes) = Bench::settled();
    for number in 1..9 {
        nodes[0].begin(number);
        let uplink = nodes[0].holding(0, 0);
        let answered = bench.exchange(&mut nodes[0], uplink);
        assert!(answered.is_some());
        assert_eq!((nodes[0].heard.last(), epoch(&bench)), (Some(&(number, 0)), number));
        bench.wait(Duration::from_secs(60));
        if number == 4 {
            bench = restarted(&bench);
        }
    }
    assert!(bench.aggregator.rejects().is_empty());
}

#[test]
fn epochs_from_two_behind_to_one_ahead_are_opened_and_each_frame_counts_once() {
    let (mut bench, mut nodes) = Bench::settled();
    let held_back: Vec<_> = (0..7u32)
        .map(|number| {
            nodes[0].begin(number);
            // Beyond what a node with no answer would have used, and beyond the sixteen bits that travel.
            nodes[0].next_counter = 140_000;
            nodes[0].holding(0, 0)
        })
        .collect();
    for number in 1..5 {
        nodes[0].begin(number);
        bench.send(nodes[0].holding(0, 0));
    }
    for (number, opens) in [(0, false), (1, false), (6, false), (2, true), (3, true), (4, true), (5, true)] {
        let before = bench.ledger.len();
        bench.send(held_back[number].clone());
        assert_eq!(bench.ledger.len() > before, opens, "epoch {number} with 4 known");
    }
    assert_eq!((epoch(&bench), bench.rejected(Reject::NotAuthentic)), (5, 3));
    let mut again = restarted(&bench);
    for frame in &held_back[3..6] {
        again.send(frame.clone());
    }
    assert_eq!(again.rejected(Reject::Replayed), 3);
    // Two behind was 2 until epoch 5 began.
    again.send(held_back[2].clone());
    assert_eq!(again.rejected(Reject::NotAuthentic), 1);
}

#[test]
fn a_late_frame_of_the_epoch_before_does_not_replace_what_came_since() {
    let (mut bench, mut nodes) = Bench::settled();
    nodes[0].next_counter = 50;
    let late = nodes[0].holding(0, 0);
    nodes[0].begin(1);
    bench.send(nodes[0].contribution(0, 8, &[0.5; PARAMS]));
    bench.wait(MAX_INTERVAL);
    bench.send(nodes[0].holding(1, 1));
    bench.send(late);
    assert_eq!(bench.aggregator.devices().next().unwrap().model_version, 1);
    assert!(bench.aggregator.rejects().is_empty());
}

#[test]
fn downlink_counters_begin_anew_in_each_epoch_and_are_used_once() {
    let (mut bench, mut nodes) = Bench::settled();
    for number in 1..6 {
        nodes[0].begin(number);
        for _ in 0..20 {
            let uplink = nodes[0].holding(0, 0);
            assert!(bench.exchange(&mut nodes[0], uplink).is_some());
            bench = restarted(&bench);
        }
        let of_epoch: Vec<_> = nodes[0].heard.iter().filter(|(of, _)| *of == number).collect();
        assert_eq!((of_epoch.len(), of_epoch[0].1, of_epoch[1].1), (20, 0, 64), "a restart skips a block");
    }
    let mut ledger = bench.ledger.clone();
    let dev_eui = dev_eui(0);
    ledger.push(Record::DownlinkCounters { dev_eui, epoch: 6, limit: 64 });
    let mut aggregator = Aggregator::new(federation(), signing_key());
    let replayed = ledger.iter().try_for_each(|record| aggregator.apply(record));
    assert_eq!(replayed, Err(ReplayError::UnknownEpoch { dev_eui, epoch: 6, known: 5 }));
}

#[test]
fn a_gateway_cannot_revive_what_it_held_back() {
    let (mut bench, mut nodes) = Bench::settled();
    let held_back = nodes[0].holding(0, 0);
    nodes[0].begin(1);
    bench.wait(DAY);
    // Nothing later came in the meantime: a backlog is welcome.
    let backlog = held_back.clone();
    let (mut other, mut same) = (restarted(&bench), nodes[0].clone());
    other.send(backlog);
    assert!(other.aggregator.rejects().is_empty());
    bench.send(same.holding(0, 0));
    bench.wait(MAX_FRAME_AGE);
    let mut in_time = restarted(&bench);
    in_time.send(held_back.clone());
    assert!(in_time.aggregator.rejects().is_empty());
    bench.wait(Duration::from_secs(MAX_FRAME_AGE.as_micros() / 1_000_000 / 16 + 2));
    for mut bench in [restarted(&bench), bench] {
        assert_eq!(bench.send(held_back.clone()).downlink, None);
        assert_eq!(bench.rejected(Reject::TooOld), 1);
    }
}
