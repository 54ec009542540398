//! One TOML file, read once into types that cannot be wrong.
mod file;

use super::secrets::SecretError;
use crate::core::{self, ConfigError};
use chirrup_protocol::backhaul::{BackhaulKey, Topics};
use chirrup_protocol::ids::GatewayId;
use serde::Deserialize;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Everything that the service needs, secrets included. [`fmt::Display`] shows it without them.
#[derive(Clone, Debug)]
pub struct Config {
    /// The name of this service in topics.
    pub gateway_id: GatewayId,
    /// The database: outbox, sessions and airtime.
    pub state_file: PathBuf,
    /// The network server.
    pub network: core::Config,
    /// Where packet forwarders send to.
    pub forwarder_bind: SocketAddr,
    /// Limits of the outbox.
    pub outbox: Outbox,
    /// What the envelopes on the broker are sealed with.
    pub backhaul_key: BackhaulKey,
    /// Where on the broker.
    pub topics: Topics,
    /// Which broker.
    pub broker: Broker,
    /// Whose time.
    pub clock: ClockSource,
}

/// Limits of the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Outbox {
    /// Uplinks that may wait for their receipts. With more, the newest are refused and counted: their nodes see no
    /// receipt and send again, while the oldest are nowhere else any more.
    pub max_rows: usize,
    /// How long to wait for a receipt before an uplink is published again, in seconds. Doubles each time.
    pub republish_s: u64,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { max_rows: 50_000, republish_s: 60 }
    }
}

/// The MQTT broker between this service and the aggregator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broker {
    /// One inside this process.
    Embedded {
        /// Where it listens.
        bind: SocketAddr,
        /// Where it keeps sessions and queues.
        storage_dir: PathBuf,
    },
    /// Any other.
    External {
        /// Name or address.
        host: String,
        /// TCP port.
        port: u16,
        /// User and password, where the broker wants them.
        credentials: Option<Credentials>,
    },
}

/// A user of a broker. Its debug form does not show the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user's name.
    pub username: String,
    /// The user's password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({}, ..)", self.username)
    }
}

/// Whose time the service goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockSource {
    /// This machine's.
    System,
    /// A simulation's, told over TCP.
    Injected {
        /// Where to listen for it.
        listen: SocketAddr,
    },
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFileError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not TOML, an unknown key, or a value of the wrong kind; names the line.
    #[error("{}", path.display())]
    Invalid {
        /// Which one.
        path: PathBuf,
        /// Where and what.
        source: Box<toml::de::Error>,
    },
    /// A value that is no identity, or of the wrong length.
    #[error("{key} = \"{value}\": expected {expected}")]
    Value {
        /// Which key.
        key: String,
        /// What it says.
        value: String,
        /// What it should say.
        expected: &'static str,
    },
    /// Keys that contradict each other or lack each other.
    #[error("{0}")]
    Contradiction(&'static str),
    /// A network server cannot work with it.
    #[error("[network]")]
    Network(#[from] ConfigError),
    /// A file with secrets cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

impl Config {
    /// Reads a configuration and the secrets that it names. Relative paths start from the file's own folder.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, ConfigFileError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigFileError::Unreadable { path: path.to_owned(), source })?;
        let file: file::File = toml::from_str(&text)
            .map_err(|source| ConfigFileError::Invalid { path: path.to_owned(), source: Box::new(source) })?;
        file.into_config(path.parent().unwrap_or(Path::new("")))
    }
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let network = &self.network;
        writeln!(f, "gateway            {}", self.gateway_id)?;
        writeln!(f, "state file         {}", self.state_file.display())?;
        writeln!(f, "region             {:?}, NetID {}", network.region, hex::encode(network.net_id.0))?;
        writeln!(f, "devices            {}", network.devices.len())?;
        for concentrator in &network.concentrators {
            writeln!(f, "concentrator       {concentrator}")?;
        }
        writeln!(f, "RX1                {} s after the uplink", network.rx1_delay_s)?;
        writeln!(f, "RX2                DR{}", network.rx2_data_rate.0)?;
        writeln!(f, "packet forwarders  udp {}", self.forwarder_bind)?;
        writeln!(f, "outbox             {} rows", self.outbox.max_rows)?;
        writeln!(f, "topics             {}", self.topics.uplink(self.gateway_id))?;
        match &self.broker {
            Broker::Embedded { bind, storage_dir } => {
                writeln!(f, "broker             embedded, {bind}, {}", storage_dir.display())?;
            }
            Broker::External { host, port, credentials } => {
                let user = credentials.as_ref().map_or("no user", |known| known.username.as_str());
                writeln!(f, "broker             {host}:{port}, {user}")?;
            }
        }
        match self.clock {
            ClockSource::System => write!(f, "clock              system"),
            ClockSource::Injected { listen } => write!(f, "clock              injected, {listen}"),
        }
    }
}
