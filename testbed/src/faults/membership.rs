//! Who of the fleet a fault concerns, and when nodes come and go.
use crate::kernel::Rng;
use crate::scenario::FaultsConfig;
use chirrup_protocol::time::{Duration, Instant};

/// A share of the fleet, rounded to whole nodes: those whose own draws are lowest, so that a node more changes at most
/// one other's lot. `[count]`.
pub fn chosen(share: f64, count: usize, seed: u64, purpose: &str) -> Vec<bool> {
    let wanted = libm::round(share * count as f64) as usize;
    let draw = |node: usize| (Rng::for_purpose(seed, purpose, node as u64).next_u64(), node);
    let mut order: Vec<(u64, usize)> = (0..count).map(draw).collect();
    order.sort_unstable();
    let mut is_chosen = vec![false; count];
    order.iter().take(wanted).for_each(|&(_, node)| is_chosen[node] = true);
    is_chosen
}

/// When a node is part of the fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presence {
    /// It is switched on for the first time.
    pub from: Instant,
    /// It leaves for ever; [`Instant::NEVER`] when it stays.
    pub until: Instant,
}

/// When each node is there. Late ones come, and leaving ones go, at any instant before `end` alike. `[count]`.
pub fn presences(faults: &FaultsConfig, count: usize, seed: u64, end: Instant) -> Vec<Presence> {
    let late = chosen(faults.late_share, count, seed, "late");
    let leaving = chosen(faults.leave_share, count, seed, "leaving");
    let between = |from: Instant, to: Instant, purpose: &str, node: usize| {
        let place = Rng::for_purpose(seed, purpose, node as u64).uniform();
        from + Duration::from_micros((place * (to - from).as_micros() as f64) as u64)
    };
    let of = |(node, (is_late, is_leaving))| {
        let from = if is_late { between(Instant::ZERO, end, "late-at", node) } else { Instant::ZERO };
        let until = if is_leaving { between(from, end, "leaving-at", node) } else { Instant::NEVER };
        Presence { from, until }
    };
    late.into_iter().zip(leaving).enumerate().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_so_many_nodes_and_a_node_more_changes_little() {
        for (share, count, expected) in [(0.0, 20, 0), (0.2, 20, 4), (1.0, 7, 7), (0.5, 5, 3), (0.04, 10, 0)]
        {
            let number = chosen(share, count, 3, "late").into_iter().filter(|&is| is).count();
            assert_eq!(number, expected, "{share} of {count}");
        }
        let (ten, eleven) = (chosen(0.3, 10, 3, "late"), chosen(0.3, 11, 3, "late"));
        let changed = ten.iter().zip(&eleven).filter(|(before, after)| before != after).count();
        assert!(changed <= 1, "{changed}");
        assert_ne!(chosen(0.5, 64, 3, "late"), chosen(0.5, 64, 3, "leaving"));
        assert_ne!(chosen(0.5, 64, 3, "late"), chosen(0.5, 64, 4, "late"));
    }

    #[test]
    fn nodes_come_before_they_go_and_both_before_the_end() {
        let faults = FaultsConfig { late_share: 0.5, leave_share: 0.5, ..FaultsConfig::default() };
        let end = Instant::ZERO + Duration::from_secs(86_400);
        let all = presences(&faults, 200, 9, end);
        let late = all.iter().filter(|node| node.from > Instant::ZERO).count();
        let leaving: Vec<_> = all.iter().filter(|node| node.until < Instant::NEVER).collect();
        assert_eq!((late, leaving.len()), (100, 100));
        assert!(all.iter().all(|node| node.from < end && node.from < node.until));
        assert!(leaving.iter().all(|node| node.until <= end));
        // Both are independent: a quarter of the nodes is late and leaves.
        let both = leaving.iter().filter(|node| node.from > Instant::ZERO).count();
        assert!((30..70).contains(&both), "{both}");
        let none = presences(&FaultsConfig::default(), 5, 9, end);
        assert!(none.iter().all(|node| (node.from, node.until) == (Instant::ZERO, Instant::NEVER)));
    }
}
