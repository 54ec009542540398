//! Periods in which something is off.
use crate::kernel::Rng;
use chirrup_protocol::time::{Duration, Instant};

/// Periods that something is off, in order and apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outages {
    /// From the first instant on, up to and without the second.
    spans: Vec<(Instant, Instant)>,
}

/// A span of `seconds`, rounded down to microseconds.
pub(crate) fn seconds(seconds: f64) -> Duration {
    Duration::from_micros((seconds * 1e6) as u64)
}

/// When the next of events comes that happen `per_day` times a day, each at any instant alike; `None` when there are
/// none, or none before `until`.
pub(crate) fn next_event(rng: &mut Rng, per_day: f64, now: Instant, until: Instant) -> Option<Instant> {
    if per_day <= 0.0 {
        return None;
    }
    let at = now + seconds(rng.exponential() / per_day * 86_400.0);
    (at < until).then_some(at)
}

impl Outages {
    /// Begins `per_day` times a day on average while it is on, lasts `mean_s` seconds on average, both exponentially
    /// distributed. All is on again at `until`.
    pub fn draw(rng: &mut Rng, per_day: f64, mean_s: f64, until: Instant) -> Self {
        let (mut spans, mut now) = (Vec::new(), Instant::ZERO);
        while let Some(from) = next_event(rng, per_day, now, until) {
            now = (from + seconds(rng.exponential() * mean_s)).min(until);
            if now > from {
                spans.push((from, now));
            }
        }
        Self { spans }
    }

    /// These, which are in order and apart.
    #[cfg(test)]
    pub(crate) fn of(spans: &[(Instant, Instant)]) -> Self {
        Self { spans: spans.to_vec() }
    }

    /// Until when it is off; `None` while it is on.
    pub fn off_until(&self, at: Instant) -> Option<Instant> {
        let next = self.spans.partition_point(|&(_, to)| to <= at);
        self.spans.get(next).filter(|&&(from, _)| from <= at).map(|&(_, to)| to)
    }

    /// Whether it is off in any part of the time from `from` up to `to`.
    pub fn touch(&self, from: Instant, to: Instant) -> bool {
        let next = self.spans.partition_point(|&(_, off_to)| off_to <= from);
        self.spans.get(next).is_some_and(|&(off_from, _)| off_from < to)
    }

    /// All of them: the first instant off, and the first on again.
    pub fn spans(&self) -> &[(Instant, Instant)] {
        &self.spans
    }

    /// How many have begun before `at`, and how long they lasted by then.
    pub fn before(&self, at: Instant) -> (u64, Duration) {
        let begun = self.spans.iter().take_while(|&&(from, _)| from < at);
        begun.fold((0, Duration::ZERO), |(count, sum), &(from, to)| (count + 1, sum + (to.min(at) - from)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    fn at(s: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(s)
    }

    /// A thing that fails and comes back by exponential times is off for mean / (mean + time between) of the time.
    #[test]
    fn the_share_of_time_off_is_that_of_an_alternating_process() {
        let until = at(20_000 * DAY);
        let outages = Outages::draw(&mut Rng::for_purpose(5, "outages", 0), 4.0, 3_600.0, until);
        let (count, off) = outages.before(until);
        let share = off.as_secs_f64() / until.as_secs_f64();
        // 6 h on, 1 h off: a seventh, in 68,571 periods on average.
        assert!((share - 1.0 / 7.0).abs() < 0.003, "{share}");
        assert!((count as f64 / 68_571.4 - 1.0).abs() < 0.02, "{count}");
        assert!(outages.spans().windows(2).all(|pair| pair[0].1 <= pair[1].0));
        assert!(outages.spans().iter().all(|span| span.0 < span.1 && span.1 <= until));
    }

    #[test]
    fn every_instant_is_on_or_off_as_a_search_through_all_of_them_says() {
        let outages = Outages::draw(&mut Rng::for_purpose(6, "outages", 0), 20.0, 900.0, at(5 * DAY));
        let naive =
            |from: u64, to: u64| outages.spans().iter().any(|span| span.0 < at(to) && span.1 > at(from));
        let mut off = 0;
        for s in (0..6 * DAY).step_by(97) {
            let until = outages.spans().iter().find(|span| span.0 <= at(s) && at(s) < span.1);
            assert_eq!(outages.off_until(at(s)), until.map(|span| span.1));
            off += u32::from(until.is_some());
            for length in [1, 60, 3_600] {
                assert_eq!(outages.touch(at(s), at(s + length)), naive(s, s + length), "{s} {length}");
            }
        }
        assert!(off > 100, "{off}");
        assert_eq!(outages.off_until(at(5 * DAY)), None);
    }

    #[test]
    fn what_never_fails_is_never_off() {
        let outages = Outages::draw(&mut Rng::for_purpose(5, "outages", 0), 0.0, 3_600.0, at(DAY));
        assert_eq!(outages, Outages::default());
        assert_eq!((outages.off_until(at(5)), outages.touch(at(0), at(DAY))), (None, false));
        assert_eq!(outages.before(at(DAY)), (0, Duration::ZERO));
    }
}
