//! Adaptive data rate over the air: guarded nodes that set the ADR bit, and the real network server.
use crate::world::{config, heard_with};
use chirrup_gateway::core::{Config, Key, State, adr};
use chirrup_node::lorawan::{
    Adr, Confirmation, Guard, GuardConfig, JoinError, Parts, SendError, Snapshot, SnapshotStore,
};
use chirrup_protocol::ids::{DevEui, GatewayId};
use chirrup_protocol::region::{DataRate, Region};
use chirrup_protocol::time::{Duration, Instant};
use chirrup_testbed::device::{VirtualRadio, VirtualTimer};
use chirrup_testbed::kernel::{Kernel, Rng, Wakeup};
use chirrup_testbed::radio::{
    Air, CollisionModel, Fading, FadingModel, LogDistance, Medium, NodeIndex, PathLoss, Position,
    Propagation, RadioEvent, Surroundings, Terrain, Tracks,
};
use chirrup_testbed::simulation::Backend;
use chirrup_testbed::simulation::front::Front;
use chirrup_testbed::traffic::network::Network;
use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

const GATEWAY: GatewayId = GatewayId([7; 8]);
/// Gateways hear 125 kHz against noise of -122.5 dBm.
const NOISE_DBM: f64 = -122.5;

fn dev_eui(node: u32) -> DevEui {
    DevEui::from_u64(0x2000 + u64::from(node))
}

/// Flash that forgets: no power is cut here.
struct NoStore;

impl SnapshotStore for NoStore {
    type Error = Infallible;
    async fn store(&mut self, _: &Snapshot) -> Result<(), Infallible> {
        Ok(())
    }
}

/// An uplink of a node: when, at which data rate, with which TXPower afterwards, and whether it was answered.
#[derive(Clone, Copy, Debug)]
struct Sent {
    node: u32,
    at: Instant,
    data_rate: u8,
    tx_power_index: u8,
    answered: bool,
}

type Notes = Rc<RefCell<Vec<Sent>>>;

async fn node(air: Air<RadioEvent>, index: u32, adr: Adr, interval: Duration, notes: Notes) {
    let clock = air.clock().clone();
    let mut rng = Rng::for_purpose(1, "adaptation", index.into());
    clock.sleep(Duration::from_micros(rng.below(interval.as_micros()))).await;
    let parts = Parts {
        radio: VirtualRadio::new(air, NodeIndex(index)),
        timer: VirtualTimer::new(clock.clone()),
        rng,
        store: NoStore,
    };
    let config = GuardConfig {
        region: Region::Eu868,
        dev_eui: dev_eui(index),
        join_eui: [0; 8],
        app_key: [index as u8 + 1; 16],
        lowest_data_rate: DataRate(0),
        highest_data_rate: DataRate(5),
    };
    let mut guard = Guard::new(config, parts, None, clock.now()).unwrap().with_adr(adr);
    loop {
        match guard.join(clock.now()).await {
            Ok(_) => break,
            Err(JoinError::DutyCycle { earliest }) => clock.sleep_until(earliest).await,
            Err(_) => clock.sleep(Duration::from_secs(60)).await,
        }
    }
    loop {
        clock.sleep(interval).await;
        let at = clock.now();
        match guard.send(at, 10, &[0; 10], Confirmation::NotRequested).await {
            Ok(sent) => notes.borrow_mut().push(Sent {
                node: index,
                at,
                data_rate: sent.data_rate.0,
                tx_power_index: guard.tx_power_index(),
                answered: sent.downlink.is_some(),
            }),
            Err(SendError::DutyCycle { earliest }) => clock.sleep_until(earliest).await,
            Err(error) => panic!("{error}"),
        }
    }
}

/// A fleet after its run.
struct Ran {
    sent: Vec<Sent>,
    network: Network,
    air: Air<RadioEvent>,
}

impl Ran {
    /// What a node last sent before a time.
    fn before(&self, node: u32, hours: f64) -> Sent {
        let end = Instant::from_micros((hours * 3_600e6) as u64);
        *self.sent.iter().rev().find(|sent| sent.node == node && sent.at < end).unwrap()
    }

    fn uplink_airtime_s(&self) -> f64 {
        self.air.medium().log().uplinks().airtime.as_secs_f64()
    }
}

fn run(surroundings: impl Into<Surroundings>, nodes: u32, adr: Adr, interval_s: u64, hours: u64) -> Ran {
    let mut kernel: Kernel<RadioEvent> = Kernel::new();
    let air = Air::new(Medium::new(config(CollisionModel::Goursaud), surroundings), kernel.scheduler());
    let keys = (0..nodes).map(|node| (dev_eui(node), Key([node as u8 + 1; 16]))).collect();
    let settings = Config {
        adr: Some(adr::Rule::new(Region::Eu868, DataRate(0), DataRate(5))),
        ..Config::new(Region::Eu868, vec![GATEWAY], keys)
    };
    let mut network = Network::new(settings, State::default()).unwrap();
    let notes = Notes::default();
    for index in 0..nodes {
        let interval = Duration::from_secs(interval_s);
        kernel.spawn(node(air.clone(), index, adr, interval, Rc::clone(&notes)));
    }
    let front = Front { air: &air, gateways: &[GATEWAY] };
    let end = Instant::ZERO + Duration::from_secs(3_600 * hours);
    loop {
        let limit = network.next_deadline().map_or(end, |due| due.min(end));
        match kernel.step_until(limit.max(kernel.now())) {
            Some(Wakeup::Event(event)) => front.handle(event, &mut network).unwrap(),
            Some(_) => {}
            None if kernel.now() >= end => break,
            None => network.reached(kernel.now()).unwrap(),
        }
        while let Some(order) = network.poll_order() {
            front.send(order, &mut network).unwrap();
        }
    }
    let sent = notes.borrow().clone();
    Ran { sent, network, air }
}

/// Lowest SNR at which a data rate of EU868 is demodulated.
fn floor_db(data_rate: u8) -> f64 {
    -20.0 + 2.5 * f64::from(data_rate)
}

/// At rest each node has the margin of 10 dB at its data rate, and less than a step more, unless it is at the fastest,
/// where power takes the rest. So it is with the link budget alone, and after a handful of commands.
#[test]
fn a_still_fleet_comes_to_the_rates_of_its_link_budget() {
    let rssi_dbm: Vec<f64> = (0..12).map(|node| -134.0 + 4.0 * f64::from(node)).collect();
    let nodes = rssi_dbm.len() as u32;
    let adaptive = run(heard_with(&rssi_dbm), nodes, Adr::Network, 600, 24);
    for (node, rssi_dbm) in (0..).zip(&rssi_dbm) {
        let at_rest = adaptive.before(node, 24.0);
        let power_db = 2.0 * f64::from(at_rest.tx_power_index);
        let excess_db = rssi_dbm - power_db - NOISE_DBM - floor_db(at_rest.data_rate) - 10.0;
        if at_rest.data_rate > 0 {
            assert!(excess_db >= -0.1, "{rssi_dbm} dBm: {at_rest:?}, {excess_db} dB");
        }
        let all_used = at_rest.data_rate == 5 && at_rest.tx_power_index == 7;
        assert!(all_used || excess_db < 3.1, "{rssi_dbm} dBm: {at_rest:?}, {excess_db} dB");
        assert!(at_rest.data_rate == 5 || at_rest.tx_power_index == 0, "{at_rest:?}");
        let early = adaptive.before(node, 12.0);
        assert_eq!(
            (early.data_rate, early.tx_power_index),
            (at_rest.data_rate, at_rest.tx_power_index),
            "it moved still"
        );
    }
    let counters = adaptive.network.counters();
    assert!(counters.link_adr_requests <= 5 * u64::from(nodes), "{}", counters.link_adr_requests);
    // Nobody asked for an acknowledgement: commands and join accepts are all that went down, and are on the books.
    let medium = adaptive.air.medium();
    let downlinks = medium.log().downlinks();
    assert_eq!(downlinks.outcomes.total(), counters.link_adr_requests + counters.joins);
    assert!(downlinks.airtime.as_secs_f64() > 0.0);
    assert!(medium.log().worst_ratio() <= 1.0);

    let slowest = run(heard_with(&rssi_dbm), nodes, Adr::Off, 600, 24);
    let saved = 1.0 - adaptive.uplink_airtime_s() / slowest.uplink_airtime_s();
    assert!(saved > 0.6, "airtime and so energy saved against SF12: {saved}");
    assert_eq!(slowest.network.counters().link_adr_requests, 0);
}

/// 60 dB at 1 m and 40 dB a decade.
const STEEP: PathLoss =
    PathLoss::LogDistance(LogDistance { reference_m: 1.0, reference_db: 60.0, exponent: 4.0 });

/// Where 14 dBm arrive with an SNR.
fn distance_m(snr_db: f64) -> f64 {
    libm::pow(10.0, (14.0 - NOISE_DBM - snr_db - 60.0) / 40.0)
}

#[test]
fn a_node_that_moves_away_slows_down_by_itself_and_returns_by_command() {
    let (near_m, far_m) = (distance_m(25.0), distance_m(-13.7));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tracks.csv");
    let hours = |hours: f64| hours * 3_600.0;
    let row = |time_h: f64, x_m: f64| format!("0,{},{x_m},0\n", hours(time_h));
    let rows = [row(0.0, near_m), row(3.0, near_m), row(3.2, far_m), row(14.0, far_m), row(14.2, near_m)];
    std::fs::write(&path, format!("node,time_s,x_m,y_m\n{}", rows.concat())).unwrap();
    let mut terrain = Terrain::new(
        Propagation::clear(STEEP),
        vec![Position { x_m: near_m, y_m: 0.0 }],
        vec![Position { x_m: 0.0, y_m: 0.0 }],
    );
    terrain.tracks = Some(Tracks::load(&path).unwrap());
    let surroundings = Surroundings::new(terrain, Fading::new(FadingModel::None, 1), &[], 1);
    let ran = run(surroundings, 1, Adr::Network, 120, 24);

    let near = ran.before(0, 3.0);
    assert_eq!(near.data_rate, 5, "{near:?}");
    assert!(near.tx_power_index >= 6, "{near:?}");
    // 96 uplinks in silence, then a step each 32: full power, DR4, DR3, DR2.
    let far = ran.before(0, 14.0);
    assert_eq!((far.data_rate, far.tx_power_index), (2, 0), "{far:?}");
    let silent = |sent: &&Sent| sent.at > Instant::ZERO + Duration::from_secs(11_520) && sent.data_rate > 2;
    let lost = ran.sent.iter().filter(silent).take_while(|sent| sent.at.as_secs() < 50_400).count();
    assert!((180..=200).contains(&lost), "{lost} uplinks before it was heard again");
    let back = ran.before(0, 24.0);
    assert_eq!((back.data_rate, back.tx_power_index), (near.data_rate, near.tx_power_index));
    let requests = ran.network.counters().link_adr_requests;
    assert!(requests <= 16, "{requests}");
    assert!(ran.air.medium().log().worst_ratio() <= 1.0);
}

/// Signals that fade from frame to frame move the best of twenty by a few dB, and put it 5.5 dB above their mean: of
/// the margin of 10 dB as little as 4.5 dB may be left, at which Rayleigh fading takes 30 % of all frames. Power is asked for once in twenty
/// uplinks at most, and a data rate goes up only after the node came down.
#[test]
fn fading_does_not_make_it_oscillate() {
    let rssi_dbm = [-128.0, -122.0, -116.0, -110.0, -104.0, -98.0];
    let surroundings = Surroundings::from(heard_with(&rssi_dbm));
    let surroundings = surroundings.with_fading(Fading::new(FadingModel::Rayleigh, 3));
    let (nodes, days) = (rssi_dbm.len() as u32, 3);
    let ran = run(surroundings, nodes, Adr::Network, 600, 24 * days);
    let counters = ran.network.counters();
    let a_day = counters.link_adr_requests as f64 / f64::from(nodes) / days as f64;
    assert!(a_day < 144.0 / 20.0 + 2.0, "{a_day} commands a node and day");
    for node in 0..nodes {
        let rates: Vec<u8> =
            ran.sent.iter().filter(|sent| sent.node == node).map(|sent| sent.data_rate).collect();
        let changes = rates.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!(changes <= 8, "node {node} changed its data rate {changes} times in three days");
    }
    let outcomes = ran.air.medium().log().uplinks().outcomes;
    let delivered = outcomes.delivered as f64 / outcomes.total() as f64;
    assert!(delivered > 0.8, "{delivered}");
    assert!(ran.sent.iter().any(|sent| sent.answered));
}
