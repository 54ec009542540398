//! The trace of a run: a hash over everything that was on the air, in order of its end.
//!
//! Bytes of one transmission, all integers little-endian:
//!
//! | bytes | content |
//! | --- | --- |
//! | 8 | start in microseconds |
//! | 1 | 0 a node, 1 a gateway |
//! | 4 | its index |
//! | 4 | frequency in Hz |
//! | 1, 4, 1 | spreading factor, bandwidth in Hz, coding rate (1 to 4) |
//! | 1 | power in dBm, signed |
//! | 2 | length of the PHY payload |
//! | .. | the PHY payload |
//! | 2 | number of verdicts: a gateway each for an uplink, a receive window each for a downlink |
//! | 1 or 5 each | 0 and RSSI and SNR in tenths of a dB (2 bytes each, signed, halves away from zero), or the cause of the loss: 1 sensitivity, 2 half duplex, 3 no demodulator, 4 collision, 5 injected, 6 interference, 7 off channel |
use super::air_log::Transmission;
use super::outcome::{Cause, Verdict};
use super::{GatewayIndex, NodeIndex, Transmitter};
use sha2::{Digest, Sha256};

/// A running SHA-256 over transmissions.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    hash: Sha256,
    /// Kept to be filled again.
    bytes: Vec<u8>,
}

impl Trace {
    /// Adds one transmission.
    pub fn add(&mut self, transmission: &Transmission<'_>) {
        self.bytes.clear();
        self.put_emission(transmission);
        let verdicts = transmission.verdicts;
        self.bytes.extend_from_slice(&(verdicts.len() as u16).to_le_bytes());
        verdicts.iter().for_each(|verdict| self.put_verdict(verdict));
        self.hash.update(&self.bytes);
    }

    /// The hash of what was added so far.
    pub fn hash(&self) -> [u8; 32] {
        self.hash.clone().finalize().into()
    }

    fn put_emission(&mut self, transmission: &Transmission<'_>) {
        let emission = transmission.emission;
        let (kind, index) = match transmission.source {
            Transmitter::Node(NodeIndex(index)) => (0, index),
            Transmitter::Gateway(GatewayIndex(index)) => (1, u32::from(index)),
        };
        let bytes = &mut self.bytes;
        bytes.extend_from_slice(&transmission.start.as_micros().to_le_bytes());
        bytes.push(kind);
        bytes.extend_from_slice(&index.to_le_bytes());
        bytes.extend_from_slice(&emission.frequency_hz.to_le_bytes());
        bytes.push(emission.modulation.spreading_factor);
        bytes.extend_from_slice(&emission.modulation.bandwidth_hz.to_le_bytes());
        bytes.push(emission.modulation.coding_rate);
        bytes.extend_from_slice(&emission.power_dbm.to_le_bytes());
        bytes.extend_from_slice(&(emission.phy.len() as u16).to_le_bytes());
        bytes.extend_from_slice(&emission.phy);
    }

    fn put_verdict(&mut self, verdict: &Verdict) {
        match *verdict {
            Verdict::Delivered { rssi_dbm, snr_db } => {
                self.bytes.push(0);
                self.bytes.extend_from_slice(&tenths(rssi_dbm).to_le_bytes());
                self.bytes.extend_from_slice(&tenths(snr_db).to_le_bytes());
            }
            Verdict::Lost(cause) => self.bytes.push(code(cause)),
        }
    }
}

/// The byte of a cause. What has one keeps it, so that traces stay comparable.
const fn code(cause: Cause) -> u8 {
    match cause {
        Cause::Sensitivity => 1,
        Cause::HalfDuplex => 2,
        Cause::NoDemodulator => 3,
        Cause::Collision => 4,
        Cause::Injected => 5,
        Cause::Interference => 6,
        Cause::OffChannel => 7,
    }
}

/// A level in tenths of a dB.
pub fn tenths(decibel: f64) -> i16 {
    libm::round(decibel * 10.0) as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radio::Emission;
    use chirrup_protocol::airtime::Modulation;
    use chirrup_protocol::time::{Duration, Instant};

    #[test]
    fn the_bytes_of_a_transmission_are_those_of_the_table() {
        let emission = Emission {
            frequency_hz: 868_100_000,
            modulation: Modulation::lorawan(7, 125_000),
            power_dbm: -1,
            phy: vec![0xaa, 0xbb],
        };
        let verdicts =
            [Verdict::Delivered { rssi_dbm: -100.04, snr_db: 6.25 }, Verdict::Lost(Cause::Injected)];
        let mut trace = Trace::default();
        trace.add(&Transmission {
            source: Transmitter::Gateway(GatewayIndex(3)),
            start: Instant::from_micros(0x0102),
            airtime: Duration::from_millis(1),
            emission: &emission,
            verdicts: &verdicts,
        });
        let expected =
            "0201000000000000 01 03000000 a027be33 07 48e80100 01 ff 0200 aabb 0200 00 18fc 3f00 05";
        let written = hex::encode(&trace.bytes);
        assert_eq!(written, expected.replace(' ', ""));
    }
}
