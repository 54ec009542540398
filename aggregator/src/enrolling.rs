//! `enroll` and `revoke`: who may contribute.
use anyhow::{Context, Result, bail};
use chirrup_aggregator::service::config::devices::{self, Device};
use chirrup_aggregator::service::config::{IdentityFiles, revocations};
use chirrup_protocol::identity::aggregator_keys::{FIRST_GENERATION, WELCOME_CHARACTERS};
use chirrup_protocol::identity::revocation::Revocation;
use chirrup_protocol::identity::{AggregatorKeys, ENROLMENT_BYTES, Enrolment, enrolment};
use chirrup_protocol::ids::DevEui;
use chirrup_protocol::manifest::TrustAnchor;
use clap::Args;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Args)]
pub struct Enroll {
    /// Configuration file, which names the list and the keys.
    #[arg(long)]
    config: PathBuf,
    /// The device's enrolment as text (`CHIRRUP-E1:...`, the content of its QR code) or in hexadecimal.
    #[arg(required_unless_present = "file")]
    enrolment: Option<String>,
    /// A file with the enrolment: its 136 bytes, or as above.
    #[arg(long, conflicts_with = "enrolment")]
    file: Option<PathBuf>,
}

#[derive(Args)]
pub struct Revoke {
    /// Configuration file, which names list and signing key.
    #[arg(long)]
    config: PathBuf,
    /// The device's EUI, 16 hexadecimal digits.
    dev_eui: DevEui,
    /// Second of protocol time (Unix time) from which on nothing of the device is taken in; now by default.
    #[arg(long)]
    from_s: Option<u32>,
}

pub fn enroll(arguments: &Enroll) -> Result<()> {
    let files = IdentityFiles::named_in(&arguments.config)?;
    let enrolment = match (&arguments.enrolment, &arguments.file) {
        (Some(written), _) => read_written(written)?,
        (None, Some(path)) => read_file(path).with_context(|| path.display().to_string())?,
        (None, None) => bail!("no enrolment is given"),
    };
    let device = Device::from(enrolment);
    let agreement = files.agreement_key()?;
    // Finds a key that is of no use before it is on the list.
    device.secret(&agreement)?;
    let keys = AggregatorKeys {
        agreement: agreement.public_key(),
        root: TrustAnchor::of(&files.signing_key()?),
        generation: FIRST_GENERATION,
    };
    devices::enroll(&files.devices, &device)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "dev_eui = \"{}\"", device.dev_eui)?;
    writeln!(out, "welcome = \"{}\"", keys.write_text(&mut [0; WELCOME_CHARACTERS]))?;
    writeln!(out, "welcome_hex = \"{}\"", hex::encode(keys.to_welcome()))?;
    eprintln!("enrolled in {}; a running service learns of it at its next start", files.devices.display());
    Ok(())
}

fn read_written(written: &str) -> Result<Enrolment> {
    let written = written.trim();
    if written.starts_with(enrolment::PREFIX) {
        return Ok(Enrolment::verify_text(written)?);
    }
    let bytes = hex::decode(written);
    let bytes = bytes.with_context(|| format!("neither `{}...` nor hexadecimal", enrolment::PREFIX))?;
    Ok(Enrolment::verify(&bytes)?)
}

fn read_file(path: &Path) -> Result<Enrolment> {
    let bytes = std::fs::read(path)?;
    if bytes.len() == ENROLMENT_BYTES {
        return Ok(Enrolment::verify(&bytes)?);
    }
    read_written(std::str::from_utf8(&bytes).context("neither 136 bytes nor text")?)
}

pub fn revoke(arguments: &Revoke) -> Result<()> {
    let files = IdentityFiles::named_in(&arguments.config)?;
    let Some(list) = &files.revocations else { bail!("the configuration names no `revocations_file`") };
    let dev_eui = arguments.dev_eui;
    if !devices::read(&files.devices)?.iter().any(|device| device.dev_eui == dev_eui) {
        bail!("{}: device {dev_eui} is not enrolled", files.devices.display());
    }
    let from_s = match arguments.from_s {
        Some(from_s) => from_s,
        None => u32::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?,
    };
    let number = revocations::revoke(list, &files.signing_key()?, Revocation { dev_eui, from_s })?;
    eprintln!(
        "{dev_eui} is revoked from second {from_s} on, in list {number} at {}; a running service learns of it at its next start",
        list.display()
    );
    Ok(())
}
