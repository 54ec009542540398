//! A node as a task: the real agent over the real guard and stack, on a virtual board, with a stream of samples.
use super::ble;
use super::board::Board;
use super::fleet::Fleet;
use super::samples::OwnedSamples;
use super::stream::NodeWorld;
use super::tally::NodeTally;
use super::tap::TappedRadio;
use super::world::SimEvent;
use crate::ble::BleAir;
use crate::device::{Crystal, VirtualRadio, VirtualTimer};
use crate::energy::Awake;
use crate::faults::byzantine::Attack;
use crate::faults::flash::Record;
use crate::kernel::Rng;
use crate::radio::{Air, NodeIndex};
use chirrup_learn::Shape;
use chirrup_learn::features::moments::FeatureSums;
use chirrup_learn::features::scale::FeatureScale;
use chirrup_node::agent::{Agent, AgentConfig, Memory, codec_memory_len};
use chirrup_node::lorawan::driver::{Driver, SteadyClock};
use chirrup_node::lorawan::{Guard, GuardConfig, Parts, Snapshot, SnapshotStore};
use chirrup_protocol::codec::update::UpdateCodec;
use chirrup_protocol::manifest::{MANIFEST_BYTES, TrustAnchor};
use chirrup_protocol::message::moments::FeatureMoments;
use chirrup_protocol::object::CHUNK_BYTES;
use chirrup_protocol::seal::DeviceSecret;
use chirrup_protocol::task::Kind;
use chirrup_protocol::time::Duration;
use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

/// Everything a node's task needs.
#[derive(Clone)]
pub struct NodeSetup {
    /// Which one.
    pub node: NodeIndex,
    /// The fleet.
    pub fleet: Rc<Fleet>,
    /// The air.
    pub air: Air<SimEvent>,
    /// The air of BLE, for a node that speaks it instead of LoRaWAN.
    pub ble: Option<BleAir<SimEvent>>,
    /// Its board.
    pub board: Board,
    /// How it works against the others, if it does.
    pub attack: Option<Attack>,
    /// What is noted of it.
    pub tally: Rc<RefCell<NodeTally>>,
    /// Its samples.
    pub samples: OwnedSamples,
    /// Time between two samples.
    pub sample_interval: Duration,
    /// Samples behind its moments.
    pub moments_samples: u32,
    /// Airtime for contributions a day.
    pub airtime_per_day: Duration,
}

impl NodeSetup {
    /// How long its BLE radio was awake, if it has one.
    pub fn ble_awake(&self) -> Awake {
        self.ble.as_ref().map_or(Awake::default(), |ble| ble.books().node(self.node).awake)
    }
}

/// Runs a node until its task is dropped.
pub async fn run(setup: NodeSetup) {
    let shape = shape(&setup.fleet);
    let (params, features) = (shape.linear_params(), shape.features);
    let [mut local, mut anchor, mut deployed] = std::array::from_fn(|_| vec![0.0; params]);
    let mut scales = vec![FeatureScale::default(); features];
    let mut sums = vec![FeatureSums::default(); features];
    let mut reported = vec![FeatureMoments::default(); features];
    let (mut sample, mut raw, mut scratch) =
        (vec![0.0; features], vec![0.0; features], vec![0.0; shape.classes]);
    let mut codec = vec![0.0; codec_memory(&setup.fleet, shape)];
    let mut object = vec![0; object_bytes(shape)];
    let memory = Memory {
        local: &mut local,
        anchor: &mut anchor,
        deployed: &mut deployed,
        scales: &mut scales,
        sums: &mut sums,
        reported: &mut reported,
        sample: &mut sample,
        scratch: &mut scratch,
        codec: &mut codec,
        object: &mut object,
    };
    let clock = setup.board.clock();
    let stored = setup.board.stored_agent();
    let mut agent = Agent::new(agent_config(&setup, shape), memory, stored.unwrap_or_default(), clock.now())
        .expect("the slices were made for this shape");
    let mut world = NodeWorld::new(&setup);
    if let Some(air) = setup.ble.clone() {
        return ble::run(&setup, air, &mut agent, &mut world, &mut raw).await;
    }
    let mut guard = guard(&setup);
    Driver {
        agent: &mut agent,
        guard: &mut guard,
        world: &mut world,
        region: setup.fleet.radio.region,
        data_rates: setup.fleet.data_rates,
        clock: SteadyClock::default(),
    }
    .run(&mut raw)
    .await;
}

fn shape(fleet: &Fleet) -> Shape {
    let task = &fleet.federation.task;
    Shape { features: task.features.into(), classes: task.classes.into() }
}

/// What the task's codec works in.
fn codec_memory(fleet: &Fleet, shape: Shape) -> usize {
    codec_memory_len(codec(fleet), shape.linear_params(), shape.features + 1)
}

/// The task's codec.
pub(super) fn codec(fleet: &Fleet) -> UpdateCodec {
    let form = fleet.federation.task.forms.of_kind(Kind::Update);
    form.and_then(|form| UpdateCodec::of(form).ok()).expect("scenarios name a codec of updates")
}

/// Room for the larger of task and model, with its manifest, in whole chunks.
fn object_bytes(shape: Shape) -> usize {
    let task = chirrup_protocol::task::Task::max_bytes(shape.features);
    let model = chirrup_protocol::codec::linear::encoded_bytes(shape.classes, shape.features + 1, 8);
    (MANIFEST_BYTES + task.max(model)).next_multiple_of(CHUNK_BYTES)
}

fn agent_config(setup: &NodeSetup, shape: Shape) -> AgentConfig {
    let identity = &setup.fleet.nodes[setup.node.0 as usize];
    AgentConfig {
        dev_eui: identity.dev_eui,
        secret: DeviceSecret::new(identity.secret),
        epoch_limits: setup.fleet.epoch_limits,
        anchor: TrustAnchor::of(&setup.fleet.signing_key),
        task_id: setup.fleet.federation.task_id,
        shape,
        moments_samples: setup.moments_samples,
        airtime_per_day: setup.airtime_per_day,
        status_interval: Duration::from_secs(1_800),
        poll_interval: Duration::from_secs(20),
        poll_interval_max: Duration::from_secs(600),
        jitter_seed: Rng::for_purpose(setup.fleet.seed, "jitter", setup.node.0.into()).next_u64(),
    }
}

type NodeGuard = Guard<TappedRadio, VirtualTimer, Rng, FlashStore>;

fn guard(setup: &NodeSetup) -> NodeGuard {
    let identity = &setup.fleet.nodes[setup.node.0 as usize];
    let config = GuardConfig {
        region: setup.fleet.radio.region,
        dev_eui: identity.dev_eui,
        join_eui: [0; 8],
        app_key: identity.app_key,
        lowest_data_rate: setup.fleet.data_rates.lowest,
        highest_data_rate: setup.fleet.data_rates.highest,
    };
    let restored = setup.board.stored_lorawan();
    let clock = setup.board.clock();
    let parts = Parts {
        radio: TappedRadio {
            inner: VirtualRadio::new(setup.air.clone(), setup.node),
            tally: Rc::clone(&setup.tally),
            air: setup.air.clone(),
            node: setup.node,
            board: setup.board.clone(),
        },
        timer: VirtualTimer::new(setup.air.clock().clone()).with_crystal(Crystal::of_node(
            setup.node,
            setup.fleet.radio.clock_drift_ppm,
            setup.fleet.seed,
        )),
        // A restart must not repeat the channels that were drawn before it.
        rng: Rng::for_purpose(setup.fleet.seed ^ clock.true_now().as_micros(), "stack", setup.node.0.into()),
        store: FlashStore(setup.board.clone()),
    };
    let guard = Guard::new(config, parts, restored.as_ref(), clock.uptime())
        .expect("the data rates are of this region");
    guard.with_adr(setup.fleet.adr)
}

struct FlashStore(Board);

impl SnapshotStore for FlashStore {
    type Error = Infallible;

    async fn store(&mut self, snapshot: &Snapshot) -> Result<(), Infallible> {
        self.0.write(Record::Lorawan(snapshot)).await;
        Ok(())
    }
}
