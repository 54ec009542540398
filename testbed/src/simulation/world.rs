//! The run loop: tasks of nodes, the air, and a backend, in one order of virtual time.
use super::backend::Backend;
use super::fleet::Fleet;
use super::front::Front;
use super::node::{self, Flash, NodeSetup};
use super::samples::OwnedSamples;
use super::tally::NodeTally;
use crate::kernel::{Kernel, Rng, TaskId, Wakeup};
use crate::radio::air_log::Detail;
use crate::radio::{Air, Medium, MediumConfig, NodeIndex, RadioEvent};
use crate::scenario::Experiment;
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
    /// A node loses power and comes back at once.
    Reboot(NodeIndex),
}

impl From<RadioEvent> for SimEvent {
    fn from(event: RadioEvent) -> Self {
        Self::Radio(event)
    }
}

/// A fleet on the air.
pub struct World {
    kernel: Kernel<SimEvent>,
    air: Air<SimEvent>,
    fleet: Rc<Fleet>,
    nodes: Vec<(NodeSetup, TaskId)>,
    reboots: Vec<Rng>,
    end: Instant,
}

/// A fleet at the end of its run.
pub struct Ended {
    /// The books of the air.
    pub air: Air<SimEvent>,
    /// What was noted of each node.
    pub tallies: Vec<NodeTally>,
    /// When it ended.
    pub at: Instant,
}

impl World {
    /// All nodes switched on at time zero.
    pub fn new(experiment: &Experiment, fleet: &Fleet) -> Self {
        let mut kernel = Kernel::new();
        let fleet = Rc::new(fleet.clone());
        let config = MediumConfig {
            region: fleet.radio.region,
            collision: fleet.radio.collision,
            frame_loss: fleet.faults.frame_loss,
            detail: Detail::Records,
            seed: fleet.seed,
        };
        let mut medium = Medium::new(config, fleet.surroundings());
        medium.log_mut().check_frame_counters();
        let air = Air::new(medium, kernel.scheduler());
        let endless = experiment.task.endless.clone().map(Rc::new);
        let setup = |index: usize| {
            let samples = OwnedSamples::of_node(experiment, index, endless.as_ref());
            setup(experiment, &fleet, &air, index, samples)
        };
        let nodes: Vec<_> = (0..fleet.nodes.len())
            .map(setup)
            .map(|setup| {
                let task = kernel.spawn(node::run(setup.clone()));
                (setup, task)
            })
            .collect();
        let reboots =
            (0..nodes.len()).map(|node| Rng::for_purpose(fleet.seed, "reboots", node as u64)).collect();
        let end = Instant::ZERO + Duration::from_secs(experiment.scenario.run.duration_s);
        let mut world = Self { kernel, air, fleet, nodes, reboots, end };
        (0..world.nodes.len()).for_each(|node| world.schedule_reboot(NodeIndex(node as u32)));
        world
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
            if self.kernel.now() >= next_progress {
                progress(self.kernel.now());
                next_progress = self.kernel.now() + PROGRESS_INTERVAL;
            }
        }
        Ok(self.finish())
    }

    fn handle<B: Backend>(&mut self, event: SimEvent, backend: &mut B) -> Result<(), B::Error> {
        match event {
            SimEvent::Reboot(node) => {
                self.reboot(node);
                Ok(())
            }
            SimEvent::Radio(event) => self.front().handle(event, backend),
        }
    }

    fn front(&self) -> Front<'_, SimEvent> {
        Front { air: &self.air, gateways: &self.fleet.gateways }
    }

    fn reboot(&mut self, node: NodeIndex) {
        let (setup, task) = &mut self.nodes[node.0 as usize];
        self.kernel.cancel(*task);
        *task = self.kernel.spawn(node::run(setup.clone()));
        self.schedule_reboot(node);
    }

    fn schedule_reboot(&mut self, node: NodeIndex) {
        if self.fleet.faults.reboot_per_day > 0.0 {
            let days = self.reboots[node.0 as usize].exponential() / self.fleet.faults.reboot_per_day;
            let at = self.kernel.now() + Duration::from_micros((days * 86_400e6) as u64);
            self.kernel.scheduler().schedule(at, SimEvent::Reboot(node));
        }
    }

    fn finish(self) -> Ended {
        let at = self.kernel.now();
        let tallies = self.nodes.iter().map(|(setup, _)| {
            let used = self.air.medium().log().radio_time(setup.node);
            setup.tally.borrow_mut().close(used, at)
        });
        let tallies = tallies.collect();
        Ended { air: self.air, tallies, at }
    }
}

fn setup(
    experiment: &Experiment,
    fleet: &Rc<Fleet>,
    air: &Air<SimEvent>,
    index: usize,
    samples: OwnedSamples,
) -> NodeSetup {
    let nodes = &experiment.scenario.nodes;
    NodeSetup {
        node: NodeIndex(index as u32),
        fleet: Rc::clone(fleet),
        air: air.clone(),
        flash: Rc::new(RefCell::new(Flash::default())),
        tally: Rc::new(RefCell::new(NodeTally::default())),
        samples,
        sample_interval: Duration::from_secs(nodes.sample_interval_s),
        moments_samples: nodes.moments_samples,
        airtime_per_day: Duration::from_secs(nodes.airtime_s_per_day),
    }
}
