//! The configuration: one TOML file, parsed once into values that are valid, and passed on.
//!
//! Paths in it are relative to the file. `examples/aggregator.toml` explains every key.
pub mod devices;
mod file;
pub mod revocations;
pub mod secrets;

use super::validation::{ValidationError, ValidationSet};
use crate::core::Federation;
use crate::core::federation::{Cadence, DataRateAdvice, Enrolled, ScaleSource};
use crate::core::strategy::{Strategy, fedbuff::FedBuff};
use crate::limits::{self, FederationError};
use chirrup_protocol::backhaul::{BackhaulKey, Topics};
use chirrup_protocol::identity::AgreementKey;
use chirrup_protocol::ids::TaskId;
use chirrup_protocol::manifest::TrustAnchor;
use chirrup_protocol::region::{DataRate, DwellTime, Region, UnknownDataRate};
use chirrup_protocol::seal::Direction;
use chirrup_protocol::task::{Forms, Learner, Participation, Task};
use chirrup_protocol::time::{Duration, Instant};
use devices::{Device, DevicesError};
use ed25519_dalek::SigningKey;
use file::{ClockKind, File, LearnerKind, ScaleKind, StrategyKind};
use revocations::RevocationsError;
use secrets::SecretError;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// All that the service needs to know.
pub struct Config {
    /// Task, devices, strategy and cadence.
    pub federation: Federation,
    /// Signs what is published.
    pub signing_key: SigningKey,
    /// Seals the envelopes between gateways and this service.
    pub backhaul_key: BackhaulKey,
    /// Where the ledger is kept.
    pub ledger: PathBuf,
    /// Labelled samples that judge every version.
    pub validation: Option<ValidationSet>,
    /// The broker.
    pub mqtt: MqttConfig,
    /// Where the page, the metrics and the health checks are served.
    pub http_listen: SocketAddr,
    /// Where time comes from.
    pub clock: ClockConfig,
    /// Who is told the addresses that were bound.
    pub announce: Announce,
}

/// How to reach the broker.
pub struct MqttConfig {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// User name and password, if the broker wants them.
    pub credentials: Option<(String, String)>,
    /// Topics.
    pub topics: Topics,
    /// Names the session that outlives connections; one service has it at a time.
    pub client_id: String,
}

/// Where time comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockConfig {
    /// The operating system.
    System,
    /// Whoever connects to this address; see [`super::clock`].
    Injected {
        /// Where to listen.
        listen: SocketAddr,
    },
}

/// Who is told the addresses that were bound, as one line of JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Announce {
    /// Whoever reads standard output.
    Stdout,
    /// A file, which appears once the service accepts connections.
    File(PathBuf),
    /// Nobody.
    Nobody,
}

/// A configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("{}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not TOML, a key is missing, unknown, or of the wrong type.
    #[error("{}: {source}", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What the parser says; it names the line.
        source: toml::de::Error,
    },
    /// The federation cannot be run.
    #[error(transparent)]
    Federation(#[from] FederationError),
    /// A data rate that the region does not have.
    #[error("`downlink.data_rate`: {0}")]
    DataRate(#[from] UnknownDataRate),
    /// A key that belongs to another choice, or one that this choice needs.
    #[error("{0}")]
    Choice(&'static str),
    /// A schema file that cannot be read.
    #[error("{}: {message}", .path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its line.
        message: String,
    },
    /// A file with a secret.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The enrolment list.
    #[error(transparent)]
    Devices(#[from] DevicesError),
    /// The revocation list.
    #[error(transparent)]
    Revocations(#[from] RevocationsError),
    /// The validation file.
    #[error(transparent)]
    Validation(#[from] ValidationError),
}

/// The files that say who is who.
pub struct IdentityFiles {
    /// The enrolment list.
    pub devices: PathBuf,
    /// The revocation list, if the configuration names one.
    pub revocations: Option<PathBuf>,
    signing_key: PathBuf,
    agreement_key: PathBuf,
}

impl IdentityFiles {
    /// As a configuration names them.
    pub fn named_in(path: &Path) -> Result<Self, ConfigError> {
        Ok(Self::of(&parse(path)?, |named| beside(path, named)))
    }

    fn of(file: &File, here: impl Fn(&Path) -> PathBuf) -> Self {
        Self {
            devices: here(&file.devices_file),
            revocations: file.revocations_file.as_deref().map(&here),
            signing_key: here(&file.signing_key_file),
            agreement_key: here(&file.agreement_key_file),
        }
    }

    /// The root: nodes believe what it signed.
    pub fn signing_key(&self) -> Result<SigningKey, SecretError> {
        Ok(SigningKey::from_bytes(&secrets::read_key(&self.signing_key)?))
    }

    /// The aggregator's side of the agreement on device secrets.
    pub fn agreement_key(&self) -> Result<AgreementKey, SecretError> {
        Ok(AgreementKey::new(secrets::read_key(&self.agreement_key)?))
    }

    /// Everybody on the enrolment list, with the secret they share with the aggregator.
    fn enrolled(&self) -> Result<Vec<Enrolled>, ConfigError> {
        let key = self.agreement_key()?;
        let revoked = match &self.revocations {
            Some(path) => revocations::read(path, &TrustAnchor::of(&self.signing_key()?))?.1,
            None => Vec::new(),
        };
        let enrolled = |device: &Device| {
            let entry = revoked.iter().find(|entry| entry.dev_eui == device.dev_eui);
            let revoked_from = entry.map(|entry| Instant::from_micros(u64::from(entry.from_s) * 1_000_000));
            Ok(Enrolled { dev_eui: device.dev_eui, secret: *device.secret(&key)?.expose(), revoked_from })
        };
        devices::read(&self.devices)?.iter().map(enrolled).collect()
    }
}

impl Config {
    /// Reads a configuration and every file that it names, except the ledger.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let file = parse(path)?;
        let here = |named: &Path| beside(path, named);
        let files = IdentityFiles::of(&file, here);
        let enrolled = files.enrolled()?;
        let federation = federation(&file, enrolled, here)?;
        limits::check(&federation)?;
        let validation = file.validation.as_ref().map(|file| {
            let task = &federation.task;
            ValidationSet::read(&here(file), task.features.into(), task.classes.into())
        });
        Ok(Self {
            signing_key: files.signing_key()?,
            backhaul_key: BackhaulKey::new(secrets::read_key(&here(&file.backhaul_key_file))?),
            ledger: here(&file.ledger),
            validation: validation.transpose()?,
            mqtt: mqtt(&file.mqtt, here)?,
            http_listen: file.http.listen,
            clock: clock(&file.clock)?,
            announce: Announce::Nobody,
            federation,
        })
    }
}

fn parse(path: &Path) -> Result<File, ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.into(), source })?;
    toml::from_str(&text).map_err(|source| ConfigError::Syntax { path: path.into(), source })
}

fn beside(config: &Path, named: &Path) -> PathBuf {
    config.parent().unwrap_or(Path::new("")).join(named)
}

fn federation(
    file: &File,
    devices: Vec<Enrolled>,
    here: impl Fn(&Path) -> PathBuf,
) -> Result<Federation, ConfigError> {
    let region = region(file.downlink.region);
    let StrategyKind::Fedbuff = file.strategy.kind;
    Ok(Federation {
        task_id: TaskId(file.task.id),
        task: task(&file.task),
        scale: scale(&file.scale, here)?,
        model_bits: file.task.model_bits,
        strategy: Strategy::FedBuff(FedBuff {
            staleness_exponent: file.strategy.staleness_exponent,
            server_rate: file.strategy.server_rate,
        }),
        cadence: Cadence {
            buffer: file.cadence.buffer,
            min_interval: seconds(file.cadence.min_interval_s),
            max_interval: seconds(file.cadence.max_interval_s),
            max_staleness: file.cadence.max_staleness,
        },
        downlink_bytes: region.max_payload_bytes(
            Direction::Down,
            DwellTime::Unlimited,
            DataRate(file.downlink.data_rate),
        )?,
        data_rate_advice: file.downlink.advice.as_ref().map(|advice| DataRateAdvice {
            region,
            margin_tenth_db: libm::roundf(advice.margin_db * 10.0) as i16,
            lowest: DataRate(advice.lowest),
            highest: DataRate(advice.highest),
        }),
        object_lifetime: seconds(u64::from(file.task.object_lifetime_days) * 86_400),
        max_frame_age: seconds(u64::from(file.cadence.max_frame_age_days) * 86_400),
        devices,
    })
}

fn task(task: &file::Task) -> Task {
    let file::Learner { kind: LearnerKind::Softmax, learning_rate, l2 } = task.learner;
    Task {
        features: task.features,
        classes: task.classes,
        learner: Learner::Softmax { learning_rate, l2 },
        forms: Forms::one(task.codec.form(task.max_contribution_bytes)),
        participation: Participation {
            min_examples: task.participation.min_examples,
            max_examples: task.participation.max_examples,
            price_nats_per_s: task.participation.price_nats_per_s,
            max_per_version: task.participation.max_per_version,
        },
    }
}

fn scale(scale: &file::Scale, here: impl Fn(&Path) -> PathBuf) -> Result<ScaleSource, ConfigError> {
    match (scale.source, scale.devices, scale.patience_s, &scale.schema, &scale.schema_file) {
        (ScaleKind::Moments, Some(devices), Some(patience_s), None, None) => {
            Ok(ScaleSource::Moments { devices, patience: seconds(patience_s) })
        }
        (ScaleKind::Schema, None, None, Some(schema), None) => Ok(ScaleSource::Schema(schema.clone())),
        (ScaleKind::Schema, None, None, None, Some(path)) => Ok(ScaleSource::Schema(schema(&here(path))?)),
        (ScaleKind::Moments, ..) => Err(ConfigError::Choice(
            "`scale.source = \"moments\"` takes `devices` and `patience_s`, and no schema",
        )),
        (ScaleKind::Schema, ..) => Err(ConfigError::Choice(
            "`scale.source = \"schema\"` takes either `schema` or `schema_file`, and neither `devices` nor `patience_s`",
        )),
    }
}

/// A schema in CSV with the columns `offset` and `gain`, one row a feature.
fn schema(path: &Path) -> Result<Vec<(f32, f32)>, ConfigError> {
    let failed = |error: csv::Error| ConfigError::Schema { path: path.into(), message: error.to_string() };
    let mut reader = csv::Reader::from_path(path).map_err(failed)?;
    if reader.headers().map_err(failed)? != ["offset", "gain"].as_slice() {
        let message = "the first line must be: offset,gain".into();
        return Err(ConfigError::Schema { path: path.into(), message });
    }
    reader.deserialize().map(|row| row.map_err(failed)).collect()
}

fn mqtt(mqtt: &file::Mqtt, here: impl Fn(&Path) -> PathBuf) -> Result<MqttConfig, ConfigError> {
    let credentials = match (&mqtt.username, &mqtt.password_file) {
        (None, None) => None,
        (Some(name), Some(path)) => {
            Some((name.clone(), secrets::read_private(&here(path))?.trim_end().to_owned()))
        }
        _ => return Err(ConfigError::Choice("`mqtt.username` and `mqtt.password_file` go together")),
    };
    if mqtt.client_id.is_empty() {
        return Err(ConfigError::Choice("`mqtt.client_id` must not be empty: it names the session"));
    }
    if mqtt.topic_prefix.is_empty() || mqtt.topic_prefix.contains(['+', '#']) {
        return Err(ConfigError::Choice("`mqtt.topic_prefix` must be a topic, without `+` and `#`"));
    }
    Ok(MqttConfig {
        host: mqtt.host.clone(),
        port: mqtt.port,
        credentials,
        topics: Topics::new(&mqtt.topic_prefix),
        client_id: mqtt.client_id.clone(),
    })
}

fn clock(clock: &file::Clock) -> Result<ClockConfig, ConfigError> {
    match (clock.source, clock.listen) {
        (ClockKind::System, None) => Ok(ClockConfig::System),
        // Whoever sets the time decides when versions close: never from another machine.
        (ClockKind::Injected, Some(listen)) if listen.ip().is_loopback() => {
            Ok(ClockConfig::Injected { listen })
        }
        (ClockKind::Injected, _) => {
            Err(ConfigError::Choice("`clock.source = \"injected\"` takes `listen`, a loopback address"))
        }
        (ClockKind::System, Some(_)) => {
            Err(ConfigError::Choice("`clock.listen` belongs to `clock.source = \"injected\"`"))
        }
    }
}

const fn region(region: file::Region) -> Region {
    match region {
        file::Region::Eu868 => Region::Eu868,
    }
}

/// Saturates, so that an absurd number is out of range and not something else.
const fn seconds(s: u64) -> Duration {
    Duration::from_micros(s.saturating_mul(1_000_000))
}
