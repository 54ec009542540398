//! The shell around the core: configuration, ledger, MQTT, clock and a page.
//!
//! ```text
//!          mqtt ---- queue ----> driver (its own thread: core, ledger, clock) <---- requests ---- http, clock
//!            ^------ receipts ------'
//! ```
//! Modules in reading order: [`config`], [`driver`], [`ledger`], [`mqtt`], [`clock`], [`validation`], [`status`],
//! [`http`], [`metrics`].
pub mod clock;
pub mod config;
pub mod driver;
pub mod http;
pub mod ledger;
pub mod metrics;
pub mod mqtt;
pub mod status;
pub mod validation;

use crate::core::Aggregator;
use crate::core::federation::Federation;
use crate::export::{self, ExportError};
use chirrup_protocol::time::Instant;
use clock::Clock;
use config::{Announce, ClockConfig, Config};
use driver::{Driver, DriverError, Judge};
use ledger::{Ledger, LedgerError};
use mqtt::{Link, LinkState, Phase, QUEUED_UPLINKS};
use serde::Serialize;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinHandle, JoinSet};

/// Questions to the core's thread that may wait.
const QUEUED_REQUESTS: usize = 32;
/// How long the last receipts may take on their way out.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// The service could not start, or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// An address could not be listened on.
    #[error("listening on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Nobody could be told the addresses.
    #[error("announcing the addresses: {0}")]
    Announce(std::io::Error),
    /// The core's thread failed.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// A part of the service panicked.
    #[error("a part of the service ended: {0}")]
    Ended(#[from] JoinError),
}

/// Addresses that were bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Addresses {
    /// The page.
    pub http: SocketAddr,
    /// The injected clock, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<SocketAddr>,
}

/// A running service. Dropped, it takes in nothing more, and ends without flushing.
pub struct Service {
    addresses: Addresses,
    phase: watch::Sender<Phase>,
    driver: JoinHandle<Result<(), DriverError>>,
    link: JoinHandle<()>,
    /// Ends them when it is dropped.
    _servers: JoinSet<()>,
}

/// Runs the service until `shutdown`, then writes down what it has taken in, sends what it owes, and returns.
pub async fn run(config: Config, shutdown: impl Future<Output = ()>) -> Result<(), ServiceError> {
    let announce = config.announce.clone();
    let service = Service::start(config).await?;
    service.addresses.announce(&announce).map_err(ServiceError::Announce)?;
    service.run_until(shutdown).await
}

/// Writes the ledger of a stopped service to a file that anybody can replay; returns the number of records.
pub fn export_ledger(config: &Config, out: &Path) -> Result<u64, ExportLedgerError> {
    let key = config.signing_key.verifying_key();
    let ledger = Ledger::open_existing(&config.ledger, &config.federation, &key)?;
    let mut records = Vec::new();
    ledger.read::<LedgerError>(|_, record| {
        records.push(record);
        Ok(())
    })?;
    Ok(export::write(out, &config.federation, records.into_iter())?)
}

/// An export failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportLedgerError {
    /// The ledger could not be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The file could not be written.
    #[error(transparent)]
    Export(#[from] ExportError),
}

impl Service {
    /// Binds the addresses, applies the ledger, and begins to take in uplinks.
    pub async fn start(config: Config) -> Result<Self, ServiceError> {
        let (requests, asked) = mpsc::channel(QUEUED_REQUESTS);
        let (recovered, is_recovered) = watch::channel(false);
        let state = Arc::new(LinkState::default());
        let (http, http_address) = listen(config.http_listen).await?;
        let sources =
            http::Sources { requests: requests.clone(), link: Arc::clone(&state), recovered: is_recovered };
        let mut servers = JoinSet::new();
        servers.spawn(serve_http(http, sources));
        let mut addresses = Addresses { http: http_address, clock: None };
        if let ClockConfig::Injected { listen: address } = config.clock {
            let (listener, address) = listen(address).await?;
            addresses.clock = Some(address);
            servers.spawn(clock::serve(listener, requests));
        }

        let link = Link::new(&config.mqtt, &config.backhaul_key, state);
        let receipts = link.receipts();
        let recovery = move || Recovered::of(config);
        let recovery = tokio::task::spawn_blocking(recovery).await?;
        let Recovered { aggregator, ledger, clock, judge } = recovery?;
        recovered.send_replace(true);

        let (deliveries, delivered) = mpsc::channel(QUEUED_UPLINKS);
        let (phase, phases) = watch::channel(Phase::Running);
        let driver = Driver::new(aggregator, ledger, clock, judge, receipts);
        let runtime = tokio::runtime::Handle::current();
        Ok(Self {
            addresses,
            phase,
            // Its own thread, because a commit blocks.
            driver: tokio::task::spawn_blocking(move || runtime.block_on(driver.run(delivered, asked))),
            link: tokio::spawn(link.run(deliveries, phases)),
            _servers: servers,
        })
    }

    /// The addresses that were bound.
    pub const fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Runs until `shutdown`, then drains, commits, flushes and returns. A failed ledger ends it at once.
    pub async fn run_until(mut self, shutdown: impl Future<Output = ()>) -> Result<(), ServiceError> {
        tokio::select! {
            () = shutdown => {}
            // The driver does not end by itself but with an error.
            ended = &mut self.driver => return Ok(ended??),
        }
        self.phase.send_replace(Phase::Draining);
        (&mut self.driver).await??;
        self.phase.send_replace(Phase::Flushing);
        match tokio::time::timeout(FLUSH_TIMEOUT, &mut self.link).await {
            Ok(ended) => ended?,
            Err(_) => tracing::warn!("the broker did not take the last receipts; gateways will ask for them"),
        }
        Ok(())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.link.abort();
    }
}

impl Addresses {
    fn announce(&self, to: &Announce) -> std::io::Result<()> {
        use std::io::Write;
        let line = format!("{}\n", serde_json::to_string(self)?);
        match to {
            Announce::Nobody => Ok(()),
            Announce::Stdout => std::io::stdout().lock().write_all(line.as_bytes()),
            Announce::File(path) => {
                let mut partial = path.as_os_str().to_owned();
                partial.push(".partial");
                std::fs::write(&partial, line)?;
                std::fs::rename(partial, path)
            }
        }
    }
}

/// What the ledger says.
struct Recovered {
    aggregator: Aggregator,
    ledger: Ledger,
    clock: Clock,
    judge: Option<Judge>,
}

impl Recovered {
    fn of(config: Config) -> Result<Self, DriverError> {
        let federation: Federation = config.federation;
        let ledger = Ledger::open(&config.ledger, &federation, &config.signing_key.verifying_key())?;
        let aggregator = Aggregator::new(federation, config.signing_key);
        let (aggregator, latest) = driver::recover(aggregator, &ledger)?;
        tracing::info!(records = ledger.len(), "the ledger is applied");
        let judge = config.validation.map(|set| Judge::new(set, &ledger)).transpose()?;
        Ok(Self { aggregator, clock: clock_at(config.clock, latest), judge, ledger })
    }
}

const fn clock_at(config: ClockConfig, latest: Instant) -> Clock {
    match config {
        ClockConfig::System => Clock::System,
        ClockConfig::Injected { .. } => Clock::Injected(latest),
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServiceError> {
    let failed = |source| ServiceError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

async fn serve_http(listener: TcpListener, sources: http::Sources) {
    if let Err(error) = axum::serve(listener, http::router(sources)).await {
        tracing::error!(%error, "the page is gone");
    }
}
