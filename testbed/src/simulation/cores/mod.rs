//! Network server and aggregator in this process, and the backhaul between them. What one says to the other goes
//! through `relay`.
mod relay;

use super::backend::{Backend, BleOrder, Order, refusal};
use super::ble::BleFleet;
use super::fleet::Fleet;
use super::restarts::Restarts;
use crate::checker::SealLog;
use crate::faults::{Backhaul, Injected};
use crate::radio::{NodeIndex, RadioError};
use chirrup_aggregator::core::ledger::ReplayError;
use chirrup_aggregator::core::{self as aggregator, Aggregator, Record, Reject};
use chirrup_gateway::core::ble::{self, Endpoint};
use chirrup_gateway::core::{self as gateway, ConfigError, Heard, NetworkServer, State};
use chirrup_protocol::codec::CodecError;
use chirrup_protocol::ids::{DevEui, GatewayId};
use chirrup_protocol::time::{Duration, Instant};
use std::collections::{BTreeMap, VecDeque};

/// The gateway service that the network server stands for.
const SERVICE: GatewayId = GatewayId([0; 8]);

/// Both cores, and what the aggregator wrote down.
pub struct Cores {
    server: NetworkServer,
    endpoint: Endpoint,
    ble_orders: VecDeque<BleOrder>,
    aggregator: Aggregator,
    ledger: Vec<Record>,
    /// Every downlink that the aggregator sealed, by device.
    sealed: BTreeMap<DevEui, SealLog>,
    orders: VecDeque<Order>,
    backhaul: Backhaul,
    travel: Travel,
    restarts: Option<Restarts>,
}

/// How the backhaul carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Travel {
    /// At once: who is told is told within the same event.
    Direct,
    /// Later.
    Delayed,
}

/// A run with both cores in this process failed.
#[derive(Debug, thiserror::Error)]
pub enum CoresError {
    /// The network server refuses its configuration.
    #[error("network server: {0}")]
    NetworkServer(#[from] ConfigError),
    /// The ledger does not give the versions that it names.
    #[error("ledger: {0}")]
    Ledger(#[from] ReplayError),
    /// A published model cannot be decoded.
    #[error("model: {0}")]
    Model(#[from] CodecError),
    /// A deadline of a core did not move when it was reached.
    #[error("the deadline {at} was reached, and is due again")]
    StuckDeadline {
        /// The deadline.
        at: Instant,
    },
}

impl Cores {
    /// Cores that have heard nothing.
    pub fn new(fleet: &Fleet) -> Result<Self, ConfigError> {
        Ok(Self {
            server: NetworkServer::new(fleet.network.clone(), State::default())?,
            endpoint: endpoint(fleet),
            ble_orders: VecDeque::new(),
            aggregator: Aggregator::new(fleet.federation.clone(), fleet.signing_key.clone()),
            ledger: Vec::new(),
            sealed: BTreeMap::new(),
            orders: VecDeque::new(),
            backhaul: Backhaul::new(fleet.backhaul, &fleet.faults, fleet.seed, fleet.end),
            travel: if fleet.backhaul.is_direct() { Travel::Direct } else { Travel::Delayed },
            restarts: Restarts::of(fleet),
        })
    }

    /// The aggregator.
    pub const fn aggregator(&self) -> &Aggregator {
        &self.aggregator
    }

    /// The network server.
    pub const fn server(&self) -> &NetworkServer {
        &self.server
    }

    /// What the aggregator refused, before its restarts too.
    pub fn rejects(&self) -> BTreeMap<Reject, u64> {
        let present = &self.aggregator;
        self.restarts.as_ref().map_or_else(|| present.rejects().clone(), |all| all.rejects(present))
    }

    /// Enters what went wrong behind the air before `now`.
    pub fn enter(&self, now: Instant, injected: &mut Injected) {
        self.backhaul.enter(now, injected);
        injected.service_restarts += self.restarts.as_ref().map_or(0, Restarts::count);
    }

    /// What the aggregator wrote down.
    pub fn into_ledger(self) -> Vec<Record> {
        self.ledger
    }

    /// Every downlink that the aggregator sealed, by device.
    pub const fn sealed(&self) -> &BTreeMap<DevEui, SealLog> {
        &self.sealed
    }

    /// What it wrote down so far.
    pub fn ledger(&self) -> &[Record] {
        &self.ledger
    }
}

impl Backend for Cores {
    type Error = CoresError;

    fn heard(&mut self, now: Instant, heard: Heard) -> Result<(), CoresError> {
        self.tell_server(now, gateway::Event::FrameHeard(heard));
        Ok(())
    }

    fn refused(&mut self, now: Instant, token: u64, error: RadioError) -> Result<(), CoresError> {
        let token = self.restarts.as_ref().map_or(Some(token), |restarts| restarts.unmark(token));
        let Some(token) = token else { return Ok(()) };
        let refusal = refusal(error);
        self.tell_server(now, gateway::Event::TransmissionRefused { token, refusal });
        Ok(())
    }

    fn next_deadline(&self) -> Option<Instant> {
        let restart = self.restarts.as_ref().and_then(Restarts::next_at);
        let gateway = [self.server.next_deadline(), self.endpoint.next_deadline()];
        let behind = [self.aggregator.next_deadline(), self.backhaul.next_at(), restart];
        gateway.into_iter().chain(behind).flatten().min()
    }

    fn reached(&mut self, now: Instant) -> Result<(), CoresError> {
        if self.restarts.as_ref().and_then(Restarts::next_at).is_some_and(|due| due <= now) {
            self.restart(now)?;
        }
        self.deliver(now);
        if self.server.next_deadline().is_some_and(|due| due <= now) {
            self.tell_server(now, gateway::Event::DeadlineReached);
        }
        if self.endpoint.next_deadline().is_some_and(|due| due <= now) {
            self.tell_endpoint(now, ble::Event::DeadlineReached);
        }
        if self.aggregator.next_deadline().is_some_and(|due| due <= now) {
            self.tell_aggregator(now, aggregator::Event::DeadlineReached);
        }
        // Without latency, what a deadline has sent on its way is there.
        self.deliver(now);
        match self.next_deadline() {
            Some(at) if at <= now => Err(CoresError::StuckDeadline { at }),
            _ => Ok(()),
        }
    }

    fn poll_order(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }

    fn ble_happened(&mut self, now: Instant, event: ble::Event) -> Result<(), CoresError> {
        self.tell_endpoint(now, event);
        Ok(())
    }

    fn poll_ble_order(&mut self) -> Option<BleOrder> {
        self.ble_orders.pop_front()
    }
}

/// BLE's end of the gateways; without nodes that speak it, it hears of nothing.
fn endpoint(fleet: &Fleet) -> Endpoint {
    let speakers = fleet.nodes.iter().zip(0..).filter(|(_, node)| fleet.speaks_ble(NodeIndex(*node)));
    let config = ble::Config::new(speakers.map(|(node, _)| node.dev_eui).collect());
    let max_connections = fleet.ble.as_ref().map_or(0, BleFleet::max_connections);
    let idle_after = config.idle_after + fleet.ble.as_ref().map_or(Duration::ZERO, BleFleet::longest_frame);
    Endpoint::new(ble::Config { max_connections, idle_after, ..config }, 0)
}
