//! Training a network of bytes, with quantisation-aware scaling and stochastic rounding.
//!
//! Source: Lin et al., *On-Device Training Under 256KB Memory* (NeurIPS 2022), section 2.1. The gradient with respect
//! to a byte is the weight's times `s_w`, while the byte is the weight divided by `s_w`: a step that is to move both
//! alike divides the byte's gradient by `s_w^2`, and a bias's by `(s_w s_x)^2`. Such steps are mostly smaller than
//! one, so they are rounded up with the probability of their fraction (Gupta et al., ICML 2015), which keeps their
//! expectation; rounded to nearest, learning would stop.
//!
//! Errors are integers of up to 14 bits with a scale that follows them from layer to layer, so that carrying them
//! back and moving the weights takes 32-bit integers alone; floating point is used per unit, never per weight.
//!
//! Memory beside the parameters: a byte for each input of a layer, two rows of errors, `8 * widest` bytes,
//! `4 * classes` bytes of probabilities, and the eight bytes of the generator. Nothing is kept of gradients.
use super::super::plan::{Plan, Update};
use super::{Int8Mlp, LARGEST, LARGEST_BIAS, LayerScale};
use crate::linear::softmax::Judgement;
use crate::random::Random;
use crate::{LearnError, check_length};

/// Errors of a layer are shifted below this magnitude: with [`super::MAX_WIDTH`] of them times a byte, a sum fits in
/// 32 bits.
const LARGEST_ERROR: i32 = 1 << 13;

/// Fraction bits of a step, and of the dither that rounds it.
const STEP_BITS: u32 = 16;

/// The learner's settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Int8Backprop<'a> {
    /// The network.
    pub network: Int8Mlp<'a>,
    /// What of it may change.
    pub plan: Plan<'a>,
    /// Step size, as for a network of f32.
    pub learning_rate: f32,
    /// Largest norm of the gradient of one layer, as for a network of f32.
    pub clip_norm: f32,
}

/// Memory that a step needs and nobody else.
#[derive(Debug)]
pub struct Int8Scratch<'a> {
    /// Inputs of all layers, [`Int8Mlp::activations_len`].
    pub activations: &'a mut [i8],
    /// Two rows of errors, [`Int8Backprop::errors_len`].
    pub errors: &'a mut [i32],
    /// `[classes]`.
    pub probabilities: &'a mut [f32],
}

/// Errors of one layer's outputs: `scale * integer`.
struct Errors<'a> {
    integers: &'a [i32],
    scale: f32,
}

impl Int8Backprop<'_> {
    /// Numbers of scratch for errors.
    pub const fn errors_len(self) -> usize {
        let (mut widest, mut layer) = (0, 1);
        while layer < self.network.widths.len() {
            if self.network.widths[layer] > widest {
                widest = self.network.widths[layer];
            }
            layer += 1;
        }
        2 * widest
    }

    /// One step of gradient descent on one sample. Returns how the network judged it before the step.
    pub fn step(
        self,
        weights: &mut [i8],
        biases: &mut [i32],
        sample: &[f32],
        label: usize,
        scratch: &mut Int8Scratch,
        random: &mut Random,
    ) -> Result<Judgement, LearnError> {
        check_length("errors", scratch.errors.len(), self.errors_len())?;
        let Int8Scratch { activations, errors, probabilities } = scratch;
        let judgement = self.network.judge(weights, biases, sample, label, probabilities, activations)?;
        probabilities[label] -= 1.0;
        let largest = probabilities.iter().fold(0.0_f32, |largest, error| largest.max(error.abs()));
        // Less than this is certainty, and no step of it would move a byte.
        if largest > 1e-6 {
            let per_unit = LARGEST_ERROR as f32 / largest;
            for (integer, error) in errors.iter_mut().zip(&**probabilities) {
                *integer = super::round(error * per_unit);
            }
            self.descend(weights, biases, activations, (errors, 1.0 / per_unit), random);
        }
        Ok(judgement)
    }

    /// Carries the errors back to the first layer of the plan, and moves each layer once its own are passed on.
    /// The first half of `errors` holds those of the logits, in units of the scale beside them.
    fn descend(
        self,
        weights: &mut [i8],
        biases: &mut [i32],
        activations: &[i8],
        errors: (&mut [i32], f32),
        random: &mut Random,
    ) {
        let (errors, mut error_scale) = errors;
        let (mut errors, mut earlier) = errors.split_at_mut(errors.len() / 2);
        let (mut weights, mut biases, mut activations) = (weights, biases, activations);
        let first = self.plan.first(self.network.layers());
        for layer in (first..self.network.layers()).rev() {
            let (inputs, outputs) = (self.network.widths[layer], self.network.widths[layer + 1]);
            let (before, rows) = weights.split_at_mut(weights.len() - inputs * outputs);
            let (biases_before, biases_here) = biases.split_at_mut(biases.len() - outputs);
            let (activations_before, input) = activations.split_at(activations.len() - inputs);
            let mut next_scale = error_scale;
            if layer > first {
                carry_back(rows, &errors[..outputs], input, &mut earlier[..inputs]);
                let shifted = shorten(&mut earlier[..inputs]);
                next_scale *= self.network.scales[layer].weights * shifted;
            }
            let own = Errors { integers: &errors[..outputs], scale: error_scale };
            self.move_layer(layer, rows, biases_here, &own, input, random);
            core::mem::swap(&mut errors, &mut earlier);
            (weights, biases, activations) = (before, biases_before, activations_before);
            error_scale = next_scale;
        }
    }

    fn move_layer(
        self,
        layer: usize,
        rows: &mut [i8],
        biases: &mut [i32],
        errors: &Errors,
        input: &[i8],
        random: &mut Random,
    ) {
        let (update, scale) = (self.plan.update(layer), self.network.scales[layer]);
        if update == Update::Frozen {
            return;
        }
        let rate = self.learning_rate * self.shortening(errors, input, scale) * errors.scale;
        // The bias's gradient over (s_w s_x)^2, with respect to an integer that is worth s_w s_x.
        let per_bias = rate / scale.sums();
        // A weight's gradient over s_w^2, with respect to a byte that is worth s_w, for each unit of input.
        let per_input = rate * scale.inputs / scale.weights;
        for (channel, (&error, bias)) in errors.integers.iter().zip(biases).enumerate() {
            if error == 0 {
                continue;
            }
            let moved = libm::floorf(per_bias * error as f32 + random.unit()) as i32;
            *bias = bias.saturating_sub(moved).clamp(-LARGEST_BIAS, LARGEST_BIAS);
            if update.has_weights_of(channel) {
                let row = &mut rows[channel * input.len()..][..input.len()];
                move_row(row, per_input * error as f32, input, random);
            }
        }
    }

    /// What the gradient of a layer is multiplied with to keep within its norm.
    fn shortening(self, errors: &Errors, input: &[i8], scale: LayerScale) -> f32 {
        let errors_squared: i64 = errors.integers.iter().map(|error| i64::from(*error).pow(2)).sum();
        let errors_norm = errors.scale * libm::sqrtf(errors_squared as f32);
        let inputs_norm = scale.inputs * libm::sqrtf(super::dot(input, input) as f32);
        let norm = errors_norm * libm::sqrtf(inputs_norm * inputs_norm + 1.0);
        (self.clip_norm / norm.max(f32::MIN_POSITIVE)).min(1.0)
    }
}

/// Moves the weights of one channel by `per_input` times their inputs, stochastically rounded.
fn move_row(weights: &mut [i8], per_input: f32, input: &[i8], random: &mut Random) {
    // At most 2^22 times 127 fits in 32 bits; so long a step crosses the whole range of a byte anyway.
    let step = super::round(per_input * (1 << STEP_BITS) as f32).clamp(-(1 << 22), 1 << 22);
    if step == 0 {
        return;
    }
    let (weights, last_weights) = weights.as_chunks_mut::<4>();
    let (input, last_input) = input.as_chunks::<4>();
    for (weights, input) in weights.iter_mut().zip(input) {
        let dither = dithers(random);
        for lane in 0..4 {
            move_weight(&mut weights[lane], step, input[lane], dither[lane]);
        }
    }
    if !last_weights.is_empty() {
        let dither = dithers(random);
        for ((weight, &value), dither) in last_weights.iter_mut().zip(last_input).zip(dither) {
            move_weight(weight, step, value, dither);
        }
    }
}

fn move_weight(weight: &mut i8, step: i32, input: i8, dither: i32) {
    let moved = (step * i32::from(input) + dither) >> STEP_BITS;
    *weight = (i32::from(*weight) - moved).clamp(-LARGEST, LARGEST) as i8;
}

/// Four numbers of [`STEP_BITS`] bits from one draw.
fn dithers(random: &mut Random) -> [i32; 4] {
    let bits = random.next_u64();
    let (low, high) = (bits as u32, (bits >> 32) as u32);
    [low & 0xffff, low >> STEP_BITS, high & 0xffff, high >> STEP_BITS].map(|dither| dither as i32)
}

/// Errors of a layer's inputs, in units of the weights' scale times the errors': its own through its weights, where
/// ReLU passed the input on.
fn carry_back(rows: &[i8], errors: &[i32], input: &[i8], earlier: &mut [i32]) {
    earlier.fill(0);
    for (channel, &error) in errors.iter().enumerate() {
        if error != 0 {
            let row = &rows[channel * input.len()..][..input.len()];
            earlier.iter_mut().zip(row).for_each(|(sum, weight)| *sum += error * i32::from(*weight));
        }
    }
    for (error, &value) in earlier.iter_mut().zip(input) {
        if value <= 0 {
            *error = 0;
        }
    }
}

/// Halves all errors until the largest is within its bound. Returns what a unit is worth then.
fn shorten(errors: &mut [i32]) -> f32 {
    let largest = errors.iter().fold(0, |largest, error| largest.max(error.unsigned_abs()));
    let shift = (32 - largest.leading_zeros()).saturating_sub(LARGEST_ERROR.trailing_zeros());
    if shift > 0 {
        // 64 bits: half a unit added to the largest i32 would overflow.
        let half = 1_i64 << (shift - 1);
        errors.iter_mut().for_each(|error| *error = ((i64::from(*error) + half) >> shift) as i32);
    }
    (1_u32 << shift) as f32
}

#[cfg(test)]
mod tests;
