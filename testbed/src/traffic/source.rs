//! When a node has something to send, and on which channel.
use crate::kernel::Rng;
use crate::scenario::Interval;
use chirrup_protocol::time::Duration;

/// The packets of one node. Times and channels have streams of their own: neither changes the other.
#[derive(Clone, Debug)]
pub struct Source {
    interval: Interval,
    mean_us: f64,
    times: Rng,
    channels: Rng,
}

impl Source {
    /// The packets of node `node` in the run with `seed`.
    pub fn new(interval: Interval, mean_s: f64, seed: u64, node: u64) -> Self {
        Self {
            interval,
            mean_us: mean_s * 1e6,
            times: Rng::for_purpose(seed, "traffic-interval", node),
            channels: Rng::for_purpose(seed, "traffic-channel", node),
        }
    }

    /// From the start of the run to the first packet.
    pub fn first(&mut self) -> Duration {
        let means = match self.interval {
            Interval::Poisson => self.times.exponential(),
            Interval::Periodic => self.times.uniform(),
        };
        self.span(means)
    }

    /// From one packet to the next.
    pub fn next_interval(&mut self) -> Duration {
        let means = match self.interval {
            Interval::Poisson => self.times.exponential(),
            Interval::Periodic => 1.0,
        };
        self.span(means)
    }

    /// The index of a channel, below `count`.
    pub fn channel(&mut self, count: usize) -> usize {
        if count == 1 { 0 } else { self.channels.below(count as u64) as usize }
    }

    fn span(&self, means: f64) -> Duration {
        Duration::from_micros(libm::round(means * self.mean_us) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_have_the_mean_that_was_asked_for() {
        let mut poisson = Source::new(Interval::Poisson, 10.0, 1, 0);
        let n = 50_000;
        let sum: f64 = (0..n).map(|_| poisson.next_interval().as_secs_f64()).sum();
        // Standard error of the mean of exponentials: 10 s over the root of n, .045 s.
        assert!((sum / f64::from(n) - 10.0).abs() < 0.18);
        let mut periodic = Source::new(Interval::Periodic, 10.0, 1, 0);
        assert!(periodic.first() < Duration::from_secs(10));
        assert_eq!([(); 3].map(|()| periodic.next_interval()), [Duration::from_secs(10); 3]);
    }

    #[test]
    fn nodes_and_seeds_differ_and_channels_do_not_disturb_times() {
        let first = |seed, node| Source::new(Interval::Poisson, 10.0, seed, node).first();
        assert_ne!(first(1, 0), first(1, 1));
        assert_ne!(first(1, 0), first(2, 0));
        let mut hopping = Source::new(Interval::Poisson, 10.0, 1, 0);
        assert!((0..100).all(|_| hopping.channel(3) < 3));
        assert_eq!(hopping.first(), first(1, 0));
    }
}
