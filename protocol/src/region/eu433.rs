//! EU433 (RP002-1.0.4, 2.7; ERC/REC 70-03, annex 1).
//!
//! The law allows 10 % of duty cycle; LoRaWAN asks for 1 % on the default channels, which is what counts here. The
//! region has no dwell time, and DR2 carries what it does in EU868: `lorawan-device` 0.12.2 has the table of AS923
//! instead.
use super::plan::{Plan, Rx1Channel, band};
use super::{DataRate, SubBand, eu868};

/// 12.15 dBm EIRP are 10 dBm ERP.
const SUB_BANDS: [SubBand; 1] = [band(0, 433_050_000, 434_790_000, 10, 10)];

pub static PLAN: Plan = Plan {
    name: "EU433",
    uplink: eu868::RATES,
    downlink: eu868::RATES,
    default_channels_hz: &[433_175_000, 433_375_000, 433_575_000],
    rx1_channel: Rx1Channel::AsUplink,
    rx1_shift: 0,
    max_rx1_offset: 5,
    rx2_frequency_hz: 434_665_000,
    rx2_data_rate: DataRate(0),
    sub_bands: &SUB_BANDS,
};
