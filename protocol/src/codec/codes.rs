//! A block whose coordinates take a code of the same number of bits each, after a header of a few bits.
//!
//! ```text
//! start, LEB128; then in bits: header, a code for each coordinate; the last byte filled with ones
//! ```
//! No count travels: an encoder fills its payload, and a decoder refuses any other length.
use super::bits::{BitReader, BitWriter};
use super::block::{Block, read_start, write_start};
use super::{CodecError, scale};
use core::ops::Range;
use half::f16;

/// Bits of a scale: a half without its sign.
pub const SCALE_BITS: u32 = 15;

/// Bits of a number of bits from 1 to 8.
pub const WIDTH_BITS: u32 = 3;

/// Header of the codecs with a choice of width.
pub const HEADER_BITS: u32 = WIDTH_BITS + SCALE_BITS;

/// A block that is being written; the coordinates in it are known from the beginning.
pub struct CodesWriter<'a> {
    bits: BitWriter<'a>,
    start_bytes: usize,
    range: Range<usize>,
}

impl<'a> CodesWriter<'a> {
    /// Begins the block at `start` of an update of `params` coordinates, as large as `payload` allows.
    pub fn new(
        params: usize,
        start: usize,
        header_bits: u32,
        width: u32,
        payload: &'a mut [u8],
    ) -> Result<Self, CodecError> {
        let remaining = params.checked_sub(start).filter(|&remaining| remaining > 0);
        let remaining = remaining.ok_or(CodecError::IndexBeyondEnd { index: start, params })?;
        let have_bytes = payload.len();
        let (start_bytes, body) = write_start(start, payload)?;
        match count(body.len() * 8, header_bits, width).min(remaining) {
            0 => Err(CodecError::NoRoom { have_bytes }),
            count => Ok(Self { bits: BitWriter::new(body), start_bytes, range: start..start + count }),
        }
    }

    /// The coordinates in the block.
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    pub fn put(&mut self, value: u32, bits: u32) {
        self.bits.bits(value, bits).expect("the number of coordinates was chosen so that their codes fit");
    }

    /// A number of bits from 1 to 8.
    pub fn put_width(&mut self, bits: u8) {
        self.put(u32::from(bits) - 1, WIDTH_BITS);
    }

    pub fn put_scale(&mut self, scale: f16) {
        self.put(u32::from(scale.to_bits()), SCALE_BITS);
    }

    /// One bit a coordinate, 1 where it is negative.
    pub fn put_signs(&mut self, values: &[f32]) {
        values.iter().for_each(|&value| self.put(u32::from(value < 0.0), 1));
    }

    pub fn finish(self) -> Block {
        Block { bytes: self.start_bytes + self.bits.finish(), end: self.range.end }
    }
}

/// A block that is being read: the fields of its header, then [`CodesReader::codes`].
pub struct CodesReader<'a> {
    bits: BitReader<'a>,
    left_bits: usize,
    start: usize,
    params: usize,
}

impl<'a> CodesReader<'a> {
    pub fn new(payload: &'a [u8], params: usize) -> Result<Self, CodecError> {
        let (start, body) = read_start(payload, params)?;
        Ok(Self { bits: BitReader::new(body), left_bits: body.len() * 8, start, params })
    }

    pub fn field(&mut self, bits: u32) -> Result<u32, CodecError> {
        let value = self.bits.bits(bits).ok_or(CodecError::Truncated)?;
        self.left_bits -= bits as usize;
        Ok(value)
    }

    /// A number of bits from 1 to 8.
    pub fn width(&mut self) -> Result<u8, CodecError> {
        Ok(self.field(WIDTH_BITS)? as u8 + 1)
    }

    pub fn scale(&mut self) -> Result<f32, CodecError> {
        scale::read(self.field(SCALE_BITS)? as u16)
    }

    /// Decodes the codes, which are all that is left, one by one into the block's range of `update`.
    pub fn codes(
        mut self,
        width: u32,
        update: &mut [f32],
        mut decode: impl FnMut(u32) -> Result<f32, CodecError>,
    ) -> Result<Range<usize>, CodecError> {
        let range = self.start..self.start + count(self.left_bits, 0, width).min(self.params - self.start);
        if range.is_empty() {
            return Err(CodecError::Truncated);
        }
        for value in &mut update[range.clone()] {
            *value = decode(self.field(width)?)?;
        }
        self.end().map(|()| range)
    }

    /// Demands that only the ones which fill the last byte are left.
    fn end(self) -> Result<(), CodecError> {
        let (have_bytes, left_bytes) = (self.bits.bytes(), self.left_bits / 8);
        match self.bits.ones() {
            _ if left_bytes > 0 => {
                Err(CodecError::WrongLength { have_bytes, need_bytes: have_bytes - left_bytes })
            }
            true => Ok(()),
            false => Err(CodecError::BadField { field: "filling" }),
        }
    }
}

/// How many codes follow a header.
const fn count(room_bits: usize, header_bits: u32, width: u32) -> usize {
    room_bits.saturating_sub(header_bits as usize) / width as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_of_a_block_is_found_again() {
        for (width, room) in (1..=8).flat_map(|width| (6..64).map(move |room| (width, room))) {
            let mut payload = [0; 64];
            let mut writer = CodesWriter::new(140, 130, 5, width, &mut payload[..room]).unwrap();
            writer.put(21, 5);
            let codes = writer.range();
            codes.clone().for_each(|index| writer.put(index as u32 & 1, width));
            let block = writer.finish();
            assert!(block.bytes <= room && block.end == codes.end);
            let mut update = [9.0; 140];
            let mut reader = CodesReader::new(&payload[..block.bytes], 140).unwrap();
            assert_eq!(reader.field(5), Ok(21));
            let range = reader.codes(width, &mut update, |code| Ok(code as f32)).unwrap();
            assert_eq!(range, codes);
            assert!(range.clone().all(|index| update[index] == (index & 1) as f32));
            assert_eq!(update[129], 9.0);
        }
    }

    #[test]
    fn what_no_encoder_writes_is_refused() {
        let decode = |payload: &[u8]| {
            let mut reader = CodesReader::new(payload, 3)?;
            reader.field(2)?;
            reader.codes(3, &mut [0.0; 3], |code| Ok(code as f32))
        };
        // Start 1, header 10, codes 011 and 101.
        assert_eq!(decode(&[1, 0b1001_1101]), Ok(1..3));
        assert_eq!(
            decode(&[1, 0b1001_1101, 0xff]),
            Err(CodecError::WrongLength { have_bytes: 2, need_bytes: 1 })
        );
        assert_eq!(decode(&[2, 0b1001_1111]), Ok(2..3));
        assert_eq!(decode(&[2, 0b1001_1101]), Err(CodecError::BadField { field: "filling" }));
        assert_eq!(decode(&[1]), Err(CodecError::Truncated));
        assert_eq!(decode(&[3, 0xff]), Err(CodecError::IndexBeyondEnd { index: 3, params: 3 }));
    }

    #[test]
    fn a_block_has_a_coordinate() {
        assert_eq!(
            CodesWriter::new(9, 9, 0, 1, &mut [0; 9]).err(),
            Some(CodecError::IndexBeyondEnd { index: 9, params: 9 })
        );
        assert_eq!(
            CodesWriter::new(9, 0, 15, 2, &mut [0; 3]).err(),
            Some(CodecError::NoRoom { have_bytes: 3 })
        );
        assert_eq!(CodesWriter::new(9, 0, 14, 2, &mut [0; 3]).unwrap().range(), 0..1);
    }
}
