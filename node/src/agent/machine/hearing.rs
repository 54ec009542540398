//! Hearing: what became of a frame, and what came back.
use super::{Agent, Current, ToldTime, UnderWay};
use crate::agent::event::Refusal;
use crate::agent::judgement::Evidence;
use crate::agent::local::codec_memory_len;
use crate::agent::memory::Memory;
use chirrup_learn::Shape;
use chirrup_learn::features::scale::FeatureScale;
use chirrup_learn::linear::softmax::Softmax;
use chirrup_protocol::codec::update::UpdateCodec;
use chirrup_protocol::manifest::Manifest;
use chirrup_protocol::message::chunk::Chunk;
use chirrup_protocol::message::control::{Control, MomentsWanted};
use chirrup_protocol::message::port;
use chirrup_protocol::object::{ObjectKind, ObjectTag, Received};
use chirrup_protocol::seal::{self, Direction, Header};
use chirrup_protocol::task::{Kind, Learner, Task};
use chirrup_protocol::time::{Duration, Instant};

/// A breath between two frames: others want to be heard, and the gateway cannot hear while it answers.
const BREATH: Duration = Duration::from_secs(3);
/// Wait after a failure of the radio or the storage.
const FAILURE_WAIT: Duration = Duration::from_secs(30);

/// What became of a whole object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Applied,
    /// It is in order, but by the node's clock its time is over.
    Expired,
    Refused,
}

impl Agent<'_> {
    pub(super) fn sent(
        &mut self,
        now: Instant,
        on_air: Duration,
        downlink: Option<(u8, &[u8])>,
        answered: bool,
    ) {
        let sent = self.ends(UnderWay::is_frame);
        let is_awaited = self.confirming || sent == UnderWay::Poll && self.expects_object();
        match sent {
            UnderWay::Nothing | UnderWay::Join | UnderWay::Store => {}
            UnderWay::Poll => self.poll_sent(now),
            UnderWay::Moments { features } => self.report.sent(features),
            UnderWay::Contribution => self.contribution_sent(now, on_air),
        }
        self.not_before = now + self.jitter.around(BREATH);
        if answered {
            self.last_heard = now;
            self.unanswered = 0;
        } else if is_awaited {
            self.unanswered += 1;
        }
        if let Some((fport, frame)) = downlink
            && self.hear(now, fport, frame).is_none()
        {
            self.counts.bad_downlinks += 1;
        }
    }

    fn poll_sent(&mut self, now: Instant) {
        self.verdicts = (0, 0);
        self.status_due = now + self.jitter.around(self.config.status_interval);
        if self.expects_object() {
            self.polling.failed(now, &mut self.jitter);
        }
    }

    fn contribution_sent(&mut self, now: Instant, on_air: Duration) {
        if let Some(update) = self.update_under_way.take() {
            self.memory.mark_sent(update.how, &update.payload);
            self.next_block = update.end % self.config.shape.linear_params();
        }
        self.next_sequence += 1;
        self.counts.contributions += 1;
        self.contributions_of_version = self.contributions_of_version.saturating_add(1);
        self.evidence = Evidence::default();
        self.budget.spend(now, on_air);
    }

    /// The frame is forgotten, not what it said: a contribution stays unsent and keeps its number, so that it counts
    /// once even if a frame which failed arrived all the same.
    pub(super) fn refused(&mut self, now: Instant, refusal: Refusal) {
        self.ends(UnderWay::is_frame);
        let breath = now + self.jitter.around(BREATH);
        self.not_before = match refusal {
            Refusal::NotBefore(earliest) => earliest.max(breath),
            Refusal::SessionLost => breath,
            Refusal::Failed => now + self.jitter.around(FAILURE_WAIT),
        };
    }

    /// Opens a downlink and does what it says; `None` when it is refused.
    fn hear(&mut self, now: Instant, fport: u8, frame: &[u8]) -> Option<()> {
        let epoch = self.epochs.downlink_epoch(Header::parse(frame).ok()?.key_id)?;
        let binding = self.binding(epoch, Direction::Down, fport);
        let expected = self.epochs.expected_downlink(epoch);
        let mut message = [0; seal::MAX_MESSAGE_BYTES];
        let (counter, length) = if epoch == self.epochs.epoch() {
            seal::open_near(&self.down_key, binding, expected, frame, &mut message).ok()?
        } else {
            // Rare enough to derive the key anew: a held one takes more memory than it is worth.
            let key = self.key(epoch, Direction::Down);
            seal::open_near(&key, binding, expected, frame, &mut message).ok()?
        };
        self.epochs.accept_downlink(epoch, counter).ok()?;
        match fport {
            port::CHUNK => self.hear_chunk(now, &Chunk::parse(&message[..length]).ok()?),
            port::CONTROL => {
                let control = Control::parse(&message[..length]).ok()?;
                self.hear_control(now, (epoch, counter), &control);
            }
            _ => return None,
        }
        Some(())
    }

    fn hear_control(&mut self, now: Instant, told_by: (u32, u64), control: &Control) {
        if let Some(time_s) = control.time_s
            && self.told_time.is_none_or(|told| told.told_by < told_by)
        {
            self.told_time = Some(ToldTime { offset_s: i64::from(time_s) - now.as_secs() as i64, told_by });
            if self.assembly.is_complete() {
                let outcome = self.apply_object(now);
                self.settle_object(outcome);
            }
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
        // Once an object was refused the next attempts are paced: it may come again and again.
        if !self.refused_object {
            self.polling.succeeded(now, &mut self.jitter);
        }
        let outcome = match self.assembly.insert(chunk) {
            Ok(Received::Incomplete) => return,
            Ok(Received::Complete) => self.apply_object(now),
            Err(_) => Outcome::Refused,
        };
        // Either the object is old or the clock was set. Statuses say now that no chunk is missing, the aggregator
        // answers with the time, and by that it is settled.
        if outcome != Outcome::Expired {
            self.settle_object(outcome);
        }
    }

    fn settle_object(&mut self, outcome: Outcome) {
        self.assembly.clear();
        self.refused_object = outcome != Outcome::Applied;
        self.counts.bad_objects += u64::from(self.refused_object);
    }

    /// Whether an object is none that the node holds already.
    fn wants(&self, object: ObjectTag) -> bool {
        let held = match object.kind {
            ObjectKind::Task => self.current.map(|current| current.version),
            ObjectKind::Model => Some(self.model_version).filter(|&version| version > 0),
            // A change of keys is not the agent's to apply.
            ObjectKind::Keys => return false,
        };
        held.is_none_or(|version| ObjectTag::new(object.kind, version) != object)
    }

    /// Puts a whole object to use; nothing has changed unless it is applied.
    fn apply_object(&mut self, now: Instant) -> Outcome {
        let now_s = self.told_time.map(|told| now.as_secs() as i64 + told.offset_s);
        let held_task = self.current.map(|current| current.version);
        let Ok((manifest, object)) = self.assembly.verify(&self.config.anchor) else {
            return Outcome::Refused;
        };
        // Never an older version than the one held, and no model without its task.
        let is_newer = match manifest.kind {
            ObjectKind::Task => held_task.is_none_or(|held| manifest.version > held),
            ObjectKind::Model => held_task.is_some() && manifest.version > self.model_version,
            ObjectKind::Keys => false,
        };
        if manifest.task != self.config.task_id || !is_newer {
            return Outcome::Refused;
        }
        if now_s.is_some_and(|now_s| now_s >= i64::from(manifest.expires_s)) {
            return Outcome::Expired;
        }
        match manifest.kind {
            ObjectKind::Task => {
                let read = read_task(&manifest, object, self.config.shape, &mut self.memory);
                let Some(current) = read else { return Outcome::Refused };
                self.current = Some(current);
                self.next_block = 0;
                self.memory.reset_model();
                self.model_version = 0;
                // There may be a model: the aggregator offers it once it knows that the task has arrived.
                self.status_due = now + self.jitter.around(self.config.poll_interval);
            }
            ObjectKind::Model => {
                let columns = self.config.shape.features + 1;
                if self.memory.adopt(object, columns, manifest.codec).is_err() {
                    return Outcome::Refused;
                }
                self.model_version = manifest.version;
                self.counts.models += 1;
            }
            ObjectKind::Keys => return Outcome::Refused,
        }
        self.verdicts = (0, 0);
        self.evidence = Evidence::default();
        self.renew_allowance(now);
        Outcome::Applied
    }
}

/// Reads a task and its scale. The scale is written only once the task is known to fit, and to ask for a contribution
/// that this node can make.
fn read_task(manifest: &Manifest, object: &[u8], shape: Shape, memory: &mut Memory<'_>) -> Option<Current> {
    let task = Task::parse(object, |_, _| {}).ok()?;
    if usize::from(task.features) != shape.features || usize::from(task.classes) != shape.classes {
        return None;
    }
    let form = task.forms.of_kind(Kind::Update)?;
    let codec = UpdateCodec::of(form).ok()?;
    if memory.codec.len() < codec_memory_len(codec, shape.linear_params(), shape.features + 1) {
        return None;
    }
    let write = |feature: usize, scale: chirrup_protocol::task::Scale| {
        memory.scales[feature] = FeatureScale { offset: scale.offset, gain: scale.gain };
    };
    Task::parse(object, write).ok()?;
    let Learner::Softmax { learning_rate, l2 } = task.learner;
    let learner = Softmax { shape, learning_rate, l2 };
    Some(Current {
        version: manifest.version,
        task,
        learner,
        codec,
        max_payload_bytes: form.max_bytes.into(),
    })
}
