//! The service: sockets, disk and broker around the network server.
//!
//! What it deliberately does not do: it sees no application payload in the clear (they are sealed end to end), and
//! relies on no broker for delivery.
//!
//! Modules in reading order: [`config`] and `secrets`; `engine`, the loop; what the loop drives: `packet_forwarder`,
//! `store`, `outbox`, `mqtt`, `broker`, `clock` and `counters`.
mod broker;
mod clock;
pub mod config;
mod counters;
mod engine;
mod mqtt;
mod outbox;
mod packet_forwarder;
mod secrets;
mod store;

pub use self::broker::BrokerError;
pub use self::config::{Config, ConfigFileError};
pub use self::secrets::SecretError;
pub use self::store::StoreError;

use self::broker::RunningBroker;
use self::clock::{Clock, line_protocol};
use self::config::{Broker, ClockSource};
use self::engine::{Engine, Inputs};
use self::mqtt::Endpoint;
use self::outbox::Outbox;
use self::packet_forwarder::Forwarders;
use self::store::Store;
use crate::core::{ConfigError, NetworkServer};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Reports that may wait for the loop.
const QUEUE: usize = 1_024;
/// How long the connection to the broker has to say goodbye.
const FAREWELL: std::time::Duration = std::time::Duration::from_millis(500);

/// Where a running service listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// For packet forwarders.
    pub udp: SocketAddr,
    /// The embedded broker, if it has one.
    pub broker: Option<SocketAddr>,
    /// For the simulation that sets its clock, if one does.
    pub clock: Option<SocketAddr>,
}

/// Where to say, as one line of JSON, where the service listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Announce {
    /// On standard output.
    Stdout,
    /// In a file, which appears once it is complete.
    File(PathBuf),
}

/// The service cannot start, or has failed.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The network server does not take its configuration.
    #[error(transparent)]
    Network(#[from] ConfigError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The embedded broker failed.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// A socket cannot be opened.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Nobody can be told where the service listens.
    #[error("cannot announce the addresses")]
    Announce(#[source] std::io::Error),
}

/// A service that listens, and does not work yet.
pub struct Service {
    addresses: Addresses,
    clock: Arc<Clock>,
    clock_listener: Option<TcpListener>,
    forwarders: Arc<Forwarders>,
    broker: Option<RunningBroker>,
    endpoint: Endpoint,
    server: NetworkServer,
    store: Store,
    outbox: Outbox,
}

/// Starts the service, says where it listens, and runs it until `shutdown` resolves. Then it drains.
///
/// # Errors
/// See [`ServiceError`].
pub async fn run(
    config: Config,
    announce: &Announce,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServiceError> {
    let service = Service::start(config).await?;
    service.addresses.announce(announce).map_err(ServiceError::Announce)?;
    service.run(shutdown).await
}

impl Service {
    /// Opens database, sockets and broker.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn start(config: Config) -> Result<Self, ServiceError> {
        let store = Store::open(&config.state_file)?;
        let (state, rows) = store.load()?;
        let republish = std::time::Duration::from_secs(config.outbox.republish_s);
        let outbox = Outbox::new(rows, config.outbox.max_rows, republish);
        let forwarders = Forwarders::bind(config.forwarder_bind, &config.network.concentrators);
        let forwarders = forwarders.await.map_err(listen(config.forwarder_bind))?;
        let udp = forwarders.local_addr().map_err(listen(config.forwarder_bind))?;
        let (clock, clock_listener) = open_clock(config.clock).await?;
        let (broker, endpoint) = open_broker(&config).await?;
        let addresses = Addresses {
            udp,
            broker: broker.as_ref().map(|broker| broker.address),
            clock: clock_listener.as_ref().and_then(|listener| listener.local_addr().ok()),
        };
        let server = NetworkServer::new(config.network, state)?;
        let (clock, forwarders) = (Arc::new(clock), Arc::new(forwarders));
        Ok(Self { addresses, clock, clock_listener, forwarders, broker, endpoint, server, store, outbox })
    }

    /// Where it listens.
    pub const fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Works until `shutdown` resolves, and drains for at most three seconds.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServiceError> {
        let Self { clock, clock_listener, forwarders, mut broker, endpoint, server, store, outbox, .. } =
            self;
        let (reports_in, reports) = mpsc::channel(QUEUE);
        let (news_in, news) = mpsc::channel(QUEUE);
        let (requests_in, requests) = mpsc::channel(1);
        let (publisher, connection) = mqtt::connect(&endpoint);
        // Dropped at the end, it stops them all.
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&forwarders).receive(Arc::clone(&clock), reports_in));
        let mut connection = tokio::spawn(connection.run(news_in));
        if let Some(listener) = clock_listener {
            tasks.spawn(line_protocol::serve(listener, requests_in));
        }
        let mut engine = Engine::new(server, clock, store, outbox, publisher, forwarders);
        let result = tokio::select! {
            result = engine.run(Inputs { reports, news, requests }, shutdown) => result.map_err(Into::into),
            error = broker_stopped(&mut broker) => Err(error.into()),
        };
        // The goodbye to the broker, if there is one to take it.
        if tokio::time::timeout(FAREWELL, &mut connection).await.is_err() {
            connection.abort();
        }
        tasks.shutdown().await;
        if let Some(broker) = broker {
            broker.stop().await;
        }
        result
    }
}

impl Addresses {
    fn announce(&self, announce: &Announce) -> std::io::Result<()> {
        let mut line = serde_json::to_string(self)?;
        line.push('\n');
        match announce {
            Announce::Stdout => {
                let mut stdout = std::io::stdout().lock();
                std::io::Write::write_all(&mut stdout, line.as_bytes())?;
                std::io::Write::flush(&mut stdout)
            }
            Announce::File(path) => write_whole(path, &line),
        }
    }
}

/// Who waits for the file never sees half of it.
fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    std::fs::write(&beside, text)?;
    std::fs::rename(beside, path)
}

fn listen(address: SocketAddr) -> impl Fn(std::io::Error) -> ServiceError {
    move |source| ServiceError::Listen { address, source }
}

async fn open_clock(source: ClockSource) -> Result<(Clock, Option<TcpListener>), ServiceError> {
    match source {
        ClockSource::System => Ok((Clock::system(), None)),
        ClockSource::Injected { listen: address } => {
            let listener = TcpListener::bind(address).await.map_err(listen(address))?;
            Ok((Clock::injected(), Some(listener)))
        }
    }
}

async fn open_broker(config: &Config) -> Result<(Option<RunningBroker>, Endpoint), ServiceError> {
    let (broker, host, port, credentials) = match &config.broker {
        Broker::Embedded { bind, storage_dir } => {
            let broker = RunningBroker::start(*bind, storage_dir).await?;
            let address = broker.address;
            // A broker on all addresses is reached on the nearest.
            let host =
                if address.ip().is_unspecified() { "localhost".into() } else { address.ip().to_string() };
            (Some(broker), host, address.port(), None)
        }
        Broker::External { host, port, credentials } => (None, host.clone(), *port, credentials.clone()),
    };
    let (topics, key) = (config.topics.clone(), config.backhaul_key.clone());
    let endpoint = Endpoint { host, port, credentials, gateway_id: config.gateway_id, topics, key };
    Ok((broker, endpoint))
}

async fn broker_stopped(broker: &mut Option<RunningBroker>) -> BrokerError {
    match broker {
        Some(broker) => broker.stopped().await,
        None => std::future::pending().await,
    }
}
