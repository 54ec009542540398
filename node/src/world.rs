//! What surrounds a node's agent, whichever link it speaks over.
use crate::agent::{Agent, AgentSnapshot, Uplink};
use chirrup_protocol::time::{Duration, Instant};

/// What a node is surrounded by: a clock, a sensor, a battery, storage.
#[allow(async_fn_in_trait)]
pub trait World {
    /// Why a snapshot could not be stored.
    type StoreError;

    /// The time, by a clock that may be set.
    fn now(&self) -> Instant;

    /// Time since the start, by a count that nothing sets and that runs while the node sleeps. The duty cycle is kept
    /// by it: were it to jump forward, the guard would take airtime that was used a moment ago for long past.
    fn uptime(&self) -> Instant;

    /// Waits for the next sample, at most until `deadline`. Writes the sample to `features` and returns its label;
    /// `None` when the deadline came first.
    async fn next_sample(&mut self, deadline: Instant, features: &mut [f32]) -> Option<usize>;

    /// 0 external power, 1 to 254 from empty to full, 255 unknown.
    fn battery(&self) -> u8;

    /// Makes the agent's snapshot durable.
    async fn store(&mut self, snapshot: &AgentSnapshot) -> Result<(), Self::StoreError>;

    /// Told of each sealed frame before it goes out, for logs and reports; a simulation may have it say something else.
    fn transmits(&mut self, _uplink: &mut Uplink) {}

    /// Told after each exchange and each sample, for logs and reports.
    fn observe(&mut self, agent: &Agent<'_>);
}

/// Time that never runs back, made of a clock that may be set: what it is set back by is added to it from then on. A
/// deadline of the agent therefore comes when it would have come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SteadyClock {
    last: Instant,
    behind: Duration,
}

impl SteadyClock {
    /// The time, when the clock shows `shown`.
    pub fn now(&mut self, shown: Instant) -> Instant {
        self.behind += self.last - (shown + self.behind);
        self.last = shown + self.behind;
        self.last
    }

    /// What the clock will show at a time.
    pub fn shown(&self, at: Instant) -> Instant {
        if at == Instant::NEVER { at } else { at.saturating_sub(self.behind) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn a_clock_that_is_set_back_delays_nothing() {
        let mut clock = SteadyClock::default();
        assert_eq!((clock.now(s(1_000)), clock.shown(s(1_060))), (s(1_000), s(1_060)));
        // Set back by 900 s: time stands still for this one moment, and what is due in a minute stays so.
        assert_eq!((clock.now(s(100)), clock.shown(s(1_060))), (s(1_000), s(160)));
        assert_eq!(clock.now(s(160)), s(1_060));
        // Set forward: time has passed.
        assert_eq!(clock.now(s(5_000)), s(5_900));
        assert_eq!((clock.now(s(0)), clock.now(s(1))), (s(5_900), s(5_901)));
        assert_eq!(clock.shown(Instant::NEVER), Instant::NEVER);
    }
}
