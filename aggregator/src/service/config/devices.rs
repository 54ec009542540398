//! The enrolment list: a TOML file with one `[[device]]` table a device. It holds no secret; who can write it decides
//! who may contribute.
use super::secrets;
use chirrup_protocol::identity::{
    AgreementError, AgreementKey, AgreementPublicKey, Enrolment, aggregator_keys::FIRST_GENERATION,
};
use chirrup_protocol::ids::{DevEui, ParseIdError};
use chirrup_protocol::manifest::TrustAnchor;
use chirrup_protocol::seal::DeviceSecret;
use serde::Deserialize;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The list could not be read, or a device not be added.
#[derive(Debug, thiserror::Error)]
pub enum DevicesError {
    /// The file is missing or cannot be written.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not the TOML that it should be.
    #[error("{}: {source}", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What the parser says; it names the line.
        source: toml::de::Error,
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
    /// A public key that is none.
    #[error("{}: `{field}` of device {dev_eui} is not a public key of 64 hexadecimal digits", .path.display())]
    PublicKey {
        /// The file.
        path: PathBuf,
        /// Whose.
        dev_eui: DevEui,
        /// Which one.
        field: &'static str,
    },
    /// A key with which there is no agreement.
    #[error("device {dev_eui}: {error}")]
    Agreement {
        /// Whose.
        dev_eui: DevEui,
        /// Why.
        error: AgreementError,
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

/// A device on the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The device.
    pub dev_eui: DevEui,
    /// Verifies what it signs.
    pub identity: TrustAnchor,
    /// Its side of the agreement.
    pub agreement: AgreementPublicKey,
}

impl From<Enrolment> for Device {
    fn from(Enrolment { dev_eui, identity, agreement }: Enrolment) -> Self {
        Self { dev_eui, identity, agreement }
    }
}

impl Device {
    /// The secret that the device shares with the aggregator that has this key.
    pub fn secret(&self, key: &AgreementKey) -> Result<DeviceSecret, DevicesError> {
        let dev_eui = self.dev_eui;
        let secret = key.device_secret(dev_eui, self.agreement, FIRST_GENERATION);
        secret.map_err(|error| DevicesError::Agreement { dev_eui, error })
    }

    /// Its table in the list.
    pub fn to_table(&self) -> String {
        let [identity, agreement] = [self.identity.as_bytes(), self.agreement.as_bytes()].map(hex::encode);
        format!(
            "[[device]]\ndev_eui = \"{}\"\ned25519 = \"{identity}\"\nx25519 = \"{agreement}\"\n",
            self.dev_eui
        )
    }
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
    ed25519: String,
    x25519: String,
}

/// Reads the list.
pub fn read(path: &Path) -> Result<Vec<Device>, DevicesError> {
    let text = std::fs::read_to_string(path);
    parse(path, &text.map_err(|source| DevicesError::Io { path: path.into(), source })?)
}

/// Adds a device to the list, which is created if it is missing.
pub fn enroll(path: &Path, device: &Device) -> Result<(), DevicesError> {
    let failed = |source| DevicesError::Io { path: path.into(), source };
    let mut text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => HEADING.to_owned(),
        text => text.map_err(failed)?,
    };
    if parse(path, &text)?.iter().any(|enrolled| enrolled.dev_eui == device.dev_eui) {
        return Err(DevicesError::AlreadyEnrolled { path: path.into(), dev_eui: device.dev_eui });
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text.push('\n');
    text.push_str(&device.to_table());
    crate::private_file::replace(path, |file| file.write_all(text.as_bytes())).map_err(failed)
}

const HEADING: &str = "# Devices that may contribute, with their public keys.\n";

fn parse(path: &Path, text: &str) -> Result<Vec<Device>, DevicesError> {
    let file: File =
        toml::from_str(text).map_err(|source| DevicesError::Syntax { path: path.into(), source })?;
    let entries = file.device.iter().enumerate();
    entries.map(|(index, entry)| device(path, index + 1, entry)).collect()
}

fn device(path: &Path, number: usize, entry: &Entry) -> Result<Device, DevicesError> {
    let dev_eui = entry.dev_eui.parse();
    let dev_eui = dev_eui.map_err(|error| DevicesError::DevEui { path: path.into(), number, error })?;
    let wrong = |field| DevicesError::PublicKey { path: path.into(), dev_eui, field };
    let identity = secrets::parse_key(&entry.ed25519).and_then(|key| TrustAnchor::new(&key));
    let agreement = secrets::parse_key(&entry.x25519).map(AgreementPublicKey::new);
    Ok(Device {
        dev_eui,
        identity: identity.ok_or_else(|| wrong("ed25519"))?,
        agreement: agreement.ok_or_else(|| wrong("x25519"))?,
    })
}
