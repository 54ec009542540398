//! Duty cycle of a transmitter in a sub-band: never more than its share of *any* one-hour window.
use crate::time::{Duration, Instant};
use heapless::Deque;

/// The window over which regulations measure the duty cycle (ERC/REC 70-03).
pub const WINDOW: Duration = Duration::from_secs(3_600);

#[derive(Clone, Copy, Debug)]
struct Transmission {
    /// No part of it was on the air later than this.
    end: Instant,
    on_air: Duration,
}

/// What one transmitter sent in one sub-band during the last hour, in at most `N` entries.
///
/// The account errs to the strict side: a transmission counts in full until an hour after its *end*, and when the
/// table is full its two oldest entries become one with the later end.
#[derive(Clone, Debug)]
pub struct DutyCycle<const N: usize> {
    sent: Deque<Transmission, N>,
    used: Duration,
    allowed: Duration,
}

impl<const N: usize> DutyCycle<N> {
    /// An empty account for a limit in thousandths of the time. `N` is at least 2.
    pub const fn new(duty_per_mille: u32) -> Self {
        const { assert!(N >= 2) };
        let allowed = Duration::from_micros(WINDOW.as_micros() / 1_000 * duty_per_mille as u64);
        Self { sent: Deque::new(), used: Duration::ZERO, allowed }
    }

    /// Airtime that any hour may hold.
    pub const fn allowed(&self) -> Duration {
        self.allowed
    }

    /// Airtime that the hour before `now` holds.
    pub fn used(&mut self, now: Instant) -> Duration {
        while let Some(oldest) = self.sent.front() {
            if oldest.end + WINDOW > now {
                break;
            }
            self.used = Duration::from_micros(self.used.as_micros() - oldest.on_air.as_micros());
            self.sent.pop_front();
        }
        self.used
    }

    /// The earliest time, not before `now`, at which `on_air` fits; [`Instant::NEVER`] when it exceeds the limit
    /// by itself.
    pub fn earliest(&mut self, now: Instant, on_air: Duration) -> Instant {
        if on_air > self.allowed {
            return Instant::NEVER;
        }
        // The new transmission must fit beside what is left of the hour before its own end.
        let mut left = self.used(now) + on_air;
        let mut at = now;
        for old in &self.sent {
            if left <= self.allowed {
                break;
            }
            left = Duration::from_micros(left.as_micros() - old.on_air.as_micros());
            at = old.end + WINDOW;
        }
        at
    }

    /// Enters a transmission that begins at `start`. Refused, and not entered, when it does not fit.
    pub fn try_send(&mut self, start: Instant, on_air: Duration) -> Result<(), DutyCycleExceeded> {
        let earliest = self.earliest(start, on_air);
        if earliest > start {
            return Err(DutyCycleExceeded { earliest });
        }
        if self.sent.is_full()
            && let (Some(first), Some(second)) = (self.sent.pop_front(), self.sent.pop_front())
        {
            let merged = Transmission { end: second.end, on_air: first.on_air + second.on_air };
            self.sent.push_front(merged).expect("two entries were just taken out");
        }
        self.sent
            .push_back(Transmission { end: start + on_air, on_air })
            .expect("a full table was shortened above");
        self.used += on_air;
        Ok(())
    }
}

/// A transmission would exceed the duty cycle of its sub-band.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("duty cycle exceeded until {earliest}")]
pub struct DutyCycleExceeded {
    /// When it fits; [`Instant::NEVER`] if it never does.
    pub earliest: Instant,
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    #[test]
    fn a_full_hour_frees_itself_after_an_hour() {
        let mut duty = DutyCycle::<8>::new(10);
        let start = Instant::from_micros(5);
        assert_eq!(duty.allowed(), Duration::from_secs(36));
        duty.try_send(start, Duration::from_secs(36)).unwrap();
        let free_again = start + Duration::from_secs(36) + WINDOW;
        assert_eq!(duty.earliest(start, Duration::from_micros(1)), free_again);
        let refused = duty.try_send(start + Duration::from_secs(60), Duration::from_secs(1)).unwrap_err();
        assert_eq!(refused.earliest, free_again);
        duty.try_send(free_again, Duration::from_secs(36)).unwrap();
        assert_eq!(duty.earliest(free_again, Duration::from_secs(37)), Instant::NEVER);
    }

    proptest! {
        /// Whatever is accepted, no hour anywhere holds more than the limit, however small the table.
        #[test]
        fn no_hour_holds_more_than_its_share(
            steps in proptest::collection::vec((0u64..900, 1u64..4_000), 1..120),
        ) {
            let mut duty = DutyCycle::<4>::new(10);
            let mut now = Instant::ZERO;
            let mut sent: Vec<(u64, u64)> = Vec::new();
            for (wait_s, on_air_ms) in steps {
                now = now + Duration::from_secs(wait_s);
                let on_air = Duration::from_millis(on_air_ms);
                let earliest = duty.earliest(now, on_air);
                prop_assert_eq!(duty.clone().try_send(now, on_air).is_ok(), earliest == now);
                duty.try_send(earliest, on_air).unwrap();
                sent.push((earliest.as_micros(), (earliest + on_air).as_micros()));
                now = earliest + on_air;
            }
            for &(_, window_end) in &sent {
                let window_start = window_end.saturating_sub(WINDOW.as_micros());
                let used: u64 = sent.iter().map(|&(start, end)| {
                    end.min(window_end).saturating_sub(start.max(window_start))
                }).sum();
                prop_assert!(used <= 36_000_000);
            }
        }
    }
}
