//! Samples, and the models that they change.
use super::bench::*;
use crate::agent::{AgentSnapshot, Event};
use chirrup_protocol::message::port;
use chirrup_protocol::message::status::Status;
use chirrup_protocol::object::ObjectKind;
use chirrup_protocol::time::Instant;

const BAD: [(&[f32], usize); 5] = [
    (&[1.0, f32::NAN, 0.0], 0),
    (&[1.0, f32::INFINITY, 0.0], 0),
    (&[1.0, 2.0], 0),
    (&[1.0, 2.0, 3.0, 4.0], 1),
    (&[1.0, 2.0, 3.0], 2),
];

#[test]
fn bad_samples_are_counted_and_change_nothing() {
    for has_task in [false, true] {
        let messages = [false, true].map(|with_bad| {
            let mut board = Board::new(SHAPE);
            let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
            if has_task {
                node.hear_task(RULE);
            }
            for (features, label) in BAD.into_iter().filter(|_| with_bad) {
                node.agent.handle(node.now, Event::SampleArrived { features, label });
            }
            node.learn(10);
            assert_eq!(node.agent.counts().bad_samples, if with_bad { 5 } else { 0 });
            assert_eq!(node.agent.counts().samples, 10);
            node.next_message()
        });
        assert_eq!(messages[0], messages[1]);
    }
}

#[test]
fn a_model_moves_what_the_node_runs() {
    let mut board = Board::new(SHAPE);
    let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
    node.hear_task(RULE);
    assert_eq!(node.agent.model_version(), 0);
    node.hear_object(ObjectKind::Model, 4, &model_stream(4, 0.25));
    assert_eq!((node.agent.model_version(), node.agent.counts().models), (4, 1));
    assert_eq!(node.agent.deployed(), [0.25; 8]);
    node.learn(20);
    assert_eq!(node.agent.deployed(), [0.25; 8], "training does not touch it");
    node.hear_object(ObjectKind::Model, 9, &model_stream(9, -1.0));
    assert_eq!((node.agent.model_version(), node.agent.deployed()), (9, [-1.0; 8].as_slice()));
}

#[test]
fn a_node_tells_how_the_model_does_on_its_samples() {
    let mut board = Board::new(SHAPE);
    let mut node = board.power_on(AgentSnapshot::default(), Instant::ZERO);
    node.hear_task(chirrup_protocol::task::Participation { max_per_version: 0, ..RULE });
    // Class 1 where the first feature is positive.
    let object = model_bytes(&[-1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
    let manifest = manifest(ObjectKind::Model, 2, 8, &object);
    node.hear_object(ObjectKind::Model, 2, &stream(&manifest, &object));
    node.learn(9);
    let (fport, message) = node.exchange(None);
    assert_eq!(fport, port::STATUS);
    let evaluation = Status::parse(&message).unwrap().evaluation.unwrap();
    assert_eq!((evaluation.version_low, evaluation.correct, evaluation.total), (2, 9, 9));
    let (_, message) = node.exchange(None);
    assert_eq!(Status::parse(&message).unwrap().evaluation, None, "each verdict is told once");
}
