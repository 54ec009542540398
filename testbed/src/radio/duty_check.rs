//! An independent check of the duty cycle: the fullest hour of every transmitter in every sub-band, exactly.
//!
//! It shares nothing with the accounts by which nodes and gateways restrain themselves. The time on the air inside a
//! sliding hour grows only while the transmitter sends, and falls only as older sending leaves the hour; its greatest
//! value is therefore found in one of the hours that end with a transmission.
use super::{GatewayIndex, NodeIndex, Transmitter};
use chirrup_protocol::region::Region;
use chirrup_protocol::time::{Duration, Instant};
use std::collections::VecDeque;

const HOUR_US: u64 = 3_600_000_000;

/// The fullest hour that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FullestHour {
    /// Whose.
    pub transmitter: Transmitter,
    /// Index of the sub-band in its region.
    pub sub_band: usize,
    /// The end of that hour.
    pub ends_at: Instant,
    /// Time on air over what is allowed; above 1 is a violation.
    pub ratio: f64,
}

/// What one transmitter sent in one sub-band.
#[derive(Clone, Debug, Default)]
struct SlidingHour {
    /// Begin and end in microseconds; those that reach into the hour before the latest end, and older ones for as long
    /// as all of them together are no more than the fullest hour.
    sent: VecDeque<(u64, u64)>,
    /// Sum of their lengths.
    sum_us: u64,
    fullest_us: u64,
    fullest_ends_us: u64,
}

impl SlidingHour {
    fn add(&mut self, start_us: u64, end_us: u64) {
        self.sent.push_back((start_us, end_us));
        self.sum_us += end_us - start_us;
        if self.sum_us <= self.fullest_us {
            return;
        }
        let hour_began_us = end_us.saturating_sub(HOUR_US);
        let mut outside_us = 0;
        while let Some(&(oldest_start_us, oldest_end_us)) = self.sent.front() {
            if oldest_end_us > hour_began_us {
                outside_us = hour_began_us.saturating_sub(oldest_start_us);
                break;
            }
            self.sum_us -= oldest_end_us - oldest_start_us;
            self.sent.pop_front();
        }
        let inside_us = self.sum_us - outside_us;
        if inside_us > self.fullest_us {
            (self.fullest_us, self.fullest_ends_us) = (inside_us, end_us);
        }
    }
}

/// The check of a whole run.
#[derive(Clone, Debug)]
pub struct DutyCheck {
    region: Region,
    /// A row of sub-bands for each node, then for each gateway.
    hours: Vec<SlidingHour>,
    nodes: usize,
    outside_bands: u64,
}

impl DutyCheck {
    /// A check for a region and this many transmitters.
    pub fn new(region: Region, nodes: usize, gateways: usize) -> Self {
        let hours = vec![SlidingHour::default(); (nodes + gateways) * region.sub_bands().len()];
        Self { region, hours, nodes, outside_bands: 0 }
    }

    /// Enters a transmission. Those of one transmitter follow each other in time.
    pub fn add(&mut self, transmitter: Transmitter, frequency_hz: u32, start: Instant, airtime: Duration) {
        let Some(band) = self.region.sub_band(frequency_hz) else {
            self.outside_bands += 1;
            return;
        };
        let place = self.first_of(transmitter) + band.index;
        self.hours[place].add(start.as_micros(), (start + airtime).as_micros());
    }

    /// Whether the region has a duty cycle at all.
    pub fn is_limited(&self) -> bool {
        self.region.sub_bands().iter().any(|band| band.duty_per_mille < 1_000)
    }

    /// How many transmissions lay outside of every sub-band, where none is allowed.
    pub const fn outside_bands(&self) -> u64 {
        self.outside_bands
    }

    /// The fullest hour of one transmitter; `None` when it sent nothing.
    pub fn fullest_of(&self, transmitter: Transmitter) -> Option<FullestHour> {
        let first = self.first_of(transmitter);
        self.region
            .sub_bands()
            .iter()
            .map(|band| {
                let hour = &self.hours[first + band.index];
                let allowed_us = HOUR_US / 1_000 * u64::from(band.duty_per_mille);
                FullestHour {
                    transmitter,
                    sub_band: band.index,
                    ends_at: Instant::from_micros(hour.fullest_ends_us),
                    ratio: hour.fullest_us as f64 / allowed_us as f64,
                }
            })
            .filter(|hour| hour.ratio > 0.0)
            .max_by(|a, b| a.ratio.total_cmp(&b.ratio))
    }

    /// The fullest hour of all; `None` when nothing was sent.
    pub fn fullest(&self) -> Option<FullestHour> {
        let nodes = (0..self.nodes).map(|node| Transmitter::Node(NodeIndex(node as u32)));
        let gateways = self.hours.len() / self.region.sub_bands().len() - self.nodes;
        let gateways = (0..gateways).map(|gateway| Transmitter::Gateway(GatewayIndex(gateway as u16)));
        nodes
            .chain(gateways)
            .filter_map(|transmitter| self.fullest_of(transmitter))
            .max_by(|a, b| a.ratio.total_cmp(&b.ratio))
    }

    fn first_of(&self, transmitter: Transmitter) -> usize {
        let row = match transmitter {
            Transmitter::Node(NodeIndex(node)) => node as usize,
            Transmitter::Gateway(GatewayIndex(gateway)) => self.nodes + usize::from(gateway),
        };
        row * self.region.sub_bands().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    const NODE: Transmitter = Transmitter::Node(NodeIndex(0));
    const GATEWAY: Transmitter = Transmitter::Gateway(GatewayIndex(0));

    fn check() -> DutyCheck {
        DutyCheck::new(Region::Eu868, 1, 1)
    }

    #[test]
    fn sub_bands_and_transmitters_have_their_own_accounts() {
        let mut duty = check();
        duty.add(NODE, 868_100_000, Instant::ZERO, Duration::from_secs(18));
        duty.add(GATEWAY, 868_100_000, Instant::ZERO, Duration::from_secs(9));
        duty.add(GATEWAY, 869_525_000, Instant::ZERO, Duration::from_secs(270));
        duty.add(GATEWAY, 868_650_000, Instant::ZERO, Duration::from_secs(1));
        assert_eq!(duty.fullest_of(NODE).unwrap().ratio, 0.5);
        let gateway = duty.fullest_of(GATEWAY).unwrap();
        assert_eq!((gateway.ratio, gateway.sub_band), (0.75, 3));
        assert_eq!(duty.fullest(), Some(gateway));
        assert_eq!(duty.outside_bands(), 1);
        assert_eq!(check().fullest(), None);
    }

    #[test]
    fn an_hour_counts_the_part_of_a_transmission_that_lies_in_it() {
        let mut duty = check();
        duty.add(NODE, 868_100_000, Instant::ZERO, Duration::from_secs(18));
        // It ends an hour after the middle of the first one.
        duty.add(NODE, 868_100_000, Instant::from_micros(3_591_000_000), Duration::from_secs(18));
        let fullest = duty.fullest().unwrap();
        assert_eq!((fullest.ratio, fullest.ends_at), (27.0 / 36.0, Instant::from_micros(3_609_000_000)));
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            rng_seed: RngSeed::Fixed(1),
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        /// Against the overlap with every hour that begins or ends at a boundary of a transmission.
        #[test]
        fn the_fullest_hour_is_that_of_the_naive_search(
            steps in proptest::collection::vec((0u64..1_500, 1u64..600), 1..40),
        ) {
            let (mut duty, mut sent, mut now) = (check(), Vec::new(), 0);
            for (gap_s, length_s) in steps {
                let start = now + gap_s * 1_000_000;
                now = start + length_s * 1_000_000;
                sent.push((start, now));
                let airtime = Duration::from_micros(now - start);
                duty.add(NODE, 868_100_000, Instant::from_micros(start), airtime);
            }
            let ends = sent.iter().flat_map(|&(start, end)| [start, end, start + HOUR_US, end + HOUR_US]);
            let within = |end: u64| -> u64 {
                let begin = end.saturating_sub(HOUR_US);
                sent.iter().map(|&(a, b)| b.min(end).saturating_sub(a.max(begin))).sum()
            };
            let naive_us = ends.map(within).max().unwrap_or(0);
            let found = duty.fullest().unwrap();
            prop_assert_eq!(found.ratio, naive_us as f64 / 36e6);
            prop_assert_eq!(within(found.ends_at.as_micros()), naive_us);
        }
    }
}
