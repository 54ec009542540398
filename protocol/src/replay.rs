//! A node's replay window for downlinks: the highest counter seen and the 64 below it.

/// Counters seen in one epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplayWindow {
    /// One more than the highest counter seen; zero when none was.
    next: u64,
    /// Bit `i` set: counter `next - 1 - i` was seen.
    seen: u64,
}

/// A counter was seen before, or lies so far back that this can no longer be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("counter {counter} was used before")]
pub struct Replayed {
    /// The counter.
    pub counter: u64,
}

impl ReplayWindow {
    /// A window after a restart: every counter below `next` counts as seen.
    pub const fn restored(next: u64) -> Self {
        Self { next, seen: u64::MAX }
    }

    /// The counter that is expected next.
    pub const fn expected(&self) -> u64 {
        self.next
    }

    /// Whether [`ReplayWindow::accept`] would take the counter.
    pub const fn check(&self, counter: u64) -> Result<(), Replayed> {
        if counter >= self.next {
            return Ok(());
        }
        let back = self.next - 1 - counter;
        if back >= 64 || self.seen >> back & 1 == 1 { Err(Replayed { counter }) } else { Ok(()) }
    }

    /// Enters a counter whose frame was authentic.
    pub const fn accept(&mut self, counter: u64) -> Result<(), Replayed> {
        if let Err(replayed) = self.check(counter) {
            return Err(replayed);
        }
        if counter >= self.next {
            let ahead = counter - self.next + 1;
            self.seen = if ahead >= 64 { 0 } else { self.seen << ahead };
            self.seen |= 1;
            self.next = counter + 1;
        } else {
            self.seen |= 1 << (self.next - 1 - counter);
        }
        Ok(())
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        /// Against the naive model that remembers everything.
        #[test]
        fn the_window_agrees_with_a_set(counters in proptest::collection::vec(0u64..200, 1..300)) {
            let (mut window, mut seen) = (ReplayWindow::default(), BTreeSet::new());
            for counter in counters {
                let highest = seen.last().copied().unwrap_or(0);
                let fresh = !seen.contains(&counter) && counter + 64 > highest;
                prop_assert_eq!(window.accept(counter).is_ok(), fresh);
                if fresh { seen.insert(counter); }
            }
        }
    }

    #[test]
    fn after_a_restart_nothing_old_is_accepted() {
        let mut window = ReplayWindow::restored(100);
        assert_eq!(window.accept(99), Err(Replayed { counter: 99 }));
        assert_eq!(window.accept(100), Ok(()));
        assert_eq!(window.accept(100), Err(Replayed { counter: 100 }));
    }
}
