//! Q16.16: 32 bits, 16 of them behind the point. From -32768 up to, not including, 32768, in steps of 2^-16.
//!
//! What would be beyond an end of the range becomes that end. Conversions, products and quotients are rounded to the
//! nearest step, halves upwards (quotients: away from zero). A sum of products is exact, in 64 bits, and rounded
//! once. A quotient by zero is the end of the range on the side of the dividend, zero for zero.
use super::Scalar;
use crate::{LearnError, check_length};
use core::ops::{Add, Div, Mul, Neg, Sub};

const FRACTION_BITS: u32 = 16;
const HALF: i64 = 1 << (FRACTION_BITS - 1);

/// A number in Q16.16.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fixed(i32);

impl Fixed {
    /// The largest number.
    pub const MAX: Self = Self(i32::MAX);
    /// The smallest number.
    pub const MIN: Self = Self(i32::MIN);
    /// Largest magnitude of a feature that a learner takes. With it no sum of 256 products is beyond 62 bits.
    pub const MAX_FEATURE: Self = Self(128 << FRACTION_BITS);

    /// The number of which these are the bits: its multiple of 2^-16.
    pub const fn from_bits(bits: i32) -> Self {
        Self(bits)
    }

    /// The bits: the multiple of 2^-16.
    pub const fn to_bits(self) -> i32 {
        self.0
    }

    const fn saturating(bits: i64) -> Self {
        let low = bits as i32;
        if low as i64 == bits {
            Self(low)
        } else if bits < 0 {
            Self::MIN
        } else {
            Self::MAX
        }
    }

    /// From 32 bits behind the point to 16. A product, or one and a widened number, leaves room for the half.
    const fn rounded(product: i64) -> Self {
        Self::saturating((product + HALF) >> FRACTION_BITS)
    }

    /// The same of a sum, which may have reached the end of the range.
    const fn rounded_sum(sum: i64) -> Self {
        Self::saturating(sum.saturating_add(HALF) >> FRACTION_BITS)
    }
}

impl Add for Fixed {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Fixed {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Fixed {
    type Output = Self;

    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl Mul for Fixed {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        Self::rounded(wide(self, other))
    }
}

impl Div for Fixed {
    type Output = Self;

    fn div(self, other: Self) -> Self {
        let dividend = i64::from(self.0) << FRACTION_BITS;
        let divisor = i64::from(other.0);
        if divisor == 0 {
            return Self::saturating(dividend.signum() << 32);
        }
        let towards = if (dividend < 0) == (divisor < 0) { divisor / 2 } else { -(divisor / 2) };
        Self::saturating((dividend + towards) / divisor)
    }
}

/// A product with 32 bits behind the point.
#[inline]
const fn wide(left: Fixed, right: Fixed) -> i64 {
    left.0 as i64 * right.0 as i64
}

/// Products in which one factor of each is at most [`Fixed::MAX_FEATURE`], so that 256 of them cannot overflow.
const BLOCK: usize = 256;
/// Wraps within a block where the bound on the factors does not hold.
#[inline]
fn dot(left: &[Fixed], right: &[Fixed]) -> i64 {
    let mut total = 0i64;
    for (left, right) in left.chunks(BLOCK).zip(right.chunks(BLOCK)) {
        let block =
            left.iter().zip(right).fold(0i64, |sum, (&left, &right)| sum.wrapping_add(wide(left, right)));
        total = total.saturating_add(block);
    }
    total
}

/// With 32 bits behind the point.
const fn widened(value: Fixed) -> i64 {
    (value.0 as i64) << FRACTION_BITS
}

impl Scalar for Fixed {
    const ZERO: Self = Self(0);
    const ONE: Self = Self(1 << FRACTION_BITS);
    const MAX_FEATURE: Self = Self::MAX_FEATURE;

    /// Zero for what is not a number.
    fn from_f32(value: f32) -> Self {
        // A cast saturates; the product with a power of two is exact.
        Self(libm::roundf(value * 65_536.0) as i32)
    }

    fn to_f32(self) -> f32 {
        self.0 as f32 * (1.0 / 65_536.0)
    }

    fn check_sample(sample: &[Self], features: usize) -> Result<(), LearnError> {
        check_length("sample", sample.len(), features)?;
        bounded(sample)
    }

    fn affine_and_norm(row: &[Self], sample: &[Self]) -> Result<(Self, Self), LearnError> {
        Ok((Self::affine(row, sample), Self::squared_norm(sample)?))
    }

    fn squared_norm(sample: &[Self]) -> Result<Self, LearnError> {
        bounded(sample)?;
        Ok(Self::rounded_sum(dot(sample, sample)) + Self::ONE)
    }

    fn affine(row: &[Self], sample: &[Self]) -> Self {
        let Some((bias, weights)) = row.split_last() else { return Self::ZERO };
        Self::rounded_sum(dot(weights, sample).saturating_add(widened(*bias)))
    }

    fn add_scaled(row: &mut [Self], factor: Self, sample: &[Self]) {
        if let Some((bias, weights)) = row.split_last_mut() {
            for (weight, &value) in weights.iter_mut().zip(sample) {
                *weight = Self::rounded(widened(*weight) + wide(factor, value));
            }
            *bias = *bias + factor;
        }
    }

    fn decay_and_add(row: &mut [Self], decay: Self, factor: Self, sample: &[Self]) {
        if let Some((bias, weights)) = row.split_last_mut() {
            for (weight, &value) in weights.iter_mut().zip(sample) {
                *weight = Self::rounded_sum(wide(*weight, decay).saturating_add(wide(factor, value)));
            }
            *bias = *bias * decay + factor;
        }
    }

    /// Between 45 tabled values, a quarter apart, by straight lines: off by at most 0.0008.
    fn sigmoid(self) -> Self {
        let magnitude = self.0.unsigned_abs();
        let (place, within) = ((magnitude >> 14) as usize, magnitude & 0x3fff);
        let positive = match SIGMOID.get(place..place + 2) {
            Some(&[low, high]) => u32::from(low) + ((u32::from(high - low) * within) >> 14),
            _ => 1 << FRACTION_BITS,
        };
        let positive = Self(positive as i32);
        if self.0 < 0 { Self::ONE - positive } else { positive }
    }

    fn scale_to_levels(sample: &[Self], levels: &mut [i16]) {
        let largest = sample
            .iter()
            .fold(Self::ONE.0.unsigned_abs(), |largest, value| largest.max(value.0.unsigned_abs()));
        // As many bits as the largest has beyond 15 are shifted out.
        let shift = (u32::BITS - largest.leading_zeros()).saturating_sub(i16::BITS - 1);
        for (level, value) in levels.iter_mut().zip(sample.iter().chain(&[Self::ONE])) {
            *level = (value.0 >> shift) as i16;
        }
    }
}

fn bounded(sample: &[Fixed]) -> Result<(), LearnError> {
    let limit = Fixed::MAX_FEATURE.0.unsigned_abs();
    match sample.iter().position(|value| value.0.unsigned_abs() > limit) {
        Some(feature) => Err(LearnError::TooLarge { feature }),
        None => Ok(()),
    }
}

/// `65536 / (1 + exp(-i / 4))`, rounded.
#[rustfmt::skip]
const SIGMOID: [u16; 45] = [
    32768, 36843, 40793, 44511, 47911, 50941, 53581, 55834, 57724, 59287, 60565, 61598, 62428, 63090, 63615,
    64030, 64357, 64614, 64816, 64974, 65097, 65194, 65269, 65328, 65374, 65410, 65438, 65459, 65476, 65489,
    65500, 65508, 65514, 65519, 65523, 65526, 65528, 65530, 65531, 65532, 65533, 65534, 65534, 65535, 65535,
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_fixed() -> impl Strategy<Value = Fixed> {
        any::<i32>().prop_map(Fixed)
    }

    fn nearest(exact: f64) -> f64 {
        (exact * 65_536.0).clamp(f64::from(i32::MIN), f64::from(i32::MAX))
    }

    #[test]
    fn the_ends_of_the_range_hold() {
        let one = Fixed::ONE;
        assert_eq!(Fixed::MAX + one, Fixed::MAX);
        assert_eq!(Fixed::MIN - one, Fixed::MIN);
        assert_eq!(-Fixed::MIN, Fixed::MAX);
        assert_eq!(Fixed::MIN * Fixed::MIN, Fixed::MAX);
        assert_eq!((one / Fixed::ZERO, -one / Fixed::ZERO), (Fixed::MAX, Fixed::MIN));
        assert_eq!(Fixed::ZERO / Fixed::ZERO, Fixed::ZERO);
        assert_eq!(Fixed::from_f32(f32::NAN), Fixed::ZERO);
        assert_eq!((Fixed::from_f32(1e30), Fixed::from_f32(-1e30)), (Fixed::MAX, Fixed::MIN));
        assert_eq!(Fixed::from_f32(-2.5).to_bits(), -163_840);
    }

    #[test]
    fn the_sigmoid_is_close_and_symmetric() {
        for bits in (-1_000_000..1_000_000).step_by(977).chain([i32::MIN, i32::MAX]) {
            let value = Fixed(bits);
            let exact = 1.0 / (1.0 + libm::expf(-value.to_f32()));
            assert!((value.sigmoid().to_f32() - exact).abs() < 8e-4, "{bits}");
            assert_eq!(value.sigmoid() + (-value).sigmoid(), Fixed::ONE);
        }
    }

    proptest! {
        #[test]
        fn arithmetic_is_that_of_the_rounded_reals(left in any_fixed(), right in any_fixed()) {
            let (l, r) = (f64::from(left.0) / 65_536.0, f64::from(right.0) / 65_536.0);
            // A product of two such numbers has up to 62 bits; f64 keeps 53 of them.
            prop_assert!((f64::from((left * right).0) - nearest(l * r)).abs() <= 0.5 + 1e-3);
            if right.0 != 0 {
                prop_assert!((f64::from((left / right).0) - nearest(l / r)).abs() <= 0.5 + 1e-3);
            }
            prop_assert_eq!(f64::from((left + right).0), nearest(l + r));
            prop_assert_eq!(f64::from((left - right).0), nearest(l - r));
        }

        #[test]
        fn sums_of_any_length_neither_panic_nor_wrap(
            row in proptest::collection::vec(any_fixed(), 0..600),
            sample in proptest::collection::vec(any_fixed(), 0..600),
            factor in any_fixed(),
        ) {
            let mut row = row;
            prop_assert!(Fixed::affine_and_norm(&row, &sample).map_or(true, |sums| sums.1 >= Fixed::ONE));
            Fixed::add_scaled(&mut row, factor, &sample);
            Fixed::decay_and_add(&mut row, factor, factor, &sample);
        }

        #[test]
        fn bounded_samples_give_exact_sums(
            pairs in proptest::collection::vec((any_fixed(), -8_388_608i32..=8_388_608), 1..900),
        ) {
            let sample: Vec<_> = pairs.iter().map(|pair| Fixed(pair.1)).collect();
            let mut row: Vec<_> = pairs.iter().map(|pair| pair.0).collect();
            row.push(Fixed::MAX);
            let exact: i128 = row.iter().zip(&sample).map(|(l, r)| i128::from(wide(*l, *r))).sum();
            let exact = (exact + i128::from(widened(Fixed::MAX)) + i128::from(HALF)) >> FRACTION_BITS;
            let exact = exact.clamp(i32::MIN.into(), i32::MAX.into());
            prop_assert_eq!(Fixed::affine_and_norm(&row, &sample).map(|sums| i128::from(sums.0.0)), Ok(exact));
        }
    }
}
