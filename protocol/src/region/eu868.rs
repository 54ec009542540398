//! EU863-870 (RP002-1.0.4, 2.4; ERC/REC 70-03, annex 1).
use super::plan::{Plan, Rates, Rx1Channel, band, rate};
use super::{DataRate, SubBand};

/// The payloads of EU868, EU433 and IN865, repeater-compatible. Every default channel carries these data rates.
pub const RATES: Rates = Rates {
    lowest: 0,
    rates: &[
        rate(12, 125_000, 51),
        rate(11, 125_000, 51),
        rate(10, 125_000, 51),
        rate(9, 125_000, 115),
        rate(8, 125_000, 222),
        rate(7, 125_000, 222),
    ],
};

/// Duty-cycle limits of ERC/REC 70-03. 865 to 868.6 MHz is one band here, which is stricter than the text.
const SUB_BANDS: [SubBand; 5] = [
    band(0, 863_000_000, 865_000_000, 1, 14),
    band(1, 865_000_000, 868_600_000, 10, 14),
    band(2, 868_700_000, 869_200_000, 1, 14),
    band(3, 869_400_000, 869_650_000, 100, 27),
    band(4, 869_700_000, 870_000_000, 10, 14),
];

pub static PLAN: Plan = Plan {
    name: "EU868",
    uplink: RATES,
    downlink: RATES,
    default_channels_hz: &[868_100_000, 868_300_000, 868_500_000],
    rx1_channel: Rx1Channel::AsUplink,
    rx1_shift: 0,
    max_rx1_offset: 5,
    rx2_frequency_hz: 869_525_000,
    rx2_data_rate: DataRate(0),
    sub_bands: &SUB_BANDS,
};

#[cfg(test)]
mod tests {
    use crate::region::{DataRate, DwellTime, Region};
    use crate::seal::Direction;

    #[test]
    fn data_rates_and_payloads_follow_rp002() {
        let region = Region::Eu868;
        let table = [(0, 12, 51), (1, 11, 51), (2, 10, 51), (3, 9, 115), (4, 8, 222), (5, 7, 222)];
        for (index, sf, bytes) in table {
            let data_rate = DataRate(index);
            assert_eq!(region.modulation(data_rate).unwrap().spreading_factor, sf);
            for direction in [Direction::Up, Direction::Down] {
                assert_eq!(region.max_payload_bytes(direction, DwellTime::Unlimited, data_rate), Ok(bytes));
            }
            assert_eq!(region.data_rate(sf, 125_000), Some(data_rate));
        }
        assert!(region.modulation(DataRate(7)).is_err());
        assert!(region.max_payload_bytes(Direction::Up, DwellTime::Unlimited, DataRate(15)).is_err());
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
