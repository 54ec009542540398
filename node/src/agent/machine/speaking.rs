//! Speaking: what is worth a frame, and the frame.
use super::{Agent, Current, UnderWay, UpdateUnderWay};
use crate::agent::event::{Action, Link, MAX_FRAME_BYTES, Uplink};
use crate::agent::judgement::{Evidence, is_worth_sending};
use crate::agent::local::Encoding;
use crate::agent::snapshot::{AgentSnapshot, SEQUENCE_SLACK};
use chirrup_protocol::message::contribution::{self, BaseVersion, Contribution, ExampleCount};
use chirrup_protocol::message::port;
use chirrup_protocol::message::status::{Evaluation, Status};
use chirrup_protocol::region::DataRate;
use chirrup_protocol::seal::{self, Direction};
use chirrup_protocol::time::{Duration, Instant};
use heapless::Vec;

/// Unanswered frames in a row before the network is asked to acknowledge: the aggregator may have nothing to say,
/// and a data rate that works must not be given up for that.
const UNANSWERED_BEFORE_CONFIRMING: u32 = 2;
/// Unanswered frames in a row before a slower data rate is tried.
const UNANSWERED_BEFORE_SLOWER: u32 = 4;
/// Unanswered frames in a row, at the slowest data rate, before the network is taken to have forgotten the session.
/// The session is used all the same until a join succeeds: a gateway without airtime for answers may still listen.
const UNANSWERED_BEFORE_JOIN: u32 = 16;
/// Silence of so many status intervals is no accident.
const SILENT_STATUS_INTERVALS: u64 = 4;
/// When to look again after there was nothing to put into a frame after all.
const NOTHING_TO_SAY_WAIT: Duration = Duration::from_secs(30);

/// What the next frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Intent {
    Poll,
    Moments,
    Contribution,
}

impl Agent<'_> {
    /// What to do next; `None` when nothing is due. Each action is reported back before another follows it.
    pub fn poll_action(&mut self, now: Instant, link: &Link) -> Option<Action> {
        if self.under_way != UnderWay::Nothing {
            return None;
        }
        if self.wants_to_join(link) && now >= self.join_due() {
            // Where one attempt asks on every channel, the session is given another chance before the next.
            if !link.asks_in_groups() {
                self.unanswered = 0;
            }
            self.joining.wait_at_most(link.longest_join_wait());
            self.under_way = UnderWay::Join;
            return Some(Action::Join);
        }
        if !link.joined {
            return None;
        }
        if let Some(data_rate) = self.data_rate_to_use(link) {
            return Some(Action::UseDataRate(data_rate));
        }
        if now < self.not_before {
            return None;
        }
        let intent = self.intent(now, link)?;
        if let Some(snapshot) = self.snapshot_needed(now, intent) {
            self.stored = snapshot;
            self.under_way = UnderWay::Store;
            return Some(Action::Store(snapshot));
        }
        let uplink = self.uplink(now, link, intent);
        if uplink.is_none() {
            self.not_before = now + self.jitter.around(NOTHING_TO_SAY_WAIT);
        }
        uplink.map(Action::Transmit)
    }

    /// When [`Agent::poll_action`] should be asked again if nothing happens before: later than `now` once it had
    /// nothing to do, [`Instant::NEVER`] while an action is under way.
    pub fn next_deadline(&self, now: Instant, link: &Link) -> Instant {
        if self.under_way != UnderWay::Nothing {
            return Instant::NEVER;
        }
        if !link.joined {
            return self.join_due();
        }
        let poll_due = if self.expects_object() { self.polling.due() } else { Instant::NEVER };
        let moments_due = if self.owes_moments() { now } else { Instant::NEVER };
        let join_due = if self.wants_to_join(link) { self.join_due() } else { Instant::NEVER };
        self.status_due.min(poll_due).min(moments_due).max(self.not_before).min(join_due).max(now)
    }

    fn join_due(&self) -> Instant {
        self.joining.due().max(self.not_before)
    }

    const fn wants_to_join(&self, link: &Link) -> bool {
        let is_slowest = link.data_rate.0 <= link.lowest_data_rate.0;
        !link.joined || is_slowest && self.unanswered >= UNANSWERED_BEFORE_JOIN
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
    fn intent(&mut self, now: Instant, link: &Link) -> Option<Intent> {
        if self.owes_moments() {
            return Some(Intent::Moments);
        }
        if self.is_contribution_due(now, link) {
            return Some(Intent::Contribution);
        }
        let poll_due = self.expects_object() && now >= self.polling.due();
        (poll_due || now >= self.status_due).then_some(Intent::Poll)
    }

    fn owes_moments(&self) -> bool {
        self.current.is_none() && self.report.is_under_way(self.config.shape.features)
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
        let bytes = contribution_payload_bytes(&current, link);
        let Some(on_air) = link.airtime(bytes + contribution::HEADER_BYTES + seal::OVERHEAD_BYTES) else {
            return false;
        };
        let scarcity = self.budget.scarcity(now, on_air);
        let rule = &current.task.participation;
        bytes > 0 && is_worth_sending(rule, &self.evidence, self.contributions_of_version, on_air, scarcity)
    }

    /// A snapshot that must be durable before the next frame.
    fn snapshot_needed(&self, now: Instant, intent: Intent) -> Option<AgentSnapshot> {
        let mut snapshot = self.stored;
        if let Some(epochs) = self.epochs.wanted(now) {
            snapshot.epochs = epochs;
        }
        // Not before one is sent: a node that restarts often would run ahead of the eight bits that travel.
        if intent == Intent::Contribution && self.next_sequence >= self.stored.sequences {
            snapshot.sequences = self.next_sequence + SEQUENCE_SLACK;
        }
        (snapshot != self.stored).then_some(snapshot)
    }

    fn uplink(&mut self, now: Instant, link: &Link, intent: Intent) -> Option<Uplink> {
        let mut message = [0; seal::MAX_MESSAGE_BYTES];
        let room = link.max_payload_bytes.checked_sub(seal::OVERHEAD_BYTES)?.min(message.len());
        let room = &mut message[..room];
        let (fport, length, under_way) = match intent {
            Intent::Poll => (port::STATUS, self.status(link).emit(room).ok()?, UnderWay::Poll),
            Intent::Moments => {
                let emitted = self.report.emit(&self.memory, room).ok()?;
                (port::MOMENTS, emitted.bytes, UnderWay::Moments { features: emitted.features })
            }
            Intent::Contribution => {
                let Some(length) = self.contribution(link, room) else {
                    // Nothing to encode after all: gather new evidence.
                    self.evidence = Evidence::default();
                    return None;
                };
                (port::CONTRIBUTION, length, UnderWay::Contribution)
            }
        };
        let payload = self.seal(fport, &message[..length])?;
        self.under_way = under_way;
        let silence = self.config.status_interval.saturating_mul(SILENT_STATUS_INTERVALS);
        self.confirming = self.unanswered >= UNANSWERED_BEFORE_CONFIRMING || now - self.last_heard >= silence;
        Some(Uplink { fport, payload, confirm: self.confirming })
    }

    fn status(&self, link: &Link) -> Status {
        let (correct, total) = self.verdicts;
        let version_low = self.model_version as u8;
        Status {
            task_version_low: self.current.map(|current| current.version as u8),
            model_version_low: (self.model_version > 0).then_some(version_low),
            battery: link.battery,
            progress: self.assembly.progress(),
            evaluation: (total > 0).then_some(Evaluation { version_low, correct, total }),
            downlinks_from: self.epochs.downlinks_from(),
        }
    }

    /// Writes a contribution. It counts as made, and its number as used, when its frame went out.
    fn contribution(&mut self, link: &Link, message: &mut [u8]) -> Option<usize> {
        let current = self.current?;
        let mut payload = [0; seal::MAX_MESSAGE_BYTES];
        let room = contribution_payload_bytes(&current, link);
        let mut contribution = Contribution {
            task: self.config.task_id,
            block: 0,
            base: BaseVersion::of(self.model_version),
            sequence: self.next_sequence as u8,
            examples: ExampleCount::at_most(self.evidence.examples()),
            payload: &[],
        };
        let columns = self.config.shape.features + 1;
        let how = Encoding { codec: current.codec, columns, seed: contribution.seed(self.config.dev_eui) };
        let block = self.memory.encode_update(how, self.next_block, &mut payload[..room]).ok()?;
        contribution.payload = &payload[..block.bytes];
        let payload = Vec::from_slice(contribution.payload).ok()?;
        self.update_under_way = Some(UpdateUnderWay { how, payload, end: block.end });
        contribution.emit(message).ok()
    }

    /// Seals a message; `None` once the counters of the epoch are used up, after 2^40 of them.
    fn seal(&mut self, fport: u8, message: &[u8]) -> Option<Vec<u8, MAX_FRAME_BYTES>> {
        let counter = self.epochs.take_uplink().expect("a snapshot reserved it before");
        let mut frame = [0; MAX_FRAME_BYTES];
        let binding = self.binding(self.epochs.epoch(), Direction::Up, fport);
        let length = seal::seal(&self.up_key, binding, counter, message, &mut frame).ok()?;
        Vec::from_slice(&frame[..length]).ok()
    }
}

/// Codec payload that a contribution may have at the link's data rate.
fn contribution_payload_bytes(current: &Current, link: &Link) -> usize {
    let overhead = seal::OVERHEAD_BYTES + contribution::HEADER_BYTES;
    let room = link.max_payload_bytes.min(MAX_FRAME_BYTES).saturating_sub(overhead);
    room.min(current.max_payload_bytes)
}
