//! IN865-867 (RP002-1.0.4, 2.12).
//!
//! RX1 offsets 6 and 7 raise the data rate by one and two steps. Up to RP002-1.0.4 devices may send 30 dBm EIRP,
//! since 1.0.5 29.2 dBm, which is what counts here: 27 dBm ERP.
use super::plan::{Plan, Rx1Channel, band};
use super::{DataRate, SubBand, eu868};

const SUB_BANDS: [SubBand; 1] = [band(0, 865_000_000, 867_000_000, 1_000, 27)];

pub static PLAN: Plan = Plan {
    name: "IN865",
    uplink: eu868::RATES,
    downlink: eu868::RATES,
    default_channels_hz: &[865_062_500, 865_402_500, 865_985_000],
    rx1_channel: Rx1Channel::AsUplink,
    rx1_shift: 0,
    max_rx1_offset: 7,
    rx2_frequency_hz: 866_550_000,
    rx2_data_rate: DataRate(2),
    sub_bands: &SUB_BANDS,
};
