//! A few bits a coordinate: the rotated block in the levels that are best for a normal distribution, and one scale
//! (EDEN, Vargaftik et al. 2022).
//!
//! ```text
//! start, LEB128; then in bits:
//! bits 0-2    bits a coordinate b, less one: b is 1 to 4
//!      3-17   scale, a half without its sign
//!      18..   for each coordinate of the rotated block: sign (1 negative), b - 1 bits of level; filled with ones
//! ```
//! The share of the energy that is lost is that of the scalar quantiser with least error (Lloyd 1982, Max 1960), D =
//! .363, .117, .0345 or .0095 with 1 to 4 bits and the least-squares scale, and D / (1 - D) with the unbiased one.
use super::block::Block;
use super::codes::{CodesReader, CodesWriter, HEADER_BITS};
use super::drive::{Scale, rotated};
use super::{CodecError, hadamard, scale};
use core::ops::Range;

pub use super::drive::scratch_len;

/// The positive centroids with one to four bits, one after the other: those of b bits are at 2^(b-1) - 1 and on.
#[expect(clippy::excessive_precision, reason = "nine digits tell a single, as in SPEC.md")]
const CENTROIDS: [f32; 15] = [
    0.797_884_561,
    0.452_780_035,
    1.510_417_61,
    0.245_094_179,
    0.756_005_281,
    1.343_909_28,
    2.151_945_7,
    0.128_395_03,
    0.388_048_299,
    0.656_759_119,
    0.942_340_456,
    1.256_231_2,
    1.618_046_39,
    2.069_017_23,
    2.732_589_57,
];

/// Encodes the coordinates of `update`, `[params]`, from `start` on into one block, `bits` each, 1 to 4. Zeros are
/// encoded as such. About d log2 d additions, twice that where the block's length d is not a power of two.
pub fn encode(
    update: &[f32],
    start: usize,
    bits: u8,
    kind: Scale,
    seed: u32,
    scratch: &mut [f32],
    payload: &mut [u8],
) -> Result<Block, CodecError> {
    let centroids = centroids(bits)?;
    let mut writer = CodesWriter::new(update.len(), start, HEADER_BITS, bits.into(), payload)?;
    let rotated = rotated(&update[writer.range()], seed, scratch)?;
    let energy = scale::sum(rotated, |value| value * value);
    let to_normal = libm::sqrtf(scale::ratio(rotated.len() as f32, energy));
    let level = |value: f32| level(centroids, libm::fabsf(value) * to_normal);
    let product = scale::sum(rotated, |value| libm::fabsf(value) * centroids[level(value)]);
    writer.put_width(bits);
    writer.put_scale(scale::nearest(match kind {
        Scale::LeastSquares => {
            let square = |value| centroids[level(value)] * centroids[level(value)];
            scale::ratio(product, scale::sum(rotated, square))
        }
        Scale::Unbiased => scale::ratio(energy, product),
    })?);
    for &value in rotated {
        writer.put(u32::from(value < 0.0), 1);
        writer.put(level(value) as u32, u32::from(bits) - 1);
    }
    Ok(writer.finish())
}

/// Decodes a block into its range of `update`, `[params]`.
pub fn decode(payload: &[u8], seed: u32, update: &mut [f32]) -> Result<Range<usize>, CodecError> {
    let mut reader = CodesReader::new(payload, update.len())?;
    let bits = reader.width()?;
    let centroids = centroids(bits)?;
    let scale = reader.scale()?;
    let sign = 1 << (bits - 1);
    let range = reader.codes(bits.into(), update, |code| {
        let magnitude = centroids[(code & (sign - 1)) as usize] * scale;
        Ok(if code & sign != 0 { -magnitude } else { magnitude })
    })?;
    hadamard::rotate_back(&mut update[range.clone()], seed);
    Ok(range)
}

fn centroids(bits: u8) -> Result<&'static [f32], CodecError> {
    match bits {
        1..=4 => {
            let first = (1 << (bits - 1)) - 1;
            Ok(&CENTROIDS[first..2 * first + 1])
        }
        _ => Err(CodecError::UnknownWidth { bits }),
    }
}

/// The level nearest to a magnitude: how many bounds between levels it is not below.
fn level(centroids: &[f32], magnitude: f32) -> usize {
    centroids.windows(2).take_while(|pair| magnitude >= (pair[0] + pair[1]) / 2.0).count()
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::super::testing::{Codec, gaussian, mean_nmse};
    use super::*;
    use std::vec;
    use std::vec::Vec;

    fn codec(bits: u8, kind: Scale, seed: u32) -> Codec<'static> {
        Codec::new(
            move |update, start, payload| {
                encode(update, start, bits, kind, seed, &mut vec![0.0; scratch_len(update.len())], payload)
            },
            move |payload, update| decode(payload, seed, update),
        )
    }

    #[test]
    fn the_contract_of_codecs_holds() {
        for bits in 1..=4 {
            codec(bits, Scale::LeastSquares, 7).check();
            codec(bits, Scale::Unbiased, 8).check();
        }
    }

    #[test]
    fn the_bytes_are_as_specified() {
        // Computed from SPEC.md in Python, each operation rounded to single precision.
        let update: Vec<f32> = (0..9).map(|index| (index * index) as f32 - 10.0).collect();
        let golden = [
            (1, Scale::LeastSquares, "0213c159ff", 0x41ab_898c),
            (1, Scale::Unbiased, "02145a19ff", 0x4204_1d02),
            (2, Scale::LeastSquares, "0233e60b1a", 0x3fe7_0de4),
            (2, Scale::Unbiased, "0233fe0b1a", 0x3ff2_76d8),
            (3, Scale::LeastSquares, "025404ccc549", 0xc073_03bc),
            (3, Scale::Unbiased, "02540d4cc549", 0xc07a_efbc),
            (4, Scale::LeastSquares, "0273ce0e345627", 0xc11f_6a52),
            (4, Scale::Unbiased, "0273d04e345627", 0xc120_3115),
        ];
        for (bits, kind, bytes, first) in golden {
            let mut payload = [0; 16];
            let block = encode(&update, 2, bits, kind, 7, &mut [0.0; 7], &mut payload).unwrap();
            assert_eq!((hex::encode(&payload[..block.bytes]).as_str(), block.end), (bytes, 9));
            let mut decoded = [9.0; 9];
            assert_eq!(decode(&payload[..block.bytes], 7, &mut decoded), Ok(2..9));
            assert_eq!((decoded[1], decoded[2].to_bits()), (9.0, first));
        }
    }

    /// Lloyd's iteration in double precision from evenly spaced levels.
    fn lloyd_max(levels: usize) -> Vec<f64> {
        let density = |x: f64| libm::exp(-x * x / 2.0) / libm::sqrt(2.0 * core::f64::consts::PI);
        let tail = |x: f64| libm::erfc(x / core::f64::consts::SQRT_2) / 2.0;
        let mut centroids: Vec<f64> = (0..levels).map(|k| (k as f64 + 0.5) * 3.0 / levels as f64).collect();
        for _ in 0..3_000 {
            let bounds = centroids.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0);
            let bounds: Vec<f64> = [0.0].into_iter().chain(bounds).chain([60.0]).collect();
            let between =
                |pair: &[f64]| (density(pair[0]) - density(pair[1])) / (tail(pair[0]) - tail(pair[1]));
            centroids = bounds.windows(2).map(between).collect();
        }
        centroids
    }

    #[test]
    fn the_table_is_what_the_iteration_of_lloyd_converges_to() {
        for bits in 1..=4 {
            let computed: Vec<f32> = lloyd_max(1 << (bits - 1)).iter().map(|&value| value as f32).collect();
            assert_eq!(centroids(bits).unwrap(), computed);
        }
        assert_eq!(centroids(5), Err(CodecError::UnknownWidth { bits: 5 }));
        assert_eq!(decode(&[0, 0xff, 0, 0], 7, &mut [0.0; 4]), Err(CodecError::UnknownWidth { bits: 8 }));
    }

    #[test]
    fn the_error_is_that_of_the_best_scalar_quantiser() {
        for (length, bits, kind, most) in [
            (512, 1, Scale::LeastSquares, 0.366),
            (512, 2, Scale::LeastSquares, 0.120),
            (650, 2, Scale::LeastSquares, 0.120),
            (512, 2, Scale::Unbiased, 0.136),
            (650, 2, Scale::Unbiased, 0.136),
            (512, 3, Scale::LeastSquares, 0.0357),
            (512, 4, Scale::LeastSquares, 0.0100),
        ] {
            let (nmse, bytes) = mean_nmse(length, |seed| codec(bits, kind, seed));
            assert!(nmse <= most, "{length} coordinates, {bits} bits, {kind:?}: {nmse}");
            assert_eq!(bytes, (8 + 18 + length * usize::from(bits)).div_ceil(8), "four bytes besides codes");
        }
    }

    #[test]
    fn the_unbiased_scale_is_right_on_average() {
        let update = gaussian(300, 3);
        for bits in 1..=3 {
            super::super::testing::check_unbiased(&update, |seed| codec(bits, Scale::Unbiased, seed));
        }
    }
}
