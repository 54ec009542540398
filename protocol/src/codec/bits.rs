//! Bits in bytes, most significant first.

/// Appends bits to a slice. What remains of the last byte is filled by [`BitWriter::finish`].
pub struct BitWriter<'a> {
    bytes: &'a mut [u8],
    used_bits: usize,
}

impl<'a> BitWriter<'a> {
    pub const fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, used_bits: 0 }
    }

    pub fn bit(&mut self, set: bool) -> Option<()> {
        let byte = self.bytes.get_mut(self.used_bits / 8)?;
        let mask = 0x80 >> (self.used_bits % 8);
        *byte = if set { *byte | mask } else { *byte & !mask };
        self.used_bits += 1;
        Some(())
    }

    /// The low `count` bits of `value`.
    pub fn bits(&mut self, value: u32, count: u32) -> Option<()> {
        (0..count).rev().try_for_each(|index| self.bit(value >> index & 1 == 1))
    }

    /// Fills the last byte with ones and returns the number of bytes.
    pub fn finish(mut self) -> usize {
        while !self.used_bits.is_multiple_of(8) {
            self.bit(true).expect("the byte exists, as it holds a bit already");
        }
        self.used_bits / 8
    }
}

/// Reads bits; `None` once they are exhausted.
#[derive(Clone, Debug)]
pub struct BitReader<'a> {
    bytes: &'a [u8],
    used_bits: usize,
}

impl<'a> BitReader<'a> {
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, used_bits: 0 }
    }

    /// How many bytes there were.
    pub const fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub fn bit(&mut self) -> Option<bool> {
        let byte = self.bytes.get(self.used_bits / 8)?;
        let set = byte & 0x80 >> (self.used_bits % 8) != 0;
        self.used_bits += 1;
        Some(set)
    }

    pub fn bits(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0, |value, _| Some(value << 1 | u32::from(self.bit()?)))
    }

    /// Whether all that is left are fewer than eight ones: what [`BitWriter::finish`] fills with.
    pub fn ones(mut self) -> bool {
        let left = self.remaining();
        left < 8 && (0..left).all(|_| self.bit() == Some(true))
    }

    /// Bits that were not read.
    pub const fn remaining(&self) -> usize {
        self.bytes.len() * 8 - self.used_bits
    }
}

/// Bits of a Golomb-Rice code: `value >> parameter` ones, a zero, then the low `parameter` bits.
pub const fn rice_bits(value: u32, parameter: u32) -> u32 {
    (value >> parameter) + 1 + parameter
}
