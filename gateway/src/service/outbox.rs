//! Which uplink is to be published, and when again.
//!
//! A broker's acknowledgement is not delivery: an uplink stays until the aggregator's receipt. At most
//! [`MAX_AWAITING`] are published and without receipt at a time, oldest first, so that a long outage does not fill
//! the broker. When no receipt comes the wait doubles, up to an hour; any receipt makes it short again.
use chirrup_protocol::backhaul::{Uplink, UplinkId};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Uplinks that may be published and wait for their receipts.
pub const MAX_AWAITING: usize = 256;
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// When to publish again, and how long the wait is by then.
#[derive(Clone, Copy, Debug)]
struct Awaiting {
    due: Instant,
    wait: Duration,
}

/// The outbox as the service sees it. The rows themselves are in the database, too.
#[derive(Debug)]
pub struct Outbox {
    rows: BTreeMap<UplinkId, Uplink>,
    unpublished: BTreeSet<UplinkId>,
    awaiting: BTreeMap<UplinkId, Awaiting>,
    max_rows: usize,
    shortest_wait: Duration,
}

/// The outbox holds as much as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the outbox is full")]
pub struct Full;

impl Outbox {
    /// An outbox with what was left from before.
    pub fn new(rows: Vec<Uplink>, max_rows: usize, republish: Duration) -> Self {
        let rows: BTreeMap<_, _> = rows.into_iter().map(|uplink| (uplink.id, uplink)).collect();
        Self {
            unpublished: rows.keys().copied().collect(),
            rows,
            awaiting: BTreeMap::new(),
            max_rows,
            shortest_wait: republish,
        }
    }

    /// How many uplinks have no receipt.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether every uplink has its receipt.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Takes in an uplink.
    ///
    /// # Errors
    /// The outbox is full; the uplink is not taken.
    pub fn add(&mut self, uplink: Uplink) -> Result<(), Full> {
        if self.rows.len() >= self.max_rows {
            return Err(Full);
        }
        self.unpublished.insert(uplink.id);
        self.rows.insert(uplink.id, uplink);
        Ok(())
    }

    /// Lets go of an uplink. Says whether it was there.
    pub fn receipt(&mut self, now: Instant, id: UplinkId) -> bool {
        self.unpublished.remove(&id);
        self.awaiting.remove(&id);
        // The aggregator is alive: whatever has waited long for it may be published again soon.
        let soon = Awaiting { due: now + self.shortest_wait, wait: self.shortest_wait };
        for awaiting in self.awaiting.values_mut().filter(|awaiting| awaiting.wait > self.shortest_wait) {
            *awaiting = Awaiting { due: awaiting.due.min(soon.due), ..soon };
        }
        self.rows.remove(&id).is_some()
    }

    /// A new connection: nobody knows what became of what was published on the old one.
    pub fn reconnected(&mut self) {
        self.unpublished.extend(self.awaiting.keys());
        self.awaiting.clear();
    }

    /// The next uplink to publish now, if any. It counts as published: call [`Outbox::not_published`] if it was not.
    pub fn next(&mut self, now: Instant) -> Option<&Uplink> {
        let (id, wait) = self.next_id(now)?;
        self.awaiting.insert(id, Awaiting { due: now + wait, wait });
        self.rows.get(&id)
    }

    fn next_id(&mut self, now: Instant) -> Option<(UplinkId, Duration)> {
        if let Some((&id, awaiting)) = self.awaiting.iter().find(|(_, awaiting)| awaiting.due <= now) {
            return Some((id, (awaiting.wait * 2).min(LONGEST_WAIT)));
        }
        if self.awaiting.len() >= MAX_AWAITING {
            return None;
        }
        self.unpublished.pop_first().map(|id| (id, self.shortest_wait))
    }

    /// Takes back an uplink that could not be published.
    pub fn not_published(&mut self, id: UplinkId) {
        self.awaiting.remove(&id);
        self.unpublished.insert(id);
    }

    /// When [`Outbox::next`] has something again, if nothing happens before.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.awaiting.values().map(|awaiting| awaiting.due).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chirrup_protocol::ids::{DevAddr, DevEui};
    use chirrup_protocol::region::DataRate;

    const MINUTE: Duration = Duration::from_secs(60);

    fn uplink(id: u64) -> Uplink {
        Uplink {
            id: UplinkId(id),
            received_at: chirrup_protocol::time::Instant::ZERO,
            dev_eui: DevEui([1; 8]),
            dev_addr: DevAddr([2; 4]),
            fcnt: 3,
            fport: 4,
            data_rate: DataRate(5),
            receptions: Vec::new(),
            payload: Vec::new(),
        }
    }

    fn published(outbox: &mut Outbox, now: Instant) -> Vec<u64> {
        std::iter::from_fn(|| outbox.next(now).map(|uplink| uplink.id.0)).collect()
    }

    #[test]
    fn an_uplink_is_published_until_its_receipt() {
        let now = Instant::now();
        let mut outbox = Outbox::new(vec![uplink(5), uplink(4)], 10, MINUTE);
        outbox.add(uplink(6)).unwrap();
        assert_eq!(published(&mut outbox, now), [4, 5, 6]);
        assert!(outbox.receipt(now, UplinkId(5)));
        assert!(!outbox.receipt(now, UplinkId(5)));
        assert_eq!(outbox.next_deadline(), Some(now + MINUTE));
        assert!(published(&mut outbox, now + MINUTE / 2).is_empty());
        assert_eq!(published(&mut outbox, now + MINUTE), [4, 6]);
        outbox.receipt(now, UplinkId(4));
        outbox.receipt(now, UplinkId(6));
        assert!(outbox.is_empty());
        assert_eq!(outbox.next_deadline(), None);
    }

    #[test]
    fn silence_doubles_the_wait_and_a_receipt_ends_it() {
        let begun = Instant::now();
        let mut outbox = Outbox::new(vec![uplink(1), uplink(2)], 10, MINUTE);
        let mut now = begun;
        for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(published(&mut outbox, now), [1, 2]);
            assert_eq!(outbox.next_deadline(), Some(now + MINUTE * minutes));
            now += MINUTE * minutes;
        }
        assert_eq!(published(&mut outbox, now), [1, 2]);
        outbox.receipt(now, UplinkId(1));
        assert_eq!(outbox.next_deadline(), Some(now + MINUTE));
    }

    #[test]
    fn a_new_connection_begins_with_the_oldest() {
        let now = Instant::now();
        let mut outbox = Outbox::new(vec![uplink(1), uplink(2)], 10, MINUTE);
        assert_eq!(published(&mut outbox, now), [1, 2]);
        outbox.add(uplink(3)).unwrap();
        outbox.reconnected();
        assert_eq!(published(&mut outbox, now), [1, 2, 3]);
        outbox.not_published(UplinkId(3));
        assert_eq!(published(&mut outbox, now), [3]);
    }

    #[test]
    fn the_broker_is_not_flooded_and_the_outbox_is_bounded() {
        let now = Instant::now();
        let mut outbox = Outbox::new((0..1_000).map(uplink).collect(), 1_000, MINUTE);
        assert_eq!(outbox.add(uplink(1_000)), Err(Full));
        assert_eq!(published(&mut outbox, now).len(), MAX_AWAITING);
        outbox.receipt(now, UplinkId(0));
        assert_eq!(published(&mut outbox, now), [256]);
        assert_eq!(outbox.add(uplink(1_000)), Ok(()));
    }
}
