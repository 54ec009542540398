//! The signs of the largest coefficients of an update in a basis, and one scale for all of them: sparse binary
//! compression (Sattler et al. 2019), for error feedback (Karimireddy et al. 2019).
//!
//! ```text
//! all range-coded:
//! scale        one of 512: the mean magnitude of the coefficients (nine bits, see `coarse`)
//! count - 1    one of the number of parameters
//! for each coefficient, ascending: its position (shares, see `positions`), and its sign, one of 2: 1 negative
//! ```
//! What is decoded has +-scale at these coefficients and zero at all others, turned back from the basis. With the mean
//! as the scale the squared error is |x|^2 - (sum of the magnitudes sent)^2 / count, so that whatever is left shrinks:
//! it is contractive. A coefficient costs its position and one bit; 3 % of 650 are 20 bytes.
use super::basis::Rows;
use super::feedback::Contractive;
use super::positions::{self, Positions};
use super::range::{Decoder, Encoder};
use super::{Block, CodecError, coarse, scale};
use core::ops::Range;

pub use super::basis::Basis;

/// Error feedback may be used with it, as long as something is left that is not below the smallest scale.
pub const CONTRACTIVE: Contractive = Contractive::PROMISE;

/// What a task says of this codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The basis.
    pub basis: Basis,
    /// Length of a row: the weights of a class and its bias. At least 1; updates are whole rows.
    pub columns: usize,
    /// Most coefficients sent, in percent of the parameters; at least one may be.
    pub percent: u8,
}

impl Options {
    /// Numbers in the memory that [`encode`] needs for a payload of `payload_bytes`.
    pub const fn scratch_len(&self, params: usize, payload_bytes: usize) -> usize {
        self.basis.scratch_len(self.columns) + 2 * self.most(params, payload_bytes)
    }

    /// Numbers in the memory that [`decode`] needs.
    pub const fn decode_scratch_len(&self) -> usize {
        self.basis.scratch_len(self.columns)
    }

    /// A bound of the coefficients in a payload: up to two in three, and each takes more than two bits.
    const fn most(&self, params: usize, payload_bytes: usize) -> usize {
        let share = params * self.percent as usize / 100;
        let most = least(least(share, 2 * params / 3), 4 * payload_bytes);
        if most == 0 { 1 } else { most }
    }

    fn check(&self, params: usize) -> Result<(), CodecError> {
        match params.checked_rem(self.columns) {
            Some(0) if params > 0 => positions::check(params),
            _ => Err(CodecError::BadField { field: "columns" }),
        }
    }
}

const fn least(a: usize, b: usize) -> usize {
    if a < b { a } else { b }
}

/// Encodes the largest coefficients of `update`, `[rows][columns]`, as many as the options and the payload allow.
///
/// Transforms each row about five times. [`CodecError::Nothing`] if all is zero or below 2^-30.
pub fn encode(
    update: &[f32],
    options: Options,
    scratch: &mut [f32],
    payload: &mut [u8],
) -> Result<Block, CodecError> {
    let (params, have_bytes) = (update.len(), payload.len());
    options.check(params)?;
    if scale::largest_magnitude(update)? == 0.0 {
        return Err(CodecError::Nothing);
    }
    let (have, need) = (scratch.len(), options.scratch_len(params, have_bytes));
    let (mut rows, memory) = Rows::new(options.basis, options.columns, scratch)?;
    let most = options.most(params, have_bytes);
    let memory = memory.get_mut(..2 * most).ok_or(CodecError::ScratchTooSmall { need, have })?;
    let (places, values) = memory.split_at_mut(most);
    for count in (1..=fitting(params, most, have_bytes)).rev() {
        let mut picks = Picks { places, values, count: 0 };
        picks.largest(&mut rows, update, count);
        let code = picks.trim()?;
        if let Some(bytes) = picks.write(Encoder::new(payload), code, params).and_then(|end| end.finish(1)) {
            return Ok(Block { bytes, end: params });
        }
    }
    Err(CodecError::NoRoom { have_bytes })
}

/// Decodes a payload into `update`, `[rows][columns]`, all of it.
pub fn decode(
    payload: &[u8],
    options: Options,
    scratch: &mut [f32],
    update: &mut [f32],
) -> Result<Range<usize>, CodecError> {
    let params = update.len();
    options.check(params)?;
    if payload.is_empty() {
        return Err(CodecError::Truncated);
    }
    let (mut rows, _) = Rows::new(options.basis, options.columns, scratch)?;
    let mut decoder = Decoder::new(payload);
    let scale = coarse::scale(decoder.uniform(coarse::CODES));
    let count = decoder.uniform(params as u32) as usize + 1;
    let mut positions = Positions::shares(count, params);
    update.fill(0.0);
    while let Some(position) = positions.next(&mut decoder) {
        update[position] = if decoder.uniform(2) == 1 { -scale } else { scale };
    }
    if !decoder.is_at_end() {
        return Err(CodecError::BadField { field: "length" });
    }
    rows.inverse(update);
    Ok(0..params)
}

/// The most coefficients whose bytes fit, counted as if they were the first ones; 0 if not even one fits.
fn fitting(params: usize, most: usize, room: usize) -> usize {
    let fits = |count: usize| {
        let picks = (0..count).map(|place| (place, false));
        write(Encoder::counting(), 0, params, picks).is_some_and(|end| end.meter().bytes() <= room)
    };
    let (mut fitting, mut beyond) = (0, most + 1);
    while beyond - fitting > 1 {
        let middle = fitting + (beyond - fitting) / 2;
        if fits(middle) {
            fitting = middle;
        } else {
            beyond = middle;
        }
    }
    fitting
}

/// Places and signs of coefficients, after the scale and their number.
fn write<'a>(
    mut encoder: Encoder<'a>,
    code: u32,
    params: usize,
    picks: impl ExactSizeIterator<Item = (usize, bool)>,
) -> Option<Encoder<'a>> {
    encoder.uniform(code, coarse::CODES)?;
    encoder.uniform(picks.len() as u32 - 1, params as u32)?;
    let mut positions = Positions::shares(picks.len(), params);
    for (place, negative) in picks {
        positions.write(&mut encoder, place)?;
        encoder.uniform(negative.into(), 2)?;
    }
    Some(encoder)
}

/// The coefficients to be sent, ascending; places below 2^16 are exact as floats.
struct Picks<'a> {
    places: &'a mut [f32],
    values: &'a mut [f32],
    count: usize,
}

impl Picks<'_> {
    /// Finds the `wanted` largest, of equal ones the first.
    fn largest(&mut self, rows: &mut Rows<'_>, update: &[f32], wanted: usize) {
        let (threshold, mut ties) = threshold(rows, update, wanted);
        self.count = 0;
        rows.for_each(update, |place, value| {
            let tie = key(value) == threshold && ties > 0;
            ties -= usize::from(tie);
            if tie || key(value) > threshold {
                self.push(place as f32, value);
            }
        });
    }

    fn push(&mut self, place: f32, value: f32) {
        self.places[self.count] = place;
        self.values[self.count] = value;
        self.count += 1;
    }

    /// Leaves out what is below half the mean, for which zero is nearer, and returns the code of the others' mean.
    fn trim(&mut self) -> Result<u32, CodecError> {
        let mean = self.mean();
        if !mean.is_finite() {
            return Err(CodecError::NotFinite);
        }
        for index in 0..core::mem::take(&mut self.count) {
            if libm::fabsf(self.values[index]) >= 0.5 * mean {
                self.push(self.places[index], self.values[index]);
            }
        }
        coarse::nearest(self.mean())
    }

    fn mean(&self) -> f32 {
        scale::sum(&self.values[..self.count], libm::fabsf) / self.count as f32
    }

    fn write<'b>(&self, encoder: Encoder<'b>, code: u32, params: usize) -> Option<Encoder<'b>> {
        let signs = self.values[..self.count].iter().map(|value| *value < 0.0);
        let picks = self.places[..self.count].iter().map(|place| *place as usize).zip(signs);
        write(encoder, code, params, picks)
    }
}

/// What coefficients are ordered by: exponent and the upper seven bits of the mantissa.
fn key(value: f32) -> u32 {
    libm::fabsf(value).to_bits() >> 16
}

/// The key of the coefficient with the rank `wanted`, and how many of that key are within that rank.
fn threshold(rows: &mut Rows<'_>, update: &[f32], wanted: usize) -> (u32, usize) {
    let (mut prefix, mut wanted) = (0, wanted);
    // Five bits of the fifteen in each pass.
    for shift in [10, 5, 0] {
        let mut counts = [0usize; 32];
        rows.for_each(update, |_, value| {
            if key(value) >> (shift + 5) == prefix {
                counts[(key(value) >> shift) as usize % 32] += 1;
            }
        });
        let mut digit = 31;
        while digit > 0 && counts[digit] < wanted {
            wanted -= counts[digit];
            digit -= 1;
        }
        prefix = prefix << 5 | digit as u32;
    }
    (prefix, wanted)
}

#[cfg(all(test, feature = "std"))]
mod tests;
