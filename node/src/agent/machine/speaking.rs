//! Speaking: what is worth a frame, and the frame.
use super::{Agent, Sending};
use crate::agent::event::{Action, Link, MAX_FRAME_BYTES, Uplink};
use crate::agent::judgement::{Evidence, is_worth_sending};
use crate::agent::snapshot::{AgentSnapshot, SLACK};
use chirrup_protocol::airtime::{LORAWAN_OVERHEAD_BYTES, frame_airtime};
use chirrup_protocol::message::contribution::{self, Contribution, ExampleCount};
use chirrup_protocol::message::port;
use chirrup_protocol::message::status::{Evaluation, Status};
use chirrup_protocol::region::DataRate;
use chirrup_protocol::seal::{self, Direction};
use chirrup_protocol::task::{Task, UpdateCodec};
use chirrup_protocol::time::Instant;
use heapless::Vec;

/// Polls in a row without an answer before a slower data rate is tried.
const UNANSWERED_BEFORE_SLOWER: u32 = 4;

impl Agent<'_> {
    /// What to do next; `None` when nothing is due. Each action is reported back before the next is asked for.
    pub fn poll_action(&mut self, now: Instant, link: &Link) -> Option<Action> {
        if self.storing || self.sending != Sending::Nothing {
            return None;
        }
        if !link.joined {
            return (now >= self.join_due()).then_some(Action::Join);
        }
        if let Some(data_rate) = self.data_rate_to_use(link) {
            return Some(Action::UseDataRate(data_rate));
        }
        if now < self.not_before {
            return None;
        }
        let intent = self.intent(now, link)?;
        if let Some(snapshot) = self.snapshot_needed() {
            self.stored = snapshot;
            self.storing = true;
            return Some(Action::Store(snapshot));
        }
        self.transmit(now, link, intent)
    }

    /// When [`Agent::poll_action`] should be asked again if nothing happens before.
    pub fn next_deadline(&self, now: Instant, link: &Link) -> Instant {
        if !link.joined {
            return self.join_due();
        }
        let due =
            self.status_due.min(if self.expects_object() { self.polling.due() } else { Instant::NEVER });
        due.max(self.not_before).max(now)
    }

    fn join_due(&self) -> Instant {
        self.joining.due().max(self.not_before)
    }

    fn data_rate_to_use(&mut self, link: &Link) -> Option<DataRate> {
        if let Some(advised) = self.advice.take().filter(|&advised| advised != link.data_rate) {
            return Some(advised);
        }
        if self.unanswered >= UNANSWERED_BEFORE_SLOWER && link.data_rate > link.lowest_data_rate {
            self.unanswered = 0;
            return Some(DataRate(link.data_rate.0 - 1));
        }
        None
    }

    /// The next thing worth saying.
    fn intent(&mut self, now: Instant, link: &Link) -> Option<Sending> {
        let features = self.config.shape.features;
        if self.current.is_none() && self.report.is_under_way(features) {
            return Some(Sending::Moments { features: 0 });
        }
        if self.is_contribution_due(now, link) {
            return Some(Sending::Contribution);
        }
        let poll_due = self.expects_object() && now >= self.polling.due();
        (poll_due || now >= self.status_due).then_some(Sending::Poll)
    }

    /// Whether the aggregator has something that this node lacks.
    pub(super) fn expects_object(&self) -> bool {
        self.current.is_none() || self.assembly.object().is_some()
    }

    fn is_contribution_due(&mut self, now: Instant, link: &Link) -> bool {
        let Some(current) = self.current else { return false };
        // Half a model on its way: a contribution to the old one would be stale on arrival.
        if self.assembly.object().is_some() && self.model_version > 0 {
            return false;
        }
        let Ok(modulation) = link.region.modulation(link.data_rate) else { return false };
        let bytes = contribution_payload_bytes(&current.task, link);
        let frame_bytes = bytes + contribution::HEADER_BYTES + seal::OVERHEAD_BYTES + LORAWAN_OVERHEAD_BYTES;
        let on_air = frame_airtime(modulation, frame_bytes);
        let scarcity = self.budget.scarcity(now, on_air);
        let rule = &current.task.participation;
        bytes > 0 && is_worth_sending(rule, &self.evidence, self.contributions_of_version, on_air, scarcity)
    }

    /// A snapshot that must be durable before the next frame.
    fn snapshot_needed(&self) -> Option<AgentSnapshot> {
        let mut snapshot = self.stored;
        if self.up.next() >= self.stored.up_counters {
            snapshot.up_counters = self.up.wanted_limit();
        }
        if self.next_sequence >= self.stored.sequences {
            snapshot.sequences = self.next_sequence + SLACK as u32;
        }
        if self.down.expected() > self.stored.down_from {
            snapshot.down_from = self.down.expected() + SLACK;
        }
        (snapshot != self.stored).then_some(snapshot)
    }

    fn transmit(&mut self, now: Instant, link: &Link, intent: Sending) -> Option<Action> {
        let mut message = [0; seal::MAX_MESSAGE_BYTES];
        let room = link.max_payload_bytes.checked_sub(seal::OVERHEAD_BYTES)?.min(message.len());
        let (fport, length) = match intent {
            Sending::Nothing => return None,
            Sending::Poll => (port::STATUS, self.status(link).emit(&mut message[..room]).ok()?),
            Sending::Moments { .. } => {
                let emitted = self.report.emit(&self.memory, &mut message[..room]).ok()?;
                self.sending = Sending::Moments { features: emitted.features };
                (port::MOMENTS, emitted.bytes)
            }
            Sending::Contribution => {
                let Some(length) = self.contribution(link, &mut message[..room]) else {
                    // Nothing to encode after all: gather new evidence.
                    self.evidence = Evidence::default();
                    return None;
                };
                (port::CONTRIBUTION, length)
            }
        };
        if self.sending == Sending::Nothing {
            self.sending = intent;
        }
        let confirm = now - self.last_heard >= self.config.status_interval.saturating_mul(4);
        Some(Action::Transmit(Uplink { fport, payload: self.seal(fport, &message[..length]), confirm }))
    }

    fn status(&self, link: &Link) -> Status {
        let (correct, total) = self.verdicts;
        let version_low = self.model_version as u8;
        Status {
            task_version_low: self.current.map_or(0, |current| current.version as u8),
            model_version_low: version_low,
            battery: link.battery,
            progress: self.assembly.progress(),
            evaluation: (total > 0).then_some(Evaluation { version_low, correct, total }),
        }
    }

    fn contribution(&mut self, link: &Link, message: &mut [u8]) -> Option<usize> {
        let current = self.current?;
        let mut payload = [0; seal::MAX_MESSAGE_BYTES];
        let UpdateCodec::TopK = current.task.codec;
        let room = contribution_payload_bytes(&current.task, link);
        let length = self.memory.take_update(&mut payload[..room]).ok()?;
        let contribution = Contribution {
            task: self.config.task_id,
            block: 0,
            base_version_low: self.model_version as u8,
            sequence: self.next_sequence as u8,
            examples: ExampleCount::at_most(self.evidence.examples()),
            payload: &payload[..length],
        };
        self.next_sequence += 1;
        contribution.emit(message).ok()
    }

    fn seal(&mut self, fport: u8, message: &[u8]) -> Vec<u8, MAX_FRAME_BYTES> {
        let counter = self.up.take().expect("a snapshot reserved it before");
        let mut frame = [0; MAX_FRAME_BYTES];
        let binding = self.binding(Direction::Up, fport);
        let length = seal::seal(&self.up_key, binding, counter, message, &mut frame)
            .expect("the message was cut to what a frame carries");
        Vec::from_slice(&frame[..length]).expect("both have the size of the largest frame")
    }
}

/// Codec payload that a contribution may have at the link's data rate.
fn contribution_payload_bytes(task: &Task, link: &Link) -> usize {
    let room = link.max_payload_bytes.saturating_sub(seal::OVERHEAD_BYTES + contribution::HEADER_BYTES);
    room.min(task.max_contribution_bytes.into())
}
