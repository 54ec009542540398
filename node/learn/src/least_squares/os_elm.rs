//! OS-ELM: a random layer and a readout by recursive least squares (Liang, Huang, Saratchandran and Sundararajan
//! 2006), one sample or one batch at a time. One pass over the data gives what solving for all of it at once gives.
//!
//! State, whatever the number of features: `2 * units * (units + 1)` bytes of packed P and `4 * units * classes` of
//! readout; the layer's weights are regenerated, not stored. 64 units and 10 classes: 10,880 bytes.
//! A step takes `units * (features + 1)` draws and as many multiplications for the layer, then
//! `1.5 * units^2 + 2 * units * classes` ([`super::recursive`]); a prediction the layer and `units * classes`.
//!
//! Targets are 1 for the label and 0 for the others.
use super::layer::Layer;
use super::recursive::{Covariance, Recursive};
use crate::dot::add_scaled;
use crate::{LearnError, Shape, check_label, check_length, check_sample};

/// The learner's settings. P and the readout, `[units][classes]`, are the caller's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OsElm {
    /// Features and classes.
    pub shape: Shape,
    /// The random units.
    pub layer: Layer,
    /// Weight of the readout's square, 2^-10 to 2^20. 1 is a good start.
    pub ridge: f32,
}

impl OsElm {
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
        2 * self.layer.units + self.shape.classes
    }

    /// Entries of the scratch of a batch.
    pub const fn batch_scratch_len(self, batch: usize) -> usize {
        batch * (self.layer.units + self.shape.classes) + self.recursive().batch_scratch_len(batch)
    }

    /// P and a readout that have seen nothing.
    pub fn start(&self, covariance: &mut [f32], readout: &mut [f32]) -> Result<(), LearnError> {
        self.recursive().start(covariance, readout)
    }

    /// Learns a labelled sample. `scratch`: `[scratch_len]`.
    pub fn step(
        &self,
        covariance: &mut [f32],
        readout: &mut [f32],
        sample: &[f32],
        label: usize,
        scratch: &mut [f32],
    ) -> Result<Covariance, LearnError> {
        self.recursive().check(covariance, readout)?;
        check_length("scratch", scratch.len(), self.scratch_len())?;
        check_label(label, self.shape.classes)?;
        check_sample(sample, self.shape.features)?;
        let (hidden, rest) = scratch.split_at_mut(self.layer.units);
        let (gain, errors) = rest.split_at_mut(self.layer.units);
        self.layer.activations(sample, hidden);
        errors.fill(0.0);
        errors[label] = 1.0;
        self.recursive().step(covariance, readout, hidden, errors, gain)
    }

    /// Learns a batch: a sample for each label, `[labels][features]`; up to rounding what as many steps would.
    /// `scratch`: `[batch_scratch_len]`.
    pub fn step_batch(
        &self,
        covariance: &mut [f32],
        readout: &mut [f32],
        samples: &[f32],
        labels: &[usize],
        scratch: &mut [f32],
    ) -> Result<Covariance, LearnError> {
        let Shape { features, classes } = self.shape;
        let batch = labels.len();
        self.recursive().check(covariance, readout)?;
        check_length("scratch", scratch.len(), self.batch_scratch_len(batch))?;
        check_length("samples", samples.len(), batch * features)?;
        labels.iter().try_for_each(|label| check_label(*label, classes))?;
        check_sample(samples, batch * features)?;
        let (hidden, rest) = scratch.split_at_mut(batch * self.layer.units);
        let (errors, rest) = rest.split_at_mut(batch * classes);
        errors.fill(0.0);
        for (index, label) in labels.iter().enumerate() {
            let sample = &samples[index * features..(index + 1) * features];
            let units = index * self.layer.units..(index + 1) * self.layer.units;
            self.layer.activations(sample, &mut hidden[units]);
            errors[index * classes + label] = 1.0;
        }
        self.recursive().step_batch(covariance, readout, hidden, errors, rest)
    }

    /// The readout's answer for every class, into `scores` (`[classes]`): near 1 for the sample's, near 0 for others.
    pub fn scores(&self, readout: &[f32], sample: &[f32], scores: &mut [f32]) -> Result<(), LearnError> {
        check_length("readout", readout.len(), self.readout_len())?;
        check_length("scores", scores.len(), self.shape.classes)?;
        check_sample(sample, self.shape.features)?;
        scores.fill(0.0);
        for (unit, row) in readout.chunks_exact(self.shape.classes.max(1)).enumerate() {
            add_scaled(scores, self.layer.activation(unit, sample), row);
        }
        Ok(())
    }

    /// The class of the highest score; the lowest index of several. `scratch`: `[classes]`.
    pub fn predict(&self, readout: &[f32], sample: &[f32], scratch: &mut [f32]) -> Result<usize, LearnError> {
        self.scores(readout, sample, scratch)?;
        let mut best = 0;
        for (class, score) in scratch.iter().enumerate() {
            if *score > scratch[best] {
                best = class;
            }
        }
        Ok(best)
    }

    pub(crate) const fn recursive(self) -> Recursive {
        Recursive { units: self.layer.units, outputs: self.shape.classes, ridge: self.ridge }
    }
}

#[cfg(test)]
mod tests;
