//! How old a frame may be: one that comes long after a later frame of its device is refused, so that nobody can hold
//! frames back and revive them.
//!
//! The age of a frame is told from other frames, as nothing in it that a gateway could not forge tells the time. In
//! each sixteenth of the maximum age the highest number accepted is kept; what is older becomes one bound.
use super::intake::FrameNumber;
use chirrup_protocol::time::{Duration, Instant};
use std::collections::VecDeque;

/// Parts of the maximum age that are told apart.
const PARTS: u64 = 16;

/// What of a device was accepted when. Has at most 18 marks.
#[derive(Clone, Debug)]
pub struct FrameAge {
    max_age: Duration,
    /// Frames below this are too old, whatever the time.
    bound: Option<FrameNumber>,
    /// Since when, and the highest number accepted from then on until the part's end.
    marks: VecDeque<(Instant, FrameNumber)>,
}

impl FrameAge {
    /// Nothing was accepted.
    pub const fn new(max_age: Duration) -> Self {
        Self { max_age, bound: None, marks: VecDeque::new() }
    }

    /// Whether a later frame was accepted more than the maximum age before `now`.
    pub fn is_too_old(&self, now: Instant, number: FrameNumber) -> bool {
        let is_below = |mark: &(Instant, FrameNumber)| self.is_ripe(now, mark.0) && number < mark.1;
        self.bound.is_some_and(|bound| number < bound) || self.marks.iter().any(is_below)
    }

    /// A frame was accepted.
    pub fn accept(&mut self, now: Instant, number: FrameNumber) {
        let begin = Instant::from_micros(now.as_micros() / self.part().as_micros() * self.part().as_micros());
        match self.marks.back_mut() {
            // A clock that was set back changes nothing: what it says now was accepted after the last mark.
            Some((since, highest)) if begin <= *since => *highest = number.max(*highest),
            _ => self.marks.push_back((begin, number)),
        }
        while let Some((since, highest)) = self.marks.front().copied()
            && self.is_ripe(now, since)
        {
            self.bound = self.bound.max(Some(highest));
            self.marks.pop_front();
        }
    }

    /// Whether everything accepted in the part that began at `since` was accepted more than the maximum age ago.
    fn is_ripe(&self, now: Instant, since: Instant) -> bool {
        since + self.part() + self.max_age < now
    }

    /// A sixteenth, rounded up to a second.
    const fn part(&self) -> Duration {
        Duration::from_secs(self.max_age.as_micros().div_ceil(PARTS * 1_000_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAX_AGE: Duration = Duration::from_secs(1_600);

    fn number(counter: u64) -> FrameNumber {
        FrameNumber { epoch: (counter / 10) as u32, counter: counter % 10 }
    }

    proptest! {
        /// Against the naive model that remembers everything: never early, at most a sixteenth late.
        #[test]
        fn a_frame_is_too_old_when_a_later_one_is(
            frames in proptest::collection::vec((0u64..400, 0u64..60), 1..150),
        ) {
            let (mut age, mut accepted) = (FrameAge::new(MAX_AGE), Vec::new());
            let mut now = Instant::from_micros(77_000_000);
            for (pause, counter) in frames {
                now = now + Duration::from_secs(pause);
                let later = accepted.iter().filter(|(_, other)| *other > counter);
                let oldest = later.map(|(at, _): &(Instant, u64)| now - *at).max().unwrap_or_default();
                let is_too_old = age.is_too_old(now, number(counter));
                prop_assert!(!is_too_old || oldest > MAX_AGE, "{oldest:?}");
                prop_assert!(is_too_old || oldest <= MAX_AGE + Duration::from_secs(200), "{oldest:?}");
                age.accept(now, number(counter));
                accepted.push((now, counter));
                prop_assert!(age.marks.len() <= 18);
            }
        }
    }

    #[test]
    fn a_clock_that_is_set_back_forgets_nothing() {
        let mut age = FrameAge::new(MAX_AGE);
        let late = Instant::from_micros(9_000_000_000);
        age.accept(late, number(5));
        age.accept(Instant::ZERO, number(9));
        assert!(!age.is_too_old(late + MAX_AGE, number(8)));
        assert!(age.is_too_old(late + MAX_AGE + Duration::from_secs(201), number(8)));
    }
}
