//! From TOML and overrides to a [`Scenario`].
use super::*;
use section::Section;
use std::path::Path;
use toml::{Table, Value};

pub(super) const SECTIONS: &str =
    "data, nodes, learner, contribution, strategy, radio, faults, backhaul, ble, traffic, run, live";

/// Nodes of a scenario that does not say.
const DEFAULT_NODES: u64 = 20;
/// More nodes than this do not fit the address plan of one simulated network.
const MAX_NODES: u64 = 100_000;
pub(super) const MAX_GATEWAYS: u64 = 1_000;
/// Ten years: virtual time is counted in microseconds and must not come near its end.
pub(super) const MAX_DURATION_S: u64 = 10 * 365 * 86_400;
/// TOML integers are signed.
const MAX_INTEGER: u64 = i64::MAX as u64;

/// Values that replace those of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Entries of the form `section.key=value`, later ones win.
    pub set: Vec<String>,
    /// Replaces `run.seed`.
    pub seed: Option<u64>,
}

impl Scenario {
    /// Reads the scenario in a file, or the quickstart. A relative path in a file is relative to the file, one in an
    /// override to the working directory.
    pub fn load(path: Option<&Path>, overrides: &Overrides) -> Result<Self, ScenarioError> {
        let Some(path) = path else {
            return Self::from_toml("quickstart", QUICKSTART, Path::new(""), overrides);
        };
        let text = std::fs::read_to_string(path)
            .map_err(|source| ScenarioError::Io { path: path.to_owned(), source })?;
        let name =
            path.file_stem().map_or_else(|| "scenario".into(), |stem| stem.to_string_lossy().into_owned());
        Self::from_toml(&name, &text, path.parent().unwrap_or(Path::new("")), overrides)
    }

    /// Reads a scenario from text; `folder` is what a relative path in it is relative to.
    pub fn from_toml(
        name: &str,
        text: &str,
        folder: &Path,
        overrides: &Overrides,
    ) -> Result<Self, ScenarioError> {
        let mut table: Table = text.parse()?;
        anchor(&mut table, "data", "path", folder);
        anchor(&mut table, "radio", "tracks", folder);
        for entry in &overrides.set {
            apply(&mut table, entry)?;
        }
        unavailable::refuse(&table)?;
        let mut scenario = read(name, &table)?;
        if let Some(seed) = overrides.seed {
            scenario.run.seed = seed;
        }
        Ok(scenario)
    }
}

/// A relative path in a file is relative to the file.
fn anchor(scenario: &mut Table, section: &str, key: &str, folder: &Path) {
    if let Some(Value::Table(section)) = scenario.get_mut(section)
        && let Some(Value::String(path)) = section.get_mut(key)
    {
        *path = folder.join(&path).to_string_lossy().into_owned();
    }
}

/// A value that is no TOML is taken as text, so that `--set radio.data_rate=adr` needs no quotes.
fn apply(scenario: &mut Table, entry: &str) -> Result<(), ScenarioError> {
    let bad = || ScenarioError::BadOverride(entry.to_owned());
    let (path, text) = entry.split_once('=').ok_or_else(bad)?;
    let (section, key) = path.trim().split_once('.').ok_or_else(bad)?;
    if section.is_empty() || key.is_empty() {
        return Err(bad());
    }
    let text = text.trim();
    let parsed = format!("v = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("v"));
    let value = parsed.unwrap_or_else(|| Value::String(text.to_owned()));
    let section = scenario.entry(section).or_insert_with(|| Value::Table(Table::new()));
    section.as_table_mut().ok_or_else(bad)?.insert(key.to_owned(), value);
    Ok(())
}

fn read(name: &str, table: &Table) -> Result<Scenario, ScenarioError> {
    if let Some(section) = table.keys().find(|section| !SECTIONS.split(", ").any(|known| known == **section))
    {
        return Err(ScenarioError::UnknownSection { section: section.clone() });
    }
    let nodes = nodes(Section::of(table, "nodes")?)?;
    let radio = super::radio::radio(Section::of(table, "radio")?)?;
    if nodes.partition != Partition::ByColumn {
        radio.check_tracks(nodes.count)?;
    }
    Ok(Scenario {
        name: name.to_owned(),
        traffic: super::traffic::read(table, (radio.region, radio.channel_group))?,
        ble: super::ble::read(table)?,
        data: data(Section::of(table, "data")?, nodes.count)?,
        nodes,
        learner: learner(Section::of(table, "learner")?)?,
        contribution: contribution(Section::of(table, "contribution")?)?,
        strategy: strategy(Section::of(table, "strategy")?)?,
        radio,
        faults: super::faults::faults(Section::of(table, "faults")?)?,
        backhaul: super::faults::backhaul(Section::of(table, "backhaul")?)?,
        run: run(Section::of(table, "run")?)?,
        live: live(Section::of(table, "live")?)?,
    })
}

fn data(mut keys: Section, n_nodes: usize) -> Result<DataConfig, ScenarioError> {
    #[derive(Clone, Copy)]
    enum Kind {
        Digits,
        BreastCancer,
        Vibration,
        Csv,
    }
    let kinds = [
        ("digits", Kind::Digits),
        ("breast-cancer", Kind::BreastCancer),
        ("vibration", Kind::Vibration),
        ("csv", Kind::Csv),
    ];
    let source = match keys.choice("source", &kinds)? {
        Kind::Digits => Source::Digits,
        Kind::BreastCancer => Source::BreastCancer,
        Kind::Vibration => Source::Vibration(vibration::read(&mut keys, n_nodes)?),
        Kind::Csv => Source::Csv(csv(&mut keys)?),
    };
    let is_schema = keys.choice("scale", &[("moments", false), ("schema", true)])?;
    // Read in any case: an override of the scale alone must not make the file's `schema` an unknown key.
    let schema = keys.optional_text("schema")?;
    let missing = ScenarioError::MissingKey { key: "data.schema", because: "data.scale = \"schema\"" };
    let scale = if is_schema { Scale::Schema(schema.ok_or(missing)?.into()) } else { Scale::Moments };
    keys.finish()?;
    Ok(DataConfig { source, scale })
}

fn csv(keys: &mut Section) -> Result<CsvConfig, ScenarioError> {
    let missing = ScenarioError::MissingKey { key: "data.path", because: "data.source = \"csv\"" };
    Ok(CsvConfig {
        path: keys.optional_text("path")?.ok_or(missing)?.into(),
        label: keys.optional_text("label")?.unwrap_or_else(|| "label".into()),
        node: keys.optional_text("node")?,
        split: keys.optional_text("split")?,
    })
}

fn nodes(mut keys: Section) -> Result<NodesConfig, ScenarioError> {
    let count = keys.integer("count", DEFAULT_NODES, 1..=MAX_NODES)? as usize;
    let kinds = [
        ("iid", Partition::Iid),
        ("dirichlet", Partition::Dirichlet { alpha: 0.5 }),
        ("one-class", Partition::OneClass),
        ("by-column", Partition::ByColumn),
    ];
    let mut partition = keys.choice("partition", &kinds)?;
    // Read in any case: an override of the partition alone must not make the file's `alpha` an unknown key.
    let given = keys.number("alpha", 0.5, 1e-3..=1e6)?;
    if let Partition::Dirichlet { alpha } = &mut partition {
        *alpha = given;
    }
    let nodes = NodesConfig {
        count,
        partition,
        sample_interval_s: keys.integer("sample_interval_s", 30, 1..=86_400)?,
        moments_samples: keys.integer("moments_samples", 40, 1..=1_000_000)? as u32,
        airtime_s_per_day: keys.integer("airtime_s_per_day", 60, 1..=86_400)?,
        battery: battery(&mut keys)?,
    };
    keys.finish()?;
    Ok(nodes)
}

fn battery(keys: &mut Section) -> Result<Battery, ScenarioError> {
    let Battery { capacity_mah, self_discharge_per_year } = Battery::AA_LITHIUM;
    Ok(Battery {
        capacity_mah: keys.number("battery_mah", capacity_mah, 1.0..=1e6)?,
        self_discharge_per_year: keys.number(
            "battery_self_discharge_per_year",
            self_discharge_per_year,
            0.0..=0.99,
        )?,
    })
}

fn learner(mut keys: Section) -> Result<LearnerConfig, ScenarioError> {
    keys.choice("kind", &[("softmax", ())])?;
    let softmax = SoftmaxConfig {
        learning_rate: keys.number("learning_rate", 0.05, 1e-6..=10.0)? as f32,
        l2: keys.number("l2", 0.0, 0.0..=1.0)? as f32,
    };
    keys.finish()?;
    Ok(LearnerConfig::Softmax(softmax))
}

fn contribution(mut keys: Section) -> Result<ContributionConfig, ScenarioError> {
    let contribution = ContributionConfig {
        kind: keys.choice("kind", &[("update", ContributionKind::Update)])?,
        codec: keys.named("codec", UpdateCodec::TopK, UpdateCodec::NAMES)?,
        max_bytes: keys.integer("max_bytes", 100, 8..=222)? as u8,
        min_examples: keys.integer("min_examples", 60, 1..=65_535)? as u16,
        max_examples: keys.integer("max_examples", 300, 1..=65_535)? as u16,
        price_nats_per_s: keys.number("price_nats_per_s", 0.1, 0.0..=1_000.0)? as f32,
        max_per_version: keys.integer("max_per_version", 2, 1..=255)? as u8,
    };
    keys.finish()?;
    Ok(contribution)
}

fn strategy(mut keys: Section) -> Result<StrategyConfig, ScenarioError> {
    keys.choice("kind", &[("fedbuff", ())])?;
    let fedbuff = FedbuffConfig {
        buffer: keys.integer("buffer", 10, 1..=100_000)? as u32,
        staleness_exponent: keys.number("staleness_exponent", 0.5, 0.0..=10.0)? as f32,
        server_rate: keys.number("server_rate", 1.0, 1e-6..=100.0)? as f32,
        min_interval_s: keys.integer("min_interval_s", 2_400, 0..=MAX_DURATION_S)?,
        max_interval_s: keys.integer("max_interval_s", 7_200, 0..=MAX_DURATION_S)?,
        moments_patience_s: keys.integer("moments_patience_s", 7_200, 0..=MAX_DURATION_S)?,
        model_bits: keys.integer("model_bits", 6, 2..=8)? as u8,
    };
    keys.finish()?;
    Ok(StrategyConfig::Fedbuff(fedbuff))
}

fn live(mut keys: Section) -> Result<LiveConfig, ScenarioError> {
    let live = LiveConfig {
        broker: keys.parsed("broker", BrokerChoice::Embedded, "\"embedded\", or HOST:PORT", broker)?,
        udp_port: keys.integer("udp_port", 0, 0..=u16::MAX.into())? as u16,
        http_port: keys.integer("http_port", 0, 0..=u16::MAX.into())? as u16,
        kill_aggregator_at_s: keys.optional_integer("kill_aggregator_at_s", 0..=MAX_DURATION_S)?,
    };
    keys.finish()?;
    Ok(live)
}

fn broker(text: &str) -> Option<BrokerChoice> {
    if text == "embedded" {
        return Some(BrokerChoice::Embedded);
    }
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port > 0)?;
    (!host.is_empty()).then(|| BrokerChoice::External { host: host.to_owned(), port })
}

fn run(mut keys: Section) -> Result<RunConfig, ScenarioError> {
    let run = RunConfig {
        duration_s: keys.integer("duration_s", 86_400, 1..=MAX_DURATION_S)?,
        seed: keys.integer("seed", 1, 0..=MAX_INTEGER)?,
    };
    keys.finish()?;
    Ok(run)
}
