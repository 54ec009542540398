//! The model in training, and what of it the aggregator does not know yet.
//!
//! Three vectors of parameters: `deployed` is the global model as received; `local` is trained; `anchor` is `local`
//! less what was not sent. Sending moves the anchor by exactly what the codec kept, so whatever it dropped stays
//! between the two and goes with a later contribution (error feedback). A new global model moves all three.
use super::memory::Memory;
use chirrup_learn::softmax::{Judgement, Softmax};
use chirrup_learn::{LearnError, scale};
use chirrup_protocol::codec::{CodecError, linear, topk};

/// What a sample taught.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lesson {
    /// How the global model judged it.
    pub deployed: Judgement,
    /// Its loss without what has not been sent, in nats.
    pub loss_without_unsent: f32,
    /// Its loss with it.
    pub loss_with_unsent: f32,
}

impl Memory<'_> {
    /// Starts from the model of zeros.
    pub(super) fn reset_model(&mut self) {
        for params in [&mut *self.local, &mut *self.anchor, &mut *self.deployed] {
            params.fill(0.0);
        }
    }

    /// Judges a raw sample by all three models, without training.
    pub(super) fn judge(
        &mut self,
        learner: &Softmax,
        raw: &[f32],
        label: usize,
    ) -> Result<Lesson, LearnError> {
        scale::apply(self.scales, raw, self.sample)?;
        let mut judge = |params: &[f32]| learner.judge(params, self.sample, label, self.scratch);
        Ok(Lesson {
            deployed: judge(self.deployed)?,
            loss_without_unsent: judge(self.anchor)?.loss,
            loss_with_unsent: judge(self.local)?.loss,
        })
    }

    /// Trains on the sample that was judged last.
    pub(super) fn train(&mut self, learner: &Softmax, label: usize) -> Result<(), LearnError> {
        learner.step(self.local, self.sample, label, self.scratch).map(drop)
    }

    /// Encodes what has not been sent.
    pub(super) fn encode_update(&mut self, payload: &mut [u8]) -> Result<usize, CodecError> {
        self.local_becomes_unsent();
        let encoded = topk::encode(self.local, payload);
        self.unsent_becomes_local();
        encoded
    }

    /// From now on what an encoded update holds counts as sent.
    pub(super) fn mark_sent(&mut self, payload: &[u8]) {
        for entry in topk::decode(payload, self.anchor.len()).expect("the encoder wrote it") {
            self.anchor[entry.index] += entry.value;
        }
    }

    /// Adopts a new global model. Unsent changes move along.
    pub(super) fn adopt(&mut self, object: &[u8], columns: usize, bits: u8) -> Result<(), CodecError> {
        linear::decode(object, columns, bits, self.deployed)?;
        self.local_becomes_unsent();
        self.anchor.copy_from_slice(self.deployed);
        self.unsent_becomes_local();
        Ok(())
    }

    fn local_becomes_unsent(&mut self) {
        for (local, anchor) in self.local.iter_mut().zip(self.anchor.iter()) {
            *local -= anchor;
        }
    }

    fn unsent_becomes_local(&mut self) {
        for (unsent, anchor) in self.local.iter_mut().zip(self.anchor.iter()) {
            *unsent += anchor;
        }
    }
}
