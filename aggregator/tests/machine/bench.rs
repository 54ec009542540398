//! An aggregator, the ledger behind it, and nodes that seal what they say.
use chirrup_aggregator::core::federation::{Cadence, DataRateAdvice, Enrolled, ScaleSource};
use chirrup_aggregator::core::strategy::{Strategy, fedbuff::FedBuff};
use chirrup_aggregator::core::{Action, Aggregator, Event, Federation, Record, Reject};
use chirrup_protocol::backhaul::{Downlink, Receipt, Reception, Uplink, UplinkId};
use chirrup_protocol::codec::topk;
use chirrup_protocol::codec::update::UpdateCodec;
use chirrup_protocol::ids::{DevAddr, DevEui, GatewayId, TaskId};
use chirrup_protocol::message::chunk::Chunk;
use chirrup_protocol::message::contribution::{BaseVersion, Contribution, ExampleCount};
use chirrup_protocol::message::control::Control;
use chirrup_protocol::message::moments::{FeatureMoments, emit};
use chirrup_protocol::message::port;
use chirrup_protocol::message::status::Status;
use chirrup_protocol::region::{DataRate, Region};
use chirrup_protocol::seal::{self, Binding, DeviceSecret, Direction, Header, MAX_MESSAGE_BYTES};
use chirrup_protocol::task::{Forms, Learner, Participation, Task};
use chirrup_protocol::time::{Duration, Instant};
use ed25519_dalek::SigningKey;

pub const TASK_ID: TaskId = TaskId(1);
pub const FEATURES: usize = 2;
/// Two classes of two features and a bias.
pub const PARAMS: usize = 6;
pub const DEVICES: u64 = 3;
/// A device that is revoked.
pub const REVOKED: u64 = 50;
pub const MIN_INTERVAL: Duration = Duration::from_secs(100);
pub const MAX_INTERVAL: Duration = Duration::from_secs(1_000);
pub const PATIENCE: Duration = Duration::from_secs(3_600);
/// Longer than any test that is not about it lets frames wait.
pub const MAX_FRAME_AGE: Duration = Duration::from_secs(2_500);
pub const LIFETIME: Duration = Duration::from_secs(7 * 86_400);

pub const GATEWAY: GatewayId = GatewayId([1; 8]);

pub fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&[5; 32])
}

pub fn dev_eui(device: u64) -> DevEui {
    DevEui::from_u64(0x100 + device)
}

fn secret(device: u64) -> [u8; 32] {
    [device as u8 + 1; 32]
}

pub fn federation() -> Federation {
    Federation {
        task_id: TASK_ID,
        task: Task {
            features: FEATURES as u16,
            classes: 2,
            learner: Learner::Softmax { learning_rate: 0.1, l2: 0.0 },
            forms: Forms::one(UpdateCodec::TopK.form(100)),
            participation: Participation {
                min_examples: 4,
                max_examples: 100,
                price_nats_per_s: 0.1,
                max_per_version: 2,
            },
        },
        scale: ScaleSource::Moments { devices: DEVICES as usize, patience: PATIENCE },
        model_bits: 8,
        strategy: Strategy::FedBuff(FedBuff { staleness_exponent: 0.5, server_rate: 1.0 }),
        cadence: Cadence {
            buffer: 3,
            min_interval: MIN_INTERVAL,
            max_interval: MAX_INTERVAL,
            max_staleness: 2,
        },
        downlink_bytes: 51,
        data_rate_advice: None,
        object_lifetime: LIFETIME,
        max_frame_age: MAX_FRAME_AGE,
        devices: (0..DEVICES).map(enrolled).chain([revoked()]).collect(),
    }
}

/// With advice, for links that have 10 dB to spare.
pub fn advising() -> Federation {
    let data_rate_advice = DataRateAdvice {
        region: Region::Eu868,
        margin_tenth_db: 100,
        lowest: DataRate(0),
        highest: DataRate(5),
    };
    Federation { data_rate_advice: Some(data_rate_advice), ..federation() }
}

pub fn enrolled(device: u64) -> Enrolled {
    Enrolled { dev_eui: dev_eui(device), secret: secret(device), revoked_from: None }
}

/// One that was revoked before anything happened.
fn revoked() -> Enrolled {
    Enrolled { revoked_from: Some(Instant::ZERO), ..enrolled(REVOKED) }
}

/// A node's side of the seals.
#[derive(Clone)]
pub struct Node {
    pub device: u64,
    pub epoch: u32,
    pub next_counter: u64,
    pub next_sequence: u8,
    /// Epoch and counter of what it heard.
    pub heard: Vec<(u32, u64)>,
}

pub fn nodes() -> Vec<Node> {
    (0..DEVICES).map(Node::new).collect()
}

impl Node {
    pub fn new(device: u64) -> Self {
        Self { device, epoch: 0, next_counter: 0, next_sequence: 0, heard: Vec::new() }
    }

    /// Its next frame begins another epoch.
    pub fn begin(&mut self, epoch: u32) {
        (self.epoch, self.next_counter) = (epoch, 0);
    }

    pub fn uplink(&mut self, fport: u8, message: &[u8]) -> Uplink {
        let (dev_eui, epoch) = (dev_eui(self.device), self.epoch);
        let key = DeviceSecret::new(secret(self.device)).frame_key(dev_eui, epoch, Direction::Up);
        let binding = Binding { dev_eui, epoch, direction: Direction::Up, fport };
        let mut frame = [0; 242];
        let length = seal::seal(&key, binding, self.next_counter, message, &mut frame).unwrap();
        self.next_counter += 1;
        Uplink {
            id: UplinkId(self.device << 32 | self.next_counter),
            received_at: Instant::ZERO,
            dev_eui,
            dev_addr: DevAddr([0; 4]),
            fcnt: self.next_counter as u32,
            fport,
            data_rate: DataRate(3),
            receptions: vec![Reception { gateway: GatewayId([1; 8]), rssi_dbm: -90, snr_tenth_db: 80 }],
            payload: frame[..length].to_vec(),
        }
    }

    pub fn status(&mut self, status: &Status) -> Uplink {
        let mut message = [0; 64];
        let length = status.emit(&mut message).unwrap();
        self.uplink(port::STATUS, &message[..length])
    }

    /// Which task and model it holds.
    pub fn holding(&mut self, task: u8, model: u8) -> Uplink {
        self.status(&holds(task, model))
    }

    pub fn moments(&mut self, first: u16, count: u32, features: &[FeatureMoments]) -> Uplink {
        let mut message = [0; 222];
        let emitted = emit(first, count, features, &mut message).unwrap();
        assert_eq!(emitted.features, features.len());
        self.uplink(port::MOMENTS, &message[..emitted.bytes])
    }

    /// A contribution with the next number.
    pub fn contribution(&mut self, base_version: u32, examples: u32, update: &[f32]) -> Uplink {
        self.next_sequence = self.next_sequence.wrapping_add(1);
        self.contribution_as(TASK_ID, base_version, self.next_sequence.wrapping_sub(1), examples, update)
    }

    pub fn contribution_as(
        &mut self,
        task: TaskId,
        base_version: u32,
        sequence: u8,
        examples: u32,
        update: &[f32],
    ) -> Uplink {
        let mut payload = [0; 100];
        let length = topk::encode(update, &mut payload).unwrap();
        let message = Contribution {
            task,
            block: 0,
            base: BaseVersion::of(base_version),
            sequence,
            examples: ExampleCount::at_most(examples),
            payload: &payload[..length],
        };
        let mut bytes = [0; 200];
        let length = message.emit(&mut bytes).unwrap();
        self.uplink(port::CONTRIBUTION, &bytes[..length])
    }

    /// Opens a downlink; its counter must be one that was never used before.
    pub fn open(&mut self, downlink: &Downlink) -> Heard {
        let dev_eui = dev_eui(self.device);
        assert_eq!(downlink.dev_eui, dev_eui);
        let key_id = u32::from(Header::parse(&downlink.payload).unwrap().key_id);
        let epoch = self.epoch - (self.epoch.wrapping_sub(key_id) & 3);
        assert!(epoch + 1 >= self.epoch, "a node opens its present epoch and the one before");
        let key = DeviceSecret::new(secret(self.device)).frame_key(dev_eui, epoch, Direction::Down);
        let heard = self.heard.iter().rev().find(|(of, _)| *of == epoch);
        let expected = heard.map_or(0, |(_, last)| last + 1);
        let binding = Binding { dev_eui, epoch, direction: Direction::Down, fport: downlink.fport };
        let mut message = [0; MAX_MESSAGE_BYTES];
        let opened = seal::open_near(&key, binding, expected, &downlink.payload, &mut message);
        let (counter, length) = opened.unwrap();
        assert!(!self.heard.contains(&(epoch, counter)), "downlink {epoch} {counter} was used twice");
        self.heard.push((epoch, counter));
        let message = &message[..length];
        match downlink.fport {
            port::CONTROL => Heard::Control(Control::parse(message).unwrap()),
            port::CHUNK => {
                let chunk = Chunk::parse(message).unwrap();
                Heard::Chunk { tag: chunk.object.to_byte(), first: chunk.first, bytes: chunk.bytes.to_vec() }
            }
            other => panic!("a downlink on port {other}"),
        }
    }
}

/// Zero stands for none.
pub fn holds(task: u8, model: u8) -> Status {
    let [task_version_low, model_version_low] = [task, model].map(|low| (low > 0).then_some(low));
    Status {
        task_version_low,
        model_version_low,
        battery: 255,
        progress: None,
        evaluation: None,
        downlinks_from: None,
    }
}

/// What a downlink said.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    Control(Control),
    Chunk { tag: u8, first: u8, bytes: Vec<u8> },
}

/// An aggregator and its ledger.
pub struct Bench {
    pub aggregator: Aggregator,
    pub ledger: Vec<Record>,
    pub now: Instant,
    pub put_off: u64,
}

impl Bench {
    pub fn new(federation: Federation) -> Self {
        let aggregator = Aggregator::new(federation, signing_key());
        Self { aggregator, ledger: Vec::new(), now: Instant::from_micros(1_000_000_000), put_off: 0 }
    }

    /// One whose scale is settled, and nodes that settled it.
    pub fn settled() -> (Self, Vec<Node>) {
        let (mut bench, mut nodes) = (Self::new(federation()), nodes());
        for node in &mut nodes {
            let sum = 3.0 + node.device as f32;
            let moments = [FeatureMoments { sum, sum_of_squares: 30.0 }; FEATURES];
            bench.send(node.moments(0, 10, &moments));
        }
        assert_eq!(bench.aggregator.current().map(|version| version.number), Some(0));
        (bench, nodes)
    }

    /// A gateway hands over an uplink; every record must be asked for before the receipt.
    pub fn send(&mut self, uplink: Uplink) -> Receipt {
        self.send_via(GATEWAY, uplink).expect("every uplink gets a receipt, unless it is put off")
    }

    /// The same, through a gateway of the caller's choice; `None` when the uplink is put off.
    pub fn send_via(&mut self, via: GatewayId, mut uplink: Uplink) -> Option<Receipt> {
        if uplink.received_at == Instant::ZERO {
            uplink.received_at = self.now;
        }
        let (id, dev_eui) = (uplink.id, uplink.dev_eui);
        self.aggregator.handle(self.now, Event::UplinkReceived { via, uplink });
        let mut receipts = self.drain();
        let receipt = receipts.pop()?;
        assert!(receipts.is_empty());
        assert_eq!((receipt.id, receipt.dev_eui), (id, dev_eui));
        Some(receipt)
    }

    /// The same, and what the answer says.
    pub fn exchange(&mut self, node: &mut Node, uplink: Uplink) -> Option<Heard> {
        self.send(uplink).downlink.map(|downlink| node.open(&downlink))
    }

    pub fn wait(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(due) = self.aggregator.next_deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.aggregator.handle(self.now, Event::DeadlineReached);
            assert!(self.drain().is_empty());
            assert!(self.aggregator.next_deadline().is_none_or(|next| next > self.now), "stuck at {due}");
        }
        self.now = end;
    }

    fn drain(&mut self) -> Vec<Receipt> {
        let mut receipts = Vec::new();
        while let Some(action) = self.aggregator.poll_action() {
            match action {
                Action::Append(record) => {
                    assert!(receipts.is_empty(), "a record after the receipt that rests on it");
                    self.ledger.push(record);
                }
                Action::Acknowledge(receipt) => receipts.push(receipt),
                Action::PutOff(_) => self.put_off += 1,
            }
        }
        receipts
    }

    pub fn rejected(&self, reason: Reject) -> u64 {
        self.aggregator.rejects().get(&reason).copied().unwrap_or(0)
    }

    pub fn version(&self) -> u32 {
        self.aggregator.current().expect("the scale is settled").number
    }
}
