//! Records as text, for a QR code, a label or a command line: a prefix, then base45.
//!
//! A reader ignores white space around the text. As the records have an even number of bytes, the last character
//! stands for at most 65,535 / 45^2 = 32, so it is never the space of base45.
use super::{IdentityError, base45};

/// Characters of every prefix.
pub const PREFIX_CHARACTERS: usize = 11;

/// Characters of a record of `bytes` bytes.
pub const fn characters(bytes: usize) -> usize {
    PREFIX_CHARACTERS + base45::encoded_characters(bytes)
}

/// Writes a record into `text`, which it must fill.
pub(super) fn write<'t>(prefix: &'static str, record: &[u8], text: &'t mut [u8]) -> &'t str {
    text[..PREFIX_CHARACTERS].copy_from_slice(prefix.as_bytes());
    let written = base45::encode(record, &mut text[PREFIX_CHARACTERS..]);
    written.expect("the caller sized the text by `characters`");
    core::str::from_utf8(text).expect("prefix and base45 are ASCII")
}

/// Reads a record of `N` bytes.
pub(super) fn read<const N: usize>(prefix: &'static str, text: &str) -> Result<[u8; N], IdentityError> {
    let encoded = text.trim().strip_prefix(prefix).ok_or(IdentityError::WrongPrefix { prefix })?;
    let have_characters = encoded.len();
    if have_characters != base45::encoded_characters(N) {
        return Err(base45::Base45Error::WrongLength { have_characters }.into());
    }
    let mut record = [0; N];
    base45::decode(encoded.as_bytes(), &mut record)?;
    Ok(record)
}
