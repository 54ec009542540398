//! What a node takes for the time.
use crate::kernel::Clock;
use chirrup_protocol::time::{Duration, Instant};
use std::cell::Cell;
use std::rc::Rc;

/// A node's clocks: a count since its start, which nothing sets, and a clock that a fault may set. Clones show the
/// same.
#[derive(Clone)]
pub struct NodeClock {
    clock: Clock,
    set: Rc<Cell<Set>>,
}

#[derive(Clone, Copy, Default)]
struct Set {
    /// When the count was zero.
    started: Instant,
    /// How far the clock is ahead of the count, in microseconds.
    ahead_us: i64,
}

impl NodeClock {
    /// Clocks that show the virtual time.
    pub fn new(clock: Clock) -> Self {
        Self { clock, set: Rc::default() }
    }

    /// The virtual time, which no node knows.
    pub fn true_now(&self) -> Instant {
        self.clock.now()
    }

    /// Time since the start.
    pub fn uptime(&self) -> Instant {
        Instant::ZERO + (self.clock.now() - self.set.get().started)
    }

    /// What the clock shows.
    pub fn now(&self) -> Instant {
        let shown = self.uptime().as_micros().saturating_add_signed(self.set.get().ahead_us);
        Instant::from_micros(shown)
    }

    /// The virtual time at which the clock will show `shown`, if nothing sets it.
    pub fn when(&self, shown: Instant) -> Instant {
        if shown == Instant::NEVER {
            return shown;
        }
        let Set { started, ahead_us } = self.set.get();
        let uptime = shown.as_micros().saturating_add_signed(ahead_us.saturating_neg());
        started + Duration::from_micros(uptime)
    }

    /// Power returns: both count from zero.
    pub fn restart(&self) {
        self.set.set(Set { started: self.clock.now(), ahead_us: 0 });
    }

    /// The clock is set forward, or back where `by_us` is negative, though not below zero.
    pub fn jump(&self, by_us: i64) {
        let set = self.set.get();
        let zero = (self.uptime().as_micros() as i64).saturating_neg();
        self.set.set(Set { ahead_us: set.ahead_us.saturating_add(by_us).max(zero), ..set });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Kernel;

    fn s(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn a_jump_moves_the_clock_and_not_the_count() {
        let mut kernel = Kernel::<()>::new();
        let clock = NodeClock::new(kernel.clock());
        assert_eq!(kernel.step_until(s(100)), None);
        assert_eq!((clock.now(), clock.uptime(), clock.when(s(150))), (s(100), s(100), s(150)));
        clock.jump(40_000_000);
        assert_eq!((clock.now(), clock.uptime(), clock.when(s(150))), (s(140), s(100), s(110)));
        clock.jump(-190_000_000);
        assert_eq!((clock.now(), clock.uptime(), clock.when(s(150))), (s(0), s(100), s(250)));
        assert_eq!(clock.when(Instant::NEVER), Instant::NEVER);
        clock.restart();
        assert_eq!(kernel.step_until(s(107)), None);
        assert_eq!((clock.now(), clock.uptime(), clock.true_now()), (s(7), s(7), s(107)));
        assert_eq!(clock.when(s(20)), s(120));
    }
}
