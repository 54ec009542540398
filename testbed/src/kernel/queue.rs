//! What is due, the earliest first; at the same time, what was asked for first.
//!
//! A heap in which every entry has four below it. It is half as deep as one with two, and the four lie side by side:
//! with the wake-ups of many nodes, which fit no fast memory, that is what counts.
use chirrup_protocol::time::Instant;

/// Entries below each entry.
const BELOW: usize = 4;

#[derive(Clone, Copy, Debug)]
struct Entry<T> {
    /// Time in microseconds above a sequence number. No two are the same, and comparing them takes no branch.
    key: u128,
    due: T,
}

/// The queue.
#[derive(Clone, Debug)]
pub(super) struct Queue<T> {
    /// No entry comes before the one above it: the first comes before all.
    entries: Vec<Entry<T>>,
    next_sequence: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), next_sequence: 0 }
    }
}

impl<T: Copy> Queue<T> {
    /// Enters something that is due at `at`.
    pub fn push(&mut self, at: Instant, due: T) {
        let key = (u128::from(at.as_micros()) << 64) | u128::from(self.next_sequence);
        self.next_sequence += 1;
        let (entry, mut place) = (Entry { key, due }, self.entries.len());
        self.entries.push(entry);
        while place > 0 {
            let above = (place - 1) / BELOW;
            if self.entries[above].key < key {
                break;
            }
            self.entries[place] = self.entries[above];
            place = above;
        }
        self.entries[place] = entry;
    }

    /// When the first is due.
    pub fn first_at(&self) -> Option<Instant> {
        self.entries.first().map(|entry| time(entry.key))
    }

    /// Takes the first.
    pub fn pop(&mut self) -> Option<(Instant, T)> {
        let last = self.entries.pop()?;
        let Some(&first) = self.entries.first() else { return Some((time(last.key), last.due)) };
        let mut place = 0;
        while let Some(below) = self.first_below(place) {
            if self.entries[below].key > last.key {
                break;
            }
            self.entries[place] = self.entries[below];
            place = below;
        }
        self.entries[place] = last;
        Some((time(first.key), first.due))
    }

    /// Where the earliest of those below a place stands.
    fn first_below(&self, place: usize) -> Option<usize> {
        let from = BELOW * place + 1;
        let to = (from + BELOW).min(self.entries.len());
        let below = self.entries.get(from..to)?;
        let (mut earliest, mut key) = (0, below.first()?.key);
        for (offset, entry) in below.iter().enumerate().skip(1) {
            if entry.key < key {
                (earliest, key) = (offset, entry.key);
            }
        }
        Some(from + earliest)
    }
}

fn time(key: u128) -> Instant {
    Instant::from_micros((key >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Rng;
    use std::collections::BTreeMap;

    /// Against an ordered map, with many at the same time.
    #[test]
    fn entries_come_by_time_and_then_in_the_order_they_were_entered() {
        let (mut queue, mut map) = (Queue::default(), BTreeMap::new());
        let mut rng = Rng::for_purpose(1, "queue", 0);
        let mut now = 0;
        for sequence in 0..20_000_u32 {
            let at = now + rng.below(50);
            queue.push(Instant::from_micros(at), sequence);
            map.insert((at, sequence), ());
            while rng.chance(if sequence % 1_000 < 500 { 0.3 } else { 0.6 }) {
                let expected =
                    map.pop_first().map(|((at, sequence), ())| (Instant::from_micros(at), sequence));
                assert_eq!(queue.first_at(), expected.map(|(at, _)| at));
                assert_eq!(queue.pop(), expected);
                now = expected.map_or(now, |(at, _)| at.as_micros());
            }
        }
        while let Some(((at, sequence), ())) = map.pop_first() {
            assert_eq!(queue.pop(), Some((Instant::from_micros(at), sequence)));
        }
        assert_eq!((queue.pop(), queue.first_at()), (None, None));
    }

    #[test]
    fn the_latest_time_has_room() {
        let mut queue = Queue::default();
        queue.push(Instant::from_micros(u64::MAX - 1), 'b');
        queue.push(Instant::ZERO, 'a');
        assert_eq!(queue.pop(), Some((Instant::ZERO, 'a')));
        assert_eq!(queue.pop(), Some((Instant::from_micros(u64::MAX - 1), 'b')));
    }
}
