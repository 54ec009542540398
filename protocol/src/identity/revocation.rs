//! Who is no longer believed, for every aggregator and gateway of a federation.
//!
//! ```text
//! byte 0-17        "chirrup revocation"
//!      18          format, 1
//!      19-22       number of the list; of two lists the higher counts
//!      23-24       number n of entries
//!      25..+12 n   entries, ascending by DevEUI, each once: DevEUI, then the second of protocol time
//!                  from which on it is revoked
//!      then 64     Ed25519 signature by the root over everything before it
//! ```
use crate::ids::DevEui;
use crate::manifest::TrustAnchor;
use crate::wire::{Reader, Writer};
use core::cmp::Ordering;
use ed25519_dalek::{Signature, Signer, SigningKey};

const LABEL: &[u8; 18] = b"chirrup revocation";
const FORMAT: u8 = 1;
const HEADER_BYTES: usize = 25;
const ENTRY_BYTES: usize = 12;
const SIGNATURE_BYTES: usize = 64;

/// Bytes of a list with this many entries.
pub const fn list_bytes(entries: usize) -> usize {
    HEADER_BYTES + entries * ENTRY_BYTES + SIGNATURE_BYTES
}

/// One device that is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// The device.
    pub dev_eui: DevEui,
    /// From this second of protocol time on.
    pub from_s: u32,
}

/// A list whose signature verified, over lent bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevocationList<'a> {
    number: u32,
    entries: &'a [[u8; ENTRY_BYTES]],
}

/// A list was refused, or cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum RevocationError {
    /// Not the length that its number of entries demands.
    #[error("a list of these entries has {need_bytes} bytes, there are {have_bytes}")]
    WrongLength {
        /// Bytes of such a list.
        need_bytes: usize,
        /// Bytes that there are.
        have_bytes: usize,
    },
    /// Not a revocation list of this format.
    #[error("not a revocation list of format {FORMAT}")]
    Malformed,
    /// The signature is not the root's.
    #[error("signature does not verify")]
    BadSignature,
    /// An entry does not follow the one before it.
    #[error("entry {entry} is out of order, or repeats the one before it")]
    Unordered {
        /// Which one, from zero.
        entry: usize,
    },
    /// More entries than a list can have.
    #[error("a list has at most 65535 entries, not {entries}")]
    TooMany {
        /// How many.
        entries: usize,
    },
}

impl<'a> RevocationList<'a> {
    /// Reads a list, and checks length, signature and order.
    pub fn verify(bytes: &'a [u8], root: &TrustAnchor) -> Result<Self, RevocationError> {
        let (number, entries) = Self::layout(bytes)?;
        let (signed, signature) =
            bytes.split_last_chunk::<SIGNATURE_BYTES>().ok_or(RevocationError::Malformed)?;
        if !root.believes(signed, &Signature::from_bytes(signature)) {
            return Err(RevocationError::BadSignature);
        }
        check_order(entries.iter().map(dev_eui_of))?;
        Ok(Self { number, entries })
    }

    /// The number and the entries, before anything is believed.
    fn layout(bytes: &'a [u8]) -> Result<(u32, &'a [[u8; ENTRY_BYTES]]), RevocationError> {
        let have_bytes = bytes.len();
        let too_short = RevocationError::WrongLength { need_bytes: list_bytes(0), have_bytes };
        let mut reader = Reader::new(bytes);
        if reader.array().ok_or(too_short)? != *LABEL || reader.u8().ok_or(too_short)? != FORMAT {
            return Err(RevocationError::Malformed);
        }
        let number = reader.u32().ok_or(too_short)?;
        let count = usize::from(reader.u16().ok_or(too_short)?);
        let need_bytes = list_bytes(count);
        if have_bytes != need_bytes {
            return Err(RevocationError::WrongLength { need_bytes, have_bytes });
        }
        let entries = reader.bytes(count * ENTRY_BYTES).ok_or(too_short)?;
        Ok((number, entries.as_chunks().0))
    }

    /// The list's number.
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// How many devices are revoked.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nobody is revoked.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Who is revoked, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = Revocation> + 'a {
        self.entries.iter().map(revocation_of)
    }

    /// From which second on a device is revoked; `None` when it is not.
    pub fn revoked_from_s(&self, dev_eui: DevEui) -> Option<u32> {
        let found = self.entries.binary_search_by(|entry| dev_eui_of(entry).cmp(&dev_eui));
        found.ok().map(|index| revocation_of(&self.entries[index]).from_s)
    }
}

/// Writes and signs a list of entries in ascending order, and returns its length.
pub fn sign(
    number: u32,
    entries: &[Revocation],
    root: &SigningKey,
    buffer: &mut [u8],
) -> Result<usize, RevocationError> {
    let count = u16::try_from(entries.len());
    let count = count.map_err(|_| RevocationError::TooMany { entries: entries.len() })?;
    check_order(entries.iter().map(|entry| entry.dev_eui))?;
    let (need_bytes, have_bytes) = (list_bytes(entries.len()), buffer.len());
    let wrong_length = RevocationError::WrongLength { need_bytes, have_bytes };
    let (signed, place) = buffer
        .get_mut(..need_bytes)
        .and_then(<[u8]>::split_last_chunk_mut::<SIGNATURE_BYTES>)
        .ok_or(wrong_length)?;
    write_signed_part(signed, number, count, entries).ok_or(wrong_length)?;
    *place = root.sign(signed).to_bytes();
    Ok(need_bytes)
}

fn write_signed_part(signed: &mut [u8], number: u32, count: u16, entries: &[Revocation]) -> Option<()> {
    let mut writer = Writer::new(signed);
    writer.bytes(LABEL)?;
    writer.u8(FORMAT)?;
    writer.u32(number)?;
    writer.u16(count)?;
    entries.iter().try_for_each(|entry| {
        writer.bytes(&entry.dev_eui.0)?;
        writer.u32(entry.from_s)
    })
}

fn check_order(mut dev_euis: impl Iterator<Item = DevEui>) -> Result<(), RevocationError> {
    let Some(mut before) = dev_euis.next() else { return Ok(()) };
    for (entry, dev_eui) in (1..).zip(dev_euis) {
        if dev_eui.cmp(&before) != Ordering::Greater {
            return Err(RevocationError::Unordered { entry });
        }
        before = dev_eui;
    }
    Ok(())
}

fn dev_eui_of(entry: &[u8; ENTRY_BYTES]) -> DevEui {
    DevEui(core::array::from_fn(|index| entry[index]))
}

fn revocation_of(entry: &[u8; ENTRY_BYTES]) -> Revocation {
    let from_s = u32::from_le_bytes(core::array::from_fn(|index| entry[8 + index]));
    Revocation { dev_eui: dev_eui_of(entry), from_s }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::vec::Vec;

    fn root() -> SigningKey {
        SigningKey::from_bytes(&[3; 32])
    }

    fn anchor() -> TrustAnchor {
        TrustAnchor::of(&root())
    }

    fn entry(dev_eui: u64, from_s: u32) -> Revocation {
        Revocation { dev_eui: DevEui::from_u64(dev_eui), from_s }
    }

    fn signed(number: u32, entries: &[Revocation]) -> Vec<u8> {
        let mut bytes = std::vec![0; list_bytes(entries.len())];
        assert_eq!(sign(number, entries, &root(), &mut bytes), Ok(bytes.len()));
        bytes
    }

    #[test]
    fn the_bytes_are_as_specified() {
        let bytes = signed(7, &[entry(1, 100), entry(0x0102_0304_0506_0708, 0x0a0b_0c0d)]);
        let body = "6368697272757020 7265766f636174696f6e 01 07000000 0200
                    0000000000000001 64000000 0102030405060708 0d0c0b0a";
        let body: std::string::String = body.split_whitespace().collect();
        assert_eq!(hex::encode(&bytes[..49]), body);
        let list = RevocationList::verify(&bytes, &anchor()).unwrap();
        assert_eq!((list.number(), list.len(), list.is_empty()), (7, 2, false));
        assert_eq!(list.revoked_from_s(DevEui::from_u64(1)), Some(100));
        assert_eq!(list.revoked_from_s(DevEui::from_u64(2)), None);
        assert!(RevocationList::verify(&signed(0, &[]), &anchor()).unwrap().is_empty());
    }

    #[test]
    fn what_is_altered_out_of_order_or_by_another_is_refused() {
        let whole = signed(7, &[entry(1, 100), entry(2, 200), entry(3, 300)]);
        for bit in 0..whole.len() * 8 {
            let mut altered = whole.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(RevocationList::verify(&altered, &anchor()).is_err(), "bit {bit}");
        }
        let stranger = TrustAnchor::of(&SigningKey::from_bytes(&[4; 32]));
        assert_eq!(RevocationList::verify(&whole, &stranger), Err(RevocationError::BadSignature));
        let wrong = RevocationError::WrongLength { need_bytes: 125, have_bytes: 124 };
        assert_eq!(RevocationList::verify(&whole[..124], &anchor()), Err(wrong));
        for (entries, at) in [([entry(2, 0), entry(1, 0)], 1), ([entry(2, 0), entry(2, 9)], 1)] {
            let mut bytes = [0; list_bytes(2)];
            let unordered = RevocationError::Unordered { entry: at };
            assert_eq!(sign(1, &entries, &root(), &mut bytes), Err(unordered));
            // A root that signs it all the same does not make it a list.
            let (signed, place) = bytes.split_last_chunk_mut::<64>().unwrap();
            write_signed_part(signed, 1, 2, &entries).unwrap();
            *place = root().sign(signed).to_bytes();
            assert_eq!(RevocationList::verify(&bytes, &anchor()), Err(unordered));
        }
    }

    #[test]
    fn a_list_that_does_not_fit_is_refused() {
        let wrong = RevocationError::WrongLength { need_bytes: 101, have_bytes: 100 };
        assert_eq!(sign(1, &[entry(1, 0)], &root(), &mut [0; 100]), Err(wrong));
        let many: Vec<Revocation> = (0..65_536).map(|index| entry(index, 0)).collect();
        let too_many = RevocationError::TooMany { entries: 65_536 };
        assert_eq!(sign(1, &many, &root(), &mut [0; 100]), Err(too_many));
    }

    proptest! {
        #[test]
        fn whoever_is_on_the_list_is_found(
            entries: BTreeMap<[u8; 8], u32>, others: Vec<[u8; 8]>, number: u32,
        ) {
            let revocation = |(&dev_eui, &from_s): (&[u8; 8], &u32)| Revocation { dev_eui: DevEui(dev_eui), from_s };
            let list: Vec<Revocation> = entries.iter().map(revocation).collect();
            let bytes = signed(number, &list);
            let read = RevocationList::verify(&bytes, &anchor()).unwrap();
            prop_assert_eq!(read.number(), number);
            prop_assert_eq!(read.iter().collect::<Vec<_>>(), list);
            for dev_eui in entries.keys().chain(&others) {
                prop_assert_eq!(read.revoked_from_s(DevEui(*dev_eui)), entries.get(dev_eui).copied());
            }
        }

        #[test]
        fn arbitrary_bytes_never_verify(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..200), begins_well: bool,
        ) {
            if begins_well && bytes.len() >= HEADER_BYTES {
                bytes[..18].copy_from_slice(LABEL);
                bytes[18..25].copy_from_slice(&[1, 0, 0, 0, 0, 5, 0]);
            }
            prop_assert!(RevocationList::verify(&bytes, &anchor()).is_err());
        }
    }
}
