//! A scale in nine bits, where the rest of a payload is a few dozen: six of exponent, three of mantissa.
//!
//! Code 8 e + m stands for (8 + m) 2^(e - 32): from 2^-29 on, eight steps an octave, over 64 octaves.
use super::CodecError;

/// How many codes there are.
pub const CODES: u32 = 512;

/// Bits of a single below its upper three of mantissa.
const DROPPED_BITS: u32 = 20;
/// Sign, exponent and upper mantissa of the smallest scale, 2^-29.
const SMALLEST: u32 = (127 - 29) << 3;

/// The code nearest to a scale, the larger one of two. Below the smallest scale there is nothing to encode.
pub fn nearest(scale: f32) -> Result<u32, CodecError> {
    let rounded = ((scale.to_bits() >> (DROPPED_BITS - 1)) + 1) >> 1;
    match rounded.checked_sub(SMALLEST) {
        Some(code) if code < CODES => Ok(code),
        // Infinite, not a number or negative, too: all of them have larger bits.
        Some(_) => Err(CodecError::NotFinite),
        None => Err(CodecError::Nothing),
    }
}

/// The scale of a code.
pub const fn scale(code: u32) -> f32 {
    f32::from_bits((code + SMALLEST) << DROPPED_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_as_specified() {
        // 1 = (8 + 0) 2^-3: exponent 29.
        assert_eq!(nearest(1.0), Ok(8 * 29));
        assert_eq!(scale(8 * 29 + 5), 13.0 / 8.0);
        assert_eq!((scale(0), scale(511)), (1.0 / 536_870_912.0, 15.0 * 2_147_483_648.0));
        assert_eq!(nearest(1.0625), Ok(8 * 29 + 1), "half way between 1 and 1.125");
        assert_eq!(nearest(1.9375), Ok(8 * 30), "half way to the next octave");
        assert!((0..CODES).all(|code| nearest(scale(code)) == Ok(code)));
    }

    #[test]
    fn what_is_out_of_range_is_said() {
        for scale in [0.0, 1e-40, 1.7e-9] {
            assert_eq!(nearest(scale), Err(CodecError::Nothing));
        }
        for scale in [3.4e10, f32::INFINITY, f32::NAN, -1.0] {
            assert_eq!(nearest(scale), Err(CodecError::NotFinite));
        }
    }
}
