//! All results of a soak in one object.
use super::liveness::{ACCURACY_MARGIN, HEALING_S};
use super::store::Kept;
use serde::Serialize;

/// What a soak came to, as `--json` prints it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Totals {
    /// The first seed.
    pub first: u64,
    /// Seeds run.
    pub seeds: u64,
    /// Seeds that broke something.
    pub broken: Vec<u64>,
    /// Seeds with at least one fault.
    pub with_faults: u64,
    /// Frames on the air, of all seeds.
    pub transmissions: u64,
    /// Versions that closed.
    pub versions: u64,
    /// Things that checkers looked at.
    pub checked: u64,
    /// Nodes that no gateway hears at their data rate, with faults or without.
    pub out_of_reach: u64,
    /// Time that a fleet has to catch up, in seconds.
    pub healing_s: u64,
    /// Time that fleets took, over seeds.
    pub healed_s: Spread,
    /// Seeds whose accuracy was judged: all who took part are honest, and still there.
    pub must_learn: u64,
    /// By how much they may do worse than without faults.
    pub accuracy_margin: f64,
    /// By how much they did; below 0, better.
    pub accuracy_lost: Spread,
}

/// Of one figure over seeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// In the middle.
    pub median: f64,
    /// Of a hundred seeds, 99 have no more.
    pub percentile_99: f64,
    /// The most.
    pub max: f64,
}

impl Spread {
    /// Of these values, each of them a number.
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let at =
            |percent: usize| values.get((values.len() * percent / 100).min(values.len().saturating_sub(1)));
        let at = |percent| at(percent).copied().unwrap_or(0.0);
        Self { median: at(50), percentile_99: at(99), max: at(100) }
    }
}

impl Totals {
    /// Of all seeds from `first` on.
    pub fn of(first: u64, results: &[Kept]) -> Self {
        let held = || results.iter().filter(|kept| kept.broken.is_empty());
        let judged = || held().filter(|kept| kept.must_learn);
        Self {
            first,
            seeds: results.len() as u64,
            broken: results.iter().filter(|kept| !kept.broken.is_empty()).map(|kept| kept.seed).collect(),
            with_faults: results.iter().filter(|kept| kept.faults > 0).count() as u64,
            transmissions: results.iter().map(|kept| kept.transmissions).sum(),
            versions: results.iter().map(|kept| u64::from(kept.versions)).sum(),
            checked: results.iter().map(|kept| kept.checked).sum(),
            out_of_reach: results.iter().map(|kept| kept.out_of_reach as u64).sum(),
            healing_s: HEALING_S,
            healed_s: Spread::of(held().map(|kept| kept.healed_s)),
            must_learn: judged().count() as u64,
            accuracy_margin: ACCURACY_MARGIN,
            accuracy_lost: Spread::of(judged().map(|kept| kept.accuracy_without_faults - kept.accuracy)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_spreads_are_over_all_seeds() {
        let kept = |seed: u64| Kept {
            seed,
            faults: (seed % 2) as usize,
            transmissions: 10,
            healed_s: seed as f64,
            must_learn: seed < 50,
            accuracy_without_faults: seed as f64,
            broken: if seed == 7 { vec!["broken".into()] } else { Vec::new() },
            ..Kept::default()
        };
        let results: Vec<Kept> = (0..200).map(kept).collect();
        let totals = Totals::of(0, &results);
        assert_eq!((totals.seeds, totals.transmissions, totals.with_faults), (200, 2_000, 100));
        assert_eq!((totals.broken, totals.healed_s.max), (vec![7], 199.0));
        assert_eq!(totals.healed_s.percentile_99, 198.0);
        // Number 7 is broken, and those from 50 on are not judged.
        assert_eq!((totals.must_learn, totals.accuracy_lost.max), (49, 49.0));
        assert_eq!(Totals::of(0, &[]).healed_s, Spread::default());
    }
}
