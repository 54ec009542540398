//! What must be true of a fleet some time after its faults have ended. `docs/checks.md` derives the time.
use crate::summary::{NodeRecord, RunRecord};
use chirrup_protocol::time::{Duration, Instant};

/// From the last fault on a fleet has so much time, in seconds.
pub const HEALING_S: u64 = 6 * 3_600;
/// The newest model may do so much worse on held-out samples than that of the same fleet without faults.
pub const ACCURACY_MARGIN: f64 = 0.1;

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
/// Up to date is who runs a version that closed after the last fault, or the newest of all, or the one before it.
pub fn caught_up(run: &RunRecord, faults_end: Instant, node: usize) -> Result<Duration, Lag> {
    let newest = run.versions.last().map_or(0, |version| version.version);
    let fresh = run.versions.iter().find(|version| version.at_s >= faults_end.as_secs_f64());
    let needed = fresh.map_or(newest, |fresh| fresh.version).min(newest.saturating_sub(1)).max(1);
    let noted = &run.nodes[node].versions;
    let held = held_at_end(&run.nodes[node]);
    if held < needed {
        return Err(Lag { node, held, newest });
    }
    // It may have lost what it held, by a restart, and got it again: what counts is the last time.
    let since = noted.iter().rev().take_while(|(_, version)| *version >= needed).last();
    Ok(since.map_or(Duration::ZERO, |(at, _)| *at - faults_end))
}

/// The version that a node runs at the end of the run.
fn held_at_end(node: &NodeRecord) -> u32 {
    node.versions.last().map_or(0, |(_, version)| *version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::summary::VersionRecord;

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
    fn where_no_version_closes_any_more_the_newest_or_the_one_before_it_will_do() {
        let closed = [0.0, 100.0, 500.0, 900.0];
        let since = |ran: &[(u64, u32)]| caught_up(&run(&closed, ran), at(1_000), 0);
        assert_eq!(since(&[(600, 2)]), Ok(Duration::ZERO));
        assert_eq!(since(&[(950, 3)]), Ok(Duration::ZERO));
        assert_eq!(since(&[(1_700, 2)]), Ok(Duration::from_secs(700)));
        assert_eq!(since(&[(150, 1)]), Err(Lag { node: 0, held: 1, newest: 3 }));
        // Of the only version there is nobody may be without.
        assert_eq!(caught_up(&run(&[0.0, 100.0], &[(150, 1)]), at(1_000), 0), Ok(Duration::ZERO));
        assert!(caught_up(&run(&[0.0, 100.0], &[]), at(1_000), 0).is_err());
    }
}
