//! The enrolment list: a TOML file with one `[[device]]` table a device.
use super::secrets::{self, SecretError};
use crate::core::federation::Enrolled;
use chirrup_protocol::ids::{DevEui, ParseIdError};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The list could not be read, or a device not be added.
#[derive(Debug, thiserror::Error)]
pub enum DevicesError {
    /// The file is missing, exposed or cannot be written.
    #[error(transparent)]
    File(#[from] SecretError),
    /// The file is not the TOML that it should be.
    #[error("{}: {message}", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What the parser says, with the line.
        message: String,
    },
    /// An identity that is none.
    #[error("{}: dev_eui of device {number}: {error}", .path.display())]
    DevEui {
        /// The file.
        path: PathBuf,
        /// Which table, from one.
        number: usize,
        /// What is wrong.
        error: ParseIdError,
    },
    /// A secret that is none. It is not shown.
    #[error("{}: the secret of device {dev_eui} is not 64 hexadecimal digits", .path.display())]
    Secret {
        /// The file.
        path: PathBuf,
        /// Whose.
        dev_eui: DevEui,
    },
    /// The device is on the list.
    #[error("{}: device {dev_eui} is enrolled already", .path.display())]
    AlreadyEnrolled {
        /// The file.
        path: PathBuf,
        /// Which one.
        dev_eui: DevEui,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    device: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    dev_eui: String,
    secret: String,
}

/// Reads the list.
pub fn read(path: &Path) -> Result<Vec<Enrolled>, DevicesError> {
    parse(path, &secrets::read_private(path)?)
}

/// Adds a device to the list, which is created if it is missing.
pub fn enroll(path: &Path, device: &Enrolled) -> Result<(), DevicesError> {
    let mut text = if path.exists() { secrets::read_private(path)? } else { HEADING.to_owned() };
    if parse(path, &text)?.iter().any(|enrolled| enrolled.dev_eui == device.dev_eui) {
        return Err(DevicesError::AlreadyEnrolled { path: path.into(), dev_eui: device.dev_eui });
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    let secret = hex::encode(device.secret);
    text.push_str(&format!("\n[[device]]\ndev_eui = \"{}\"\nsecret = \"{secret}\"\n", device.dev_eui));
    Ok(secrets::write_private(path, &text)?)
}

const HEADING: &str = "# Devices that may contribute, each with the secret it shares with the aggregator.\n";

fn parse(path: &Path, text: &str) -> Result<Vec<Enrolled>, DevicesError> {
    let file: File = toml::from_str(text).map_err(|error| {
        // The parser's own text would show the line, and with it a secret.
        let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        DevicesError::Syntax { path: path.into(), message: format!("line {line}: {}", error.message()) }
    })?;
    let entries = file.device.iter().enumerate();
    entries.map(|(index, entry)| enrolled(path, index + 1, entry)).collect()
}

fn enrolled(path: &Path, number: usize, entry: &Entry) -> Result<Enrolled, DevicesError> {
    let dev_eui = entry.dev_eui.parse();
    let dev_eui = dev_eui.map_err(|error| DevicesError::DevEui { path: path.into(), number, error })?;
    let secret = secrets::parse_key(&entry.secret);
    let secret = secret.ok_or_else(|| DevicesError::Secret { path: path.into(), dev_eui })?;
    Ok(Enrolled { dev_eui, secret })
}
