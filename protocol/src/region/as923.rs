//! AS923-1 to AS923-4 (RP002-1.0.4, 2.10): one plan, shifted by AS923_FREQ_OFFSET_HZ.
//!
//! The offsets of groups 2 to 4 are negative, and the default channels lie 200 kHz apart; `lorawan-device` 0.12.2
//! adds the offset to the channels and has the first one twice. RX1 offsets 6 and 7 raise the data rate by one and
//! two steps.
use super::plan::{Plan, Rates, Rx1Channel, band, rate};
use super::{DataRate, SubBand};

const RATES: Rates = Rates {
    lowest: 0,
    rates: &[
        rate(12, 125_000, 51).limited(None),
        rate(11, 125_000, 51).limited(None),
        rate(10, 125_000, 115).limited(Some(11)),
        rate(9, 125_000, 115).limited(Some(53)),
        rate(8, 125_000, 222).limited(Some(125)),
        rate(7, 125_000, 222),
    ],
};

/// 16 dBm EIRP are 13.85 dBm ERP. RP002 asks for less than 1 % on the default channels.
const SUB_BANDS: [SubBand; 1] = [band(0, 915_000_000, 928_000_000, 10, 13)];

const fn default_channels_hz(below_hz: u32) -> [u32; 2] {
    [923_200_000 - below_hz, 923_400_000 - below_hz]
}

const BELOW_HZ: [u32; 4] = [0, 1_800_000, 6_600_000, 5_900_000];
const CHANNELS_HZ: [[u32; 2]; 4] = [
    default_channels_hz(BELOW_HZ[0]),
    default_channels_hz(BELOW_HZ[1]),
    default_channels_hz(BELOW_HZ[2]),
    default_channels_hz(BELOW_HZ[3]),
];

const fn plan(name: &'static str, default_channels_hz: &'static [u32; 2]) -> Plan {
    Plan {
        name,
        uplink: RATES,
        downlink: RATES,
        default_channels_hz,
        rx1_channel: Rx1Channel::AsUplink,
        rx1_shift: 0,
        max_rx1_offset: 7,
        // RX2 has the frequency of the first channel.
        rx2_frequency_hz: default_channels_hz[0],
        rx2_data_rate: DataRate(2),
        sub_bands: &SUB_BANDS,
    }
}

pub static PLANS: [Plan; 4] = [
    plan("AS923-1", &CHANNELS_HZ[0]),
    plan("AS923-2", &CHANNELS_HZ[1]),
    plan("AS923-3", &CHANNELS_HZ[2]),
    plan("AS923-4", &CHANNELS_HZ[3]),
];

#[cfg(test)]
mod tests {
    use crate::region::Region;

    #[test]
    fn the_four_groups_lie_where_rp002_has_them() {
        let table = [
            (Region::As923_1, 923_200_000, 923_400_000),
            (Region::As923_2, 921_400_000, 921_600_000),
            (Region::As923_3, 916_600_000, 916_800_000),
            (Region::As923_4, 917_300_000, 917_500_000),
        ];
        for (region, first, second) in table {
            assert_eq!(region.default_channels_hz(), [first, second], "{region}");
            assert_eq!(region.rx2_frequency_hz(), first, "{region}");
        }
    }
}
