//! Who takes part in a run: identities and keys from the seed, places, and the configuration of both cores.
use super::ble::BleFleet;
use crate::kernel::Rng;
use crate::radio::{NodeIndex, Position, Surroundings};
use crate::scenario::{
    AdrChoice, BackhaulConfig, ContributionKind, DataRateChoice, Experiment, FaultsConfig, LearnerConfig,
    RadioConfig, Scenario, StrategyConfig,
};
use chirrup_aggregator::core::federation::{Cadence, DataRateAdvice, Enrolled, ScaleSource};
use chirrup_aggregator::core::strategy::{Strategy, fedbuff::FedBuff};
use chirrup_aggregator::core::{BASE_REACH, Federation};
use chirrup_gateway::core::{Config as NetworkConfig, Key, adr};
use chirrup_node::lorawan::Adr;
use chirrup_node::lorawan::driver::DataRateRange;
use chirrup_protocol::epoch::Limits;
use chirrup_protocol::identity::aggregator_keys::FIRST_GENERATION;
use chirrup_protocol::identity::{AggregatorKeys, AgreementKey, Enrolment, NodeKeys};
use chirrup_protocol::ids::{DevEui, GatewayId, TaskId};
use chirrup_protocol::manifest::TrustAnchor;
use chirrup_protocol::region::{ChannelPlan, DataRate};
use chirrup_protocol::seal::Direction;
use chirrup_protocol::task::{Forms, Learner, Participation, Task};
use chirrup_protocol::time::{Duration, Instant};
use ed25519_dalek::SigningKey;
use rand_core::RngCore;
use std::collections::BTreeMap;

/// First DevEUI of a simulated fleet; the prefix is from the range for documentation and local use.
const FIRST_DEV_EUI: u64 = 0x0200_00ff_fe00_0000;
/// First gateway EUI.
const FIRST_GATEWAY: u64 = 0x0200_00ff_ff00_0000;
/// Margin above the demodulation floor before a faster data rate is advised; LoRaWAN networks usually keep 10 dB.
const ADVICE_MARGIN_TENTH_DB: i16 = 100;
/// Contributions begun so many versions ago are refused.
const MAX_STALENESS: u32 = 32;

/// One node's identity.
#[derive(Clone, Debug)]
pub struct NodeIdentity {
    /// Its EUI.
    pub dev_eui: DevEui,
    /// Shared with the network server.
    pub app_key: [u8; 16],
    /// What it was enrolled with.
    pub enrolment: Enrolment,
    /// Shared with the aggregator; this is the node's side of the agreement.
    pub secret: [u8; 32],
}

/// A fleet and its services.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// The run's seed.
    pub seed: u64,
    /// Nodes, by index.
    pub nodes: Vec<NodeIdentity>,
    /// Where they stand.
    pub node_positions: Vec<Position>,
    /// Gateways, by index.
    pub gateways: Vec<GatewayId>,
    /// Where they stand.
    pub gateway_positions: Vec<Position>,
    /// The radio.
    pub radio: RadioConfig,
    /// The part that speaks BLE.
    pub ble: Option<BleFleet>,
    /// Which data rates nodes may use.
    pub data_rates: DataRateRange,
    /// Who chooses among them.
    pub adr: Adr,
    /// When nodes take new keys.
    pub epoch_limits: Limits,
    /// What goes wrong.
    pub faults: FaultsConfig,
    /// The way between network server and aggregator.
    pub backhaul: BackhaulConfig,
    /// When the run ends.
    pub end: Instant,
    /// The network server's configuration.
    pub network: NetworkConfig,
    /// The aggregator's configuration.
    pub federation: Federation,
    /// Signs what the aggregator publishes.
    pub signing_key: SigningKey,
    /// The aggregator's X25519 private key.
    pub agreement_scalar: [u8; 32],
}

impl Fleet {
    /// The fleet of an experiment.
    pub fn new(experiment: &Experiment) -> Self {
        let scenario = &experiment.scenario;
        let (seed, radio) = (scenario.run.seed, scenario.radio.clone());
        let signing_key = SigningKey::from_bytes(&draw(seed, "signing-key", 0));
        let agreement_scalar = draw(seed, "agreement-key", 0);
        let agreement_key = AgreementKey::new(agreement_scalar);
        let welcome = AggregatorKeys {
            agreement: agreement_key.public_key(),
            root: TrustAnchor::of(&signing_key),
            generation: FIRST_GENERATION,
        };
        let nodes: Vec<NodeIdentity> =
            (0..scenario.nodes.count as u64).map(|node| identity(seed, node, &welcome)).collect();
        let gateways: Vec<GatewayId> = (0..radio.gateways as u64)
            .map(|gateway| GatewayId((FIRST_GATEWAY + gateway).to_be_bytes()))
            .collect();
        let keys: BTreeMap<DevEui, Key> =
            nodes.iter().map(|node| (node.dev_eui, Key(node.app_key))).collect();
        let data_rates = data_rates(&radio);
        let network = network(&radio, data_rates, gateways.clone(), keys);
        let node_positions = radio.node_positions(nodes.len(), seed);
        let gateway_positions = radio.gateway_positions();
        let ble = |config| BleFleet::new(config, &node_positions, &gateway_positions, seed);
        Self {
            seed,
            ble: scenario.ble.as_ref().map(ble),
            node_positions,
            gateway_positions,
            data_rates,
            adr: match radio.adr {
                AdrChoice::Advice => Adr::Off,
                AdrChoice::Network => Adr::Network,
            },
            epoch_limits: Limits::default(),
            faults: scenario.faults,
            backhaul: scenario.backhaul,
            end: Instant::ZERO + Duration::from_secs(scenario.run.duration_s),
            federation: federation(experiment, enrolled(&nodes, &agreement_key), network.rx2_data_rate),
            signing_key,
            agreement_scalar,
            network,
            gateways,
            nodes,
            radio,
        }
    }

    /// Whether a node speaks BLE instead of LoRaWAN.
    pub fn speaks_ble(&self, node: NodeIndex) -> bool {
        self.ble.as_ref().is_some_and(|ble| ble.speaks(node))
    }

    /// What lies between nodes and gateways, and around them.
    pub fn surroundings(&self) -> Surroundings {
        self.radio.surroundings(self.nodes.len(), self.seed)
    }
}

fn draw<const N: usize>(seed: u64, label: &str, index: u64) -> [u8; N] {
    let mut bytes = [0; N];
    Rng::for_purpose(seed, label, index).fill_bytes(&mut bytes);
    bytes
}

/// A node enrols and is welcomed.
fn identity(seed: u64, index: u64, welcome: &AggregatorKeys) -> NodeIdentity {
    let dev_eui = DevEui::from_u64(FIRST_DEV_EUI + index);
    let keys = NodeKeys::from_seed(&draw(seed, "node-seed", index));
    let enrolment = Enrolment::verify(&Enrolment::sign(dev_eui, &keys));
    let secret = keys.device_secret(dev_eui, welcome).expect("the aggregator's key is a proper one");
    NodeIdentity {
        dev_eui,
        app_key: draw(seed, "app-key", index),
        enrolment: enrolment.expect("the node signed it a moment ago"),
        secret: *secret.expose(),
    }
}

/// The aggregator's side: it knows no more of a node than its enrolment.
fn enrolled(nodes: &[NodeIdentity], key: &AgreementKey) -> Vec<Enrolled> {
    let enrolled = |Enrolment { dev_eui, agreement, .. }: &Enrolment| {
        let secret = key.device_secret(*dev_eui, *agreement, FIRST_GENERATION);
        let secret = *secret.expect("the nodes' keys are proper ones").expose();
        Enrolled { dev_eui: *dev_eui, secret, revoked_from: None }
    };
    nodes.iter().map(|node| enrolled(&node.enrolment)).collect()
}

fn data_rates(radio: &RadioConfig) -> DataRateRange {
    match radio.data_rate {
        DataRateChoice::Adr => {
            let (lowest, highest) = radio.useful_data_rates();
            DataRateRange { lowest, highest }
        }
        DataRateChoice::Fixed(data_rate) => DataRateRange { lowest: data_rate, highest: data_rate },
    }
}

fn network(
    radio: &RadioConfig,
    data_rates: DataRateRange,
    gateways: Vec<GatewayId>,
    keys: BTreeMap<DevEui, Key>,
) -> NetworkConfig {
    let rule = || adr::Rule::new(radio.region, data_rates.lowest, data_rates.highest);
    NetworkConfig {
        channel_group: radio.channel_group,
        adr: (radio.adr == AdrChoice::Network).then(rule),
        ..NetworkConfig::new(radio.region, gateways, keys)
    }
}

/// What any downlink carries: as much as RX2. Where the plan is fixed RX1 carries more after every uplink, and has
/// nearly as much of the time.
fn downlink_bytes(radio: &RadioConfig, rx2: DataRate) -> usize {
    let (region, dwell) = (radio.region, radio.region.uplink_dwell());
    let data_rate = match region.channel_plan() {
        ChannelPlan::Dynamic => rx2,
        ChannelPlan::Fixed => region.rx1_data_rate(dwell, radio.useful_data_rates().0, 0),
    };
    let payload = region.max_payload_bytes(Direction::Down, dwell, data_rate);
    payload.expect("the network server's windows are of this region")
}

fn federation(experiment: &Experiment, devices: Vec<Enrolled>, rx2: DataRate) -> Federation {
    let scenario = &experiment.scenario;
    let StrategyConfig::Fedbuff(fedbuff) = scenario.strategy;
    let longest = longest_days(fedbuff.min_interval_s);
    Federation {
        task_id: TaskId(1),
        task: task(experiment),
        scale: match &experiment.task.schema {
            Some(schema) => ScaleSource::Schema(schema.clone()),
            None => ScaleSource::Moments {
                devices: devices.len(),
                patience: Duration::from_secs(fedbuff.moments_patience_s),
            },
        },
        model_bits: fedbuff.model_bits,
        strategy: Strategy::FedBuff(FedBuff {
            staleness_exponent: fedbuff.staleness_exponent,
            server_rate: fedbuff.server_rate,
        }),
        cadence: Cadence {
            buffer: fedbuff.buffer as usize,
            min_interval: Duration::from_secs(fedbuff.min_interval_s),
            max_interval: Duration::from_secs(fedbuff.max_interval_s),
            max_staleness: MAX_STALENESS,
        },
        downlink_bytes: downlink_bytes(&scenario.radio, rx2),
        data_rate_advice: match (scenario.radio.data_rate, scenario.radio.adr) {
            (DataRateChoice::Adr, AdrChoice::Advice) => {
                let (lowest, highest) = scenario.radio.useful_data_rates();
                let region = scenario.radio.region;
                Some(DataRateAdvice { region, margin_tenth_db: ADVICE_MARGIN_TENTH_DB, lowest, highest })
            }
            (DataRateChoice::Fixed(_), _) | (_, AdrChoice::Network) => None,
        },
        object_lifetime: longest,
        max_frame_age: longest,
        devices,
    }
}

/// How long objects live and frames may be under way: a week each, or the days that the cadence leaves for both if
/// that is less, as base versions must stay unambiguous.
fn longest_days(min_interval_s: u64) -> Duration {
    let days = min_interval_s * u64::from(BASE_REACH - 1) / 2 / 86_400;
    Duration::from_secs(days.clamp(1, 7) * 86_400)
}

fn task(experiment: &Experiment) -> Task {
    let Scenario { learner: LearnerConfig::Softmax(softmax), contribution, .. } = &experiment.scenario;
    let ContributionKind::Update = contribution.kind;
    Task {
        features: experiment.task.n_features() as u16,
        classes: experiment.task.n_classes() as u16,
        learner: Learner::Softmax { learning_rate: softmax.learning_rate, l2: softmax.l2 },
        forms: Forms::one(contribution.codec.form(contribution.max_bytes)),
        participation: Participation {
            min_examples: contribution.min_examples,
            max_examples: contribution.max_examples,
            price_nats_per_s: contribution.price_nats_per_s,
            max_per_version: contribution.max_per_version,
        },
    }
}
