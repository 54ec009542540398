//! The model in training, and what of it the aggregator does not know yet.
//!
//! Three vectors of parameters: `deployed` is the global model as received; `local` is trained; `anchor` is `local`
//! less what was not sent. Sending moves the anchor by exactly what the codec kept, so whatever it dropped stays
//! between the two and goes with a later contribution (error feedback). A new global model moves all three.
use super::memory::Memory;
use chirrup_learn::LearnError;
use chirrup_learn::features::scale;
use chirrup_learn::linear::softmax::{Judgement, Softmax};
use chirrup_protocol::codec::update::UpdateCodec;
use chirrup_protocol::codec::{Block, CodecError, linear, topk};

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

/// How an update is encoded: which codec, for which shape and seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Encoding {
    /// The task's codec.
    pub codec: UpdateCodec,
    /// Parameters in a row of the model.
    pub columns: usize,
    /// The contribution's seed.
    pub seed: u32,
}

/// Numbers of [`Memory::codec`] that a codec needs for `params` parameters in rows of `columns`.
pub const fn codec_memory_len(codec: UpdateCodec, params: usize, columns: usize) -> usize {
    match codec {
        // Its entries are read one by one.
        UpdateCodec::TopK => 0,
        _ => params + codec.scratch_len(params, columns),
    }
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

    /// Encodes what has not been sent, from parameter `start` on.
    pub(super) fn encode_update(
        &mut self,
        how: Encoding,
        start: usize,
        payload: &mut [u8],
    ) -> Result<Block, CodecError> {
        self.local_becomes_unsent();
        let Encoding { codec, columns, seed } = how;
        let encoded = codec.encode(self.local, columns, start, seed, self.codec, payload);
        self.unsent_becomes_local();
        encoded
    }

    /// From now on what an encoded update holds counts as sent. With a codec that is right on average alone, so does
    /// what it dropped of the parameters that it spoke of: such errors must not be fed back.
    pub(super) fn mark_sent(&mut self, how: Encoding, payload: &[u8]) {
        const OWN: &str = "the encoder wrote it";
        let Encoding { codec, columns, seed } = how;
        if codec == UpdateCodec::TopK {
            let entries = topk::decode(payload, self.anchor.len()).expect(OWN);
            entries.for_each(|entry| self.anchor[entry.index] += entry.value);
            return;
        }
        let (decoded, scratch) = self.codec.split_at_mut(self.anchor.len());
        let said = codec.decode(payload, columns, seed, scratch, decoded).expect(OWN);
        for index in said {
            match codec.contractive() {
                Some(_) => self.anchor[index] += decoded[index],
                None => self.anchor[index] = self.local[index],
            }
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
