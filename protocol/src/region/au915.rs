//! AU915-928 (RP002-1.0.4, 2.8). Dwell time limits uplinks of 125 kHz alone.
use super::plan::{
    FIXED_DOWNLINK, FIXED_DOWNLINK_CHANNELS_HZ, Plan, Rates, Rx1Channel, band, fixed_channels, rate,
};
use super::{DataRate, SubBand};

const UPLINK: Rates = Rates {
    lowest: 0,
    rates: &[
        rate(12, 125_000, 51).limited(None),
        rate(11, 125_000, 51).limited(None),
        rate(10, 125_000, 51).limited(Some(11)),
        rate(9, 125_000, 115).limited(Some(53)),
        rate(8, 125_000, 222).limited(Some(125)),
        rate(7, 125_000, 222),
        rate(8, 500_000, 222),
    ],
};

/// 30 dBm EIRP are 27.85 dBm ERP.
const SUB_BANDS: [SubBand; 1] = [band(0, 915_000_000, 928_000_000, 1_000, 27)];

const CHANNELS_HZ: [u32; 72] = fixed_channels(915_200_000, 915_900_000);

pub static PLAN: Plan = Plan {
    name: "AU915",
    uplink: UPLINK,
    downlink: FIXED_DOWNLINK,
    default_channels_hz: &CHANNELS_HZ,
    rx1_channel: Rx1Channel::Downlink(&FIXED_DOWNLINK_CHANNELS_HZ),
    rx1_shift: 8,
    max_rx1_offset: 5,
    rx2_frequency_hz: 923_300_000,
    rx2_data_rate: DataRate(8),
    sub_bands: &SUB_BANDS,
};
