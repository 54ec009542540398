//! Protocol time: this machine's, or a simulation's.
pub mod line_protocol;
pub mod settling;

use chirrup_protocol::time::{Duration, Instant};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Instant as Monotonic, SystemTime};

/// How far the system's clock may run ahead of ours before ours jumps after it: more than its usual corrections.
const JUMP: Duration = Duration::from_millis(500);

/// A clock that never runs backwards.
#[derive(Debug)]
pub enum Clock {
    /// The system's time when the service started, continued by its monotonic clock. It follows a jump forward, as
    /// when a board without a battery learns the time; it ignores a jump backward, which would open receive windows
    /// twice.
    System(Mutex<SystemClock>),
    /// What a simulation has last said.
    Injected(AtomicU64),
}

/// A point of the monotonic clock and its protocol time.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    anchor: Monotonic,
    at_anchor: Instant,
}

impl SystemClock {
    fn new() -> Self {
        Self { anchor: Monotonic::now(), at_anchor: system_time() }
    }

    /// The time at a point of the monotonic clock when the system's clock says `system`.
    fn read(&mut self, monotonic: Monotonic, system: Instant) -> Instant {
        let elapsed = monotonic.saturating_duration_since(self.anchor);
        let now = self.at_anchor + Duration::from_micros(elapsed.as_micros() as u64);
        if system <= now + JUMP {
            return now;
        }
        *self = Self { anchor: monotonic, at_anchor: system };
        system
    }
}

fn system_time() -> Instant {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Instant::from_micros(since_epoch.as_micros() as u64)
}

impl Clock {
    /// This machine's time.
    pub fn system() -> Self {
        Self::System(Mutex::new(SystemClock::new()))
    }

    /// A clock that stands at the epoch until it is told otherwise.
    pub const fn injected() -> Self {
        Self::Injected(AtomicU64::new(0))
    }

    /// The time.
    pub fn now(&self) -> Instant {
        match self {
            Self::System(clock) => {
                clock.lock().unwrap_or_else(PoisonError::into_inner).read(Monotonic::now(), system_time())
            }
            Self::Injected(us) => Instant::from_micros(us.load(Ordering::Acquire)),
        }
    }

    /// Sets an injected clock, never back. The system's own is not ours to set.
    pub fn advance(&self, to: Instant) {
        if let Self::Injected(us) = self {
            us.fetch_max(to.as_micros(), Ordering::AcqRel);
        }
    }

    /// Waits for a deadline. With none, or with an injected clock, it waits for ever: a simulation runs deadlines
    /// itself when it sets the time.
    pub async fn sleep_until(&self, deadline: Option<Instant>) {
        match (self, deadline) {
            (Self::System(_), Some(deadline)) => {
                let wait = deadline.saturating_since(self.now());
                tokio::time::sleep(std::time::Duration::from_micros(wait.as_micros())).await;
            }
            _ => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_clock_is_followed_forward_only() {
        let (anchor, hour) = (Monotonic::now(), Duration::from_secs(3_600));
        let later = |s| anchor + std::time::Duration::from_secs(s);
        let mut clock = SystemClock { anchor, at_anchor: Instant::ZERO + hour };
        assert_eq!(clock.read(later(1), Instant::ZERO), Instant::ZERO + hour + Duration::from_secs(1));
        let jumped = Instant::ZERO + hour + hour;
        assert_eq!(clock.read(later(2), jumped), jumped);
        assert_eq!(clock.read(later(3), jumped), jumped + Duration::from_secs(1));
    }

    #[test]
    fn an_injected_clock_stands_still_and_never_turns_back() {
        let clock = Clock::injected();
        assert_eq!(clock.now(), Instant::ZERO);
        clock.advance(Instant::from_micros(7));
        clock.advance(Instant::from_micros(5));
        assert_eq!(clock.now(), Instant::from_micros(7));
    }
}
