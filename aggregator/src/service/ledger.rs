//! The ledger on disk: one redb file, written in group commits.
//!
//! | table | holds |
//! | --- | --- |
//! | `records` | number, from zero without gaps -> record |
//! | `meta` | the federation that the records belong to; of secrets only their digests |
//! | `scores` | (digest of the validation file, version) -> correct and total; derived, kept for the page |
//!
//! What a record means depends on the federation, so the file refuses another one. Settings that steer only what is
//! still to come may change; `note.rs` lists them.
mod note;

use super::validation::Score;
use crate::core::{Federation, Record};
use chirrup_protocol::backhaul;
use ed25519_dalek::VerifyingKey;
use note::Note;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("records");
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const SCORES: TableDefinition<'_, (u64, u32), (u64, u64)> = TableDefinition::new("scores");
const NOTE: &str = "federation";

/// The ledger could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Another process has the file open.
    #[error("{}: in use by another process; stop the service first", .path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file is missing.
    #[error("{}: no such ledger", .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The disk or the database refused.
    #[error("{}: {source}", .path.display())]
    Storage {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<redb::Error>,
    },
    /// The file belongs to another federation.
    #[error("{}: the configuration does not match the ledger: {}", .path.display(), .differences.join("; "))]
    OtherFederation {
        /// The file.
        path: PathBuf,
        /// What differs, in words.
        differences: Vec<String>,
    },
    /// A record is missing or cannot be decoded: the file was altered.
    #[error("{}: record {number} is missing or malformed", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Which record.
        number: u64,
    },
}

/// How a version did on a validation file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionScore {
    /// Digest of the file.
    pub file: u64,
    /// The version.
    pub version: u32,
    /// How it did.
    pub score: Score,
}

/// The open file.
pub struct Ledger {
    path: PathBuf,
    database: Database,
    /// Number of the next record.
    next: u64,
}

impl Ledger {
    /// Opens or creates the ledger of a federation whose objects `key` signs.
    pub fn open(path: &Path, federation: &Federation, key: &VerifyingKey) -> Result<Self, LedgerError> {
        let database = Database::create(path).map_err(|error| failed(path, error))?;
        Self::of_federation(path, database, federation, key)
    }

    /// Opens the ledger, which must be there.
    pub fn open_existing(
        path: &Path,
        federation: &Federation,
        key: &VerifyingKey,
    ) -> Result<Self, LedgerError> {
        if !path.exists() {
            return Err(LedgerError::Missing { path: path.into() });
        }
        let database = Database::open(path).map_err(|error| failed(path, error))?;
        Self::of_federation(path, database, federation, key)
    }

    fn of_federation(
        path: &Path,
        database: Database,
        federation: &Federation,
        key: &VerifyingKey,
    ) -> Result<Self, LedgerError> {
        let mut ledger = Self { path: path.into(), database, next: 0 };
        let note = Note::new(federation, key);
        if let Some(differences) = ledger.enter_note(&note).map_err(|error| failed(path, error))? {
            return Err(LedgerError::OtherFederation { path: path.into(), differences });
        }
        ledger.next = ledger.count().map_err(|error| failed(path, error))?;
        Ok(ledger)
    }

    /// Records in the file.
    pub const fn len(&self) -> u64 {
        self.next
    }

    /// Whether nothing was recorded yet.
    pub const fn is_empty(&self) -> bool {
        self.next == 0
    }

    /// Appends records in one durable transaction: on return they survive a power cut, or none of them is there.
    /// Scores of versions go with the records that closed them.
    pub fn append(&mut self, records: &[Record], scores: &[VersionScore]) -> Result<(), LedgerError> {
        self.write(records, scores).map_err(|error| failed(&self.path, error))?;
        self.next += records.len() as u64;
        Ok(())
    }

    /// Reads every record in order.
    pub fn read<E: From<LedgerError>>(
        &self,
        mut each: impl FnMut(u64, Record) -> Result<(), E>,
    ) -> Result<(), E> {
        let wrong = |error: redb::Error| failed(&self.path, error);
        let transaction = self.database.begin_read().map_err(|error| wrong(error.into()))?;
        let records = transaction.open_table(RECORDS).map_err(|error| wrong(error.into()))?;
        let range = records.range::<u64>(..).map_err(|error| wrong(error.into()))?;
        for (number, row) in (0..).zip(range) {
            let (key, bytes) = row.map_err(|error| wrong(error.into()))?;
            let record = backhaul::decode(bytes.value()).filter(|_| key.value() == number);
            each(number, record.ok_or_else(|| LedgerError::Damaged { path: self.path.clone(), number })?)?;
        }
        Ok(())
    }

    /// Scores of versions on the validation file with this digest, by version.
    pub fn scores(&self, file: u64) -> Result<BTreeMap<u32, Score>, LedgerError> {
        self.read_scores(file).map_err(|error| failed(&self.path, error))
    }

    /// Enters the note, unless the one that is there says that this is another federation: what differs then.
    fn enter_note(&self, note: &Note) -> Result<Option<Vec<String>>, redb::Error> {
        let transaction = self.database.begin_write()?;
        {
            transaction.open_table(RECORDS)?;
            transaction.open_table(SCORES)?;
            let mut meta = transaction.open_table(META)?;
            let before = meta.get(NOTE)?.map(|bytes| backhaul::decode::<Note>(bytes.value()));
            let differences = match before {
                None => Vec::new(),
                Some(Some(before)) => before.differences(note),
                Some(None) => vec!["the ledger was written by another version of this program".into()],
            };
            if !differences.is_empty() {
                return Ok(Some(differences));
            }
            meta.insert(NOTE, backhaul::encode(note).as_slice())?;
        }
        transaction.commit()?;
        Ok(None)
    }

    fn count(&self) -> Result<u64, redb::Error> {
        let records = self.database.begin_read()?.open_table(RECORDS)?;
        Ok(records.last()?.map_or(0, |(number, _)| number.value() + 1))
    }

    fn write(&self, records: &[Record], scores: &[VersionScore]) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        {
            let mut table = transaction.open_table(RECORDS)?;
            for (number, record) in (self.next..).zip(records) {
                table.insert(number, backhaul::encode(record).as_slice())?;
            }
            let mut table = transaction.open_table(SCORES)?;
            for VersionScore { file, version, score } in scores {
                table.insert((*file, *version), (score.correct, score.total))?;
            }
        }
        Ok(transaction.commit()?)
    }

    fn read_scores(&self, file: u64) -> Result<BTreeMap<u32, Score>, redb::Error> {
        let scores = self.database.begin_read()?.open_table(SCORES)?;
        let range = scores.range((file, 0)..=(file, u32::MAX))?;
        let score = |(correct, total)| Score { correct, total };
        range
            .map(|row| row.map(|(key, value)| (key.value().1, score(value.value()))).map_err(Into::into))
            .collect()
    }
}

fn failed(path: &Path, error: impl Into<redb::Error>) -> LedgerError {
    let path = path.into();
    match error.into() {
        redb::Error::DatabaseAlreadyOpen => LedgerError::InUse { path },
        source => LedgerError::Storage { path, source: Box::new(source) },
    }
}
