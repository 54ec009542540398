//! A tensor's record.
use super::{Element, TENSOR_BYTES, u16_at, u32_at};

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
    pub(in crate::infer) const fn at(&self, row: usize, column: usize) -> usize {
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

    pub(in crate::infer) fn parse(bytes: &[u8; TENSOR_BYTES]) -> Result<Self, &'static str> {
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
