//! What the radios of a run are about, and whether a gateway hears an advertisement.
use super::air::{ADVERTISEMENT, ConnectionId};
use super::books::{ADVERTISEMENT_BYTES, Books};
use super::central::{Central, Slot};
use super::connection::Connection;
use super::link::{CO_CHANNEL_DB, Links};
use super::parameters::Parameters;
use super::pdu::Hearing;
use crate::faults::Outages;
use crate::kernel::Rng;
use crate::radio::{GatewayIndex, NodeIndex};
use chirrup_protocol::time::Instant;
use std::collections::{BTreeMap, VecDeque};

/// An ADV_IND on the air.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Advertisement {
    pub node: NodeIndex,
    pub gateway: GatewayIndex,
    pub channel: u64,
    pub start: Instant,
}

impl Advertisement {
    pub fn end(&self) -> Instant {
        self.start + ADVERTISEMENT
    }
}

pub(super) struct Connected {
    pub node: NodeIndex,
    pub gateway: GatewayIndex,
    pub slot: Slot,
    pub received_dbm: f64,
    pub connection: Connection,
    /// The gateway knows that it has ended.
    pub reported: bool,
}

pub(super) struct State {
    pub parameters: Parameters,
    pub links: Links,
    pub centrals: Vec<Central>,
    pub connected: BTreeMap<ConnectionId, Connected>,
    pub next_id: u64,
    pub advertisements: VecDeque<Advertisement>,
    pub books: Books,
    pub draws: BTreeMap<u32, Rng>,
    /// When each gateway is off; empty when none ever is.
    pub outages: Vec<Outages>,
    pub seed: u64,
}

impl Connected {
    pub const fn ends(&self) -> (NodeIndex, GatewayIndex) {
        (self.node, self.gateway)
    }
}

pub(super) fn draws(all: &mut BTreeMap<u32, Rng>, seed: u64, node: NodeIndex) -> &mut Rng {
    all.entry(node.0).or_insert_with(|| Rng::for_purpose(seed, "ble", node.0.into()))
}

/// Whether a gateway is off.
pub(super) fn is_off(outages: &[Outages], gateway: GatewayIndex, at: Instant) -> bool {
    outages.get(usize::from(gateway.0)).is_some_and(|outages| outages.off_until(at).is_some())
}

impl State {
    pub fn of(&self, connection: ConnectionId) -> &Connected {
        self.connected.get(&connection).expect("a node asks of its own connection")
    }

    pub fn draw(&mut self, node: NodeIndex) -> &mut Rng {
        draws(&mut self.draws, self.seed, node)
    }

    pub fn loses(&mut self, node: NodeIndex, received_dbm: f64, payload_bytes: usize) -> Hearing {
        let loss = self.links.budget.loss(received_dbm, payload_bytes);
        if self.draw(node).chance(loss) { Hearing::Lost } else { Hearing::Heard }
    }

    /// Whether a gateway hears an advertisement, and could answer it.
    pub fn hears(&mut self, heard: &Advertisement, connected_at: Instant, received_dbm: f64) -> Hearing {
        let central = &self.centrals[usize::from(heard.gateway.0)];
        if !central.scans(heard.channel, heard.start, heard.end())
            || central.is_busy(heard.start, connected_at)
            || is_off(&self.outages, heard.gateway, heard.end())
        {
            return Hearing::Unattended;
        }
        let meets = |other: &&Advertisement| {
            other.node != heard.node
                && other.channel == heard.channel
                && other.start < heard.end()
                && heard.start < other.end()
        };
        let strongest = self
            .advertisements
            .iter()
            .filter(meets)
            .map(|other| self.links.received_dbm(other.node, heard.gateway))
            .fold(f64::NEG_INFINITY, f64::max);
        if received_dbm < strongest + CO_CHANNEL_DB {
            return Hearing::Lost;
        }
        self.loses(heard.node, received_dbm, ADVERTISEMENT_BYTES)
    }
}
