//! How weak a signal a receiver can still demodulate.
//!
//! A receiver hears a frame when its power reaches the sensitivity of its spreading factor. The signal-to-noise ratio
//! that it reports is measured against the noise that this table implies, so that a frame at the edge of hearing
//! reports exactly the floor of its spreading factor, and a margin is the same in both units.
use chirrup_protocol::airtime::Modulation;

/// Lowest signal-to-noise ratio at which SF7 to SF12 can be demodulated, in dB (SX1276 data sheet, table 13).
pub const SNR_FLOORS_DB: [f64; 6] = [-7.5, -10.0, -12.5, -15.0, -17.5, -20.0];

/// A receiver's sensitivity for SF7 to SF12 at 125 kHz.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sensitivity {
    dbm_at_125_khz: [f64; 6],
}

/// Concentrators with an SX1301, as the LoRaWAN module of ns-3 has them: 2.5 dB a spreading factor.
pub const GATEWAY: Sensitivity =
    Sensitivity { dbm_at_125_khz: [-130.0, -132.5, -135.0, -137.5, -140.0, -142.5] };

/// Nodes with an SX1276 (its data sheet, table 10, band 1).
pub const NODE: Sensitivity =
    Sensitivity { dbm_at_125_khz: [-123.0, -126.0, -129.0, -132.0, -133.0, -136.0] };

/// The row of a spreading factor in tables for SF7 to SF12.
pub(super) const fn row(spreading_factor: u8) -> usize {
    spreading_factor as usize - 7
}

impl Sensitivity {
    /// The weakest power that is heard, in dBm. Noise grows with the bandwidth, 3 dB for twice as much.
    pub fn weakest_dbm(&self, modulation: Modulation) -> f64 {
        let at_125_khz = self.dbm_at_125_khz[row(modulation.spreading_factor)];
        if modulation.bandwidth_hz == 125_000 {
            return at_125_khz;
        }
        at_125_khz + 10.0 * libm::log10(f64::from(modulation.bandwidth_hz) / 125_000.0)
    }

    /// How much `added_mw` raises the receiver's own noise, in dB: at the edge of hearing, a frame must be so much
    /// stronger.
    pub fn noise_rise_db(&self, modulation: Modulation, added_mw: f64) -> f64 {
        if added_mw == 0.0 {
            return 0.0;
        }
        let own_dbm = self.weakest_dbm(modulation) - SNR_FLOORS_DB[row(modulation.spreading_factor)];
        10.0 * libm::log10(1.0 + added_mw / libm::pow(10.0, own_dbm / 10.0))
    }

    /// The signal-to-noise ratio of a frame that arrives with `rssi_dbm`, in dB.
    pub fn snr_db(&self, modulation: Modulation, rssi_dbm: f64) -> f64 {
        rssi_dbm - self.weakest_dbm(modulation) + SNR_FLOORS_DB[row(modulation.spreading_factor)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Thermal noise at 17 degrees, -174 dBm/Hz, plus a noise figure.
    fn noise_dbm(bandwidth_hz: f64, noise_figure_db: f64) -> f64 {
        -174.0 + 10.0 * libm::log10(bandwidth_hz) + noise_figure_db
    }

    #[test]
    fn the_node_table_is_noise_plus_six_decibels_plus_the_snr_floor() {
        for (sf, floor) in (7..=12).zip(SNR_FLOORS_DB) {
            let computed = noise_dbm(125e3, 6.0) + floor;
            let table = NODE.weakest_dbm(Modulation::lorawan(sf, 125_000));
            assert!((computed - table).abs() < 1.6, "SF{sf}: {computed} against {table}");
        }
    }

    #[test]
    fn noise_as_strong_as_the_receivers_own_raises_it_by_three_decibels() {
        for sf in 7..=12 {
            let modulation = Modulation::lorawan(sf, 125_000);
            let own_dbm =
                GATEWAY.weakest_dbm(modulation) - GATEWAY.snr_db(modulation, GATEWAY.weakest_dbm(modulation));
            let rise_db = GATEWAY.noise_rise_db(modulation, libm::pow(10.0, own_dbm / 10.0));
            assert!((rise_db - 3.0103).abs() < 1e-4, "SF{sf}: {rise_db}");
            assert_eq!(GATEWAY.noise_rise_db(modulation, 0.0), 0.0);
        }
    }

    #[test]
    fn a_frame_at_the_edge_reports_the_floor_of_its_spreading_factor() {
        for bandwidth_hz in [125_000, 250_000, 500_000] {
            for (sf, floor) in (7..=12).zip(SNR_FLOORS_DB) {
                let modulation = Modulation::lorawan(sf, bandwidth_hz);
                assert_eq!(GATEWAY.snr_db(modulation, GATEWAY.weakest_dbm(modulation)), floor);
            }
        }
        let wide = GATEWAY.weakest_dbm(Modulation::lorawan(7, 250_000));
        assert!((wide - (-130.0 + 3.0103)).abs() < 1e-4);
    }
}
