//! Services that restart: network server and aggregator lose all that they did not ask to have stored.
use super::cores::CoresError;
use super::fleet::Fleet;
use crate::faults::outages::next_event;
use crate::kernel::Rng;
use chirrup_aggregator::core::{Aggregator, Record, Reject};
use chirrup_gateway::core::{Action, AirtimeRecord, DeviceRecord, NetworkServer, State};
use chirrup_protocol::ids::{DevEui, GatewayId};
use chirrup_protocol::time::Instant;
use std::collections::BTreeMap;

/// Bits of an order's token that are the network server's own; those above count its restarts.
const TOKEN_BITS: u32 = 48;

/// When the services restart, and what they find then.
#[derive(Debug)]
pub(super) struct Restarts {
    fleet: Fleet,
    rng: Rng,
    next: Option<Instant>,
    count: u64,
    stored: Stored,
    /// What aggregators that are no more had refused.
    rejects: BTreeMap<Reject, u64>,
}

impl Restarts {
    /// Those of a scenario; `None` when there are none.
    pub fn of(fleet: &Fleet) -> Option<Self> {
        let mut rng = Rng::for_purpose(fleet.seed, "service-restarts", 0);
        let faults = &fleet.faults;
        let next = next_event(&mut rng, faults.service_restart_per_day, Instant::ZERO, faults.until())?;
        let fleet = fleet.clone();
        Some(Self {
            fleet,
            rng,
            next: Some(next),
            count: 0,
            stored: Stored::default(),
            rejects: BTreeMap::new(),
        })
    }

    /// When the next one is due.
    pub const fn next_at(&self) -> Option<Instant> {
        self.next
    }

    /// How many there were.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Carries out an action of the network server that stores something; gives back any other.
    pub fn keep(&mut self, action: Action) -> Option<Action> {
        self.stored.keep(action)
    }

    /// A token that tells orders of before a restart from those after it.
    pub const fn mark(&self, token: u64) -> u64 {
        self.count << TOKEN_BITS | token
    }

    /// The network server's token, unless it is of one that is no more.
    pub const fn unmark(&self, token: u64) -> Option<u64> {
        let own = token & ((1 << TOKEN_BITS) - 1);
        if token >> TOKEN_BITS == self.count { Some(own) } else { None }
    }

    /// Services as they come up again: the network server with its store, the aggregator with the ledger.
    pub fn restart(
        &mut self,
        now: Instant,
        former: &Aggregator,
        ledger: &[Record],
    ) -> Result<(NetworkServer, Aggregator), CoresError> {
        for (reason, count) in former.rejects() {
            *self.rejects.entry(*reason).or_default() += count;
        }
        self.count += 1;
        let faults = &self.fleet.faults;
        self.next = next_event(&mut self.rng, faults.service_restart_per_day, now, faults.until());
        let server = NetworkServer::new(self.fleet.network.clone(), self.stored.read(now))?;
        let mut aggregator = Aggregator::new(self.fleet.federation.clone(), self.fleet.signing_key.clone());
        ledger.iter().try_for_each(|record| aggregator.apply(record))?;
        Ok((server, aggregator))
    }

    /// What all aggregators refused, the present one included.
    pub fn rejects(&self, present: &Aggregator) -> BTreeMap<Reject, u64> {
        let mut all = self.rejects.clone();
        present.rejects().iter().for_each(|(reason, count)| *all.entry(*reason).or_default() += count);
        all
    }
}

/// The network server's store.
#[derive(Clone, Debug, Default)]
struct Stored {
    devices: BTreeMap<DevEui, DeviceRecord>,
    uplink_ids_below: u64,
    /// By concentrator, sub-band and minute.
    airtime: BTreeMap<(GatewayId, u8, u64), AirtimeRecord>,
}

impl Stored {
    /// Carries out an action that stores something; gives back any other.
    fn keep(&mut self, action: Action) -> Option<Action> {
        match action {
            Action::StoreDevice(record) => {
                self.devices.insert(record.dev_eui, record);
            }
            Action::ReserveUplinkIds { below } => self.uplink_ids_below = below,
            Action::StoreAirtime(record) => {
                self.airtime.insert((record.concentrator, record.sub_band, record.minute), record);
            }
            other => return Some(other),
        }
        None
    }

    /// What a restart at `now` reads. Records of airtime that has become irrelevant are deleted.
    fn read(&mut self, now: Instant) -> State {
        self.airtime.retain(|_, record| record.end + AirtimeRecord::KEEP > now);
        State {
            devices: self.devices.values().cloned().collect(),
            uplink_ids_below: self.uplink_ids_below,
            airtime: self.airtime.values().copied().collect(),
        }
    }
}
