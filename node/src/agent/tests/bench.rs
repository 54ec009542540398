//! A bench for one agent: memory, flash, a link, and the aggregator's side of the seals.
use crate::agent::{Action, Agent, AgentConfig, AgentSnapshot, Bearer, Event, Link, Memory, Uplink};
use chirrup_learn::Shape;
use chirrup_learn::features::moments::FeatureSums;
use chirrup_learn::features::scale::FeatureScale;
use chirrup_protocol::codec::linear;
use chirrup_protocol::codec::update::UpdateCodec;
use chirrup_protocol::epoch::{Limits, uplink_epoch};
use chirrup_protocol::ids::{DevEui, TaskId};
use chirrup_protocol::manifest::{Manifest, TrustAnchor, sha256};
use chirrup_protocol::message::chunk::Chunk;
use chirrup_protocol::message::control::Control;
use chirrup_protocol::message::moments::FeatureMoments;
use chirrup_protocol::message::port;
use chirrup_protocol::object::{CHUNK_BYTES, ObjectKind, ObjectTag};
use chirrup_protocol::region::{DataRate, DwellTime, Region};
use chirrup_protocol::seal::{self, Binding, DeviceSecret, Direction, Header, MAX_MESSAGE_BYTES};
use chirrup_protocol::task::{Forms, Learner, Participation, Scale, Task};
use chirrup_protocol::time::{Duration, Instant};
use ed25519_dalek::SigningKey;

pub const SHAPE: Shape = Shape { features: 3, classes: 2 };
pub const DEV_EUI: DevEui = DevEui([7; 8]);
pub const TASK_ID: TaskId = TaskId(1);
pub const ON_AIR: Duration = Duration::from_millis(300);
pub const STATUS_INTERVAL: Duration = Duration::from_secs(1_800);
pub const RULE: Participation =
    Participation { min_examples: 4, max_examples: 60, price_nats_per_s: 0.0, max_per_version: 2 };

pub fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&[3; 32])
}

pub fn secret() -> DeviceSecret {
    DeviceSecret::new([9; 32])
}

pub fn config(shape: Shape) -> AgentConfig {
    AgentConfig {
        dev_eui: DEV_EUI,
        secret: secret(),
        epoch_limits: Limits::default(),
        anchor: TrustAnchor::of(&signing_key()),
        task_id: TASK_ID,
        shape,
        moments_samples: 5,
        airtime_per_day: Duration::from_secs(60),
        status_interval: STATUS_INTERVAL,
        poll_interval: Duration::from_secs(20),
        poll_interval_max: Duration::from_secs(600),
        jitter_seed: 42,
    }
}

/// The memory of a node.
pub struct Board {
    shape: Shape,
    params: [Vec<f32>; 3],
    scales: Vec<FeatureScale>,
    sums: Vec<FeatureSums>,
    reported: Vec<FeatureMoments>,
    sample: Vec<f32>,
    scratch: Vec<f32>,
    codec: Vec<f32>,
    object: Vec<u8>,
}

impl Board {
    pub fn new(shape: Shape) -> Self {
        Self {
            shape,
            params: std::array::from_fn(|_| vec![0.0; shape.linear_params()]),
            scales: vec![FeatureScale::default(); shape.features],
            sums: vec![FeatureSums::default(); shape.features],
            reported: vec![FeatureMoments::default(); shape.features],
            sample: vec![0.0; shape.features],
            scratch: vec![0.0; shape.classes],
            codec: vec![0.0; 0],
            object: vec![0; 16 * CHUNK_BYTES],
        }
    }

    fn memory(&mut self) -> Memory<'_> {
        self.sums.fill(FeatureSums::default());
        let [local, anchor, deployed] = &mut self.params;
        Memory {
            local,
            anchor,
            deployed,
            scales: &mut self.scales,
            sums: &mut self.sums,
            reported: &mut self.reported,
            sample: &mut self.sample,
            scratch: &mut self.scratch,
            codec: &mut self.codec,
            object: &mut self.object,
        }
    }

    /// Power comes on at `now`.
    pub fn power_on(&mut self, flash: AgentSnapshot, now: Instant) -> Node<'_> {
        self.power_on_as(config(self.shape), flash, now)
    }

    pub fn power_on_as(&mut self, config: AgentConfig, flash: AgentSnapshot, now: Instant) -> Node<'_> {
        let agent = Agent::new(config, self.memory(), flash, now).unwrap();
        Node { agent, link: link(DataRate(5)), now, flash, peer: Peer::default(), storage_works: true }
    }
}

/// A joined link at a data rate.
pub fn link(data_rate: DataRate) -> Link {
    Link {
        joined: true,
        bearer: Bearer::LoRaWan(Region::Eu868),
        data_rate,
        max_payload_bytes: Region::Eu868
            .max_payload_bytes(Direction::Up, DwellTime::Unlimited, data_rate)
            .unwrap(),
        lowest_data_rate: DataRate(0),
        battery: 255,
    }
}

/// The aggregator's side of the seals.
#[derive(Clone, Copy, Default)]
pub struct Peer {
    /// The highest epoch that an uplink has shown it.
    pub epoch: u32,
    expected_up: u64,
    next_down: u64,
}

impl Peer {
    /// Epoch, counter and message of an uplink, which need not arrive.
    pub fn read(&self, uplink: &Uplink) -> (u32, u64, Vec<u8>) {
        let key_id = Header::parse(&uplink.payload).unwrap().key_id;
        let epoch = uplink_epoch(key_id, self.epoch).unwrap();
        let key = secret().frame_key(DEV_EUI, epoch, Direction::Up);
        let expected = if epoch == self.epoch { self.expected_up } else { 0 };
        let binding = Binding { dev_eui: DEV_EUI, epoch, direction: Direction::Up, fport: uplink.fport };
        let mut message = [0; MAX_MESSAGE_BYTES];
        let opened = seal::open_near(&key, binding, expected, &uplink.payload, &mut message);
        let (counter, length) = opened.unwrap();
        (epoch, counter, message[..length].to_vec())
    }

    /// The uplink arrives: its counter and message.
    pub fn open(&mut self, uplink: &Uplink) -> (u64, Vec<u8>) {
        let (epoch, counter, message) = self.read(uplink);
        if epoch > self.epoch {
            (self.epoch, self.next_down) = (epoch, 0);
        }
        self.expected_up = counter + 1;
        (counter, message)
    }

    pub fn seal(&mut self, fport: u8, message: &[u8]) -> (u8, Vec<u8>) {
        self.next_down += 1;
        (fport, self.seal_with(self.next_down - 1, fport, message))
    }

    pub fn seal_with(&self, counter: u64, fport: u8, message: &[u8]) -> Vec<u8> {
        let key = secret().frame_key(DEV_EUI, self.epoch, Direction::Down);
        let binding = Binding { dev_eui: DEV_EUI, epoch: self.epoch, direction: Direction::Down, fport };
        let mut frame = [0; 242];
        let length = seal::seal(&key, binding, counter, message, &mut frame).unwrap();
        frame[..length].to_vec()
    }

    pub fn control(&mut self, control: &Control) -> (u8, Vec<u8>) {
        let mut message = [0; 8];
        let length = control.emit(&mut message).unwrap();
        self.seal(port::CONTROL, &message[..length])
    }

    /// Every chunk of an object's stream in a downlink of its own.
    pub fn chunks(&mut self, tag: ObjectTag, stream: &[u8]) -> Vec<(u8, Vec<u8>)> {
        chunk_messages(tag, stream).iter().map(|message| self.seal(port::CHUNK, message)).collect()
    }
}

/// Every chunk of an object's stream in a message of its own.
pub fn chunk_messages(tag: ObjectTag, stream: &[u8]) -> Vec<Vec<u8>> {
    let of = |(index, bytes)| {
        let mut message = [0; 64];
        let length = Chunk { object: tag, first: index as u8, bytes }.emit(&mut message).unwrap();
        message[..length].to_vec()
    };
    stream.chunks(CHUNK_BYTES).enumerate().map(of).collect()
}

/// A powered node.
pub struct Node<'m> {
    pub agent: Agent<'m>,
    pub link: Link,
    pub now: Instant,
    pub flash: AgentSnapshot,
    pub peer: Peer,
    pub storage_works: bool,
}

impl Node<'_> {
    /// Serves storage and data rate until the agent wants something else, and lets time pass where it wants nothing.
    pub fn next_action(&mut self) -> Action {
        self.action_before(Instant::NEVER).expect("an agent always wants something in the end")
    }

    /// The same, but gives up when the next deadline lies beyond `end`; time is `end` then.
    pub fn action_before(&mut self, end: Instant) -> Option<Action> {
        for _ in 0..10_000 {
            match self.agent.poll_action(self.now, &self.link) {
                Some(Action::Store(snapshot)) if self.storage_works => {
                    self.flash = snapshot;
                    self.agent.handle(self.now, Event::Stored);
                }
                Some(Action::UseDataRate(data_rate)) => {
                    self.link = Link { joined: self.link.joined, ..link(data_rate) };
                }
                Some(action) => return Some(action),
                None => {
                    let due = self.agent.next_deadline(self.now, &self.link);
                    assert!(due > self.now, "nothing to do at {}, and due then", self.now);
                    if due > end {
                        self.now = end;
                        return None;
                    }
                    self.now = due;
                }
            }
        }
        panic!("the agent is busy with nothing");
    }

    /// The next frame.
    pub fn next_frame(&mut self) -> Uplink {
        match self.next_action() {
            Action::Transmit(uplink) => uplink,
            other => panic!("expected a frame, not {other:?}"),
        }
    }

    /// The next frame, opened; nothing is reported back yet.
    pub fn next_message(&mut self) -> (u8, Vec<u8>) {
        let uplink = self.next_frame();
        (uplink.fport, self.peer.open(&uplink).1)
    }

    /// The frame went out; this came back.
    pub fn answer(&mut self, downlink: Option<&(u8, Vec<u8>)>) {
        self.now = self.now + Duration::from_secs(2);
        let downlink = downlink.map(|(fport, frame)| (*fport, frame.as_slice()));
        let answered = downlink.is_some();
        self.agent.handle(self.now, Event::UplinkSent { on_air: ON_AIR, downlink, answered });
    }

    /// One exchange: the next message, and its answer.
    pub fn exchange(&mut self, downlink: Option<&(u8, Vec<u8>)>) -> (u8, Vec<u8>) {
        let message = self.next_message();
        self.answer(downlink);
        message
    }

    /// Hears an object, a chunk an exchange.
    pub fn hear_object(&mut self, kind: ObjectKind, version: u32, stream: &[u8]) {
        for chunk in self.peer.chunks(ObjectTag::new(kind, version), stream) {
            self.exchange(Some(&chunk));
        }
    }

    pub fn hear_task(&mut self, participation: Participation) {
        self.hear_object(ObjectKind::Task, 1, &task_stream(1, participation));
        assert!(self.agent.has_task());
    }

    /// Samples of two classes that a line separates.
    pub fn learn(&mut self, count: usize) {
        for index in 0..count {
            let label = index % 2;
            let features = [label as f32 * 2.0 - 1.0, (index % 3) as f32 * 0.1, 0.5];
            self.agent.handle(self.now, Event::SampleArrived { features: &features, label });
        }
    }
}

pub fn task(participation: Participation) -> Task {
    Task {
        features: SHAPE.features as u16,
        classes: SHAPE.classes as u16,
        learner: Learner::Softmax { learning_rate: 0.1, l2: 0.0 },
        forms: Forms::one(UpdateCodec::TopK.form(100)),
        participation,
    }
}

pub fn task_bytes(task: &Task) -> Vec<u8> {
    let scales = vec![Scale { offset: 0.0, gain: 1.0 }; task.features.into()];
    let mut object = [0; 512];
    let length = task.emit(&scales, &mut object).unwrap();
    object[..length].to_vec()
}

pub fn manifest(kind: ObjectKind, version: u32, codec: u8, object: &[u8]) -> Manifest {
    Manifest {
        kind,
        task: TASK_ID,
        codec,
        version,
        parent: [0; 8],
        object_bytes: object.len() as u16,
        key_id: 0,
        expires_s: 10_000_000,
        sha256: sha256(object),
    }
}

pub fn stream(manifest: &Manifest, object: &[u8]) -> Vec<u8> {
    [manifest.sign(&signing_key()).as_slice(), object].concat()
}

pub fn task_stream(version: u32, participation: Participation) -> Vec<u8> {
    let object = task_bytes(&task(participation));
    stream(&manifest(ObjectKind::Task, version, 0, &object), &object)
}

pub fn model_bytes(params: &[f32]) -> Vec<u8> {
    let mut object = vec![0; linear::encoded_bytes(SHAPE.classes, SHAPE.features + 1, 8)];
    linear::encode(params, SHAPE.features + 1, 8, &mut object).unwrap();
    object
}

/// A model whose parameters are all `value`.
pub fn model_stream(version: u32, value: f32) -> Vec<u8> {
    let object = model_bytes(&vec![value; SHAPE.linear_params()]);
    stream(&manifest(ObjectKind::Model, version, 8, &object), &object)
}
