//! Uniform levels, rounded at random so that every coordinate is right on average (QSGD, Alistarh et al. 2017), with
//! the infinity norm as scale.
//!
//! ```text
//! start, LEB128; then in bits:
//! bits 0-2    bits a coordinate b, less one
//!      3-17   scale S, a half without its sign: the largest magnitude
//!      18..   for each coordinate a level k in 0..=n, n = 2^b - 2, or 1 where b is 1; filled with ones
//! ```
//! Level k stands for (2k / n - 1) S. There is a level zero unless b is 1, and zeros stay zero. The error of a
//! coordinate has mean zero and a variance of at most (S / n)^2.
//!
//! **Never with error feedback**: the error may be many times the input, and there is no [`super::feedback::Contractive`]
//! to be had here.
use super::block::Block;
use super::codes::{CodesReader, CodesWriter, HEADER_BITS};
use super::random::Random;
use super::{CodecError, scale};
use core::ops::Range;

/// Encodes the coordinates of `update`, `[params]`, from `start` on into one block, `bits` each, 1 to 8. Zeros are
/// encoded as such.
pub fn encode(
    update: &[f32],
    start: usize,
    bits: u8,
    seed: u32,
    payload: &mut [u8],
) -> Result<Block, CodecError> {
    let intervals = intervals(bits)?;
    let mut writer = CodesWriter::new(update.len(), start, HEADER_BITS, bits.into(), payload)?;
    let block = &update[writer.range()];
    let scale = scale::not_below(scale::largest_magnitude(block)?)?;
    writer.put_width(bits);
    writer.put_scale(scale);
    let mut rounding = Rounding::new(scale.to_f32(), intervals, seed);
    block.iter().for_each(|&value| writer.put(rounding.level(value), bits.into()));
    Ok(writer.finish())
}

/// Decodes a block into its range of `update`, `[params]`.
pub fn decode(payload: &[u8], update: &mut [f32]) -> Result<Range<usize>, CodecError> {
    let mut reader = CodesReader::new(payload, update.len())?;
    let bits = reader.width()?;
    let intervals = intervals(bits)?;
    let half = intervals as f32 / 2.0;
    let step = reader.scale()? / half;
    reader.codes(bits.into(), update, |level| match level <= intervals {
        true => Ok((level as f32 - half) * step),
        false => Err(CodecError::BadField { field: "level" }),
    })
}

/// Intervals between the levels.
const fn intervals(bits: u8) -> Result<u32, CodecError> {
    match bits {
        1 => Ok(1),
        2..=8 => Ok((1 << bits) - 2),
        _ => Err(CodecError::UnknownWidth { bits }),
    }
}

/// Uniform levels between plus and minus a scale, one of which is drawn for each number.
pub(super) struct Rounding {
    random: Random,
    intervals: u32,
    per_level: f32,
}

impl Rounding {
    pub fn new(scale: f32, intervals: u32, seed: u32) -> Self {
        let per_level = scale::ratio(intervals as f32 / 2.0, scale);
        Self { random: Random::new(seed, 0), intervals, per_level }
    }

    /// 0 to `intervals`: one of the two levels around `value`, drawn so that the mean is the value.
    pub fn level(&mut self, value: f32) -> u32 {
        let place = value * self.per_level + self.intervals as f32 / 2.0;
        round(place, &mut self.random).min(self.intervals)
    }
}

/// One of the two integers around a number that is not negative, drawn so that the mean is the number.
pub(super) fn round(number: f32, random: &mut Random) -> u32 {
    let floor = libm::floorf(number);
    floor as u32 + u32::from(random.uniform() < number - floor)
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::super::testing::{Codec, check_unbiased, gaussian, mean_nmse};
    use super::*;
    use std::vec::Vec;

    fn codec(bits: u8, seed: u32) -> Codec<'static> {
        Codec::new(move |update, start, payload| encode(update, start, bits, seed, payload), decode)
    }

    #[test]
    fn the_contract_of_codecs_holds() {
        (1..=8).for_each(|bits| codec(bits, 7).check());
    }

    #[test]
    fn the_bytes_are_as_specified() {
        // Computed from SPEC.md in Python, each operation rounded to single precision.
        let update: Vec<f32> = (0..9).map(|index| (index * index) as f32 - 10.3).collect();
        let golden = [
            (1, "0214adf7ff", 0x4256_e000),
            (2, "0234add56a", 0x4256_e000),
            (3, "0254addb725d", 0x420f_4000),
            (4, "0274add9de6b3b", 0x4219_7b6e),
            (7, "02d4addc3e8b42eedfdf", 0x421c_e493),
            (8, "02f4addc1f2328af36ffbf", 0x421b_a850),
        ];
        for (bits, bytes, last) in golden {
            let mut payload = [0; 16];
            let block = encode(&update, 2, bits, 7, &mut payload).unwrap();
            assert_eq!((hex::encode(&payload[..block.bytes]).as_str(), block.end), (bytes, 9));
            let mut decoded = [9.0; 9];
            assert_eq!(decode(&payload[..block.bytes], &mut decoded), Ok(2..9));
            assert_eq!((decoded[1], decoded[7].to_bits()), (9.0, last));
        }
    }

    #[test]
    fn no_coordinate_moves_by_a_level_and_zero_does_not_move() {
        let mut update = gaussian(300, 5);
        update.iter_mut().step_by(3).for_each(|value| *value = 0.0);
        let largest = scale::largest_magnitude(&update).unwrap() * 1.001;
        for bits in 2..=8 {
            let decoded = codec(bits, 9).transfer(&update, 207);
            let interval = 2.0 * largest / intervals(bits).unwrap() as f32;
            for (a, b) in update.iter().zip(&decoded) {
                assert!((a - b).abs() <= interval && (*a != 0.0 || *b == 0.0), "{bits} bits: {a} {b}");
            }
        }
    }

    #[test]
    fn every_width_is_right_on_average() {
        let update = gaussian(200, 3);
        (1..=5).for_each(|bits| check_unbiased(&update, |seed| codec(bits, seed)));
    }

    #[test]
    fn the_error_of_normal_coordinates_is_bounded() {
        // The largest of 512 is 3 on average: with two bits, |v| (3 - |v|) makes 3 sqrt(2 / pi) - 1 = 1.4.
        for (bits, most) in [(2, 1.65), (3, 0.2), (4, 0.037), (8, 0.0002)] {
            let (nmse, _) = mean_nmse(512, |seed| codec(bits, seed));
            assert!(nmse <= most, "{bits} bits: {nmse}");
        }
    }

    #[test]
    fn what_no_encoder_writes_is_refused() {
        // Two bits, scale 1, code 3.
        let payload = [0, 0b0010_1111, 0b0000_0000, 0b0011_1111];
        assert_eq!(decode(&payload, &mut [0.0]), Err(CodecError::BadField { field: "level" }));
        assert_eq!(encode(&[1.0], 0, 9, 7, &mut [0; 9]), Err(CodecError::UnknownWidth { bits: 9 }));
    }
}
