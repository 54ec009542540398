//! How long a channel was occupied lately, where the region limits that.
use chirrup_protocol::region::Region;
use chirrup_protocol::time::{Duration, Instant};
use heapless::Deque;

/// Transmissions that are remembered. An exchange takes two seconds at least, a window of twenty holds fewer.
const ENTRIES: usize = 16;

#[derive(Clone, Copy, Debug)]
struct Transmission {
    hz: u32,
    on_air: Duration,
    end: Instant,
}

/// What one transmitter sent, channel by channel.
///
/// It errs to the strict side: a transmission counts in full until a window after its end.
#[derive(Clone, Debug)]
pub(super) struct Dwell {
    region: Region,
    sent: Deque<Transmission, ENTRIES>,
    /// End of the window before which nobody knows what was sent.
    unknown_until: Instant,
}

impl Dwell {
    /// A transmitter that was silent.
    pub const fn new(region: Region) -> Self {
        Self { region, sent: Deque::new(), unknown_until: Instant::ZERO }
    }

    /// A transmitter of which nobody knows what it sent before `now`.
    pub fn unknown_before(region: Region, now: Instant) -> Self {
        let occupancy = region.default_channels_hz().iter().find_map(|&hz| region.occupancy(hz));
        let window = occupancy.and_then(|occupancy| occupancy.window).unwrap_or(Duration::ZERO);
        Self { unknown_until: now + window, ..Self::new(region) }
    }

    /// The earliest time, not before `now`, at which a channel may carry `on_air`; [`Instant::NEVER`] when a frame
    /// of this length is never allowed there.
    pub fn earliest(&self, now: Instant, hz: u32, on_air: Duration) -> Instant {
        let Some(occupancy) = self.region.occupancy(hz) else { return now };
        if on_air > occupancy.limit {
            return Instant::NEVER;
        }
        let Some(window) = occupancy.window else { return now };
        let mut at = now.max(self.unknown_until);
        let full = self.sent.front().filter(|_| self.sent.is_full());
        at = at.max(full.map_or(Instant::ZERO, |oldest| oldest.end + window));
        let from = at;
        let counts = |sent: &&Transmission| sent.hz == hz && sent.end + window > from;
        let mut occupied: Duration = self.sent.iter().filter(counts).map(|sent| sent.on_air).sum();
        for old in self.sent.iter().filter(counts) {
            if occupied + on_air <= occupancy.limit {
                break;
            }
            occupied = Duration::from_micros(occupied.as_micros() - old.on_air.as_micros());
            at = old.end + window;
        }
        at
    }

    /// Enters a transmission that begins at `start`, no earlier than [`Dwell::earliest`] said.
    pub fn enter(&mut self, start: Instant, hz: u32, on_air: Duration) {
        if self.region.occupancy(hz).is_none_or(|occupancy| occupancy.window.is_none()) {
            return;
        }
        if self.sent.is_full() {
            self.sent.pop_front();
        }
        let entered = self.sent.push_back(Transmission { hz, on_air, end: start + on_air });
        entered.expect("room was made a moment ago");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;
    use std::vec::Vec;

    const NARROW_HZ: u32 = 903_900_000;
    const WIDE_HZ: u32 = 904_600_000;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_channel_is_free_again_twenty_seconds_after_it_was_full() {
        let mut dwell = Dwell::new(Region::Us915);
        dwell.enter(Instant::ZERO, NARROW_HZ, ms(370));
        let free = Instant::ZERO + ms(20_370);
        assert_eq!(dwell.earliest(Instant::ZERO + ms(370), NARROW_HZ, ms(30)), Instant::ZERO + ms(370));
        assert_eq!(dwell.earliest(Instant::ZERO + ms(370), NARROW_HZ, ms(31)), free);
        assert_eq!(
            dwell.earliest(Instant::ZERO + ms(370), NARROW_HZ + 200_000, ms(370)),
            Instant::ZERO + ms(370)
        );
        assert_eq!(dwell.earliest(Instant::ZERO, WIDE_HZ, ms(2_000)), Instant::ZERO);
        assert_eq!(dwell.earliest(Instant::ZERO, NARROW_HZ, ms(401)), Instant::NEVER);
    }

    #[test]
    fn a_restart_waits_for_the_window_that_it_does_not_know() {
        let dwell = Dwell::unknown_before(Region::Us915, Instant::ZERO);
        assert_eq!(dwell.earliest(Instant::ZERO, NARROW_HZ, ms(100)), Instant::ZERO + ms(20_000));
        let au915 = Dwell::unknown_before(Region::Au915, Instant::ZERO);
        assert_eq!(au915.earliest(Instant::ZERO, 916_800_000, ms(400)), Instant::ZERO);
        assert_eq!(au915.earliest(Instant::ZERO, 916_800_000, ms(401)), Instant::NEVER);
        let eu868 = Dwell::unknown_before(Region::Eu868, Instant::ZERO);
        assert_eq!(eu868.earliest(Instant::ZERO, 868_100_000, ms(2_000)), Instant::ZERO);
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            rng_seed: RngSeed::Fixed(1),
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        /// Against the overlap with every window that ends with a transmission.
        #[test]
        fn no_twenty_seconds_hold_more_than_four_tenths(
            wishes in proptest::collection::vec((0u64..6_000, 20u64..400, 0u32..3), 1..60),
        ) {
            let (mut dwell, mut now) = (Dwell::new(Region::Us915), Instant::ZERO);
            let mut sent: Vec<(u32, u64, u64)> = Vec::new();
            for (pause_ms, on_air_ms, channel) in wishes {
                let (hz, on_air) = (NARROW_HZ + 200_000 * channel, ms(on_air_ms));
                now = dwell.earliest(now + ms(pause_ms), hz, on_air);
                dwell.enter(now, hz, on_air);
                sent.push((hz, now.as_micros(), (now + on_air).as_micros()));
                now = now + on_air;
            }
            for &(hz, _, end) in &sent {
                let begin = end.saturating_sub(20_000_000);
                let within = |&(other, a, b): &(u32, u64, u64)| {
                    if other == hz { b.min(end).saturating_sub(a.max(begin)) } else { 0 }
                };
                prop_assert!(sent.iter().map(within).sum::<u64>() <= 400_000);
            }
        }
    }
}
