//! The database: what must be on disk before anybody is told.
//!
//! One commit takes in all that has come up since the last one, so that a slow disk makes batches, not queues.
use crate::core::{AirtimeRecord, DeviceRecord, State};
use chirrup_protocol::backhaul::{Uplink, UplinkId, decode, encode};
use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Uplinks without a receipt, by their ids.
const OUTBOX: TableDefinition<u64, &[u8]> = TableDefinition::new("outbox");
/// Device records by DevEUI.
const DEVICES: TableDefinition<[u8; 8], &[u8]> = TableDefinition::new("devices");
/// Airtime records by minute, concentrator and sub-band.
const AIRTIME: TableDefinition<(u64, [u8; 8], u8), &[u8]> = TableDefinition::new("airtime");
/// Single numbers by name.
const NUMBERS: TableDefinition<&str, u64> = TableDefinition::new("numbers");
const UPLINK_IDS_BELOW: &str = "uplink_ids_below";

/// A change of the database.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// An uplink enters the outbox.
    Uplink(Uplink),
    /// An uplink has its receipt.
    Receipt(UplinkId),
    /// A device's record changes.
    Device(DeviceRecord),
    /// A block of uplink ids is reserved.
    UplinkIds {
        /// The first id that is not.
        below: u64,
    },
    /// Airtime is used or given back.
    Airtime(AirtimeRecord),
}

/// The database failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be opened, read or written.
    #[error("database {}", path.display())]
    Database {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: Box<redb::Error>,
    },
    /// A row is not what this version wrote.
    #[error("{}: a row of table {table} cannot be read", path.display())]
    Row {
        /// Which database.
        path: PathBuf,
        /// Which table.
        table: &'static str,
    },
    /// The thread that wrote is gone.
    #[error("the database thread failed")]
    Interrupted,
}

/// An open database.
#[derive(Clone, Debug)]
pub struct Store {
    database: Arc<Database>,
    path: PathBuf,
}

impl Store {
    /// Opens a database or makes one that its owner alone may read: it holds session keys.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let failed =
            |source: redb::Error| StoreError::Database { path: path.into(), source: Box::new(source) };
        create_private(path).map_err(|error| failed(redb::Error::Io(error)))?;
        let database = Database::create(path).map_err(|error| failed(error.into()))?;
        create_tables(&database).map_err(|source| StoreError::Database { path: path.into(), source })?;
        Ok(Self { database: Arc::new(database), path: path.into() })
    }

    /// What a network server continues from, and the uplinks without a receipt, oldest first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn load(&self) -> Result<(State, Vec<Uplink>), StoreError> {
        let tables = self.read_all().map_err(|source| self.failed(source))?;
        let state = State {
            devices: self.rows("devices", &tables.devices)?,
            uplink_ids_below: tables.uplink_ids_below,
            airtime: self.rows("airtime", &tables.airtime)?,
        };
        Ok((state, self.rows("outbox", &tables.outbox)?))
    }

    /// Makes changes durable, all of them or none. Receipts alone are not worth waiting for the disk: one that is
    /// lost with the power costs a second publication.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        let store = self.clone();
        tokio::task::spawn_blocking(move || store.commit_now(&writes).map_err(|source| store.failed(source)))
            .await
            .map_err(|_| StoreError::Interrupted)?
    }

    fn commit_now(&self, writes: &[Write]) -> Result<(), Box<redb::Error>> {
        let mut transaction = self.database.begin_write().map_err(boxed)?;
        if writes.iter().all(|write| matches!(write, Write::Receipt(_))) {
            transaction.set_durability(Durability::None).map_err(boxed)?;
        }
        for write in writes {
            apply(&transaction, write)?;
        }
        transaction.commit().map_err(boxed)
    }

    fn read_all(&self) -> Result<Tables, Box<redb::Error>> {
        let transaction = self.database.begin_read().map_err(boxed)?;
        let numbers = transaction.open_table(NUMBERS).map_err(boxed)?;
        Ok(Tables {
            outbox: values(&transaction.open_table(OUTBOX).map_err(boxed)?)?,
            devices: values(&transaction.open_table(DEVICES).map_err(boxed)?)?,
            airtime: values(&transaction.open_table(AIRTIME).map_err(boxed)?)?,
            uplink_ids_below: numbers.get(UPLINK_IDS_BELOW).map_err(boxed)?.map_or(0, |value| value.value()),
        })
    }

    fn rows<T: DeserializeOwned>(&self, table: &'static str, rows: &[Vec<u8>]) -> Result<Vec<T>, StoreError> {
        let unreadable = || StoreError::Row { path: self.path.clone(), table };
        rows.iter().map(|row| decode(row).ok_or_else(unreadable)).collect()
    }

    fn failed(&self, source: Box<redb::Error>) -> StoreError {
        StoreError::Database { path: self.path.clone(), source }
    }
}

struct Tables {
    outbox: Vec<Vec<u8>>,
    devices: Vec<Vec<u8>>,
    airtime: Vec<Vec<u8>>,
    uplink_ids_below: u64,
}

fn boxed(error: impl Into<redb::Error>) -> Box<redb::Error> {
    Box::new(error.into())
}

fn create_tables(database: &Database) -> Result<(), Box<redb::Error>> {
    let transaction = database.begin_write().map_err(boxed)?;
    transaction.open_table(OUTBOX).map_err(boxed)?;
    transaction.open_table(DEVICES).map_err(boxed)?;
    transaction.open_table(AIRTIME).map_err(boxed)?;
    transaction.open_table(NUMBERS).map_err(boxed)?;
    transaction.commit().map_err(boxed)
}

fn values<K: redb::Key + 'static>(
    table: &impl ReadableTable<K, &'static [u8]>,
) -> Result<Vec<Vec<u8>>, Box<redb::Error>> {
    let rows = table.iter().map_err(boxed)?;
    rows.map(|row| row.map(|(_, value)| value.value().to_vec()).map_err(boxed)).collect()
}

fn apply(transaction: &redb::WriteTransaction, write: &Write) -> Result<(), Box<redb::Error>> {
    match write {
        Write::Uplink(uplink) => {
            let mut table = transaction.open_table(OUTBOX).map_err(boxed)?;
            table.insert(uplink.id.0, encode(uplink).as_slice()).map_err(boxed)?;
        }
        Write::Receipt(id) => {
            transaction.open_table(OUTBOX).map_err(boxed)?.remove(id.0).map_err(boxed)?;
        }
        Write::Device(record) => {
            let mut table = transaction.open_table(DEVICES).map_err(boxed)?;
            table.insert(record.dev_eui.0, encode(record).as_slice()).map_err(boxed)?;
        }
        Write::UplinkIds { below } => {
            let mut table = transaction.open_table(NUMBERS).map_err(boxed)?;
            table.insert(UPLINK_IDS_BELOW, below).map_err(boxed)?;
        }
        Write::Airtime(record) => {
            let mut table = transaction.open_table(AIRTIME).map_err(boxed)?;
            let first_kept = record.minute.saturating_sub(AirtimeRecord::KEEP.as_micros() / 60_000_000);
            table.retain_in(..(first_kept, [0; 8], 0), |_, _| false).map_err(boxed)?;
            let key = (record.minute, record.concentrator.0, record.sub_band);
            table.insert(key, encode(record).as_slice()).map_err(boxed)?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn create_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path).map(drop)
}

#[cfg(not(unix))]
fn create_private(path: &Path) -> std::io::Result<()> {
    std::fs::OpenOptions::new().create(true).append(true).open(path).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chirrup_protocol::ids::{DevAddr, DevEui, GatewayId};
    use chirrup_protocol::region::DataRate;
    use chirrup_protocol::time::{Duration, Instant};

    fn uplink(id: u64) -> Uplink {
        Uplink {
            id: UplinkId(id),
            received_at: Instant::from_micros(5),
            dev_eui: DevEui([1; 8]),
            dev_addr: DevAddr([2; 4]),
            fcnt: 3,
            fport: 4,
            data_rate: DataRate(5),
            receptions: Vec::new(),
            payload: vec![id as u8; 3],
        }
    }

    fn airtime(minute: u64) -> AirtimeRecord {
        AirtimeRecord {
            concentrator: GatewayId([7; 8]),
            sub_band: 3,
            minute,
            on_air: Duration::from_millis(minute),
            end: Instant::from_micros(minute * 60_000_000),
        }
    }

    #[tokio::test]
    async fn what_was_committed_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.redb");
        let store = Store::open(&path).unwrap();
        let record = DeviceRecord::new(DevEui([9; 8]));
        let newer = DeviceRecord { join_nonce: 4, dev_nonces: vec![1, 2], ..record.clone() };
        let writes = vec![
            Write::UplinkIds { below: 1_024 },
            Write::Device(record),
            Write::Uplink(uplink(300)),
            Write::Uplink(uplink(2)),
            Write::Uplink(uplink(3)),
            Write::Airtime(airtime(100)),
        ];
        store.commit(writes).await.unwrap();
        store.commit(vec![Write::Receipt(UplinkId(2)), Write::Receipt(UplinkId(77))]).await.unwrap();
        store.commit(vec![Write::Device(newer.clone()), Write::Airtime(airtime(170))]).await.unwrap();
        drop(store);
        let (state, outbox) = Store::open(&path).unwrap().load().unwrap();
        assert_eq!(outbox, [uplink(3), uplink(300)]);
        assert_eq!(
            state,
            State { devices: vec![newer], uplink_ids_below: 1_024, airtime: vec![airtime(170)] }
        );
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_it() {
        use std::os::unix::fs::MetadataExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.redb");
        drop(Store::open(&path).unwrap());
        assert_eq!(std::fs::metadata(path).unwrap().mode() & 0o077, 0);
    }

    #[test]
    fn a_second_service_on_the_same_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.redb");
        let _first = Store::open(&path).unwrap();
        assert!(matches!(Store::open(&path), Err(StoreError::Database { .. })));
    }
}
