//! The run loop: tasks of nodes, the air, and a backend, in one order of virtual time.
use super::backend::Backend;
use super::ble::{BleFleet, BleFront};
use super::board::Board;
use super::fleet::Fleet;
use super::front::Front;
use super::hazards::{attacks, gateway_outages};
use super::node::NodeSetup;
use super::nodes::{NodeEvent, Nodes};
use super::samples::OwnedSamples;
use super::tally::NodeTally;
use crate::ble::{BleAir, BleReport};
use crate::faults::byzantine::Attack;
use crate::faults::frames::{Attacked, FrameFaults};
use crate::faults::{Injected, Outages};
use crate::kernel::{Kernel, Wakeup};
use crate::radio::air_log::Detail;
use crate::radio::{Air, Disruptions, Medium, MediumConfig, NodeIndex, RadioEvent};
use crate::scenario::Experiment;
use chirrup_gateway::core::Heard;
use chirrup_protocol::time::{Duration, Instant};
use std::cell::RefCell;
use std::rc::Rc;

/// How often progress is told, in virtual time.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(60);

/// What the kernel hands to the run loop.
#[derive(Debug)]
pub enum SimEvent {
    /// Something on the air.
    Radio(RadioEvent),
    /// Something at a gateway's BLE radio.
    Ble(BleReport),
    /// Something happens to a node.
    Node(NodeIndex, NodeEvent),
    /// An attacker sends a frame again, as a concentrator heard it before.
    Replay(Box<Heard>),
}

impl From<RadioEvent> for SimEvent {
    fn from(event: RadioEvent) -> Self {
        Self::Radio(event)
    }
}

impl From<BleReport> for SimEvent {
    fn from(report: BleReport) -> Self {
        Self::Ble(report)
    }
}

/// A fleet on the air.
pub struct World {
    kernel: Kernel<SimEvent>,
    air: Air<SimEvent>,
    /// Where some nodes speak BLE.
    ble: Option<BleAir<SimEvent>>,
    fleet: Rc<Fleet>,
    nodes: Nodes,
    gateways: Vec<Outages>,
    frames: FrameFaults,
    injected: Rc<RefCell<Injected>>,
    end: Instant,
}

/// A fleet at the end of its run.
pub struct Ended {
    /// The books of the air.
    pub air: Air<SimEvent>,
    /// Those of BLE, where some nodes speak it.
    pub ble: Option<BleAir<SimEvent>>,
    /// What was noted of each node.
    pub tallies: Vec<NodeTally>,
    /// What was done to it.
    pub injected: Injected,
    /// When it ended.
    pub at: Instant,
}

impl World {
    /// All nodes that are there at time zero switched on.
    pub fn new(experiment: &Experiment, fleet: &Fleet) -> Self {
        let mut kernel = Kernel::new();
        let fleet = Rc::new(fleet.clone());
        let end = Instant::ZERO + Duration::from_secs(experiment.scenario.run.duration_s);
        let gateways = gateway_outages(&fleet, end);
        let disruptions = Disruptions::new(gateways.clone(), fleet.faults.until());
        let mut medium =
            Medium::new(medium_config(&fleet), fleet.surroundings()).with_disruptions(disruptions);
        medium = medium.tuned(fleet.radio.region, fleet.radio.channel_group);
        medium.log_mut().check_frame_counters();
        let air = Air::new(medium, kernel.scheduler());
        let ble = ble_air(&fleet, &gateways, &kernel);
        let injected = Rc::new(RefCell::new(Injected::default()));
        let endless = experiment.task.endless.clone().map(Rc::new);
        let attacks = attacks(experiment, &fleet);
        injected.borrow_mut().byzantine_nodes = attacks.iter().flatten().count() as u64;
        let setup = |(index, attack): (usize, Option<Attack>)| {
            let (faults, node) = (&fleet.faults, NodeIndex(index as u32));
            let board = Board::new(node, faults, fleet.seed, kernel.scheduler(), Rc::clone(&injected));
            let samples = OwnedSamples::of_node(experiment, index, endless.as_ref());
            let ble = ble.clone().filter(|_| fleet.speaks_ble(node));
            NodeSetup { ble, attack, ..setup(experiment, &fleet, &air, board, node, samples) }
        };
        let setups = attacks.into_iter().enumerate().map(setup).collect();
        let battery = experiment.scenario.nodes.battery;
        let mut nodes = Nodes::new(setups, fleet.faults, battery, Rc::clone(&injected));
        nodes.begin(&mut kernel, fleet.seed, end);
        let frames = FrameFaults::new(&fleet.faults, fleet.seed, fleet.faults.until());
        Self { kernel, air, ble, fleet, nodes, gateways, frames, injected, end }
    }

    /// Runs to the end.
    pub fn run<B: Backend>(
        mut self,
        backend: &mut B,
        progress: &mut dyn FnMut(Instant),
    ) -> Result<Ended, B::Error> {
        let mut next_progress = Instant::ZERO;
        loop {
            let limit = backend.next_deadline().map_or(self.end, |due| due.min(self.end));
            match self.kernel.step_until(limit.max(self.kernel.now())) {
                Some(Wakeup::Event(event)) => self.handle(event, backend)?,
                Some(Wakeup::TaskRan(_) | Wakeup::TaskFinished(_)) => {}
                None if self.kernel.now() >= self.end => break,
                None => backend.reached(self.kernel.now())?,
            }
            while let Some(order) = backend.poll_order() {
                self.front().send(order, backend)?;
            }
            while let Some(order) = backend.poll_ble_order() {
                if let Some(front) = self.ble_front() {
                    front.carry_out(order);
                }
            }
            if self.kernel.now() >= next_progress {
                progress(self.kernel.now());
                next_progress = self.kernel.now() + PROGRESS_INTERVAL;
            }
        }
        Ok(self.finish())
    }

    fn handle<B: Backend>(&mut self, event: SimEvent, backend: &mut B) -> Result<(), B::Error> {
        match event {
            SimEvent::Node(node, event) => {
                self.nodes.handle(node, event, &mut self.kernel);
                Ok(())
            }
            SimEvent::Radio(event) => self.hear(event, backend),
            SimEvent::Ble(report) => self.ble_front().map_or(Ok(()), |front| front.handle(report, backend)),
            SimEvent::Replay(heard) => self.replay(*heard, backend),
        }
    }

    fn hear<B: Backend>(&mut self, event: RadioEvent, backend: &mut B) -> Result<(), B::Error> {
        let mut replays = Vec::new();
        let front = Front { air: &self.air, gateways: &self.fleet.gateways };
        let (faults, injected) = (&mut self.frames, &mut *self.injected.borrow_mut());
        front.handle(event, &mut Attacked { backend, faults, injected, replays: &mut replays })?;
        for (at, heard) in replays {
            self.kernel.scheduler().schedule(at, SimEvent::Replay(Box::new(heard)));
        }
        Ok(())
    }

    /// A gateway that is off hears no attacker either.
    fn replay<B: Backend>(&self, heard: Heard, backend: &mut B) -> Result<(), B::Error> {
        let now = self.kernel.now();
        let gateway = self.fleet.gateways.iter().position(|id| *id == heard.concentrator);
        if gateway.is_some_and(|index| self.gateways[index].off_until(now).is_some()) {
            return Ok(());
        }
        self.injected.borrow_mut().frames_replayed += 1;
        backend.heard(now, Heard { counter_us: now.as_micros() as u32, ..heard })
    }

    fn front(&self) -> Front<'_, SimEvent> {
        Front { air: &self.air, gateways: &self.fleet.gateways }
    }

    fn ble_front(&self) -> Option<BleFront<'_, SimEvent>> {
        self.ble.as_ref().map(|air| BleFront { air, gateways: &self.fleet.gateways })
    }

    fn finish(self) -> Ended {
        let at = self.kernel.now();
        let tallies = self.nodes.setups().map(|setup| {
            let used = self.air.medium().log().radio_time(setup.node);
            let awake = setup.ble_awake();
            setup.tally.borrow_mut().close(used, awake, at)
        });
        let tallies = tallies.collect();
        let mut injected = *self.injected.borrow();
        injected.frames_cut_short = self.air.medium().frames_cut_short();
        for outages in &self.gateways {
            let (count, off) = outages.before(at);
            injected.gateway_outages += count;
            injected.gateway_off_s += off.as_secs_f64();
        }
        Ended { air: self.air, ble: self.ble, tallies, injected, at }
    }
}

fn medium_config(fleet: &Fleet) -> MediumConfig {
    MediumConfig {
        region: fleet.radio.region,
        collision: fleet.radio.collision,
        frame_loss: fleet.faults.frame_loss,
        detail: Detail::Records,
        seed: fleet.seed,
    }
}

fn ble_air(fleet: &Fleet, gateways: &[Outages], kernel: &Kernel<SimEvent>) -> Option<BleAir<SimEvent>> {
    let of = |ble: &BleFleet| {
        let air = BleAir::new(ble.parameters, ble.links.clone(), fleet.seed, kernel.scheduler());
        air.with_outages(gateways.to_vec())
    };
    fleet.ble.as_ref().map(of)
}

fn setup(
    experiment: &Experiment,
    fleet: &Rc<Fleet>,
    air: &Air<SimEvent>,
    board: Board,
    node: NodeIndex,
    samples: OwnedSamples,
) -> NodeSetup {
    let nodes = &experiment.scenario.nodes;
    NodeSetup {
        node,
        fleet: Rc::clone(fleet),
        air: air.clone(),
        ble: None,
        board,
        attack: None,
        tally: Rc::new(RefCell::new(NodeTally::default())),
        samples,
        sample_interval: Duration::from_secs(nodes.sample_interval_s),
        moments_samples: nodes.moments_samples,
        airtime_per_day: Duration::from_secs(nodes.airtime_s_per_day),
    }
}
