//! The configuration as it stands in the file. Flat tables, so that the parser names the line of whatever is wrong.
use chirrup_protocol::codec::update::UpdateCodec;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    pub ledger: PathBuf,
    pub devices_file: PathBuf,
    pub signing_key_file: PathBuf,
    pub agreement_key_file: PathBuf,
    pub revocations_file: Option<PathBuf>,
    pub backhaul_key_file: PathBuf,
    pub validation: Option<PathBuf>,
    pub task: Task,
    pub scale: Scale,
    pub strategy: Strategy,
    pub cadence: Cadence,
    pub downlink: Downlink,
    pub mqtt: Mqtt,
    pub http: Http,
    #[serde(default)]
    pub clock: Clock,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    pub id: u8,
    pub features: u16,
    pub classes: u16,
    pub learner: Learner,
    pub codec: UpdateCodec,
    pub max_contribution_bytes: u8,
    pub participation: Participation,
    pub model_bits: u8,
    pub object_lifetime_days: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Learner {
    pub kind: LearnerKind,
    pub learning_rate: f32,
    pub l2: f32,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LearnerKind {
    Softmax,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Participation {
    pub min_examples: u16,
    pub max_examples: u16,
    pub price_nats_per_s: f32,
    pub max_per_version: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    pub source: ScaleKind,
    pub devices: Option<usize>,
    pub patience_s: Option<u64>,
    pub schema: Option<Vec<(f32, f32)>>,
    pub schema_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScaleKind {
    Moments,
    Schema,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Strategy {
    pub kind: StrategyKind,
    pub staleness_exponent: f32,
    pub server_rate: f32,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StrategyKind {
    Fedbuff,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cadence {
    pub buffer: usize,
    pub min_interval_s: u64,
    pub max_interval_s: u64,
    pub max_staleness: u32,
    #[serde(default = "max_frame_age_days")]
    pub max_frame_age_days: u32,
}

const fn max_frame_age_days() -> u32 {
    7
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Downlink {
    pub region: Region,
    pub data_rate: u8,
    pub advice: Option<Advice>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Region {
    Eu868,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Advice {
    pub margin_db: f32,
    pub lowest: u8,
    pub highest: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mqtt {
    pub host: String,
    #[serde(default = "mqtt_port")]
    pub port: u16,
    pub username: Option<String>,
    pub password_file: Option<PathBuf>,
    pub topic_prefix: String,
    pub client_id: String,
}

const fn mqtt_port() -> u16 {
    1883
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    pub listen: SocketAddr,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    #[serde(default)]
    pub source: ClockKind,
    pub listen: Option<SocketAddr>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClockKind {
    #[default]
    System,
    Injected,
}
