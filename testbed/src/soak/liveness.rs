//! What must be true of a fleet some time after its faults have ended. `docs/checks.md` derives the time.
use crate::summary::{NodeRecord, RunRecord, VersionRecord};
use chirrup_protocol::time::{Duration, Instant};

/// From the last fault on a fleet has so much time, in seconds.
pub const HEALING_S: u64 = 6 * 3_600;
/// Of which the last so many are what a version takes at most to reach every node: one status interval, and its chunks.
pub const SPREADING_S: u64 = 9_900;
/// The model may do so much worse on held-out samples than that of the same fleet after as much learning without faults.
pub const ACCURACY_MARGIN: f64 = 0.1;
/// Versions over which [`level`] takes the median: single ones jump where few nodes with few classes contribute.
const LEVEL_VERSIONS: usize = 5;

/// A node that did not catch up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// Which one.
    pub node: usize,
    /// The version that it runs at the end; 0 is none.
    pub held: u32,
    /// The newest version then.
    pub newest: u32,
}

/// Since when a node has been up to date, counted from the last fault; or how far it lags behind at the end.
///
/// Up to date is who runs a version that closed after the last fault, or the newest of those that have had
/// [`SPREADING_S`] to reach it.
pub fn caught_up(run: &RunRecord, faults_end: Instant, node: usize) -> Result<Duration, Lag> {
    let newest = run.versions.last().map_or(0, |version| version.version);
    let fresh = run.versions.iter().find(|version| version.at_s >= faults_end.as_secs_f64());
    let spread_by = faults_end + Duration::from_secs(HEALING_S - SPREADING_S);
    let spread = closed_by(run, spread_by.as_secs_f64()).last().map_or(0, |version| version.version);
    let needed = fresh.map_or(newest, |fresh| fresh.version).min(spread).max(1);
    let noted = &run.nodes[node].versions;
    let held = held_at_end(&run.nodes[node]);
    if held < needed {
        return Err(Lag { node, held, newest });
    }
    // It may have lost what it held, by a restart, and got it again: what counts is the last time.
    let since = noted.iter().rev().take_while(|(_, version)| *version >= needed).last();
    Ok(since.map_or(Duration::ZERO, |(at, _)| *at - faults_end))
}

/// What the fleet's model was worth at some time, in seconds: the median accuracy of the last five versions that had closed by then.
/// `None` before the first.
pub fn level(run: &RunRecord, at_s: f64) -> Option<f64> {
    let closed: Vec<f64> = closed_by(run, at_s).map(|version| version.accuracy).collect();
    let mut last = closed[closed.len().saturating_sub(LEVEL_VERSIONS)..].to_vec();
    last.sort_by(f64::total_cmp);
    last.get(last.len() / 2).copied()
}

/// When the task was settled and learning began, in seconds: the time of the first version.
pub fn settled_s(run: &RunRecord) -> Option<f64> {
    run.versions.first().map(|version| version.at_s)
}

fn closed_by(run: &RunRecord, at_s: f64) -> impl Iterator<Item = &VersionRecord> {
    run.versions.iter().take_while(move |version| version.at_s <= at_s)
}

/// The version that a node runs at the end of the run.
fn held_at_end(node: &NodeRecord) -> u32 {
    node.versions.last().map_or(0, |(_, version)| *version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn at(s: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(s)
    }

    /// Versions at these seconds, and what node 0 ran when.
    fn run(closed_s: &[f64], ran: &[(u64, u32)]) -> RunRecord {
        let mut run = sample::run();
        let version = |(index, &at_s): (usize, &f64)| VersionRecord {
            at_s,
            version: index as u32,
            ..VersionRecord::default()
        };
        run.versions = closed_s.iter().enumerate().map(version).collect();
        run.nodes[0].versions = ran.iter().map(|&(s, version)| (at(s), version)).collect();
        run
    }

    #[test]
    fn who_runs_a_version_of_after_the_faults_has_caught_up() {
        let closed = [0.0, 100.0, 900.0, 1_100.0, 2_000.0, 2_900.0];
        let since = |ran: &[(u64, u32)]| caught_up(&run(&closed, ran), at(1_000), 0);
        assert_eq!(since(&[(150, 1), (1_300, 3)]), Ok(Duration::from_secs(300)));
        assert_eq!(since(&[(150, 1), (1_300, 3), (2_500, 4)]), Ok(Duration::from_secs(300)));
        assert_eq!(
            since(&[(1_300, 3), (1_400, 0), (2_400, 4)]),
            Ok(Duration::from_secs(1_400)),
            "lost and got again"
        );
        assert_eq!(since(&[(950, 2)]), Err(Lag { node: 0, held: 2, newest: 5 }));
        assert_eq!(since(&[]), Err(Lag { node: 0, held: 0, newest: 5 }));
    }

    #[test]
    fn a_version_that_closed_at_the_end_need_not_be_everywhere() {
        let late = (HEALING_S + 500) as f64;
        let closed = [0.0, 100.0, 500.0, 900.0, late];
        let since = |ran: &[(u64, u32)]| caught_up(&run(&closed, ran), at(1_000), 0);
        assert_eq!(since(&[(950, 3)]), Ok(Duration::ZERO));
        assert_eq!(since(&[(1_700, 3)]), Ok(Duration::from_secs(700)));
        assert_eq!(since(&[(600, 2)]), Err(Lag { node: 0, held: 2, newest: 4 }));
        // Of the only version there is nobody may be without.
        assert_eq!(caught_up(&run(&[0.0, 100.0], &[(150, 1)]), at(1_000), 0), Ok(Duration::ZERO));
        assert!(caught_up(&run(&[0.0, 100.0], &[]), at(1_000), 0).is_err());
    }

    #[test]
    fn the_level_is_the_median_of_the_last_versions_that_had_closed() {
        let mut run = run(&[0.0, 100.0, 200.0, 300.0, 400.0, 500.0, 600.0], &[]);
        for (version, accuracy) in run.versions.iter_mut().zip([0.1, 0.5, 0.9, 0.2, 0.8, 0.7, 0.3]) {
            version.accuracy = accuracy;
        }
        let levels = [0.0, 100.0, 200.0, 499.0, 500.0, f64::INFINITY].map(|at_s| level(&run, at_s));
        assert_eq!(levels, [0.1, 0.5, 0.5, 0.5, 0.7, 0.7].map(Some));
        assert_eq!(settled_s(&run), Some(0.0));
        run.versions.clear();
        assert_eq!((level(&run, 9.0), settled_s(&run)), (None, None));
    }
}
