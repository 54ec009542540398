//! A frozen body with a trained head: softmax regression on what a network makes of a sample.
//!
//! Source: Kopparapu, Lin, *TinyFedTL* (2021), whose step is `W = W (1 - eta lambda / B) - eta g` with eta 0.1, lambda
//! 1e-4 and here a batch `B` of one; Ren, Anicic, Runkler, *TinyOL* (IJCNN 2021), which appends such a layer to any
//! network. Nodes that share the body need to send nothing but the head.
//!
//! State: the head's parameters, `4 * classes * (embedding + 1)` bytes; the body's may stay in flash. Scratch:
//! `4 * (embedding + classes)` bytes beside the body's own. A step takes the body's inference and one step of
//! [`Softmax`].
use super::mlp::Mlp;
use crate::linear::softmax::{Judgement, Softmax};
use crate::{LearnError, Shape, check_length};

/// A head on a body. The body gets a sample and fills the embedding, all of it.
#[derive(Clone, Copy, Debug)]
pub struct Head<B> {
    /// What makes an embedding of a sample; it refuses what it cannot use. [`frozen`] makes one of a network's first
    /// layers.
    pub body: B,
    /// What learns from it: its features are the embedding.
    pub softmax: Softmax,
}

impl<B: FnMut(&[f32], &mut [f32]) -> Result<(), LearnError>> Head<B> {
    /// A head with the settings of TinyFedTL.
    pub const fn new(body: B, shape: Shape) -> Self {
        Self { body, softmax: Softmax { shape, learning_rate: 0.1, l2: 1e-4 } }
    }

    /// Numbers of scratch: the embedding and the probabilities.
    pub const fn scratch_len(&self) -> usize {
        self.softmax.shape.features + self.softmax.shape.classes
    }

    /// The most probable class; the lowest index of several.
    pub fn predict(
        &mut self,
        params: &[f32],
        sample: &[f32],
        scratch: &mut [f32],
    ) -> Result<usize, LearnError> {
        let (embedding, probabilities) = self.embed(sample, scratch)?;
        self.softmax.predict(params, embedding, probabilities)
    }

    /// Compares the model with a labelled sample, without learning from it.
    pub fn judge(
        &mut self,
        params: &[f32],
        sample: &[f32],
        label: usize,
        scratch: &mut [f32],
    ) -> Result<Judgement, LearnError> {
        let (embedding, probabilities) = self.embed(sample, scratch)?;
        self.softmax.judge(params, embedding, label, probabilities)
    }

    /// One step of the head on one sample. Returns how the model judged it before the step.
    pub fn step(
        &mut self,
        params: &mut [f32],
        sample: &[f32],
        label: usize,
        scratch: &mut [f32],
    ) -> Result<Judgement, LearnError> {
        let (embedding, probabilities) = self.embed(sample, scratch)?;
        self.softmax.step(params, embedding, label, probabilities)
    }

    fn embed<'s>(
        &mut self,
        sample: &[f32],
        scratch: &'s mut [f32],
    ) -> Result<(&'s [f32], &'s mut [f32]), LearnError> {
        check_length("scratch", scratch.len(), self.scratch_len())?;
        let (embedding, probabilities) = scratch.split_at_mut(self.softmax.shape.features);
        (self.body)(sample, embedding)?;
        Ok((embedding, probabilities))
    }
}

/// A body made of the first `depth` layers of a network: its embedding has `widths[depth]` numbers. Scratch:
/// [`Mlp::scratch_len`].
pub fn frozen<'a>(
    mlp: Mlp<'a>,
    params: &'a [f32],
    depth: usize,
    scratch: &'a mut [f32],
) -> impl FnMut(&[f32], &mut [f32]) -> Result<(), LearnError> + 'a {
    move |sample, embedding| mlp.prefix(params, depth, sample, embedding, scratch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    const MLP: Mlp = Mlp { widths: &[2, 6, 5, 2] };
    const SHAPE: Shape = Shape { features: 6, classes: 3 };

    fn body_params() -> Vec<f32> {
        let mut params = vec![0.0; MLP.params_len()];
        MLP.init(&mut params, &mut Random::new(5)).unwrap();
        params
    }

    #[test]
    fn a_head_learns_what_softmax_learns_of_the_embedding() {
        let (params, mut work) = (body_params(), vec![0.0; MLP.scratch_len()]);
        let mut head = Head::new(frozen(MLP, &params, 1, &mut work), SHAPE);
        let (mut learned, mut scratch) = (vec![0.0; SHAPE.linear_params()], [0.0; 9]);
        let (mut expected, mut embedding) = (learned.clone(), [0.0; 6]);
        for (sample, label) in [([0.5, -1.0], 0), ([2.0, 0.1], 2), ([-0.7, 0.3], 1)] {
            let judged = head.step(&mut learned, &sample, label, &mut scratch).unwrap();
            MLP.prefix(&params, 1, &sample, &mut embedding, &mut vec![0.0; MLP.scratch_len()]).unwrap();
            let softmax = Softmax { shape: SHAPE, learning_rate: 0.1, l2: 1e-4 };
            assert_eq!(softmax.step(&mut expected, &embedding, label, &mut [0.0; 3]), Ok(judged));
            assert_eq!(learned, expected);
        }
        let class = head.predict(&learned, &[2.0, 0.1], &mut scratch).unwrap();
        assert_eq!(head.judge(&learned, &[2.0, 0.1], 2, &mut scratch).unwrap().class, class);
    }

    #[test]
    fn any_closure_is_a_body_and_may_refuse() {
        let body = |sample: &[f32], embedding: &mut [f32]| {
            check_length("sample", sample.len(), 1)?;
            embedding.fill(1.0 / sample[0]);
            Ok(())
        };
        let mut head = Head::new(body, Shape { features: 2, classes: 2 });
        let (mut params, mut scratch) = ([0.5; 6], [0.0; 4]);
        assert!(head.step(&mut params, &[1.0, 2.0], 0, &mut scratch).is_err());
        let infinite = head.step(&mut params, &[0.0], 0, &mut scratch);
        assert_eq!(
            infinite,
            Err(LearnError::NotFinite { feature: 0 }),
            "an embedding is judged as samples are"
        );
        assert!(head.step(&mut params, &[1.0], 2, &mut scratch).is_err());
        assert!(head.step(&mut params, &[1.0], 0, &mut scratch[1..]).is_err());
        assert_eq!(params, [0.5; 6]);
        head.step(&mut params, &[4.0], 0, &mut scratch).unwrap();
        assert_ne!(params, [0.5; 6]);
    }

    #[test]
    fn a_body_of_another_width_is_refused() {
        let (params, mut work) = (body_params(), vec![0.0; MLP.scratch_len()]);
        let mut head = Head::new(frozen(MLP, &params, 2, &mut work), SHAPE);
        let refused = head.predict(&[0.0; 21], &[0.0; 2], &mut [0.0; 9]);
        assert_eq!(refused, Err(LearnError::WrongLength { what: "output", have: 6, need: 5 }));
    }
}
