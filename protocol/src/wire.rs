//! Cursors over lent bytes. Numbers are little-endian unless a message says otherwise.

/// Reads a slice from front to back; `None` once it is exhausted.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.rest)
    }

    pub fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(head)
    }

    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn f16(&mut self) -> Option<f32> {
        self.u16().map(|bits| half::f16::from_bits(bits).to_f32())
    }

    pub fn f32(&mut self) -> Option<f32> {
        self.u32().map(f32::from_bits)
    }

    /// An unsigned LEB128 number of at most `u32::MAX`.
    pub fn varint(&mut self) -> Option<u32> {
        let mut value = 0u64;
        for shift in (0..35).step_by(7) {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(value).ok();
            }
        }
        None
    }
}

/// Fills a slice from front to back; `None` once it is full.
#[derive(Debug)]
pub struct Writer<'a> {
    bytes: &'a mut [u8],
    used: usize,
}

impl<'a> Writer<'a> {
    pub const fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, used: 0 }
    }

    pub const fn used(&self) -> usize {
        self.used
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.used.checked_add(bytes.len())?;
        self.bytes.get_mut(self.used..end)?.copy_from_slice(bytes);
        self.used = end;
        Some(())
    }

    pub fn u8(&mut self, value: u8) -> Option<()> {
        self.bytes(&[value])
    }

    pub fn u16(&mut self, value: u16) -> Option<()> {
        self.bytes(&value.to_le_bytes())
    }

    pub fn u32(&mut self, value: u32) -> Option<()> {
        self.bytes(&value.to_le_bytes())
    }

    pub fn f16(&mut self, value: f32) -> Option<()> {
        self.u16(half::f16::from_f32(value).to_bits())
    }

    pub fn f32(&mut self, value: f32) -> Option<()> {
        self.u32(value.to_bits())
    }

    pub fn varint(&mut self, mut value: u32) -> Option<()> {
        while value >= 0x80 {
            self.u8(value as u8 | 0x80)?;
            value >>= 7;
        }
        self.u8(value as u8)
    }
}

/// Bytes that [`Writer::varint`] takes for a value.
pub const fn varint_bytes(value: u32) -> usize {
    (if value == 0 { 1 } else { 32 - value.leading_zeros() as usize }).div_ceil(7)
}

/// The value nearest to `expected` among those whose low `bits` bits are `low`.
pub const fn nearest(low: u64, bits: u32, expected: u64) -> u64 {
    let period = 1u64 << bits;
    let base = expected & !(period - 1) | low;
    if base > expected && base - expected > period / 2 && base >= period {
        base - period
    } else if expected > base && expected - base > period / 2 {
        base + period
    } else {
        base
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_varint_survives(value: u32) {
            let mut bytes = [0; 5];
            let mut writer = Writer::new(&mut bytes);
            writer.varint(value).unwrap();
            let used = writer.used();
            prop_assert_eq!(used, varint_bytes(value));
            prop_assert_eq!(Reader::new(&bytes[..used]).varint(), Some(value));
        }

        #[test]
        fn the_nearest_value_is_found_from_its_low_bits(expected in 0u64..1 << 40, offset in -127i64..=127) {
            let value = expected.saturating_add_signed(offset);
            prop_assert_eq!(nearest(value & 0xff, 8, expected), value);
        }
    }
}
