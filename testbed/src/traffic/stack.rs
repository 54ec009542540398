//! Packets through the unmodified LoRaWAN stack, in front of the real network server.
use super::network::{Network, NetworkError};
use super::node::{self, Node};
use super::record::Exchanges;
use super::source::Source;
use super::timeline::Timeline;
use crate::device::{Crystal, VirtualRadio};
use crate::kernel::{Clock, Kernel, Wakeup};
use crate::radio::{Air, Medium, MediumConfig, NodeIndex, RadioEvent, Surroundings};
use crate::scenario::{Activation, Confirmation, Scenario, TrafficConfig};
use crate::simulation::backend::Backend;
use crate::simulation::front::Front;
use chirrup_gateway::core::{Config, DeviceRecord, Key, Session, State};
use chirrup_protocol::airtime::LORAWAN_OVERHEAD_BYTES;
use chirrup_protocol::ids::GatewayId;
use chirrup_protocol::time::{Duration, Instant};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// First gateway EUI; the prefix is locally administered.
const FIRST_GATEWAY: u64 = 0x0200_00ff_fc00_0000;

/// What to run.
#[derive(Clone, Copy)]
pub struct Setup<'a> {
    /// Nodes, gateways, length and seed.
    pub scenario: &'a Scenario,
    /// Packets.
    pub traffic: &'a TrafficConfig,
    /// How nodes come by their keys.
    pub activation: Activation,
    /// Whether they ask for acknowledgements.
    pub confirmation: Confirmation,
}

/// Runs the traffic in front of a network server of its own.
///
/// # Errors
/// See [`NetworkError`].
pub fn run(
    setup: &Setup,
    medium: MediumConfig,
    around: Surroundings,
    progress: &mut dyn FnMut(Instant),
) -> Result<(Air<RadioEvent>, Timeline, Exchanges), NetworkError> {
    let mut network = network(setup, &gateways(around.links().gateways()))?;
    let (air, timeline, mut counts) = run_before(&mut network, setup, medium, around, progress)?;
    (counts.received, counts.received_bytes) = (network.received, network.received_bytes);
    Ok((air, timeline, counts))
}

/// Runs the traffic in front of any backend. What reached it is for the backend to count.
///
/// # Errors
/// Those of the backend.
pub fn run_before<B: Backend>(
    backend: &mut B,
    setup: &Setup,
    medium: MediumConfig,
    around: Surroundings,
    progress: &mut dyn FnMut(Instant),
) -> Result<(Air<RadioEvent>, Timeline, Exchanges), B::Error> {
    let gateways = gateways(around.links().gateways());
    let mut kernel = Kernel::new();
    let radio = &setup.scenario.radio;
    let medium = Medium::new(medium, around).tuned(radio.region, radio.channel_group);
    let air = Air::new(medium, kernel.scheduler());
    let counts = Rc::new(RefCell::new(Exchanges::default()));
    for index in 0..setup.scenario.nodes.count as u32 {
        let node = new_node(setup, index, &kernel.clock(), &counts);
        let radio = VirtualRadio::new(air.clone(), NodeIndex(index));
        match setup.activation {
            Activation::Join => kernel.spawn(node::join_and_send(node, radio)),
            Activation::Personalised => kernel.spawn(node::send_personalised(node, radio)),
        };
    }
    let front = Front { air: &air, gateways: &gateways };
    let mut timeline = Timeline::default();
    for at in Timeline::marks(Duration::from_secs(setup.scenario.run.duration_s)) {
        step_to(at, &mut kernel, &front, backend)?;
        timeline.mark(at, air.medium().log());
        progress(at);
    }
    let counts = *counts.borrow();
    Ok((air, timeline, counts))
}

fn step_to<B: Backend>(
    at: Instant,
    kernel: &mut Kernel<RadioEvent>,
    front: &Front<'_, RadioEvent>,
    backend: &mut B,
) -> Result<(), B::Error> {
    loop {
        let limit = backend.next_deadline().map_or(at, |due| due.min(at));
        match kernel.step_until(limit.max(kernel.now())) {
            Some(Wakeup::Event(event)) => front.handle(event, backend)?,
            Some(Wakeup::TaskRan(_) | Wakeup::TaskFinished(_)) => {}
            None if kernel.now() >= at => return Ok(()),
            None => backend.reached(kernel.now())?,
        }
        while let Some(order) = backend.poll_order() {
            front.send(order, backend)?;
        }
    }
}

/// One node of the fleet, without a radio.
///
/// # Panics
/// When the region has no data rate for the scenario's spreading factor; scenarios that were read have one.
pub fn new_node(setup: &Setup, index: u32, clock: &Clock, counts: &Rc<RefCell<Exchanges>>) -> Node {
    let Setup { scenario, traffic, confirmation, .. } = *setup;
    let (seed, region) = (scenario.run.seed, scenario.radio.region);
    let data_rate = region.data_rate(traffic.modulation.spreading_factor, traffic.modulation.bandwidth_hz);
    Node {
        index,
        seed,
        region,
        data_rate: data_rate.expect("scenarios name a spreading factor of the region"),
        crystal: Crystal::of_node(NodeIndex(index), scenario.radio.clock_drift_ppm, seed),
        payload: vec![0; usize::from(traffic.phy_bytes) - LORAWAN_OVERHEAD_BYTES],
        confirmation,
        source: Source::new(traffic.interval, traffic.mean_s, seed, index.into()),
        clock: clock.clone(),
        counts: Rc::clone(counts),
    }
}

fn gateways(count: usize) -> Vec<GatewayId> {
    (0..count as u64).map(|index| GatewayId((FIRST_GATEWAY + index).to_be_bytes())).collect()
}

fn network(setup: &Setup, gateways: &[GatewayId]) -> Result<Network, NetworkError> {
    let (seed, region) = (setup.scenario.run.seed, setup.scenario.radio.region);
    let nodes = 0..setup.scenario.nodes.count as u32;
    let keys: BTreeMap<_, _> =
        nodes.clone().map(|index| (node::dev_eui(index), Key(node::app_key(seed, index)))).collect();
    let mut config = Config::new(region, gateways.to_vec(), keys);
    config.channel_group = setup.scenario.radio.channel_group;
    let mut state = State::default();
    if setup.activation == Activation::Personalised {
        // Nobody told the nodes of another data rate than the region's own.
        config.rx2_data_rate = region.rx2_default_data_rate();
        state.devices = nodes.map(|index| personalised(seed, index, &config)).collect();
    }
    Network::new(config, state)
}

fn personalised(seed: u64, index: u32, config: &Config) -> DeviceRecord {
    let session = Session {
        dev_addr: node::dev_addr(index),
        nwk_s_key: Key(node::network_session_key(seed, index)),
        app_s_key: Key(node::application_session_key(seed, index)),
        rx1_delay_s: config.rx1_delay_s,
        rx2_data_rate: config.rx2_data_rate,
        fcnt_up: None,
        // The stack takes 0 for one that it has seen.
        fcnt_down: 1,
    };
    DeviceRecord { active: Some(session), ..DeviceRecord::new(node::dev_eui(index)) }
}
