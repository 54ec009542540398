//! Scales of blocks: halves that are finite and not negative, and what they are taken from.
use super::CodecError;
use half::f16;

/// The largest magnitude, zero of nothing. Refuses what is not finite.
pub fn largest_magnitude(values: &[f32]) -> Result<f32, CodecError> {
    let mut largest = 0f32;
    for value in values {
        if !value.is_finite() {
            return Err(CodecError::NotFinite);
        }
        largest = largest.max(libm::fabsf(*value));
    }
    Ok(largest)
}

/// The nearest half, ties to even.
pub fn nearest(scale: f32) -> Result<f16, CodecError> {
    let half = f16::from_f32(scale);
    if half.is_finite() { Ok(half) } else { Err(CodecError::NotFinite) }
}

/// The smallest half that is not below `scale`, so that nothing is clipped.
pub fn not_below(scale: f32) -> Result<f16, CodecError> {
    let half = nearest(scale)?;
    let next = if half.to_f32() < scale { f16::from_bits(half.to_bits() + 1) } else { half };
    if next.is_finite() { Ok(next) } else { Err(CodecError::NotFinite) }
}

/// Reads the bits of a half as a scale.
pub fn read(bits: u16) -> Result<f32, CodecError> {
    let half = f16::from_bits(bits);
    if half.is_finite() && !half.is_sign_negative() { Ok(half.to_f32()) } else { Err(CodecError::NotFinite) }
}

/// `dividend / divisor`, zero where the divisor is zero.
pub fn ratio(dividend: f32, divisor: f32) -> f32 {
    if divisor == 0.0 { 0.0 } else { dividend / divisor }
}

/// The sum of a function of each value, from the first to the last.
pub fn sum(values: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    values.iter().fold(0.0, |sum, &value| sum + term(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_is_rounded_as_asked() {
        // 1 + 2^-11 lies half way between two halves.
        let between = 1.0 + 1.0 / 2048.0;
        assert_eq!(nearest(between).unwrap().to_bits(), 0x3c00);
        assert_eq!(not_below(between).unwrap().to_bits(), 0x3c01);
        assert_eq!(not_below(1.0).unwrap().to_bits(), 0x3c00);
        assert_eq!(not_below(1e-30).unwrap().to_bits(), 1);
        assert_eq!(nearest(1e-30).unwrap().to_bits(), 0);
        assert_eq!(nearest(65_519.0).unwrap().to_bits(), 0x7bff);
        assert_eq!(not_below(65_505.0), Err(CodecError::NotFinite));
        assert_eq!(nearest(f32::NAN), Err(CodecError::NotFinite));
    }

    #[test]
    fn a_scale_is_finite_and_not_negative() {
        assert_eq!(read(0x3c00), Ok(1.0));
        assert_eq!(read(0x7c00), Err(CodecError::NotFinite));
        assert_eq!(read(0x8000), Err(CodecError::NotFinite));
        assert_eq!(largest_magnitude(&[1.0, f32::INFINITY]), Err(CodecError::NotFinite));
        assert_eq!(largest_magnitude(&[1.0, -2.0]), Ok(2.0));
        assert_eq!(ratio(0.0, 0.0), 0.0);
    }
}
