//! Tasks and models on their way to a node, and those that it refuses.
use super::bench::*;
use crate::agent::AgentSnapshot;
use chirrup_learn::Shape;
use chirrup_protocol::ids::TaskId;
use chirrup_protocol::manifest::Manifest;
use chirrup_protocol::message::control::Control;
use chirrup_protocol::message::port;
use chirrup_protocol::message::status::{Progress, Status};
use chirrup_protocol::object::{ObjectKind, ObjectTag, is_whole};
use chirrup_protocol::task::Task;
use chirrup_protocol::time::{Duration, Instant};
use ed25519_dalek::SigningKey;

#[test]
fn a_task_is_put_together_from_chunks_lost_repeated_and_out_of_order() {
    let mut board = Board::new(SHAPE);
    let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
    let stream = task_stream(1, RULE);
    let tag = ObjectTag::new(ObjectKind::Task, 1);
    let pieces = node.peer.chunks(tag, &stream);
    assert_eq!(pieces.len(), 5);
    for index in [4, 0, 2] {
        node.exchange(Some(&pieces[index]));
    }
    let (fport, message) = node.exchange(None);
    assert_eq!(fport, port::STATUS);
    let progress = Status::parse(&message).unwrap().progress.unwrap();
    assert_eq!((progress.object, progress.first_missing, progress.received_after), (tag, 1, 0b101));
    // The same chunks once more, sealed anew.
    let again = node.peer.chunks(tag, &stream);
    for index in [0, 1] {
        node.exchange(Some(&again[index]));
    }
    assert!(!node.agent.has_task());
    node.exchange(Some(&again[3]));
    assert!(node.agent.has_task());
    assert_eq!(*node.agent.counts(), Default::default());
    let applied_at = node.now;
    let (_, message) = node.exchange(None);
    assert!(node.now - applied_at < Duration::from_secs(60), "a model may be waiting");
    let status = Status::parse(&message).unwrap();
    assert_eq!((status.task_version_low, status.progress), (Some(1), None));
}

#[test]
fn chunks_are_polled_for_quickly_and_silence_slowly() {
    let mut board = Board::new(SHAPE);
    let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
    let began = node.now;
    node.hear_task(RULE);
    assert!(node.now - began < Duration::from_secs(6 * 40), "{}", node.now);
    let mut board = Board::new(SHAPE);
    let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
    (0..20).for_each(|_| drop(node.exchange(None)));
    assert!(node.now - began > Duration::from_secs(3_600), "{}", node.now);
}

/// Offers an object to a node with task 1 and model 5, and tells whether the node refused it and changed nothing.
fn is_refused(kind: ObjectKind, version: u32, stream: &[u8]) -> bool {
    let mut board = Board::new(SHAPE);
    let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
    node.hear_task(RULE);
    node.hear_object(ObjectKind::Model, 5, &model_stream(5, 0.5));
    let still_now = Control { time_s: Some(1_000_000), ..Control::default() };
    let now = node.peer.control(&still_now);
    node.exchange(Some(&now));
    node.hear_object(kind, version, stream);
    // Were it expired by a wrong clock only, it would be used now.
    let now = node.peer.control(&still_now);
    node.exchange(Some(&now));
    let counts = *node.agent.counts();
    node.learn(10);
    let contribution = node.next_message();
    let unchanged = {
        let mut board = Board::new(SHAPE);
        let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
        node.hear_task(RULE);
        node.hear_object(ObjectKind::Model, 5, &model_stream(5, 0.5));
        node.learn(10);
        contribution == node.next_message()
    };
    unchanged && node.agent.model_version() == 5 && (counts.bad_objects, counts.models) == (1, 1)
}

fn signed_by(key: [u8; 32], manifest: &Manifest, object: &[u8]) -> Vec<u8> {
    [manifest.sign(&SigningKey::from_bytes(&key)).as_slice(), object].concat()
}

#[test]
fn models_that_are_not_ours_are_refused() {
    let object = model_bytes(&[2.0; 8]);
    let good = manifest(ObjectKind::Model, 6, 8, &object);
    let model =
        |manifest: &Manifest| is_refused(ObjectKind::Model, manifest.version, &stream(manifest, &object));
    assert!(!model(&good));
    assert!(is_refused(ObjectKind::Model, 6, &signed_by([4; 32], &good, &object)), "signature");
    assert!(model(&Manifest { task: TaskId(2), ..good }), "another task");
    assert!(model(&Manifest { version: 4, ..good }), "older");
    assert!(model(&Manifest { expires_s: 1_000_000, ..good }), "expired");
    assert!(!model(&Manifest { expires_s: 1_100_000, ..good }), "expires later");
    assert!(model(&Manifest { codec: 7, ..good }), "wrong shape");
    assert!(model(&Manifest { codec: 99, ..good }), "unknown codec");
    assert!(model(&Manifest { sha256: [1; 32], ..good }), "another object");
    let mut altered = object.clone();
    altered[5] ^= 1;
    assert!(is_refused(ObjectKind::Model, 6, &[good.sign(&signing_key()).as_slice(), &altered].concat()));
    // As a task it does not parse.
    assert!(is_refused(
        ObjectKind::Task,
        2,
        &stream(&Manifest { kind: ObjectKind::Task, version: 2, ..good }, &object)
    ));
}

const NOW_S: u32 = 1_000_000;
const DAY_S: u32 = 86_400;

fn time(time_s: u32) -> Control {
    Control { time_s: Some(time_s), ..Control::default() }
}

fn model_until(version: u32, expires_s: u32) -> Vec<u8> {
    let object = model_bytes(&[version as f32; 8]);
    stream(&Manifest { expires_s, ..manifest(ObjectKind::Model, version, 8, &object) }, &object)
}

/// A node with task 1 that was told the time, and whose clock was set forward then.
fn set_forward(board: &mut Board, by_s: u64) -> Node<'_> {
    let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
    node.hear_task(RULE);
    let now = node.peer.control(&time(NOW_S));
    node.exchange(Some(&now));
    node.now = node.now + Duration::from_secs(by_s);
    node
}

fn progress(node: &mut Node<'_>) -> Option<Progress> {
    let (fport, message) = node.exchange(None);
    assert_eq!(fport, port::STATUS);
    Status::parse(&message).unwrap().progress
}

#[test]
fn a_node_whose_clock_was_set_forward_keeps_what_it_was_sent_until_it_is_told_the_time() {
    for days in [2, 30, 4_000] {
        let mut board = Board::new(SHAPE);
        let mut node = set_forward(&mut board, days * u64::from(DAY_S));
        let stream = model_until(1, NOW_S + DAY_S);
        for _ in 0..2 {
            node.hear_object(ObjectKind::Model, 1, &stream);
            assert_eq!(node.agent.model_version(), 0, "by its clock it has expired");
        }
        let expired_at = node.now;
        let held = progress(&mut node).unwrap();
        assert!(node.now - expired_at < Duration::from_secs(60), "it asks soon");
        assert_eq!(held.object, ObjectTag::new(ObjectKind::Model, 1));
        assert!(is_whole(held, stream.len()));
        let now = node.peer.control(&time(NOW_S + 500));
        node.exchange(Some(&now));
        let counts = node.agent.counts();
        assert_eq!((node.agent.model_version(), counts.models, counts.bad_objects), (1, 1, 0));
        assert_eq!(progress(&mut node), None);
    }
}

#[test]
fn what_has_expired_by_the_time_that_is_told_is_dropped_and_something_newer_replaces_it() {
    let mut board = Board::new(SHAPE);
    let mut node = set_forward(&mut board, 2 * u64::from(DAY_S));
    node.hear_object(ObjectKind::Model, 1, &model_until(1, NOW_S + 100));
    // A word without the time settles nothing.
    let advice = Control { data_rate: Some(node.link.data_rate), ..Control::default() };
    let advice = node.peer.control(&advice);
    node.exchange(Some(&advice));
    assert!(progress(&mut node).is_some());
    let now = node.peer.control(&time(NOW_S + 100));
    node.exchange(Some(&now));
    assert_eq!(progress(&mut node), None);
    assert_eq!((node.agent.model_version(), node.agent.counts().bad_objects), (0, 1));
    node.now = node.now + Duration::from_secs(9 * u64::from(DAY_S));
    node.hear_object(ObjectKind::Model, 2, &model_until(2, NOW_S + DAY_S));
    node.hear_object(ObjectKind::Model, 3, &model_until(3, NOW_S + DAY_S));
    let now = node.peer.control(&time(NOW_S + 200));
    node.exchange(Some(&now));
    assert_eq!((node.agent.model_version(), node.agent.counts().bad_objects), (3, 1));
}

/// The network may deliver an answer with the time twice, and hold one back.
#[test]
fn neither_a_time_told_twice_nor_one_overtaken_makes_an_old_object_new() {
    let mut board = Board::new(SHAPE);
    let mut node = set_forward(&mut board, 0);
    let [old, held_back] = [NOW_S, NOW_S + 1].map(|at| node.peer.control(&time(at)));
    node.exchange(Some(&old));
    let new = node.peer.control(&time(NOW_S + 3 * DAY_S));
    node.exchange(Some(&new));
    node.hear_object(ObjectKind::Model, 1, &model_until(1, NOW_S + DAY_S));
    node.exchange(Some(&old));
    assert_eq!(node.agent.counts().bad_downlinks, 1);
    node.exchange(Some(&held_back));
    assert_eq!(node.agent.counts().bad_downlinks, 1, "it is in order, but of no use");
    assert_eq!((node.agent.model_version(), progress(&mut node).is_some()), (0, true));
}

#[test]
fn tasks_that_are_not_ours_are_refused_and_leave_the_scale_alone() {
    let shaped = |features, classes| {
        let object = task_bytes(&Task { features, classes, ..task(RULE) });
        is_refused(ObjectKind::Task, 2, &stream(&manifest(ObjectKind::Task, 2, 0, &object), &object))
    };
    assert!(!shaped(3, 2));
    assert!(shaped(2, 2) && shaped(4, 2) && shaped(3, 3));
    let mut object = task_bytes(&task(RULE));
    object.push(0);
    assert!(is_refused(ObjectKind::Task, 2, &stream(&manifest(ObjectKind::Task, 2, 0, &object), &object)));
    // An old one under the number of a new one: only its manifest tells.
    let object = task_bytes(&task(RULE));
    assert!(is_refused(ObjectKind::Task, 2, &stream(&manifest(ObjectKind::Task, 1, 0, &object), &object)));
}

#[test]
fn a_model_without_a_task_and_an_object_without_room_are_refused() {
    let mut board = Board::new(SHAPE);
    let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
    node.hear_object(ObjectKind::Model, 1, &model_stream(1, 1.0));
    assert_eq!((node.agent.counts().bad_objects, node.agent.model_version()), (1, 0));
    let object = vec![1; 16 * 34];
    node.hear_object(ObjectKind::Task, 1, &stream(&manifest(ObjectKind::Task, 1, 0, &object), &object));
    assert!(node.agent.counts().bad_objects > 1);
    node.hear_task(RULE);
}

#[test]
fn an_object_that_is_refused_again_and_again_is_fetched_more_slowly() {
    let mut board = Board::new(Shape { features: 2, classes: 2 });
    let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
    let (stream, tag) = (task_stream(1, RULE), ObjectTag::new(ObjectKind::Task, 1));
    for _ in 0..20 {
        for chunk in node.peer.chunks(tag, &stream) {
            node.exchange(Some(&chunk));
        }
    }
    assert_eq!(node.agent.counts().bad_objects, 20);
    assert!(node.now > Instant::from_micros(20 * 5 * 300_000_000), "{}", node.now);
}
