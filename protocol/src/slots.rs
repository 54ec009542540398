//! A record that survives a power cut at any point of its writing: two places, written in turn.
//!
//! ```text
//! byte 0-3      serial, one more than that of the other place, little-endian
//!      4..n-4   content
//!      n-4..n   CRC-32 (IEEE 802.3) of all before, little-endian
//! ```
//! The place with a fitting checksum and the higher serial counts, the other one is written next. A cut while it is
//! written leaves a checksum that does not fit, and the record before it in the other place. Flash is erased to `ff`
//! first: a place of nothing but `ff` or nothing but `00` was never written.

/// Bytes that a place has besides its content.
pub const OVERHEAD_BYTES: usize = 8;

const SERIAL_BYTES: usize = 4;

/// One of the two places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Written first.
    First,
    /// Written second.
    Second,
}

/// Where the next record goes, and the serial that it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// Its place; the other one is left alone.
    pub place: Place,
    /// Its serial.
    pub serial: u32,
}

/// What both places hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// The content of the newest record; `None` when nothing was ever stored.
    pub content: Option<&'a [u8]>,
    /// Where to write next.
    pub next: Next,
}

/// Neither place holds a record, and neither is blank: the storage failed, and what was used is no longer known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("both places of the record are damaged")]
pub struct BothDamaged;

/// A place is too small, or not of the size that its content needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the record needs a place of {need_bytes} bytes, this one has {have_bytes}")]
pub struct WrongSize {
    /// Content and overhead.
    pub need_bytes: usize,
    /// Size of the place.
    pub have_bytes: usize,
}

/// Reads both places after a start.
pub fn read<'a>(first: &'a [u8], second: &'a [u8]) -> Result<Found<'a>, BothDamaged> {
    let newest = match (record(first), record(second)) {
        (Some(a), Some(b)) if a.0 > b.0 => Some((Place::Second, a)),
        (_, Some(b)) => Some((Place::First, b)),
        (Some(a), None) => Some((Place::Second, a)),
        (None, None) => None,
    };
    let place = match newest {
        Some((place, (serial, content))) => {
            let next = Next { place, serial: serial.saturating_add(1) };
            return Ok(Found { content: Some(content), next });
        }
        // A first write that was cut is repeated where it was, so that the other place stays blank.
        None if is_blank(second) => Place::First,
        None if is_blank(first) => Place::Second,
        None => return Err(BothDamaged),
    };
    Ok(Found { content: None, next: Next { place, serial: 1 } })
}

/// Writes what a place is to hold; it counts once all of it is stored.
pub fn write(serial: u32, content: &[u8], place: &mut [u8]) -> Result<(), WrongSize> {
    let (need_bytes, have_bytes) = (content.len() + OVERHEAD_BYTES, place.len());
    if need_bytes != have_bytes {
        return Err(WrongSize { need_bytes, have_bytes });
    }
    let (body, checksum) = place.split_at_mut(SERIAL_BYTES + content.len());
    body[..SERIAL_BYTES].copy_from_slice(&serial.to_le_bytes());
    body[SERIAL_BYTES..].copy_from_slice(content);
    checksum.copy_from_slice(&crc32(body).to_le_bytes());
    Ok(())
}

fn record(place: &[u8]) -> Option<(u32, &[u8])> {
    // The checksum of four `ff` is `ff` too.
    if is_blank(place) {
        return None;
    }
    let (body, checksum) = place.split_last_chunk::<4>()?;
    let (serial, content) = body.split_first_chunk()?;
    (crc32(body).to_le_bytes() == *checksum).then_some((u32::from_le_bytes(*serial), content))
}

fn is_blank(place: &[u8]) -> bool {
    place.iter().all(|&byte| byte == 0xff) || place.iter().all(|&byte| byte == 0)
}

/// CRC-32 of IEEE 802.3, bit by bit: records are rare and a table costs flash.
pub const fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    let mut index = 0;
    while index < bytes.len() {
        crc ^= bytes[index] as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
            bit += 1;
        }
        index += 1;
    }
    !crc
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    fn place(serial: u32, content: &[u8]) -> Vec<u8> {
        let mut place = vec![0; content.len() + OVERHEAD_BYTES];
        write(serial, content, &mut place).expect("the place was made to measure");
        place
    }

    /// The check value that every catalogue of CRCs gives for CRC-32/ISO-HDLC.
    #[test]
    fn the_checksum_is_crc_32() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn the_bytes_are_as_specified() {
        // The checksum by zlib.
        assert_eq!(hex::encode(place(0x0102_0304, &[0xaa, 0xbb])), "04030201aabbbe0563ce");
        let wrong = WrongSize { need_bytes: 10, have_bytes: 9 };
        assert_eq!(write(1, &[1, 2], &mut [0; 9]), Err(wrong));
    }

    #[test]
    fn the_newest_record_counts_and_the_other_place_is_next() {
        let (old, new, blank, torn) = (place(7, b"old"), place(8, b"new"), vec![0xff; 11], vec![3; 11]);
        let found = |content, place, serial| Ok(Found { content, next: Next { place, serial } });
        assert_eq!(read(&old, &new), found(Some(b"new".as_slice()), Place::First, 9));
        assert_eq!(read(&new, &old), found(Some(b"new".as_slice()), Place::Second, 9));
        assert_eq!(read(&old, &torn), found(Some(b"old".as_slice()), Place::Second, 8));
        assert_eq!(read(&blank, &old), found(Some(b"old".as_slice()), Place::First, 8));
        assert_eq!(read(&blank, &[0; 11]), found(None, Place::First, 1));
        assert_eq!(read(&torn, &blank), found(None, Place::First, 1));
        assert_eq!(read(&blank, &torn), found(None, Place::Second, 1));
        assert_eq!(read(&torn, &torn), Err(BothDamaged));
        assert_eq!(read(&[], &[]), found(None, Place::First, 1));
        assert_eq!(read(&[0xff; 8], &[0xff; 8]), found(None, Place::First, 1), "no content at all");
    }

    proptest! {
        /// Whatever part of a write reached the storage, the record before it or the new one is found.
        #[test]
        fn a_torn_write_loses_nothing(
            writes in proptest::collection::vec((any::<[u8; 5]>(), 0usize..=13, any::<[u8; 13]>()), 1..30),
        ) {
            let (mut places, mut stored) = ([[0xff; 13]; 2], None);
            for (content, kept, noise) in writes {
                let next = read(&places[0], &places[1]).unwrap().next;
                let mut whole = [0; 13];
                write(next.serial, &content, &mut whole).unwrap();
                let target = &mut places[next.place as usize];
                // Erased first, then written up to the cut; what was being written is anything.
                target.fill(0xff);
                target[..kept].copy_from_slice(&whole[..kept]);
                if let Some(byte) = target.get_mut(kept) {
                    *byte = noise[kept];
                }
                let is_whole = *target == whole;
                if is_whole {
                    stored = Some(content);
                }
                let found = read(&places[0], &places[1]).unwrap().content;
                prop_assert_eq!(found, stored.as_ref().map(|content| content.as_slice()));
            }
        }

        #[test]
        fn arbitrary_places_are_no_records(a in proptest::collection::vec(any::<u8>(), 0..60), b: Vec<u8>) {
            prop_assert!(read(&a, &b).map_or(true, |found| found.content.is_none()));
        }
    }
}
