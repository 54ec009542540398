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

mod operator;
mod tensor;

pub use operator::Operator;
pub use tensor::Tensor;

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

pub(in crate::infer) const fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

pub(in crate::infer) const fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
