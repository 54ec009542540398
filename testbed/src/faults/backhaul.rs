//! The backhaul between network server and aggregator: it takes time, goes down, overtakes and repeats.
//!
//! The gateway keeps every uplink until its receipt has come, as the outbox of the service does. While the backhaul is
//! down nothing is sent, and what was under way is lost in both directions; once it is up again every uplink without a
//! receipt is sent anew, the oldest first. An uplink whose receipt was lost therefore arrives twice.
use super::Injected;
use super::line::{Line, RETRY, Travel};
use super::outages::Outages;
use crate::kernel::Rng;
use crate::scenario::{BackhaulConfig, FaultsConfig};
use chirrup_protocol::backhaul::{Receipt, Uplink, UplinkId};
use chirrup_protocol::time::Instant;
use std::collections::{BTreeMap, BTreeSet};

/// What has arrived.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrived {
    /// At the aggregator.
    Uplink(Uplink),
    /// At the gateway.
    Receipt(Receipt),
}

/// A backhaul with faults.
#[derive(Clone, Debug)]
pub struct Backhaul {
    up: Line<Uplink>,
    down: Line<Receipt>,
    /// Uplinks without a receipt.
    outbox: BTreeMap<UplinkId, Uplink>,
    /// Uplinks that the aggregator wants later.
    put_off: BTreeSet<(Instant, UplinkId)>,
    outages: Outages,
    /// How many beginnings and ends of outages are over.
    turns: usize,
    duplicate: f64,
    until: Instant,
    repeats: Rng,
    lost: u64,
    duplicated: u64,
}

impl Backhaul {
    /// The backhaul of a run that ends at `end`; without a fault it takes no time.
    pub fn new(config: BackhaulConfig, faults: &FaultsConfig, seed: u64, end: Instant) -> Self {
        let until = faults.until();
        let travel = Travel { latency_s: config.latency_ms / 1_000.0, reordered: config.reordered, until };
        let mut outages = Rng::for_purpose(seed, "backhaul-outages", 0);
        let last = until.min(end);
        Self {
            up: Line::new(travel, Rng::for_purpose(seed, "backhaul-up", 0)),
            down: Line::new(travel, Rng::for_purpose(seed, "backhaul-down", 0)),
            outbox: BTreeMap::new(),
            put_off: BTreeSet::new(),
            outages: Outages::draw(&mut outages, config.outage_per_day, config.outage_s, last),
            turns: 0,
            duplicate: faults.duplicate,
            until,
            repeats: Rng::for_purpose(seed, "backhaul", 0),
            lost: 0,
            duplicated: 0,
        }
    }

    /// The gateway hands over an uplink.
    pub fn publish(&mut self, now: Instant, uplink: Uplink) {
        self.turn(now);
        if self.outages.off_until(now).is_none() {
            if self.repeats(now) {
                self.up.send(now, uplink.clone());
            }
            self.up.send(now, uplink.clone());
        }
        self.outbox.insert(uplink.id, uplink);
    }

    /// Whether an uplink that is sent now arrives twice.
    pub fn repeats(&mut self, now: Instant) -> bool {
        let is_repeated = self.repeats.chance(self.duplicate) && now < self.until;
        self.duplicated += u64::from(is_repeated);
        is_repeated
    }

    /// The aggregator hands over a receipt.
    pub fn acknowledge(&mut self, now: Instant, receipt: Receipt) {
        self.turn(now);
        if self.outages.off_until(now).is_none() {
            self.down.send(now, receipt);
        } else {
            self.lost += 1;
        }
    }

    /// The aggregator wants an uplink later.
    pub fn put_off(&mut self, now: Instant, id: UplinkId) {
        self.put_off.insert((now + RETRY, id));
    }

    /// A service has restarted: what was under way to it is lost, and the gateway sends all without a receipt anew.
    pub fn reconnect(&mut self, now: Instant) {
        self.turn(now);
        self.lost += (self.up.cut() + self.down.cut()) as u64;
        if self.outages.off_until(now).is_none() {
            self.send_all(now);
        }
    }

    fn send_all(&mut self, now: Instant) {
        self.put_off.clear();
        self.outbox.values().for_each(|uplink| self.up.send(now, uplink.clone()));
    }

    /// When [`Backhaul::arrived`] has something, or an outage begins or ends.
    pub fn next_at(&self) -> Option<Instant> {
        let put_off = self.put_off.first().map(|&(at, _)| at);
        [self.up.next_at(), self.down.next_at(), put_off, self.next_turn()].into_iter().flatten().min()
    }

    /// The next message that has arrived by `now`.
    pub fn arrived(&mut self, now: Instant) -> Option<Arrived> {
        self.turn(now);
        self.bring_again(now);
        if let Some(receipt) = self.down.arrived(now) {
            self.outbox.remove(&receipt.id);
            return Some(Arrived::Receipt(receipt));
        }
        self.up.arrived(now).map(Arrived::Uplink)
    }

    /// Enters what was done before `now`.
    pub fn enter(&self, now: Instant, injected: &mut Injected) {
        let (outages, off) = self.outages.before(now);
        injected.backhaul_outages += outages;
        injected.backhaul_off_s += off.as_secs_f64();
        injected.messages_lost += self.lost;
        injected.messages_reordered += self.up.reordered() + self.down.reordered();
        injected.messages_duplicated += self.duplicated;
    }

    fn next_turn(&self) -> Option<Instant> {
        let &(from, to) = self.outages.spans().get(self.turns / 2)?;
        Some(if self.turns.is_multiple_of(2) { from } else { to })
    }

    /// Goes through the beginnings and ends of outages up to `now`.
    fn turn(&mut self, now: Instant) {
        while let Some(at) = self.next_turn().filter(|&at| at <= now) {
            if self.turns.is_multiple_of(2) {
                self.lost += (self.up.cut() + self.down.cut()) as u64;
            } else {
                self.send_all(at);
            }
            self.turns += 1;
        }
    }

    fn bring_again(&mut self, now: Instant) {
        while let Some(&(at, id)) = self.put_off.first().filter(|(at, _)| *at <= now) {
            self.put_off.remove(&(at, id));
            if let Some(uplink) = self.outbox.get(&id).filter(|_| self.outages.off_until(now).is_none()) {
                self.up.send(now, uplink.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chirrup_protocol::ids::{DevAddr, DevEui};
    use chirrup_protocol::region::DataRate;
    use chirrup_protocol::time::Duration;

    const DAY_S: u64 = 86_400;

    fn at(s: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(s)
    }

    fn uplink(id: u64) -> Uplink {
        Uplink {
            id: UplinkId(id),
            received_at: at(id),
            dev_eui: DevEui([1; 8]),
            dev_addr: DevAddr([2; 4]),
            fcnt: 3,
            fport: 4,
            data_rate: DataRate(5),
            receptions: Vec::new(),
            payload: Vec::new(),
        }
    }

    fn receipt(id: UplinkId) -> Receipt {
        Receipt { id, dev_eui: DevEui([1; 8]), downlink: None }
    }

    /// An uplink each minute, a receipt for each that arrives. Returns the arrivals of each uplink, and the receipts.
    fn day(config: BackhaulConfig, faults: &FaultsConfig) -> (BTreeMap<u64, u32>, u64, Injected) {
        let mut backhaul = Backhaul::new(config, faults, 4, at(DAY_S));
        let (mut arrivals, mut receipts) = (BTreeMap::<u64, u32>::new(), 0);
        let mut take = |backhaul: &mut Backhaul, now: Instant| {
            while let Some(due) = backhaul.next_at().filter(|&due| due <= now) {
                while let Some(arrived) = backhaul.arrived(due) {
                    match arrived {
                        Arrived::Uplink(uplink) => {
                            *arrivals.entry(uplink.id.0).or_default() += 1;
                            backhaul.acknowledge(due, receipt(uplink.id));
                        }
                        Arrived::Receipt(_) => receipts += 1,
                    }
                }
            }
        };
        for minute in 0..1_440 {
            take(&mut backhaul, at(minute * 60));
            backhaul.publish(at(minute * 60), uplink(minute));
        }
        take(&mut backhaul, at(2 * DAY_S));
        assert!(backhaul.outbox.is_empty(), "{}", backhaul.outbox.len());
        let mut injected = Injected::default();
        backhaul.enter(at(DAY_S), &mut injected);
        (arrivals, receipts, injected)
    }

    #[test]
    fn without_a_fault_each_uplink_arrives_once_and_at_once() {
        let (arrivals, receipts, injected) = day(BackhaulConfig::default(), &FaultsConfig::default());
        assert_eq!((arrivals.len(), receipts), (1_440, 1_440));
        assert!(arrivals.values().all(|&times| times == 1));
        assert_eq!(injected, Injected::default());
    }

    #[test]
    fn through_outages_each_uplink_arrives_and_has_its_receipt_in_the_end() {
        let config =
            BackhaulConfig { latency_ms: 20_000.0, outage_per_day: 24.0, outage_s: 600.0, reordered: 0.1 };
        let (arrivals, receipts, injected) = day(config, &FaultsConfig::default());
        assert_eq!(arrivals.len(), 1_440);
        let twice = arrivals.values().filter(|&&times| times > 1).count();
        assert!(twice > 3, "{twice} arrived twice, for want of a receipt");
        assert!(receipts >= 1_440);
        assert!(injected.backhaul_outages > 10 && injected.messages_lost > 5, "{injected:?}");
        assert!(injected.messages_reordered > 100, "{injected:?}");
    }

    #[test]
    fn a_share_of_uplinks_arrives_twice() {
        let faults = FaultsConfig { duplicate: 0.25, ..FaultsConfig::default() };
        let (arrivals, _, injected) = day(BackhaulConfig { latency_ms: 30.0, ..Default::default() }, &faults);
        let twice = arrivals.values().filter(|&&times| times == 2).count();
        assert!((290..430).contains(&twice), "{twice}");
        assert_eq!(injected.messages_duplicated, twice as u64);
    }

    #[test]
    fn what_is_put_off_comes_again_after_a_minute() {
        let mut backhaul = Backhaul::new(BackhaulConfig::default(), &FaultsConfig::default(), 4, at(DAY_S));
        backhaul.publish(at(5), uplink(1));
        assert_eq!(backhaul.arrived(at(5)), Some(Arrived::Uplink(uplink(1))));
        backhaul.put_off(at(5), UplinkId(1));
        assert_eq!((backhaul.next_at(), backhaul.arrived(at(64))), (Some(at(65)), None));
        assert_eq!(backhaul.arrived(at(65)), Some(Arrived::Uplink(uplink(1))));
        assert_eq!(backhaul.next_at(), None);
    }
}
