//! A node: seals what it says, opens what it hears, never sees a counter twice.
use super::SECRETS;
use chirrup_aggregator::service::config::devices::Device;
use chirrup_protocol::backhaul::{Downlink, Reception, Uplink, UplinkId};
use chirrup_protocol::codec::topk;
use chirrup_protocol::identity::{AggregatorKeys, AgreementKey, Enrolment, NodeKeys};
use chirrup_protocol::ids::{DevAddr, DevEui, GatewayId, TaskId};
use chirrup_protocol::manifest::TrustAnchor;
use chirrup_protocol::message::chunk::Chunk;
use chirrup_protocol::message::contribution::{BaseVersion, Contribution, ExampleCount};
use chirrup_protocol::message::control::Control;
use chirrup_protocol::message::moments::{self, FeatureMoments};
use chirrup_protocol::message::port;
use chirrup_protocol::message::status::{Evaluation, Progress, Status};
use chirrup_protocol::object::{Assembly, ObjectKind, Received};
use chirrup_protocol::region::DataRate;
use chirrup_protocol::seal::{self, Binding, DeviceSecret, Direction, Header};
use chirrup_protocol::time::{Duration, Instant};
use ed25519_dalek::SigningKey;
use std::collections::BTreeSet;

#[derive(Debug)]
pub struct Node {
    number: u8,
    secret: DeviceSecret,
    now: Instant,
    up: u64,
    sequence: u8,
    assembly: Assembly<'static>,
    pub down_counters: BTreeSet<u64>,
    pub controls: Vec<Control>,
    pub task_version: u32,
    pub model_version: u32,
    /// The newest model as its object travelled.
    pub model: Vec<u8>,
    pub evaluation: Option<Evaluation>,
}

impl Node {
    pub fn new(number: u8) -> Self {
        let key = |digits: &str| hex::decode(digits).unwrap().try_into().unwrap();
        let keys = AggregatorKeys {
            agreement: AgreementKey::new(key(SECRETS[2])).public_key(),
            root: TrustAnchor::of(&SigningKey::from_bytes(&key(SECRETS[0]))),
            generation: 0,
        };
        let secret = NodeKeys::from_seed(&[0x40 + number; 32]).device_secret(DevEui([number; 8]), &keys);
        Self {
            number,
            secret: secret.unwrap(),
            now: Instant::from_micros(u64::from(number) * 1_000),
            up: 0,
            sequence: 0,
            assembly: Assembly::new(Vec::leak(vec![0; 1_000])),
            down_counters: BTreeSet::new(),
            controls: Vec::new(),
            task_version: 0,
            model_version: 0,
            model: Vec::new(),
            evaluation: None,
        }
    }

    pub fn dev_eui(&self) -> DevEui {
        DevEui([self.number; 8])
    }

    pub fn keys(&self) -> NodeKeys {
        NodeKeys::from_seed(&[0x40 + self.number; 32])
    }

    /// Its table in the enrolment list.
    pub fn table(&self) -> String {
        let enrolment = Enrolment::sign(self.dev_eui(), &self.keys());
        Device::from(Enrolment::verify(&enrolment).unwrap()).to_table()
    }

    fn binding(&self, direction: Direction, fport: u8) -> Binding {
        Binding { dev_eui: self.dev_eui(), epoch: 0, direction, fport }
    }

    /// Seals a message; frames come as far apart as versions do.
    pub fn uplink(&mut self, fport: u8, message: &[u8]) -> Uplink {
        let key = self.secret.frame_key(self.dev_eui(), 0, Direction::Up);
        let mut payload = vec![0; message.len() + seal::OVERHEAD_BYTES];
        seal::seal(&key, self.binding(Direction::Up, fport), self.up, message, &mut payload).unwrap();
        let id = UplinkId(u64::from(self.number) << 32 | self.up);
        self.up += 1;
        self.now = self.now + Duration::from_secs(170);
        let reception = Reception { gateway: GatewayId([9; 8]), rssi_dbm: -101, snr_tenth_db: 35 };
        Uplink {
            id,
            received_at: self.now,
            dev_eui: self.dev_eui(),
            dev_addr: DevAddr([0, 0, 0, self.number]),
            fcnt: self.up as u32,
            fport,
            data_rate: DataRate(3),
            receptions: vec![reception],
            payload,
        }
    }

    /// Opens a downlink and acts on it.
    pub fn receive(&mut self, downlink: &Downlink) {
        let key = self.secret.frame_key(self.dev_eui(), 0, Direction::Down);
        let expected = self.down_counters.last().map_or(0, |last| last + 1);
        let counter = Header::parse(&downlink.payload).unwrap().counter(expected);
        let mut message = [0; seal::MAX_MESSAGE_BYTES];
        let binding = self.binding(Direction::Down, downlink.fport);
        let length = seal::open(&key, binding, counter, &downlink.payload, &mut message).unwrap();
        assert!(self.down_counters.insert(counter), "downlink counter {counter} was used twice");
        match downlink.fport {
            port::CHUNK => self.take_chunk(&Chunk::parse(&message[..length]).unwrap()),
            port::CONTROL => self.controls.push(Control::parse(&message[..length]).unwrap()),
            other => panic!("nothing is sent on port {other}"),
        }
    }

    fn take_chunk(&mut self, chunk: &Chunk<'_>) {
        if self.assembly.insert(chunk).unwrap() == Received::Incomplete {
            return;
        }
        let seed = hex::decode(SECRETS[0]).unwrap().try_into().unwrap();
        let anchor = TrustAnchor::of(&SigningKey::from_bytes(&seed));
        let (manifest, object) = self.assembly.verify(&anchor).unwrap();
        assert_eq!(manifest.task, TaskId(3));
        match manifest.kind {
            ObjectKind::Task => self.task_version = manifest.version,
            ObjectKind::Model => {
                assert!(manifest.version > self.model_version, "a model never becomes older");
                self.model_version = manifest.version;
                self.model = object.to_vec();
            }
            ObjectKind::Keys => panic!("no keys are published"),
        }
        self.assembly.clear();
    }

    /// Moments of ten samples.
    pub fn moments(&self) -> Vec<u8> {
        let feature = FeatureMoments { sum: 100.0, sum_of_squares: 2_000.0 };
        let mut message = vec![0; 100];
        let emitted = moments::emit(0, 10, &[feature; 3], &mut message).unwrap();
        message.truncate(emitted.bytes);
        message
    }

    pub fn status(&mut self) -> Vec<u8> {
        let status = Status {
            task_version_low: (self.task_version > 0).then_some(self.task_version as u8),
            model_version_low: (self.model_version > 0).then_some(self.model_version as u8),
            battery: 200,
            progress: self.assembly.progress().filter(|progress: &Progress| progress.first_missing > 0),
            evaluation: self.evaluation.take(),
            downlinks_from: None,
        };
        let mut message = vec![0; 64];
        let length = status.emit(&mut message).unwrap();
        message.truncate(length);
        message
    }

    /// A change that favours class c where feature c is large: `[3][3 + 1]`.
    pub fn contribution(&mut self) -> Vec<u8> {
        let update = [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        let mut payload = [0; 40];
        let length = topk::encode(&update, &mut payload).unwrap();
        let contribution = Contribution {
            task: TaskId(3),
            block: 0,
            base: BaseVersion::of(self.model_version),
            sequence: self.sequence,
            examples: ExampleCount::at_most(10),
            payload: &payload[..length],
        };
        self.sequence = self.sequence.wrapping_add(1);
        let mut message = vec![0; 64];
        let length = contribution.emit(&mut message).unwrap();
        message.truncate(length);
        message
    }
}
