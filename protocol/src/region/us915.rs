//! US902-928 (RP002-1.0.4, 2.5; FCC 47 CFR 15.247). Uplinks of 125 kHz never last longer than 400 ms: the payloads
//! account for it, and no setting changes it.
use super::plan::{
    FIXED_DOWNLINK, FIXED_DOWNLINK_CHANNELS_HZ, Plan, Rates, Rx1Channel, band, fixed_channels, rate,
};
use super::{DataRate, SubBand};

const UPLINK: Rates = Rates {
    lowest: 0,
    rates: &[
        rate(10, 125_000, 11),
        rate(9, 125_000, 53),
        rate(8, 125_000, 125),
        rate(7, 125_000, 222),
        rate(8, 500_000, 222),
    ],
};

/// 30 dBm EIRP are 27.85 dBm ERP.
const SUB_BANDS: [SubBand; 1] = [band(0, 902_000_000, 928_000_000, 1_000, 27)];

const CHANNELS_HZ: [u32; 72] = fixed_channels(902_300_000, 903_000_000);

pub static PLAN: Plan = Plan {
    name: "US915",
    uplink: UPLINK,
    downlink: FIXED_DOWNLINK,
    default_channels_hz: &CHANNELS_HZ,
    rx1_channel: Rx1Channel::Downlink(&FIXED_DOWNLINK_CHANNELS_HZ),
    rx1_shift: 10,
    max_rx1_offset: 3,
    rx2_frequency_hz: 923_300_000,
    rx2_data_rate: DataRate(8),
    sub_bands: &SUB_BANDS,
};
