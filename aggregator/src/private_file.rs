//! Files with secrets: readable by their owner alone from their first byte on, and replaced as a whole.
use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// Replaces `path` with what `write` writes, once all of it is on the disk.
pub fn replace<T>(path: &Path, write: impl FnOnce(&mut File) -> io::Result<T>) -> io::Result<T> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = Path::new(&partial);
    let mut file = create(partial)?;
    let written = write(&mut file)?;
    file.sync_all()?;
    std::fs::rename(partial, path)?;
    Ok(written)
}

/// A leftover is removed first: opening it would keep its permissions.
fn create(path: &Path) -> io::Result<File> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
