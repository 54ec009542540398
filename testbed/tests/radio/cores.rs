//! The whole way once: guarded nodes, the air, and the real network server, in the run loop that a simulation needs.
//! Every uplink gets a receipt with a downlink, as if the aggregator answered at once.
use crate::world::{Event, config, ms};
use chirrup_gateway::core::{self as network, NetworkServer};
use chirrup_node::lorawan::{Confirmation, Guard, GuardConfig, Parts, Snapshot, SnapshotStore};
use chirrup_protocol::backhaul::{Downlink, Receipt, Uplink};
use chirrup_protocol::ids::{DevEui, GatewayId};
use chirrup_protocol::region::{DataRate, Region};
use chirrup_protocol::time::{Duration, Instant};
use chirrup_testbed::device::{VirtualRadio, VirtualTimer};
use chirrup_testbed::kernel::{Kernel, Rng, Wakeup};
use chirrup_testbed::radio::trace::tenths;
use chirrup_testbed::radio::{
    Air, CollisionModel, DownlinkRequest, Emission, GatewayIndex, Links, Medium, NodeIndex, RadioError,
    RadioReport, UplinkHeard,
};
use chirrup_testbed::simulation::backend::refusal;
use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

const NODES: u32 = 5;
const UPLINKS: u32 = 6;

fn dev_eui(node: u32) -> DevEui {
    DevEui::from_u64(0x1000 + u64::from(node))
}

fn app_key(node: u32) -> [u8; 16] {
    [node as u8 + 1; 16]
}

fn concentrator(gateway: GatewayIndex) -> GatewayId {
    GatewayId(u64::from(gateway.0).to_be_bytes())
}

/// Flash that forgets: no power is cut here.
struct NoStore;

impl SnapshotStore for NoStore {
    type Error = Infallible;
    async fn store(&mut self, _: &Snapshot) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Downlinks by node, with the payload.
type Received = Rc<RefCell<Vec<(u32, Vec<u8>)>>>;

async fn node(air: Air<Event>, index: u32, received: Received) {
    let clock = air.clock().clone();
    let parts = Parts {
        radio: VirtualRadio::new(air, NodeIndex(index)),
        timer: VirtualTimer::new(clock.clone()),
        rng: Rng::for_purpose(1, "lorawan", index.into()),
        store: NoStore,
    };
    let config = GuardConfig {
        region: Region::Eu868,
        dev_eui: dev_eui(index),
        join_eui: [0; 8],
        app_key: app_key(index),
        lowest_data_rate: DataRate(0),
        highest_data_rate: DataRate(5),
    };
    let mut guard = Guard::new(config, parts, None, clock.now()).unwrap();
    guard.set_data_rate(DataRate(5 - index as u8 % 3)).unwrap();
    clock.sleep_until(ms(20_000 * u64::from(index))).await;
    guard.join(clock.now()).await.unwrap();
    for _ in 0..UPLINKS {
        clock.sleep(Duration::from_secs(300)).await;
        clock.sleep_until(guard.earliest_send(clock.now(), 30)).await;
        let sent = guard.send(clock.now(), 10, &[index as u8; 30], Confirmation::Requested).await.unwrap();
        let message = sent.downlink.and_then(|downlink| downlink.message).unwrap();
        received.borrow_mut().push((index, message.payload.to_vec()));
    }
}

struct Simulation {
    kernel: Kernel<Event>,
    air: Air<Event>,
    server: NetworkServer,
    uplinks: Vec<Uplink>,
}

impl Simulation {
    fn new(nodes: u32, gateways: u16) -> Self {
        let kernel = Kernel::new();
        let links =
            Links::from_attenuation(gateways.into(), &vec![110.0; nodes as usize * usize::from(gateways)]);
        let air = Air::new(Medium::new(config(CollisionModel::Capture), links), kernel.scheduler());
        let concentrators = (0..gateways).map(|gateway| concentrator(GatewayIndex(gateway))).collect();
        let devices = (0..nodes).map(|node| (dev_eui(node), network::Key(app_key(node)))).collect();
        let settings = network::Config::new(Region::Eu868, concentrators, devices);
        let server = NetworkServer::new(settings, network::State::default()).unwrap();
        Self { kernel, air, server, uplinks: Vec::new() }
    }

    /// What is due next runs, unless the network server's deadline comes first.
    fn run_until(&mut self, end: Instant) {
        while self.kernel.now() < end {
            let deadline = self.server.next_deadline().unwrap_or(end).min(end);
            match self.kernel.step_until(deadline) {
                Some(Wakeup::Event(Event::Radio(event))) => {
                    if let Some(report) = self.air.handle(event) {
                        self.tell(report);
                    }
                }
                Some(_) => {}
                None => self.server.handle(self.kernel.now(), network::Event::DeadlineReached),
            }
            while let Some(action) = self.server.poll_action() {
                self.act(action);
            }
        }
    }

    fn tell(&mut self, report: RadioReport) {
        let now = self.kernel.now();
        match report {
            RadioReport::UplinkHeard(uplink) => {
                for event in receptions(&uplink) {
                    self.server.handle(now, event);
                }
            }
            RadioReport::DownlinkRefused { token, error } => self.refuse(token, error),
        }
    }

    fn refuse(&mut self, token: u64, error: RadioError) {
        let refusal = refusal(error);
        self.server.handle(self.kernel.now(), network::Event::TransmissionRefused { token, refusal });
    }

    fn act(&mut self, action: network::Action) {
        match action {
            network::Action::Transmit(transmission) => self.transmit(transmission),
            network::Action::Forward(uplink) => {
                let text = format!("{} {}", uplink.dev_eui, uplink.fcnt).into_bytes();
                let downlink = Downlink { dev_eui: uplink.dev_eui, fport: 20, payload: text };
                let receipt = Receipt { id: uplink.id, dev_eui: uplink.dev_eui, downlink: Some(downlink) };
                self.server.handle(self.kernel.now(), network::Event::ReceiptReceived(receipt));
                self.uplinks.push(uplink);
            }
            _ => {}
        }
    }

    fn transmit(&mut self, transmission: network::Transmission) {
        let network::Transmission { token, at, frequency_hz, modulation, power_dbm, phy, .. } = transmission;
        let gateway = GatewayIndex(u64::from_be_bytes(transmission.concentrator.0) as u16);
        let emission = Emission { frequency_hz, modulation, power_dbm, phy };
        if let Err(error) = self.air.schedule_downlink(at, DownlinkRequest { token, gateway, emission }) {
            self.refuse(token, error);
        }
    }
}

/// The frame as each concentrator reports it.
fn receptions(uplink: &UplinkHeard) -> impl Iterator<Item = network::Event> {
    uplink.receptions.iter().map(|reception| {
        network::Event::FrameHeard(network::Heard {
            concentrator: concentrator(reception.gateway),
            phy: uplink.phy.clone(),
            frequency_hz: uplink.frequency_hz,
            modulation: uplink.modulation,
            rssi_dbm: libm::round(reception.rssi_dbm) as i16,
            snr_tenth_db: tenths(reception.snr_db),
            counter_us: uplink.ended_at.as_micros() as u32,
        })
    })
}

#[test]
fn guarded_nodes_talk_to_the_network_server_through_the_air() {
    for gateways in [1, 3] {
        let mut simulation = Simulation::new(NODES, gateways);
        let received = Received::default();
        for index in 0..NODES {
            simulation.kernel.spawn(node(simulation.air.clone(), index, Rc::clone(&received)));
        }
        simulation.run_until(ms(3_600_000));
        let received = received.borrow();
        assert_eq!(received.len(), (NODES * UPLINKS) as usize);
        for (index, payload) in &*received {
            assert!(payload.starts_with(dev_eui(*index).to_string().as_bytes()));
        }
        assert_eq!(simulation.uplinks.len(), received.len());
        assert!(simulation.uplinks.iter().all(|uplink| uplink.receptions.len() == usize::from(gateways)));
        let medium = simulation.air.medium();
        assert_eq!(medium.log().uplinks().outcomes.delivered, u64::from(NODES * (UPLINKS + 1)));
        let downlinks = medium.log().downlinks().outcomes;
        assert_eq!(downlinks.delivered, downlinks.total());
        assert!(medium.log().duty().fullest().unwrap().ratio < 1.0);
    }
}
