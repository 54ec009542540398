//! Counters, snapshots, and downlinks that are not what they should be.
use super::bench::*;
use crate::agent::{Action, AgentConfig, AgentSnapshot, Event};
use chirrup_protocol::epoch::{DOWNLINK_BLOCK, Limits};
use chirrup_protocol::message::control::Control;
use chirrup_protocol::message::port;
use chirrup_protocol::message::status::Status;
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
        assert!(counter < node.flash.epochs.up_limit, "{counter}: {:?}", node.flash);
        let downlink = node.peer.control(&Control::default());
        node.answer(Some(&downlink));
    }
    assert_eq!(node.flash.epochs.up_limit, 256, "blocks of 64");
}

#[test]
fn failing_storage_stops_frames_and_is_tried_again() {
    let mut board = Board::new(SHAPE);
    let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
    node.storage_works = false;
    let mut before = Instant::ZERO;
    for _ in 0..5 {
        let action = node.next_action();
        assert!(matches!(action, Action::Store(snapshot) if snapshot.epochs.up_limit == 64), "{action:?}");
        assert!(node.now > before);
        before = node.now;
        node.agent.handle(node.now, Event::StoreFailed);
    }
    node.storage_works = true;
    node.next_frame();
    assert_eq!(node.flash.epochs.up_limit, 64);
}

#[test]
fn after_a_power_cut_counters_and_numbers_go_on_beyond_what_was_reserved() {
    let mut board = Board::new(SHAPE);
    let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
    node.hear_task(RULE);
    node.learn(10);
    assert_eq!(node.exchange(None).0, port::CONTRIBUTION);
    let (flash, now) = (node.flash, node.now);
    assert_eq!((flash.epochs.up_limit, flash.sequences), (64, 16));
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
    assert_eq!(node.agent.counts().bad_downlinks, 0);
    // The power fails at once: nothing was stored since the last downlink.
    let (flash, now) = (node.flash, node.now);
    assert!(flash.epochs.down_limit[0] >= 9 && flash.epochs.down_limit[0] < 9 + DOWNLINK_BLOCK);
    let mut node = board.power_on(flash, now + Duration::from_secs(60));
    for (count, downlink) in downlinks.iter().enumerate() {
        node.exchange(Some(downlink));
        assert_eq!(node.agent.counts().bad_downlinks, count as u64 + 1);
    }
    let next = node.peer.seal_with(flash.epochs.down_limit[0], port::CONTROL, &[0]);
    let (fport, message) = node.exchange(Some(&(port::CONTROL, next)));
    assert_eq!(node.agent.counts().bad_downlinks, 9);
    let told = Status::parse(&message).unwrap().downlinks_from.map(u64::from);
    assert_eq!((fport, told), (port::STATUS, Some(flash.epochs.down_limit[0])));
    let (_, message) = node.exchange(None);
    assert_eq!(Status::parse(&message).unwrap().downlinks_from, None, "one was opened");
}

/// An agent that takes new keys after 20 frames.
fn short_lived(board: &mut Board) -> Node<'_> {
    let epoch_limits = Limits { counters: 20, age: Duration::from_secs(86_400) };
    let config = AgentConfig { epoch_limits, ..config(SHAPE) };
    board.power_on_as(config, AgentSnapshot::default(), Instant::ZERO)
}

#[test]
fn a_new_epoch_is_stored_before_its_first_frame_and_needs_an_answer() {
    let mut board = Board::new(SHAPE);
    let mut node = short_lived(&mut board);
    for counter in 0..25 {
        let uplink = node.next_frame();
        assert_eq!((node.peer.read(&uplink).0, node.peer.open(&uplink).0), (0, counter), "nobody answers");
        node.answer(None);
    }
    let control = node.peer.control(&Control::default());
    node.exchange(Some(&control));
    let late = node.peer.control(&Control { data_rate: Some(DataRate(2)), ..Control::default() });
    let uplink = node.next_frame();
    assert_eq!((node.agent.epoch(), node.flash.epochs.epoch, node.flash.epochs.up_limit), (1, 1, 64));
    assert_eq!((node.peer.open(&uplink).0, node.peer.epoch), (0, 1));
    // What the aggregator sealed before it knew is opened too, and once.
    node.answer(Some(&late));
    assert_eq!(node.agent.counts().bad_downlinks, 0);
    node.exchange(Some(&late));
    assert_eq!((node.agent.counts().bad_downlinks, node.link.data_rate), (1, DataRate(2)));
    let control = node.peer.control(&Control::default());
    node.exchange(Some(&control));
    assert_eq!(node.agent.counts().bad_downlinks, 1, "sealed under the new epoch, from counter 0");
}

#[test]
fn joins_and_power_cuts_begin_no_epoch() {
    let mut board = Board::new(SHAPE);
    let (mut flash, mut now, mut peer) = (AgentSnapshot::default(), Instant::ZERO, Peer::default());
    for life in 0..6 {
        let mut node = board.power_on(flash, now);
        node.peer = peer;
        for _ in 0..3 {
            node.link.joined = false;
            assert_eq!(node.next_action(), Action::Join);
            node.link.joined = true;
            node.agent.handle(node.now, Event::Joined);
            let control = node.peer.control(&Control::default());
            node.exchange(Some(&control));
            assert_eq!((node.agent.epoch(), node.flash.epochs.up_limit), (0, 64 * (life + 1)));
        }
        (flash, now, peer) = (node.flash, node.now, node.peer);
    }
}
