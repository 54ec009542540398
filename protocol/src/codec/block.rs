//! The place of a block within an update: where it starts travels, where it ends follows from its length.
use super::CodecError;
use crate::wire::{Reader, Writer, varint_bytes};

/// What an encoder of a client update wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Bytes of the payload.
    pub bytes: usize,
    /// One beyond the last coordinate in it.
    pub end: usize,
}

/// Writes `start` (LEB128) and returns what remains of the payload after it.
pub fn write_start(start: usize, payload: &mut [u8]) -> Result<(usize, &mut [u8]), CodecError> {
    let have_bytes = payload.len();
    let used = varint_bytes(start as u32);
    let mut writer = Writer::new(payload);
    writer.varint(start as u32).ok_or(CodecError::NoRoom { have_bytes })?;
    Ok((used, &mut payload[used..]))
}

/// Reads where a block starts, and what follows. A start beyond the last of `params` is refused.
pub fn read_start(payload: &[u8], params: usize) -> Result<(usize, &[u8]), CodecError> {
    let mut reader = Reader::new(payload);
    let index = reader.varint().ok_or(CodecError::Truncated)? as usize;
    if index >= params {
        return Err(CodecError::IndexBeyondEnd { index, params });
    }
    Ok((index, reader.rest()))
}

/// How many coordinates of `bits` bits each a block of `body_bytes` holds, when `remaining` are left to send. At
/// least one must fit.
pub fn fixed_width_count(body_bytes: usize, bits: u32, remaining: usize) -> Result<usize, CodecError> {
    match remaining.min(body_bytes * 8 / bits as usize) {
        0 => Err(CodecError::NoRoom { have_bytes: body_bytes }),
        count => Ok(count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_takes_as_few_bytes_as_it_can() {
        let mut payload = [0; 4];
        assert_eq!(write_start(127, &mut payload).unwrap().0, 1);
        assert_eq!(write_start(300, &mut payload).unwrap().0, 2);
        assert_eq!(payload[..2], [0xac, 2]);
        assert_eq!(read_start(&payload, 301), Ok((300, &payload[2..])));
        assert_eq!(read_start(&payload, 300), Err(CodecError::IndexBeyondEnd { index: 300, params: 300 }));
        assert_eq!(read_start(&payload[..1], 301), Err(CodecError::Truncated));
        assert_eq!(write_start(300, &mut payload[..1]).unwrap_err(), CodecError::NoRoom { have_bytes: 1 });
    }

    #[test]
    fn the_length_of_a_block_tells_its_count() {
        // For every width, the count that an encoder chose is the one that a decoder finds from the bytes used.
        for bits in 1..=32 {
            for body_bytes in 4..64 {
                let count = fixed_width_count(body_bytes, bits, 40).unwrap();
                let used = (count * bits as usize).div_ceil(8);
                assert!(used <= body_bytes);
                assert_eq!(fixed_width_count(used, bits, 40), Ok(count));
            }
        }
        assert_eq!(fixed_width_count(0, 8, 40), Err(CodecError::NoRoom { have_bytes: 0 }));
    }
}
