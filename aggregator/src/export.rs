//! A ledger as one file: everything that a replay needs, wherever it runs.
//!
//! ```text
//! bytes 0-7   "chirrupL"
//!       8     format, 2
//!       then  entries: length (u32, little-endian, never zero), bytes as `backhaul::encode` writes them;
//!             the first is the federation, the others are records in order
//!       then  a length of zero, the number of records (u64, little-endian)
//!       then  SHA-256 of everything before it
//! ```
//! The digest finds truncation and flipped bits; it is no signature. **The file holds the secrets of every device**,
//! without which sealed frames cannot be opened again: it is created readable by its owner alone, and who gets it
//! can read and forge the traffic of these devices.
use crate::core::federation::Federation;
use crate::core::ledger::{Record, ReplayError};
use crate::core::{Aggregator, Reject, VersionNote};
use crate::limits::{self, FederationError};
use crate::private_file;
use chirrup_protocol::backhaul;
use ed25519_dalek::SigningKey;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

const MAGIC: &[u8; 8] = b"chirrupL";
const FORMAT: u8 = 2;
const DIGEST_BYTES: u64 = 32;
/// Largest entry: far above any federation or closing record, far below what would hurt.
const MAX_ENTRY_BYTES: usize = 1 << 24;

/// A ledger file could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Another kind of file.
    #[error("not a ledger file")]
    NotALedger,
    /// Written by another version of this program.
    #[error("ledger file of format {have}, expected {FORMAT}")]
    UnknownFormat {
        /// The format it names.
        have: u8,
    },
    /// Bytes are missing or differ from those that were written.
    #[error("the ledger file is truncated or was altered: its SHA-256 digest does not match")]
    Damaged,
    /// An entry longer than any that is ever written.
    #[error("entry {entry} claims {claimed_bytes} bytes, the limit is {MAX_ENTRY_BYTES}")]
    EntryTooLong {
        /// Which one; 0 is the federation.
        entry: u64,
        /// The length it claims.
        claimed_bytes: usize,
    },
    /// The digest matches, but an entry is not what belongs in its place.
    #[error("entry {entry} is malformed")]
    Malformed {
        /// Which one; 0 is the federation.
        entry: u64,
    },
    /// The number of records at the end is not the number of records before it.
    #[error("the file holds {have} records and claims {claimed}")]
    WrongCount {
        /// Records in the file.
        have: u64,
        /// Records according to its end.
        claimed: u64,
    },
    /// The federation in the file cannot be run.
    #[error(transparent)]
    Federation(#[from] FederationError),
}

/// What a replay reproduced.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    /// Every version, oldest first. Their hashes are those of the ledger, or the replay would have failed.
    pub versions: Vec<VersionNote>,
    /// Contributions accepted.
    pub accepted: u64,
    /// Messages refused after their seal verified, by reason. What never verified is in no ledger.
    pub rejects: BTreeMap<Reject, u64>,
}

/// Writes a ledger file, with mode 0600, and returns the number of records. An existing file is replaced once the
/// new one is whole.
pub fn write(
    path: &Path,
    federation: &Federation,
    records: impl Iterator<Item = Record>,
) -> Result<u64, ExportError> {
    let failed = |source| ExportError::Io { path: path.display().to_string(), source };
    private_file::replace(path, |file| write_entries(file, federation, records)).map_err(failed)
}

fn write_entries(
    file: &mut File,
    federation: &Federation,
    records: impl Iterator<Item = Record>,
) -> io::Result<u64> {
    let mut sink = Sink { file: BufWriter::new(file), digest: Sha256::new() };
    sink.bytes(MAGIC)?;
    sink.bytes(&[FORMAT])?;
    sink.entry(federation)?;
    let mut count = 0u64;
    for record in records {
        sink.entry(&record)?;
        count += 1;
    }
    sink.bytes(&0u32.to_le_bytes())?;
    sink.bytes(&count.to_le_bytes())?;
    sink.finish()?;
    Ok(count)
}

/// Reads a ledger file. Its digest is checked before anything in it is believed.
pub fn read(path: &Path) -> Result<(Federation, Vec<Record>), ExportError> {
    let failed = |source| ExportError::Io { path: path.display().to_string(), source };
    let mut file = File::open(path).map_err(failed)?;
    check_header(&mut file).map_err(failed)??;
    check_digest(&mut file).map_err(failed)??;
    let mut source = Source { file: BufReader::new(file), entry: 0 };
    source.skip_header().map_err(failed)?;
    let federation: Federation = source.entry(failed)?.ok_or(ExportError::Malformed { entry: 0 })?;
    limits::check(&federation)?;
    let mut records = Vec::new();
    while let Some(record) = source.entry(failed)? {
        records.push(record);
    }
    let claimed = u64::from_le_bytes(source.array().map_err(failed)?);
    let have = records.len() as u64;
    if claimed == have { Ok((federation, records)) } else { Err(ExportError::WrongCount { have, claimed }) }
}

/// Feeds the records through the core and reproduces the hash of every version, or says which record does not
/// follow from those before it. Needs no key but those of the devices: signatures do not enter hashes.
pub fn replay(federation: Federation, records: &[Record]) -> Result<Replayed, ReplayError> {
    let mut aggregator = Aggregator::new(federation, SigningKey::from_bytes(&[0; 32]));
    records.iter().try_for_each(|record| aggregator.apply(record))?;
    Ok(Replayed {
        versions: aggregator.versions().to_vec(),
        accepted: aggregator.accepted(),
        rejects: aggregator.rejects().clone(),
    })
}

struct Sink<'f> {
    file: BufWriter<&'f mut File>,
    digest: Sha256,
}

impl Sink<'_> {
    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.file.write_all(bytes)
    }

    fn entry(&mut self, entry: &impl Serialize) -> io::Result<()> {
        let bytes = backhaul::encode(entry);
        if bytes.len() > MAX_ENTRY_BYTES {
            return Err(io::Error::other(format!("an entry of {} bytes is beyond the format", bytes.len())));
        }
        self.bytes(&(bytes.len() as u32).to_le_bytes())?;
        self.bytes(&bytes)
    }

    fn finish(mut self) -> io::Result<()> {
        self.file.write_all(&self.digest.finalize())?;
        self.file.flush()
    }
}

fn check_header(file: &mut File) -> io::Result<Result<(), ExportError>> {
    let mut header = Vec::new();
    Read::by_ref(file).take(MAGIC.len() as u64 + 1).read_to_end(&mut header)?;
    Ok(match header.strip_prefix(MAGIC) {
        Some([FORMAT]) => Ok(()),
        Some([have]) => Err(ExportError::UnknownFormat { have: *have }),
        _ => Err(ExportError::NotALedger),
    })
}

/// Compares the file's last bytes with the digest of all others, and leaves the file at its start.
fn check_digest(file: &mut File) -> io::Result<Result<(), ExportError>> {
    use io::Seek;
    let Some(covered) = file.metadata()?.len().checked_sub(DIGEST_BYTES) else {
        return Ok(Err(ExportError::Damaged));
    };
    file.rewind()?;
    let mut digest = Sha256::new();
    let mut reader = BufReader::new(&mut *file);
    io::copy(&mut reader.by_ref().take(covered), &mut DigestWriter(&mut digest))?;
    let mut claimed = Vec::new();
    reader.read_to_end(&mut claimed)?;
    file.rewind()?;
    Ok(if claimed[..] == digest.finalize()[..] { Ok(()) } else { Err(ExportError::Damaged) })
}

struct DigestWriter<'d>(&'d mut Sha256);

impl Write for DigestWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Source {
    file: BufReader<File>,
    entry: u64,
}

impl Source {
    fn skip_header(&mut self) -> io::Result<()> {
        self.array::<9>().map(|_| ())
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// The next entry; `None` at the end mark.
    fn entry<M: DeserializeOwned>(
        &mut self,
        failed: impl Fn(io::Error) -> ExportError,
    ) -> Result<Option<M>, ExportError> {
        let claimed_bytes = u32::from_le_bytes(self.array().map_err(&failed)?) as usize;
        let entry = self.entry;
        match claimed_bytes {
            0 => return Ok(None),
            1..=MAX_ENTRY_BYTES => {}
            _ => return Err(ExportError::EntryTooLong { entry, claimed_bytes }),
        }
        // Reads what is there instead of allocating what is claimed.
        let mut bytes = Vec::new();
        self.file.by_ref().take(claimed_bytes as u64).read_to_end(&mut bytes).map_err(&failed)?;
        self.entry += 1;
        backhaul::decode(&bytes).map(Some).ok_or(ExportError::Malformed { entry })
    }
}
