//! The task object.
use chirrup_protocol::task::{Form, Forms, Learner, Participation, Scale, Task};

fn emitted(task: &Task, scales: &[Scale]) -> Vec<u8> {
    let mut bytes = vec![0; Task::max_bytes(scales.len())];
    let length = task.emit(scales, &mut bytes).expect("no task has more bytes");
    bytes.truncate(length);
    bytes
}

fn read(bytes: &[u8]) -> Option<(Task, Vec<Scale>)> {
    let mut scales = Vec::new();
    let task = Task::parse(bytes, |feature, scale| {
        assert_eq!(feature, scales.len());
        scales.push(scale);
    });
    task.ok().map(|task| (task, scales))
}

/// What is read is written again, the scale in the form that emitters choose: from then on to the same bytes.
pub fn task(bytes: &[u8]) {
    let Some((task, scales)) = read(bytes) else { return };
    assert!(task.classes >= 2 && scales.len() == usize::from(task.features));
    assert!(scales.iter().all(|scale| scale.offset.is_finite() && scale.gain.is_finite()));
    let again = emitted(&task, &scales);
    let (task_again, scales_again) = read(&again).expect("it was just written");
    assert_eq!(task_again, task);
    assert_eq!(emitted(&task, &scales_again), again);
}

/// Tasks to start from, in half and in single precision.
pub fn task_seeds() -> Vec<Vec<u8>> {
    let participation =
        Participation { min_examples: 8, max_examples: 300, price_nats_per_s: 0.5, max_per_version: 2 };
    let task = Task {
        features: 2,
        classes: 10,
        learner: Learner::Softmax { learning_rate: 0.5, l2: 0.0 },
        forms: Forms::new(&[48, 1].map(|codec| Form { codec, parameter: 0, max_bytes: 100 }))
            .expect("two are allowed"),
        participation,
    };
    [5.0, 101_325.0].map(|offset| emitted(&task, &[Scale { offset, gain: 0.25 }; 2])).into()
}
