//! Places of buffers such that two that live at once never overlap.
//!
//! Finding the smallest arena is NP-hard; the smallest gap that fits, in three orders, reaches the live bytes on most
//! networks (Pisarchyk and Lee, Efficient Memory Management for Deep Neural Net Inference, 2020). Where they do not,
//! a seeded local search tries other orders.
use chirrup_learn::random::Random;

/// Orders that the local search tries.
const TRIES: usize = 3_000;

/// A buffer's size and the steps at which it is live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// Its size.
    pub bytes: usize,
    /// First step.
    pub first: usize,
    /// Last step, itself included.
    pub last: usize,
}

impl Lifetime {
    /// Whether both are live at some step.
    pub const fn meets(&self, other: &Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// Offset of each buffer, and the size of the arena.
pub fn place(lifetimes: &[Lifetime]) -> (Vec<usize>, usize) {
    type Key = fn(&Lifetime) -> (usize, usize);
    let keys: [Key; 3] = [
        |life| (usize::MAX - life.bytes, life.first),
        |life| (usize::MAX - (life.last - life.first), usize::MAX - life.bytes),
        |life| (life.first, usize::MAX - life.bytes),
    ];
    let orders = keys.map(|key| {
        let mut order: Vec<usize> = (0..lifetimes.len()).collect();
        order.sort_by_key(|&buffer| key(&lifetimes[buffer]));
        order
    });
    let plans = orders.map(|order| (in_order(lifetimes, &order), order));
    let best = plans.into_iter().min_by_key(|((_, arena_bytes), _)| *arena_bytes);
    let (plan, order) = best.expect("there are three");
    improve(lifetimes, plan, order)
}

/// Moves one buffer in the order at a time, keeps what is no worse, and stops at the live bytes.
fn improve(
    lifetimes: &[Lifetime],
    mut plan: (Vec<usize>, usize),
    mut order: Vec<usize>,
) -> (Vec<usize>, usize) {
    let live_at = |life: &Lifetime| -> usize {
        let live = lifetimes.iter().filter(|other| other.first <= life.first && life.first <= other.last);
        live.map(|other| other.bytes).sum()
    };
    // The peak is at the first step of some buffer.
    let least = lifetimes.iter().map(live_at).max().unwrap_or(0);
    let mut random = Random::new(1);
    for _ in 0..TRIES {
        if plan.1 <= least {
            break;
        }
        let mut other = order.clone();
        let moved = other.remove(random.below(order.len() as u32) as usize);
        other.insert(random.below(order.len() as u32) as usize, moved);
        let tried = in_order(lifetimes, &other);
        if tried.1 <= plan.1 {
            (plan, order) = (tried, other);
        }
    }
    plan
}

fn in_order(lifetimes: &[Lifetime], order: &[usize]) -> (Vec<usize>, usize) {
    let mut offsets = vec![None; lifetimes.len()];
    let mut arena_bytes = 0;
    for &buffer in order {
        let life = &lifetimes[buffer];
        let mut taken: Vec<(usize, usize)> = (0..lifetimes.len())
            .filter(|&other| lifetimes[other].meets(life))
            .filter_map(|other| offsets[other].map(|at: usize| (at, at + lifetimes[other].bytes)))
            .collect();
        taken.sort_unstable();
        let offset = smallest_gap(&taken, life.bytes);
        offsets[buffer] = Some(offset);
        arena_bytes = arena_bytes.max(offset + life.bytes);
    }
    (offsets.into_iter().map(|offset| offset.unwrap_or(0)).collect(), arena_bytes)
}

/// Start of the smallest gap between taken ranges that fits, or the end of all.
fn smallest_gap(taken: &[(usize, usize)], bytes: usize) -> usize {
    let (mut end, mut best) = (0, None);
    for &(start, stop) in taken {
        let gap = start.saturating_sub(end);
        if gap >= bytes && best.is_none_or(|(smallest, _)| gap < smallest) {
            best = Some((gap, end));
        }
        end = end.max(stop);
    }
    best.map_or(end, |(_, start)| start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn buffers_live_at_once_never_overlap(
            lives in prop::collection::vec((0_usize..100, 0_usize..20, 0_usize..8), 1..30),
        ) {
            let lifetimes: Vec<Lifetime> = lives
                .into_iter()
                .map(|(bytes, first, steps)| Lifetime { bytes, first, last: first + steps })
                .collect();
            let (offsets, arena_bytes) = place(&lifetimes);
            let live_at = |step| {
                lifetimes.iter().filter(|life| life.first <= step && step <= life.last).map(|life| life.bytes).sum()
            };
            let least: usize = (0..30).map(live_at).max().unwrap();
            prop_assert!(least <= arena_bytes);
            for (left, first) in lifetimes.iter().enumerate() {
                prop_assert!(offsets[left] + first.bytes <= arena_bytes);
                for (right, second) in lifetimes.iter().enumerate().skip(left + 1) {
                    let apart = offsets[left] + first.bytes <= offsets[right]
                        || offsets[right] + second.bytes <= offsets[left];
                    prop_assert!(apart || !first.meets(second));
                }
            }
        }
    }
}
