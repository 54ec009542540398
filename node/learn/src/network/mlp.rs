//! Multilayer perceptron: dense layers with ReLU between them, softmax after the last.
//!
//! Source: Goodfellow, Bengio, Courville, *Deep Learning* (2016), chapter 6; initial weights after He et al. (ICCV
//! 2015), equation 12.
//!
//! Parameters: for each layer `[outputs][inputs + 1]`, the bias last in each row, the layers one after the other:
//! `4 * sum(outputs * (inputs + 1))` bytes. The last layer is laid out like [`crate::linear::softmax::Softmax`].
//! Inference: `8 * widest` bytes of scratch beside the probabilities, `sum(outputs * inputs)` multiplications. Either
//! scalar serves; exponentials and logarithms are taken in f32.
use crate::linear::softmax::Judgement;
use crate::random::Random;
use crate::scalar::Scalar;
use crate::{LearnError, check_label, check_length};

/// A network of given widths. The parameters are the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mlp<'a> {
    /// Numbers in a sample, units of each hidden layer, classes: at least two entries.
    pub widths: &'a [usize],
}

impl Mlp<'_> {
    /// Layers with parameters.
    pub const fn layers(self) -> usize {
        self.widths.len().saturating_sub(1)
    }

    /// Parameters of one layer; layer 0 takes the sample. None of a layer that is not there.
    pub const fn layer_params(self, layer: usize) -> usize {
        if layer < self.layers() {
            // Widths beyond all memory are refused for want of parameters, not by an overflow.
            self.widths[layer + 1].saturating_mul(self.widths[layer].saturating_add(1))
        } else {
            0
        }
    }

    /// Parameters of all layers.
    pub const fn params_len(self) -> usize {
        let (mut sum, mut layer) = (0, 0);
        while layer < self.layers() {
            sum = self.layer_params(layer).saturating_add(sum);
            layer += 1;
        }
        sum
    }

    /// Units of the widest layer, the last one included.
    pub const fn widest(self) -> usize {
        let (mut widest, mut layer) = (0, 0);
        while layer < self.layers() {
            if self.widths[layer + 1] > widest {
                widest = self.widths[layer + 1];
            }
            layer += 1;
        }
        widest
    }

    /// Numbers that inference needs beside its result.
    pub const fn scratch_len(self) -> usize {
        2 * self.widest()
    }

    /// Draws weights that keep the variance of activations from layer to layer; biases become zero.
    pub fn init<S: Scalar>(self, params: &mut [S], random: &mut Random) -> Result<(), LearnError> {
        self.check(params)?;
        let mut rest = params;
        for layer in 0..self.layers() {
            let (rows, tail) = rest.split_at_mut(self.layer_params(layer));
            rest = tail;
            let inputs = self.widths[layer];
            // Variance 2 / inputs, for a uniform distribution.
            let bound = libm::sqrtf(6.0 / inputs.max(1) as f32);
            for row in rows.chunks_exact_mut(inputs + 1) {
                let (bias, weights) = row.split_last_mut().expect("a row holds at least its bias");
                weights.fill_with(|| S::from_f32(bound * random.symmetric()));
                *bias = S::ZERO;
            }
        }
        Ok(())
    }

    /// Output of the first `depth` layers, into `output` (`[widths[depth]]`): activations of a hidden layer, or the
    /// logits where `depth` is the number of layers. Scratch: [`Mlp::scratch_len`].
    pub fn prefix<S: Scalar>(
        self,
        params: &[S],
        depth: usize,
        sample: &[S],
        output: &mut [S],
        scratch: &mut [S],
    ) -> Result<(), LearnError> {
        self.check(params)?;
        check_length("scratch", scratch.len(), self.scratch_len())?;
        let depth = depth.min(self.layers());
        check_length("output", output.len(), self.widths[depth])?;
        S::check_sample(sample, self.widths[0])?;
        self.run(params, depth, sample, output, scratch);
        Ok(())
    }

    /// Probabilities of the classes, into `probabilities` (`[classes]`). Scratch: [`Mlp::scratch_len`].
    pub fn probabilities<S: Scalar>(
        self,
        params: &[S],
        sample: &[S],
        probabilities: &mut [S],
        scratch: &mut [S],
    ) -> Result<(), LearnError> {
        self.prefix(params, self.layers(), sample, probabilities, scratch)?;
        softmax(probabilities);
        Ok(())
    }

    /// The most probable class; the lowest index of several. Scratch as for [`Mlp::probabilities`].
    pub fn predict<S: Scalar>(
        self,
        params: &[S],
        sample: &[S],
        probabilities: &mut [S],
        scratch: &mut [S],
    ) -> Result<usize, LearnError> {
        self.probabilities(params, sample, probabilities, scratch)?;
        Ok(largest(probabilities))
    }

    /// Compares the network with a labelled sample, without learning from it.
    pub fn judge<S: Scalar>(
        self,
        params: &[S],
        sample: &[S],
        label: usize,
        probabilities: &mut [S],
        scratch: &mut [S],
    ) -> Result<Judgement, LearnError> {
        check_label(label, self.classes())?;
        self.probabilities(params, sample, probabilities, scratch)?;
        Ok(judgement(probabilities, label))
    }

    pub(super) fn classes(self) -> usize {
        self.widths.last().copied().unwrap_or(0)
    }

    pub(super) fn check<P>(self, params: &[P]) -> Result<(), LearnError> {
        if self.widths.len() < 2 {
            return Err(LearnError::WrongLength { what: "widths", have: self.widths.len(), need: 2 });
        }
        check_length("parameters", params.len(), self.params_len())
    }

    /// The checked part of [`Mlp::prefix`]. Activations go back and forth between the two halves of the scratch.
    pub(super) fn run<S: Scalar>(
        self,
        params: &[S],
        depth: usize,
        sample: &[S],
        output: &mut [S],
        scratch: &mut [S],
    ) {
        if depth == 0 {
            output.copy_from_slice(sample);
        }
        let (mut input, mut next) = scratch.split_at_mut(self.widest());
        let mut rest = params;
        for layer in 0..depth {
            let (rows, tail) = rest.split_at(self.layer_params(layer));
            rest = tail;
            let from = if layer == 0 { sample } else { &input[..self.widths[layer]] };
            let to = if layer + 1 == depth { &mut *output } else { &mut next[..self.widths[layer + 1]] };
            self.forward(layer, rows, from, to);
            core::mem::swap(&mut input, &mut next);
        }
    }

    /// One layer: its affine map, and ReLU unless it is the last.
    pub(super) fn forward<S: Scalar>(self, layer: usize, rows: &[S], input: &[S], output: &mut [S]) {
        for (out, row) in output.iter_mut().zip(rows.chunks_exact(input.len() + 1)) {
            *out = S::affine(row, input);
        }
        if layer + 1 < self.layers() {
            output.iter_mut().for_each(|value| *value = rectify(*value));
        }
    }
}

/// Probabilities against the label. The floor keeps one confidently wrong sample from outweighing all others.
pub(super) fn judgement<S: Scalar>(probabilities: &[S], label: usize) -> Judgement {
    let loss = -libm::logf(probabilities[label].to_f32().max(1e-6));
    Judgement { class: largest(probabilities), loss }
}

/// Logits to probabilities, in place; the largest is subtracted first so that nothing overflows.
pub(super) fn softmax<S: Scalar>(logits: &mut [S]) {
    let largest = logits.iter().fold(f32::NEG_INFINITY, |largest, logit| largest.max(logit.to_f32()));
    let mut sum = S::ZERO;
    for logit in logits.iter_mut() {
        *logit = S::from_f32(libm::expf(logit.to_f32() - largest));
        sum = sum + *logit;
    }
    for probability in logits {
        *probability = *probability / sum;
    }
}

/// The lowest index of several.
pub(super) fn largest<S: Scalar>(values: &[S]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best
}

/// ReLU, bounded as samples are: otherwise activations of extreme samples grow from layer to layer until they
/// overflow.
fn rectify<S: Scalar>(value: S) -> S {
    if value > S::MAX_FEATURE {
        S::MAX_FEATURE
    } else if value > S::ZERO {
        value
    } else {
        S::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MLP: Mlp = Mlp { widths: &[2, 3, 2] };
    // Hidden: x0, x1, x0 - x1 - 1; logits: h0 + 2 h1, 3 h2 + 0.5.
    const PARAMS: [f32; 17] =
        [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, -1.0, -1.0, 1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 3.0, 0.5];

    #[test]
    fn a_known_network_gives_known_activations() {
        assert_eq!((MLP.params_len(), MLP.scratch_len()), (PARAMS.len(), 6));
        let (mut scratch, mut hidden, mut logits) = ([0.0; 6], [0.0; 3], [0.0; 2]);
        MLP.prefix(&PARAMS, 1, &[4.0, -1.0], &mut hidden, &mut scratch).unwrap();
        assert_eq!(hidden, [4.0, 0.0, 4.0]);
        MLP.prefix(&PARAMS, 2, &[4.0, -1.0], &mut logits, &mut scratch).unwrap();
        assert_eq!(logits, [4.0, 12.5]);
        MLP.prefix(&PARAMS, 0, &[4.0, -1.0], &mut logits, &mut scratch).unwrap();
        assert_eq!(logits, [4.0, -1.0], "no layer at all gives the sample");
        let judged = MLP.judge(&PARAMS, &[4.0, -1.0], 1, &mut logits, &mut scratch).unwrap();
        assert_eq!(judged.class, 1);
        assert!((judged.loss - libm::logf(1.0 + libm::expf(-8.5))).abs() < 1e-6);
    }

    #[test]
    fn bad_input_is_refused() {
        let (mut scratch, mut out) = ([0.0; 6], [0.0; 2]);
        let mut judge = |params: &[f32], sample: &[f32], label| {
            MLP.judge(params, sample, label, &mut out, &mut scratch).unwrap_err()
        };
        assert_eq!(judge(&PARAMS, &[0.0, f32::NAN], 0), LearnError::NotFinite { feature: 1 });
        assert_eq!(judge(&PARAMS, &[0.0, 1.0], 2), LearnError::UnknownLabel { label: 2, classes: 2 });
        let short = LearnError::WrongLength { what: "parameters", have: 16, need: 17 };
        assert_eq!(judge(&PARAMS[1..], &[0.0, 1.0], 0), short);
        let none = Mlp { widths: &[2] };
        let refused = none.probabilities::<f32>(&[], &[0.0; 2], &mut [], &mut []);
        assert_eq!(refused, Err(LearnError::WrongLength { what: "widths", have: 1, need: 2 }));
        let endless = Mlp { widths: &[usize::MAX, usize::MAX, 2] };
        assert!(endless.init(&mut [0.0], &mut Random::new(1)).is_err());
        assert_eq!((MLP.layer_params(1), MLP.layer_params(2)), (8, 0));
    }

    #[test]
    fn initial_weights_have_the_variance_of_their_rule() {
        let mlp = Mlp { widths: &[64, 100, 10] };
        let mut params = vec![9.0_f32; mlp.params_len()];
        mlp.init(&mut params, &mut Random::new(1)).unwrap();
        let first: Vec<f32> =
            params[..6_500].chunks_exact(65).flat_map(|row| row[..64].iter().copied()).collect();
        let variance = first.iter().map(|weight| weight * weight).sum::<f32>() / first.len() as f32;
        assert!((variance * 32.0 - 1.0).abs() < 0.05, "{variance}");
        assert!(params[..6_500].chunks_exact(65).all(|row| row[64] == 0.0));
    }
}
