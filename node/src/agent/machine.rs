//! The agent's state machine: see [`super`] for its diagram.
use super::judgement::{AirtimeBudget, Evidence, is_worth_sending};
use super::memory::{Memory, MemoryError};
use super::pace::{Backoff, Jitter};
use super::report::MomentsReport;
use super::snapshot::{AgentSnapshot, SLACK};
use chirrup_learn::scale::FeatureScale;
use chirrup_learn::softmax::Softmax;
use chirrup_learn::{LearnError, Shape, moments};
use chirrup_protocol::airtime::{LORAWAN_OVERHEAD_BYTES, frame_airtime};
use chirrup_protocol::ids::{DevEui, TaskId};
use chirrup_protocol::manifest::TrustAnchor;
use chirrup_protocol::message::chunk::Chunk;
use chirrup_protocol::message::contribution::{self, Contribution, ExampleCount};
use chirrup_protocol::message::control::{Control, MomentsWanted};
use chirrup_protocol::message::port;
use chirrup_protocol::message::status::{Evaluation, Status};
use chirrup_protocol::object::{Assembly, ObjectKind, ObjectTag, Received};
use chirrup_protocol::region::{DataRate, Region};
use chirrup_protocol::replay::ReplayWindow;
use chirrup_protocol::seal::{self, Binding, Counters, DeviceSecret, Direction, FrameKey, Header};
use chirrup_protocol::task::{Learner, Task, UpdateCodec};
use chirrup_protocol::time::{Duration, Instant};
use heapless::Vec;

/// Largest sealed frame.
const MAX_FRAME_BYTES: usize = 242;
/// Polls in a row without an answer before a slower data rate is tried.
const UNANSWERED_BEFORE_SLOWER: u32 = 4;

/// What an agent is born with.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// The node.
    pub dev_eui: DevEui,
    /// What it shares with the aggregator.
    pub secret: DeviceSecret,
    /// Whose manifests it believes.
    pub anchor: TrustAnchor,
    /// The task it was provisioned for.
    pub task_id: TaskId,
    /// What its sensor delivers, and what its labels are.
    pub shape: Shape,
    /// Samples behind the moments that it reports.
    pub moments_samples: u32,
    /// Airtime for contributions a day.
    pub airtime_per_day: Duration,
    /// How often it says where it stands when there is nothing else to say.
    pub status_interval: Duration,
    /// Shortest mean wait between two polls.
    pub poll_interval: Duration,
    /// Longest mean wait between two polls.
    pub poll_interval_max: Duration,
    /// Differs from node to node; only waits depend on it.
    pub jitter_seed: u64,
}

/// The link as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Whether there is a session.
    pub joined: bool,
    /// The region.
    pub region: Region,
    /// The data rate of the next frame.
    pub data_rate: DataRate,
    /// Largest payload that the next frame can carry.
    pub max_payload_bytes: usize,
    /// Slowest data rate that may be used.
    pub lowest_data_rate: DataRate,
    /// 0 external power, 1 to 254 from empty to full, 255 unknown.
    pub battery: u8,
}

/// What happens to an agent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event<'a> {
    /// The sensor delivered a labelled sample, raw.
    SampleArrived {
        /// `[features]`.
        features: &'a [f32],
        /// 0 to `classes - 1`.
        label: usize,
    },
    /// A join succeeded.
    Joined,
    /// A join failed; the next one may not be tried before.
    JoinFailed {
        /// Set by the duty cycle.
        not_before: Instant,
    },
    /// The snapshot of [`Action::Store`] is durable.
    Stored,
    /// The snapshot of [`Action::Store`] could not be stored.
    StoreFailed,
    /// The frame of [`Action::Transmit`] went out, and this came back.
    UplinkSent {
        /// Its time on air.
        on_air: Duration,
        /// FPort and sealed payload of a downlink with data.
        downlink: Option<(u8, &'a [u8])>,
        /// Whether any authentic downlink came, with data or without.
        answered: bool,
    },
    /// The frame of [`Action::Transmit`] did not go out, and will not.
    UplinkRefused(Refusal),
}

/// Why a frame did not go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The duty cycle leaves no room before this time.
    NotBefore(Instant),
    /// The session has ended: join again.
    SessionLost,
    /// The radio or the storage failed.
    Failed,
}

/// What an agent wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Join the network, then report [`Event::Joined`] or [`Event::JoinFailed`].
    Join,
    /// Make a snapshot durable, then report [`Event::Stored`].
    Store(AgentSnapshot),
    /// Use another data rate from now on.
    UseDataRate(DataRate),
    /// Send a frame, then report [`Event::UplinkSent`] or [`Event::UplinkRefused`].
    Transmit(Uplink),
}

/// A sealed frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uplink {
    /// Its port.
    pub fport: u8,
    /// Its payload.
    pub payload: Vec<u8, MAX_FRAME_BYTES>,
    /// Whether the network should acknowledge it: asked for when nothing was heard for long.
    pub confirm: bool,
}

/// What happened so far, for logs and reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Samples learnt from.
    pub samples: u64,
    /// Samples refused: not finite, of the wrong length, or with an unknown label.
    pub bad_samples: u64,
    /// Contributions sent.
    pub contributions: u64,
    /// Downlinks refused: seal, replay, or a message without meaning.
    pub bad_downlinks: u64,
    /// Objects refused: signature, hash, shape, or expired.
    pub bad_objects: u64,
    /// Models applied.
    pub models: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sending {
    Nothing,
    Poll,
    Moments { features: usize },
    Contribution,
}

/// The task as received.
#[derive(Clone, Copy, Debug)]
struct Current {
    version: u32,
    task: Task,
    learner: Softmax,
}

/// A node's agent, on memory that the caller lends.
pub struct Agent<'m> {
    config: AgentConfig,
    memory: Memory<'m>,
    assembly: Assembly<'m>,
    up_key: FrameKey,
    down_key: FrameKey,
    up: Counters,
    down: ReplayWindow,
    /// The snapshot that storage holds, and the one on its way there; equal but for that time.
    durable: AgentSnapshot,
    stored: AgentSnapshot,
    next_sequence: u32,
    current: Option<Current>,
    model_version: u32,
    /// Protocol time less the time of `now`, in seconds, once the aggregator has told it.
    clock_offset_s: Option<i64>,
    evidence: Evidence,
    examples_of_version: u32,
    contributions_of_version: u8,
    verdicts: (u16, u16),
    report: MomentsReport,
    budget: AirtimeBudget,
    jitter: Jitter,
    joining: Backoff,
    polling: Backoff,
    /// Polls in a row that nothing answered.
    unanswered: u32,
    not_before: Instant,
    status_due: Instant,
    last_heard: Instant,
    sending: Sending,
    advice: Option<DataRate>,
    storing: bool,
    counts: Counts,
}

impl<'m> Agent<'m> {
    /// An agent that knows nothing yet but what a snapshot kept.
    pub fn new(
        config: AgentConfig,
        mut memory: Memory<'m>,
        stored: AgentSnapshot,
        now: Instant,
    ) -> Result<Self, MemoryError> {
        memory.check(config.shape)?;
        memory.reset_model();
        let object = core::mem::take(&mut memory.object);
        let key = |direction| config.secret.frame_key(config.dev_eui, 0, direction);
        let mut jitter = Jitter::new(config.jitter_seed);
        let mut joining = Backoff::new(Duration::from_secs(10), Duration::from_secs(3_600));
        joining.succeeded(now, &mut jitter);
        Ok(Self {
            up_key: key(Direction::Up),
            down_key: key(Direction::Down),
            up: Counters::restored(stored.up_counters),
            down: ReplayWindow::restored(stored.down_from),
            next_sequence: stored.sequences,
            durable: stored,
            stored,
            current: None,
            model_version: 0,
            clock_offset_s: None,
            evidence: Evidence::default(),
            examples_of_version: 0,
            contributions_of_version: 0,
            verdicts: (0, 0),
            report: MomentsReport::default(),
            budget: AirtimeBudget::new(config.airtime_per_day, now),
            jitter,
            joining,
            polling: Backoff::new(config.poll_interval, config.poll_interval_max),
            unanswered: 0,
            not_before: now,
            status_due: now,
            last_heard: now,
            sending: Sending::Nothing,
            advice: None,
            storing: false,
            counts: Counts::default(),
            assembly: Assembly::new(object),
            memory,
            config,
        })
    }

    /// Handles an event.
    pub fn handle(&mut self, now: Instant, event: Event<'_>) {
        match event {
            Event::SampleArrived { features, label } => self.learn(features, label),
            Event::Joined => self.joining.succeeded(now, &mut self.jitter),
            Event::JoinFailed { not_before } => {
                self.joining.failed(now, &mut self.jitter);
                self.not_before = self.not_before.max(not_before);
            }
            Event::Stored => {
                self.storing = false;
                self.durable = self.stored;
                self.up.grant(self.stored.up_counters);
            }
            Event::StoreFailed => {
                // Storage that fails now may work later; until then nothing is sent, as counters would not be safe.
                self.storing = false;
                self.stored = self.durable;
                self.not_before = now + self.jitter.around(Duration::from_secs(60));
            }
            Event::UplinkSent { on_air, downlink, answered } => self.sent(now, on_air, downlink, answered),
            Event::UplinkRefused(refusal) => self.refused(now, refusal),
        }
    }

    /// What happened so far.
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Version of the global model that the node runs; zero before the first.
    pub const fn model_version(&self) -> u32 {
        self.model_version
    }

    /// Parameters of the global model that the node runs, `[classes][features + 1]`.
    pub fn deployed(&self) -> &[f32] {
        self.memory.deployed
    }

    /// Whether the task is known.
    pub const fn has_task(&self) -> bool {
        self.current.is_some()
    }
}

/// Learning.
impl Agent<'_> {
    fn learn(&mut self, features: &[f32], label: usize) {
        match self.try_learn(features, label) {
            Ok(()) => self.counts.samples += 1,
            Err(_) => self.counts.bad_samples += 1,
        }
    }

    fn try_learn(&mut self, features: &[f32], label: usize) -> Result<(), LearnError> {
        let classes = self.config.shape.classes;
        if label >= classes {
            return Err(LearnError::UnknownLabel { label, classes });
        }
        let Some(current) = self.current else {
            moments::add(self.memory.sums, features)?;
            self.report.add_sample();
            return Ok(());
        };
        let lesson = self.memory.judge(&current.learner, features, label)?;
        if self.model_version > 0 && self.verdicts.1 < u16::MAX {
            self.verdicts.0 += u16::from(lesson.deployed.class == label);
            self.verdicts.1 += 1;
        }
        // Beyond its share a node would drift towards its own data; it waits for the others.
        if self.examples_of_version < u32::from(current.task.participation.max_examples) {
            self.evidence.add(lesson.loss_without_unsent, lesson.loss_with_unsent);
            self.examples_of_version += 1;
            self.memory.train(&current.learner, label)?;
        }
        Ok(())
    }
}

/// Speaking.
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
    fn expects_object(&self) -> bool {
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

    const fn binding(&self, direction: Direction, fport: u8) -> Binding {
        Binding { dev_eui: self.config.dev_eui, epoch: 0, direction, fport }
    }
}

/// Codec payload that a contribution may have at the link's data rate.
fn contribution_payload_bytes(task: &Task, link: &Link) -> usize {
    let room = link.max_payload_bytes.saturating_sub(seal::OVERHEAD_BYTES + contribution::HEADER_BYTES);
    room.min(task.max_contribution_bytes.into())
}

/// Hearing.
impl Agent<'_> {
    fn sent(&mut self, now: Instant, on_air: Duration, downlink: Option<(u8, &[u8])>, answered: bool) {
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

    fn refused(&mut self, now: Instant, refusal: Refusal) {
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
