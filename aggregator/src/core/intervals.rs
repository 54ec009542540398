//! An exact set of counters, kept as disjoint intervals. Months of traffic with a few gaps take a few entries.
use std::collections::BTreeMap;

/// A set of numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IntervalSet {
    /// First to last number of each interval; no two touch.
    intervals: BTreeMap<u64, u64>,
}

impl IntervalSet {
    /// Whether the number is in the set.
    pub fn contains(&self, number: u64) -> bool {
        self.intervals.range(..=number).next_back().is_some_and(|(_, &last)| number <= last)
    }

    /// Adds a number; `false` if it was there already.
    pub fn insert(&mut self, number: u64) -> bool {
        if self.contains(number) {
            return false;
        }
        let mut first = number;
        let mut last = number;
        if let Some((&before, &before_last)) = self.intervals.range(..number).next_back()
            && before_last + 1 == number
        {
            first = before;
        }
        if let Some(after_last) = number.checked_add(1).and_then(|next| self.intervals.remove(&next)) {
            last = after_last;
        }
        self.intervals.insert(first, last);
        true
    }

    /// One more than the largest number; zero for an empty set.
    pub fn end(&self) -> u64 {
        self.intervals.last_key_value().map_or(0, |(_, &last)| last + 1)
    }

    /// How many intervals the set takes.
    pub fn intervals(&self) -> usize {
        self.intervals.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_agrees_with_a_plain_set(numbers in proptest::collection::vec(0u64..80, 0..200)) {
            let (mut intervals, mut plain) = (IntervalSet::default(), BTreeSet::new());
            for number in numbers {
                prop_assert_eq!(intervals.insert(number), plain.insert(number));
            }
            prop_assert!((0..90).all(|number| intervals.contains(number) == plain.contains(&number)));
            prop_assert_eq!(intervals.end(), plain.last().map_or(0, |last| last + 1));
            let gaps = plain.iter().filter(|&&n| n == 0 || !plain.contains(&(n - 1))).count();
            prop_assert_eq!(intervals.intervals(), gaps);
        }
    }
}
