//! The largest coordinates of an update with a sign and three bits of magnitude each, range-coded.
//!
//! ```text
//! unit         one of 512: the largest magnitude (nine bits, see `coarse`)
//! count - 1    one of the number of parameters
//! for each coordinate, ascending: its position (see `positions`); its sign, one of 2: 1 negative; its level m, adaptive
//!              of 8, which stands for (m + 1) / 8 of the unit
//! ```
//! Small levels are the commonest and soon cost little more than one bit.
use super::positions::{self, Positions};
use super::range::{Adaptive, Decoder, Encoder};
use super::{CodecError, coarse, scale};

const LEVELS: usize = 8;

/// One decoded coordinate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    /// Index of the parameter.
    pub index: usize,
    /// Its change.
    pub value: f32,
}

/// Encodes the largest coordinates of `update` that are at least `floor`, as many as fit into `payload`, and returns
/// its length.
pub fn encode(update: &[f32], floor: f32, payload: &mut [u8]) -> Result<usize, CodecError> {
    positions::check(update.len())?;
    let have_bytes = payload.len();
    let largest = scale::largest_magnitude(update)?;
    let code = coarse::nearest(largest)?;
    if largest < floor {
        return Err(CodecError::Nothing);
    }
    // What is below half a level would be rounded up to one: it stays behind.
    let lowest = floor.max(coarse::scale(code) / (2 * LEVELS) as f32);
    let all = Selection { update, code, threshold: lowest, most: update.len() };
    let selection = all.fitting(largest, have_bytes).ok_or(CodecError::NoRoom { have_bytes })?;
    let mut encoder = Encoder::new(payload);
    let written = selection.write(&mut encoder).and_then(|()| encoder.finish(0));
    Ok(written.expect("these entries were said to fit"))
}

/// Decodes a payload into its coordinates, in ascending order.
pub fn decode(payload: &[u8], params: usize) -> Result<Entries<'_>, CodecError> {
    positions::check(params)?;
    if payload.is_empty() {
        return Err(CodecError::Truncated);
    }
    if params == 0 {
        return Err(CodecError::IndexBeyondEnd { index: 0, params });
    }
    let mut decoder = Decoder::new(payload);
    let unit = coarse::scale(decoder.uniform(coarse::CODES));
    let count = decoder.uniform(params as u32) as usize + 1;
    let positions = Positions::read(&mut decoder, count, params);
    let entries = Entries { decoder, positions, levels: Adaptive::new(), unit };
    entries.check(count, params)?;
    Ok(entries)
}

/// The coordinates of a payload.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    decoder: Decoder<'a>,
    positions: Positions,
    levels: Adaptive<LEVELS>,
    unit: f32,
}

impl Entries<'_> {
    /// Refuses positions beyond the last parameter, and bytes beyond the last entry.
    fn check(&self, count: usize, params: usize) -> Result<(), CodecError> {
        let mut entries = self.clone();
        if entries.by_ref().count() < count {
            return Err(CodecError::IndexBeyondEnd { index: params, params });
        }
        let ends = entries.decoder.is_at_end();
        ends.then_some(()).ok_or(CodecError::BadField { field: "length" })
    }
}

impl Iterator for Entries<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let index = self.positions.next(&mut self.decoder)?;
        let negative = self.decoder.uniform(2) == 1;
        let level = self.decoder.symbol(&mut self.levels);
        let magnitude = (level + 1) as f32 / LEVELS as f32 * self.unit;
        Some(Entry { index, value: if negative { -magnitude } else { magnitude } })
    }
}

/// The first `most` coordinates of at least the threshold.
#[derive(Clone, Copy)]
struct Selection<'a> {
    update: &'a [f32],
    code: u32,
    threshold: f32,
    most: usize,
}

impl<'a> Selection<'a> {
    /// The selection with the lowest threshold that fits, not below that of `self` nor above `largest`; where those as
    /// large as the largest do not all fit, the first of them that do.
    fn fitting(self, largest: f32, room: usize) -> Option<Self> {
        if self.fits(room) {
            return Some(self);
        }
        let of_largest = Self { threshold: largest, ..self };
        if !of_largest.fits(room) {
            return of_largest.shortened(room);
        }
        Some(self.raised(of_largest, room))
    }

    /// The selection that fits with the lowest threshold above that of `self`, up to that of `enough`, by bisection.
    fn raised(self, enough: Self, room: usize) -> Self {
        let (mut too_many, mut fits) = (self, enough);
        let (mut more, mut less) = (too_many.picks().count(), fits.picks().count());
        // Once they differ by one coordinate, any threshold in between selects as one of them does.
        while more > less + 1 {
            // Positive floats order as their bits.
            let (low, high) = (too_many.threshold.to_bits(), fits.threshold.to_bits());
            if high - low <= 1 {
                break;
            }
            let middle = Self { threshold: f32::from_bits(low + (high - low) / 2), ..self };
            if middle.fits(room) {
                (fits, less) = (middle, middle.picks().count());
            } else {
                (too_many, more) = (middle, middle.picks().count());
            }
        }
        fits
    }

    /// As many of the first as fit, of a selection that does not.
    fn shortened(self, room: usize) -> Option<Self> {
        let (mut fits, mut too_many) = (0, self.picks().count());
        while too_many - fits > 1 {
            let most = fits + (too_many - fits) / 2;
            if (Self { most, ..self }).fits(room) {
                fits = most;
            } else {
                too_many = most;
            }
        }
        (fits > 0).then_some(Self { most: fits, ..self })
    }

    fn fits(&self, room: usize) -> bool {
        let mut encoder = Encoder::counting();
        self.write(&mut encoder).is_some() && encoder.meter().bytes() <= room
    }

    /// Index and value of each coordinate.
    fn picks(&self) -> impl Iterator<Item = (usize, f32)> + Clone + 'a {
        let &Self { update, threshold, most, .. } = self;
        let enumerated = update.iter().copied().enumerate();
        enumerated.filter(move |(_, value)| libm::fabsf(*value) >= threshold).take(most)
    }

    /// `None` where the encoder is full, or there is nothing to write.
    // Not inlined: counting and writing share it, and so its flash.
    #[inline(never)]
    fn write(&self, encoder: &mut Encoder<'_>) -> Option<()> {
        let (unit, params) = (coarse::scale(self.code), self.update.len());
        encoder.uniform(self.code, coarse::CODES)?;
        encoder.uniform((self.picks().count() as u32).checked_sub(1)?, params as u32)?;
        let mut positions = Positions::begin(encoder, self.picks().map(|(index, _)| index), params)?;
        let mut levels = Adaptive::<LEVELS>::new();
        self.picks().try_for_each(|(index, value)| {
            positions.write(encoder, index)?;
            encoder.uniform((value < 0.0).into(), 2)?;
            encoder.symbol(&mut levels, level(value, unit))
        })
    }
}

fn level(value: f32, unit: f32) -> usize {
    (libm::roundf(libm::fabsf(value) / unit * LEVELS as f32) as usize).clamp(1, LEVELS) - 1
}

#[cfg(all(test, feature = "std"))]
mod tests;
