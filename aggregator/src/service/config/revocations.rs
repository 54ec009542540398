//! The revocation list on disk: signed by the root, so that it may be shared with whoever serves the federation.
use crate::private_file;
use chirrup_protocol::identity::revocation::{self, Revocation, RevocationError, RevocationList};
use chirrup_protocol::ids::DevEui;
use chirrup_protocol::manifest::TrustAnchor;
use ed25519_dalek::SigningKey;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The list could not be read, or a device not be revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevocationsError {
    /// The file cannot be read or written.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds no list that the root has signed.
    #[error("{}: {error}", .path.display())]
    List {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: RevocationError,
    },
    /// The device is on the list.
    #[error("{}: device {dev_eui} is revoked already, from second {from_s} on", .path.display())]
    AlreadyRevoked {
        /// The file.
        path: PathBuf,
        /// Which one.
        dev_eui: DevEui,
        /// Since when.
        from_s: u32,
    },
    /// Lists cannot be numbered any further.
    #[error("{}: the list has the last number there is", .path.display())]
    NoMoreNumbers {
        /// The file.
        path: PathBuf,
    },
}

/// Number and entries of the list; number zero and nobody while there is no file.
pub fn read(path: &Path, root: &TrustAnchor) -> Result<(u32, Vec<Revocation>), RevocationsError> {
    let bytes = match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((0, Vec::new())),
        bytes => bytes.map_err(|source| RevocationsError::Io { path: path.into(), source })?,
    };
    let list = RevocationList::verify(&bytes, root)
        .map_err(|error| RevocationsError::List { path: path.into(), error })?;
    Ok((list.number(), list.iter().collect()))
}

/// Adds a device to the list, which is created if it is missing, and returns the list's new number.
pub fn revoke(path: &Path, root: &SigningKey, revoked: Revocation) -> Result<u32, RevocationsError> {
    let (number, mut entries) = read(path, &TrustAnchor::of(root))?;
    match entries.binary_search_by_key(&revoked.dev_eui, |entry| entry.dev_eui) {
        Ok(index) => {
            let Revocation { dev_eui, from_s } = entries[index];
            return Err(RevocationsError::AlreadyRevoked { path: path.into(), dev_eui, from_s });
        }
        Err(place) => entries.insert(place, revoked),
    }
    let number =
        number.checked_add(1).ok_or_else(|| RevocationsError::NoMoreNumbers { path: path.into() })?;
    let mut bytes = vec![0; revocation::list_bytes(entries.len())];
    revocation::sign(number, &entries, root, &mut bytes)
        .map_err(|error| RevocationsError::List { path: path.into(), error })?;
    private_file::replace(path, |file| file.write_all(&bytes))
        .map_err(|source| RevocationsError::Io { path: path.into(), source })?;
    Ok(number)
}
