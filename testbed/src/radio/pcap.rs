//! Transmissions as a capture file that Wireshark and `tcpdump` open: the classic pcap format with microseconds
//! (draft-ietf-opsawg-pcap, 4 and 5) and the link type LoRaTap (270 in the registry of tcpdump.org), header version 0.
//!
//! There is one record for each gateway that received an uplink, and one for each downlink, stamped with the virtual
//! time of the frame's end. A frame that nobody received is not in the file, as no receiver could have captured it.
//!
//! | bytes, big-endian | content |
//! | --- | --- |
//! | 1, 1, 2 | version 0, padding, length of this header: 15 |
//! | 4, 1, 1 | frequency in Hz, bandwidth in steps of 125 kHz, spreading factor |
//! | 1 | RSSI: above -139 dBm in dB, or in quarters of a dB where the SNR is negative; 255 unknown |
//! | 1, 1 | largest and present RSSI of the receiver, which are not modelled: 255 unknown |
//! | 1 | SNR in quarters of a dB, signed |
//! | 1 | sync word: 0x34, LoRaWAN |
//! | .. | the PHY payload |
//!
//! A downlink is what its gateway sent: its RSSI is unknown and its SNR 0. Version 0 has no place for the gateway.
//!
//! Wireshark shows three things otherwise: the RSSI in whole dB whatever the SNR, and up to version 4.0 the SNR without its
//! sign, and a data frame without a port, as acknowledgements are, as malformed.
use super::Transmitter;
use super::outcome::Verdict;
use super::records::{AirRecords, Record};
use std::io::{self, Write};

const MAGIC_MICROSECONDS: u32 = 0xa1b2_c3d4;
const VERSION: (u16, u16) = (2, 4);
/// No frame is cut.
const SNAPSHOT_BYTES: u32 = 65_535;
const LINK_TYPE_LORATAP: u32 = 270;

const HEADER_BYTES: usize = 15;
const LOWEST_RSSI_DBM: f64 = -139.0;
const UNKNOWN: u8 = 255;
const LORAWAN_SYNC_WORD: u8 = 0x34;

/// Writes all of them.
pub fn write(air: &AirRecords, mut to: impl Write) -> io::Result<()> {
    to.write_all(&MAGIC_MICROSECONDS.to_le_bytes())?;
    to.write_all(&VERSION.0.to_le_bytes())?;
    to.write_all(&VERSION.1.to_le_bytes())?;
    // Time zone and accuracy: always 0.
    to.write_all(&[0; 8])?;
    to.write_all(&SNAPSHOT_BYTES.to_le_bytes())?;
    to.write_all(&LINK_TYPE_LORATAP.to_le_bytes())?;
    for record in air.all() {
        match record.source {
            Transmitter::Gateway(_) => put(&mut to, air, record, [UNKNOWN, 0])?,
            Transmitter::Node(_) => {
                for verdict in air.verdicts(record) {
                    if let Verdict::Delivered { rssi_dbm, snr_db } = *verdict {
                        put(&mut to, air, record, levels(rssi_dbm, snr_db))?;
                    }
                }
            }
        }
    }
    to.flush()
}

fn put(to: &mut impl Write, air: &AirRecords, record: &Record, levels: [u8; 2]) -> io::Result<()> {
    let (phy, end_us) = (air.phy(record), (record.start + record.airtime).as_micros());
    let captured = (HEADER_BYTES + phy.len()) as u32;
    to.write_all(&((end_us / 1_000_000) as u32).to_le_bytes())?;
    to.write_all(&((end_us % 1_000_000) as u32).to_le_bytes())?;
    to.write_all(&captured.to_le_bytes())?;
    to.write_all(&captured.to_le_bytes())?;
    to.write_all(&header(record, levels))?;
    to.write_all(phy)
}

fn header(record: &Record, [rssi, snr]: [u8; 2]) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[2..4].copy_from_slice(&(HEADER_BYTES as u16).to_be_bytes());
    header[4..8].copy_from_slice(&record.frequency_hz.to_be_bytes());
    header[8] = (record.modulation.bandwidth_hz / 125_000) as u8;
    header[9] = record.modulation.spreading_factor;
    header[10..].copy_from_slice(&[rssi, UNKNOWN, UNKNOWN, snr, LORAWAN_SYNC_WORD]);
    header
}

/// RSSI and SNR as their bytes; what is beyond the range of a byte becomes its end.
fn levels(rssi_dbm: f64, snr_db: f64) -> [u8; 2] {
    let steps_per_db = if snr_db >= 0.0 { 1.0 } else { 4.0 };
    let rssi = libm::round(steps_per_db * (rssi_dbm - LOWEST_RSSI_DBM));
    let snr = libm::round(4.0 * snr_db);
    // A rounded SNR of 0 would say that the RSSI is in whole dB.
    let snr = if snr_db < 0.0 { snr.min(-1.0) } else { snr };
    [rssi.clamp(0.0, f64::from(UNKNOWN - 1)) as u8, snr.clamp(-128.0, 127.0) as i8 as u8]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radio::air_log::Transmission;
    use crate::radio::{Cause, Emission, GatewayIndex, NodeIndex};
    use chirrup_protocol::airtime::Modulation;
    use chirrup_protocol::time::{Duration, Instant};

    fn records() -> AirRecords {
        let mut air = AirRecords::default();
        let mut keep = |source, start_us, spreading_factor, phy: &[u8], verdicts: &[Verdict]| {
            let emission = Emission {
                frequency_hz: 868_100_000,
                modulation: Modulation::lorawan(spreading_factor, 125_000),
                power_dbm: 14,
                phy: phy.to_vec(),
            };
            let (start, airtime) = (Instant::from_micros(start_us), Duration::from_millis(50));
            air.keep(&Transmission { source, start, airtime, emission: &emission, verdicts });
        };
        let heard = |rssi_dbm, snr_db| Verdict::Delivered { rssi_dbm, snr_db };
        let lost = Verdict::Lost(Cause::Collision);
        let node = Transmitter::Node(NodeIndex(0));
        keep(node, 1_950_001, 7, &[0x40, 0xaa], &[heard(-100.2, 6.3), lost, heard(-130.5, -8.0)]);
        keep(node, 3_000_000, 7, &[0x40], &[lost, lost, lost]);
        keep(Transmitter::Gateway(GatewayIndex(1)), 4_000_000, 9, &[0x60, 1, 2], &[]);
        air
    }

    /// Written out by hand from the two specifications.
    #[test]
    fn the_bytes_are_those_of_the_specifications() {
        let expected = [
            // Magic number, version 2.4, zone, accuracy, snapshot length, link type 270.
            "d4c3b2a1 0200 0400 00000000 00000000 ffff0000 0e010000",
            // 2.000001 s; 17 of 17 bytes. -100 dBm is 39 above -139; 6.25 dB are 25 quarters.
            "02000000 01000000 11000000 11000000 00 00 000f 33be27a0 01 07 27 ff ff 19 34 40aa",
            // The same at the third gateway: 8.5 dB above -139 in quarters are 34; -8 dB are -32.
            "02000000 01000000 11000000 11000000 00 00 000f 33be27a0 01 07 22 ff ff e0 34 40aa",
            // The downlink, at 4.05 s.
            "04000000 50c30000 12000000 12000000 00 00 000f 33be27a0 01 09 ff ff ff 00 34 600102",
        ];
        let mut written = Vec::new();
        write(&records(), &mut written).unwrap();
        assert_eq!(hex::encode(written), expected.concat().replace(' ', ""));
    }

    #[test]
    fn levels_stay_within_their_bytes() {
        assert_eq!(levels(-142.5, -20.0), [0, 0xb0]);
        assert_eq!(levels(-60.0, -1.0), [254, 0xfc]);
        assert_eq!(levels(-75.5, -0.1), [254, 0xff]);
        assert_eq!(levels(200.0, 90.0), [254, 127]);
        assert_eq!(levels(-139.0, 0.0), [0, 0]);
    }
}
