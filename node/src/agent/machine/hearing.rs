//! Hearing: what became of a frame, and what came back.
use super::{Agent, Current, Sending};
use crate::agent::event::Refusal;
use crate::agent::judgement::Evidence;
use chirrup_learn::Shape;
use chirrup_learn::scale::FeatureScale;
use chirrup_learn::softmax::Softmax;
use chirrup_protocol::message::chunk::Chunk;
use chirrup_protocol::message::control::{Control, MomentsWanted};
use chirrup_protocol::message::port;
use chirrup_protocol::object::{ObjectKind, ObjectTag, Received};
use chirrup_protocol::seal::{self, Direction, Header};
use chirrup_protocol::task::{Learner, Task};
use chirrup_protocol::time::{Duration, Instant};

impl Agent<'_> {
    pub(super) fn sent(
        &mut self,
        now: Instant,
        on_air: Duration,
        downlink: Option<(u8, &[u8])>,
        answered: bool,
    ) {
        match core::mem::replace(&mut self.sending, Sending::Nothing) {
            Sending::Nothing => {}
            Sending::Poll => {
                self.verdicts = (0, 0);
                self.status_due = now + self.jitter.around(self.config.status_interval);
                if self.expects_object() {
                    self.polling.failed(now, &mut self.jitter);
                    self.unanswered = if answered { 0 } else { self.unanswered + 1 };
                }
            }
            Sending::Moments { features } => self.report.sent(features),
            Sending::Contribution => {
                self.counts.contributions += 1;
                self.contributions_of_version += 1;
                self.evidence = Evidence::default();
                self.budget.spend(now, on_air);
            }
        }
        // A breath between two frames: others want to be heard, and the gateway cannot hear while it answers.
        self.not_before = now + self.jitter.around(Duration::from_secs(3));
        if answered {
            self.last_heard = now;
        }
        if let Some((fport, frame)) = downlink
            && self.hear(now, fport, frame).is_none()
        {
            self.counts.bad_downlinks += 1;
        }
    }

    pub(super) fn refused(&mut self, now: Instant, refusal: Refusal) {
        self.sending = Sending::Nothing;
        match refusal {
            Refusal::NotBefore(earliest) => self.not_before = earliest,
            Refusal::SessionLost => {}
            Refusal::Failed => self.not_before = now + self.jitter.around(Duration::from_secs(30)),
        }
    }

    /// Opens a downlink and does what it says; `None` when it is refused.
    fn hear(&mut self, now: Instant, fport: u8, frame: &[u8]) -> Option<()> {
        let counter = Header::parse(frame).ok()?.counter(self.down.expected());
        let mut message = [0; seal::MAX_MESSAGE_BYTES];
        let binding = self.binding(Direction::Down, fport);
        let length = seal::open(&self.down_key, binding, counter, frame, &mut message).ok()?;
        self.down.accept(counter).ok()?;
        match fport {
            port::CHUNK => self.hear_chunk(now, &Chunk::parse(&message[..length]).ok()?),
            port::CONTROL => self.hear_control(now, &Control::parse(&message[..length]).ok()?),
            _ => return None,
        }
        Some(())
    }

    fn hear_control(&mut self, now: Instant, control: &Control) {
        if let Some(time_s) = control.time_s {
            self.clock_offset_s = Some(i64::from(time_s) - now.as_secs() as i64);
        }
        self.advice = control.data_rate.or(self.advice);
        if control.moments == MomentsWanted::Yes
            && self.current.is_none()
            && self.report.samples() >= self.config.moments_samples.max(1)
            && !self.report.is_under_way(self.config.shape.features)
        {
            self.report.begin(&mut self.memory);
        }
    }

    fn hear_chunk(&mut self, now: Instant, chunk: &Chunk<'_>) {
        if !self.wants(chunk.object) {
            return;
        }
        self.polling.succeeded(now, &mut self.jitter);
        match self.assembly.insert(chunk) {
            Ok(Received::Incomplete) => {}
            Ok(Received::Complete) => self.apply_object(now),
            Err(_) => self.counts.bad_objects += 1,
        }
    }

    /// Whether an object is none that the node holds already.
    fn wants(&self, object: ObjectTag) -> bool {
        let held = match object.kind {
            ObjectKind::Task => self.current.map(|current| current.version),
            ObjectKind::Model => Some(self.model_version).filter(|&version| version > 0),
        };
        held.is_none_or(|version| ObjectTag::new(object.kind, version) != object)
    }

    fn apply_object(&mut self, now: Instant) {
        let now_s = self.clock_offset_s.map(|offset| now.as_secs() as i64 + offset);
        let applied = self.try_apply(now_s);
        self.assembly.clear();
        if applied.is_none() {
            self.counts.bad_objects += 1;
        }
    }

    fn try_apply(&mut self, now_s: Option<i64>) -> Option<()> {
        let (manifest, object) = self.assembly.verify(&self.config.anchor).ok()?;
        let is_expired = now_s.is_some_and(|now_s| now_s >= i64::from(manifest.expires_s));
        if manifest.task != self.config.task_id || is_expired {
            return None;
        }
        match manifest.kind {
            ObjectKind::Task => {
                let current = read_task(object, manifest.version, self.config.shape, self.memory.scales)?;
                if self.current.is_some_and(|held| held.version >= current.version) {
                    return None;
                }
                self.memory.reset_model();
                self.model_version = 0;
                self.current = Some(current);
            }
            ObjectKind::Model => {
                // Never an older version than the one held.
                if manifest.version <= self.model_version || self.current.is_none() {
                    return None;
                }
                self.memory.adopt(object, self.config.shape.features + 1, manifest.codec).ok()?;
                self.model_version = manifest.version;
                self.verdicts = (0, 0);
                self.counts.models += 1;
            }
        }
        self.evidence = Evidence::default();
        self.examples_of_version = 0;
        self.contributions_of_version = 0;
        Some(())
    }
}

fn read_task(object: &[u8], version: u32, shape: Shape, scales: &mut [FeatureScale]) -> Option<Current> {
    let task = Task::parse(object, |feature, scale| {
        if let Some(place) = scales.get_mut(feature) {
            *place = FeatureScale { offset: scale.offset, gain: scale.gain };
        }
    });
    let task = task.ok()?;
    let fits = usize::from(task.features) == shape.features && usize::from(task.classes) == shape.classes;
    let Learner::Softmax { learning_rate, l2 } = task.learner;
    fits.then_some(Current { version, task, learner: Softmax { shape, learning_rate, l2 } })
}
