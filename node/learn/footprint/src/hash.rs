//! FNV-1a (Fowler, Noll and Vo), 64 bits.

/// A running hash.
#[derive(Clone, Copy, Debug)]
pub struct Hash(u64);

impl Default for Hash {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hash {
    /// Adds bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }

    /// Adds a number.
    pub fn word(&mut self, word: u32) {
        self.bytes(&word.to_le_bytes());
    }

    /// Adds the bits of numbers.
    pub fn floats(&mut self, values: &[f32]) {
        values.iter().for_each(|value| self.word(value.to_bits()));
    }

    /// The hash of all that was added.
    pub const fn value(self) -> u64 {
        self.0
    }
}
