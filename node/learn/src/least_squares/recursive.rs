//! Recursive least squares: a linear readout, exact after every sample (Plackett 1950; as OS-ELM uses it, Liang et
//! al. 2006).
//!
//! With P = (lambda I + sum h h')^-1 the readout B = P sum h t' has the least squared error plus lambda |B|^2. A
//! sample costs g = P h, d = 1 + h' g, B += g (t - B' h)' / d, P -= g g' / d; a batch of k the same with the k x k
//! matrix K = I + H P H' = R' R in place of d.
//!
//! State: `2 * units * (units + 1)` bytes of packed P and `4 * units * outputs` of readout, `[units][outputs]`.
//! A sample takes `1.5 * units^2 + 2 * units * outputs` multiplications.
//!
//! **P stays positive definite.** Only a triangle of it exists, so it is symmetric; and h' P h, or an entry of the
//! diagonal, that rounding brought below zero makes P begin anew at I / lambda. The readout keeps what it learned,
//! and the call says so ([`Covariance::Restarted`]).
use super::packed;
use crate::dot::{add_scaled, dot};
use crate::{LearnError, MAX_MAGNITUDE, check_length, check_setting};

/// A readout of `units` inputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recursive {
    /// Inputs of the readout, at least 1.
    pub units: usize,
    /// Numbers that it gives.
    pub outputs: usize,
    /// Weight of the readout's square in what is minimised, [`SMALLEST_RIDGE`] to 2^20; 1 suits units from -1 to 1.
    pub ridge: f32,
}

/// 2^-10. P begins at its reciprocal; of 10^6 the roundings outweigh what P becomes after some hundred samples.
pub const SMALLEST_RIDGE: f32 = 1.0 / 1024.0;

/// What became of P in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Covariance {
    /// It took the samples.
    Continued,
    /// It had lost its definiteness to rounding, was set to I / lambda, and took the samples.
    Restarted,
}

impl Recursive {
    /// Entries of P.
    pub const fn covariance_len(self) -> usize {
        packed::len(self.units)
    }

    /// Entries of the readout.
    pub const fn readout_len(self) -> usize {
        self.units * self.outputs
    }

    /// Entries of the scratch of a batch of `batch` samples: K, then H P.
    pub const fn batch_scratch_len(self, batch: usize) -> usize {
        packed::len(batch) + batch * self.units
    }

    /// P and a readout that have seen nothing.
    pub fn start(&self, covariance: &mut [f32], readout: &mut [f32]) -> Result<(), LearnError> {
        self.check(covariance, readout)?;
        self.restart(covariance);
        readout.fill(0.0);
        Ok(())
    }

    /// Learns that `hidden` (`[units]`) should give `errors` (`[outputs]`), which becomes what it lacked before.
    /// `gain` (`[units]`) is scratch.
    pub(crate) fn step(
        &self,
        covariance: &mut [f32],
        readout: &mut [f32],
        hidden: &[f32],
        errors: &mut [f32],
        gain: &mut [f32],
    ) -> Result<Covariance, LearnError> {
        packed::multiply(covariance, hidden, gain)?;
        let mut leverage = dot(hidden, gain);
        let mut outcome = Covariance::Continued;
        if !(leverage >= 0.0 && packed::has_positive_diagonal(covariance, self.units)) {
            self.restart(covariance);
            packed::multiply(covariance, hidden, gain)?;
            leverage = dot(hidden, gain);
            outcome = Covariance::Restarted;
        }
        self.subtract_answer(readout, hidden, errors);
        let scale = 1.0 / (1.0 + leverage);
        for (row, gain) in readout.chunks_exact_mut(self.outputs.max(1)).zip(&*gain) {
            add_scaled(row, gain * scale, errors);
        }
        packed::add_outer(covariance, -scale, gain)?;
        Ok(outcome)
    }

    /// Learns a batch: `hidden` (`[batch][units]`) should give `errors` (`[batch][outputs]`), which is spoilt.
    pub(crate) fn step_batch(
        &self,
        covariance: &mut [f32],
        readout: &mut [f32],
        hidden: &[f32],
        errors: &mut [f32],
        scratch: &mut [f32],
    ) -> Result<Covariance, LearnError> {
        let batch = hidden.len() / self.units.max(1);
        let (kernel, gains) = scratch.split_at_mut(packed::len(batch));
        if !self.gains(covariance, hidden, kernel, gains)? {
            return self.one_by_one(covariance, readout, hidden, errors, gains);
        }
        for (hidden, errors) in rows(hidden, self.units).zip(errors.chunks_exact_mut(self.outputs.max(1))) {
            self.subtract_answer(readout, hidden, errors);
        }
        // With W = R'^-1 H P and Z = R'^-1 E: B += W' Z, P -= W' W.
        packed::solve_lower(kernel, batch, gains, self.units)?;
        packed::solve_lower(kernel, batch, errors, self.outputs)?;
        for (gain, errors) in rows(gains, self.units).zip(rows(errors, self.outputs)) {
            for (row, gain) in readout.chunks_exact_mut(self.outputs.max(1)).zip(gain) {
                add_scaled(row, *gain, errors);
            }
            packed::add_outer(covariance, -1.0, gain)?;
        }
        Ok(Covariance::Continued)
    }

    /// H P into `gains` and the factor of K into `kernel`; false where rounding left P or K indefinite.
    fn gains(
        &self,
        covariance: &[f32],
        hidden: &[f32],
        kernel: &mut [f32],
        gains: &mut [f32],
    ) -> Result<bool, LearnError> {
        let batch = hidden.len() / self.units.max(1);
        let mut rest = &mut *kernel;
        for (index, gain) in gains.chunks_exact_mut(self.units.max(1)).enumerate() {
            packed::multiply(covariance, &hidden[index * self.units..(index + 1) * self.units], gain)?;
            let (row, below) = rest.split_at_mut(batch - index);
            for (entry, other) in row.iter_mut().zip(rows(hidden, self.units).skip(index)) {
                *entry = dot(gain, other);
            }
            rest = below;
        }
        packed::add_to_diagonal(kernel, batch, 1.0);
        let definite = packed::has_positive_diagonal(covariance, self.units);
        Ok(definite && packed::factor(kernel, batch).is_ok())
    }

    /// The batch's samples as single ones: no matrix but P can fail then.
    fn one_by_one(
        &self,
        covariance: &mut [f32],
        readout: &mut [f32],
        hidden: &[f32],
        errors: &mut [f32],
        gains: &mut [f32],
    ) -> Result<Covariance, LearnError> {
        let mut outcome = Covariance::Continued;
        for (hidden, errors) in rows(hidden, self.units).zip(errors.chunks_exact_mut(self.outputs.max(1))) {
            let gain = &mut gains[..self.units];
            if self.step(covariance, readout, hidden, errors, gain)? == Covariance::Restarted {
                outcome = Covariance::Restarted;
            }
        }
        Ok(outcome)
    }

    fn subtract_answer(&self, readout: &[f32], hidden: &[f32], errors: &mut [f32]) {
        for (row, hidden) in rows(readout, self.outputs).zip(hidden) {
            add_scaled(errors, -hidden, row);
        }
    }

    fn restart(&self, covariance: &mut [f32]) {
        packed::set_identity(covariance, self.units, 1.0 / self.ridge).expect("its length was checked");
    }

    /// What every call demands of the settings and of what the caller lends.
    pub(crate) fn check(&self, covariance: &[f32], readout: &[f32]) -> Result<(), LearnError> {
        check_setting("ridge", self.ridge, SMALLEST_RIDGE..=MAX_MAGNITUDE)?;
        check_setting("number of units", self.units, 1..)?;
        check_length("covariance", covariance.len(), self.covariance_len())?;
        check_length("readout", readout.len(), self.readout_len())
    }
}

/// Rows of `width` entries.
fn rows(matrix: &[f32], width: usize) -> impl Iterator<Item = &[f32]> {
    matrix.chunks_exact(width.max(1))
}
