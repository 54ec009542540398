//! An echo state network: a fixed recurrent reservoir, of which only a linear readout is learned (Jaeger 2001, "The
//! echo state approach to analysing and training recurrent neural networks", GMD report 148).
//!
//! The reservoir is a ring with jumps (after Rodan and Tiňo 2012, "Simple Deterministically Constructed Cycle
//! Reservoirs with Regular Jumps", Neural Computation 24), with signs: unit i hears the units 1, 7 and 23 before it,
//! the input u and a bias,
//! x_i <- tanh(radius / sqrt(3) (s x_(i-1) + s' x_(i-7) + s'' x_(i-23)) + input_gain (w_i u) + bias_gain b_i).
//! Unit i has the stream of [`crate::random`] whose first state is `i 2^32 + seed`: signs s, s', s'', the bias, then
//! a weight for each input, the latter in [-1, 1); no byte of them is stored.
//!
//! **Spectral radius**: the squares of a row add up to `radius^2`, and signs are random, which makes of a large matrix
//! one of about that spectral radius, so nothing need be solved for. With 100 units the tests find 0.9 to 1.15 times
//! `radius`. A row's magnitudes add up to `sqrt(3) radius`: below 0.57 the state surely forgets how it began.
//!
//! The readout has the units, the inputs and a constant one, and is learned by [`super::rotations`]: units that hear
//! each other are so alike that sums of their products would not do in single precision.
//!
//! State: `4 * units` bytes of reservoir and `4 * (units + inputs + 1) * outputs` of readout; while it learns, with
//! `n = units + inputs + 1`, `2 * n * (n + 1) + 4 * n * outputs` bytes of triangle. 100 units, one input and one
//! output: 400, 408 and 21,420 bytes.
//! A step takes `units` hyperbolic tangents and `units * (inputs + 4)` draws and multiplications; to learn from it
//! `2 * n * (n + 2 * outputs)` more; to solve `n^2 * outputs / 2`.
use super::rotations::Rotations;
use crate::random::Random;
use crate::{LearnError, check_length, check_sample, check_setting};

/// How far before a unit those are that it hears.
const JUMPS: [usize; 3] = [1, 7, 23];
/// `1 / sqrt(JUMPS.len())`.
const SHARE: f32 = 0.577_350_26;

/// The network's settings. State, triangle and readout are the caller's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EchoState {
    /// Of all signs, biases and weights.
    pub seed: u32,
    /// Numbers that come in at each step.
    pub inputs: usize,
    /// Units of the reservoir, at least 24.
    pub units: usize,
    /// Numbers in an answer.
    pub outputs: usize,
    /// About the spectral radius: how slowly the reservoir forgets, 0 to 1. 0.85 is a good start.
    pub radius: f32,
    /// Factor of inputs.
    pub input_gain: f32,
    /// Factor of biases: how far into the tangent's curve units work. 0.5 is a good start.
    pub bias_gain: f32,
    /// Weight of the readout's square, 2^-40 to 2^20.
    pub ridge: f32,
}

impl EchoState {
    /// Entries of the triangle.
    pub const fn triangle_len(self) -> usize {
        self.regression().triangle_len()
    }

    /// Entries of the readout, `[units + inputs + 1][outputs]`.
    pub const fn readout_len(self) -> usize {
        self.regression().readout_len()
    }

    /// Entries of the scratch of a step.
    pub const fn scratch_len(self) -> usize {
        self.units + self.inputs + 1
    }

    /// Entries of the scratch of a step to learn from.
    pub const fn learning_scratch_len(self) -> usize {
        self.scratch_len() + self.outputs
    }

    /// A state and a triangle that have seen nothing.
    pub fn start(&self, state: &mut [f32], triangle: &mut [f32]) -> Result<(), LearnError> {
        check_length("state", state.len(), self.units)?;
        self.regression().start(triangle)?;
        state.fill(0.0);
        Ok(())
    }

    /// Takes an input (`[inputs]`) into the state (`[units]`). `scratch`: `[scratch_len]`.
    pub fn advance(&self, state: &mut [f32], input: &[f32], scratch: &mut [f32]) -> Result<(), LearnError> {
        self.check(state, input, scratch)?;
        let (before, _) = scratch.split_at_mut(self.units);
        before.copy_from_slice(state);
        for (unit, value) in state.iter_mut().enumerate() {
            let mut random = Random::new((unit as u64) << 32 | u64::from(self.seed));
            let mut heard = 0.0;
            for jump in JUMPS {
                let other = before[if unit >= jump { unit - jump } else { unit + self.units - jump }];
                heard += if random.symmetric() < 0.0 { -other } else { other };
            }
            let bias = random.symmetric();
            let mut drive = 0.0;
            for input in input {
                drive += random.symmetric() * input;
            }
            let sum = self.radius * SHARE * heard + self.input_gain * drive + self.bias_gain * bias;
            *value = libm::tanhf(sum);
        }
        Ok(())
    }

    /// Learns that the state after `input` should give `target` (`[outputs]`). Leave out the first steps, while the
    /// state still remembers how it began. `scratch`: `[learning_scratch_len]`.
    pub fn learn(
        &self,
        triangle: &mut [f32],
        state: &[f32],
        input: &[f32],
        target: &[f32],
        scratch: &mut [f32],
    ) -> Result<(), LearnError> {
        check_length("target", target.len(), self.outputs)?;
        check_length("scratch", scratch.len(), self.learning_scratch_len())?;
        let (gathered, copy) = scratch.split_at_mut(self.scratch_len());
        self.gather(state, input, gathered)?;
        copy.copy_from_slice(target);
        self.regression().add(triangle, gathered, copy)
    }

    /// The readout of the least squared error over what was learned from.
    pub fn solve(&self, triangle: &[f32], readout: &mut [f32]) -> Result<(), LearnError> {
        self.regression().solve(triangle, readout)
    }

    /// The readout's answer to the state after `input`, into `answer` (`[outputs]`). `scratch`: `[scratch_len]`.
    pub fn answer(
        &self,
        readout: &[f32],
        state: &[f32],
        input: &[f32],
        answer: &mut [f32],
        scratch: &mut [f32],
    ) -> Result<(), LearnError> {
        self.gather(state, input, scratch)?;
        self.regression().answer(readout, scratch, answer)
    }

    /// What the readout reads: state, input, one.
    fn gather(&self, state: &[f32], input: &[f32], gathered: &mut [f32]) -> Result<(), LearnError> {
        self.check(state, input, gathered)?;
        let (units, rest) = gathered.split_at_mut(self.units);
        units.copy_from_slice(state);
        let (one, inputs) = rest.split_last_mut().expect("one entry more than there are inputs");
        inputs.copy_from_slice(input);
        *one = 1.0;
        Ok(())
    }

    fn check(&self, state: &[f32], input: &[f32], scratch: &[f32]) -> Result<(), LearnError> {
        check_setting("number of units", self.units, JUMPS[2] + 1..)?;
        check_setting("radius", self.radius, 0.0..=1.0)?;
        check_setting("input gain", self.input_gain, 0.0..=1024.0)?;
        check_setting("bias gain", self.bias_gain, 0.0..=1024.0)?;
        check_length("state", state.len(), self.units)?;
        check_length("scratch", scratch.len(), self.scratch_len())?;
        check_sample(input, self.inputs)
    }

    /// The readout's regression, by which triangles of several nodes merge too.
    pub const fn regression(self) -> Rotations {
        Rotations { inputs: self.units + self.inputs + 1, outputs: self.outputs, ridge: self.ridge }
    }
}

#[cfg(test)]
mod tests;
