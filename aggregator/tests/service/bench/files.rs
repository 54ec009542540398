//! Configuration, keys and enrolment list in a directory of their own.
use super::Node;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What must appear in no output.
pub const SECRETS: [&str; 3] = [
    "5151515151515151515151515151515151515151515151515151515151515151",
    "6262626262626262626262626262626262626262626262626262626262626262",
    "7373737373737373737373737373737373737373737373737373737373737373",
];

pub fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_chirrup-aggregator")
}

pub struct Files {
    directory: TempDir,
}

impl Files {
    pub fn new(mqtt_port: u16) -> Self {
        let files = Self { directory: TempDir::new().unwrap() };
        files.write("aggregator.toml", &CONFIG.replace("MQTT_PORT", &mqtt_port.to_string()));
        files.write_secret("signing.key", SECRETS[0]);
        files.write_secret("backhaul.key", SECRETS[1]);
        files.write_secret("agreement.key", SECRETS[2]);
        let devices = (1..=2).map(|number| Node::new(number).table());
        files.write("devices.toml", &devices.collect::<String>());
        files.write("validation.csv", "label,a,b,c\n0,30,0,0\n1,0,30,0\n2,0,0,30\n0,25,5,0\n");
        files
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn config(&self) -> PathBuf {
        self.path("aggregator.toml")
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub fn write_secret(&self, name: &str, text: &str) {
        self.write(name, text);
        set_mode(&self.path(name), 0o600);
    }

    pub fn edit_config(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.config()).unwrap();
        assert!(text.contains(from), "the configuration has no `{from}`");
        self.write("aggregator.toml", &text.replacen(from, to, 1));
    }
}

pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

const CONFIG: &str = r#"
ledger = "ledger.redb"
devices_file = "devices.toml"
signing_key_file = "signing.key"
agreement_key_file = "agreement.key"
revocations_file = "revocations.list"
backhaul_key_file = "backhaul.key"
validation = "validation.csv"

[task]
id = 3
features = 3
classes = 3
codec = "topk"
max_contribution_bytes = 40
model_bits = 8
object_lifetime_days = 1
learner = { kind = "softmax", learning_rate = 0.1, l2 = 0.0 }
participation = { min_examples = 4, max_examples = 100, price_nats_per_s = 0.1, max_per_version = 2 }

[scale]
source = "moments"
devices = 2
patience_s = 86400

[strategy]
kind = "fedbuff"
staleness_exponent = 0.5
server_rate = 1.0

[cadence]
buffer = 2
min_interval_s = 170
max_interval_s = 3600
max_staleness = 20
max_frame_age_days = 1

[downlink]
region = "eu868"
data_rate = 3

[mqtt]
host = "127.0.0.1"
port = MQTT_PORT
topic_prefix = "test/v1"
client_id = "aggregator"

[http]
listen = "127.0.0.1:0"

[clock]
source = "injected"
listen = "127.0.0.1:0"
"#;
