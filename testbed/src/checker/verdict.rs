//! What came of the checks: how much each looked at, and what it found.
use super::Violation;
use serde::Serialize;

/// Violations of one checker that are kept; further ones are counted.
const KEPT: usize = 100;

/// What one checker found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// Things that it looked at.
    pub looked_at: u64,
    /// Violations, also those that are not kept.
    pub found: u64,
    /// The first of them.
    pub violations: Vec<Violation>,
}

impl Findings {
    /// Looked at one thing more.
    pub const fn look(&mut self) {
        self.looked_at += 1;
    }

    /// Found a violation.
    pub fn find(&mut self, violation: Violation) {
        self.found += 1;
        if self.violations.len() < KEPT {
            self.violations.push(violation);
        }
    }
}

impl FromIterator<Self> for Findings {
    fn from_iter<I: IntoIterator<Item = Self>>(parts: I) -> Self {
        parts.into_iter().fold(Self::default(), |mut all, part| {
            let room = KEPT.saturating_sub(all.violations.len());
            all.looked_at += part.looked_at;
            all.found += part.found;
            all.violations.extend(part.violations.into_iter().take(room));
            all
        })
    }
}

/// How much a checker looked at, and how often it found its invariant broken. A checker that looked at nothing has
/// shown nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Looked {
    /// Things looked at.
    pub looked_at: u64,
    /// Violations.
    pub violations: u64,
}

/// The checkers of a run; `None` for one that was not run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checks {
    /// Transmissions, against the duty cycle in any hour and the limits of sub-bands.
    pub duty_cycle: Option<Looked>,
    /// LoRaWAN frames on the air, against the use of a counter or nonce twice.
    pub frame_counters: Option<Looked>,
    /// Frames that nodes sealed, against the use of a nonce twice.
    pub uplink_nonces: Option<Looked>,
    /// The same of frames that the aggregator sealed.
    pub downlink_nonces: Option<Looked>,
    /// Frames in the ledger, against what nodes sealed.
    pub authenticity: Option<Looked>,
    /// Contributions that versions name, against what arrived.
    pub contributions: Option<Looked>,
    /// Versions, against an oracle.
    pub versions: Option<Looked>,
    /// Models that nodes came to run, against the versions.
    pub models: Option<Looked>,
}

impl Checks {
    /// Every checker with its name, in the order of the summary.
    pub const fn all(&self) -> [(&'static str, Option<Looked>); 8] {
        [
            ("duty_cycle", self.duty_cycle),
            ("frame_counters", self.frame_counters),
            ("uplink_nonces", self.uplink_nonces),
            ("downlink_nonces", self.downlink_nonces),
            ("authenticity", self.authenticity),
            ("contributions", self.contributions),
            ("versions", self.versions),
            ("models", self.models),
        ]
    }

    /// Violations of all checkers.
    pub fn violations(&self) -> u64 {
        self.all().iter().filter_map(|(_, looked)| looked.map(|looked| looked.violations)).sum()
    }
}

/// What came of all checks of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// For the summary.
    pub checks: Checks,
    /// What was found, the first hundred of each checker.
    pub violations: Vec<Violation>,
}

impl Verdict {
    /// Takes over what a checker found, if it was run.
    pub fn enter(&mut self, findings: Option<Findings>) -> Option<Looked> {
        let Findings { looked_at, found, violations } = findings?;
        self.violations.extend(violations);
        Some(Looked { looked_at, violations: found })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_violations_are_counted_and_the_first_are_kept() {
        let part = |count: u64| {
            let mut findings = Findings::default();
            (0..count).for_each(|frames| {
                findings.look();
                findings.find(Violation::OutsideBands { frames });
            });
            findings
        };
        let mut verdict = Verdict::default();
        verdict.checks.duty_cycle = verdict.enter(Some([part(70), part(80)].into_iter().collect()));
        verdict.checks.models = verdict.enter(None);
        assert_eq!(verdict.checks.duty_cycle, Some(Looked { looked_at: 150, violations: 150 }));
        assert_eq!((verdict.checks.models, verdict.checks.violations()), (None, 150));
        assert_eq!(verdict.violations.len(), KEPT);
        assert_eq!(verdict.violations[70], Violation::OutsideBands { frames: 0 });
    }
}
