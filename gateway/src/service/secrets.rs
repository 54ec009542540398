//! Files that hold keys: theirs alone to read.
use std::path::{Path, PathBuf};

/// A file with secrets cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others than its owner may touch it.
    #[error("{} holds secrets, but its mode is {mode:o}: take all rights from group and others", path.display())]
    Exposed {
        /// Which one.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It does not hold what it should. What it holds is not shown.
    #[error("{} does not hold the keys that it should", path.display())]
    Malformed {
        /// Which one.
        path: PathBuf,
    },
}

/// Reads a text that group and others cannot.
///
/// # Errors
/// See [`SecretError`].
pub fn read(path: &Path) -> Result<String, SecretError> {
    let unreadable = |source| SecretError::Unreadable { path: path.to_owned(), source };
    let mut file = std::fs::File::open(path).map_err(unreadable)?;
    // Asked of the open file: a path could change its meaning in between.
    check_mode(path, &file.metadata().map_err(unreadable)?)?;
    let mut text = String::new();
    std::io::Read::read_to_string(&mut file, &mut text).map_err(unreadable)?;
    Ok(text)
}

/// Reads a secret of one line.
///
/// # Errors
/// See [`SecretError`].
pub fn line(path: &Path) -> Result<String, SecretError> {
    read(path).map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Reads a key of 32 bytes, written as 64 hexadecimal digits.
///
/// # Errors
/// See [`SecretError`].
pub fn key(path: &Path) -> Result<[u8; 32], SecretError> {
    let mut key = [0; 32];
    hex::decode_to_slice(line(path)?.trim(), &mut key)
        .map_err(|_| SecretError::Malformed { path: path.to_owned() })?;
    Ok(key)
}

#[cfg(unix)]
fn check_mode(path: &Path, metadata: &std::fs::Metadata) -> Result<(), SecretError> {
    use std::os::unix::fs::MetadataExt;
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(SecretError::Exposed { path: path.to_owned(), mode });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_mode(_path: &Path, _metadata: &std::fs::Metadata) -> Result<(), SecretError> {
    Ok(())
}
