//! Ridge regression from accumulated sums (Hoerl and Kennard 1970): B = (sum x x' + lambda I)^-1 sum x t'.
//!
//! State: `2 * inputs * (inputs + 1) + 4 * inputs * outputs` bytes of sums: the packed matrix, then `[inputs][outputs]`.
//! Sums of several nodes, or of several stretches of time, add up. A sample takes
//! `inputs * (inputs + 1) / 2 + inputs * outputs` multiplications, solving `inputs^3 / 6 + inputs^2 * outputs` and no
//! memory beside the sums, which it uses up.
use super::packed;
use crate::dot::add_scaled;
use crate::{LearnError, MAX_MAGNITUDE, check_finite, check_length, check_sample, check_setting};

/// A regression's settings. Sums and the readout, `[inputs][outputs]`, are the caller's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ridge {
    /// Numbers that an answer is made of.
    pub inputs: usize,
    /// Numbers in an answer.
    pub outputs: usize,
    /// Weight of the readout's square, above zero and at most 2^20.
    pub ridge: f32,
}

impl Ridge {
    /// Entries of the sums, which begin as zeros.
    pub const fn sums_len(self) -> usize {
        packed::len(self.inputs) + self.readout_len()
    }

    /// Entries of the readout.
    pub const fn readout_len(self) -> usize {
        self.inputs * self.outputs
    }

    /// Adds to the sums that `input` (`[inputs]`) should give `target` (`[outputs]`).
    pub fn add(&self, sums: &mut [f32], input: &[f32], target: &[f32]) -> Result<(), LearnError> {
        check_length("sums", sums.len(), self.sums_len())?;
        check_sample(input, self.inputs)?;
        check_sample(target, self.outputs)?;
        let (squares, moments) = sums.split_at_mut(packed::len(self.inputs));
        packed::add_outer(squares, 1.0, input)?;
        for (row, input) in moments.chunks_exact_mut(self.outputs.max(1)).zip(input) {
            add_scaled(row, *input, target);
        }
        Ok(())
    }

    /// The readout that the sums give. **Uses up the sums**: they hold the matrix's factor afterwards.
    ///
    /// Errors: [`LearnError::NotDefinite`] when the ridge is too small for the sums in single precision; the readout
    /// is as it was then.
    pub fn solve(&self, sums: &mut [f32], readout: &mut [f32]) -> Result<(), LearnError> {
        check_length("sums", sums.len(), self.sums_len())?;
        check_length("readout", readout.len(), self.readout_len())?;
        check_setting("ridge", self.ridge, f32::MIN_POSITIVE..=MAX_MAGNITUDE)?;
        let (squares, moments) = sums.split_at_mut(packed::len(self.inputs));
        packed::add_to_diagonal(squares, self.inputs, self.ridge);
        packed::factor(squares, self.inputs)?;
        packed::solve_lower(squares, self.inputs, moments, self.outputs)?;
        packed::solve_upper(squares, self.inputs, moments, self.outputs)?;
        // Sums near the end of the range of a single can give weights beyond it.
        check_finite(moments)?;
        readout.copy_from_slice(moments);
        Ok(())
    }

    /// The readout's answer to `input`, into `answer` (`[outputs]`).
    pub fn answer(&self, readout: &[f32], input: &[f32], answer: &mut [f32]) -> Result<(), LearnError> {
        check_length("readout", readout.len(), self.readout_len())?;
        check_length("answer", answer.len(), self.outputs)?;
        check_sample(input, self.inputs)?;
        answer.fill(0.0);
        for (row, input) in readout.chunks_exact(self.outputs.max(1)).zip(input) {
            add_scaled(answer, *input, row);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    const LEARNER: Ridge = Ridge { inputs: 4, outputs: 2, ridge: 1e-3 };

    #[test]
    fn a_linear_map_is_found() {
        let map = [0.5, -1.0, 2.0, 0.25, -0.75, 1.5, 0.0, 3.0];
        let (mut sums, mut random) = (vec![0.0; LEARNER.sums_len()], Random::new(1));
        let (mut readout, mut target) = ([0.0; 8], [0.0; 2]);
        for _ in 0..200 {
            let input: [f32; 4] = core::array::from_fn(|_| random.symmetric());
            LEARNER.answer(&map, &input, &mut target).unwrap();
            LEARNER.add(&mut sums, &input, &target).unwrap();
        }
        LEARNER.solve(&mut sums, &mut readout).unwrap();
        assert!(readout.iter().zip(&map).all(|(have, want)| (have - want).abs() < 1e-3), "{readout:?}");
    }

    #[test]
    fn of_nothing_comes_zero_and_of_one_sample_the_closed_form() {
        let learner = Ridge { inputs: 1, outputs: 1, ridge: 0.5 };
        let mut readout = [9.0];
        learner.solve(&mut [0.0; 2], &mut readout).unwrap();
        assert_eq!(readout, [0.0]);
        let mut sums = [0.0; 2];
        learner.add(&mut sums, &[2.0], &[3.0]).unwrap();
        learner.solve(&mut sums, &mut readout).unwrap();
        assert!((readout[0] - 6.0 / 4.5).abs() < 1e-6);
    }

    #[test]
    fn bad_input_is_refused_and_changes_nothing() {
        let mut sums = vec![1.0; LEARNER.sums_len()];
        let mut add = |input: &[f32], target: &[f32]| LEARNER.add(&mut sums, input, target);
        assert_eq!(add(&[f32::NAN; 4], &[0.0; 2]), Err(LearnError::NotFinite { feature: 0 }));
        assert_eq!(add(&[0.0; 4], &[0.0, 2e6]), Err(LearnError::TooLarge { feature: 1 }));
        assert!(add(&[0.0; 3], &[0.0; 2]).is_err() && add(&[0.0; 4], &[0.0; 1]).is_err());
        assert!(sums.iter().all(|sum| *sum == 1.0));
        let mut readout = [4.0; 8];
        for ridge in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            let refused = Ridge { ridge, ..LEARNER }.solve(&mut sums, &mut readout);
            assert_eq!(refused, Err(LearnError::BadSetting { setting: "ridge" }));
        }
        // Ones everywhere are singular, and a ridge below their rounding does not help.
        let refused = Ridge { ridge: 1e-12, ..LEARNER }.solve(&mut sums, &mut readout);
        assert_eq!(refused, Err(LearnError::NotDefinite { row: 1 }));
        assert_eq!(readout, [4.0; 8]);
    }
}
