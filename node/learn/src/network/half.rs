//! Parameters in half the memory: binary16 of IEEE 754-2019, clause 3.6, for flash and for the air.
//!
//! Two bytes a parameter: 11 significant bits from 2^-14 up to 65,504, and less below.
use crate::{LearnError, check_length};

/// The nearest half, ties to the one with an even last bit. A finite value beyond the range becomes the largest
/// finite half of its sign: a stored parameter is never infinite unless it was.
pub const fn from_f32(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = (bits >> 16) as u16 & 0x8000;
    let magnitude = bits & 0x7fff_ffff;
    if magnitude > 0x7f80_0000 {
        return sign | 0x7e00;
    }
    if magnitude == 0x7f80_0000 {
        return sign | 0x7c00;
    }
    let exponent = (magnitude >> 23) as i32 - 127;
    if exponent < -25 {
        return sign;
    }
    if exponent < -14 {
        // Subnormal: a multiple of 2^-24. The significand has 24 bits, its last worth 2^(exponent - 23).
        let significand = magnitude & 0x7f_ffff | 0x80_0000;
        return sign | shift_rounding(significand, (-1 - exponent) as u32) as u16;
    }
    // The carry of rounding up walks into the exponent, as it should.
    let rounded = shift_rounding(magnitude - (112 << 23), 13);
    sign | if rounded > 0x7bff { 0x7bff } else { rounded as u16 }
}

/// The value of a half, which an f32 holds exactly.
pub const fn to_f32(half: u16) -> f32 {
    let sign = (half as u32 & 0x8000) << 16;
    let magnitude = half as u32 & 0x7fff;
    if magnitude >= 0x7c00 {
        return f32::from_bits(sign | 0x7f80_0000 | (magnitude & 0x3ff) << 13);
    }
    if magnitude < 0x400 {
        let value = magnitude as f32 * (1.0 / 16_777_216.0);
        return f32::from_bits(sign | value.to_bits());
    }
    f32::from_bits(sign | ((magnitude << 13) + (112 << 23)))
}

/// Stores parameters, one half each.
pub fn store(params: &[f32], halves: &mut [u16]) -> Result<(), LearnError> {
    check_length("halves", halves.len(), params.len())?;
    halves.iter_mut().zip(params).for_each(|(half, &param)| *half = from_f32(param));
    Ok(())
}

/// Loads parameters from halves.
pub fn load(halves: &[u16], params: &mut [f32]) -> Result<(), LearnError> {
    check_length("parameters", params.len(), halves.len())?;
    params.iter_mut().zip(halves).for_each(|(param, &half)| *param = to_f32(half));
    Ok(())
}

/// `bits / 2^shift`, to nearest, ties to even; the shift is 1 to 24.
const fn shift_rounding(bits: u32, shift: u32) -> u32 {
    let (whole, rest, middle) = (bits >> shift, bits & ((1 << shift) - 1), 1 << (shift - 1));
    if rest > middle || rest == middle && whole & 1 == 1 { whole + 1 } else { whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The formula of the standard, for a finite half.
    fn value(half: u16) -> f64 {
        let (exponent, fraction) = (i32::from(half >> 10 & 31), f64::from(half & 1023));
        let magnitude = if exponent == 0 {
            libm::ldexp(fraction, -24)
        } else {
            libm::ldexp(1024.0 + fraction, exponent - 25)
        };
        if half >> 15 == 1 { -magnitude } else { magnitude }
    }

    #[test]
    fn every_half_has_the_value_of_the_standard_and_comes_back() {
        for half in 0..=u16::MAX {
            let float = to_f32(half);
            if half >> 10 & 31 != 31 {
                assert_eq!(f64::from(float), value(half), "{half:04x}");
                assert_eq!(float.is_sign_negative(), half >> 15 == 1);
                assert_eq!(from_f32(float), half);
            } else if half & 1023 == 0 {
                assert!(float.is_infinite());
                assert_eq!(from_f32(float), half);
            } else {
                assert!(float.is_nan() && to_f32(from_f32(float)).is_nan());
            }
        }
    }

    #[test]
    fn between_two_halves_the_nearer_wins_and_the_even_one_in_the_middle() {
        for half in 0..0x7bff_u16 {
            let middle = ((value(half) + value(half + 1)) / 2.0) as f32;
            let even = half + (half & 1);
            for (sign, bit) in [(1.0, 0), (-1.0, 0x8000)] {
                assert_eq!(from_f32(sign * middle), even | bit, "{half:04x}");
                assert_eq!(from_f32(sign * middle.next_down()), half | bit);
                assert_eq!(from_f32(sign * middle.next_up()), (half + 1) | bit);
            }
        }
    }

    #[test]
    fn what_is_too_large_becomes_the_largest() {
        assert_eq!((from_f32(65_504.0), from_f32(65_520.0), from_f32(-3e38)), (0x7bff, 0x7bff, 0xfbff));
        assert_eq!((from_f32(f32::MIN_POSITIVE), from_f32(-0.0)), (0, 0x8000));
    }

    #[test]
    fn parameters_are_stored_and_loaded() {
        let (mut halves, mut params) = ([0; 3], [0.0; 3]);
        store(&[1.0, -0.333, 1e-8], &mut halves).unwrap();
        load(&halves, &mut params).unwrap();
        assert_eq!(params, [1.0, -0.333_007_8, 0.0]);
        assert!(store(&[1.0], &mut halves).is_err());
        assert!(load(&halves, &mut params[1..]).is_err());
    }
}
