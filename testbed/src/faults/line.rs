//! One direction of a connection between services: what is sent arrives later, in order unless a fault says otherwise.
use super::outages::seconds;
use crate::kernel::Rng;
use chirrup_protocol::time::{Duration, Instant};
use std::collections::BTreeMap;

/// A message that is overtaken waits on average so many times the latency longer, and at least [`SHORTEST_HOLD_S`].
const HELD_LATENCIES: f64 = 10.0;
const SHORTEST_HOLD_S: f64 = 0.5;

/// How messages travel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Travel {
    /// Mean time under way, in seconds: half of it always, half of it exponentially distributed.
    pub latency_s: f64,
    /// Share of messages that later ones overtake.
    pub reordered: f64,
    /// None is overtaken from then on.
    pub until: Instant,
}

/// Messages under way, in the order in which they arrive.
#[derive(Clone, Debug)]
pub struct Line<T> {
    travel: Travel,
    rng: Rng,
    under_way: BTreeMap<(Instant, u64), T>,
    next_number: u64,
    /// None that is not held back arrives before this.
    last_arrival: Instant,
    reordered: u64,
}

impl<T> Line<T> {
    /// A line with nothing under way.
    pub const fn new(travel: Travel, rng: Rng) -> Self {
        Self {
            travel,
            rng,
            under_way: BTreeMap::new(),
            next_number: 0,
            last_arrival: Instant::ZERO,
            reordered: 0,
        }
    }

    /// Sends a message.
    pub fn send(&mut self, now: Instant, message: T) {
        let Travel { latency_s, reordered, until } = self.travel;
        let delay = seconds(latency_s / 2.0 * (1.0 + self.rng.exponential()));
        let in_order = (now + delay).max(self.last_arrival);
        let is_held = self.rng.chance(reordered) && now < until;
        let hold = seconds(self.rng.exponential() * (HELD_LATENCIES * latency_s).max(SHORTEST_HOLD_S));
        let at = if is_held { in_order + hold } else { in_order };
        if is_held {
            self.reordered += 1;
        } else {
            self.last_arrival = in_order;
        }
        self.under_way.insert((at, self.next_number), message);
        self.next_number += 1;
    }

    /// When the next message arrives.
    pub fn next_at(&self) -> Option<Instant> {
        self.under_way.first_key_value().map(|(&(at, _), _)| at)
    }

    /// The next message that has arrived by `now`.
    pub fn arrived(&mut self, now: Instant) -> Option<T> {
        let entry = self.under_way.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }

    /// Whatever is under way is lost; says how much that was.
    pub fn cut(&mut self) -> usize {
        std::mem::take(&mut self.under_way).len()
    }

    /// How many messages were held back.
    pub const fn reordered(&self) -> u64 {
        self.reordered
    }
}

/// A span until a message is tried again.
pub const RETRY: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    fn line(latency_s: f64, reordered: f64) -> Line<u32> {
        Line::new(Travel { latency_s, reordered, until: Instant::NEVER }, Rng::for_purpose(3, "line", 0))
    }

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms)
    }

    fn drain(line: &mut Line<u32>) -> Vec<(Instant, u32)> {
        let next = || {
            let at = line.next_at()?;
            Some((at, line.arrived(at).unwrap()))
        };
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn messages_arrive_in_order_after_half_the_latency_at_least() {
        let mut line = line(0.2, 0.0);
        let mut delays = Vec::new();
        for number in 0..5_000 {
            let sent = at(u64::from(number) * 10_000);
            line.send(sent, number);
            assert_eq!(line.arrived(sent), None);
            let arrives = line.next_at().unwrap();
            assert_eq!(line.arrived(arrives), Some(number));
            delays.push((arrives - sent).as_secs_f64());
        }
        assert!(delays.iter().all(|&delay| delay >= 0.1));
        let mean = delays.iter().sum::<f64>() / delays.len() as f64;
        assert!((mean - 0.2).abs() < 0.006, "{mean}");
        // Close together they queue behind each other.
        (0..500).for_each(|number| line.send(at(60_000_000 + u64::from(number)), number));
        assert!(drain(&mut line).into_iter().map(|(_, number)| number).eq(0..500));
    }

    #[test]
    fn a_share_of_messages_is_overtaken_and_none_is_lost() {
        let mut line = line(0.05, 0.2);
        (0..2_000).for_each(|number| line.send(at(u64::from(number) * 20), number));
        let mut arrived: Vec<u32> = drain(&mut line).into_iter().map(|(_, number)| number).collect();
        let overtaken = arrived.windows(2).filter(|pair| pair[1] < pair[0]).count();
        assert!((200..420).contains(&overtaken), "{overtaken}");
        assert!((330..470).contains(&line.reordered()), "{}", line.reordered());
        arrived.sort_unstable();
        assert!(arrived.into_iter().eq(0..2_000));
    }

    #[test]
    fn a_line_without_latency_delivers_at_once_and_a_cut_loses_what_is_under_way() {
        let mut line = line(0.0, 0.0);
        line.send(at(7), 1);
        assert_eq!((line.next_at(), line.arrived(at(7))), (Some(at(7)), Some(1)));
        line.send(at(8), 2);
        line.send(at(8), 3);
        assert_eq!((line.cut(), line.next_at(), line.arrived(at(9))), (2, None, None));
    }
}
