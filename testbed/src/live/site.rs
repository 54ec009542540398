//! A folder with the configuration of both services, as an operator would write it.
use crate::kernel::Rng;
use crate::scenario::{BrokerChoice, Experiment};
use crate::simulation::Fleet;
use chirrup_aggregator::core::federation::ScaleSource;
use chirrup_aggregator::core::strategy::Strategy;
use chirrup_aggregator::service::config::devices::Device;
use chirrup_protocol::codec::update::UpdateCodec;
use chirrup_protocol::task::{Kind, Learner};
use chirrup_protocol::time::Duration;
use rand_core::RngCore;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use toml::{Table, Value, toml};

/// EUI of the first process's gateway service: runs that share a broker must have different ones.
const FIRST_SERVICE: u64 = 0x0200_00ff_fd00_0000;

/// Where the services find their configuration.
#[derive(Clone, Debug)]
pub struct Site {
    folder: PathBuf,
    external_broker: Option<(String, u16)>,
}

impl Site {
    /// Writes keys, enrolment lists and the gateway's configuration. The aggregator's follows once the broker's
    /// address is known.
    pub fn write(experiment: &Experiment, fleet: &Fleet, folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        forget_former_run(folder)?;
        let site = Self { folder: folder.to_owned(), external_broker: external(experiment) };
        let mut backhaul_key = [0; 32];
        Rng::for_purpose(fleet.seed, "backhaul-key", 0).fill_bytes(&mut backhaul_key);
        site.secret("backhaul.key", &hex::encode(backhaul_key))?;
        site.secret("signing.key", &hex::encode(fleet.signing_key.to_bytes()))?;
        site.secret("gateway-devices.toml", &app_keys(fleet).to_string())?;
        site.secret("agreement.key", &hex::encode(fleet.agreement_scalar))?;
        fs::write(site.path("aggregator-devices.toml"), enrolments(fleet))?;
        fs::write(site.path("gateway.toml"), site.gateway(experiment, fleet).to_string())?;
        Ok(site)
    }

    /// Writes the aggregator's configuration.
    pub fn write_aggregator(
        &self,
        experiment: &Experiment,
        fleet: &Fleet,
        embedded_broker: Option<std::net::SocketAddr>,
    ) -> io::Result<()> {
        let embedded = embedded_broker.map(|address| (address.ip().to_string(), address.port()));
        let (host, port) = self
            .external_broker
            .clone()
            .or(embedded)
            .ok_or_else(|| io::Error::other("the gateway runs no broker and none is configured"))?;
        let config = aggregator(experiment, fleet, &host, port);
        fs::write(self.path("aggregator.toml"), config.to_string())
    }

    /// A file of the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn secret(&self, name: &str, text: &str) -> io::Result<()> {
        let path = self.path(name);
        remove(fs::remove_file(&path))?;
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())
    }

    fn gateway(&self, experiment: &Experiment, fleet: &Fleet) -> Table {
        let concentrators: Vec<Value> = fleet.gateways.iter().map(|id| Value::from(id.to_string())).collect();
        // It names the service on the broker, not a concentrator.
        let gateway_id = format!("{:016x}", FIRST_SERVICE + u64::from(std::process::id()));
        let bind = format!("127.0.0.1:{}", experiment.scenario.live.udp_port);
        let rx2 = i64::from(fleet.network.rx2_data_rate.0);
        let mut config = toml! {
            state_file = "gateway.redb"
            [network]
            region = "eu868"
            devices_file = "gateway-devices.toml"
            [packet_forwarder]
            [outbox]
            republish_s = 2
            [backhaul]
            key_file = "backhaul.key"
            [clock]
            source = "injected"
            listen = "127.0.0.1:0"
        };
        config.insert("gateway_id".into(), gateway_id.into());
        insert(&mut config, "network", "concentrators", concentrators.into());
        insert(&mut config, "network", "rx2_data_rate", rx2.into());
        insert(&mut config, "packet_forwarder", "bind", bind.into());
        insert(&mut config, "backhaul", "topic_prefix", topic_prefix().into());
        let broker = match &self.external_broker {
            Some((host, port)) => {
                let mut external = Table::new();
                external.insert("host".into(), host.clone().into());
                external.insert("port".into(), i64::from(*port).into());
                Value::from(Table::from_iter([("external".to_owned(), Value::from(external))]))
            }
            None => Value::from(toml! {
                [embedded]
                bind = "127.0.0.1:0"
                storage_dir = "broker"
            }),
        };
        config.insert("broker".into(), broker);
        config
    }
}

/// Services that were here before must not lend their memory to new ones.
fn forget_former_run(folder: &Path) -> io::Result<()> {
    for state in ["aggregator.redb", "gateway.redb", "aggregator.log", "gateway.log"] {
        remove(fs::remove_file(folder.join(state)))?;
    }
    remove(fs::remove_dir_all(folder.join("broker")))
}

/// What is not there need not be removed.
fn remove(result: io::Result<()>) -> io::Result<()> {
    result.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// Runs that share a broker must not hear each other.
fn topic_prefix() -> String {
    format!("chirrup/live-{}", std::process::id())
}

fn insert(config: &mut Table, section: &str, key: &str, value: Value) {
    let section = config.get_mut(section).and_then(Value::as_table_mut);
    section.expect("the sections are written above").insert(key.into(), value);
}

fn external(experiment: &Experiment) -> Option<(String, u16)> {
    match &experiment.scenario.live.broker {
        BrokerChoice::Embedded => None,
        BrokerChoice::External { host, port } => Some((host.clone(), *port)),
    }
}

fn app_keys(fleet: &Fleet) -> Table {
    fleet.nodes.iter().map(|node| (node.dev_eui.to_string(), hex::encode(node.app_key).into())).collect()
}

fn enrolments(fleet: &Fleet) -> String {
    fleet.nodes.iter().map(|node| Device::from(node.enrolment.clone()).to_table()).collect()
}

fn seconds(span: Duration) -> Value {
    Value::from((span.as_micros() / 1_000_000) as i64)
}

/// Decimal digits that give the same single-precision number again.
fn decimal(value: f32) -> Value {
    Value::from(value.to_string().parse::<f64>().expect("a float prints as a number"))
}

fn aggregator(experiment: &Experiment, fleet: &Fleet, host: &str, port: u16) -> Table {
    let federation = &fleet.federation;
    let (task, participation) = (&federation.task, &federation.task.participation);
    let Learner::Softmax { learning_rate, l2 } = task.learner;
    let Strategy::FedBuff(fedbuff) = federation.strategy;
    let mut config = toml! {
        ledger = "aggregator.redb"
        devices_file = "aggregator-devices.toml"
        signing_key_file = "signing.key"
        agreement_key_file = "agreement.key"
        backhaul_key_file = "backhaul.key"
        [task]
        [task.learner]
        kind = "softmax"
        [task.participation]
        [scale]
        [strategy]
        kind = "fedbuff"
        [cadence]
        [downlink]
        region = "eu868"
        [mqtt]
        [http]
        [clock]
        source = "injected"
        listen = "127.0.0.1:0"
    };
    let form = task.forms.of_kind(Kind::Update).expect("scenarios have client updates alone");
    let codec = UpdateCodec::of(form).expect("the scenario named it");
    insert(&mut config, "task", "codec", codec.to_string().into());
    let lifetime_days = federation.object_lifetime.as_micros() / 86_400_000_000;
    for (key, value) in [
        ("id", i64::from(federation.task_id.0)),
        ("features", i64::from(task.features)),
        ("classes", i64::from(task.classes)),
        ("max_contribution_bytes", i64::from(form.max_bytes)),
        ("model_bits", i64::from(federation.model_bits)),
        ("object_lifetime_days", lifetime_days as i64),
    ] {
        insert(&mut config, "task", key, value.into());
    }
    insert_deep(&mut config, ["task", "learner"], "learning_rate", decimal(learning_rate));
    insert_deep(&mut config, ["task", "learner"], "l2", decimal(l2));
    for (key, value) in [
        ("min_examples", Value::from(i64::from(participation.min_examples))),
        ("max_examples", Value::from(i64::from(participation.max_examples))),
        ("price_nats_per_s", decimal(participation.price_nats_per_s)),
        ("max_per_version", Value::from(i64::from(participation.max_per_version))),
    ] {
        insert_deep(&mut config, ["task", "participation"], key, value);
    }
    match &federation.scale {
        ScaleSource::Moments { devices, patience } => {
            insert(&mut config, "scale", "source", "moments".into());
            insert(&mut config, "scale", "devices", (*devices as i64).into());
            insert(&mut config, "scale", "patience_s", seconds(*patience));
        }
        ScaleSource::Schema(schema) => {
            let pair = |&(offset, gain): &(f32, f32)| Value::from(vec![decimal(offset), decimal(gain)]);
            insert(&mut config, "scale", "source", "schema".into());
            insert(&mut config, "scale", "schema", schema.iter().map(pair).collect::<Vec<_>>().into());
        }
    }
    insert(&mut config, "strategy", "staleness_exponent", decimal(fedbuff.staleness_exponent));
    insert(&mut config, "strategy", "server_rate", decimal(fedbuff.server_rate));
    let cadence = &federation.cadence;
    insert(&mut config, "cadence", "buffer", (cadence.buffer as i64).into());
    insert(&mut config, "cadence", "min_interval_s", seconds(cadence.min_interval));
    insert(&mut config, "cadence", "max_interval_s", seconds(cadence.max_interval));
    insert(&mut config, "cadence", "max_staleness", i64::from(cadence.max_staleness).into());
    let frame_days = federation.max_frame_age.as_micros() / 86_400_000_000;
    insert(&mut config, "cadence", "max_frame_age_days", (frame_days as i64).into());
    insert(&mut config, "downlink", "data_rate", i64::from(fleet.network.rx2_data_rate.0).into());
    if let Some(advice) = &federation.data_rate_advice {
        let margin = f64::from(advice.margin_tenth_db) / 10.0;
        let advice = Table::from_iter([
            ("margin_db".to_owned(), Value::from(margin)),
            ("lowest".to_owned(), Value::from(i64::from(advice.lowest.0))),
            ("highest".to_owned(), Value::from(i64::from(advice.highest.0))),
        ]);
        insert(&mut config, "downlink", "advice", advice.into());
    }
    insert(&mut config, "mqtt", "host", host.into());
    insert(&mut config, "mqtt", "port", i64::from(port).into());
    insert(&mut config, "mqtt", "topic_prefix", topic_prefix().into());
    insert(&mut config, "mqtt", "client_id", format!("chirrup-aggregator-{}", std::process::id()).into());
    let listen = format!("127.0.0.1:{}", experiment.scenario.live.http_port);
    insert(&mut config, "http", "listen", listen.into());
    config
}

fn insert_deep(config: &mut Table, [section, below]: [&str; 2], key: &str, value: Value) {
    let section = config.get_mut(section).and_then(Value::as_table_mut);
    insert(section.expect("the sections are written above"), below, key, value);
}
