//! A positive real factor as an integer and a shift, for cores that have no floating point.
//!
//! Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference, CVPR
//! 2018, equation 6, but rounded once: the product is exact in 64 bits, then shifted, halves upward.

/// Bytes of a multiplier in an image: `factor` as i32, `shift` as u8.
pub const MULTIPLIER_BYTES: usize = 5;

/// Stands for `factor / 2^shift`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Multiplier {
    /// Not negative.
    pub factor: i32,
    /// From 1 to 62.
    pub shift: u8,
}

impl Multiplier {
    /// The multiplier nearest to `real`, exact to 2^-31 of it; none where `real` is negative, not finite or 2^30 and
    /// beyond. What is below 2^-62 becomes zero.
    pub fn of(real: f64) -> Option<Self> {
        if !(0.0..1_073_741_824.0).contains(&real) {
            return None;
        }
        // The fraction is in [0.5, 1); f64 because it holds 31 bits exactly.
        let (fraction, exponent) = libm::frexp(real);
        let shift = (31 - exponent).min(62);
        let factor = libm::round(libm::ldexp(fraction, exponent + shift)) as i64;
        // Rounding can reach 2^31, which is no i32; `shift` is at least 1, so that only `real` just below 2^30 ends
        // with a shift of zero.
        let (factor, shift) =
            if factor > i64::from(i32::MAX) { (factor / 2, shift - 1) } else { (factor, shift) };
        if shift < 1 { None } else { Some(Self { factor: factor as i32, shift: shift as u8 }) }
    }

    /// `value * factor / 2^shift`, rounded to the nearest, halves upward, within the range of i32.
    #[inline]
    pub fn apply(self, value: i32) -> i32 {
        self.apply_wide(i64::from(value) * i64::from(self.factor))
    }

    /// The mean of `count` values whose sum is `sum`, times the factor.
    #[inline]
    pub(super) fn apply_mean(self, sum: i32, count: usize) -> i32 {
        self.apply_wide(i64::from(sum) * i64::from(self.factor) / count as i64)
    }

    #[inline]
    fn apply_wide(self, product: i64) -> i32 {
        let rounded = (product + (1 << (self.shift - 1))) >> self.shift;
        rounded.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
    }

    /// As it stands in an image.
    pub fn emit(self) -> [u8; MULTIPLIER_BYTES] {
        let [a, b, c, d] = self.factor.to_le_bytes();
        [a, b, c, d, self.shift]
    }

    /// Reads what [`emit`](Self::emit) wrote.
    #[inline]
    pub(super) const fn parse(bytes: [u8; MULTIPLIER_BYTES]) -> Self {
        let [a, b, c, d, shift] = bytes;
        Self { factor: i32::from_le_bytes([a, b, c, d]), shift }
    }

    /// Whether [`apply`](Self::apply) is defined.
    pub(super) const fn is_valid(self) -> bool {
        self.factor >= 0 && self.shift >= 1 && self.shift <= 62
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_factors() {
        assert_eq!(Multiplier::of(0.5), Some(Multiplier { factor: 1 << 30, shift: 31 }));
        assert_eq!(Multiplier::of(1.0), Some(Multiplier { factor: 1 << 30, shift: 30 }));
        assert_eq!(Multiplier::of(0.0).map(|zero| zero.apply(i32::MAX)), Some(0));
        for refused in [-1.0, f64::NAN, f64::INFINITY, 2e9] {
            assert_eq!(Multiplier::of(refused), None);
        }
        let half = Multiplier::of(0.5).unwrap();
        assert_eq!([3, 1, -1, -3].map(|value| half.apply(value)), [2, 1, 0, -1], "halves upward");
        assert_eq!(Multiplier::of(1e9).unwrap().apply(i32::MIN), i32::MIN, "saturates");
        assert_eq!(Multiplier::parse(half.emit()), half);
    }

    proptest! {
        #[test]
        fn near_the_real_product(real in 1e-9_f64..1e3, value in any::<i32>()) {
            let multiplier = Multiplier::of(real).unwrap();
            prop_assert!(multiplier.is_valid());
            let exact = (f64::from(value) * real).clamp(f64::from(i32::MIN), f64::from(i32::MAX));
            let error = (f64::from(multiplier.apply(value)) - exact).abs();
            prop_assert!(error <= 0.5 + exact.abs() * 1e-9, "{error}");
        }
    }
}
