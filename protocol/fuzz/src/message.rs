//! Messages inside a seal. Whatever parses is emitted again; where a message has one form only, to the same bytes.
use crate::input::Input;
use chirrup_protocol::ids::TaskId;
use chirrup_protocol::message::DoesNotFit;
use chirrup_protocol::message::chunk::Chunk;
use chirrup_protocol::message::contribution::{BaseVersion, Contribution, ExampleCount};
use chirrup_protocol::message::control::{Control, MomentsWanted, Receipt};
use chirrup_protocol::message::evaluation::{self, ClassVerdicts};
use chirrup_protocol::message::moments::{self, FeatureMoments, Moments};
use chirrup_protocol::message::status::{Evaluation, Progress, Status};
use chirrup_protocol::object::{ObjectKind, ObjectTag};
use chirrup_protocol::region::DataRate;

/// Largest message that the targets read; larger than any that a frame carries.
const ROOM: usize = 512;

/// The bytes that `emit` writes.
fn emitted(emit: impl FnOnce(&mut [u8]) -> Result<usize, DoesNotFit>) -> Vec<u8> {
    let mut buffer = vec![0; ROOM];
    let length = emit(&mut buffer).expect("what was received in one frame fits a larger one");
    buffer.truncate(length);
    buffer
}

/// Contribution: one form.
pub fn contribution(bytes: &[u8]) {
    let Ok(message) = Contribution::parse(bytes) else { return assert!(bytes.len() < 4) };
    assert_eq!(emitted(|buffer| message.emit(buffer)), bytes);
    assert!(message.task.0 < 16 && message.block < 16);
    assert_eq!(ExampleCount::at_most(message.examples.get()).get(), message.examples.get());
    let current = Input::new(bytes).u32();
    if let Some(base) = message.base.at(current) {
        assert!(base <= current && current - base < 1_024);
        assert_eq!(BaseVersion::of(base), message.base);
    }
}

/// Contributions to start from.
pub fn contribution_seeds() -> Vec<Vec<u8>> {
    let message = |payload| Contribution {
        task: TaskId(3),
        block: 2,
        base: BaseVersion::of(0x310),
        sequence: 0x20,
        examples: ExampleCount::at_most(100),
        payload,
    };
    [&[] as &[u8], &[0xaa; 36]].map(|payload| emitted(|buffer| message(payload).emit(buffer))).into()
}

/// Status: a bitmap may end in zeros that are not written again.
pub fn status(bytes: &[u8]) {
    let Ok(message) = Status::parse(bytes) else { return };
    let again = emitted(|buffer| message.emit(buffer));
    assert!(again.len() <= bytes.len());
    assert_eq!(Status::parse(&again), Ok(message));
}

/// Statuses to start from.
pub fn status_seeds() -> Vec<Vec<u8>> {
    let object = ObjectTag::new(ObjectKind::Model, 0x83);
    let progress = Some(Progress { object, first_missing: 2, received_after: 0x8000_0000_0000_0105 });
    let evaluation = Some(Evaluation { version_low: 0x82, correct: 300, total: 301 });
    let status = Status {
        task_version_low: Some(1),
        model_version_low: None,
        battery: 255,
        progress,
        evaluation,
        downlinks_from: Some(7),
    };
    let bare = Status { progress: None, evaluation: None, downlinks_from: None, ..status };
    [status, bare].map(|message| emitted(|buffer| message.emit(buffer))).into()
}

/// Evaluation by class: numbers may be written longer than needed.
pub fn evaluation(bytes: &[u8]) {
    let Ok(message) = evaluation::Evaluation::parse(bytes) else { return };
    let classes: Vec<_> = message.classes().collect();
    assert!(!classes.is_empty() && classes.iter().all(|class| class.wrong <= class.samples));
    assert!(message.correct() <= message.total());
    let mut again = [0; ROOM];
    let written = evaluation::emit(message.version_low.into(), message.first_class, &classes, &mut again)
        .expect("what was received in one frame fits a larger one");
    assert!(written.bytes <= bytes.len() && written.classes == classes.len());
    let message_again = evaluation::Evaluation::parse(&again[..written.bytes]).expect("it was just written");
    assert!(message_again.classes().eq(classes));
}

/// Evaluations to start from.
pub fn evaluation_seeds() -> Vec<Vec<u8>> {
    let classes = [(300, 1), (0, 0), (7, 7)].map(|(samples, wrong)| ClassVerdicts { samples, wrong });
    let mut bytes = vec![0; 64];
    let written = evaluation::emit(0x203, 200, &classes, &mut bytes).expect("64 bytes suffice");
    bytes.truncate(written.bytes);
    vec![bytes]
}

/// Moments: the shorter of two forms is written, and holds the same numbers.
pub fn moments(bytes: &[u8]) {
    let Ok(message) = Moments::parse(bytes) else { return };
    let features: Vec<_> = message.features().collect();
    assert!(!features.is_empty() && message.count > 0);
    for feature in &features {
        assert!(feature.sum.is_finite() && feature.sum_of_squares.is_finite());
        assert!(feature.sum_of_squares >= 0.0);
    }
    let mut again = vec![0; 8 * ROOM];
    let written = moments::emit(message.first_feature, message.count, &features, &mut again)
        .expect("single precision fits any of them");
    let message_again = Moments::parse(&again[..written.bytes]).expect("it was just written");
    assert!(message_again.features().eq(features.into_iter().take(written.features)));
}

/// Moments to start from, in both forms.
pub fn moments_seeds() -> Vec<Vec<u8>> {
    let forms = [(-2.0, 300.0), (0.5, 0.25)];
    let seed = |(sum, sum_of_squares)| {
        let mut bytes = vec![0; 64];
        let features = [FeatureMoments { sum, sum_of_squares }; 3];
        let written = moments::emit(258, 200, &features, &mut bytes).expect("64 bytes suffice");
        bytes.truncate(written.bytes);
        bytes
    };
    forms.map(seed).into()
}

/// Chunk: one form.
pub fn chunk(bytes: &[u8]) {
    match Chunk::parse(bytes) {
        Ok(message) => {
            assert!(!message.bytes.is_empty());
            assert_eq!(emitted(|buffer| message.emit(buffer)), bytes);
        }
        Err(error) => assert!(bytes.len() < 3 || bytes[0] >> 6 == 3, "{error}"),
    }
}

/// Chunks to start from.
pub fn chunk_seeds() -> Vec<Vec<u8>> {
    let object = ObjectTag::new(ObjectKind::Task, 5);
    let seed = |bytes| emitted(|buffer| Chunk { object, first: 4, bytes }.emit(buffer));
    vec![seed(&[7; 34]), seed(&[7, 8])]
}

/// Control: one form.
pub fn control(bytes: &[u8]) {
    let Ok(message) = Control::parse(bytes) else { return };
    assert_eq!(emitted(|buffer| message.emit(buffer)), bytes);
    if let Some(receipt) = message.receipt {
        assert_eq!(receipt.has(receipt.sequence_low.into()), Some(true));
        let older = (1..=8).map(|age| receipt.has(u32::from(receipt.sequence_low.wrapping_sub(age))));
        assert_eq!(older.filter(|&has| has == Some(true)).count(), receipt.before.count_ones() as usize);
    }
}

/// Controls to start from.
pub fn control_seeds() -> Vec<Vec<u8>> {
    let receipt = Some(Receipt { sequence_low: 0x20, blocks: 0x8001, before: 6 });
    let moments = MomentsWanted::Yes;
    let all = Control { time_s: Some(0x0102_0304), data_rate: Some(DataRate(5)), moments, receipt };
    [all, Control::default()].map(|message| emitted(|buffer| message.emit(buffer))).into()
}
