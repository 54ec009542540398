//! Backpropagation (Rumelhart, Hinton, Williams, Nature 1986) through a multilayer perceptron, one sample a step,
//! with momentum if wanted, a bound on the gradient, and sparse update.
//!
//! The gradient of a layer is the product of two vectors, its errors and its inputs. It is applied at once and never
//! stored; its norm is the product of theirs, so that it is bounded layer by layer before anything moves (Pascanu,
//! Mikolov, Bengio, ICML 2013, algorithm 1).
//!
//! Memory beside the parameters, four bytes each: the activations that the plan needs, from those that enter its
//! first layer on; two rows of errors, `2 * widest`; with momentum, one number a parameter that may change.
//! A step takes `sum(outputs * inputs)` multiplications forward, and at most twice as many (thrice with momentum)
//! backward over the layers from the plan's first.
use super::mlp::{Mlp, judgement};
use super::plan::{Plan, Update};
use crate::linear::softmax::{Judgement, normalise};
use crate::{LearnError, MAX_MAGNITUDE, check_label, check_length, check_sample, dot};

/// The learner's settings. Parameters stay finite as long as the longest step,
/// `learning_rate * clip_norm / (1 - momentum)`, is at most 1,000: no weight then grows beyond 2^24 such steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backprop<'a> {
    /// The network.
    pub mlp: Mlp<'a>,
    /// What of it may change.
    pub plan: Plan<'a>,
    /// Step size.
    pub learning_rate: f32,
    /// Share of the last step that the next one repeats, from 0 up to, not including, 1.
    pub momentum: Option<f32>,
    /// Largest norm of the gradient of one layer; longer ones are shortened to it.
    pub clip_norm: f32,
}

impl Backprop<'_> {
    /// Numbers of the optimiser: for each channel that may change its weights, where the plan has them, and its
    /// bias. None without momentum. The caller starts them at zero.
    pub const fn velocity_len(self) -> usize {
        if self.momentum.is_none() {
            return 0;
        }
        let (mut sum, mut layer) = (0, 0);
        while layer < self.mlp.layers() {
            sum += self.layer_velocity(layer);
            layer += 1;
        }
        sum
    }

    /// Numbers of scratch: the activations kept, then two rows of errors.
    pub const fn scratch_len(self) -> usize {
        self.kept_len() + 2 * self.mlp.widest()
    }

    const fn layer_velocity(self, layer: usize) -> usize {
        if self.momentum.is_none() {
            return 0;
        }
        self.plan.update(layer).params_len(self.mlp.widths[layer], self.mlp.widths[layer + 1])
    }

    /// Layers whose activations nobody asks for again: those before the input of the first that changes.
    const fn depth(self) -> usize {
        let layers = self.mlp.layers();
        let first = self.plan.first(layers);
        if first == 0 {
            1
        } else if first < layers {
            first
        } else {
            layers
        }
    }

    const fn kept_len(self) -> usize {
        let (mut sum, mut layer) = (0, self.depth());
        while layer < self.mlp.widths.len() {
            sum += self.mlp.widths[layer];
            layer += 1;
        }
        sum
    }

    /// One step of gradient descent on one sample. Returns how the network judged it before the step.
    pub fn step(
        self,
        params: &mut [f32],
        velocity: &mut [f32],
        sample: &[f32],
        label: usize,
        scratch: &mut [f32],
    ) -> Result<Judgement, LearnError> {
        self.mlp.check(params)?;
        check_length("velocity", velocity.len(), self.velocity_len())?;
        check_length("scratch", scratch.len(), self.scratch_len())?;
        check_label(label, self.mlp.classes())?;
        check_sample(sample, self.mlp.widths[0])?;
        let (kept, errors) = scratch.split_at_mut(self.kept_len());
        self.activate(params, sample, kept, errors);
        let (activations, probabilities) = kept.split_at_mut(kept.len() - self.mlp.classes());
        normalise(probabilities);
        let judgement = judgement(probabilities, label);
        errors[..probabilities.len()].copy_from_slice(probabilities);
        errors[label] -= 1.0;
        self.descend(params, velocity, sample, activations, errors);
        Ok(judgement)
    }

    /// Fills `kept` with the activations of the layers from [`Backprop::depth`] on, the logits last.
    fn activate(self, params: &[f32], sample: &[f32], kept: &mut [f32], scratch: &mut [f32]) {
        let widths = self.mlp.widths;
        let depth = self.depth();
        let (mut input, mut rest) = kept.split_at_mut(widths[depth]);
        self.mlp.run(params, depth, sample, input, scratch);
        let mut start: usize = (0..depth).map(|layer| self.mlp.layer_params(layer)).sum();
        for layer in depth..self.mlp.layers() {
            let (output, tail) = rest.split_at_mut(widths[layer + 1]);
            let rows = &params[start..start + self.mlp.layer_params(layer)];
            self.mlp.forward(layer, rows, input, output);
            start += rows.len();
            (input, rest) = (output, tail);
        }
    }

    /// Carries the errors back to the first layer of the plan, and moves each layer once its own are passed on.
    /// The first half of `errors` holds those of the logits.
    fn descend(
        self,
        params: &mut [f32],
        velocity: &mut [f32],
        sample: &[f32],
        activations: &[f32],
        errors: &mut [f32],
    ) {
        let (mut errors, mut earlier) = errors.split_at_mut(self.mlp.widest());
        let (mut params, mut velocity, mut activations) = (params, velocity, activations);
        let first = self.plan.first(self.mlp.layers());
        for layer in (first..self.mlp.layers()).rev() {
            let (inputs, outputs) = (self.mlp.widths[layer], self.mlp.widths[layer + 1]);
            let (before, rows) = params.split_at_mut(params.len() - self.mlp.layer_params(layer));
            let (slow, moving) = velocity.split_at_mut(velocity.len() - self.layer_velocity(layer));
            let input = if layer == 0 { sample } else { &activations[activations.len() - inputs..] };
            if layer > first {
                carry_back(rows, &errors[..outputs], input, &mut earlier[..inputs]);
                activations = &activations[..activations.len() - inputs];
            }
            let update = self.plan.update(layer);
            if update != Update::Frozen {
                self.move_layer(update, rows, moving, &errors[..outputs], input);
            }
            core::mem::swap(&mut errors, &mut earlier);
            (params, velocity) = (before, slow);
        }
    }

    fn move_layer(
        self,
        update: Update,
        rows: &mut [f32],
        velocity: &mut [f32],
        errors: &[f32],
        input: &[f32],
    ) {
        let norm = libm::sqrtf(dot::dot(errors, errors) * (dot::dot(input, input) + 1.0));
        let shortened = (self.clip_norm / norm.max(f32::MIN_POSITIVE)).min(1.0);
        let mut velocity = velocity;
        for (channel, (row, error)) in rows.chunks_exact_mut(input.len() + 1).zip(errors).enumerate() {
            // Without its weights, what moves of a row is its bias.
            let start = if update.has_weights_of(channel) { 0 } else { input.len() };
            let (row, input) = (&mut row[start..], &input[start..]);
            let gradient = error * shortened;
            match self.momentum {
                None => self.move_row(row, gradient, input),
                Some(momentum) => {
                    let (moving, rest) = core::mem::take(&mut velocity).split_at_mut(row.len());
                    self.move_row_with_momentum(row, moving, momentum, gradient, input);
                    velocity = rest;
                }
            }
        }
    }

    fn move_row(self, row: &mut [f32], gradient: f32, input: &[f32]) {
        // A unit without error moves nothing: the same bits in less time.
        if gradient == 0.0 {
            return;
        }
        let (bias, weights) = row.split_last_mut().expect("a row holds at least its bias");
        let step = -self.learning_rate * gradient;
        dot::add_scaled(weights, step, input);
        *bias += step;
    }

    fn move_row_with_momentum(
        self,
        row: &mut [f32],
        velocity: &mut [f32],
        momentum: f32,
        gradient: f32,
        input: &[f32],
    ) {
        let with_bias = input.iter().chain(core::iter::once(&1.0));
        for ((param, velocity), value) in row.iter_mut().zip(velocity).zip(with_bias) {
            *velocity = momentum * *velocity + gradient * value;
            *param -= self.learning_rate * *velocity;
        }
    }
}

/// Errors of a layer's inputs: its own through its weights, where ReLU passed the input on. Bounded as activations
/// are, so that no product with them overflows.
fn carry_back(rows: &[f32], errors: &[f32], input: &[f32], earlier: &mut [f32]) {
    earlier.fill(0.0);
    for (row, &error) in rows.chunks_exact(input.len() + 1).zip(errors) {
        if error != 0.0 {
            dot::add_scaled(earlier, error, row);
        }
    }
    for (error, &value) in earlier.iter_mut().zip(input) {
        *error = if value > 0.0 { error.clamp(-MAX_MAGNITUDE, MAX_MAGNITUDE) } else { 0.0 };
    }
}

#[cfg(test)]
mod tests;
