//! An independent check of how long channels were occupied, where a region limits that: the fullest window of every
//! node on every channel, exactly.
//!
//! US915: .4 s within any 20 s on a channel of 125 kHz; AU915: .4 s a frame. It shares nothing with the accounts by
//! which nodes restrain themselves. As with the duty cycle, the greatest occupancy is found in a window that ends
//! with a transmission. Gateways send on 500 kHz, where nothing is limited.
use super::{NodeIndex, Transmitter};
use chirrup_protocol::region::{Occupancy, Region};
use chirrup_protocol::time::{Duration, Instant};
use std::collections::{BTreeMap, VecDeque};

/// The fullest window that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FullestWindow {
    /// Whose.
    pub transmitter: Transmitter,
    /// The channel, in Hz.
    pub frequency_hz: u32,
    /// The end of that window.
    pub ends_at: Instant,
    /// Time on air over what is allowed; above 1 is a violation.
    pub ratio: f64,
}

/// What one node sent on one channel lately: begin and end in microseconds.
type Sent = VecDeque<(u64, u64)>;

/// The check of a whole run.
#[derive(Clone, Debug)]
pub struct DwellCheck {
    region: Region,
    channels: BTreeMap<(NodeIndex, u32), Sent>,
    fullest: BTreeMap<NodeIndex, FullestWindow>,
}

impl DwellCheck {
    /// A check for a region.
    pub const fn new(region: Region) -> Self {
        Self { region, channels: BTreeMap::new(), fullest: BTreeMap::new() }
    }

    /// Enters a transmission. Those of one transmitter follow each other in time.
    pub fn add(&mut self, transmitter: Transmitter, frequency_hz: u32, start: Instant, airtime: Duration) {
        let (Transmitter::Node(node), Some(occupancy)) = (transmitter, self.region.occupancy(frequency_hz))
        else {
            return;
        };
        let end_us = (start + airtime).as_micros();
        let occupied_us = match occupancy.window {
            None => airtime.as_micros(),
            Some(window) => {
                let sent = self.channels.entry((node, frequency_hz)).or_default();
                sent.push_back((start.as_micros(), end_us));
                occupied_us(sent, end_us.saturating_sub(window.as_micros()))
            }
        };
        self.note(node, occupied_us, occupancy, (frequency_hz, Instant::from_micros(end_us)));
    }

    fn note(
        &mut self,
        node: NodeIndex,
        occupied_us: u64,
        occupancy: Occupancy,
        (frequency_hz, ends_at): (u32, Instant),
    ) {
        let ratio = occupied_us as f64 / occupancy.limit.as_micros() as f64;
        if self.fullest.get(&node).is_none_or(|fullest| ratio > fullest.ratio) {
            let transmitter = Transmitter::Node(node);
            self.fullest.insert(node, FullestWindow { transmitter, frequency_hz, ends_at, ratio });
        }
    }

    /// The fullest window of one transmitter; `None` when nothing of it was limited.
    pub fn fullest_of(&self, transmitter: Transmitter) -> Option<FullestWindow> {
        match transmitter {
            Transmitter::Node(node) => self.fullest.get(&node).copied(),
            Transmitter::Gateway(_) => None,
        }
    }

    /// The fullest window of each node that has one.
    pub fn fullest(&self) -> impl Iterator<Item = FullestWindow> {
        self.fullest.values().copied()
    }
}

/// Time on air after `begin_us`; what ended before is forgotten.
fn occupied_us(sent: &mut Sent, begin_us: u64) -> u64 {
    while sent.front().is_some_and(|(_, end_us)| *end_us <= begin_us) {
        sent.pop_front();
    }
    sent.iter().map(|(start_us, end_us)| end_us - (*start_us).max(begin_us)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radio::GatewayIndex;

    const NODE: Transmitter = Transmitter::Node(NodeIndex(0));
    const CHANNEL_HZ: u32 = 903_900_000;

    fn sent(region: Region, frequency_hz: u32, frames_ms: &[(u64, u64)]) -> Option<f64> {
        let mut dwell = DwellCheck::new(region);
        for (start_ms, airtime_ms) in frames_ms {
            let start = Instant::from_micros(start_ms * 1_000);
            dwell.add(NODE, frequency_hz, start, Duration::from_millis(*airtime_ms));
        }
        dwell.fullest_of(NODE).map(|window| window.ratio)
    }

    #[test]
    fn twenty_seconds_of_a_hopping_channel_hold_four_tenths() {
        assert_eq!(sent(Region::Us915, CHANNEL_HZ, &[(0, 200), (10_000, 200)]), Some(1.0));
        assert_eq!(sent(Region::Us915, CHANNEL_HZ, &[(0, 200), (10_000, 201)]), Some(201.0 / 400.0 + 0.5));
        assert_eq!(sent(Region::Us915, CHANNEL_HZ, &[(0, 200), (20_200, 300)]), Some(0.75));
        // The window before 20.1 s holds half of the first frame.
        assert_eq!(sent(Region::Us915, CHANNEL_HZ, &[(0, 200), (19_800, 300)]), Some(1.0));
        assert_eq!(sent(Region::Us915, 904_600_000, &[(0, 2_000)]), None);
    }

    #[test]
    fn in_australia_a_frame_counts_by_itself() {
        assert_eq!(sent(Region::Au915, 916_800_000, &[(0, 400), (500, 200)]), Some(1.0));
        assert_eq!(sent(Region::Au915, 916_800_000, &[(0, 500)]), Some(1.25));
        assert_eq!(sent(Region::Eu868, 868_100_000, &[(0, 2_000)]), None);
    }

    #[test]
    fn channels_and_nodes_are_told_apart_and_gateways_are_free() {
        let mut dwell = DwellCheck::new(Region::Us915);
        let other = Transmitter::Node(NodeIndex(1));
        let airtime = Duration::from_millis(300);
        dwell.add(NODE, CHANNEL_HZ, Instant::ZERO, airtime);
        dwell.add(other, CHANNEL_HZ, Instant::ZERO, airtime);
        dwell.add(NODE, CHANNEL_HZ + 200_000, Instant::from_micros(300_000), airtime);
        dwell.add(Transmitter::Gateway(GatewayIndex(0)), CHANNEL_HZ, Instant::ZERO, airtime);
        assert_eq!(dwell.fullest().map(|window| window.ratio).collect::<Vec<_>>(), [0.75, 0.75]);
        assert_eq!(dwell.fullest_of(Transmitter::Gateway(GatewayIndex(0))), None);
    }
}
