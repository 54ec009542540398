//! Time on air of a LoRa frame (SX1276 data sheet, 4.1.1.7; Semtech AN1200.13).
use crate::time::Duration;

/// Preamble symbols of LoRaWAN up- and downlinks, before the 4.25 symbols of the sync word.
pub const PREAMBLE_SYMBOLS: u32 = 8;

/// What LoRaWAN adds around an application payload without MAC options: MHDR 1, DevAddr 4, FCtrl 1, FCnt 2,
/// FPort 1, MIC 4.
pub const LORAWAN_OVERHEAD_BYTES: usize = 13;

/// How a frame is modulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct Modulation {
    /// Spreading factor, 7 to 12 (the formula holds for 6 too).
    pub spreading_factor: u8,
    /// Bandwidth in Hz.
    pub bandwidth_hz: u32,
    /// Coding rate 4 / (4 + `coding_rate`), 1 to 4.
    pub coding_rate: u8,
}

impl Modulation {
    /// LoRaWAN's modulation at a spreading factor: 4/5 coding.
    pub const fn lorawan(spreading_factor: u8, bandwidth_hz: u32) -> Self {
        Self { spreading_factor, bandwidth_hz, coding_rate: 1 }
    }

    /// Duration of one symbol, 2^SF / BW, in nanoseconds (exact for the bandwidths of LoRaWAN).
    pub const fn symbol_ns(self) -> u64 {
        (1u64 << self.spreading_factor) * 1_000_000_000 / self.bandwidth_hz as u64
    }
}

impl Modulation {
    /// Signal to noise ratio below which the modulation cannot be demodulated, in tenths of a dB (SX1276 data
    /// sheet, table 13: -7.5 dB at SF7, 2.5 dB less for each further step).
    pub const fn snr_floor_tenth_db(self) -> i16 {
        -75 - 25 * (self.spreading_factor as i16 - 7)
    }
}

/// Whether a frame ends in a payload CRC. Uplinks do, downlinks do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadCrc {
    /// Two bytes of CRC follow the payload.
    Present,
    /// None.
    Absent,
}

/// Time on air of `phy_bytes` with an explicit header and the given preamble.
pub const fn airtime(
    modulation: Modulation,
    phy_bytes: usize,
    preamble_symbols: u32,
    crc: PayloadCrc,
) -> Duration {
    let symbol_ns = modulation.symbol_ns();
    let sf = modulation.spreading_factor as i64;
    // Low data rate optimisation is mandated where a symbol lasts 16 ms or longer.
    let low_rate = if symbol_ns >= 16_000_000 { 1 } else { 0 };
    let crc_bits = if matches!(crc, PayloadCrc::Present) { 16 } else { 0 };
    let bits = 8 * phy_bytes as i64 - 4 * sf + 28 + crc_bits;
    let per_block = 4 * (sf - 2 * low_rate);
    let blocks = if bits > 0 { (bits + per_block - 1) / per_block } else { 0 };
    let payload_symbols = 8 + blocks as u64 * (modulation.coding_rate as u64 + 4);
    // The preamble ends a quarter into a symbol, hence quarters.
    let quarters = (preamble_symbols as u64) * 4 + 17 + payload_symbols * 4;
    Duration::from_micros(quarters * symbol_ns / 4_000)
}

/// Time on air of a LoRaWAN uplink of `phy_bytes`.
pub const fn frame_airtime(modulation: Modulation, phy_bytes: usize) -> Duration {
    airtime(modulation, phy_bytes, PREAMBLE_SYMBOLS, PayloadCrc::Present)
}

/// Time on air of a LoRaWAN downlink of `phy_bytes`.
pub const fn downlink_airtime(modulation: Modulation, phy_bytes: usize) -> Duration {
    airtime(modulation, phy_bytes, PREAMBLE_SYMBOLS, PayloadCrc::Absent)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PHY payloads of 38 bytes at 125 kHz, from Semtech's LoRa calculator.
    #[test]
    fn airtime_matches_the_published_calculator() {
        let expected_us = [82_176, 143_872, 267_264, 493_568, 1_069_056, 1_974_272];
        for (sf, us) in (7..=12).zip(expected_us) {
            assert_eq!(frame_airtime(Modulation::lorawan(sf, 125_000), 38).as_micros(), us, "SF{sf}");
        }
    }

    #[test]
    fn a_downlink_saves_the_crc() {
        let sf7 = Modulation::lorawan(7, 125_000);
        assert!(downlink_airtime(sf7, 38) <= frame_airtime(sf7, 38));
        // 12 bytes of PHY at SF7: 8 + ceil((96 - 28 + 28 + 16) / 28) * 5 = 28 symbols; without CRC 8 + 4 * 5.
        assert_eq!(frame_airtime(sf7, 12).as_micros(), (12_250 + 28_000) * 1_024 / 1_000);
        assert_eq!(downlink_airtime(sf7, 12).as_micros(), (12_250 + 28_000) * 1_024 / 1_000);
    }

    #[test]
    fn a_longer_frame_never_takes_less_time() {
        for sf in 7..=12 {
            for bytes in 1..255 {
                let modulation = Modulation::lorawan(sf, 125_000);
                assert!(frame_airtime(modulation, bytes) >= frame_airtime(modulation, bytes - 1));
            }
        }
    }
}
