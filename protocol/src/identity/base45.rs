//! Base45 (RFC 9285): bytes as characters of a QR code's alphanumeric mode.
//!
//! Two bytes, as a number most significant byte first, become three characters, least significant first; a last odd
//! byte becomes two. Each character is a digit to base 45.

const ALPHABET: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

/// Text or buffer does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Base45Error {
    /// The lent buffer is too small.
    #[error("needs {need_bytes} bytes, the buffer has {have_bytes}")]
    BufferTooSmall {
        /// Bytes of the result.
        need_bytes: usize,
        /// Bytes of the buffer.
        have_bytes: usize,
    },
    /// No number of bytes has so many characters.
    #[error("{have_characters} characters cannot be base45 here")]
    WrongLength {
        /// How many.
        have_characters: usize,
    },
    /// A character outside the alphabet.
    #[error("character {position} does not belong to base45")]
    UnknownCharacter {
        /// Where, from zero.
        position: usize,
    },
    /// A group stands for more than its bytes can hold.
    #[error("the group at character {position} is too large")]
    TooLarge {
        /// Where the group begins, from zero.
        position: usize,
    },
}

/// Characters of `bytes` bytes.
pub const fn encoded_characters(bytes: usize) -> usize {
    bytes / 2 * 3 + bytes % 2 * 2
}

/// Bytes of `characters` characters; `None` when no number of bytes has so many.
pub const fn decoded_bytes(characters: usize) -> Option<usize> {
    match characters % 3 {
        0 => Some(characters / 3 * 2),
        2 => Some(characters / 3 * 2 + 1),
        _ => None,
    }
}

/// Writes `bytes` as text into `text` and returns the number of characters.
pub fn encode(bytes: &[u8], text: &mut [u8]) -> Result<usize, Base45Error> {
    let need_bytes = encoded_characters(bytes.len());
    let have_bytes = text.len();
    let text = text.get_mut(..need_bytes).ok_or(Base45Error::BufferTooSmall { need_bytes, have_bytes })?;
    for (group, characters) in bytes.chunks(2).zip(text.chunks_mut(3)) {
        let mut value = group.iter().fold(0, |value, &byte| value << 8 | usize::from(byte));
        for character in characters {
            *character = ALPHABET[value % 45];
            value /= 45;
        }
    }
    Ok(need_bytes)
}

/// Reads `text` into `bytes` and returns the number of bytes.
pub fn decode(text: &[u8], bytes: &mut [u8]) -> Result<usize, Base45Error> {
    let have_characters = text.len();
    let need_bytes = decoded_bytes(have_characters).ok_or(Base45Error::WrongLength { have_characters })?;
    let have_bytes = bytes.len();
    let bytes = bytes.get_mut(..need_bytes).ok_or(Base45Error::BufferTooSmall { need_bytes, have_bytes })?;
    for (index, (characters, group)) in text.chunks(3).zip(bytes.chunks_mut(2)).enumerate() {
        let value = value_of(characters, index * 3)?;
        if value >> (8 * group.len()) != 0 {
            return Err(Base45Error::TooLarge { position: index * 3 });
        }
        let first = 4 - group.len();
        group.copy_from_slice(&value.to_be_bytes()[first..]);
    }
    Ok(need_bytes)
}

/// What up to three characters stand for, at most 91,124.
fn value_of(characters: &[u8], start: usize) -> Result<u32, Base45Error> {
    characters.iter().enumerate().rev().try_fold(0, |value, (index, character)| {
        let digit = ALPHABET.iter().position(|known| known == character);
        let digit = digit.ok_or(Base45Error::UnknownCharacter { position: start + index })?;
        Ok(value * 45 + digit as u32)
    })
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 9285: the examples of 4.3 and 4.4, both ways.
    #[test]
    fn the_examples_of_rfc_9285() {
        let examples =
            [("AB", "BB8"), ("Hello!!", "%69 VD92EX0"), ("base-45", "UJCLQE7W581"), ("ietf!", "QED8WEX0")];
        for (plain, encoded) in examples {
            let (mut text, mut bytes) = ([0; 20], [0; 20]);
            let length = encode(plain.as_bytes(), &mut text).unwrap();
            assert_eq!(&text[..length], encoded.as_bytes());
            let length = decode(encoded.as_bytes(), &mut bytes).unwrap();
            assert_eq!(&bytes[..length], plain.as_bytes());
        }
    }

    /// By hand: FGW is 15 + 16 * 45 + 32 * 2,025 = 65,535; GGW is one more; 5 + 5 * 45 = 230 and U5 = 30 + 225 = 255.
    #[test]
    fn what_is_no_base45_is_refused() {
        let mut bytes = [0; 4];
        assert_eq!((decode(b"FGW", &mut bytes), &bytes[..2]), (Ok(2), &[255, 255][..]));
        assert_eq!((decode(b"U5", &mut bytes), bytes[0]), (Ok(1), 255));
        assert_eq!(decode(b"GGW", &mut bytes), Err(Base45Error::TooLarge { position: 0 }));
        assert_eq!(decode(b"000:::", &mut bytes), Err(Base45Error::TooLarge { position: 3 }));
        assert_eq!(decode(b"V5", &mut bytes), Err(Base45Error::TooLarge { position: 0 }));
        assert_eq!(decode(b"0000", &mut bytes), Err(Base45Error::WrongLength { have_characters: 4 }));
        assert_eq!(decode(b"00a", &mut bytes), Err(Base45Error::UnknownCharacter { position: 2 }));
        let too_small = Base45Error::BufferTooSmall { need_bytes: 6, have_bytes: 4 };
        assert_eq!(decode(b"000000000", &mut bytes), Err(too_small));
        let too_small = Base45Error::BufferTooSmall { need_bytes: 5, have_bytes: 4 };
        assert_eq!(encode(&[0; 3], &mut bytes), Err(too_small));
    }

    proptest! {
        #[test]
        fn bytes_survive(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let (mut text, mut again) = ([0; 90], [0; 60]);
            let characters = encode(&bytes, &mut text).unwrap();
            let length = decode(&text[..characters], &mut again).unwrap();
            prop_assert_eq!(&again[..length], &bytes[..]);
        }

        /// Each text has one meaning at most, and each meaning one text.
        #[test]
        fn what_decodes_is_encoded_again(text in "[0-9A-Z $%*+./:-]{0,30}") {
            let (mut bytes, mut again) = ([0; 30], [0; 40]);
            if let Ok(length) = decode(text.as_bytes(), &mut bytes) {
                let characters = encode(&bytes[..length], &mut again).unwrap();
                prop_assert_eq!(&again[..characters], text.as_bytes());
            }
        }

        #[test]
        fn arbitrary_text_never_panics(text in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut bytes = [0; 24];
            if let Ok(length) = decode(&text, &mut bytes) {
                prop_assert_eq!(Some(length), decoded_bytes(text.len()));
            }
        }
    }
}
