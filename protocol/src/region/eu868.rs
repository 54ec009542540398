//! EU863-870 (RP002-1.0.4, 2.4; ERC/REC 70-03, annex 1).
use super::{DataRate, SubBand, UnknownDataRate};
use crate::airtime::Modulation;

/// The three channels that every device has (RP002-1.0.4, 2.4.2).
pub const DEFAULT_CHANNELS_HZ: [u32; 3] = [868_100_000, 868_300_000, 868_500_000];

const fn band(index: usize, from_hz: u32, to_hz: u32, duty_per_mille: u32, max_erp_dbm: i8) -> SubBand {
    SubBand { index, from_hz, to_hz, duty_per_mille, max_erp_dbm }
}

/// Duty-cycle limits of ERC/REC 70-03. 865 to 868.6 MHz is one band here, which is stricter than the text.
pub const SUB_BANDS: [SubBand; 5] = [
    band(0, 863_000_000, 865_000_000, 1, 14),
    band(1, 865_000_000, 868_600_000, 10, 14),
    band(2, 868_700_000, 869_200_000, 1, 14),
    band(3, 869_400_000, 869_650_000, 100, 27),
    band(4, 869_700_000, 870_000_000, 10, 14),
];

pub fn modulation(data_rate: DataRate) -> Result<Modulation, UnknownDataRate> {
    match data_rate.0 {
        index @ 0..=5 => Ok(Modulation::lorawan(12 - index, 125_000)),
        _ => Err(UnknownDataRate { data_rate, lowest: DataRate(0), highest: DataRate(5) }),
    }
}

pub fn max_payload_bytes(data_rate: DataRate) -> Result<usize, UnknownDataRate> {
    modulation(data_rate)?;
    Ok(match data_rate.0 {
        0..=2 => 51,
        3 => 115,
        _ => 222,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::region::Region;

    #[test]
    fn data_rates_and_payloads_follow_rp002() {
        let table = [(0, 12, 51), (1, 11, 51), (2, 10, 51), (3, 9, 115), (4, 8, 222), (5, 7, 222)];
        for (index, sf, bytes) in table {
            let data_rate = DataRate(index);
            assert_eq!(modulation(data_rate).unwrap().spreading_factor, sf);
            assert_eq!(max_payload_bytes(data_rate).unwrap(), bytes);
            assert_eq!(Region::Eu868.data_rate(sf, 125_000), Some(data_rate));
        }
        assert!(modulation(DataRate(7)).is_err());
        assert!(max_payload_bytes(DataRate(15)).is_err());
    }

    #[test]
    fn every_channel_has_a_duty_cycle() {
        for &hz in Region::Eu868.default_channels_hz() {
            assert_eq!(Region::Eu868.sub_band(hz).unwrap().duty_per_mille, 10);
        }
        assert_eq!(Region::Eu868.sub_band(869_525_000).unwrap().duty_per_mille, 100);
        assert_eq!(Region::Eu868.sub_band(868_650_000), None);
    }
}
