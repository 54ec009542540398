//! What a detector of drift says, for an agent to act upon.

/// Whether a stream is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DriftSignal {
    /// As it was: go on.
    Steady,
    /// It may have changed: keep samples, ask for labels, learn faster.
    Warning,
    /// It has changed: adapt, or ask for help. The detector has begun anew.
    Drift,
}
