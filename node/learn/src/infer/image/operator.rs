//! An operator's record.
use super::{Divisor, Kind, OPERATOR_BYTES, Weights, u16_at, u32_at};

/// An operator's record. Fields in pairs are height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operator {
    /// What it does.
    pub kind: Kind,
    /// What its weights consist of.
    pub weights_element: Weights,
    /// Of an average.
    pub divisor: Divisor,
    /// First input; that of a fill is ignored.
    pub input: u16,
    /// Second input of an addition.
    pub second: u16,
    /// Output.
    pub output: u16,
    /// Of a convolution.
    pub groups: u16,
    /// Size of the window.
    pub kernel: [u16; 2],
    /// Step of the window.
    pub stride: [u16; 2],
    /// Step between taps.
    pub dilation: [u16; 2],
    /// Padding above and left, or the place that a copy goes to.
    pub origin: [u16; 2],
    /// First channel that a copy goes to.
    pub channel: u16,
    /// Offset in the image.
    pub weights: u32,
    /// Offset in the image.
    pub bias: u32,
    /// Offset in the image.
    pub multipliers: u32,
    /// Lower and upper bound, bits of an f32, or an i8 in the low byte.
    pub bounds: [u32; 2],
}

impl Operator {
    /// An operator with a window of one pixel, without weights.
    pub const fn new(kind: Kind, input: u16, output: u16) -> Self {
        Self {
            kind,
            weights_element: Weights::None,
            divisor: Divisor::TapsInside,
            input,
            second: 0,
            output,
            groups: 1,
            kernel: [1; 2],
            stride: [1; 2],
            dilation: [1; 2],
            origin: [0; 2],
            channel: 0,
            weights: 0,
            bias: 0,
            multipliers: 0,
            bounds: [0; 2],
        }
    }

    /// Bounds of an i8 output.
    #[inline]
    pub const fn bounds_i8(&self) -> [i8; 2] {
        [self.bounds[0] as u8 as i8, self.bounds[1] as u8 as i8]
    }

    /// Bounds of an f32 output.
    #[inline]
    pub const fn bounds_f32(&self) -> [f32; 2] {
        [f32::from_bits(self.bounds[0]), f32::from_bits(self.bounds[1])]
    }

    /// Its record.
    pub fn emit(&self) -> [u8; OPERATOR_BYTES] {
        let mut bytes = [0; OPERATOR_BYTES];
        bytes[0] = self.kind as u8 + 1;
        bytes[1] = self.weights_element as u8;
        bytes[2] = self.divisor as u8;
        let [[kh, kw], [sh, sw], [dh, dw], [top, left]] =
            [self.kernel, self.stride, self.dilation, self.origin];
        let ends = [self.input, self.second, self.output, self.groups];
        let window = [kh, kw, sh, sw, dh, dw, top, left, self.channel];
        for (field, value) in bytes[4..30].chunks_exact_mut(2).zip(ends.into_iter().chain(window)) {
            field.copy_from_slice(&value.to_le_bytes());
        }
        let [low, high] = self.bounds;
        let offsets = [self.weights, self.bias, self.multipliers, low, high];
        for (field, value) in bytes[32..].chunks_exact_mut(4).zip(offsets) {
            field.copy_from_slice(&value.to_le_bytes());
        }
        bytes
    }

    pub(in crate::infer) fn parse(bytes: &[u8; OPERATOR_BYTES]) -> Result<Self, &'static str> {
        let pair = |at| [u16_at(bytes, at), u16_at(bytes, at + 2)];
        Ok(Self {
            kind: kind(bytes[0]).ok_or("no such kind")?,
            weights_element: weights_element(bytes[1]).ok_or("no such element of weights")?,
            divisor: if bytes[2] == 0 { Divisor::TapsInside } else { Divisor::AllTaps },
            input: u16_at(bytes, 4),
            second: u16_at(bytes, 6),
            output: u16_at(bytes, 8),
            groups: u16_at(bytes, 10),
            kernel: pair(12),
            stride: pair(16),
            dilation: pair(20),
            origin: pair(24),
            channel: u16_at(bytes, 28),
            weights: u32_at(bytes, 32),
            bias: u32_at(bytes, 36),
            multipliers: u32_at(bytes, 40),
            bounds: [u32_at(bytes, 44), u32_at(bytes, 48)],
        })
    }
}

const fn kind(byte: u8) -> Option<Kind> {
    Some(match byte {
        1 => Kind::Convolution,
        2 => Kind::MaxPool,
        3 => Kind::AveragePool,
        4 => Kind::Add,
        5 => Kind::Copy,
        6 => Kind::Fill,
        7 => Kind::Softmax,
        _ => return None,
    })
}

const fn weights_element(byte: u8) -> Option<Weights> {
    Some(match byte {
        0 => Weights::None,
        1 => Weights::F32,
        2 => Weights::F16,
        3 => Weights::I8,
        _ => return None,
    })
}
