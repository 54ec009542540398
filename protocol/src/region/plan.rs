//! What a region's file says: one table of data rates a direction, channels, windows, bands.
use super::{DataRate, DwellTime, SubBand};
use crate::airtime::Modulation;

/// A LoRa data rate and the application payload N that it carries, in bytes, repeater-compatible.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    pub modulation: Modulation,
    payload_bytes: usize,
    /// N where a frame may last 400 ms; none where not even an empty frame is that short.
    limited_bytes: Option<usize>,
}

/// A data rate whose payload does not depend on dwell time.
pub const fn rate(spreading_factor: u8, bandwidth_hz: u32, payload_bytes: usize) -> Rate {
    let modulation = Modulation::lorawan(spreading_factor, bandwidth_hz);
    Rate { modulation, payload_bytes, limited_bytes: Some(payload_bytes) }
}

impl Rate {
    /// The payload that 400 ms hold; none where the rate is not to be used then.
    pub const fn limited(self, limited_bytes: Option<usize>) -> Self {
        Self { limited_bytes, ..self }
    }

    pub const fn payload_bytes(self, dwell: DwellTime) -> Option<usize> {
        match dwell {
            DwellTime::Unlimited => Some(self.payload_bytes),
            DwellTime::Limited => self.limited_bytes,
        }
    }
}

/// The LoRa data rates of one direction: consecutive indices from `lowest` on.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    pub lowest: u8,
    pub rates: &'static [Rate],
}

impl Rates {
    pub const fn highest(self) -> u8 {
        self.lowest + self.rates.len() as u8 - 1
    }

    pub fn get(self, data_rate: DataRate) -> Option<Rate> {
        self.rates.get(usize::from(data_rate.0.checked_sub(self.lowest)?)).copied()
    }

    pub fn iter(self) -> impl Iterator<Item = (DataRate, Rate)> {
        (self.lowest..).map(DataRate).zip(self.rates.iter().copied())
    }

    /// The slowest data rate that may be used.
    pub fn lowest_at(self, dwell: DwellTime) -> DataRate {
        let usable = self.iter().find(|(_, rate)| rate.payload_bytes(dwell).is_some());
        usable.map_or(DataRate(self.highest()), |(data_rate, _)| data_rate)
    }
}

/// Where RX1 listens.
#[derive(Clone, Copy, Debug)]
pub enum Rx1Channel {
    /// On the uplink's frequency.
    AsUplink,
    /// On one of these, in Hz: the uplink channel's index modulo their number.
    Downlink(&'static [u32]),
}

/// Everything about a region.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub name: &'static str,
    pub uplink: Rates,
    pub downlink: Rates,
    pub default_channels_hz: &'static [u32],
    pub rx1_channel: Rx1Channel,
    /// Added to an uplink's index before the offset is subtracted.
    pub rx1_shift: u8,
    pub max_rx1_offset: u8,
    pub rx2_frequency_hz: u32,
    pub rx2_data_rate: DataRate,
    pub sub_bands: &'static [SubBand],
}

/// `N` channels at equal distances.
pub const fn channels<const N: usize>(first_hz: u32, step_hz: u32) -> [u32; N] {
    let mut hz = [0; N];
    let mut index = 0;
    while index < N {
        hz[index] = first_hz + step_hz * index as u32;
        index += 1;
    }
    hz
}

/// The channels of US915 and AU915: 64 of 125 kHz, then 8 of 500 kHz.
pub const fn fixed_channels(first_125_hz: u32, first_500_hz: u32) -> [u32; 72] {
    let narrow: [u32; 64] = channels(first_125_hz, 200_000);
    let wide: [u32; 8] = channels(first_500_hz, 1_600_000);
    let mut hz = [0; 72];
    let mut index = 0;
    while index < 72 {
        hz[index] = if index < 64 { narrow[index] } else { wide[index - 64] };
        index += 1;
    }
    hz
}

/// The downlink channels of US915 and AU915.
pub const FIXED_DOWNLINK_CHANNELS_HZ: [u32; 8] = channels(923_300_000, 600_000);

/// The downlink data rates of US915 and AU915, DR8 to DR13 (RP002-1.0.4, 2.5.6 and 2.8.6).
pub const FIXED_DOWNLINK: Rates = Rates {
    lowest: 8,
    rates: &[
        rate(12, 500_000, 53),
        rate(11, 500_000, 129),
        rate(10, 500_000, 222),
        rate(9, 500_000, 222),
        rate(8, 500_000, 222),
        rate(7, 500_000, 222),
    ],
};

/// A sub-band. Without a duty cycle, `duty_per_mille` is 1000.
pub const fn band(index: usize, from_hz: u32, to_hz: u32, duty_per_mille: u32, max_erp_dbm: i8) -> SubBand {
    SubBand { index, from_hz, to_hz, duty_per_mille, max_erp_dbm }
}
