//! Prototypes: centroids of a node's samples with their class and count (Snell et al. 2017; one round of them as in
//! Guha et al. 2019). The server learns from all nodes' prototypes as if they were samples.
//!
//! A centroid travels as coefficients in a basis that belongs to the task, such as the first 32 of a
//! [`super::dct`]; this codec takes and gives coefficients. All is range-coded ([`super::range`]):
//!
//! ```text
//! one of 512       step d ([`super::coarse`])
//! prototypes, 1 to 128:
//!   one of C + 1   class; C ends the payload
//!   unary, one of 2   v = count - fewest + 1, at least 1: exponent e of its highest bit, 0 to 23; where e > 0 the next
//!                     bit h; the count is fewest - 1 + 2^e + h 2^(e-1), which is v rounded down
//!   for each of K coefficients a level of -63 to 63: unary magnitude, and where it is not zero one of 2: 1 negative
//! ```
//! The coefficient is level times d. The unary digits of magnitudes have adaptive models: of the first digit, and of the
//! second, one for each band of coefficients (0-7, 8-15, 16-23, the others); of all others one; of exponents one. A
//! coefficient moves by at most d / 2 as long as it is within 63.5 d; each prototype stands alone.
//!
//! **Privacy**: a prototype of one sample is that sample. The encoder refuses counts below `fewest`, and no payload can
//! say such a count.
use super::range::{Adaptive, Decoder, Encoder};
use super::statistics::MAX_SAMPLES;
use super::{Block, CodecError, coarse};

/// Most prototypes in a payload.
pub const MAX_PROTOTYPES: usize = 128;
/// Largest level of a coefficient.
pub const MAX_LEVEL: u32 = 63;

const MAX_EXPONENT: u32 = 23;
const BANDS: usize = 4;
const BAND_LEN: usize = 8;

/// Class and count of a prototype.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prototype {
    /// The class.
    pub class: u16,
    /// Samples behind it, at most 2^24 - 1; rounded down, by less than a third of what is above the fewest, where it
    /// was decoded.
    pub count: u32,
}

/// What both sides know of prototypes; it belongs to the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Labels, at least 1.
    pub classes: u16,
    /// Coefficients of a prototype, K, at least 1.
    pub coefficients: usize,
    /// Fewest samples behind a prototype, at least 1.
    pub fewest: u32,
}

/// Encodes as many prototypes as fit, from the one with index `start` on; `coefficients` is `[prototypes][K]`. `step`
/// is rounded to a coarse scale: the nearest of eight an octave.
pub fn encode(
    prototypes: &[Prototype],
    coefficients: &[f32],
    start: usize,
    step: f32,
    shape: Shape,
    payload: &mut [u8],
) -> Result<Block, CodecError> {
    shape.check()?;
    let params = prototypes.len().min(coefficients.len() / shape.coefficients);
    if start >= params {
        return Err(CodecError::IndexBeyondEnd { index: start, params });
    }
    let code = coarse::nearest(step)?;
    let rows = || prototypes.iter().zip(coefficients.chunks_exact(shape.coefficients)).skip(start);
    let have_bytes = payload.len();
    let no_room = CodecError::NoRoom { have_bytes };
    let mut counting = Coder::new(Encoder::counting(), code, shape).ok_or(no_room)?;
    let mut count = 0;
    for (prototype, row) in rows().take(MAX_PROTOTYPES) {
        check(*prototype, row, shape)?;
        counting.prototype(*prototype, row).ok_or(no_room)?;
        if counting.encoder.meter().bytes_for(1, shape.class_symbols()) > have_bytes {
            break;
        }
        count += 1;
    }
    if count == 0 {
        return Err(no_room);
    }
    let mut written = || {
        let mut coder = Coder::new(Encoder::new(payload), code, shape)?;
        rows().take(count).try_for_each(|(prototype, row)| coder.prototype(*prototype, row))?;
        coder.encoder.uniform(shape.classes.into(), shape.class_symbols())?;
        let settled = coder.encoder.meter().bytes() - 1;
        coder.encoder.finish(settled)
    };
    let bytes = written().ok_or(no_room)?;
    Ok(Block { bytes, end: start + count })
}

impl Shape {
    const fn check(self) -> Result<(), CodecError> {
        if self.classes == 0 || self.coefficients == 0 || self.fewest == 0 || self.fewest > MAX_SAMPLES {
            return Err(CodecError::BadField { field: "shape" });
        }
        Ok(())
    }

    /// The classes, and the end.
    fn class_symbols(self) -> u32 {
        u32::from(self.classes) + 1
    }
}

fn check(prototype: Prototype, coefficients: &[f32], shape: Shape) -> Result<(), CodecError> {
    let Prototype { class, count } = prototype;
    match () {
        () if count < shape.fewest => Err(CodecError::TooFewSamples { count, min: shape.fewest }),
        () if count > MAX_SAMPLES => Err(CodecError::BadField { field: "samples" }),
        () if class >= shape.classes => Err(CodecError::BadField { field: "class" }),
        () if coefficients.iter().any(|value| !value.is_finite()) => Err(CodecError::NotFinite),
        () => Ok(()),
    }
}

/// Reads and checks a payload.
pub fn decode(payload: &[u8], shape: Shape) -> Result<Prototypes<'_>, CodecError> {
    shape.check()?;
    let mut decoder = Decoder::new(payload);
    let step = coarse::scale(decoder.uniform(coarse::CODES));
    let prototypes = Prototypes { decoder, models: Models::new(), step, shape, payload_bytes: payload.len() };
    let mut check = prototypes.clone();
    let mut count = 0;
    while check.read(|_, _| ())?.is_some() {
        count += 1;
        if count > MAX_PROTOTYPES {
            return Err(CodecError::BadField { field: "prototypes" });
        }
    }
    match () {
        () if count == 0 => Err(CodecError::Nothing),
        () if !check.decoder.is_at_end() => Err(CodecError::BadField { field: "padding" }),
        () => Ok(prototypes),
    }
}

/// The adaptive models of both sides.
#[derive(Clone, Debug)]
struct Models {
    first: [Adaptive<2>; BANDS],
    second: [Adaptive<2>; BANDS],
    others: Adaptive<2>,
    exponent: Adaptive<2>,
}

impl Models {
    const fn new() -> Self {
        let fresh = Adaptive::new();
        Self { first: [fresh; BANDS], second: [fresh; BANDS], others: fresh, exponent: fresh }
    }

    /// The model of a digit of the magnitude of a coefficient.
    fn digit(&mut self, coefficient: usize, digit: u32) -> &mut Adaptive<2> {
        let band = (coefficient / BAND_LEN).min(BANDS - 1);
        match digit {
            0 => &mut self.first[band],
            1 => &mut self.second[band],
            _ => &mut self.others,
        }
    }
}

struct Coder<'a> {
    encoder: Encoder<'a>,
    models: Models,
    step: f32,
    shape: Shape,
}

impl<'a> Coder<'a> {
    /// With the step written.
    fn new(mut encoder: Encoder<'a>, code: u32, shape: Shape) -> Option<Self> {
        encoder.uniform(code, coarse::CODES)?;
        Some(Self { encoder, models: Models::new(), step: coarse::scale(code), shape })
    }

    fn prototype(&mut self, prototype: Prototype, coefficients: &[f32]) -> Option<()> {
        self.encoder.uniform(prototype.class.into(), self.shape.class_symbols())?;
        self.count(prototype.count + 1 - self.shape.fewest)?;
        coefficients.iter().enumerate().try_for_each(|(index, value)| self.level(index, value / self.step))
    }

    fn count(&mut self, above: u32) -> Option<()> {
        let exponent = above.ilog2();
        for digit in 0..MAX_EXPONENT.min(exponent + 1) {
            self.encoder.symbol(&mut self.models.exponent, usize::from(digit < exponent))?;
        }
        if exponent > 0 { self.encoder.uniform(above >> (exponent - 1) & 1, 2) } else { Some(()) }
    }

    fn level(&mut self, index: usize, steps: f32) -> Option<()> {
        let magnitude = (libm::roundf(libm::fabsf(steps)) as u32).min(MAX_LEVEL);
        for digit in 0..MAX_LEVEL.min(magnitude + 1) {
            self.encoder.symbol(self.models.digit(index, digit), usize::from(digit < magnitude))?;
        }
        if magnitude > 0 { self.encoder.uniform((steps < 0.0).into(), 2) } else { Some(()) }
    }
}

/// A payload that was checked.
#[derive(Clone, Debug)]
pub struct Prototypes<'a> {
    decoder: Decoder<'a>,
    models: Models,
    step: f32,
    shape: Shape,
    payload_bytes: usize,
}

impl Prototypes<'_> {
    /// The next prototype, its coefficients in `coefficients`, `[K]` (more are left as they are); `None` after the
    /// last one.
    pub fn next_into(&mut self, coefficients: &mut [f32]) -> Option<Prototype> {
        let next = self.read(|index, value| {
            if let Some(place) = coefficients.get_mut(index) {
                *place = value;
            }
        });
        next.ok().flatten()
    }

    fn read(&mut self, mut place: impl FnMut(usize, f32)) -> Result<Option<Prototype>, CodecError> {
        let class = self.decoder.uniform(self.shape.class_symbols()) as u16;
        // No encoder settles more bytes than it writes; a class takes a bit at least, so this comes to an end.
        if self.decoder.meter().bytes() - 1 > self.payload_bytes {
            return Err(CodecError::Truncated);
        }
        if class == self.shape.classes {
            return Ok(None);
        }
        let count = self.shape.fewest - 1 + self.above();
        for index in 0..self.shape.coefficients {
            let level = self.level(index);
            place(index, level * self.step);
        }
        Ok(Some(Prototype { class, count }))
    }

    fn above(&mut self) -> u32 {
        let mut exponent = 0;
        while exponent < MAX_EXPONENT && self.decoder.symbol(&mut self.models.exponent) == 1 {
            exponent += 1;
        }
        let half = if exponent > 0 { self.decoder.uniform(2) << (exponent - 1) } else { 0 };
        (1 << exponent) + half
    }

    fn level(&mut self, index: usize) -> f32 {
        let mut magnitude = 0;
        while magnitude < MAX_LEVEL && self.decoder.symbol(self.models.digit(index, magnitude)) == 1 {
            magnitude += 1;
        }
        let negative = magnitude > 0 && self.decoder.uniform(2) == 1;
        if negative { -(magnitude as f32) } else { magnitude as f32 }
    }
}

#[cfg(all(test, feature = "std"))]
mod tests;
