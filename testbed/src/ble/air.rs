//! Every BLE radio of a run under the kernel: what nodes' tasks and the run loop hold.
//!
//! A node's task advertises and holds its connection events ([`super::peripheral`]); what gateways receive reaches the
//! run loop as a [`BleReport`], in its turn of virtual time, and what they are to write it gives to [`BleAir::write`].
use super::books::{ADVERTISEMENT_BYTES, Books, CONNECT_BYTES, Primary};
use super::central::Central;
use super::connection::Connection;
use super::energy::RECEIVE_MA;
use super::link::Links;
use super::parameters::Parameters;
use super::pdu::{End, Hearing, Held, Pdu};
use super::state::{Advertisement, Connected, State, draws, is_off};
use crate::faults::Outages;
use crate::kernel::{Clock, Scheduler};
use crate::radio::{GatewayIndex, NodeIndex};
use chirrup_protocol::ble::airtime::{Encryption, INTER_FRAME_SPACE, pdu_airtime};
use chirrup_protocol::time::{Duration, Instant};
use std::cell::{Ref, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// A connection of a run. Never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// What happened at a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BleReport {
    /// A node is connected, and notifies.
    Connected {
        /// The connection.
        connection: ConnectionId,
        /// Whose.
        gateway: GatewayIndex,
    },
    /// A notification.
    Notified {
        /// The connection.
        connection: ConnectionId,
        /// Received power, in dBm.
        rssi_dbm: i16,
        /// Its value.
        value: Vec<u8>,
    },
    /// The connection has ended.
    Disconnected {
        /// The connection.
        connection: ConnectionId,
    },
}

/// How long an ADV_IND is on the air.
pub(super) const ADVERTISEMENT: Duration = pdu_airtime(ADVERTISEMENT_BYTES, Encryption::Off);
const CONNECT: Duration = pdu_airtime(CONNECT_BYTES, Encryption::Off);
/// A CONNECT_IND ends so long after the ADV_IND that it answers.
pub(super) const UNTIL_CONNECTED: Duration =
    Duration::from_micros(INTER_FRAME_SPACE.as_micros() + CONNECT.as_micros());
/// Intervals that a gateway waits for the first PDU of a node that it has invited.
const INTERVALS_TO_ESTABLISH: u64 = 6;

/// All BLE radios of a run. Clones share them. `E` is the kernel's event type.
pub struct BleAir<E> {
    state: Rc<RefCell<State>>,
    scheduler: Scheduler<E>,
}

impl<E> Clone for BleAir<E> {
    fn clone(&self) -> Self {
        Self { state: Rc::clone(&self.state), scheduler: self.scheduler.clone() }
    }
}

impl<E: From<BleReport>> BleAir<E> {
    /// Radios at these places, without connections. Their reports go through this scheduler.
    pub fn new(parameters: Parameters, links: Links, seed: u64, scheduler: Scheduler<E>) -> Self {
        let centrals = vec![Central::new(parameters); links.gateways()];
        let state = State {
            parameters,
            links,
            centrals,
            connected: BTreeMap::new(),
            next_id: 0,
            advertisements: VecDeque::new(),
            books: Books::default(),
            draws: BTreeMap::new(),
            outages: Vec::new(),
            seed,
        };
        Self { state: Rc::new(RefCell::new(state)), scheduler }
    }

    /// The same, with gateways that are off at times.
    #[must_use]
    pub fn with_outages(self, outages: Vec<Outages>) -> Self {
        self.state.borrow_mut().outages = outages;
        self
    }

    /// The books, to read. The guard must not be kept across a step of the kernel.
    pub fn books(&self) -> Ref<'_, Books> {
        Ref::map(self.state.borrow(), |state| &state.books)
    }

    /// What connections have in common.
    pub fn parameters(&self) -> Parameters {
        self.state.borrow().parameters
    }

    /// The kernel's clock.
    pub const fn clock(&self) -> &Clock {
        self.scheduler.clock()
    }

    /// Has a gateway write a value. Nothing happens on a connection that has ended: it cannot know yet.
    pub fn write(&self, connection: ConnectionId, value: Vec<u8>) {
        self.push(connection, End::Central, Pdu::Value(value));
    }

    /// Has a gateway end a connection.
    pub fn hang_up(&self, connection: ConnectionId) {
        self.push(connection, End::Central, Pdu::Terminate);
    }

    pub(super) fn push(&self, connection: ConnectionId, end: End, pdu: Pdu) {
        if let Some(connected) = self.state.borrow_mut().connected.get_mut(&connection) {
            connected.connection.push(end, pdu);
        }
    }

    pub(super) fn pending(&self, connection: ConnectionId, end: End) -> usize {
        self.state.borrow().of(connection).connection.pending(end)
    }

    /// When the next event is, and when each end, central first, gives up without one.
    pub(super) fn next_event(&self, connection: ConnectionId) -> (Instant, [Instant; 2]) {
        let state = self.state.borrow();
        let connection = &state.of(connection).connection;
        (connection.anchor(), [End::Central, End::Peripheral].map(|end| connection.lost_at(end)))
    }

    /// The gateway that a node hears best.
    pub(super) fn best_gateway(&self, node: NodeIndex) -> GatewayIndex {
        self.state.borrow().links.best(node).0
    }

    /// A random delay of at most `longest`.
    pub(super) fn delay(&self, node: NodeIndex, longest: Duration) -> Duration {
        Duration::from_micros(self.state.borrow_mut().draw(node).below(longest.as_micros() + 1))
    }

    /// A node begins an ADV_IND now.
    pub(super) fn advertise(&self, node: NodeIndex, gateway: GatewayIndex, channel: u64) -> Advertisement {
        let advertisement = Advertisement { node, gateway, channel, start: self.clock().now() };
        let mut state = self.state.borrow_mut();
        // What ended an advertisement ago cannot meet one that has not ended.
        let past = advertisement.start.saturating_sub(ADVERTISEMENT);
        while state.advertisements.front().is_some_and(|first| first.end() <= past) {
            state.advertisements.pop_front();
        }
        state.advertisements.push_back(advertisement);
        advertisement
    }

    /// The ADV_IND ends now. A connection when its gateway heard it and has a slot, and the node hears the CONNECT_IND;
    /// that ends [`UNTIL_CONNECTED`] from now.
    pub(super) fn answered(&self, advertisement: Advertisement) -> Option<ConnectionId> {
        let state = &mut *self.state.borrow_mut();
        let Advertisement { node, gateway, .. } = advertisement;
        let (ends, connected_at) = ((node, gateway), advertisement.end() + UNTIL_CONNECTED);
        let received_dbm = state.links.received_dbm(node, gateway);
        let heard = state.hears(&advertisement, connected_at, received_dbm);
        state.books.enter_primary(advertisement.start, Primary::Advertisement, ends, heard);
        if heard != Hearing::Heard {
            return None;
        }
        let (slot, anchor) = state.centrals[usize::from(gateway.0)].take_slot(connected_at)?;
        let heard = state.loses(node, received_dbm, CONNECT_BYTES);
        let begins = advertisement.end() + INTER_FRAME_SPACE;
        state.books.enter_primary(begins, Primary::Connect, ends, heard);
        if heard != Hearing::Heard {
            let given_up = connected_at + state.parameters.interval().saturating_mul(INTERVALS_TO_ESTABLISH);
            state.centrals[usize::from(gateway.0)].free_slot(slot, given_up);
            return None;
        }
        let id = ConnectionId(state.next_id);
        state.next_id += 1;
        let connection = Connection::new(state.parameters, connected_at, anchor);
        state
            .connected
            .insert(id, Connected { node, gateway, slot, received_dbm, connection, reported: false });
        Some(id)
    }

    /// A node listened for a time that no PDU accounts for.
    pub(super) fn listened(&self, node: NodeIndex, span: Duration) {
        self.state.borrow_mut().books.node_mut(node).awake.receive(RECEIVE_MA, span);
    }

    /// The gateway may be told: the connection is ready.
    pub(super) fn ready(&self, connection: ConnectionId) {
        let mut state = self.state.borrow_mut();
        let (node, gateway) = state.of(connection).ends();
        state.books.node_mut(node).connections += 1;
        let report = BleReport::Connected { connection, gateway };
        self.scheduler.schedule(self.clock().now(), report.into());
    }

    /// Holds the event that is due now, and reports what the gateway received.
    pub(super) fn hold_event(&self, id: ConnectionId) -> Held {
        let state = &mut *self.state.borrow_mut();
        let connected = state.connected.get_mut(&id).expect("a node holds events of its own connection");
        let (node, received_dbm) = (connected.node, connected.received_dbm);
        let draws = draws(&mut state.draws, state.seed, node);
        let budget = state.links.budget;
        let mut lost = |bytes| draws.chance(budget.loss(received_dbm, bytes));
        let off = is_off(&state.outages, connected.gateway, self.scheduler.clock().now());
        let connection = &mut connected.connection;
        let held = if off { connection.miss_event() } else { connection.hold_event(&mut lost) };
        let ends = connected.ends();
        held.sent.iter().for_each(|sent| state.books.enter(sent, ends));
        state.books.node_mut(node).awake.receive(RECEIVE_MA, held.listened);
        let rssi_dbm = libm::round(received_dbm) as i16;
        for (at, pdu) in &held.to_central {
            if let Pdu::Value(value) = pdu {
                let report = BleReport::Notified { connection: id, rssi_dbm, value: value.clone() };
                self.scheduler.schedule(*at, report.into());
            }
        }
        held
    }

    /// The gateway learns, or has learnt, at `at` that the connection has ended.
    pub(super) fn gateway_loses(&self, id: ConnectionId, at: Instant) {
        let state = &mut *self.state.borrow_mut();
        let connected = state.connected.get_mut(&id).expect("a node's own connection");
        if !connected.reported {
            connected.reported = true;
            // In one event more it acknowledges that the node hung up.
            let free = at + state.parameters.interval();
            state.centrals[usize::from(connected.gateway.0)].free_slot(connected.slot, free);
            self.scheduler.schedule(at, BleReport::Disconnected { connection: id }.into());
        }
    }

    /// The node has no part in the connection any more.
    pub(super) fn forget(&self, id: ConnectionId, end: Ending) {
        let mut state = self.state.borrow_mut();
        if let Some(connected) = state.connected.remove(&id)
            && end == Ending::Broken
        {
            state.books.node_mut(connected.node).broken += 1;
        }
    }
}

/// How a connection ended for a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// One end said so.
    Orderly,
    /// It was lost.
    Broken,
}
