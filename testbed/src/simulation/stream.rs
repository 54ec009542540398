//! A node's surroundings: its stream passes through the samples it owns, in a new order each time.
use super::board::Board;
use super::node::NodeSetup;
use super::samples::OwnedSamples;
use super::tally::NodeTally;
use crate::faults::byzantine::Attack;
use crate::faults::flash::Record;
use crate::kernel::Rng;
use chirrup_node::agent::{Agent, AgentSnapshot, Uplink};
use chirrup_node::lorawan::driver;
use chirrup_protocol::ids::DevEui;
use chirrup_protocol::seal::Direction;
use chirrup_protocol::time::{Duration, Instant};
use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

/// Samples, clocks, storage and books of a node.
pub(super) struct NodeWorld {
    board: Board,
    dev_eui: DevEui,
    attack: Option<Attack>,
    tally: Rc<RefCell<NodeTally>>,
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
    pub fn new(setup: &NodeSetup) -> Self {
        let (seed, node) = (setup.fleet.seed, u64::from(setup.node.0));
        let interval = setup.sample_interval;
        let phase_us = Rng::for_purpose(seed, "sample-phase", node).below(interval.as_micros().max(1));
        // After a reboot the stream goes on where time is, not where it stopped.
        let next = setup.board.clock().true_now().as_micros() / interval.as_micros().max(1);
        Self {
            board: setup.board.clone(),
            dev_eui: setup.fleet.nodes[setup.node.0 as usize].dev_eui,
            attack: setup.attack.clone(),
            tally: Rc::clone(&setup.tally),
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
        self.board.clock().now()
    }

    fn uptime(&self) -> Instant {
        self.board.clock().uptime()
    }

    async fn next_sample(&mut self, deadline: Instant, features: &mut [f32]) -> Option<usize> {
        let at = Instant::ZERO + self.phase + self.interval.saturating_mul(self.next);
        // A wait under way runs its length, whatever happens to the clock meanwhile.
        let deadline = self.board.clock().when(deadline);
        self.board.true_clock().sleep_until(at.min(deadline)).await;
        if at > deadline {
            return None;
        }
        let (index, pass) = self.next_place();
        self.next += 1;
        let label = self.samples.read(index, pass, features);
        let Some(attack) = &mut self.attack else { return Some(label) };
        let injected = &mut *self.board.injected().borrow_mut();
        Some(attack.sample(self.board.true_clock().now(), features, label, injected))
    }

    /// On external power.
    fn battery(&self) -> u8 {
        0
    }

    async fn store(&mut self, snapshot: &AgentSnapshot) -> Result<(), Infallible> {
        self.board.write(Record::Agent(snapshot)).await;
        Ok(())
    }

    fn transmits(&mut self, uplink: &mut Uplink) {
        if let Some(attack) = &mut self.attack {
            let stored = self.board.stored_agent().unwrap_or_default();
            let injected = &mut *self.board.injected().borrow_mut();
            attack.frame(self.board.true_clock().now(), &stored, uplink, injected);
        }
        let sealed = &mut self.tally.borrow_mut().sealed;
        sealed.enter(self.dev_eui, Direction::Up, uplink.fport, &uplink.payload);
    }

    fn observe(&mut self, agent: &Agent<'_>) {
        self.tally.borrow_mut().observe(self.board.clock().true_now(), agent);
    }
}
