//! A gateway's radio: it keeps connections, each in a slot of every interval, and scans for advertisements between.
//!
//! All connections of a central have the same interval, so events in different slots never meet. While a slot belongs
//! to a connection the central does not scan in it, whether the event needs all of it or not.
use super::parameters::Parameters;
use chirrup_protocol::time::{Duration, Instant};

/// Advertising channels: 37, 38 and 39.
pub const ADVERTISING_CHANNELS: u64 = 3;
/// The first connection event comes no earlier after CONNECT_IND (Core Specification 5.4, Vol 6, Part B, 4.5.3:
/// transmitWindowDelay of LE 1M).
pub const TRANSMIT_WINDOW_DELAY: Duration = Duration::from_micros(1_250);

/// A slot that a connection has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(usize);

/// Schedule of one gateway.
#[derive(Clone, Debug)]
pub struct Central {
    parameters: Parameters,
    /// Until when each slot is taken.
    taken_until: Vec<Instant>,
}

impl Central {
    /// A central without connections.
    pub fn new(parameters: Parameters) -> Self {
        Self { taken_until: vec![Instant::ZERO; parameters.slots()], parameters }
    }

    /// Whether it listens on an advertising channel (0 to 2) from `start` to `end`, without anything between.
    pub fn scans(&self, channel: u64, start: Instant, end: Instant) -> bool {
        let Parameters { scan_interval_us, scan_window_us, .. } = self.parameters;
        let window = start.as_micros() / scan_interval_us;
        let opens_us = window * scan_interval_us;
        window % ADVERTISING_CHANNELS == channel
            && end.as_micros() <= opens_us + scan_window_us
            && !self.is_busy(start, end)
    }

    /// Whether an event may meet the time from `start` to `end`.
    pub fn is_busy(&self, start: Instant, end: Instant) -> bool {
        (0..self.taken_until.len()).any(|slot| self.is_slot_busy(slot, start, end))
    }

    fn is_slot_busy(&self, slot: usize, start: Instant, end: Instant) -> bool {
        let Parameters { interval_us, event_us, .. } = self.parameters;
        let offset_us = slot as u64 * event_us;
        // The last event that begins before `end`.
        let event = |end_us: u64| end_us.checked_sub(offset_us + 1).map(|us| us / interval_us);
        let meets = event(end.as_micros())
            .is_some_and(|index| start.as_micros() < index * interval_us + offset_us + event_us);
        self.taken_until[slot] > start && meets
    }

    /// Takes a slot for a connection whose CONNECT_IND ends at `connected`: the slot and the first anchor. `None` when
    /// all are taken.
    pub fn take_slot(&mut self, connected: Instant) -> Option<(Slot, Instant)> {
        let slot = self.taken_until.iter().position(|&until| until <= connected)?;
        self.taken_until[slot] = Instant::NEVER;
        let Parameters { interval_us, event_us, .. } = self.parameters;
        let earliest_us = (connected + TRANSMIT_WINDOW_DELAY).as_micros();
        let offset_us = slot as u64 * event_us;
        let index = earliest_us.saturating_sub(offset_us).div_ceil(interval_us);
        Some((Slot(slot), Instant::from_micros(index * interval_us + offset_us)))
    }

    /// The slot is free from `at` on.
    pub fn free_slot(&mut self, slot: Slot, at: Instant) {
        self.taken_until[slot.0] = at;
    }

    /// Connections that it keeps at a time.
    pub fn connections(&self, at: Instant) -> usize {
        self.taken_until.iter().filter(|&&until| until > at).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(us: u64) -> Instant {
        Instant::from_micros(us)
    }

    #[test]
    fn events_of_a_central_never_meet() {
        let mut central = Central::new(Parameters::default());
        let taken: Vec<_> = (0..4).map(|index| central.take_slot(at(1_000 + index * 777)).unwrap()).collect();
        assert_eq!(central.take_slot(at(9_999)), None);
        assert_eq!(central.connections(at(9_999)), 4);
        let phases: Vec<_> = taken.iter().map(|(_, anchor)| anchor.as_micros() % 30_000).collect();
        assert_eq!(phases, [0, 7_500, 15_000, 22_500]);
        for (index, (_, anchor)) in taken.iter().enumerate() {
            let earliest = 1_000 + index as u64 * 777 + 1_250;
            assert!((earliest..earliest + 30_000).contains(&anchor.as_micros()));
        }
        central.free_slot(taken[2].0, at(100_000));
        assert_eq!(central.take_slot(at(99_999)), None);
        let (_, anchor) = central.take_slot(at(100_000)).unwrap();
        assert_eq!(anchor.as_micros(), 3 * 30_000 + 15_000);
    }

    /// Against a list of all events.
    #[test]
    fn a_central_hears_advertisements_between_its_events() {
        let parameters = Parameters { scan_window_us: 40_000, ..Parameters::default() };
        let mut central = Central::new(parameters);
        let (_, first) = central.take_slot(at(0)).unwrap();
        let (second, anchor) = central.take_slot(at(0)).unwrap();
        central.free_slot(second, at(60_000));
        assert_eq!((first, anchor), (at(30_000), at(7_500)));
        for start in (0..400_000).step_by(100) {
            let end = start + 296;
            let meets = |anchor: u64| start < anchor + 7_500 && anchor < end;
            let busy = (0..20).any(|index| meets(index * 30_000))
                || start < 60_000 && (0..20).any(|index| meets(index * 30_000 + 7_500));
            for channel in 0..3 {
                let window = start / 50_000;
                let listens = window % 3 == channel && end <= window * 50_000 + 40_000;
                assert_eq!(central.scans(channel, at(start), at(end)), listens && !busy, "{start}");
            }
        }
    }
}
