//! The exact sum of single-precision numbers, whatever their order and magnitude (Kulisch accumulator; Kulisch,
//! *Computer Arithmetic and Validity*, 2008, chapter 8).

/// Bits below the binary point: the smallest subnormal is 2^-149.
const FRACTION_BITS: i32 = 149;
/// 149 bits of fraction, 128 of magnitude, and 43 for carries and the sign.
const LIMBS: usize = 5;

/// A sum of at most 2^40 finite numbers, in two's complement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExactSum {
    limbs: [u64; LIMBS],
}

impl ExactSum {
    /// Adds a number. It must be finite.
    pub fn add(&mut self, value: f32) {
        let bits = value.to_bits();
        let exponent = (bits >> 23 & 0xff) as i32;
        let fraction = u64::from(bits & 0x7f_ffff);
        let (mantissa, shift) =
            if exponent == 0 { (fraction, 0) } else { (fraction | 1 << 23, (exponent - 1) as usize) };
        let mut addend = [0u64; LIMBS];
        let wide = u128::from(mantissa) << (shift % 64);
        addend[shift / 64] = wide as u64;
        if shift / 64 + 1 < LIMBS {
            addend[shift / 64 + 1] = (wide >> 64) as u64;
        }
        if value.is_sign_negative() {
            addend = negated(addend);
        }
        self.add_limbs(addend);
    }

    /// The sum as the nearest double, up to its last few bits.
    pub fn to_f64(self) -> f64 {
        let negative = self.limbs[LIMBS - 1] >> 63 == 1;
        let magnitude = if negative { negated(self.limbs) } else { self.limbs };
        let sum = magnitude.iter().enumerate().rev().fold(0.0, |sum, (index, &limb)| {
            sum + libm::ldexp(limb as f64, 64 * index as i32 - FRACTION_BITS)
        });
        if negative { -sum } else { sum }
    }

    fn add_limbs(&mut self, addend: [u64; LIMBS]) {
        let mut carry = false;
        for (limb, addend) in self.limbs.iter_mut().zip(addend) {
            let (sum, first) = limb.overflowing_add(addend);
            let (sum, second) = sum.overflowing_add(carry.into());
            (*limb, carry) = (sum, first || second);
        }
    }
}

fn negated(limbs: [u64; LIMBS]) -> [u64; LIMBS] {
    let mut result = ExactSum { limbs: limbs.map(|limb| !limb) };
    let mut one = [0; LIMBS];
    one[0] = 1;
    result.add_limbs(one);
    result.limbs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sum(values: &[f32]) -> ExactSum {
        let mut sum = ExactSum::default();
        values.iter().for_each(|&value| sum.add(value));
        sum
    }

    #[test]
    fn nothing_is_lost_between_the_largest_and_the_smallest() {
        let values = [f32::MAX, 1.0, f32::from_bits(1), -f32::MAX, -1.0];
        assert_eq!(sum(&values).to_f64(), f64::from(f32::from_bits(1)));
        assert_eq!(sum(&[f32::MAX; 3]).to_f64(), 3.0 * f64::from(f32::MAX));
        assert_eq!(sum(&[-0.0, 0.0]), ExactSum::default());
        assert_eq!(sum(&[-2.5, 1.0]).to_f64(), -1.5);
    }

    proptest! {
        #[test]
        fn the_order_does_not_matter(values in proptest::collection::vec(any::<f32>(), 0..40)) {
            let mut values: Vec<f32> = values.into_iter().filter(|value| value.is_finite()).collect();
            let forward = sum(&values);
            values.reverse();
            prop_assert_eq!(sum(&values), forward);
            values.sort_by(f32::total_cmp);
            prop_assert_eq!(sum(&values), forward);
        }

        #[test]
        fn whole_numbers_sum_as_whole_numbers(values in proptest::collection::vec(-1_000_000i32..1_000_000, 0..60)) {
            let floats: Vec<f32> = values.iter().map(|&value| value as f32).collect();
            let expected: i64 = values.iter().map(|&value| i64::from(value)).sum();
            prop_assert_eq!(sum(&floats).to_f64(), expected as f64);
        }
    }
}
