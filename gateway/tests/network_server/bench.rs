//! A network server on the bench: events in, actions sorted by kind, and a store that survives it.
use super::node::Node;
use chirrup_gateway::core::*;
use chirrup_protocol::airtime::Modulation;
use chirrup_protocol::backhaul::{Downlink, Receipt, Uplink, UplinkId};
use chirrup_protocol::ids::{DevEui, GatewayId};
use chirrup_protocol::region::Region;
use chirrup_protocol::time::{Duration, Instant};
use std::collections::BTreeMap;

pub const HERE: GatewayId = GatewayId([1; 8]);
pub const THERE: GatewayId = GatewayId([2; 8]);
pub const ELSEWHERE: GatewayId = GatewayId([3; 8]);

pub struct Bench {
    pub server: NetworkServer,
    pub config: Config,
    pub now: Instant,
    /// Everything ever asked to be sent, refused or not.
    pub sent: Vec<Transmission>,
    pub forwarded: Vec<Uplink>,
    devices: BTreeMap<DevEui, DeviceRecord>,
    uplink_ids_below: u64,
    airtime: BTreeMap<(GatewayId, u8, u64), AirtimeRecord>,
}

pub fn config(concentrators: &[GatewayId], nodes: &[&Node]) -> Config {
    let devices = nodes.iter().map(|node| (node.dev_eui, node.key())).collect();
    Config::new(Region::Eu868, concentrators.to_vec(), devices)
}

pub fn heard(concentrator: GatewayId, phy: Vec<u8>, spreading_factor: u8, snr_tenth_db: i16) -> Heard {
    Heard {
        concentrator,
        phy,
        frequency_hz: 868_100_000,
        modulation: Modulation::lorawan(spreading_factor, 125_000),
        rssi_dbm: -80,
        snr_tenth_db,
        counter_us: 0,
    }
}

impl Bench {
    pub fn new(config: Config) -> Self {
        Self {
            server: NetworkServer::new(config.clone(), State::default()).unwrap(),
            config,
            now: Instant::from_micros(1_700_000_000_000_000),
            sent: Vec::new(),
            forwarded: Vec::new(),
            devices: BTreeMap::new(),
            uplink_ids_below: 0,
            airtime: BTreeMap::new(),
        }
    }

    /// Loses all that was not stored.
    pub fn restart(&mut self) {
        let state = State {
            devices: self.devices.values().cloned().collect(),
            uplink_ids_below: self.uplink_ids_below,
            airtime: self.airtime.values().copied().collect(),
        };
        self.server = NetworkServer::new(self.config.clone(), state).unwrap();
    }

    pub fn handle(&mut self, event: Event) {
        self.server.handle(self.now, event);
        while let Some(action) = self.server.poll_action() {
            match action {
                Action::Transmit(transmission) => self.sent.push(transmission),
                Action::Forward(uplink) => {
                    assert!(uplink.id.0 < self.uplink_ids_below, "an id that is not reserved");
                    self.forwarded.push(uplink);
                }
                Action::StoreDevice(record) => {
                    self.devices.insert(record.dev_eui, record);
                }
                Action::ReserveUplinkIds { below } => self.uplink_ids_below = below,
                Action::StoreAirtime(record) => {
                    self.airtime.insert((record.concentrator, record.sub_band, record.minute), record);
                }
            }
        }
        if let Some(deadline) = self.server.next_deadline() {
            assert!(deadline > self.now, "a deadline that is due is never left over");
        }
    }

    /// Hears a frame now, by the counter of its concentrator.
    pub fn hear(&mut self, heard: Heard) {
        let counter_us = self.counter_us(heard.concentrator, self.now);
        self.handle(Event::FrameHeard(Heard { counter_us, ..heard }));
    }

    /// Every concentrator began to count at another time.
    pub fn counter_us(&self, concentrator: GatewayId, at: Instant) -> u32 {
        (at.as_micros() as u32).wrapping_add(u32::from(concentrator.0[0]) << 30)
    }

    /// Hears a frame at SF7 through the first concentrator.
    pub fn hear_here(&mut self, phy: Vec<u8>) {
        self.hear(heard(HERE, phy, 7, 50));
    }

    /// Lets time pass, deadline by deadline.
    pub fn pass(&mut self, span: Duration) {
        let until = self.now + span;
        while let Some(deadline) = self.server.next_deadline().filter(|&deadline| deadline <= until) {
            self.now = deadline;
            self.handle(Event::DeadlineReached);
        }
        self.now = until;
    }

    pub fn pass_ms(&mut self, ms: u64) {
        self.pass(Duration::from_millis(ms));
    }

    /// Joins a node through the first concentrator and lets its windows pass.
    pub fn join(&mut self, node: &mut Node) {
        let phy = node.join_request();
        self.hear_here(phy);
        self.pass_ms(10_000);
        let accept = self.sent.last().expect("a join accept").clone();
        assert_eq!(accept.dev_eui, node.dev_eui);
        node.accept(&accept.phy);
    }

    pub fn receipt(&mut self, node: &Node, id: UplinkId, answer: Option<&[u8]>) {
        let dev_eui = node.dev_eui;
        let downlink = answer.map(|payload| Downlink { dev_eui, fport: 9, payload: payload.to_vec() });
        self.handle(Event::ReceiptReceived(Receipt { id, dev_eui, downlink }));
    }

    pub fn last_id(&self) -> UplinkId {
        self.forwarded.last().expect("an uplink").id
    }

    pub fn count(&self, reason: Reason) -> u64 {
        self.server.counters().discarded(reason)
    }
}
