//! The same fleet in three worlds: the stack alone, the stack on the air, the air before the network server.
use crate::silence::{Sent, SilentRadio};
use crate::stopwatch::Stopwatch;
use chirrup_gateway::core::Heard;
use chirrup_protocol::time::{Duration, Instant};
use chirrup_testbed::kernel::Kernel;
use chirrup_testbed::radio::air_log::AirLog;
use chirrup_testbed::radio::{MediumConfig, RadioError, RadioEvent};
use chirrup_testbed::scenario::{Activation, Confirmation, Overrides, Scenario, TrafficConfig};
use chirrup_testbed::simulation::backend::{Backend, Order};
use chirrup_testbed::traffic::record::Exchanges;
use chirrup_testbed::traffic::stack::{self, Setup};
use chirrup_testbed::traffic::{medium, node};
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::path::Path;
use std::rc::Rc;

/// A fleet that sends 20 bytes a frame, under the collisions of Goursaud, in front of one gateway.
#[derive(Clone, Copy)]
pub struct FleetSize {
    /// Nodes.
    pub nodes: usize,
    /// Mean interval between two packets of one, in seconds.
    pub mean_s: f64,
    /// Spreading factor.
    pub spreading_factor: u8,
    /// Frames that all of them send, about.
    pub frames: f64,
}

/// A run and the time it took.
#[derive(Clone, Copy)]
pub struct Run {
    /// What was sent.
    pub sent: Sent,
    /// Seconds on a core, from the first node that is made to the last frame.
    pub seconds: f64,
    /// Virtual time.
    pub length: Duration,
}

impl Run {
    /// Transmissions a second of one core.
    pub fn per_second(&self) -> f64 {
        self.sent.frames as f64 / self.seconds
    }

    /// One transmission, in nanoseconds.
    pub fn frame_ns(&self) -> f64 {
        1e9 / self.per_second()
    }

    /// The mean number of frames on the air.
    pub fn on_air(&self) -> f64 {
        self.sent.airtime.as_secs_f64() / self.length.as_secs_f64()
    }
}

/// A fleet, read from the scenario that `chirrup run` would take.
pub struct Fleet {
    scenario: Scenario,
    traffic: TrafficConfig,
    activation: Activation,
}

/// Nobody behind the air.
struct Nobody;

impl Backend for Nobody {
    type Error = Infallible;

    fn heard(&mut self, _: Instant, heard: Heard) -> Result<(), Infallible> {
        std::hint::black_box(&heard);
        Ok(())
    }

    fn refused(&mut self, _: Instant, _: u64, _: RadioError) -> Result<(), Infallible> {
        Ok(())
    }

    fn next_deadline(&self) -> Option<Instant> {
        None
    }

    fn reached(&mut self, _: Instant) -> Result<(), Infallible> {
        Ok(())
    }

    fn poll_order(&mut self) -> Option<Order> {
        None
    }
}

impl Fleet {
    /// Nodes with personalised keys: the bare stack, whose frames are the same in every world.
    pub fn new(size: FleetSize) -> Self {
        let FleetSize { nodes, mean_s, spreading_factor, frames } = size;
        let duration_s = libm::ceil(frames * mean_s / nodes as f64);
        let text = format!(
            "[traffic]\njoin = false\nmean_s = {mean_s}\nspreading_factor = {spreading_factor}\n\
             [nodes]\ncount = {nodes}\n[radio]\ncollision = \"goursaud\"\ngateways = 1\n\
             [run]\nduration_s = {duration_s}\n"
        );
        let scenario = Scenario::from_toml("speed", &text, Path::new(""), &Overrides::default())
            .expect("a scenario of this bench");
        let traffic = scenario.traffic.clone().expect("a section [traffic]");
        Self { scenario, traffic, activation: Activation::Personalised }
    }

    /// The same nodes, which join over the air and send behind the guard.
    pub fn joining(size: FleetSize) -> Self {
        Self { activation: Activation::Join, ..Self::new(size) }
    }

    fn setup(&self) -> Setup<'_> {
        Setup {
            scenario: &self.scenario,
            traffic: &self.traffic,
            activation: self.activation,
            confirmation: Confirmation::NotRequested,
        }
    }

    fn length(&self) -> Duration {
        Duration::from_secs(self.scenario.run.duration_s)
    }

    fn medium(&self) -> MediumConfig {
        medium(self.scenario.radio.collision, self.scenario.run.seed)
    }

    fn on_air(&self, log: &AirLog, watch: &Stopwatch) -> Run {
        let sums = log.uplinks();
        let sent = Sent { frames: sums.outcomes.total(), bytes: sums.phy_bytes, airtime: sums.airtime };
        Run { sent, seconds: watch.seconds(), length: self.length() }
    }

    /// Virtual time, stack and its cryptography, on an air that delivers everything and keeps no books.
    pub fn stack_alone(&self) -> Run {
        let watch = Stopwatch::start();
        let mut kernel = Kernel::<RadioEvent>::new();
        let sent = Rc::new(Cell::new(Sent::default()));
        let counts = Rc::new(RefCell::new(Exchanges::default()));
        for index in 0..self.scenario.nodes.count as u32 {
            let clock = kernel.clock();
            let node = stack::new_node(&self.setup(), index, &clock, &counts);
            kernel.spawn(node::send_personalised(node, SilentRadio::new(clock, Rc::clone(&sent))));
        }
        while kernel.step_until(Instant::ZERO + self.length()).is_some() {}
        Run { sent: sent.get(), seconds: watch.seconds(), length: self.length() }
    }

    /// The same on the air, with its books, and nobody who listens behind the gateway.
    pub fn on_the_air(&self) -> Run {
        let watch = Stopwatch::start();
        let (setup, medium) = (self.setup(), self.medium());
        let around = self.scenario.radio.surroundings(self.scenario.nodes.count, self.scenario.run.seed);
        let Ok((air, _, _)) = stack::run_before(&mut Nobody, &setup, medium, around, &mut |_| {});
        self.on_air(air.medium().log(), &watch)
    }

    /// The same in front of the network server: what `chirrup run` runs.
    pub fn before_a_server(&self) -> Run {
        let watch = Stopwatch::start();
        let (setup, medium) = (self.setup(), self.medium());
        let around = self.scenario.radio.surroundings(self.scenario.nodes.count, self.scenario.run.seed);
        let (air, _, exchanges) = stack::run(&setup, medium, around, &mut |_| {})
            .expect("the network server takes its configuration");
        let run = self.on_air(air.medium().log(), &watch);
        assert!(exchanges.received > 0, "the network server has heard something");
        run
    }
}
