//! Both services as a backend of the run, in lockstep with virtual time.
use super::forwarder::{Forwarder, Request};
use super::lockstep::{ClockLink, Settling};
use super::process::{Kind, Process, ProcessError};
use super::site::Site;
use crate::radio::RadioError;
use crate::scenario::Experiment;
use crate::simulation::backend::{Backend, Order};
use crate::simulation::{CoresError, Fleet};
use chirrup_aggregator::core::ledger::ReplayError;
use chirrup_aggregator::export::ExportError;
use chirrup_aggregator::service::{self, ExportLedgerError};
use chirrup_gateway::core::Heard;
use chirrup_protocol::ids::GatewayId;
use chirrup_protocol::time::{Duration, Instant};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};

/// How often the gateway may say that something is open, each time after five seconds.
const PATIENCE: usize = 12;

/// A live run failed.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The folder of the services cannot be written.
    #[error("{}: {source}", .folder.display())]
    Site {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A key that only simulated services honour.
    #[error("{what} is not available with real services")]
    SimulatedOnly {
        /// Section or key.
        what: &'static str,
    },
    /// A service did not run as it should.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A service said nothing where an address was due.
    #[error("the {service} does not say where its {what} is")]
    NoAddress {
        /// Which service.
        service: &'static str,
        /// What it left out.
        what: &'static str,
    },
    /// A connection to a service failed.
    #[error("{what}: {source}")]
    Connection {
        /// Which connection.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The services do not come to rest.
    #[error("after {} s the gateway still has something open: {open}", PATIENCE * 5)]
    Unsettled {
        /// What.
        open: String,
    },
    /// The aggregator's configuration cannot be read back.
    #[error("aggregator's configuration: {0}")]
    Config(#[from] service::config::ConfigError),
    /// The ledger cannot be exported.
    #[error("ledger: {0}")]
    ExportLedger(#[from] ExportLedgerError),
    /// The exported ledger cannot be read.
    #[error("exported ledger: {0}")]
    Export(#[from] ExportError),
    /// The ledger does not give the versions that it names.
    #[error("ledger: {0}")]
    Replay(#[from] ReplayError),
    /// The service ran another federation than the scenario describes.
    #[error("the aggregator's ledger belongs to another federation than the scenario")]
    OtherFederation,
    /// The run cannot be summed up.
    #[error(transparent)]
    Record(#[from] CoresError),
}

/// Virtual time runs at most so fast.
struct Pace {
    speed: f64,
    started: std::time::Instant,
}

impl Pace {
    fn wait_for(&self, now: Instant) {
        let due = std::time::Duration::from_secs_f64(now.as_secs_f64() / self.speed);
        std::thread::sleep(due.saturating_sub(self.started.elapsed()));
    }
}

struct Service {
    process: Process,
    clock: ClockLink,
    next: Option<Instant>,
}

impl Service {
    fn start(kind: Kind, folder: &Path) -> Result<Self, LiveError> {
        let process = Process::start(kind, folder)?;
        let address = process.addresses.clock;
        let address = address.ok_or(LiveError::NoAddress { service: kind.name(), what: "clock" })?;
        let clock = ClockLink::connect(address).map_err(connection("clock"))?;
        Ok(Self { process, clock, next: None })
    }
}

fn connection(what: &'static str) -> impl Fn(io::Error) -> LiveError {
    move |source| LiveError::Connection { what, source }
}

fn refuse_simulated(fleet: &Fleet) -> Result<(), LiveError> {
    if !fleet.backhaul.is_direct() {
        return Err(LiveError::SimulatedOnly { what: "section [backhaul]" });
    }
    if fleet.faults.service_restart_per_day > 0.0 {
        return Err(LiveError::SimulatedOnly { what: "faults.service_restart_per_day" });
    }
    if fleet.faults.duplicate > 0.0 {
        return Err(LiveError::SimulatedOnly { what: "faults.duplicate" });
    }
    Ok(())
}

/// The services and the wires to them.
pub struct Services {
    site: Site,
    folder: PathBuf,
    gateway: Service,
    aggregator: Service,
    forwarders: BTreeMap<GatewayId, Forwarder>,
    requests: Receiver<Request>,
    frames: u64,
    now: Instant,
    pace: Pace,
    kill_aggregator_at: Option<Instant>,
}

/// What remains of the services.
pub struct Stopped {
    /// The aggregator's configuration, to export its ledger.
    pub aggregator: service::config::Config,
}

impl Services {
    /// Writes the configuration and starts both services.
    pub fn start(
        experiment: &Experiment,
        fleet: &Fleet,
        speed: f64,
        folder: &Path,
    ) -> Result<Self, LiveError> {
        refuse_simulated(fleet)?;
        let site_error = |source| LiveError::Site { folder: folder.to_owned(), source };
        let site = Site::write(experiment, fleet, folder).map_err(site_error)?;
        let gateway = Service::start(Kind::Gateway, folder)?;
        let broker = gateway.process.addresses.broker;
        site.write_aggregator(experiment, fleet, broker).map_err(site_error)?;
        let aggregator = Service::start(Kind::Aggregator, folder)?;
        let udp = gateway.process.addresses.udp;
        let udp = udp.ok_or(LiveError::NoAddress { service: "gateway", what: "UDP port" })?;
        let (sender, requests) = channel();
        let connect = |&id| Forwarder::connect(id, udp, sender.clone()).map(|forwarder| (id, forwarder));
        let forwarders = fleet.gateways.iter().map(connect).collect::<io::Result<_>>();
        let kill_at = experiment.scenario.live.kill_aggregator_at_s;
        let mut services = Self {
            site,
            folder: folder.to_owned(),
            gateway,
            aggregator,
            forwarders: forwarders.map_err(connection("packet forwarder"))?,
            requests,
            frames: 0,
            now: Instant::ZERO,
            pace: Pace { speed, started: std::time::Instant::now() },
            kill_aggregator_at: kill_at.map(|at| Instant::ZERO + Duration::from_secs(at)),
        };
        // What is due from the first moment on, such as a scale that the operator knows.
        services.advance_aggregator()?;
        Ok(services)
    }

    /// Where the aggregator's page is.
    pub fn page(&self) -> SocketAddr {
        self.aggregator.process.addresses.http.unwrap_or_else(|| ([127, 0, 0, 1], 0).into())
    }

    /// Stops both services in an orderly way.
    pub fn stop(self) -> Result<Stopped, LiveError> {
        self.gateway.process.stop()?;
        self.aggregator.process.stop()?;
        let aggregator = service::config::Config::load(&self.site.path("aggregator.toml"))?;
        Ok(Stopped { aggregator })
    }

    fn arrive_at(&mut self, now: Instant) -> Result<(), LiveError> {
        self.now = now;
        self.pace.wait_for(now);
        if self.kill_aggregator_at.is_some_and(|at| at <= now) {
            self.kill_aggregator_at = None;
            self.aggregator.process.kill()?;
        }
        Ok(())
    }

    /// Waits until both services have done all that is due by now.
    fn settle(&mut self) -> Result<(), LiveError> {
        // The aggregator's deadlines first: what it publishes now may be part of its answers.
        self.advance_aggregator()?;
        let mut open = String::new();
        for _ in 0..PATIENCE {
            match self.gateway.clock.settle(self.frames).map_err(connection("gateway's clock"))? {
                Settling::Settled(next) => {
                    self.gateway.next = next;
                    return self.advance_aggregator();
                }
                Settling::Open(what) => open = what,
            }
            self.advance_aggregator()?;
        }
        Err(LiveError::Unsettled { open })
    }

    /// Brings the aggregator to the present. One that has died meanwhile is started again on its ledger.
    fn advance_aggregator(&mut self) -> Result<(), LiveError> {
        if let Ok(next) = self.aggregator.clock.advance(self.now) {
            self.aggregator.next = next;
            return Ok(());
        }
        eprintln!("the aggregator is gone at {}; starting it again on its ledger", self.now);
        self.aggregator.process.kill()?;
        self.aggregator = Service::start(Kind::Aggregator, &self.folder)?;
        let next = self.aggregator.clock.advance(self.now);
        self.aggregator.next = next.map_err(connection("aggregator's clock"))?;
        Ok(())
    }
}

impl Backend for Services {
    type Error = LiveError;

    fn heard(&mut self, now: Instant, heard: Heard) -> Result<(), LiveError> {
        self.arrive_at(now)?;
        self.gateway.clock.advance(now).map_err(connection("gateway's clock"))?;
        let forwarder = self.forwarders.get(&heard.concentrator).expect("every concentrator has one");
        forwarder.push(&heard).map_err(connection("packet forwarder"))?;
        self.frames += 1;
        self.settle()
    }

    /// A concentrator acknowledges a request when it takes it; what fails later is lost, as on real hardware.
    fn refused(&mut self, _: Instant, _: u64, _: RadioError) -> Result<(), LiveError> {
        Ok(())
    }

    fn next_deadline(&self) -> Option<Instant> {
        [self.gateway.next, self.aggregator.next].into_iter().flatten().min()
    }

    fn reached(&mut self, now: Instant) -> Result<(), LiveError> {
        self.arrive_at(now)?;
        self.gateway.clock.advance(now).map_err(connection("gateway's clock"))?;
        self.settle()
    }

    fn poll_order(&mut self) -> Option<Order> {
        let Request { counter_us, order } = self.requests.try_recv().ok()?;
        let ahead = counter_us.wrapping_sub(self.now.as_micros() as u32);
        Some(Order { at: self.now + Duration::from_micros(ahead.into()), ..order })
    }
}
