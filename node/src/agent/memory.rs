//! The memory that a caller lends to an agent. All of it is known at compile time on a board.
use chirrup_learn::Shape;
use chirrup_learn::features::moments::FeatureSums;
use chirrup_learn::features::scale::FeatureScale;
use chirrup_protocol::message::moments::FeatureMoments;

/// Slices for `features` F, `classes` C and P = C (F + 1) parameters.
#[derive(Debug)]
pub struct Memory<'m> {
    /// `[P]`: the model in training.
    pub local: &'m mut [f32],
    /// `[P]`: the model in training less what of it has not been sent.
    pub anchor: &'m mut [f32],
    /// `[P]`: the global model as received, which the node runs.
    pub deployed: &'m mut [f32],
    /// `[F]`: the task's scale.
    pub scales: &'m mut [FeatureScale],
    /// `[F]`: sums of the stream.
    pub sums: &'m mut [FeatureSums],
    /// `[F]`: the sums as reported.
    pub reported: &'m mut [FeatureMoments],
    /// `[F]`: a sample on the task's scale.
    pub sample: &'m mut [f32],
    /// `[C]`: scratch of the learner.
    pub scratch: &'m mut [f32],
    /// What the codec of contributions works in: as much as [`codec_memory_len`](super::codec_memory_len)
    /// says; none for top-k. A node takes no part in tasks whose codec needs more.
    pub codec: &'m mut [f32],
    /// An object being received, with its manifest. Bounds the size of objects.
    pub object: &'m mut [u8],
}

/// A slice of another length than the shape demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("memory for {what} has {have} entries, needs {need}")]
pub struct MemoryError {
    /// Which slice.
    pub what: &'static str,
    /// Its length.
    pub have: usize,
    /// The length it must have.
    pub need: usize,
}

impl Memory<'_> {
    /// Checks every slice against a shape.
    pub fn check(&self, shape: Shape) -> Result<(), MemoryError> {
        let (features, params) = (shape.features, shape.linear_params());
        let lengths = [
            ("local", self.local.len(), params),
            ("anchor", self.anchor.len(), params),
            ("deployed", self.deployed.len(), params),
            ("scales", self.scales.len(), features),
            ("sums", self.sums.len(), features),
            ("reported", self.reported.len(), features),
            ("sample", self.sample.len(), features),
            ("scratch", self.scratch.len(), shape.classes),
        ];
        match lengths.into_iter().find(|(_, have, need)| have != need) {
            Some((what, have, need)) => Err(MemoryError { what, have, need }),
            None => Ok(()),
        }
    }
}
