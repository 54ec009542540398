//! The bytes of a network, little-endian: a header, tensors, operators, then whatever they point at.
//!
//! Header, 24 bytes:
//!
//! | byte | field |
//! | --- | --- |
//! | 0 | `CHNN` |
//! | 4 | version, u16: 1 |
//! | 6 | number of tensors, u16 |
//! | 8 | number of operators, u16, in the order of execution |
//! | 10 | input tensor, u16 |
//! | 12 | output tensor, u16 |
//! | 14 | 0, u16 |
//! | 16 | arena, u32, bytes |
//! | 20 | the whole image, u32, bytes |
//!
//! Tensor, 20 bytes. A tensor is `[height][width][channels]`; between the first channels of two neighbouring pixels
//! lie `pixel_stride` elements, so that a tensor can be some of the channels of a larger one and a concatenation
//! needs no copy:
//!
//! | byte | field |
//! | --- | --- |
//! | 0 | offset in the arena, u32, bytes |
//! | 4, 6, 8 | height, width, channels, u16 each, at least 1 |
//! | 10 | pixel stride, u16, elements, at least the channels |
//! | 12 | element, u8: 0 is f32, 1 is i8 |
//! | 13 | zero point, i8 |
//! | 14 | 0, u16 |
//! | 16 | scale, f32: an i8 stands for `scale * (value - zero point)` |
//!
//! Operator, 52 bytes. What it does not use is 0, its window 1:
//!
//! | byte | field |
//! | --- | --- |
//! | 0 | kind, u8: see [`Kind`] |
//! | 1 | element of the weights, u8: 0 none, 1 f32, 2 f16, 3 i8 |
//! | 2 | what an average divides by, u8: 0 the taps inside the input, 1 all taps |
//! | 3 | 0 |
//! | 4, 6, 8 | input, second input (that of an addition), output: u16 each |
//! | 10 | groups of a convolution, u16 |
//! | 12, 14 | kernel, height and width, u16 each |
//! | 16, 18 | stride |
//! | 20, 22 | dilation |
//! | 24, 26 | padding above and to the left; of a copy, row and column of the output that the first pixel goes to |
//! | 28 | of a copy, channel of the output that the first channel goes to, u16 |
//! | 30 | 0, u16 |
//! | 32 | weights, u32: offset in the image |
//! | 36 | bias, u32: offset in the image of f32 or i32 (scale: input times weights), one a channel; 0 for none |
//! | 40 | multipliers, u32: offset in the image |
//! | 44, 48 | lower and upper bound of the output, of its element: f32, or i8 in the first byte |
//!
//! Whoever carries an image to a node answers for its integrity; there is no checksum here.

/// First bytes of every image.
pub const MAGIC: [u8; 4] = *b"CHNN";
/// The only version.
pub const VERSION: u16 = 1;
/// Size of the header.
pub const HEADER_BYTES: usize = 24;
/// Size of a tensor's record.
pub const TENSOR_BYTES: usize = 20;
/// Size of an operator's record.
pub const OPERATOR_BYTES: usize = 52;

/// Why an image was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// Ends before what it announces.
    #[error("image has {have_bytes} bytes, needs {need_bytes}")]
    TooShort {
        /// What the header, the tables or the header's length ask for.
        need_bytes: usize,
        /// What there is.
        have_bytes: usize,
    },
    /// Does not begin with [`MAGIC`] and [`VERSION`].
    #[error("not an image of version {VERSION}")]
    Unknown,
    /// A tensor's record is contradictory or lies outside the arena.
    #[error("tensor {index}: {what}")]
    Tensor {
        /// Which one.
        index: u16,
        /// What is wrong.
        what: &'static str,
    },
    /// An operator's record is contradictory, or points outside the image.
    #[error("operator {index}: {what}")]
    Operator {
        /// Which one.
        index: u16,
        /// What is wrong.
        what: &'static str,
    },
    /// The header names an input or output that is none of the tensors.
    #[error("no tensor {index} for the network's {what}")]
    NoSuchTensor {
        /// Its number.
        index: u16,
        /// `input` or `output`.
        what: &'static str,
    },
}

/// What a tensor in the arena consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// Four bytes.
    F32,
    /// One byte.
    I8,
}

impl Element {
    /// Size of one.
    #[inline]
    pub const fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::I8 => 1,
        }
    }
}

/// What the weights of an operator consist of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// It has none.
    None,
    /// Four bytes each.
    F32,
    /// Two bytes each; computed with as f32.
    F16,
    /// One byte each, a scale a channel of the output.
    I8,
}

/// What an operator does. The number is that of its byte in the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 1: convolution, in groups; a dense layer is one with a kernel as large as its input. Weights
    /// `[output channel][kernel row][kernel column][input channel of the group]`; in i8 one multiplier a channel.
    Convolution,
    /// 2: largest of a window; in i8 input and output have the same scale.
    MaxPool,
    /// 3: mean of a window; in i8 one multiplier, input scale over output scale.
    AveragePool,
    /// 4: sum of two tensors of one shape; in i8 three multipliers: of each input, times 2^20, and of the sum.
    Add,
    /// 5: copies the input to a place in the output; between elements it quantises, in i8 it has one multiplier.
    Copy,
    /// 6: fills the output with its lower bound.
    Fill,
    /// 7: softmax over the channels of each pixel; in i8 `weights` points at 256 u16, `65535 exp(-scale i)`, and the
    /// output has scale 1/256 and zero point -128.
    Softmax,
}

/// Divisor of a mean at the edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Divisor {
    /// Taps within the input.
    TapsInside,
    /// All taps of the kernel, padding included.
    AllTaps,
}

/// A tensor's record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tensor {
    /// Bytes from the start of the arena.
    pub offset: u32,
    /// Rows.
    pub height: u16,
    /// Columns.
    pub width: u16,
    /// Channels.
    pub channels: u16,
    /// Elements from one pixel to the next.
    pub pixel_stride: u16,
    /// What it consists of.
    pub element: Element,
    /// The i8 that stands for zero.
    pub zero_point: i8,
    /// What a step of i8 is worth.
    pub scale: f32,
}

impl Tensor {
    /// How many numbers.
    pub const fn elements(&self) -> usize {
        self.height as usize * self.width as usize * self.channels as usize
    }

    /// Where a pixel's first channel lies in the arena.
    #[inline]
    pub(super) const fn at(&self, row: usize, column: usize) -> usize {
        let pixel = row * self.width as usize + column;
        self.offset as usize + pixel * self.pixel_stride as usize * self.element.bytes()
    }

    /// Its record.
    pub fn emit(&self) -> [u8; TENSOR_BYTES] {
        let mut bytes = [0; TENSOR_BYTES];
        bytes[0..4].copy_from_slice(&self.offset.to_le_bytes());
        let sizes = [self.height, self.width, self.channels, self.pixel_stride];
        for (field, size) in bytes[4..12].chunks_exact_mut(2).zip(sizes) {
            field.copy_from_slice(&size.to_le_bytes());
        }
        bytes[12] = matches!(self.element, Element::I8).into();
        bytes[13] = self.zero_point as u8;
        bytes[16..20].copy_from_slice(&self.scale.to_le_bytes());
        bytes
    }

    pub(super) fn parse(bytes: &[u8; TENSOR_BYTES]) -> Result<Self, &'static str> {
        let element = match bytes[12] {
            0 => Element::F32,
            1 => Element::I8,
            _ => return Err("no such element"),
        };
        Ok(Self {
            offset: u32_at(bytes, 0),
            height: u16_at(bytes, 4),
            width: u16_at(bytes, 6),
            channels: u16_at(bytes, 8),
            pixel_stride: u16_at(bytes, 10),
            element,
            zero_point: bytes[13] as i8,
            scale: f32::from_bits(u32_at(bytes, 16)),
        })
    }
}

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

    pub(super) fn parse(bytes: &[u8; OPERATOR_BYTES]) -> Result<Self, &'static str> {
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

pub(super) const fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

pub(super) const fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
