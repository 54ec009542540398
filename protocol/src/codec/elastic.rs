//! Uniform levels whose number grows as the loss falls (AdaQuantFL, Jhunjhunwala et al. 2021): coarse and cheap while
//! every step helps, fine when details matter. Rounded at random as in [`super::qsgd`], so right on average, and range
//! coded, so that levels which come often cost little.
//!
//! ```text
//! .. start, LEB128
//! +0       levels s above zero, 1 to 127
//! +1..+2   scale S, half, little-endian: the largest magnitude from the start on
//! +3..     for each coordinate its level l in -s..=s: the number of bits of |l|, adaptive; where that is not zero the
//!          sign and the bits below the highest, each value as likely as any
//! ```
//! Level l stands for l S / s. The error of a coordinate has mean zero and a variance of at most (S / 2s)^2. Normal
//! coordinates take .4 to .8 bits less than a code of fixed width.
//!
//! **Never with error feedback**, as [`super::qsgd`].
use super::block::{Block, read_start, write_start};
use super::qsgd::Rounding;
use super::range::{Adaptive, Decoder, Encoder, Meter};
use super::{CodecError, scale};
use core::ops::Range;

/// Most levels above zero.
pub const MAX_LEVELS: u8 = 127;

const HEADER_BYTES: usize = 3;
const MOST_BITS: usize = 7;

/// How many levels above zero a model of this `loss` deserves, where one of `first_loss` had `first_levels`:
/// ceil(first_levels * sqrt(first_loss / loss)), 1 to [`MAX_LEVELS`]. `first_levels` where that is no number.
pub fn levels(first_levels: u8, first_loss: f32, loss: f32) -> u8 {
    let growth = libm::sqrtf(first_loss / loss);
    let levels =
        if growth.is_nan() { first_levels.into() } else { libm::ceilf(f32::from(first_levels) * growth) };
    levels.clamp(1.0, MAX_LEVELS.into()) as u8
}

/// Encodes the coordinates of `update`, `[params]`, from `start` on into one block, with `levels` above zero, 1 to
/// [`MAX_LEVELS`]. Zeros are encoded as such.
pub fn encode(
    update: &[f32],
    start: usize,
    levels: u8,
    seed: u32,
    payload: &mut [u8],
) -> Result<Block, CodecError> {
    let mut symbols = Symbols::new(levels)?;
    let no_room = CodecError::NoRoom { have_bytes: payload.len() };
    let rest = update.get(start..).filter(|rest| !rest.is_empty());
    let rest = rest.ok_or(CodecError::IndexBeyondEnd { index: start, params: update.len() })?;
    let (start_bytes, block) = write_start(start, payload)?;
    let (header, body) = block.split_at_mut_checked(HEADER_BYTES).ok_or(no_room)?;
    let scale = scale::not_below(scale::largest_magnitude(rest)?)?;
    header[0] = levels;
    header[1..].copy_from_slice(&scale.to_le_bytes());
    let mut rounding = Rounding::new(scale.to_f32(), 2 * u32::from(levels), seed);
    let have_bytes = body.len();
    let mut encoder = Encoder::new(body);
    let (mut count, mut least_bytes) = (0, 0);
    while count < rest.len() {
        let need_bytes = symbols.bytes_for_another(encoder.meter());
        if need_bytes > have_bytes {
            least_bytes = have_bytes;
            break;
        }
        least_bytes = least_bytes.max(need_bytes);
        let level = rounding.level(rest[count]) as i32 - i32::from(levels);
        symbols.write(level, &mut encoder).expect("the dearest level would have fitted");
        count += 1;
    }
    let bytes = encoder.finish(least_bytes).filter(|_| count > 0).ok_or(no_room)?;
    Ok(Block { bytes: start_bytes + HEADER_BYTES + bytes, end: start + count })
}

/// Decodes a block into its range of `update`, `[params]`.
pub fn decode(payload: &[u8], update: &mut [f32]) -> Result<Range<usize>, CodecError> {
    let (start, block) = read_start(payload, update.len())?;
    let (&[levels, low, high], body) = block.split_first_chunk().ok_or(CodecError::Truncated)?;
    let mut symbols = Symbols::new(levels).map_err(|_| CodecError::BadField { field: "levels" })?;
    let step = scale::read(u16::from_le_bytes([low, high]))? / f32::from(levels);
    let mut decoder = Decoder::new(body);
    let (mut end, mut need_bytes) = (start, 0);
    while end < update.len() && symbols.bytes_for_another(decoder.meter()) <= body.len() {
        need_bytes = symbols.bytes_for_another(decoder.meter()).max(need_bytes);
        update[end] = symbols.read(&mut decoder) as f32 * step;
        end += 1;
    }
    match end {
        end if end == start => Err(CodecError::Truncated),
        end if end == update.len() && body.len() > need_bytes => {
            Err(CodecError::WrongLength { have_bytes: body.len(), need_bytes })
        }
        end => Ok(start..end),
    }
}

/// What levels are coded with.
struct Symbols {
    widths: Adaptive<{ MOST_BITS + 1 }>,
    levels: u32,
}

impl Symbols {
    fn new(levels: u8) -> Result<Self, CodecError> {
        match levels {
            1..=MAX_LEVELS => {
                Ok(Self { widths: Adaptive::of(bit_length(levels.into()) + 1), levels: levels.into() })
            }
            _ => Err(CodecError::BadField { field: "levels" }),
        }
    }

    /// Bytes with which whatever level comes next is sure to fit.
    fn bytes_for_another(&self, meter: Meter) -> usize {
        meter.bytes_for(self.widths.least(), self.widths.total() << bit_length(self.levels))
    }

    /// Magnitudes of `width` bits: the least, and how many there are.
    fn magnitudes(&self, width: usize) -> (u32, u32) {
        let least = 1 << (width - 1);
        (least, least.min(self.levels + 1 - least))
    }

    fn write(&mut self, level: i32, encoder: &mut Encoder<'_>) -> Option<()> {
        let magnitude = level.unsigned_abs();
        let width = bit_length(magnitude);
        encoder.symbol(&mut self.widths, width)?;
        if width == 0 {
            return Some(());
        }
        let (least, count) = self.magnitudes(width);
        encoder.uniform(u32::from(level < 0), 2)?;
        encoder.uniform(magnitude - least, count)
    }

    fn read(&mut self, decoder: &mut Decoder<'_>) -> i32 {
        let width = decoder.symbol(&mut self.widths);
        if width == 0 {
            return 0;
        }
        let (least, count) = self.magnitudes(width);
        let negative = decoder.uniform(2) == 1;
        let magnitude = (least + decoder.uniform(count)) as i32;
        if negative { -magnitude } else { magnitude }
    }
}

const fn bit_length(value: u32) -> usize {
    (u32::BITS - value.leading_zeros()) as usize
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::super::testing::{Codec, check_unbiased, gaussian, mean_nmse};
    use super::*;
    use std::vec::Vec;

    fn codec(levels: u8, seed: u32) -> Codec<'static> {
        Codec::new(move |update, start, payload| encode(update, start, levels, seed, payload), decode)
    }

    #[test]
    fn the_contract_of_codecs_holds() {
        [1, 2, 3, 7, 16, 127].into_iter().for_each(|levels| codec(levels, 7).check());
    }

    #[test]
    fn the_bytes_are_as_specified() {
        // Computed from SPEC.md in Python, each operation rounded to single precision, numbers of any length.
        let update: Vec<f32> = (0..30).map(|index| (index * index * 7 % 61) as f32 - 20.3).collect();
        let golden = [
            (1, 40, "0201d750b7370d771fff", 30, 0x0000_0000),
            (1, 8, "0201d750b7370d76", 24, 0x421a_e000),
            (3, 12, "0203d7508a0a2918d3799a22", 24, 0x41ce_8000),
            (5, 40, "0205d750a6cd7b2f097b3e4340dc5ec05a", 30, 0x40f7_cccd),
            (
                127,
                40,
                "027fd750561ad2dda609f02635aac5d786eb58226ae4dd7eff695d77dfdd118cbc73",
                30,
                0x412a_ba74,
            ),
            (127, 20, "027fd750561ad2dda609f02635aac5d786eb57ff", 16, 0x41ec_94a9),
        ];
        for (levels, room, bytes, end, last) in golden {
            let mut payload = [0; 40];
            let block = encode(&update, 2, levels, 7, &mut payload[..room]).unwrap();
            assert_eq!((hex::encode(&payload[..block.bytes]).as_str(), block.end), (bytes, end));
            let mut decoded = [9.0; 30];
            assert_eq!(decode(&payload[..block.bytes], &mut decoded), Ok(2..end));
            assert_eq!((decoded[1], decoded[end - 1].to_bits()), (9.0, last));
        }
    }

    #[test]
    fn levels_follow_the_loss() {
        // ceil(2 sqrt(2.3 / .5)) = ceil(4.29).
        assert_eq!(levels(2, 2.3, 0.5), 5);
        assert_eq!(levels(2, 2.3, 2.3), 2);
        assert_eq!(levels(2, 1.0, 4.0), 1);
        assert_eq!(levels(4, 1.0, 1e-9), MAX_LEVELS);
        assert_eq!(levels(4, 1.0, 0.0), MAX_LEVELS);
        assert_eq!((levels(4, 0.0, 0.0), levels(4, 1.0, -1.0), levels(4, f32::NAN, 1.0)), (4, 4, 4));
        assert_eq!((levels(0, 1.0, 1.0), levels(255, 1.0, 1.0)), (1, MAX_LEVELS));
    }

    #[test]
    fn every_number_of_levels_is_right_on_average() {
        let update = gaussian(100, 3);
        [1, 3, 16].into_iter().for_each(|levels| check_unbiased(&update, |seed| codec(levels, seed)));
    }

    /// Bits a coordinate of 600 normal ones, everything included; a fixed width takes 2, 3, 4, 6 and 8.
    #[test]
    fn levels_that_come_often_cost_little() {
        for (levels, most) in [(1, 1.2), (3, 2.3), (7, 3.45), (31, 5.6), (127, 7.65)] {
            let (_, bytes) = mean_nmse(600, |seed| codec(levels, seed));
            let bits = bytes as f64 * 8.0 / 600.0;
            assert!(bits <= most, "{levels} levels: {bits}");
        }
    }

    #[test]
    fn the_error_is_that_of_the_levels() {
        for (levels, most) in [(1, 1.65), (7, 0.037), (31, 0.0019), (127, 0.0002)] {
            let (nmse, _) = mean_nmse(512, |seed| codec(levels, seed));
            assert!(nmse <= most, "{levels} levels: {nmse}");
        }
    }

    #[test]
    fn what_no_encoder_writes_is_refused() {
        let update = &mut [0.0; 3];
        assert_eq!(decode(&[0, 0, 0, 0x3c, 0], update), Err(CodecError::BadField { field: "levels" }));
        assert_eq!(decode(&[0, 128, 0, 0x3c, 0], update), Err(CodecError::BadField { field: "levels" }));
        assert_eq!(decode(&[0, 1, 0, 0x7c, 0], update), Err(CodecError::NotFinite));
        assert_eq!(decode(&[0, 1, 0, 0x3c], update), Err(CodecError::Truncated));
        let wrong = CodecError::WrongLength { have_bytes: 9, need_bytes: 1 };
        assert_eq!(decode(&[0, 1, 0, 0x3c, 0, 0, 0, 0, 0, 0, 0, 0, 0], update), Err(wrong));
        assert_eq!(encode(&[1.0], 0, 0, 7, &mut [0; 9]), Err(CodecError::BadField { field: "levels" }));
    }
}
