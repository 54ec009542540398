//! Three levels a coordinate, drawn so that their mean is the update (TernGrad; Wen et al. 2017).
//!
//! ```text
//! start        LEB128
//! 2 bytes      scale s, half, little-endian, finite and not negative
//! then, range-coded, for each coordinate one of zero, +s, -s; as many as fit
//! ```
//! A value v becomes its sign times s with the probability |v| / s, so that its mean is v and its expected squared error
//! is |v| (s - |v|). The scale is the largest magnitude from the start on, or 2.5 root mean squares of them if that is
//! smaller and the task asks for it: clipping the few largest values biases them and makes the error of all others
//! smaller. Where most are zero a coordinate costs far less than the 1.585 bits of a digit to the base 3.
//!
//! The mean of many updates is right, one alone is coarse: it is not for error feedback.
use super::random::Random;
use super::range::{Adaptive, Decoder, Encoder, Meter, Span};
use super::{Block, CodecError, block, scale};
use core::ops::Range;

/// What happens to the largest values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clip {
    /// They set the scale: the mean of what is decoded is the update.
    Never,
    /// The scale is at most 2.5 root mean squares, as in the paper.
    TwoAndAHalfSigma,
}

const SIGMAS: f32 = 2.5;
const SCALE_BYTES: usize = 2;

/// Encodes the coordinates of `update` from `start` on, as many as surely fit. No memory, one draw a coordinate.
pub fn encode(
    update: &[f32],
    start: usize,
    clip: Clip,
    seed: u32,
    payload: &mut [u8],
) -> Result<Block, CodecError> {
    let params = update.len();
    let rest = update.get(start..).filter(|rest| !rest.is_empty());
    let rest = rest.ok_or(CodecError::IndexBeyondEnd { index: start, params })?;
    let unit = scale::not_below(scale_of(rest, clip)?)?;
    let no_room = CodecError::NoRoom { have_bytes: payload.len() };
    let (used, body) = block::write_start(start, payload)?;
    let (head, body) = body.split_at_mut_checked(SCALE_BYTES).ok_or(no_room)?;
    head.copy_from_slice(&unit.to_le_bytes());
    let (bytes, count) = write_digits(rest, unit.to_f32(), seed, body).ok_or(no_room)?;
    Ok(Block { bytes: used + SCALE_BYTES + bytes, end: start + count })
}

/// Decodes a payload into its coordinates of `update`, `[params]`, and says which they are.
pub fn decode(payload: &[u8], update: &mut [f32]) -> Result<Range<usize>, CodecError> {
    let (start, body) = block::read_start(payload, update.len())?;
    let (head, body) = body.split_first_chunk::<SCALE_BYTES>().ok_or(CodecError::Truncated)?;
    let unit = scale::read(u16::from_le_bytes(*head))?;
    let rest = &mut update[start..];
    let (mut decoder, mut digits) = (Decoder::new(body), Digits::new(body.len()));
    let mut count = 0;
    while count < rest.len() && digits.another_fits(decoder.meter()) {
        rest[count] = unit * digits.read(&mut decoder);
        count += 1;
    }
    match count {
        0 => Err(CodecError::Truncated),
        all if all == rest.len() && digits.needed < body.len() => {
            Err(CodecError::BadField { field: "length" })
        }
        _ => Ok(start..start + count),
    }
}

fn scale_of(values: &[f32], clip: Clip) -> Result<f32, CodecError> {
    let largest = scale::largest_magnitude(values)?;
    if clip == Clip::Never || largest == 0.0 {
        return Ok(largest);
    }
    // Relative to the largest, so that no square is too large or too small for a float.
    let squares = scale::sum(values, |value| (value / largest) * (value / largest));
    Ok(largest.min(SIGMAS * libm::sqrtf(squares / values.len() as f32) * largest))
}

/// Fills the bytes, and returns how many of them and of the values were used; `None` if not one value fits.
fn write_digits(values: &[f32], unit: f32, seed: u32, body: &mut [u8]) -> Option<(usize, usize)> {
    let mut random = Random::new(seed, 0);
    let (mut digits, mut count) = (Digits::new(body.len()), 0);
    let mut encoder = Encoder::new(body);
    while count < values.len() && digits.another_fits(encoder.meter()) {
        let value = values[count];
        let kept = random.uniform() * unit < libm::fabsf(value);
        digits.write(&mut encoder, kept, value < 0.0).expect("it was said to fit");
        count += 1;
    }
    let length = if count == values.len() { digits.needed } else { digits.room };
    encoder.finish(length).filter(|_| count > 0).map(|bytes| (bytes, count))
}

/// The model of the digits: zero or not is learnt, signs are not.
struct Digits {
    kept: Adaptive<2>,
    room: usize,
    /// Bytes with which all digits so far would have been said to fit.
    needed: usize,
}

impl Digits {
    const fn new(room: usize) -> Self {
        Self { kept: Adaptive::new(), room, needed: 0 }
    }

    /// Whether any digit would fit the room, which both sides ask before each.
    fn another_fits(&mut self, meter: Meter) -> bool {
        let (zero, kept) = (self.span(0), self.span(1));
        let needed = meter.bytes_for(zero.width.min(kept.width), zero.total).max(self.needed);
        let fits = needed <= self.room;
        if fits {
            self.needed = needed;
        }
        fits
    }

    /// The place of zero, + and -.
    fn span(&self, digit: u32) -> Span {
        let zero = self.kept.span(0);
        let (total, zeros) = (2 * zero.total, 2 * zero.width);
        let kept = (total - zeros) / 2;
        match digit {
            0 => Span { from: 0, width: zeros, total },
            _ => Span { from: zeros + (digit - 1) * kept, width: kept, total },
        }
    }

    fn write(&mut self, encoder: &mut Encoder<'_>, kept: bool, negative: bool) -> Option<()> {
        let digit = if kept { 1 + u32::from(negative) } else { 0 };
        encoder.span(self.span(digit))?;
        self.kept.learn(kept.into());
        Some(())
    }

    fn read(&mut self, decoder: &mut Decoder<'_>) -> f32 {
        let place = decoder.peek(self.span(0).total);
        let digit = (1..=2).take_while(|digit| place >= self.span(*digit).from).count();
        decoder.take(self.span(digit as u32));
        self.kept.learn(usize::from(digit > 0));
        [0.0, 1.0, -1.0][digit]
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use crate::codec::testing::{Codec, check_unbiased, gaussian, mean_nmse, nmse};

    fn codec<'a>(clip: Clip, seed: u32) -> Codec<'a> {
        Codec::new(move |update, start, payload| encode(update, start, clip, seed, payload), decode)
    }

    /// Computed by a few lines of Python from SPEC.md.
    #[test]
    fn the_bytes_are_as_specified() {
        let update = [0.5, -0.25, 0.0, 1.0, -1.0, 0.125];
        let mut payload = [0; 16];
        let block = encode(&update, 1, Clip::Never, 7, &mut payload).unwrap();
        assert_eq!(block, Block { bytes: 5, end: 6 });
        assert_eq!(payload[..block.bytes], hex::decode("01003ca8ff").unwrap());
        let mut decoded = [9.0; 6];
        assert_eq!(decode(&payload[..block.bytes], &mut decoded), Ok(1..6));
        assert_eq!(decoded, [9.0, 0.0, 0.0, 1.0, -1.0, 0.0]);
    }

    #[test]
    fn a_full_frame_is_as_specified() {
        let update: [f32; 300] = core::array::from_fn(|index| ((index * 37 % 21) as f32 - 10.0) / 10.0);
        let mut payload = [0; 36];
        assert_eq!(encode(&update, 0, Clip::Never, 99, &mut payload), Ok(Block { bytes: 36, end: 169 }));
        let expected = "00003c2c51b792c9b817c689307d0a7b2c7b1cc1aba6a9ff4f4cbeaf264cb8fecabcb648";
        assert_eq!(payload[..], hex::decode(expected).unwrap());
    }

    #[test]
    fn clipping_is_as_specified() {
        // Ten values, one of them 10: the root mean square is the root of 10.
        let mut update = [0.0; 10];
        update[4] = 10.0;
        let mut payload = [0; 16];
        encode(&update, 0, Clip::TwoAndAHalfSigma, 7, &mut payload).unwrap();
        let clipped = half::f16::from_le_bytes([payload[1], payload[2]]).to_f32();
        assert!((7.905..7.915).contains(&clipped), "2.5 times 3.1623, rounded up: {clipped}");
    }

    #[test]
    fn blocks_tile_and_nothing_panics() {
        codec(Clip::Never, 3).check();
        codec(Clip::TwoAndAHalfSigma, 4).check();
    }

    #[test]
    fn the_mean_is_the_update() {
        check_unbiased(&gaussian(60, 5), |seed| codec(Clip::Never, seed));
    }

    #[test]
    fn the_error_is_the_expected_one() {
        // The sum of |v| (s - |v|) over that of v v, s the largest rounded to half.
        let update = gaussian(2_000, 8);
        let largest = scale::largest_magnitude(&update).unwrap();
        let expected: f32 = update.iter().map(|value| value.abs() * (largest - value.abs())).sum();
        let energy: f32 = update.iter().map(|value| value * value).sum();
        let decoded = codec(Clip::Never, 1).transfer(&update, 4_096);
        let error = nmse(&update, &decoded) as f32;
        assert!((error / (expected / energy) - 1.0).abs() < 0.1, "{error} for {}", expected / energy);
    }

    #[test]
    fn clipping_halves_the_error_and_few_bytes_are_needed() {
        let (plain, plain_bytes) = mean_nmse(650, |seed| codec(Clip::Never, seed));
        let (clipped, clipped_bytes) = mean_nmse(650, |seed| codec(Clip::TwoAndAHalfSigma, seed));
        assert!((1.5..1.7).contains(&plain), "{plain}");
        assert!((0.9..1.1).contains(&clipped), "{clipped}");
        assert!(plain_bytes < 110 && clipped_bytes < 120, "{plain_bytes}, {clipped_bytes}");
    }

    #[test]
    fn sparse_updates_cost_far_less_than_a_trit_each() {
        let mut update = [0.0; 650];
        (0..650).step_by(50).for_each(|index| update[index] = 1.0);
        let (blocks, payload) = codec(Clip::Never, 1).blocks(&update, 200).remove(0);
        assert_eq!(blocks, 0..650);
        assert!(payload.len() <= 18, "{} bytes; 650 trits are 129", payload.len());
    }

    #[test]
    fn what_no_encoder_writes_is_refused() {
        let mut decoded = [0.0; 3];
        assert_eq!(
            decode(&[0, 0, 0x3c, 1, 1, 1, 1], &mut decoded),
            Err(CodecError::BadField { field: "length" })
        );
        assert_eq!(decode(&[0, 0, 0x3c], &mut decoded), Err(CodecError::Truncated));
        assert_eq!(decode(&[0, 0], &mut decoded), Err(CodecError::Truncated));
        assert_eq!(decode(&[0, 0, 0x7c, 1], &mut decoded), Err(CodecError::NotFinite));
        assert_eq!(decode(&[0, 0, 0xbc, 1], &mut decoded), Err(CodecError::NotFinite));
    }
}
