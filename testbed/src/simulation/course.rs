//! The course of a run: what nodes held and what had been sent, whenever a version was closed and in between. A node
//! fetches the newest version after it was closed, and the last one long after: the closings alone would not show it.
use super::scoring::{Chain, ChainVersion};
use super::tally::NodeTally;
use crate::radio::Transmitter;
use crate::radio::records::Record as AirRecord;
use crate::summary::VersionRecord;
use chirrup_protocol::time::{Duration, Instant};

/// Parts of equal length into which the times between closings divide a run.
const PARTS: u64 = 240;

/// What brings a moment into the course.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Occasion {
    /// A version was closed.
    Closing,
    /// Nothing: time passes.
    Passing,
}

/// The state of a federation at times in order.
#[derive(Debug)]
pub struct Course {
    occasions: Vec<Occasion>,
    records: Vec<VersionRecord>,
}

impl Course {
    /// Of a run that lasted until `end`, from the first version on. `sent` may be in any order.
    pub fn of(chain: &Chain, sent: &[AirRecord], tallies: &[NodeTally], end: Instant) -> Self {
        let moments = moments(&chain.versions, end);
        let mut holders: Vec<Holder> = tallies.iter().map(|tally| Holder { tally, begun: 0 }).collect();
        let record = |&(at, version, _): &(Instant, &ChainVersion, Occasion)| {
            let held: Vec<u32> = holders.iter_mut().filter_map(|holder| holder.version_at(at)).collect();
            VersionRecord {
                at_s: at.as_secs_f64(),
                version: version.number,
                accuracy: version.all().accuracy(),
                held: chain.held(&held),
                nodes_up_to_date: held.iter().filter(|held| **held + 1 >= version.number).count(),
                ..VersionRecord::default()
            }
        };
        let mut records: Vec<VersionRecord> = moments.iter().map(record).collect();
        let times: Vec<Instant> = moments.iter().map(|(at, _, _)| *at).collect();
        enter_sent(&mut records, &times, sent);
        Self { occasions: moments.into_iter().map(|(_, _, occasion)| occasion).collect(), records }
    }

    /// One entry a version: when it was closed.
    pub fn closings(&self) -> Vec<VersionRecord> {
        let all = self.occasions.iter().zip(&self.records);
        all.filter(|(occasion, _)| **occasion == Occasion::Closing).map(|(_, record)| *record).collect()
    }

    /// Every entry.
    pub fn into_records(self) -> Vec<VersionRecord> {
        self.records
    }
}

/// Every closing, with its version, and the times between and after them, each with the newest version of then.
fn moments(versions: &[ChainVersion], end: Instant) -> Vec<(Instant, &ChainVersion, Occasion)> {
    let mut passing = (1..=PARTS).map(|part| part_of(end, part)).peekable();
    let mut moments = Vec::new();
    for (index, version) in versions.iter().enumerate() {
        // Before this one nothing has passed but its predecessors, and they have taken their share.
        while passing.next_if(|at| *at <= version.at).is_some() {}
        moments.push((version.at, version, Occasion::Closing));
        let next = versions.get(index + 1).map(|next| next.at);
        while let Some(at) = passing.next_if(|at| next.is_none_or(|next| *at < next)) {
            moments.push((at, version, Occasion::Passing));
        }
    }
    moments
}

/// Without overflow in a run of centuries.
fn part_of(end: Instant, part: u64) -> Instant {
    let us = u128::from(end.as_micros()) * u128::from(part) / u128::from(PARTS);
    Instant::ZERO + Duration::from_micros(us as u64)
}

/// A node, followed through time.
struct Holder<'a> {
    tally: &'a NodeTally,
    /// How many of its versions it had begun to run.
    begun: usize,
}

impl Holder<'_> {
    /// What it runs at a time not before that of the last call; `None` of a node that has left.
    fn version_at(&mut self, at: Instant) -> Option<u32> {
        let versions = &self.tally.versions;
        while versions.get(self.begun).is_some_and(|(since, _)| *since <= at) {
            self.begun += 1;
        }
        let last = self.begun.checked_sub(1).map_or(0, |last| versions[last].1);
        self.tally.is_there(at).then_some(last)
    }
}

/// Enters into each record what had begun to be sent by its time.
fn enter_sent(records: &mut [VersionRecord], times: &[Instant], sent: &[AirRecord]) {
    for sent in sent {
        let Some(record) = records.get_mut(times.partition_point(|at| *at < sent.start)) else { continue };
        match sent.source {
            Transmitter::Node(_) => {
                record.uplink_phy_bytes += u64::from(sent.phy_bytes);
                record.uplink_airtime_s += sent.airtime.as_secs_f64();
                record.uplink_energy_mj += sent.energy_mj;
            }
            Transmitter::Gateway(_) => record.downlink_airtime_s += sent.airtime.as_secs_f64(),
        }
    }
    for index in 1..records.len() {
        let before = records[index - 1];
        let record = &mut records[index];
        record.uplink_phy_bytes += before.uplink_phy_bytes;
        record.uplink_airtime_s += before.uplink_airtime_s;
        record.uplink_energy_mj += before.uplink_energy_mj;
        record.downlink_airtime_s += before.downlink_airtime_s;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::simulation::scoring::Score;

    fn at(s: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(s)
    }

    /// Versions closed at these seconds; of ten test rows version n gets n right.
    fn chain(closed_s: &[u64]) -> Chain {
        let version = |(number, s): (u32, &u64)| {
            ChainVersion::judged(number, at(*s), Score::of_one_class(u64::from(number), 10))
        };
        let versions = (0..).zip(closed_s).map(version).collect();
        Chain { versions, accepted: Vec::new(), stale_mean: 0.0, backdoor_success: None }
    }

    fn tally(versions: &[(u64, u32)], gone_s: Option<u64>) -> NodeTally {
        let mut tally = NodeTally::default();
        tally.versions = versions.iter().map(|&(s, version)| (at(s), version)).collect();
        tally.gone_at = gone_s.map(at);
        tally
    }

    #[test]
    fn what_nodes_fetch_after_a_closing_is_seen_before_the_next() {
        let chain = chain(&[100, 1_000, 20_000]);
        let tallies = [tally(&[(1_100, 1), (21_000, 2)], None), tally(&[(1_500, 1)], Some(22_000))];
        let course = Course::of(&chain, &[], &tallies, at(24_000));
        assert_eq!(course.closings().iter().map(|entry| entry.held).collect::<Vec<_>>(), [0.0, 0.0, 0.1]);
        // Parts of 100 s, and the first closing is at the end of one.
        let records = course.into_records();
        assert_eq!(records.len(), 240);
        let held = |s: f64| records.iter().rev().find(|entry| entry.at_s <= s).map(|entry| entry.held);
        assert_eq!(held(99.0), None);
        assert_eq!([1_000.0, 1_100.0, 1_499.0, 1_500.0].map(held), [0.0, 0.05, 0.05, 0.1].map(Some));
        // One holds two of ten, and the other one until it has left.
        assert_eq!([20_900.0, 21_000.0, 22_000.0].map(held), [0.1, 0.15000000000000002, 0.2].map(Some));
        assert_eq!(records.last().map(|entry| (entry.at_s, entry.version)), Some((24_000.0, 2)));
        assert_eq!(records.last().map(|entry| entry.nodes_up_to_date), Some(1));
    }

    /// The same as looking at every node and every frame anew at each time.
    #[test]
    fn the_course_agrees_with_a_naive_one() {
        let chain = chain(&[10, 400, 401, 5_000, 60_000]);
        let (air, mut draws) = (sample::air(), crate::kernel::Rng::for_purpose(7, "made-up", 0));
        let tallies: Vec<NodeTally> = (0..20)
            .map(|_| {
                let mut s = 0;
                let mut fetch = |_| {
                    s += 1 + draws.below(20_000);
                    (s, draws.below(5) as u32)
                };
                tally(&(0..6).map(&mut fetch).collect::<Vec<_>>(), Some(40_000))
            })
            .chain([tally(&[], None)])
            .collect();
        let course = Course::of(&chain, air.all(), &tallies, at(80_000));
        assert_eq!(course.closings().len(), 5);
        for entry in course.into_records() {
            let now = Instant::from_micros((entry.at_s * 1e6).round() as u64);
            let there = tallies.iter().filter(|tally| tally.is_there(now));
            let held: Vec<u32> = there.map(|tally| tally.version_at(now)).collect();
            assert_eq!(entry.held, chain.held(&held), "{} s", entry.at_s);
            let by_nodes = air.all().iter().filter(|sent| sent.start <= now && sent.energy_mj > 0.0);
            let bytes: u64 = by_nodes.clone().map(|sent| u64::from(sent.phy_bytes)).sum();
            assert_eq!(entry.uplink_phy_bytes, bytes, "{} s", entry.at_s);
            let airtime_s: f64 = by_nodes.map(|sent| sent.airtime.as_secs_f64()).sum();
            assert!((entry.uplink_airtime_s - airtime_s).abs() < 1e-9, "{} s", entry.at_s);
        }
    }

    #[test]
    fn the_course_is_one_of_rising_times_without_repetition() {
        for closed in [&[][..], &[0], &[0, 1, 2, 3], &[240, 480, 24_000], &[24_000]] {
            let records = Course::of(&chain(closed), &[], &[], at(24_000)).into_records();
            assert!(records.windows(2).all(|pair| pair[0].at_s < pair[1].at_s), "{closed:?}");
            assert_eq!(records.is_empty(), closed.is_empty());
            assert!(records.last().is_none_or(|last| last.at_s == 24_000.0), "{closed:?}");
        }
    }
}
