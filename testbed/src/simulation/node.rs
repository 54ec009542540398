//! A node as a task: the real agent over the real guard and stack, on a virtual board, with a stream of samples.
use super::fleet::Fleet;
use super::samples::OwnedSamples;
use super::tally::{FrameKind, NodeTally};
use super::world::SimEvent;
use crate::device::{Crystal, VirtualRadio, VirtualTimer};
use crate::kernel::{Clock, Rng};
use crate::radio::{Air, NodeIndex, RadioError};
use chirrup_learn::Shape;
use chirrup_learn::features::moments::FeatureSums;
use chirrup_learn::features::scale::FeatureScale;
use chirrup_node::agent::{Agent, AgentConfig, AgentSnapshot, Memory, Uplink, codec_memory_len};
use chirrup_node::lorawan::driver::{self, Driver};
use chirrup_node::lorawan::{Guard, GuardConfig, Parts, Snapshot, SnapshotStore};
use chirrup_protocol::codec::update::UpdateCodec;
use chirrup_protocol::ids::DevEui;
use chirrup_protocol::manifest::{MANIFEST_BYTES, TrustAnchor};
use chirrup_protocol::message::moments::FeatureMoments;
use chirrup_protocol::object::CHUNK_BYTES;
use chirrup_protocol::seal::{DeviceSecret, Direction};
use chirrup_protocol::slots;
use chirrup_protocol::task::Kind;
use chirrup_protocol::time::{Duration, Instant};
use lorawan_device::async_device::Timings;
use lorawan_device::async_device::radio::{PhyRxTx, RxConfig, RxQuality, RxStatus, TxConfig};
use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

/// What a node keeps through a power cut.
#[derive(Debug, Default)]
pub struct Flash {
    /// Written in turn.
    agent: [Option<[u8; AGENT_BYTES]>; 2],
    lorawan: Option<[u8; Snapshot::BYTES]>,
}

const AGENT_BYTES: usize = AgentSnapshot::BYTES + slots::OVERHEAD_BYTES;

impl Flash {
    /// The places of the agent's snapshot, erased where nothing was written.
    fn agent(&self) -> [[u8; AGENT_BYTES]; 2] {
        self.agent.map(|place| place.unwrap_or([0xff; AGENT_BYTES]))
    }

    fn read_agent(&self) -> Option<AgentSnapshot> {
        let [first, second] = self.agent();
        let found = slots::read(&first, &second).expect("no write is torn here");
        AgentSnapshot::from_bytes(found.content?.try_into().ok()?)
    }

    fn write_agent(&mut self, snapshot: &AgentSnapshot) {
        let [first, second] = self.agent();
        let next = slots::read(&first, &second).expect("no write is torn here").next;
        let place = self.agent[next.place as usize].insert([0; AGENT_BYTES]);
        slots::write(next.serial, &snapshot.to_bytes(), place).expect("the place was made to measure");
    }
}

/// Everything a node's task needs.
#[derive(Clone)]
pub struct NodeSetup {
    /// Which one.
    pub node: NodeIndex,
    /// The fleet.
    pub fleet: Rc<Fleet>,
    /// The air.
    pub air: Air<SimEvent>,
    /// What it keeps.
    pub flash: Rc<RefCell<Flash>>,
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
    let now = setup.air.clock().now();
    let stored = setup.flash.borrow().read_agent();
    let mut agent = Agent::new(agent_config(&setup, shape), memory, stored.unwrap_or_default(), now)
        .expect("the slices were made for this shape");
    let mut guard = guard(&setup, now);
    let mut world = NodeWorld::new(&setup);
    Driver {
        agent: &mut agent,
        guard: &mut guard,
        world: &mut world,
        region: setup.fleet.radio.region,
        data_rates: setup.fleet.data_rates,
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
    let form = fleet.federation.task.forms.of_kind(Kind::Update);
    let codec = form.and_then(|form| UpdateCodec::of(form).ok()).expect("scenarios name a codec of updates");
    codec_memory_len(codec, shape.linear_params(), shape.features + 1)
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

fn guard(setup: &NodeSetup, now: Instant) -> NodeGuard {
    let identity = &setup.fleet.nodes[setup.node.0 as usize];
    let config = GuardConfig {
        region: setup.fleet.radio.region,
        dev_eui: identity.dev_eui,
        join_eui: [0; 8],
        app_key: identity.app_key,
        lowest_data_rate: setup.fleet.data_rates.lowest,
        highest_data_rate: setup.fleet.data_rates.highest,
    };
    let restored = setup.flash.borrow().lorawan.and_then(|bytes| Snapshot::from_bytes(&bytes).ok());
    let parts = Parts {
        radio: TappedRadio {
            inner: VirtualRadio::new(setup.air.clone(), setup.node),
            tally: Rc::clone(&setup.tally),
            air: setup.air.clone(),
            node: setup.node,
        },
        timer: VirtualTimer::new(setup.air.clock().clone()).with_crystal(Crystal::of_node(
            setup.node,
            setup.fleet.radio.clock_drift_ppm,
            setup.fleet.seed,
        )),
        // A restart must not repeat the channels that were drawn before it.
        rng: Rng::for_purpose(setup.fleet.seed ^ now.as_micros(), "stack", setup.node.0.into()),
        store: FlashStore(Rc::clone(&setup.flash)),
    };
    Guard::new(config, parts, restored.as_ref(), now).expect("the data rates are of this region")
}

struct FlashStore(Rc<RefCell<Flash>>);

impl SnapshotStore for FlashStore {
    type Error = Infallible;

    async fn store(&mut self, snapshot: &Snapshot) -> Result<(), Infallible> {
        self.0.borrow_mut().lorawan = Some(snapshot.to_bytes());
        Ok(())
    }
}

/// A radio whose frames are counted by what they carry.
struct TappedRadio {
    inner: VirtualRadio<SimEvent>,
    tally: Rc<RefCell<NodeTally>>,
    air: Air<SimEvent>,
    node: NodeIndex,
}

impl Timings for TappedRadio {
    fn get_rx_window_lead_time_ms(&self) -> u32 {
        <VirtualRadio<SimEvent> as Timings>::get_rx_window_lead_time_ms(&self.inner)
    }
}

impl PhyRxTx for TappedRadio {
    type PhyError = RadioError;
    const MAX_RADIO_POWER: u8 = <VirtualRadio<SimEvent> as PhyRxTx>::MAX_RADIO_POWER;

    async fn tx(&mut self, config: TxConfig, phy: &[u8]) -> Result<u32, RadioError> {
        let used = self.air.medium().log().radio_time(self.node);
        self.tally.borrow_mut().frame_begins(FrameKind::of(phy), phy, used);
        self.inner.tx(config, phy).await
    }

    async fn setup_rx(&mut self, config: RxConfig) -> Result<(), RadioError> {
        self.inner.setup_rx(config).await
    }

    async fn rx_single(&mut self, buffer: &mut [u8]) -> Result<RxStatus, RadioError> {
        self.inner.rx_single(buffer).await
    }

    async fn rx_continuous(&mut self, buffer: &mut [u8]) -> Result<(usize, RxQuality), RadioError> {
        self.inner.rx_continuous(buffer).await
    }
}

/// A node's surroundings: its stream passes through the samples it owns, in a new order each time.
struct NodeWorld {
    clock: Clock,
    dev_eui: DevEui,
    tally: Rc<RefCell<NodeTally>>,
    flash: Rc<RefCell<Flash>>,
    samples: OwnedSamples,
    interval: Duration,
    phase: Duration,
    seed: u64,
    node: u64,
    next: u64,
    order: Vec<usize>,
    ordered_pass: Option<u64>,
}

impl NodeWorld {
    fn new(setup: &NodeSetup) -> Self {
        let (seed, node) = (setup.fleet.seed, u64::from(setup.node.0));
        let clock = setup.air.clock().clone();
        let interval = setup.sample_interval;
        let phase_us = Rng::for_purpose(seed, "sample-phase", node).below(interval.as_micros().max(1));
        // After a reboot the stream goes on where time is, not where it stopped.
        let next = clock.now().as_micros() / interval.as_micros().max(1);
        Self {
            clock,
            dev_eui: setup.fleet.nodes[setup.node.0 as usize].dev_eui,
            tally: Rc::clone(&setup.tally),
            flash: Rc::clone(&setup.flash),
            samples: setup.samples.clone(),
            interval,
            phase: Duration::from_micros(phase_us),
            seed,
            node,
            next,
            order: (0..setup.samples.count()).collect(),
            ordered_pass: None,
        }
    }

    /// Place and pass of the next sample.
    fn next_place(&mut self) -> (usize, u64) {
        let count = self.samples.count() as u64;
        let (pass, place) = (self.next / count, (self.next % count) as usize);
        if self.ordered_pass != Some(pass) {
            self.order.sort_unstable();
            let stream = self.node << 32 | pass;
            Rng::for_purpose(self.seed, "stream", stream).shuffle(&mut self.order);
            self.ordered_pass = Some(pass);
        }
        (self.order[place], pass)
    }
}

impl driver::World for NodeWorld {
    type StoreError = Infallible;

    fn now(&self) -> Instant {
        self.clock.now()
    }

    async fn next_sample(&mut self, deadline: Instant, features: &mut [f32]) -> Option<usize> {
        let at = Instant::ZERO + self.phase + self.interval.saturating_mul(self.next);
        self.clock.sleep_until(at.min(deadline)).await;
        if at > deadline {
            return None;
        }
        let (index, pass) = self.next_place();
        self.next += 1;
        Some(self.samples.read(index, pass, features))
    }

    /// On external power.
    fn battery(&self) -> u8 {
        0
    }

    async fn store(&mut self, snapshot: &AgentSnapshot) -> Result<(), Infallible> {
        self.flash.borrow_mut().write_agent(snapshot);
        Ok(())
    }

    fn transmits(&mut self, uplink: &Uplink) {
        let sealed = &mut self.tally.borrow_mut().sealed;
        sealed.enter(self.dev_eui, Direction::Up, uplink.fport, &uplink.payload);
    }

    fn observe(&mut self, agent: &Agent<'_>) {
        self.tally.borrow_mut().observe(self.clock.now(), agent);
    }
}
