//! Every reason to refuse an uplink can happen, is counted, and changes nothing else.
use crate::bench::*;
use chirrup_aggregator::core::Reject;
use chirrup_protocol::backhaul::Uplink;
use chirrup_protocol::ids::TaskId;
use chirrup_protocol::message::moments::FeatureMoments;
use chirrup_protocol::message::port;
use chirrup_protocol::time::Duration;

const UPDATE: [f32; PARAMS] = [0.5; PARAMS];

fn altered(mut uplink: Uplink, index: usize, bits: u8) -> Uplink {
    uplink.payload[index] ^= bits;
    uplink
}

/// An uplink that is refused for this reason in a settled federation at version 3.
fn uplink_for(reason: Reject, node: &mut Node, replayed: &Uplink, held_back: &Uplink) -> Uplink {
    match reason {
        Reject::UnknownDevice => Node::new(77).contribution(3, 8, &UPDATE),
        Reject::Revoked => Node::new(REVOKED).contribution(3, 8, &UPDATE),
        Reject::WrongLength => Uplink { payload: vec![0x40; 10], ..node.contribution(3, 8, &UPDATE) },
        Reject::UnknownHeader => altered(node.contribution(3, 8, &UPDATE), 0, 0x80),
        Reject::Replayed => replayed.clone(),
        Reject::TooOld => held_back.clone(),
        Reject::NotAuthentic => altered(node.contribution(3, 8, &UPDATE), 9, 1),
        Reject::UnknownPort => node.uplink(99, &[1, 2, 3]),
        Reject::MalformedMessage => node.uplink(port::STATUS, &[0xff; 5]),
        Reject::WrongTask => node.contribution_as(TaskId(9), 3, 200, 8, &UPDATE),
        Reject::OutOfSeason => node.moments(0, 4, &[FeatureMoments::default(); FEATURES]),
        Reject::UnknownBase => node.contribution(4, 8, &UPDATE),
        Reject::TooStale => node.contribution(0, 8, &UPDATE),
        Reject::Duplicate => node.contribution_as(TASK_ID, 3, 0, 8, &UPDATE),
        Reject::BadPayload => node.contribution(3, 8, &[0.5; 40]),
    }
}

#[test]
fn every_reason_is_reached_and_counted_alone() {
    for reason in Reject::ALL {
        let (mut bench, mut nodes) = Bench::settled();
        let held_back = nodes[0].holding(0, 0);
        let replayed = nodes[0].contribution(0, 8, &UPDATE);
        bench.send(replayed.clone());
        bench.wait(MAX_INTERVAL);
        for version in 1..3 {
            bench.send(nodes[1].contribution(version, 8, &UPDATE));
            bench.wait(MAX_INTERVAL);
        }
        let (accepted, hash) = (bench.aggregator.accepted(), bench.aggregator.current().unwrap().hash);
        bench.send(uplink_for(reason, &mut nodes[0], &replayed, &held_back));
        assert_eq!(bench.aggregator.rejects().iter().collect::<Vec<_>>(), [(&reason, &1)]);
        assert_eq!((bench.aggregator.accepted(), bench.aggregator.waiting()), (accepted, 0));
        bench.wait(MAX_INTERVAL.saturating_mul(2));
        assert_eq!(bench.aggregator.current().unwrap().hash, hash);
    }
}

#[test]
fn only_frames_with_a_good_seal_reach_the_ledger_and_are_answered() {
    let outer = [
        Reject::UnknownDevice,
        Reject::Revoked,
        Reject::WrongLength,
        Reject::UnknownHeader,
        Reject::Replayed,
        Reject::NotAuthentic,
        Reject::TooOld,
    ];
    let (mut bench, mut nodes) = Bench::settled();
    let held_back = nodes[0].holding(0, 0);
    let replayed = nodes[0].contribution(0, 8, &UPDATE);
    bench.send(replayed.clone());
    bench.wait(MAX_INTERVAL.saturating_mul(3));
    let records = bench.ledger.len();
    for reason in outer {
        let uplink = uplink_for(reason, &mut nodes[0], &replayed, &held_back);
        assert_eq!(bench.send(uplink).downlink, None, "{reason}");
        assert_eq!(bench.ledger.len(), records, "{reason}");
    }
}

#[test]
fn a_frame_with_any_bit_of_any_byte_flipped_is_refused() {
    let (mut bench, mut nodes) = Bench::settled();
    let uplink = nodes[0].contribution(0, 8, &UPDATE);
    for index in 0..uplink.payload.len() {
        for bit in 0..8 {
            bench.send(altered(uplink.clone(), index, 1 << bit));
            // Bad tags cost their gateway a second each.
            bench.wait(Duration::from_secs(1));
        }
    }
    for fport in (0..=255).filter(|fport| *fport != uplink.fport) {
        bench.send(Uplink { fport, ..uplink.clone() });
        bench.wait(Duration::from_secs(1));
    }
    bench.send(Uplink { dev_eui: dev_eui(1), ..uplink.clone() });
    assert_eq!(bench.aggregator.accepted(), 0);
    let bytes = uplink.payload.len() as u64;
    let refused: u64 = bench.aggregator.rejects().values().sum();
    assert_eq!(refused, bytes * 8 + 255 + 1);
    // Version and flags of the header; everything else is the seal's.
    assert_eq!(bench.rejected(Reject::UnknownHeader), 6);
    assert_eq!(bench.rejected(Reject::NotAuthentic), refused - 6);
    // And yet the frame itself, by whatever road, is as good as before.
    bench.send(uplink);
    assert_eq!(bench.aggregator.accepted(), 1);
}

#[test]
fn contributions_before_the_task_are_out_of_season() {
    let mut bench = Bench::new(federation());
    let mut node = Node::new(0);
    bench.send(node.contribution(0, 8, &UPDATE));
    assert_eq!(bench.rejected(Reject::OutOfSeason), 1);
    bench.send(node.moments(1, 4, &[FeatureMoments::default(); FEATURES]));
    assert_eq!(bench.rejected(Reject::BadPayload), 1, "a feature beyond the last");
    assert_eq!(bench.aggregator.next_deadline(), None);
    bench.wait(Duration::from_secs(100_000));
    assert!(bench.aggregator.current().is_none());
}
