//! The sums of an OS-ELM, and the readout that they give: federated training in one round (Ito, Tsukada and
//! Matsutani 2020, "An On-Device Federated Learning Approach for Cooperative Model Update Between Edge Devices").
//!
//! U = sum h h' and V = sum h t' over a node's samples; added up over nodes, (U + lambda I)^-1 V is the readout of
//! all their data, for any split of it. Units answer in 1/128 ([`super::layer`]), so the sums are whole numbers and
//! sums of the same samples equal each other to the last bit.
//!
//! State: `2 * units * (units + 1) + 4 * units * classes` bytes of sums, U's upper triangle row by row, then V,
//! `[units][classes]`: the layout of the federation's statistics. A sample takes `units * (units + 1) / 2`
//! multiplications of whole numbers beside the layer's; solving `units^3 / 6 + 3 * units^2 * classes`, a third of the
//! latter in double precision, and `2 * units * (units + 3)` bytes of scratch.
use super::layer::ONE;
use super::os_elm::OsElm;
use super::packed;
use crate::{LearnError, check_label, check_length, check_sample};

/// Largest product of two answers.
const MAX_TERM: i32 = 128 * 128;

/// What became of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is in the sums.
    Counted,
    /// The sums might not hold it (after 131,000 samples at the earliest), and are as they were: time to send them.
    Full,
}

impl OsElm {
    /// Entries of the sums.
    pub const fn sums_len(self) -> usize {
        self.covariance_len() + self.readout_len()
    }

    /// Adds a labelled sample to the sums. `answers`, `[units]`, is scratch.
    pub fn add_to_sums(
        &self,
        sums: &mut [i32],
        sample: &[f32],
        label: usize,
        answers: &mut [i8],
    ) -> Result<Added, LearnError> {
        check_length("sums", sums.len(), self.sums_len())?;
        check_length("answers", answers.len(), self.layer.units)?;
        check_label(label, self.shape.classes)?;
        check_sample(sample, self.shape.features)?;
        if sums.iter().any(|sum| sum.unsigned_abs() > (i32::MAX - MAX_TERM).unsigned_abs()) {
            return Ok(Added::Full);
        }
        for (unit, answer) in answers.iter_mut().enumerate() {
            *answer = self.layer.answer(unit, sample);
        }
        let (mut triangle, moments) = sums.split_at_mut(self.covariance_len());
        for (unit, moments) in moments.chunks_exact_mut(self.shape.classes).enumerate() {
            let answer = i32::from(answers[unit]);
            moments[label] += answer;
            let (row, below) = triangle.split_at_mut(answers.len() - unit);
            for (sum, other) in row.iter_mut().zip(&answers[unit..]) {
                *sum += answer * i32::from(*other);
            }
            triangle = below;
        }
        Ok(Added::Counted)
    }

    /// Entries of the scratch of a solution.
    pub const fn solve_scratch_len(self) -> usize {
        self.covariance_len() + self.layer.units
    }

    /// The readout that the sums give. `scratch`: `[solve_scratch_len]`.
    ///
    /// What a first solution lacks, by the sums themselves, is solved for in turn (Wilkinson 1963, iterative
    /// refinement). That residue is a small difference of large numbers: it takes double precision, or refines
    /// nothing.
    ///
    /// Errors: [`LearnError::NotDefinite`] when no samples have such sums; the readout is as it was then.
    pub fn solve_sums(
        &self,
        sums: &[i32],
        scratch: &mut [f32],
        readout: &mut [f32],
    ) -> Result<(), LearnError> {
        check_length("sums", sums.len(), self.sums_len())?;
        check_length("scratch", scratch.len(), self.solve_scratch_len())?;
        let (factor, residue) = scratch.split_at_mut(self.covariance_len());
        self.recursive().check(factor, readout)?;
        let (units, classes) = (self.layer.units, self.shape.classes);
        let (triangle, moments) = sums.split_at(self.covariance_len());
        for (entry, sum) in factor.iter_mut().zip(triangle) {
            *entry = *sum as f32 / (ONE * ONE);
        }
        packed::add_to_diagonal(factor, units, self.ridge);
        packed::factor(factor, units)?;
        for (weight, sum) in readout.iter_mut().zip(moments) {
            *weight = *sum as f32 / ONE;
        }
        packed::solve_lower(factor, units, readout, classes)?;
        packed::solve_upper(factor, units, readout, classes)?;
        for class in 0..classes {
            for (unit, residue) in residue.iter_mut().enumerate() {
                *residue = self.residue(triangle, moments, readout, unit, class);
            }
            packed::solve_lower(factor, units, residue, 1)?;
            packed::solve_upper(factor, units, residue, 1)?;
            for (weights, residue) in readout.chunks_exact_mut(classes).zip(&*residue) {
                weights[class] += residue;
            }
        }
        Ok(())
    }

    /// An entry of V - (U + lambda I) B.
    fn residue(&self, triangle: &[i32], moments: &[i32], readout: &[f32], unit: usize, class: usize) -> f32 {
        let (units, classes) = (self.layer.units, self.shape.classes);
        let (one, ridge) = (f64::from(ONE), f64::from(self.ridge));
        let weight = |unit: usize| f64::from(readout[unit * classes + class]);
        let mut answer = 0.0;
        for other in 0..units {
            answer += f64::from(triangle[packed::place(units, unit, other)]) * weight(other);
        }
        let wanted = f64::from(moments[unit * classes + class]) / one;
        (wanted - answer / (one * one) - ridge * weight(unit)) as f32
    }
}
