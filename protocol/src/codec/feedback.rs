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

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::super::drive::{self, Scale};
    use super::super::testing::{Codec, gaussian, nmse};
    use super::super::{eden, low_rank, sign};
    use super::*;
    use core::cell::RefCell;
    use std::vec;
    use std::vec::Vec;

    const PARAMS: usize = 130;

    /// Says the same update 60 times, what it owed included, and returns how far all that was said is from all that
    /// was learnt.
    fn error_of_the_sum(codec: &Codec<'_>, contractive: Contractive) -> f64 {
        let update = gaussian(PARAMS, 4);
        let (mut memory, mut learnt, mut said) = (vec![0.0; PARAMS], vec![0.0; PARAMS], vec![0.0; PARAMS]);
        for _ in 0..60 {
            let mut residual = Residual::new(&mut memory, contractive);
            residual.add(&update).expect("the update is finite and of this size");
            let decoded = codec.transfer(residual.owed(), 100);
            residual.subtract(0..PARAMS, &decoded);
            learnt.iter_mut().zip(&update).for_each(|(learnt, value)| *learnt += value);
            said.iter_mut().zip(&decoded).for_each(|(said, value)| *said += value);
        }
        let owed: Vec<f32> = learnt.iter().zip(&said).map(|(learnt, said)| learnt - said).collect();
        assert!(nmse(&owed, &memory) < 1e-6, "nothing is lost");
        nmse(&learnt, &said)
    }

    #[test]
    fn all_that_was_learnt_is_said_in_the_end() {
        let rotated = |update: &[f32], start, payload: &mut [u8]| {
            drive::encode(update, start, Scale::LeastSquares, 7, &mut [0.0; PARAMS], payload)
        };
        let levels = |update: &[f32], start, payload: &mut [u8]| {
            eden::encode(update, start, 2, Scale::LeastSquares, 7, &mut [0.0; PARAMS], payload)
        };
        let shape = low_rank::Shape { columns: 13, components: 1, bits: 4 };
        let warm = RefCell::new([0.0; 13]);
        let product = |update: &[f32], start, payload: &mut [u8]| {
            let warm = &mut *warm.borrow_mut();
            low_rank::encode(update, start, shape, warm, 7, &mut [0.0; 23], payload)
        };
        let least_squares = Scale::LeastSquares.contractive().unwrap();
        let codecs = [
            ("signs", Codec::new(sign::encode, sign::decode), sign::CONTRACTIVE, 0.01),
            (
                "rotated signs",
                Codec::new(rotated, |payload, update| drive::decode(payload, 7, update)),
                least_squares,
                0.01,
            ),
            (
                "rotated levels",
                Codec::new(levels, |payload, update| eden::decode(payload, 7, update)),
                least_squares,
                0.01,
            ),
            (
                "low rank",
                Codec::new(product, |payload, update| low_rank::decode(payload, 13, update)).of_rows(13, 20),
                low_rank::CONTRACTIVE,
                0.02,
            ),
        ];
        for (name, codec, contractive, most) in codecs {
            let error = error_of_the_sum(&codec, contractive);
            assert!(error < most, "{name}: {error}");
        }
    }

    #[test]
    fn an_update_that_is_not_finite_or_of_another_size_changes_nothing() {
        let mut memory = [1.0, 2.0];
        let mut residual = Residual::new(&mut memory, sign::CONTRACTIVE);
        assert_eq!(residual.add(&[1.0, f32::NAN]), Err(CodecError::NotFinite));
        assert_eq!(residual.add(&[1.0]), Err(CodecError::ScratchTooSmall { need: 2, have: 1 }));
        assert_eq!(residual.owed(), [1.0, 2.0]);
        residual.subtract(1..9, &[5.0, 5.0, 5.0]);
        assert_eq!(residual.owed(), [1.0, -3.0]);
    }
}
