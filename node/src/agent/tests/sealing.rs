//! Counters, snapshots, and downlinks that are not what they should be.
use super::bench::*;
use crate::agent::{Action, AgentSnapshot, Event};
use chirrup_protocol::message::control::Control;
use chirrup_protocol::message::port;
use chirrup_protocol::region::DataRate;
use chirrup_protocol::time::{Duration, Instant};

#[test]
fn no_frame_leaves_before_its_counter_is_durable() {
    let mut board = Board::new(SHAPE);
    let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
    for expected in 0..200 {
        let uplink = node.next_frame();
        let (counter, _) = node.peer.open(&uplink);
        assert_eq!(counter, expected);
        assert!(counter < node.flash.up_counters, "{counter}: {:?}", node.flash);
        let downlink = node.peer.control(&Control::default());
        node.answer(Some(&downlink));
    }
    assert_eq!(node.flash.up_counters, 256, "blocks of 64");
}

#[test]
fn failing_storage_stops_frames_and_is_tried_again() {
    let mut board = Board::new(SHAPE);
    let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
    node.storage_works = false;
    let mut before = Instant::ZERO;
    for _ in 0..5 {
        let action = node.next_action();
        assert!(matches!(action, Action::Store(snapshot) if snapshot.up_counters == 64), "{action:?}");
        assert!(node.now > before);
        before = node.now;
        node.agent.handle(node.now, Event::StoreFailed);
    }
    node.storage_works = true;
    node.next_frame();
    assert_eq!(node.flash.up_counters, 64);
}

#[test]
fn after_a_power_cut_counters_and_numbers_go_on_beyond_what_was_reserved() {
    let mut board = Board::new(SHAPE);
    let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
    node.hear_task(RULE);
    node.learn(10);
    assert_eq!(node.exchange(None).0, port::CONTRIBUTION);
    let (flash, now) = (node.flash, node.now);
    assert_eq!((flash.up_counters, flash.sequences), (64, 16));
    let mut node = board.power_on(flash, now);
    let uplink = node.next_frame();
    assert_eq!(node.peer.open(&uplink).0, 64);
    assert_eq!(node.flash.sequences, 16, "no number is passed over before a contribution is sent");
}

#[test]
fn replayed_and_altered_downlinks_are_refused() {
    let mut board = Board::new(SHAPE);
    let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
    let advice = Control { data_rate: Some(DataRate(3)), ..Control::default() };
    let downlink = node.peer.control(&advice);
    node.exchange(Some(&downlink));
    assert_eq!(node.agent.counts().bad_downlinks, 0);
    node.next_frame();
    assert_eq!(node.link.data_rate, DataRate(3));
    node.link = link(DataRate(5));

    let mut hostile = vec![downlink.clone()];
    let fresh = node.peer.control(&advice);
    for index in 0..fresh.1.len() {
        let mut altered = fresh.clone();
        altered.1[index] ^= 0x10;
        hostile.push(altered);
    }
    hostile.push((port::CHUNK, fresh.1.clone()));
    hostile.push((port::CONTROL, Vec::new()));
    hostile.push((port::CONTROL, vec![0; 242]));
    hostile.push(node.peer.seal(port::CONTROL, &[0xff]));
    hostile.push(node.peer.seal(port::CHUNK, &[0x80, 0]));
    hostile.push(node.peer.seal(99, &[0]));
    for (count, downlink) in hostile.iter().enumerate() {
        node.answer(Some(downlink));
        assert_eq!(node.agent.counts().bad_downlinks, count as u64 + 1, "{downlink:?}");
        node.next_frame();
        assert_eq!(node.link.data_rate, DataRate(5), "{downlink:?}");
    }
    node.answer(Some(&fresh));
    node.next_frame();
    assert_eq!(node.link.data_rate, DataRate(3), "the unaltered one is still good");
}

#[test]
fn a_downlink_heard_before_a_power_cut_is_refused_after_it() {
    let mut board = Board::new(SHAPE);
    let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
    let downlinks: Vec<_> = (0..9).map(|_| node.peer.control(&Control::default())).collect();
    for downlink in &downlinks {
        node.exchange(Some(downlink));
    }
    // The snapshot is made before the next frame.
    node.next_frame();
    let (flash, now) = (node.flash, node.now);
    assert!(flash.down_from >= 9 && flash.down_from <= 9 + 4);
    let mut node = board.power_on(flash, now + Duration::from_secs(60));
    for (count, downlink) in downlinks.iter().enumerate() {
        node.exchange(Some(downlink));
        assert_eq!(node.agent.counts().bad_downlinks, count as u64 + 1);
    }
    let next = node.peer.seal_with(flash.down_from, port::CONTROL, &[0]);
    node.exchange(Some(&(port::CONTROL, next)));
    assert_eq!(node.agent.counts().bad_downlinks, 9);
}
