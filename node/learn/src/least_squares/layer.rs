//! A layer of random units that its seed regenerates: no byte of weights (Huang, Zhu and Siew 2006).
//!
//! Unit i has the stream of [`crate::random`] whose first state is `i 2^32 + seed`: a weight for each feature, then a
//! bias, each in [-1, 1). In single precision and this order, z = (w_0 x_0 + w_1 x_1 + .. + bias) gain,
//! t = z limited to -2..2, h = t (1 - |t| / 4), a sigmoid of additions and multiplications alone. The answer is
//! 128 h rounded to a whole number, ties away from zero, at most 127: sums of products of answers are then whole
//! numbers, exact whatever the order in which nodes added them. It is the layer of the federation's statistics:
//! a readout that one node trains and one solved from the sums of all are of the same features.
//!
//! State: none. A unit takes `features + 1` draws, of three 64-bit multiplications each, and as many products.
use crate::random::Random;

/// What an answer of 1 is counted in.
pub const ONE: f32 = 128.0;

/// A random layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layer {
    /// Of all weights and biases.
    pub seed: u32,
    /// Number of units.
    pub units: usize,
    /// Factor before the sigmoid; `1 / sqrt(features)` suits standardised features.
    pub gain: f32,
}

impl Layer {
    /// A unit's answer to a sample, in 1/128. A sum that is not a number counts as zero.
    pub fn answer(&self, unit: usize, sample: &[f32]) -> i8 {
        let mut random = Random::new((unit as u64) << 32 | u64::from(self.seed));
        let mut sum = 0.0;
        for feature in sample {
            sum += random.symmetric() * feature;
        }
        let limited = ((sum + random.symmetric()) * self.gain).clamp(-2.0, 2.0);
        let sigmoid = limited * (1.0 - libm::fabsf(limited) / 4.0);
        // The conversion saturates at 127, and turns what is not a number into zero.
        libm::roundf(sigmoid * ONE) as i8
    }

    /// A unit's answer to a sample, -1 to 127/128.
    pub(crate) fn activation(&self, unit: usize, sample: &[f32]) -> f32 {
        f32::from(self.answer(unit, sample)) / ONE
    }

    /// All units' answers, `[units]`.
    pub(crate) fn activations(&self, sample: &[f32], hidden: &mut [f32]) {
        for (unit, hidden) in hidden.iter_mut().enumerate() {
            *hidden = self.activation(unit, sample);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers by which the format of the statistics is pinned; they were computed in numpy's single precision.
    #[test]
    fn answers_are_those_of_the_statistics() {
        let layer = Layer { seed: 7, units: 6, gain: 0.75 };
        let answers = |layer: Layer| core::array::from_fn(|unit| layer.answer(unit, &[1.0, -0.5, 2.25]));
        assert_eq!(answers(layer), [125, -99, -121, 55, -61, 127]);
        assert_eq!(answers(Layer { gain: 8.0, ..layer }), [127, -128, -128, 127, -128, 127]);
        assert_eq!(layer.answer(0, &[f32::NAN]), 0);
    }

    #[test]
    fn activations_are_answers_in_units_of_one() {
        let layer = Layer { seed: 7, units: 3, gain: 0.75 };
        let mut hidden = [0.0; 3];
        layer.activations(&[1.0, -0.5, 2.25], &mut hidden);
        assert_eq!(hidden, [125.0 / 128.0, -99.0 / 128.0, -121.0 / 128.0]);
    }
}
