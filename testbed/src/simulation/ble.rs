//! BLE in a run: which nodes have it, between its air and the gateways' endpoint, and a node that speaks it.
use super::backend::{Backend, BleOrder};
use super::board::Board;
use super::node::NodeSetup;
use super::tally::{FrameKind, NodeTally};
use crate::ble::{BleAir, BleReport, ConnectionId, Links, Parameters, VirtualPeripheral};
use crate::ble::{link::SENSITIVITY_DBM, peripheral::LinkError};
use crate::energy::Awake;
use crate::kernel::Rng;
use crate::radio::{NodeIndex, Position};
use crate::scenario::{BleConfig, BleNodes};
use chirrup_gateway::core::ble::{ConnectionId as EndpointConnection, Event};
use chirrup_node::agent::Agent;
use chirrup_node::ble::{Driver, Limits, Peripheral};
use chirrup_node::world::{SteadyClock, World};
use chirrup_protocol::ble::Mtu;
use chirrup_protocol::ble::frame::{MAX_FRAME_BYTES, UPLINK_HEADER_BYTES};
use chirrup_protocol::ids::GatewayId;
use chirrup_protocol::time::Duration;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

/// The part of a fleet that speaks BLE.
#[derive(Clone, Debug)]
pub struct BleFleet {
    /// What connections have in common.
    pub parameters: Parameters,
    /// Links of all nodes to all gateways.
    pub links: Links,
    speakers: BTreeSet<u32>,
}

impl BleFleet {
    /// The nodes that a scenario's section gives BLE to.
    pub fn new(config: &BleConfig, nodes: &[Position], gateways: &[Position], seed: u64) -> Self {
        let links = Links::new(config.budget, nodes.to_vec(), gateways.to_vec(), seed);
        let speaks = |&node: &u32| match config.nodes {
            BleNodes::All => true,
            BleNodes::Share(share) => Rng::for_purpose(seed, "ble-nodes", node.into()).chance(share),
            BleNodes::InRange { margin_db } => links.best(NodeIndex(node)).1 >= SENSITIVITY_DBM + margin_db,
        };
        let speakers = (0..nodes.len() as u32).filter(speaks).collect();
        Self { parameters: config.parameters, links, speakers }
    }

    /// Whether a node speaks BLE.
    pub fn speaks(&self, node: NodeIndex) -> bool {
        self.speakers.contains(&node.0)
    }

    /// How many do.
    pub fn count(&self) -> usize {
        self.speakers.len()
    }

    /// Connections that all gateways together can keep.
    pub const fn max_connections(&self) -> usize {
        self.parameters.slots() * self.links.gateways()
    }

    /// The time that the longest frame takes: so much longer than usual a connection may bring nothing.
    pub const fn longest_frame(&self) -> Duration {
        self.parameters.time_for(MAX_FRAME_BYTES.div_ceil(self.parameters.mtu.content_bytes()))
    }
}

/// Gateways between BLE's air and a backend.
pub struct BleFront<'a, E> {
    /// The air.
    pub air: &'a BleAir<E>,
    /// EUIs of the gateways, by index.
    pub gateways: &'a [GatewayId],
}

impl<E: From<BleReport>> BleFront<'_, E> {
    /// Tells the backend what happened at a gateway.
    pub fn handle<B: Backend>(&self, report: BleReport, backend: &mut B) -> Result<(), B::Error> {
        let named = |connection: ConnectionId| EndpointConnection(connection.0);
        let event = match report {
            BleReport::Connected { connection, gateway } => Event::Connected {
                connection: named(connection),
                gateway: self.gateways[usize::from(gateway.0)],
                mtu: self.air.parameters().mtu,
            },
            BleReport::Notified { connection, rssi_dbm, value } => {
                Event::Notified { connection: named(connection), rssi_dbm, value }
            }
            BleReport::Disconnected { connection } => Event::Disconnected { connection: named(connection) },
        };
        backend.ble_happened(self.air.clock().now(), event)
    }

    /// Has a gateway do something.
    pub fn carry_out(&self, order: BleOrder) {
        match order {
            BleOrder::Write { connection, value } => self.air.write(ConnectionId(connection.0), value),
            BleOrder::HangUp { connection } => self.air.hang_up(ConnectionId(connection.0)),
        }
    }
}

/// Runs a node's agent over BLE until the future is dropped.
pub async fn run<E, W>(
    setup: &NodeSetup,
    air: BleAir<E>,
    agent: &mut Agent<'_>,
    world: &mut W,
    raw: &mut [f32],
) where
    E: From<BleReport>,
    W: World,
{
    let Parameters { mtu, .. } = air.parameters();
    let limits = limits(&air.parameters());
    let mut peripheral = TappedPeripheral {
        inner: VirtualPeripheral::new(air.clone(), setup.node),
        air,
        tally: Rc::clone(&setup.tally),
        board: setup.board.clone(),
        node: setup.node,
    };
    Driver {
        agent,
        peripheral: &mut peripheral,
        world,
        dev_eui: setup.fleet.nodes[setup.node.0 as usize].dev_eui,
        mtu,
        limits,
        clock: SteadyClock::default(),
    }
    .run(raw)
    .await;
}

/// A node waits for an answer as long as on any link, and for the connection events that bring it besides: one for the
/// frame, one for the answer, and what they may take longer.
fn limits(parameters: &Parameters) -> Limits {
    let default = Limits::default();
    Limits { answer_within: default.answer_within + parameters.time_for(2), ..default }
}

/// A radio whose frames are counted by what they carry.
struct TappedPeripheral<E: From<BleReport>> {
    inner: VirtualPeripheral<E>,
    air: BleAir<E>,
    tally: Rc<RefCell<NodeTally>>,
    board: Board,
    node: NodeIndex,
}

impl<E: From<BleReport>> TappedPeripheral<E> {
    fn awake(&self) -> Awake {
        self.air.books().node(self.node).awake
    }
}

impl<E: From<BleReport>> Peripheral for TappedPeripheral<E> {
    type Error = LinkError;

    async fn connect(&mut self, longest: Duration) -> Result<Mtu, LinkError> {
        // Until the frame says what it is, the radio works for what is no contribution.
        self.tally.borrow_mut().ble_works_for(FrameKind::Control, self.awake());
        self.inner.connect(longest).await
    }

    /// The first fragment has the port behind the DevEUI, at any MTU.
    async fn notify(&mut self, value: &[u8]) -> Result<(), LinkError> {
        let is_first = value.first().is_some_and(|header| header & 0x1f == 0);
        if is_first && let Some(&fport) = value.get(UPLINK_HEADER_BYTES) {
            let kind = FrameKind::of_port(Some(fport));
            self.tally.borrow_mut().ble_frame_begins(kind);
            // A supply that gives way under load does so while the exchange lasts.
            self.board.transmits(self.air.parameters().interval());
        }
        let header_bytes = if is_first { 1 + UPLINK_HEADER_BYTES } else { 1 };
        self.tally.borrow_mut().ble_sends(value.len().saturating_sub(header_bytes));
        self.inner.notify(value).await
    }

    async fn written(&mut self, longest: Duration, buffer: &mut [u8]) -> Result<usize, LinkError> {
        let length = self.inner.written(longest, buffer).await?;
        self.board.receives(&mut buffer[..length]);
        Ok(length)
    }

    async fn disconnect(&mut self) {
        self.inner.disconnect().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ble::Budget;

    fn fleet(nodes: BleNodes) -> BleFleet {
        let config = BleConfig { nodes, parameters: Parameters::default(), budget: Budget::default() };
        let places: Vec<_> = (0..200).map(|x_m| Position { x_m: f64::from(x_m), y_m: 0.0 }).collect();
        BleFleet::new(&config, &places, &[Position::default()], 1)
    }

    #[test]
    fn those_in_range_speak_ble() {
        assert_eq!(fleet(BleNodes::All).count(), 200);
        // 69.4 m at the sensitivity, 10^(10 / 30) times less with 10 dB to spare.
        assert_eq!(fleet(BleNodes::InRange { margin_db: 0.0 }).count(), 70);
        let near = fleet(BleNodes::InRange { margin_db: 10.0 });
        assert_eq!(near.count(), 33);
        assert!(near.speaks(NodeIndex(32)) && !near.speaks(NodeIndex(33)));
        let half = fleet(BleNodes::Share(0.5)).count();
        assert!((80..=120).contains(&half), "{half}");
        assert_eq!(near.max_connections(), 4);
    }
}
