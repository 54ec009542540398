//! Secrets live in files that nobody but their owner may read.
use crate::private_file;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A secret could not be read or stored.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file system refused.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others may read the file.
    #[error("{}: group or others may read this secret (mode {mode:03o}); run: chmod 600 {}", .path.display(), .path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file does not hold 32 bytes in hexadecimal.
    #[error("{}: expected 64 hexadecimal digits, found {have}", .path.display())]
    NotAKey {
        /// The file.
        path: PathBuf,
        /// How many characters it has.
        have: usize,
    },
}

/// Reads a text file that must not be readable by group or others.
pub fn read_private(path: &Path) -> Result<String, SecretError> {
    check_mode(path)?;
    std::fs::read_to_string(path).map_err(|source| SecretError::Io { path: path.into(), source })
}

/// Reads a file with 32 bytes in hexadecimal.
pub fn read_key(path: &Path) -> Result<[u8; 32], SecretError> {
    let text = read_private(path)?;
    let text = text.trim();
    parse_key(text).ok_or_else(|| SecretError::NotAKey { path: path.into(), have: text.chars().count() })
}

/// 32 bytes from 64 hexadecimal digits.
pub fn parse_key(text: &str) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    hex::decode_to_slice(text, &mut key).ok().map(|()| key)
}

/// Replaces a file as a whole with one that its owner alone may read.
pub fn write_private(path: &Path, text: &str) -> Result<(), SecretError> {
    private_file::replace(path, |file| file.write_all(text.as_bytes()))
        .map_err(|source| SecretError::Io { path: path.into(), source })
}

#[cfg(unix)]
fn check_mode(path: &Path) -> Result<(), SecretError> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = std::fs::metadata(path).map_err(|source| SecretError::Io { path: path.into(), source })?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(SecretError::Exposed { path: path.into(), mode }) }
}

#[cfg(not(unix))]
fn check_mode(_path: &Path) -> Result<(), SecretError> {
    Ok(())
}
