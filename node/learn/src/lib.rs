//! Learning on a microcontroller.
//!
//! Models and learners for nodes with a few kilobytes of memory. Every function works on slices that the caller
//! lends, takes a time that its arguments bound, and gives the same bits on every machine: `libm` supplies the
//! functions, sums run in a fixed order, nothing is fused.
//!
//! What this crate deliberately does not do: it never allocates, it knows neither radio nor protocol, and it keeps
//! no state of its own between calls.
//!
//! Modules in reading order: [`features`] makes of a signal what a learner takes, [`linear`] learns, [`network`] learns
//! in layers, [`least_squares`] in closed form, [`neighbours`] by example, [`trees`] by asking; [`streams`] keeps a memory
//! and notices change; [`scalar`] is what they compute with.
//!
//! ```
//! use chirrup_learn::{Shape, linear::softmax::Softmax};
//!
//! let learner = Softmax { shape: Shape { features: 2, classes: 2 }, learning_rate: 0.5, l2: 0.0 };
//! let (mut params, mut scratch) = ([0.0; 6], [0.0; 2]);
//! for _ in 0..100 {
//!     learner.step(&mut params, &[1.0, 0.0], 0, &mut scratch)?;
//!     learner.step(&mut params, &[0.0, 1.0], 1, &mut scratch)?;
//! }
//! assert_eq!(learner.predict(&params, &[0.9, 0.2], &mut scratch)?, 0);
//! # Ok::<(), chirrup_learn::LearnError>(())
//! ```
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

pub mod dot;
pub mod features;
pub mod infer;
pub mod least_squares;
pub mod linear;
pub mod neighbours;
pub mod network;
pub mod random;
pub mod scalar;
pub mod streams;
pub mod trees;

/// What a classifier takes and gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Numbers in a sample.
    pub features: usize,
    /// Labels, 0 to `classes - 1`.
    pub classes: usize,
}

impl Shape {
    /// Parameters of a linear model: for each class its weights and then its bias, `[classes][features + 1]`.
    pub const fn linear_params(self) -> usize {
        self.classes * (self.features + 1)
    }
}

/// Why a sample or a slice was refused. Nothing was changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LearnError {
    /// A slice has another length than the shape demands.
    #[error("{what} has {have} entries, needs {need}")]
    WrongLength {
        /// Which slice.
        what: &'static str,
        /// Its length.
        have: usize,
        /// The length it must have.
        need: usize,
    },
    /// A feature is infinite or not a number.
    #[error("feature {feature} is not finite")]
    NotFinite {
        /// Index of the first such feature.
        feature: usize,
    },
    /// A feature is so large that sums of its products could overflow: beyond [`MAX_MAGNITUDE`], or beyond
    /// [`scalar::Fixed::MAX_FEATURE`].
    #[error("feature {feature} is too large")]
    TooLarge {
        /// Index of the first such feature.
        feature: usize,
    },
    /// A label beyond the last class.
    #[error("label {label} is none of the {classes} classes")]
    UnknownLabel {
        /// The label.
        label: usize,
        /// How many classes there are.
        classes: usize,
    },
    /// A setting of the learner is outside its documented range.
    #[error("the {setting} is out of range")]
    BadSetting {
        /// Which setting.
        setting: &'static str,
    },
    /// A matrix that must be positive definite is not, in single precision.
    #[error("row {row} leaves the matrix indefinite")]
    NotDefinite {
        /// Row of the first pivot that is not above zero.
        row: usize,
    },
}

pub(crate) fn check_setting<T: Copy + PartialOrd>(
    setting: &'static str,
    value: T,
    range: impl core::ops::RangeBounds<T>,
) -> Result<(), LearnError> {
    if range.contains(&value) { Ok(()) } else { Err(LearnError::BadSetting { setting }) }
}

pub(crate) fn check_length(what: &'static str, have: usize, need: usize) -> Result<(), LearnError> {
    if have == need { Ok(()) } else { Err(LearnError::WrongLength { what, have, need }) }
}

/// Largest magnitude of a feature that a learner takes. Features on a common scale are a millionth of it.
pub const MAX_MAGNITUDE: f32 = 1_048_576.0;

/// What every learner demands of a sample: its length, finite values, and magnitudes up to [`MAX_MAGNITUDE`].
pub(crate) fn check_sample(sample: &[f32], features: usize) -> Result<(), LearnError> {
    <f32 as scalar::Scalar>::check_sample(sample, features)
}

pub(crate) fn check_label(label: usize, classes: usize) -> Result<(), LearnError> {
    if label < classes { Ok(()) } else { Err(LearnError::UnknownLabel { label, classes }) }
}

pub(crate) fn check_finite(sample: &[f32]) -> Result<(), LearnError> {
    match sample.iter().position(|value| !value.is_finite()) {
        Some(feature) => Err(LearnError::NotFinite { feature }),
        None => Ok(()),
    }
}
