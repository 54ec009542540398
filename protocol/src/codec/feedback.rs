//! Error feedback: what an encoder dropped is kept and added to what it encodes next (Seide et al. 2014; Stich et al.
//! 2018; Karimireddy et al. 2019).
//!
//! It pays with codecs whose error is a share below one of their input (*contractive*: top-k, signs, rotated signs with
//! the least-squares scale, low rank): the residual stays bounded and all of it is said in the end. With an *unbiased*
//! codec (QSGD, NUQSGD, TernGrad, the unbiased scales) it does harm: the error of these is several times their input,
//! and the residual grows without bound. So a residual demands a [`Contractive`], which contractive codecs alone hand
//! out.
//!
//! ```
//! use chirrup_protocol::codec::{drive::Scale, feedback::Residual};
//! let mut memory = [0.0; 4];
//! let contractive = Scale::LeastSquares.contractive().expect("its error is the smallest");
//! let mut residual = Residual::new(&mut memory, contractive);
//! residual.add(&[1.0, 0.0, 0.0, -1.0])?;
//! residual.subtract(2..4, &[0.0, 0.0, 0.25, -0.75]);
//! assert_eq!(residual.owed(), [1.0, 0.0, -0.25, -0.25]);
//! assert!(Scale::Unbiased.contractive().is_none());
//! # Ok::<(), chirrup_protocol::codec::CodecError>(())
//! ```
use super::{CodecError, scale};
use core::ops::Range;

/// A codec's promise that |x - decode(encode(x))| < |x| for whatever x is not zero and not too small for its scale,
/// so that error feedback may be used with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contractive(());

impl Contractive {
    /// For codecs that keep the promise.
    pub(super) const PROMISE: Self = Self(());
}

/// What a node has learnt and not said yet, `[params]`, in memory that the caller lends and keeps between
/// contributions.
#[derive(Debug)]
pub struct Residual<'a> {
    memory: &'a mut [f32],
}

impl<'a> Residual<'a> {
    /// Over the memory of a former one, or zeros.
    pub const fn new(memory: &'a mut [f32], _: Contractive) -> Self {
        Self { memory }
    }

    /// Adds an update of as many coordinates. One that is not finite is refused, and nothing has changed.
    pub fn add(&mut self, update: &[f32]) -> Result<(), CodecError> {
        let (have, need) = (update.len(), self.memory.len());
        if have != need {
            return Err(CodecError::ScratchTooSmall { need, have });
        }
        scale::largest_magnitude(update)?;
        self.memory.iter_mut().zip(update).for_each(|(owed, value)| *owed += value);
        Ok(())
    }

    /// What to encode.
    pub const fn owed(&self) -> &[f32] {
        self.memory
    }

    /// Takes off what was said: the coordinates `said` of `decoded`, `[params]`, which is what the receiver decodes
    /// from the block sent. A range beyond the end takes off what there is.
    pub fn subtract(&mut self, said: Range<usize>, decoded: &[f32]) {
        let both = self.memory.iter_mut().zip(decoded).take(said.end).skip(said.start);
        both.for_each(|(owed, value)| *owed -= value);
    }
}
