//! Multinomial logistic regression by stochastic gradient descent (Bishop, PRML 2006, 4.3.4), one sample a step.
//!
//! State: `4 * classes * (features + 1)` bytes of parameters, `4 * classes` bytes of scratch.
//! A step takes `2 * classes * features` multiplications.
use crate::{LearnError, Shape, check_label, check_length, check_sample};

/// The learner's settings. Parameters are the caller's, `[classes][features + 1]`, the bias last in each row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Softmax {
    /// Features and classes.
    pub shape: Shape,
    /// Step size.
    pub learning_rate: f32,
    /// Weight decay per step, as a multiple of the learning rate; biases do not decay.
    pub l2: f32,
}

/// What the model made of a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// The most probable class; the lowest index of several.
    pub class: usize,
    /// Negative logarithm of the true class's probability, in nats.
    pub loss: f32,
}

impl Softmax {
    /// Probabilities of the classes, into `probabilities` (`[classes]`).
    pub fn probabilities(
        &self,
        params: &[f32],
        sample: &[f32],
        probabilities: &mut [f32],
    ) -> Result<(), LearnError> {
        self.check(params, sample, probabilities)?;
        let row_length = self.shape.features + 1;
        for (logit, row) in probabilities.iter_mut().zip(params.chunks_exact(row_length)) {
            *logit = affine(row, sample);
        }
        normalise(probabilities);
        Ok(())
    }

    /// The most probable class; the lowest index of several.
    pub fn predict(&self, params: &[f32], sample: &[f32], scratch: &mut [f32]) -> Result<usize, LearnError> {
        self.probabilities(params, sample, scratch)?;
        Ok(largest(scratch))
    }

    /// Compares the model with a labelled sample, without learning from it.
    pub fn judge(
        &self,
        params: &[f32],
        sample: &[f32],
        label: usize,
        scratch: &mut [f32],
    ) -> Result<Judgement, LearnError> {
        check_label(label, self.shape.classes)?;
        self.probabilities(params, sample, scratch)?;
        // The floor keeps one confidently wrong sample from outweighing all others.
        Ok(Judgement { class: largest(scratch), loss: -libm::logf(scratch[label].max(1e-6)) })
    }

    /// One step of gradient descent on one sample. Returns how the model judged it before the step.
    pub fn step(
        &self,
        params: &mut [f32],
        sample: &[f32],
        label: usize,
        scratch: &mut [f32],
    ) -> Result<Judgement, LearnError> {
        let judgement = self.judge(params, sample, label, scratch)?;
        scratch[label] -= 1.0;
        let row_length = self.shape.features + 1;
        let decay = 1.0 - self.learning_rate * self.l2;
        for (&error, row) in scratch.iter().zip(params.chunks_exact_mut(row_length)) {
            let step = self.learning_rate * error;
            let (bias, weights) = row.split_last_mut().expect("a row holds at least its bias");
            for (weight, &value) in weights.iter_mut().zip(sample) {
                *weight = *weight * decay - step * value;
            }
            *bias -= step;
        }
        Ok(judgement)
    }

    fn check(&self, params: &[f32], sample: &[f32], scratch: &[f32]) -> Result<(), LearnError> {
        check_length("parameters", params.len(), self.shape.linear_params())?;
        check_length("scratch", scratch.len(), self.shape.classes)?;
        check_sample(sample, self.shape.features)
    }
}

fn affine(row: &[f32], sample: &[f32]) -> f32 {
    let (bias, weights) = row.split_last().expect("a row holds at least its bias");
    weights.iter().zip(sample).fold(*bias, |sum, (weight, value)| sum + weight * value)
}

/// Logits to probabilities, in place; the largest is subtracted first so that nothing overflows.
fn normalise(logits: &mut [f32]) {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for logit in logits.iter_mut() {
        *logit = libm::expf(*logit - largest);
        sum += *logit;
    }
    for probability in logits {
        *probability /= sum;
    }
}

fn largest(values: &[f32]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEARNER: Softmax =
        Softmax { shape: Shape { features: 2, classes: 3 }, learning_rate: 0.1, l2: 0.0 };

    /// Gradient of the loss against central differences.
    #[test]
    fn a_step_follows_the_gradient_of_the_loss() {
        let params: [f32; 9] = core::array::from_fn(|i| 0.1 * i as f32 - 0.3);
        let (sample, label, mut scratch) = ([0.7, -1.2], 1, [0.0; 3]);
        let mut stepped = params;
        LEARNER.step(&mut stepped, &sample, label, &mut scratch).unwrap();
        for index in 0..params.len() {
            let mut loss_at = |shift: f32| {
                let mut moved = params;
                moved[index] += shift;
                LEARNER.judge(&moved, &sample, label, &mut scratch).unwrap().loss
            };
            let numeric = (loss_at(1e-2) - loss_at(-1e-2)) / 2e-2;
            let analytic = (params[index] - stepped[index]) / LEARNER.learning_rate;
            assert!((numeric - analytic).abs() < 1e-3, "{index}: {numeric} against {analytic}");
        }
    }

    #[test]
    fn bad_input_is_refused_and_changes_nothing() {
        let (mut params, mut scratch) = ([0.5; 9], [0.0; 3]);
        let mut step = |sample: &[f32], label| LEARNER.step(&mut params, sample, label, &mut scratch);
        assert_eq!(step(&[1.0, f32::NAN], 0), Err(LearnError::NotFinite { feature: 1 }));
        assert_eq!(step(&[f32::INFINITY, 0.0], 0), Err(LearnError::NotFinite { feature: 0 }));
        assert_eq!(step(&[1.0, 1.0], 3), Err(LearnError::UnknownLabel { label: 3, classes: 3 }));
        assert_eq!(step(&[0.0, -2e6], 0), Err(LearnError::TooLarge { feature: 1 }));
        let short = LearnError::WrongLength { what: "sample", have: 1, need: 2 };
        assert_eq!(step(&[1.0], 0), Err(short));
        assert_eq!(params, [0.5; 9]);
    }

    #[test]
    fn huge_logits_stay_probabilities() {
        let (params, mut scratch) = ([1e20, 1.0, 0.0, 1e19, 1.0, 0.0, -1e20, 0.0, 0.0], [0.0; 3]);
        LEARNER.probabilities(&params, &[1e6, 1e6], &mut scratch).unwrap();
        assert_eq!(scratch, [1.0, 0.0, 0.0]);
    }
}
