//! The file's tables, and what they mean.
use super::{Broker, ClockSource, Config, ConfigFileError, Credentials, Outbox};
use crate::core::{self, Key, NetId};
use crate::service::secrets::{self, SecretError};
use chirrup_protocol::backhaul::{BackhaulKey, Topics};
use chirrup_protocol::ids::{DevEui, GatewayId};
use chirrup_protocol::region::{DataRate, Region};
use chirrup_protocol::time::Duration;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    gateway_id: String,
    state_file: PathBuf,
    network: NetworkTable,
    #[serde(default)]
    packet_forwarder: ForwarderTable,
    #[serde(default)]
    outbox: Outbox,
    backhaul: BackhaulTable,
    broker: BrokerTable,
    #[serde(default)]
    clock: ClockTable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NetworkTable {
    region: RegionName,
    concentrators: Vec<String>,
    devices_file: PathBuf,
    net_id: Option<String>,
    rx1_delay_s: Option<u8>,
    rx2_data_rate: Option<u8>,
    deduplication_ms: Option<u64>,
    transmit_lead_ms: Option<u64>,
    answer_margin_ms: Option<u64>,
    join_interval_s: Option<u64>,
    max_power_dbm: Option<i8>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RegionName {
    Eu868,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ForwarderTable {
    bind: SocketAddr,
}

impl Default for ForwarderTable {
    fn default() -> Self {
        Self { bind: (Ipv4Addr::LOCALHOST, 1700).into() }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BackhaulTable {
    key_file: PathBuf,
    #[serde(default = "default_topic_prefix")]
    topic_prefix: String,
}

fn default_topic_prefix() -> String {
    "chirrup/v1".into()
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum BrokerTable {
    Embedded(EmbeddedTable),
    External(ExternalTable),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EmbeddedTable {
    #[serde(default = "default_broker_bind")]
    bind: SocketAddr,
    storage_dir: PathBuf,
}

fn default_broker_bind() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 1883).into()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExternalTable {
    host: String,
    #[serde(default = "default_broker_port")]
    port: u16,
    username: Option<String>,
    password_file: Option<PathBuf>,
}

fn default_broker_port() -> u16 {
    1883
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockTable {
    #[serde(default)]
    source: ClockName,
    listen: Option<SocketAddr>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ClockName {
    #[default]
    System,
    Injected,
}

impl File {
    pub(super) fn into_config(self, base: &Path) -> Result<Config, ConfigFileError> {
        Ok(Config {
            gateway_id: gateway_id("gateway_id", &self.gateway_id)?,
            state_file: base.join(self.state_file),
            network: self.network.into_config(base)?,
            forwarder_bind: self.packet_forwarder.bind,
            outbox: self.outbox,
            backhaul_key: BackhaulKey::new(secrets::key(&base.join(self.backhaul.key_file))?),
            topics: Topics::new(&self.backhaul.topic_prefix),
            broker: self.broker.into_broker(base)?,
            clock: self.clock.into_source()?,
        })
    }
}

impl NetworkTable {
    fn into_config(self, base: &Path) -> Result<core::Config, ConfigFileError> {
        let RegionName::Eu868 = self.region;
        let concentrators = self.concentrators.iter().map(|id| gateway_id("network.concentrators", id));
        let devices = devices(&base.join(self.devices_file))?;
        let mut config = core::Config::new(Region::Eu868, concentrators.collect::<Result<_, _>>()?, devices);
        if let Some(net_id) = self.net_id {
            config.net_id = NetId(hex_array("network.net_id", &net_id, "6 hexadecimal digits")?);
        }
        let set_ms = |span: &mut Duration, ms: Option<u64>| *span = ms.map_or(*span, Duration::from_millis);
        set_ms(&mut config.deduplication_window, self.deduplication_ms);
        set_ms(&mut config.transmit_lead, self.transmit_lead_ms);
        set_ms(&mut config.answer_margin, self.answer_margin_ms);
        config.rx1_delay_s = self.rx1_delay_s.unwrap_or(config.rx1_delay_s);
        config.rx2_data_rate = self.rx2_data_rate.map_or(config.rx2_data_rate, DataRate);
        config.join_interval = self.join_interval_s.map_or(config.join_interval, Duration::from_secs);
        config.max_power_dbm = self.max_power_dbm.unwrap_or(config.max_power_dbm);
        config.validate()?;
        Ok(config)
    }
}

impl BrokerTable {
    fn into_broker(self, base: &Path) -> Result<Broker, ConfigFileError> {
        let external = match self {
            Self::Embedded(table) => {
                return Ok(Broker::Embedded { bind: table.bind, storage_dir: base.join(table.storage_dir) });
            }
            Self::External(table) => table,
        };
        let credentials = match (external.username, external.password_file) {
            (Some(username), Some(file)) => {
                Some(Credentials { username, password: secrets::line(&base.join(file))? })
            }
            (None, None) => None,
            _ => {
                let text = "[broker.external] needs both username and password_file, or neither";
                return Err(ConfigFileError::Contradiction(text));
            }
        };
        Ok(Broker::External { host: external.host, port: external.port, credentials })
    }
}

impl ClockTable {
    fn into_source(self) -> Result<ClockSource, ConfigFileError> {
        match (self.source, self.listen) {
            (ClockName::System, None) => Ok(ClockSource::System),
            (ClockName::Injected, Some(listen)) => Ok(ClockSource::Injected { listen }),
            (ClockName::System, Some(_)) => Err(ConfigFileError::Contradiction(
                "[clock] listen is of use with source = \"injected\" alone",
            )),
            (ClockName::Injected, None) => {
                Err(ConfigFileError::Contradiction("[clock] source = \"injected\" needs listen"))
            }
        }
    }
}

fn gateway_id(key: &str, value: &str) -> Result<GatewayId, ConfigFileError> {
    Ok(GatewayId(hex_array(key, value, "16 hexadecimal digits")?))
}

fn hex_array<const N: usize>(
    key: &str,
    value: &str,
    expected: &'static str,
) -> Result<[u8; N], ConfigFileError> {
    let mut bytes = [0; N];
    hex::decode_to_slice(value, &mut bytes).map_err(|_| ConfigFileError::Value {
        key: key.into(),
        value: value.into(),
        expected,
    })?;
    Ok(bytes)
}

/// The devices that may join: a TOML table of DevEUI and AppKey.
fn devices(path: &Path) -> Result<BTreeMap<DevEui, Key>, ConfigFileError> {
    let text = secrets::read(path)?;
    // An error of this parser would quote the line, and the line holds a key.
    let table: BTreeMap<String, String> =
        toml::from_str(&text).map_err(|_| SecretError::Malformed { path: path.into() })?;
    let device = |(dev_eui, app_key): (String, String)| {
        let malformed = || SecretError::Malformed { path: path.into() };
        let dev_eui: DevEui = dev_eui.parse().map_err(|_| malformed())?;
        let mut key = [0; 16];
        hex::decode_to_slice(app_key, &mut key).map_err(|_| malformed())?;
        Ok((dev_eui, Key(key)))
    };
    table.into_iter().map(device).collect()
}
