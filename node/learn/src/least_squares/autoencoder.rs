//! An autoencoder by OS-ELM that tells the unusual from the usual (Tsukada, Kondo and Matsutani 2020, "A Neural
//! Network-Based On-Device Learning Anomaly Detector for Edge Devices", IEEE Transactions on Computers 69).
//!
//! A readout of fewer random units than features learns to give the sample itself; what it gives badly is unlike
//! what it learned. The score is the mean squared error. A sample is unusual when its score is more than so many
//! deviations above the mean score of those learned, each scored before it was learned.
//!
//! State: `2 * units * (units + 1)` bytes of packed P, `4 * units * features` of readout and 12 of [`Scores`].
//! 16 units and 64 features: 544 + 4,096 + 12 bytes.
//! A step takes `units * (features + 1)` draws and as many multiplications for the layer, then
//! `1.5 * units^2 + 3 * units * features`; a score the layer and `units * features`.
use super::layer::Layer;
use super::recursive::{Covariance, Recursive};
use crate::dot::{add_scaled, dot};
use crate::{LearnError, check_length, check_sample, check_setting};

/// The detector's settings. P, the readout, `[units][features]`, and the scores are the caller's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Autoencoder {
    /// Numbers in a sample.
    pub features: usize,
    /// The random units: a quarter of the features is a good start.
    pub layer: Layer,
    /// Weight of the readout's square, 2^-10 to 2^20. 1 is a good start.
    pub ridge: f32,
    /// Deviations above the mean score from which a sample is unusual, at least zero.
    pub deviations: f32,
    /// Samples over which the scores' mean and deviation run: they follow what is usual now. As many are learned
    /// before scores count, for those of a beginner are high, and as many again before any sample is called unusual.
    /// 2 to 2^24.
    pub window: u32,
}

/// Mean and variance of the scores of what was learned; they begin as the default.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scores {
    /// How many samples were learned, up to two windows.
    pub learned: u32,
    /// Mean of the scores after the first window.
    pub mean: f32,
    /// Their variance.
    pub variance: f32,
}

/// What the detector makes of a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Mean squared error.
    pub score: f32,
    /// What follows from it.
    pub finding: Finding,
}

/// What follows from a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Too few samples were learned to say.
    Learning,
    /// Like what was learned.
    Usual,
    /// Unlike it.
    Unusual,
}

impl Autoencoder {
    /// Entries of P.
    pub const fn covariance_len(self) -> usize {
        self.recursive().covariance_len()
    }

    /// Entries of the readout.
    pub const fn readout_len(self) -> usize {
        self.recursive().readout_len()
    }

    /// Entries of a step's scratch.
    pub const fn scratch_len(self) -> usize {
        2 * self.layer.units + self.features
    }

    /// P and a readout that have seen nothing.
    pub fn start(&self, covariance: &mut [f32], readout: &mut [f32]) -> Result<(), LearnError> {
        self.recursive().start(covariance, readout)
    }

    /// Compares a sample with what was learned. `errors`, `[features]`, becomes what the readout lacks.
    pub fn judge(
        &self,
        readout: &[f32],
        scores: &Scores,
        sample: &[f32],
        errors: &mut [f32],
    ) -> Result<Verdict, LearnError> {
        self.check_settings()?;
        check_length("readout", readout.len(), self.readout_len())?;
        check_length("errors", errors.len(), self.features)?;
        check_sample(sample, self.features)?;
        errors.copy_from_slice(sample);
        for (unit, row) in readout.chunks_exact(self.features).enumerate() {
            add_scaled(errors, -self.layer.activation(unit, sample), row);
        }
        Ok(self.verdict(scores, errors))
    }

    /// Learns a sample and its score, whatever it is like: judge first, and learn what is not unusual. Returns how it
    /// was judged before, and what became of P. `scratch`: `[scratch_len]`.
    pub fn step(
        &self,
        covariance: &mut [f32],
        readout: &mut [f32],
        scores: &mut Scores,
        sample: &[f32],
        scratch: &mut [f32],
    ) -> Result<(Verdict, Covariance), LearnError> {
        self.check_settings()?;
        self.recursive().check(covariance, readout)?;
        check_length("scratch", scratch.len(), self.scratch_len())?;
        check_sample(sample, self.features)?;
        let (hidden, rest) = scratch.split_at_mut(self.layer.units);
        let (gain, errors) = rest.split_at_mut(self.layer.units);
        self.layer.activations(sample, hidden);
        errors.copy_from_slice(sample);
        let outcome = self.recursive().step(covariance, readout, hidden, errors, gain)?;
        let verdict = self.verdict(scores, errors);
        scores.add(verdict.score, self.window);
        Ok((verdict, outcome))
    }

    fn verdict(&self, scores: &Scores, errors: &[f32]) -> Verdict {
        let score = (dot(errors, errors) / self.features as f32).min(f32::MAX);
        let threshold = scores.mean + self.deviations * libm::sqrtf(scores.variance);
        let finding = match () {
            () if scores.learned < 2 * self.window => Finding::Learning,
            () if score > threshold => Finding::Unusual,
            () => Finding::Usual,
        };
        Verdict { score, finding }
    }

    fn check_settings(&self) -> Result<(), LearnError> {
        check_setting("number of features", self.features, 1..)?;
        check_setting("deviations", self.deviations, 0.0..=f32::MAX)?;
        check_setting("window", self.window, 2..=1 << 24)
    }

    const fn recursive(self) -> Recursive {
        Recursive { units: self.layer.units, outputs: self.features, ridge: self.ridge }
    }
}

impl Scores {
    /// Running mean and variance (Welford 1962, as West 1979 weighs them): the newest of the last `window` weighs as
    /// much as each of those before together with what they replaced.
    fn add(&mut self, score: f32, window: u32) {
        self.learned = self.learned.saturating_add(1).min(2 * window);
        if self.learned <= window {
            return;
        }
        let share = 1.0 / (self.learned - window) as f32;
        let difference = score - self.mean;
        self.mean += share * difference;
        let variance = self.variance + share * (difference * (score - self.mean) - self.variance);
        // Squares of scores above 2^64 are beyond a single; a threshold that high is as good as any.
        self.variance = variance.min(f32::MAX);
    }
}

#[cfg(test)]
mod tests;
