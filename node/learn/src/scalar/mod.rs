//! The numbers that a learner computes with: `f32`, or [`Fixed`] on cores without a floating-point unit.
//!
//! A trait, because the same learner has to run on either; what differs is how sums are rounded and bounded, so sums
//! are its methods. Both give the same bits on every machine.
mod fixed;

pub use fixed::Fixed;

use crate::{LearnError, MAX_MAGNITUDE, check_finite, check_length, dot};
use core::fmt::Debug;
use core::ops::{Add, Div, Mul, Neg, Sub};

/// A number, and the sums that linear learners need of it.
///
/// A row of weights has the bias at its end, so it is one entry longer than a sample. What it has more than that, or
/// less, is left out of every sum.
pub trait Scalar:
    Copy
    + Debug
    + Default
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    /// Largest magnitude of a feature that a learner takes.
    const MAX_FEATURE: Self;

    /// The nearest such number.
    fn from_f32(value: f32) -> Self;

    /// The same number, rounded to the nearest where `f32` is coarser.
    fn to_f32(self) -> f32;

    /// Refuses a sample of another length, with a feature that is not finite, or with one so large that sums of its
    /// products could overflow.
    fn check_sample(sample: &[Self], features: usize) -> Result<(), LearnError>;

    /// `weights * sample + bias`, in one pass with the square of the sample's length, a constant feature of one
    /// included. Refuses what [`Scalar::check_sample`] refuses.
    fn affine_and_norm(row: &[Self], sample: &[Self]) -> Result<(Self, Self), LearnError>;

    /// The square of the sample's length, a constant feature of one included. Refuses what [`Scalar::check_sample`]
    /// refuses.
    fn squared_norm(sample: &[Self]) -> Result<Self, LearnError>;

    /// `weights * sample + bias` for a sample that was checked.
    fn affine(row: &[Self], sample: &[Self]) -> Self;

    /// Adds `factor` times the sample, a constant feature of one included, to a row.
    fn add_scaled(row: &mut [Self], factor: Self, sample: &[Self]);

    /// Multiplies a row by `decay` and then adds `factor` times the sample, a constant feature of one included.
    fn decay_and_add(row: &mut [Self], decay: Self, factor: Self, sample: &[Self]);

    /// `1 / (1 + exp(-self))`.
    fn sigmoid(self) -> Self;

    /// A sample that was checked, and a constant feature of one after it, as whole numbers on a scale of their own, as
    /// fine as 16 bits allow.
    fn scale_to_levels(sample: &[Self], levels: &mut [i16]);
}

impl Scalar for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const MAX_FEATURE: Self = MAX_MAGNITUDE;

    fn from_f32(value: f32) -> Self {
        value
    }

    fn to_f32(self) -> f32 {
        self
    }

    fn check_sample(sample: &[Self], features: usize) -> Result<(), LearnError> {
        check_length("sample", sample.len(), features)?;
        Self::squared_norm(sample).map(|_| ())
    }

    #[inline]
    fn affine_and_norm(row: &[Self], sample: &[Self]) -> Result<(Self, Self), LearnError> {
        let Some((bias, weights)) = row.split_last() else { return Ok((0.0, 1.0)) };
        let (product, norm) = dot::dot_and_norm(weights, sample);
        bounded(norm, sample)?;
        Ok((product + bias, norm + 1.0))
    }

    #[inline]
    fn squared_norm(sample: &[Self]) -> Result<Self, LearnError> {
        let norm = dot::dot(sample, sample);
        bounded(norm, sample)?;
        Ok(norm + 1.0)
    }

    #[inline]
    fn affine(row: &[Self], sample: &[Self]) -> Self {
        row.split_last().map_or(0.0, |(bias, weights)| dot::dot(weights, sample) + bias)
    }

    #[inline]
    fn add_scaled(row: &mut [Self], factor: Self, sample: &[Self]) {
        if let Some((bias, weights)) = row.split_last_mut() {
            dot::add_scaled(weights, factor, sample);
            *bias += factor;
        }
    }

    #[inline]
    fn decay_and_add(row: &mut [Self], decay: Self, factor: Self, sample: &[Self]) {
        if let Some((bias, weights)) = row.split_last_mut() {
            for (weight, value) in weights.iter_mut().zip(sample) {
                *weight = *weight * decay + factor * value;
            }
            *bias = *bias * decay + factor;
        }
    }

    fn sigmoid(self) -> Self {
        1.0 / (1.0 + libm::expf(-self))
    }

    fn scale_to_levels(sample: &[Self], levels: &mut [i16]) {
        let largest = sample.iter().fold(1.0f32, |largest, value| largest.max(value.abs()));
        let per_level = f32::from(i16::MAX) / largest;
        for (level, value) in levels.iter_mut().zip(sample.iter().chain(&[1.0])) {
            // A cast cuts towards zero: half more away from it rounds to the nearest.
            *level = (value * per_level + 0.5f32.copysign(*value)) as i16;
        }
    }
}

/// Judges a sample by the sum of its squares, which is at least each of them and not a number if one is not: the
/// features themselves are looked at only where that does not settle it.
#[inline]
fn bounded(norm: f32, sample: &[f32]) -> Result<(), LearnError> {
    if norm <= MAX_MAGNITUDE * MAX_MAGNITUDE { Ok(()) } else { check_each(sample) }
}

#[cold]
fn check_each(sample: &[f32]) -> Result<(), LearnError> {
    check_finite(sample)?;
    match sample.iter().position(|value| !(-MAX_MAGNITUDE..=MAX_MAGNITUDE).contains(value)) {
        Some(feature) => Err(LearnError::TooLarge { feature }),
        None => Ok(()),
    }
}

/// Converts a sample that came as `f32`. What is beyond the range of `S` becomes its largest magnitude, which the
/// learners refuse.
pub fn convert<S: Scalar>(sample: &[f32], converted: &mut [S]) -> Result<(), LearnError> {
    check_length("converted sample", converted.len(), sample.len())?;
    check_finite(sample)?;
    for (out, &value) in converted.iter_mut().zip(sample) {
        *out = S::from_f32(value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_norm_settles_whether_a_sample_is_good() {
        let check = |sample: &[f32]| f32::check_sample(sample, 2);
        assert_eq!(check(&[1.0, -1_048_576.0]), Ok(()));
        assert_eq!(
            check(&[-1_048_576.0, 1_048_576.0]),
            Ok(()),
            "the norm is beyond the bound, no feature is"
        );
        assert_eq!(check(&[1.0, 1_048_577.0]), Err(LearnError::TooLarge { feature: 1 }));
        assert_eq!(check(&[f32::MAX, f32::NAN]), Err(LearnError::NotFinite { feature: 1 }));
        assert_eq!(check(&[f32::NEG_INFINITY, 0.0]), Err(LearnError::NotFinite { feature: 0 }));
        let short = LearnError::WrongLength { what: "sample", have: 1, need: 2 };
        assert_eq!(check(&[1.0]), Err(short));
    }

    #[test]
    fn sums_include_the_constant_feature() {
        assert_eq!(f32::affine_and_norm(&[2.0, 3.0, 4.0], &[5.0, 6.0]), Ok((32.0, 62.0)));
        assert_eq!(f32::affine(&[2.0, 3.0, 4.0], &[5.0, 6.0]), 32.0);
        let mut row = [2.0, 3.0, 4.0];
        f32::add_scaled(&mut row, 2.0, &[5.0, 6.0]);
        assert_eq!(row, [12.0, 15.0, 6.0]);
        f32::decay_and_add(&mut row, 0.5, 2.0, &[5.0, 6.0]);
        assert_eq!(row, [16.0, 19.5, 5.0]);
    }
}
