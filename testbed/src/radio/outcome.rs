//! What became of a frame.
use core::ops::AddAssign;

/// Why a receiver did not get a frame. In the order of how far the frame came: where several receivers missed it for
/// different reasons, the last of them names the loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// On a channel that the gateway does not listen to.
    OffChannel,
    /// Too weak.
    Sensitivity,
    /// The gateway was transmitting.
    HalfDuplex,
    /// All demodulators of the gateway were taken.
    NoDemodulator,
    /// Another frame drowned it.
    Collision,
    /// An interferer's noise drowned it.
    Interference,
    /// The scenario's own share of lost frames.
    Injected,
}

impl Cause {
    /// All of them, in order.
    pub const ALL: [Self; 7] = [
        Self::OffChannel,
        Self::Sensitivity,
        Self::HalfDuplex,
        Self::NoDemodulator,
        Self::Collision,
        Self::Interference,
        Self::Injected,
    ];
}

/// What one receiver made of a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// It has the frame.
    Delivered {
        /// Received power in dBm.
        rssi_dbm: f64,
        /// Signal-to-noise ratio in dB.
        snr_db: f64,
    },
    /// It does not.
    Lost(Cause),
}

/// What became of a frame in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// At least one receiver has it.
    Delivered,
    /// None has it.
    Lost(Cause),
    /// A downlink that met no open receive window.
    Unheard,
}

impl Outcome {
    /// The outcome of what each receiver made of the frame.
    pub fn of(verdicts: &[Verdict]) -> Self {
        verdicts.iter().fold(Self::Unheard, |outcome, verdict| match (outcome, verdict) {
            (Self::Delivered, _) | (_, Verdict::Delivered { .. }) => Self::Delivered,
            (Self::Lost(one), Verdict::Lost(other)) => Self::Lost(one.max(*other)),
            (Self::Unheard, Verdict::Lost(cause)) => Self::Lost(*cause),
        })
    }
}

/// Frames by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// At least one receiver had it.
    pub delivered: u64,
    /// Downlinks that met no open window.
    pub unheard: u64,
    lost: [u64; Cause::ALL.len()],
}

impl Outcomes {
    /// Counts one frame.
    pub const fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Delivered => self.delivered += 1,
            Outcome::Lost(cause) => self.lost[cause as usize] += 1,
            Outcome::Unheard => self.unheard += 1,
        }
    }

    /// How many were lost for this reason.
    pub const fn lost(&self, cause: Cause) -> u64 {
        self.lost[cause as usize]
    }

    /// How many there were.
    pub fn total(&self) -> u64 {
        self.delivered + self.unheard + self.lost.iter().sum::<u64>()
    }
}

impl AddAssign for Outcomes {
    fn add_assign(&mut self, other: Self) {
        self.delivered += other.delivered;
        self.unheard += other.unheard;
        for (mine, theirs) in self.lost.iter_mut().zip(other.lost) {
            *mine += theirs;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_receiver_is_enough_and_the_nearest_miss_names_the_loss() {
        let heard = Verdict::Delivered { rssi_dbm: -100.0, snr_db: 5.0 };
        let lost = Verdict::Lost;
        assert_eq!(Outcome::of(&[lost(Cause::Collision), heard, lost(Cause::Injected)]), Outcome::Delivered);
        let missed = [lost(Cause::Sensitivity), lost(Cause::Collision), lost(Cause::HalfDuplex)];
        assert_eq!(Outcome::of(&missed), Outcome::Lost(Cause::Collision));
        assert_eq!(Outcome::of(&[]), Outcome::Unheard);
    }
}
