//! Regional parameters (LoRaWAN RP002): data rates, payload limits, channels, receive windows, duty cycle.
mod eu868;

use crate::airtime::Modulation;

/// A data rate's index in its region. The index, never the spreading factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct DataRate(pub u8);

/// A radio region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub enum Region {
    /// Europe, 863 to 870 MHz.
    Eu868,
}

/// A data rate that the region does not define for LoRa modulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("DR{} is not a LoRa data rate of this region (DR{} to DR{})", .data_rate.0, .lowest.0, .highest.0)]
pub struct UnknownDataRate {
    /// What was asked for.
    pub data_rate: DataRate,
    /// The region's slowest LoRa data rate.
    pub lowest: DataRate,
    /// The region's fastest LoRa data rate at 125 kHz.
    pub highest: DataRate,
}

/// A band of frequencies that shares one duty-cycle limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubBand {
    /// Index in [`Region::sub_bands`].
    pub index: usize,
    /// Lowest frequency, inclusive, in Hz.
    pub from_hz: u32,
    /// Highest frequency, exclusive, in Hz.
    pub to_hz: u32,
    /// Largest share of any hour on the air, in thousandths.
    pub duty_per_mille: u32,
    /// Largest radiated power, in dBm ERP.
    pub max_erp_dbm: i8,
}

impl Region {
    /// How a data rate is modulated.
    pub fn modulation(self, data_rate: DataRate) -> Result<Modulation, UnknownDataRate> {
        match self {
            Self::Eu868 => eu868::modulation(data_rate),
        }
    }

    /// The data rate of a spreading factor and bandwidth, if the region has it.
    pub fn data_rate(self, spreading_factor: u8, bandwidth_hz: u32) -> Option<DataRate> {
        (0..=self.highest_data_rate().0).map(DataRate).find(|&data_rate| {
            self.modulation(data_rate)
                .is_ok_and(|m| m.spreading_factor == spreading_factor && m.bandwidth_hz == bandwidth_hz)
        })
    }

    /// The slowest data rate at which a node may send.
    pub const fn lowest_data_rate(self) -> DataRate {
        DataRate(0)
    }

    /// The fastest data rate that nodes and gateways here use.
    pub const fn highest_data_rate(self) -> DataRate {
        match self {
            Self::Eu868 => DataRate(5),
        }
    }

    /// Largest application payload N in bytes when no MAC options travel along (RP002, repeater-compatible).
    pub fn max_payload_bytes(self, data_rate: DataRate) -> Result<usize, UnknownDataRate> {
        match self {
            Self::Eu868 => eu868::max_payload_bytes(data_rate),
        }
    }

    /// The sub-bands and their limits.
    pub const fn sub_bands(self) -> &'static [SubBand] {
        match self {
            Self::Eu868 => &eu868::SUB_BANDS,
        }
    }

    /// The sub-band that a frequency lies in.
    pub fn sub_band(self, frequency_hz: u32) -> Option<&'static SubBand> {
        self.sub_bands().iter().find(|band| (band.from_hz..band.to_hz).contains(&frequency_hz))
    }

    /// Channels that every device of the region knows, in Hz. Uplinks and RX1 use them.
    pub const fn default_channels_hz(self) -> &'static [u32] {
        match self {
            Self::Eu868 => &eu868::DEFAULT_CHANNELS_HZ,
        }
    }

    /// Frequency of RX2, in Hz.
    pub const fn rx2_frequency_hz(self) -> u32 {
        match self {
            Self::Eu868 => 869_525_000,
        }
    }

    /// Data rate of RX2 where the network announces no other.
    pub const fn rx2_default_data_rate(self) -> DataRate {
        DataRate(0)
    }

    /// Data rate of RX1 for an uplink's data rate and the network's offset.
    pub const fn rx1_data_rate(self, uplink: DataRate, offset: u8) -> DataRate {
        DataRate(uplink.0.saturating_sub(offset))
    }
}
