//! The agent's state machine: see [`super`] for its diagram.
mod hearing;
mod learning;
mod speaking;

use super::event::{Event, LONGEST_JOIN_WAIT};
use super::judgement::{AirtimeBudget, Evidence};
use super::local::Encoding;
use super::memory::{Memory, MemoryError};
use super::pace::{Backoff, Jitter};
use super::report::MomentsReport;
use super::snapshot::AgentSnapshot;
use chirrup_learn::Shape;
use chirrup_learn::linear::softmax::Softmax;
use chirrup_protocol::codec::update::UpdateCodec;
use chirrup_protocol::epoch::{self, Epochs};
use chirrup_protocol::ids::{DevEui, TaskId};
use chirrup_protocol::manifest::TrustAnchor;
use chirrup_protocol::object::Assembly;
use chirrup_protocol::region::DataRate;
use chirrup_protocol::seal::{Binding, DeviceSecret, Direction, FrameKey, MAX_MESSAGE_BYTES};
use chirrup_protocol::task::Task;
use chirrup_protocol::time::{Duration, Instant};
use heapless::Vec;

/// What an agent is born with.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// The node.
    pub dev_eui: DevEui,
    /// What it shares with the aggregator.
    pub secret: DeviceSecret,
    /// When it takes new keys: the default, unless a test is to see many epochs.
    pub epoch_limits: epoch::Limits,
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
    /// Objects refused: signature, hash, shape, or expired by the time that was told since.
    pub bad_objects: u64,
    /// Models applied.
    pub models: u64,
}

/// The action that has not been reported back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UnderWay {
    Nothing,
    Join,
    Store,
    Poll,
    Moments { features: usize },
    Contribution,
}

impl UnderWay {
    const fn is_frame(self) -> bool {
        matches!(self, Self::Poll | Self::Moments { .. } | Self::Contribution)
    }
}

/// The task as received.
#[derive(Clone, Copy, Debug)]
struct Current {
    version: u32,
    task: Task,
    learner: Softmax,
    codec: UpdateCodec,
    /// Largest codec payload that the task allows.
    max_payload_bytes: usize,
}

/// The time, as the aggregator told it.
#[derive(Clone, Copy, Debug)]
struct ToldTime {
    /// Protocol time less the time of `now`, in seconds.
    offset_s: i64,
    /// Epoch and counter of the downlink. One before it that comes late would set the time back.
    told_by: (u32, u64),
}

/// A contribution whose frame has not gone out yet.
#[derive(Clone, Debug)]
struct UpdateUnderWay {
    how: Encoding,
    payload: Vec<u8, MAX_MESSAGE_BYTES>,
    /// One beyond the last parameter that it speaks of.
    end: usize,
}

/// A node's agent, on memory that the caller lends.
pub struct Agent<'m> {
    config: AgentConfig,
    memory: Memory<'m>,
    assembly: Assembly<'m>,
    epochs: Epochs,
    /// Of the present epoch.
    up_key: FrameKey,
    down_key: FrameKey,
    /// The snapshot that storage holds, and the one on its way there; equal but for that time.
    durable: AgentSnapshot,
    stored: AgentSnapshot,
    next_sequence: u32,
    current: Option<Current>,
    model_version: u32,
    told_time: Option<ToldTime>,
    evidence: Evidence,
    examples_of_version: u32,
    contributions_of_version: u8,
    /// Since when the two above count.
    allowance_since: Instant,
    verdicts: (u16, u16),
    report: MomentsReport,
    budget: AirtimeBudget,
    jitter: Jitter,
    joining: Backoff,
    polling: Backoff,
    /// Frames in a row that should have been answered and were not.
    unanswered: u32,
    /// Whether the frame under way asks the network for an acknowledgement.
    confirming: bool,
    not_before: Instant,
    status_due: Instant,
    last_heard: Instant,
    under_way: UnderWay,
    /// Codec payload of the contribution under way.
    update_under_way: Option<UpdateUnderWay>,
    /// Where the next block of the update starts, for codecs that send it in blocks.
    next_block: usize,
    advice: Option<DataRate>,
    /// Whether the latest object was refused.
    refused_object: bool,
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
        let epoch = stored.epochs.epoch;
        let key = |direction| config.secret.frame_key(config.dev_eui, epoch, direction);
        let mut jitter = Jitter::new(config.jitter_seed);
        let mut joining = Backoff::new(Duration::from_secs(10), LONGEST_JOIN_WAIT);
        joining.succeeded(now, &mut jitter);
        Ok(Self {
            up_key: key(Direction::Up),
            down_key: key(Direction::Down),
            epochs: Epochs::restored(config.epoch_limits, stored.epochs, now),
            next_sequence: stored.sequences,
            durable: stored,
            stored,
            current: None,
            model_version: 0,
            told_time: None,
            evidence: Evidence::default(),
            examples_of_version: 0,
            contributions_of_version: 0,
            allowance_since: now,
            verdicts: (0, 0),
            report: MomentsReport::default(),
            budget: AirtimeBudget::new(config.airtime_per_day, now),
            jitter,
            joining,
            polling: Backoff::new(config.poll_interval, config.poll_interval_max),
            unanswered: 0,
            confirming: false,
            // Nodes that lost power together and kept their sessions must not come back together.
            not_before: joining.due(),
            status_due: now,
            last_heard: now,
            under_way: UnderWay::Nothing,
            update_under_way: None,
            next_block: 0,
            advice: None,
            refused_object: false,
            counts: Counts::default(),
            assembly: Assembly::new(object),
            memory,
            config,
        })
    }

    /// Handles an event.
    pub fn handle(&mut self, now: Instant, event: Event<'_>) {
        match event {
            Event::SampleArrived { features, label } => self.learn(now, features, label),
            Event::Joined => {
                self.ends(|under_way| under_way == UnderWay::Join);
                self.joining.succeeded(now, &mut self.jitter);
                self.last_heard = now;
                self.unanswered = 0;
            }
            Event::JoinFailed { not_before } => {
                self.ends(|under_way| under_way == UnderWay::Join);
                self.joining.failed(now, &mut self.jitter);
                self.not_before = self.not_before.max(not_before);
            }
            Event::Stored => {
                self.ends(|under_way| under_way == UnderWay::Store);
                self.durable = self.stored;
                self.grant(now);
            }
            Event::StoreFailed => {
                // Storage that fails now may work later; until then nothing is sent, as counters would not be safe.
                self.ends(|under_way| under_way == UnderWay::Store);
                self.stored = self.durable;
                self.not_before = now + self.jitter.around(Duration::from_secs(60));
            }
            Event::UplinkSent { on_air, downlink, answered } => self.sent(now, on_air, downlink, answered),
            Event::UplinkRefused(refusal) => self.refused(now, refusal),
        }
    }

    /// The action under way, if it is one of these, has been reported back.
    fn ends(&mut self, is_reported: impl Fn(UnderWay) -> bool) -> UnderWay {
        if is_reported(self.under_way) {
            core::mem::replace(&mut self.under_way, UnderWay::Nothing)
        } else {
            UnderWay::Nothing
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

    /// The epoch that the next frame is sealed under, unless another one begins with it.
    pub const fn epoch(&self) -> u32 {
        self.epochs.epoch()
    }

    /// Storage holds what was asked for: a new epoch has keys of its own.
    fn grant(&mut self, now: Instant) {
        let before = self.epochs.epoch();
        self.epochs.grant(now, &self.durable.epochs);
        if self.epochs.epoch() != before {
            self.up_key = self.key(self.epochs.epoch(), Direction::Up);
            self.down_key = self.key(self.epochs.epoch(), Direction::Down);
        }
    }

    fn key(&self, epoch: u32, direction: Direction) -> FrameKey {
        self.config.secret.frame_key(self.config.dev_eui, epoch, direction)
    }

    const fn binding(&self, epoch: u32, direction: Direction, fport: u8) -> Binding {
        Binding { dev_eui: self.config.dev_eui, epoch, direction, fport }
    }
}
