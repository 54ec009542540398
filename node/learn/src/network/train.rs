//! Backpropagation (Rumelhart, Hinton, Williams, Nature 1986) through a multilayer perceptron, one sample a step,
//! with momentum if wanted, a bound on the gradient, and sparse update.
//!
//! The gradient of a layer is the product of two vectors, its errors and its inputs. It is applied at once and never
//! stored; its norm is the product of theirs, so that it is bounded layer by layer before anything moves (Pascanu,
//! Mikolov, Bengio, ICML 2013, algorithm 1).
//!
//! Memory beside the parameters, four bytes each: the activations that the plan needs, from those that enter its
//! first layer on; two rows of errors, `2 * (widest + 1)`; with momentum, one number a parameter that may change.
//! A step takes `sum(outputs * inputs)` multiplications forward, and at most twice as many (thrice with momentum)
//! backward over the layers from the plan's first.
use super::mlp::{Mlp, judgement, softmax};
use super::plan::{Plan, Update};
use crate::linear::softmax::Judgement;
use crate::scalar::Scalar;
use crate::{LearnError, check_label, check_length};

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
        self.kept_len() + 2 * (self.mlp.widest() + 1)
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
    pub fn step<S: Scalar>(
        self,
        params: &mut [S],
        velocity: &mut [S],
        sample: &[S],
        label: usize,
        scratch: &mut [S],
    ) -> Result<Judgement, LearnError> {
        self.mlp.check(params)?;
        check_length("velocity", velocity.len(), self.velocity_len())?;
        check_length("scratch", scratch.len(), self.scratch_len())?;
        check_label(label, self.mlp.classes())?;
        S::check_sample(sample, self.mlp.widths[0])?;
        let (kept, errors) = scratch.split_at_mut(self.kept_len());
        self.activate(params, sample, kept, errors);
        let (activations, probabilities) = kept.split_at_mut(kept.len() - self.mlp.classes());
        softmax(probabilities);
        let judgement = judgement(probabilities, label);
        errors[..probabilities.len()].copy_from_slice(probabilities);
        errors[label] = errors[label] - S::ONE;
        errors[probabilities.len()] = S::ZERO;
        self.descend(params, velocity, sample, activations, errors);
        Ok(judgement)
    }

    /// Fills `kept` with the activations of the layers from [`Backprop::depth`] on, the logits last.
    fn activate<S: Scalar>(self, params: &[S], sample: &[S], kept: &mut [S], scratch: &mut [S]) {
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
    /// The first half of `errors` holds those of the logits. A row of errors ends with that of a unit that is not
    /// there, always zero: the place of a bias, where sums expect one.
    fn descend<S: Scalar>(
        self,
        params: &mut [S],
        velocity: &mut [S],
        sample: &[S],
        activations: &[S],
        errors: &mut [S],
    ) {
        let (mut errors, mut earlier) = errors.split_at_mut(self.mlp.widest() + 1);
        let (mut params, mut velocity, mut activations) = (params, velocity, activations);
        let first = self.plan.first(self.mlp.layers());
        for layer in (first..self.mlp.layers()).rev() {
            let (inputs, outputs) = (self.mlp.widths[layer], self.mlp.widths[layer + 1]);
            let (before, rows) = params.split_at_mut(params.len() - self.mlp.layer_params(layer));
            let (slow, moving) = velocity.split_at_mut(velocity.len() - self.layer_velocity(layer));
            let input = if layer == 0 { sample } else { &activations[activations.len() - inputs..] };
            if layer > first {
                carry_back(rows, &errors[..outputs], input, &mut earlier[..=inputs]);
                activations = &activations[..activations.len() - inputs];
            }
            let update = self.plan.update(layer);
            if update != Update::Frozen {
                self.move_layer(update, rows, moving, &errors[..=outputs], input);
            }
            core::mem::swap(&mut errors, &mut earlier);
            (params, velocity) = (before, slow);
        }
    }

    fn move_layer<S: Scalar>(
        self,
        update: Update,
        rows: &mut [S],
        velocity: &mut [S],
        errors: &[S],
        input: &[S],
    ) {
        let shortened = S::from_f32(self.shortening(errors, input));
        let mut velocity = velocity;
        for (channel, (row, error)) in rows.chunks_exact_mut(input.len() + 1).zip(errors).enumerate() {
            // Without its weights, what moves of a row is its bias.
            let start = if update.has_weights_of(channel) { 0 } else { input.len() };
            let (row, input) = (&mut row[start..], &input[start..]);
            let gradient = *error * shortened;
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

    /// What the gradient of a layer is multiplied with to keep within its norm.
    fn shortening<S: Scalar>(self, errors: &[S], input: &[S]) -> f32 {
        let (errors, rest) = (errors, &errors[..errors.len() - 1]);
        let errors_squared = S::affine(errors, rest).to_f32();
        // An input that is beyond what a learner takes of features has no norm, and does not occur: ReLU bounds it.
        let inputs_squared = S::squared_norm(input).unwrap_or(S::ONE).to_f32();
        let norm = libm::sqrtf(errors_squared * inputs_squared);
        (self.clip_norm / norm.max(f32::MIN_POSITIVE)).min(1.0)
    }

    /// Moves weights and bias, or where `input` is empty the bias alone.
    fn move_row<S: Scalar>(self, row: &mut [S], gradient: S, input: &[S]) {
        // A unit without error moves nothing: the same bits in less time.
        if gradient != S::ZERO {
            S::add_scaled(row, -(S::from_f32(self.learning_rate) * gradient), input);
        }
    }

    fn move_row_with_momentum<S: Scalar>(
        self,
        row: &mut [S],
        velocity: &mut [S],
        momentum: f32,
        gradient: S,
        input: &[S],
    ) {
        S::decay_and_add(velocity, S::from_f32(momentum), gradient, input);
        let rate = S::from_f32(self.learning_rate);
        for (param, velocity) in row.iter_mut().zip(velocity) {
            *param = *param - rate * *velocity;
        }
    }
}

/// Errors of a layer's inputs: its own through its weights, where ReLU passed the input on. Bounded as activations
/// are, so that no product with them overflows.
fn carry_back<S: Scalar>(rows: &[S], errors: &[S], input: &[S], earlier: &mut [S]) {
    earlier.fill(S::ZERO);
    for (row, &error) in rows.chunks_exact(input.len() + 1).zip(errors) {
        if error != S::ZERO {
            S::add_scaled(earlier, error, &row[..input.len()]);
        }
    }
    for (error, &value) in earlier.iter_mut().zip(input) {
        *error = if value > S::ZERO { bounded(*error) } else { S::ZERO };
    }
    earlier[input.len()] = S::ZERO;
}

fn bounded<S: Scalar>(error: S) -> S {
    if error > S::MAX_FEATURE {
        S::MAX_FEATURE
    } else if error < -S::MAX_FEATURE {
        -S::MAX_FEATURE
    } else {
        error
    }
}

#[cfg(test)]
mod tests;
