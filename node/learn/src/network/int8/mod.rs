//! The same network in bytes: int8 weights and activations, int32 sums and biases.
//!
//! Source: Jacob et al., *Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference*
//! (CVPR 2018), symmetric: `value = scale * byte`, bytes from -127 to 127, one scale for the weights of a layer and
//! one for its inputs; a bias has the product of the two.
//!
//! Parameters: weights `[outputs][inputs]` a layer, a byte each; biases `[outputs]`, four bytes each; two scales a
//! layer, eight bytes. Inference: a byte for each input of a layer, and `4 * classes` bytes of probabilities.
//! `sum(outputs * inputs)` multiplications of integers; floating point only for the sample and the softmax.
//!
//! [`convert`] makes such a network of a trained one, [`train`] goes on training it.
pub mod convert;
pub mod train;

use super::mlp::{judgement, largest, softmax};
use crate::linear::softmax::Judgement;
use crate::{LearnError, check_label, check_length, check_sample};

/// Widest layer, and most features: sums of its products and of its errors stay within 32 bits.
pub const MAX_WIDTH: usize = 1_024;

/// Largest magnitude of a byte; -128 has no counterpart and is not used.
const LARGEST: i32 = 127;

/// 2^-40: no layer is scaled to smaller magnitudes, nor to larger ones than its reciprocal.
const SMALLEST: f32 = 1.0 / 1_099_511_627_776.0;

/// Largest magnitude of a bias.
const LARGEST_BIAS: i32 = 1 << 30;

/// What a byte is worth in one layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerScale {
    weights: f32,
    inputs: f32,
}

impl LayerScale {
    /// Scales that let the given magnitudes just fit. Magnitudes are brought between 2^-40 and 2^40, which also
    /// makes something usable of a layer whose weights or inputs are all zero.
    pub fn fitting(largest_weight: f32, largest_input: f32) -> Self {
        let scale = |magnitude: f32| {
            let bounded =
                if magnitude.is_nan() { SMALLEST } else { magnitude.clamp(SMALLEST, 1.0 / SMALLEST) };
            bounded / LARGEST as f32
        };
        Self { weights: scale(largest_weight), inputs: scale(largest_input) }
    }

    /// What a weight of one is worth.
    pub const fn weights(self) -> f32 {
        self.weights
    }

    /// What an input of one is worth.
    pub const fn inputs(self) -> f32 {
        self.inputs
    }

    /// What a bias of one is worth, and a sum of products.
    pub const fn sums(self) -> f32 {
        self.weights * self.inputs
    }
}

/// A network of given widths and scales. Weights and biases are the caller's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Int8Mlp<'a> {
    /// Numbers in a sample, units of each hidden layer, classes: at least two entries, none above [`MAX_WIDTH`].
    pub widths: &'a [usize],
    /// One entry a layer.
    pub scales: &'a [LayerScale],
}

impl Int8Mlp<'_> {
    /// Layers with parameters.
    pub const fn layers(self) -> usize {
        self.widths.len().saturating_sub(1)
    }

    /// Weights of all layers.
    pub const fn weights_len(self) -> usize {
        let (mut sum, mut layer) = (0, 0);
        while layer < self.layers() {
            sum += self.widths[layer] * self.widths[layer + 1];
            layer += 1;
        }
        sum
    }

    /// Biases of all layers.
    pub const fn biases_len(self) -> usize {
        let (mut sum, mut layer) = (0, 0);
        while layer < self.layers() {
            sum += self.widths[layer + 1];
            layer += 1;
        }
        sum
    }

    /// Activations of a sample: the inputs of all layers.
    pub const fn activations_len(self) -> usize {
        let (mut sum, mut layer) = (0, 0);
        while layer < self.layers() {
            sum += self.widths[layer];
            layer += 1;
        }
        sum
    }

    /// Probabilities of the classes, into `probabilities` (`[classes]`). Leaves the inputs of all layers in
    /// `activations` ([`Int8Mlp::activations_len`]).
    pub fn probabilities(
        self,
        weights: &[i8],
        biases: &[i32],
        sample: &[f32],
        probabilities: &mut [f32],
        activations: &mut [i8],
    ) -> Result<(), LearnError> {
        self.check(weights, biases)?;
        check_length("activations", activations.len(), self.activations_len())?;
        check_length("probabilities", probabilities.len(), self.widths[self.layers()])?;
        check_sample(sample, self.widths[0])?;
        self.run(weights, biases, sample, probabilities, activations);
        softmax(probabilities);
        Ok(())
    }

    /// The most probable class; the lowest index of several.
    pub fn predict(
        self,
        weights: &[i8],
        biases: &[i32],
        sample: &[f32],
        probabilities: &mut [f32],
        activations: &mut [i8],
    ) -> Result<usize, LearnError> {
        self.probabilities(weights, biases, sample, probabilities, activations)?;
        Ok(largest(probabilities))
    }

    /// Compares the network with a labelled sample, without learning from it.
    pub fn judge(
        self,
        weights: &[i8],
        biases: &[i32],
        sample: &[f32],
        label: usize,
        probabilities: &mut [f32],
        activations: &mut [i8],
    ) -> Result<Judgement, LearnError> {
        check_label(label, self.widths.last().copied().unwrap_or(0))?;
        self.probabilities(weights, biases, sample, probabilities, activations)?;
        Ok(judgement(probabilities, label))
    }

    fn check(self, weights: &[i8], biases: &[i32]) -> Result<(), LearnError> {
        if self.widths.len() < 2 {
            return Err(LearnError::WrongLength { what: "widths", have: self.widths.len(), need: 2 });
        }
        if let Some(&have) = self.widths.iter().find(|width| **width > MAX_WIDTH) {
            return Err(LearnError::WrongLength { what: "layer", have, need: MAX_WIDTH });
        }
        check_length("scales", self.scales.len(), self.layers())?;
        check_length("weights", weights.len(), self.weights_len())?;
        check_length("biases", biases.len(), self.biases_len())
    }

    fn run(self, weights: &[i8], biases: &[i32], sample: &[f32], logits: &mut [f32], activations: &mut [i8]) {
        let (mut weights, mut biases) = (weights, biases);
        let (mut input, mut rest) = activations.split_at_mut(self.widths[0]);
        let per_unit = 1.0 / self.scales[0].inputs;
        for (byte, &value) in input.iter_mut().zip(sample) {
            *byte = round(value * per_unit).clamp(-LARGEST, LARGEST) as i8;
        }
        for layer in 0..self.layers() {
            let (inputs, outputs) = (self.widths[layer], self.widths[layer + 1]);
            let (rows, biases_here);
            (rows, weights) = weights.split_at(inputs * outputs);
            (biases_here, biases) = biases.split_at(outputs);
            let sums = (0..outputs).map(|unit| {
                dot(&rows[unit * inputs..(unit + 1) * inputs], input).saturating_add(biases_here[unit])
            });
            let scale = self.scales[layer].sums();
            if layer + 1 == self.layers() {
                logits.iter_mut().zip(sums).for_each(|(logit, sum)| *logit = sum as f32 * scale);
                return;
            }
            let (output, tail) = rest.split_at_mut(outputs);
            let ratio = Ratio::new(scale / self.scales[layer + 1].inputs);
            for (byte, sum) in output.iter_mut().zip(sums) {
                *byte = ratio.of(sum).clamp(0, LARGEST) as i8;
            }
            (input, rest) = (output, tail);
        }
    }
}

/// Sum of products; exact, so that its order does not matter.
fn dot(left: &[i8], right: &[i8]) -> i32 {
    // Four at a time: a core without vectors spends half of a plain loop on the loop.
    let (left, left_rest) = left.as_chunks::<4>();
    let (right, right_rest) = right.as_chunks::<4>();
    let product = |left: i8, right: i8| i32::from(left) * i32::from(right);
    let mut sum = 0;
    for (left, right) in left.iter().zip(right) {
        for lane in 0..4 {
            sum += product(left[lane], right[lane]);
        }
    }
    left_rest.iter().zip(right_rest).fold(sum, |sum, (&left, &right)| sum + product(left, right))
}

/// The nearest integer, halves away from zero; the nearest i32 of what is beyond them.
fn round(value: f32) -> i32 {
    (value + if value < 0.0 { -0.5 } else { 0.5 }) as i32
}

/// A positive factor in integers: `mantissa / 2^shift`, the mantissa below 2^31.
#[derive(Clone, Copy)]
struct Ratio {
    mantissa: i64,
    shift: u32,
}

impl Ratio {
    fn new(factor: f32) -> Self {
        let (fraction, exponent) = libm::frexpf(factor);
        // 24 significant bits are exact. Beyond these shifts every sum becomes zero, or the largest byte.
        Self { mantissa: (fraction * 1_073_741_824.0) as i64, shift: (30 - exponent).clamp(1, 62) as u32 }
    }

    /// The nearest integer to the factor times `value`, halves upwards.
    fn of(self, value: i32) -> i32 {
        let product = i64::from(value) * self.mantissa + (1 << (self.shift - 1));
        (product >> self.shift).clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
    }
}

#[cfg(test)]
mod tests;
