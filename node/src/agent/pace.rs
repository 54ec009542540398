//! When to speak: waits with jitter, so that nodes which were switched on together do not stay together.
use chirrup_protocol::time::{Duration, Instant};

/// A small generator for jitter alone (Marsaglia 2003, xorshift64); nothing secret depends on it.
#[derive(Clone, Debug)]
pub struct Jitter(u64);

impl Jitter {
    /// From a seed that differs from node to node.
    pub const fn new(seed: u64) -> Self {
        Self(if seed == 0 { 0x9e37_79b9_7f4a_7c15 } else { seed })
    }

    /// A wait between a half and one and a half of `mean`.
    pub fn around(&mut self, mean: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Duration::from_micros(mean.as_micros() / 2 + self.0 % mean.as_micros().max(1))
    }
}

/// A wait that doubles with each failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    shortest: Duration,
    longest: Duration,
    failures: u32,
    not_before: Instant,
}

impl Backoff {
    /// Waits from `shortest` to `longest`.
    pub const fn new(shortest: Duration, longest: Duration) -> Self {
        Self { shortest, longest, failures: 0, not_before: Instant::ZERO }
    }

    /// Changes the longest wait.
    pub const fn wait_at_most(&mut self, longest: Duration) {
        self.longest = longest;
    }

    /// When the next attempt is due.
    pub const fn due(&self) -> Instant {
        self.not_before
    }

    /// The attempt failed.
    pub fn failed(&mut self, now: Instant, jitter: &mut Jitter) {
        let wait = self.shortest.saturating_mul(1 << self.failures.min(16)).min(self.longest);
        self.failures = self.failures.saturating_add(1);
        self.not_before = now + jitter.around(wait);
    }

    /// The attempt succeeded; another one is due after the shortest wait.
    pub fn succeeded(&mut self, now: Instant, jitter: &mut Jitter) {
        self.failures = 0;
        self.not_before = now + jitter.around(self.shortest);
    }
}
