//! What must survive a power cut, in a fixed number of bytes.
//!
//! | offset | bytes | content (numbers least significant byte first) |
//! | --- | --- | --- |
//! | 0 | 1 | version, 1 |
//! | 1 | 1 | flags: bit 0 there is a session, bit 1 a confirmed downlink is to be acknowledged, bit 2 there is a JoinNonce |
//! | 2 | 4 | first DevNonce that may be used after a restart; 65,536: none is left |
//! | 6 | 3 | JoinNonce of the last JoinAccept, as on the air |
//! | 9 | 4 | DevAddr, as on the air |
//! | 13 | 16 | NwkSKey |
//! | 29 | 16 | AppSKey |
//! | 45 | 4 | first FCntUp that may be used after a restart |
//! | 49 | 4 | lowest FCntDown that may be accepted |
//! | 53 | 1 | data rate |
//! | 54 | 1 | TX power index |
//! | 55 | 1 | RxDelay in seconds |
//! | 56 | 1 | RX1DROffset |
//! | 57 | 1 | RX2 data rate |
//! | 58 | 4 | RX2 frequency in Hz |
//! | 62 | 1 | aggregate duty cycle, exponent |
//! | 63 | 50 | EU868: channel mask, 2; channels 0 to 15, 3 bytes each, in units of 100 Hz, 0 is undefined. US915 and AU915: channel mask, 9; zeros |
//! | 113 | 20 | airtime to charge after a restart, 4 bytes a sub-band, in ms |
//! | 133 | 4 | CRC-32 (IEEE 802.3) of all before |
//!
//! The session keys are in it: keep it where the node's root key is kept.
use super::airtime::MAX_SUB_BANDS;
use super::channels::RECORD_BYTES;
use super::session::Session;
use chirrup_protocol::region::DataRate;
use chirrup_protocol::slots::crc32;

const VERSION: u8 = 1;
const CRC_AT: usize = Snapshot::BYTES - 4;

const HAS_SESSION: u8 = 1;
const ACK_DUE: u8 = 1 << 1;
const HAS_JOIN_NONCE: u8 = 1 << 2;

/// Keeps snapshots where a power cut does not reach them.
pub trait SnapshotStore {
    /// Why a snapshot could not be stored.
    type Error;

    /// Stores a snapshot in place of the one before. When this returns `Ok`, a restart must find this snapshot;
    /// when it does not return or fails, this one or the one before. The guard uses no counter and no airtime
    /// that the stored snapshot does not cover, and stores about once in 32 uplinks or 9 s of airtime.
    #[allow(async_fn_in_trait)]
    async fn store(&mut self, snapshot: &Snapshot) -> Result<(), Self::Error>;
}

/// The durable state of a guard.
#[derive(Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub(super) first_dev_nonce: u32,
    pub(super) last_join_nonce: Option<[u8; 3]>,
    pub(super) session: Option<Session>,
    pub(super) link: LinkRecord,
    pub(super) charged_ms: [u32; MAX_SUB_BANDS],
}

/// The link as stored; not yet checked against region and configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LinkRecord {
    pub data_rate: DataRate,
    pub tx_power_index: u8,
    pub rx_delay_s: u8,
    pub rx1_offset: u8,
    pub rx2_data_rate: DataRate,
    pub rx2_frequency_hz: u32,
    pub max_duty_exponent: u8,
    pub channels: [u8; RECORD_BYTES],
}

/// Bytes that are no snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Not the length of a snapshot.
    #[error("{have_bytes} B, a snapshot has {}", Snapshot::BYTES)]
    Length {
        /// What was offered.
        have_bytes: usize,
    },
    /// The checksum does not fit: torn or worn storage.
    #[error("the checksum does not fit")]
    Checksum,
    /// Written by another version.
    #[error("unknown version {version}")]
    Version {
        /// The version found.
        version: u8,
    },
}

impl Snapshot {
    /// Size of the stored form.
    pub const BYTES: usize = 137;

    /// The stored form.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut writer = Writer { bytes: [0; Self::BYTES], at: 0 };
        let session = self.session.unwrap_or(NO_SESSION);
        writer.put(&[VERSION, self.flags()]);
        writer.put(&self.first_dev_nonce.to_le_bytes());
        writer.put(&self.last_join_nonce.unwrap_or_default());
        writer.put(&session.dev_addr);
        writer.put(&session.nwk_skey);
        writer.put(&session.app_skey);
        writer.put(&session.next_fcnt_up.to_le_bytes());
        writer.put(&session.next_fcnt_down.to_le_bytes());
        self.link.write(&mut writer);
        for ms in self.charged_ms {
            writer.put(&ms.to_le_bytes());
        }
        let crc = crc32(&writer.bytes[..CRC_AT]);
        writer.put(&crc.to_le_bytes());
        writer.bytes
    }

    /// Reads the stored form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        if bytes.len() != Self::BYTES {
            return Err(SnapshotError::Length { have_bytes: bytes.len() });
        }
        let (content, crc) = bytes.split_at(CRC_AT);
        if crc32(content).to_le_bytes() != crc {
            return Err(SnapshotError::Checksum);
        }
        let mut reader = Reader { rest: content };
        let [version, flags] = reader.take();
        if version != VERSION {
            return Err(SnapshotError::Version { version });
        }
        let first_dev_nonce = reader.u32();
        let join_nonce = reader.take();
        let session = Session {
            dev_addr: reader.take(),
            nwk_skey: reader.take(),
            app_skey: reader.take(),
            next_fcnt_up: reader.u32(),
            next_fcnt_down: reader.u32(),
            ack_due: flags & ACK_DUE != 0,
        };
        Ok(Self {
            first_dev_nonce,
            last_join_nonce: (flags & HAS_JOIN_NONCE != 0).then_some(join_nonce),
            session: (flags & HAS_SESSION != 0).then_some(session),
            link: LinkRecord::read(&mut reader),
            charged_ms: core::array::from_fn(|_| reader.u32()),
        })
    }

    fn flags(&self) -> u8 {
        let session = self.session.map_or(0, |s| HAS_SESSION | if s.ack_due { ACK_DUE } else { 0 });
        session | self.last_join_nonce.map_or(0, |_| HAS_JOIN_NONCE)
    }
}

impl core::fmt::Debug for Snapshot {
    /// Leaves the keys out.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Snapshot")
            .field("first_dev_nonce", &self.first_dev_nonce)
            .field("dev_addr", &self.session.map(|session| session.dev_addr()))
            .field("fcnt_up", &self.session.map(|session| session.next_fcnt_up))
            .field("fcnt_down", &self.session.map(|session| session.next_fcnt_down))
            .field("link", &self.link)
            .field("charged_ms", &self.charged_ms)
            .finish_non_exhaustive()
    }
}

impl LinkRecord {
    fn write(&self, writer: &mut Writer) {
        writer.put(&[self.data_rate.0, self.tx_power_index, self.rx_delay_s, self.rx1_offset]);
        writer.put(&[self.rx2_data_rate.0]);
        writer.put(&self.rx2_frequency_hz.to_le_bytes());
        writer.put(&[self.max_duty_exponent]);
        writer.put(&self.channels);
    }

    fn read(reader: &mut Reader<'_>) -> Self {
        let [data_rate, tx_power_index, rx_delay_s, rx1_offset, rx2_data_rate] = reader.take();
        let rx2_frequency_hz = reader.u32();
        let [max_duty_exponent] = reader.take();
        Self {
            data_rate: DataRate(data_rate),
            tx_power_index,
            rx_delay_s,
            rx1_offset,
            rx2_data_rate: DataRate(rx2_data_rate),
            rx2_frequency_hz,
            max_duty_exponent,
            channels: reader.take(),
        }
    }
}

/// Fills the place of a session in the bytes.
const NO_SESSION: Session = Session {
    dev_addr: [0; 4],
    nwk_skey: [0; 16],
    app_skey: [0; 16],
    next_fcnt_up: 0,
    next_fcnt_down: 0,
    ack_due: false,
};

struct Writer {
    bytes: [u8; Snapshot::BYTES],
    at: usize,
}

impl Writer {
    fn put(&mut self, field: &[u8]) {
        self.bytes[self.at..self.at + field.len()].copy_from_slice(field);
        self.at += field.len();
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self.rest.split_first_chunk().expect("the length was checked");
        self.rest = rest;
        *field
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Snapshot {
        Snapshot {
            first_dev_nonce: 0x0102,
            last_join_nonce: Some([7, 8, 9]),
            session: Some(Session {
                dev_addr: [1, 2, 3, 4],
                nwk_skey: [0x11; 16],
                app_skey: [0x22; 16],
                next_fcnt_up: 0x0003_0201,
                next_fcnt_down: 77,
                ack_due: true,
            }),
            link: LinkRecord {
                data_rate: DataRate(3),
                tx_power_index: 2,
                rx_delay_s: 5,
                rx1_offset: 1,
                rx2_data_rate: DataRate(3),
                rx2_frequency_hz: 869_525_000,
                max_duty_exponent: 4,
                channels: core::array::from_fn(|at| at as u8 + 1),
            },
            charged_ms: [1, 2, 3, 4, 5],
        }
    }

    #[test]
    fn the_stored_form_follows_its_table() {
        let bytes = sample().to_bytes();
        assert_eq!(bytes[..9], [1, 0b111, 2, 1, 0, 0, 7, 8, 9]);
        assert_eq!(bytes[9..13], [1, 2, 3, 4]);
        assert_eq!(bytes[45..53], [1, 2, 3, 0, 77, 0, 0, 0]);
        assert_eq!(bytes[53..63], [3, 2, 5, 1, 3, 0x08, 0xe6, 0xd3, 0x33, 4]);
        assert_eq!((bytes[63], bytes[112]), (1, 50));
        assert_eq!(bytes[113..121], [1, 0, 0, 0, 2, 0, 0, 0]);
        assert_eq!(Snapshot::from_bytes(&bytes), Ok(sample()));
    }

    #[test]
    fn every_flipped_bit_and_every_torn_write_is_noticed() {
        let good = sample().to_bytes();
        for bit in 0..good.len() * 8 {
            let mut bad = good;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Snapshot::from_bytes(&bad), Err(SnapshotError::Checksum));
        }
        assert_eq!(Snapshot::from_bytes(&good[..100]), Err(SnapshotError::Length { have_bytes: 100 }));
        assert_eq!(Snapshot::from_bytes(&[]), Err(SnapshotError::Length { have_bytes: 0 }));
    }

    #[test]
    fn another_version_is_refused() {
        let mut bytes = sample().to_bytes();
        bytes[0] = 2;
        let crc = crc32(&bytes[..CRC_AT]);
        bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(Snapshot::from_bytes(&bytes), Err(SnapshotError::Version { version: 2 }));
    }

    #[test]
    fn keys_are_not_printed() {
        let printed = format!("{:?}", sample());
        assert!(!printed.contains("17, 17") && !printed.contains("34, 34"), "{printed}");
    }
}
