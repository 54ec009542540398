//! Regional parameters (LoRaWAN RP002): data rates, payload limits, channels, receive windows, duty cycle.
//!
//! One file a region, and one table in each. Payloads are those of RP002's tables for devices that may operate under
//! a repeater. Only LoRa data rates that every default channel carries are there: DR6 of EU868, EU433 and AS923
//! (250 kHz), FSK and LR-FHSS are not.
mod as923;
mod au915;
mod eu433;
mod eu868;
mod fit;
mod fixed;
mod in865;
mod plan;
mod us915;

use crate::airtime::Modulation;
use crate::seal::Direction;
use crate::time::Duration;
use plan::{Plan, Rates, Rx1Channel};

pub use fit::FitError;
pub use fixed::{ChannelGroup, ChannelPlan, FIXED_CHANNELS, NARROW_CHANNELS, Occupancy};

/// A data rate's index in its region. The index, never the spreading factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct DataRate(pub u8);

/// A radio region. New ones come last: stored records hold the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub enum Region {
    /// Europe, 863 to 870 MHz.
    Eu868,
    /// Europe, 433 MHz.
    Eu433,
    /// India, 865 to 867 MHz.
    In865,
    /// Asia, 915 to 928 MHz, group 1.
    As923_1,
    /// Asia, group 2: 1.8 MHz below group 1.
    As923_2,
    /// Asia, group 3: 6.6 MHz below group 1.
    As923_3,
    /// Asia, group 4: 5.9 MHz below group 1.
    As923_4,
    /// Australia, 915 to 928 MHz.
    Au915,
    /// North America, 902 to 928 MHz.
    Us915,
}

/// Whether the network limits the time that a frame may last (TxParamSetupReq, LoRaWAN 1.0.4, 5.9). AS923 limits
/// both directions, AU915 uplinks; to the other regions the setting means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DwellTime {
    /// No limit.
    Unlimited,
    /// [`DWELL_LIMIT`].
    Limited,
}

/// The longest time that a frame may last where dwell time is limited.
pub const DWELL_LIMIT: Duration = Duration::from_millis(400);

/// A data rate that the region does not define for LoRa modulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("DR{} is not a LoRa data rate of this region (DR{} to DR{})", .data_rate.0, .lowest.0, .highest.0)]
pub struct UnknownDataRate {
    /// What was asked for.
    pub data_rate: DataRate,
    /// The slowest LoRa data rate there.
    pub lowest: DataRate,
    /// The fastest LoRa data rate there.
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
    /// Largest share of any hour on the air, in thousandths; 1000 where nothing limits it.
    pub duty_per_mille: u32,
    /// Largest radiated power, in dBm ERP: 2.15 dB below EIRP, rounded down.
    pub max_erp_dbm: i8,
}

impl core::fmt::Display for Region {
    /// The common name of RP002.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.plan().name)
    }
}

impl core::fmt::Display for Direction {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Up => "uplink",
            Self::Down => "downlink",
        })
    }
}

impl Region {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Eu868,
        Self::Eu433,
        Self::In865,
        Self::As923_1,
        Self::As923_2,
        Self::As923_3,
        Self::As923_4,
        Self::Au915,
        Self::Us915,
    ];

    const fn plan(self) -> &'static Plan {
        match self {
            Self::Eu868 => &eu868::PLAN,
            Self::Eu433 => &eu433::PLAN,
            Self::In865 => &in865::PLAN,
            Self::As923_1 => &as923::PLANS[0],
            Self::As923_2 => &as923::PLANS[1],
            Self::As923_3 => &as923::PLANS[2],
            Self::As923_4 => &as923::PLANS[3],
            Self::Au915 => &au915::PLAN,
            Self::Us915 => &us915::PLAN,
        }
    }

    const fn rates(self, direction: Direction) -> Rates {
        match direction {
            Direction::Up => self.plan().uplink,
            Direction::Down => self.plan().downlink,
        }
    }

    /// How a data rate is modulated, whichever way it is used.
    pub fn modulation(self, data_rate: DataRate) -> Result<Modulation, UnknownDataRate> {
        let Plan { uplink, downlink, .. } = *self.plan();
        let rate = uplink.get(data_rate).or_else(|| downlink.get(data_rate));
        rate.map(|rate| rate.modulation).ok_or(UnknownDataRate {
            data_rate,
            lowest: self.lowest_data_rate(),
            highest: self.highest_data_rate(),
        })
    }

    /// The data rate of an uplink's spreading factor and bandwidth, if the region has it.
    pub fn data_rate(self, spreading_factor: u8, bandwidth_hz: u32) -> Option<DataRate> {
        let wanted = Modulation::lorawan(spreading_factor, bandwidth_hz);
        self.plan().uplink.iter().find(|(_, rate)| rate.modulation == wanted).map(|(data_rate, _)| data_rate)
    }

    /// The slowest data rate at which a node may send without a limit of dwell time.
    pub const fn lowest_data_rate(self) -> DataRate {
        DataRate(self.plan().uplink.lowest)
    }

    /// The fastest data rate at which a node may send.
    pub const fn highest_data_rate(self) -> DataRate {
        DataRate(self.plan().uplink.highest())
    }

    /// Largest application payload N in bytes when no MAC options travel along (RP002, repeater-compatible).
    ///
    /// # Errors
    /// A data rate that the direction does not have, or that dwell time forbids.
    pub fn max_payload_bytes(
        self,
        direction: Direction,
        dwell: DwellTime,
        data_rate: DataRate,
    ) -> Result<usize, UnknownDataRate> {
        let rates = self.rates(direction);
        rates.get(data_rate).and_then(|rate| rate.payload_bytes(dwell)).ok_or_else(|| UnknownDataRate {
            data_rate,
            lowest: rates.lowest_at(dwell),
            highest: DataRate(rates.highest()),
        })
    }

    /// The data rates that may be used, slowest first, and their payloads in bytes.
    fn payloads(self, direction: Direction, dwell: DwellTime) -> impl Iterator<Item = (DataRate, usize)> {
        let rates = self.rates(direction);
        rates.iter().filter_map(move |(data_rate, rate)| Some((data_rate, rate.payload_bytes(dwell)?)))
    }

    /// The sub-bands and their limits.
    pub const fn sub_bands(self) -> &'static [SubBand] {
        self.plan().sub_bands
    }

    /// The sub-band that a frequency lies in.
    pub fn sub_band(self, frequency_hz: u32) -> Option<&'static SubBand> {
        self.sub_bands().iter().find(|band| (band.from_hz..band.to_hz).contains(&frequency_hz))
    }

    /// Channels that every device of the region knows, in Hz. Uplinks use them. Of the 72 of US915 and AU915 the
    /// last 8 carry the data rate of 500 kHz.
    pub const fn default_channels_hz(self) -> &'static [u32] {
        self.plan().default_channels_hz
    }

    /// Frequency of RX1 after an uplink, in Hz; none where the region fixes the channels and this is none of them.
    pub fn rx1_frequency_hz(self, uplink_hz: u32) -> Option<u32> {
        match self.plan().rx1_channel {
            Rx1Channel::AsUplink => Some(uplink_hz),
            Rx1Channel::Downlink(channels_hz) => {
                let channel = self.default_channels_hz().iter().position(|&hz| hz == uplink_hz)?;
                channels_hz.get(channel % channels_hz.len()).copied()
            }
        }
    }

    /// Frequency of RX2, in Hz.
    pub const fn rx2_frequency_hz(self) -> u32 {
        self.plan().rx2_frequency_hz
    }

    /// Data rate of RX2 where the network announces no other.
    pub const fn rx2_default_data_rate(self) -> DataRate {
        self.plan().rx2_data_rate
    }

    /// The largest RX1DROffset.
    pub const fn max_rx1_offset(self) -> u8 {
        self.plan().max_rx1_offset
    }

    /// Data rate of RX1 for an uplink's data rate and the network's offset, at most
    /// [`max_rx1_offset`](Self::max_rx1_offset). Where dwell time is limited, RX1 is no slower than the slowest data
    /// rate that may be used. Offsets 6 and 7 are -1 and -2; RP002-1.0.5 forbids uplinks for which they would lead
    /// beyond DR5, here they end there.
    pub fn rx1_data_rate(self, dwell: DwellTime, uplink: DataRate, offset: u8) -> DataRate {
        let Plan { downlink, rx1_shift, .. } = *self.plan();
        let effective = match offset {
            0..=5 => i16::from(offset),
            _ => 5 - i16::from(offset),
        };
        let wanted = i16::from(uplink.0) + i16::from(rx1_shift) - effective;
        let (lowest, highest) = (downlink.lowest_at(dwell).0, downlink.highest());
        DataRate(wanted.clamp(lowest.into(), highest.into()) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::airtime::{LORAWAN_OVERHEAD_BYTES, frame_airtime};

    /// Independent of any table: 400 ms are what the payloads are made for.
    #[test]
    fn limited_frames_end_within_the_dwell_time() {
        let limited = [Region::As923_1, Region::As923_4, Region::Au915, Region::Us915];
        for region in limited {
            for (data_rate, bytes) in region.payloads(Direction::Up, DwellTime::Limited) {
                let modulation = region.modulation(data_rate).unwrap();
                let on_air = |payload: usize| frame_airtime(modulation, payload + LORAWAN_OVERHEAD_BYTES);
                assert!(on_air(bytes) <= DWELL_LIMIT, "{region} {data_rate:?}");
                let full = modulation.bandwidth_hz == 500_000 || modulation.spreading_factor == 7;
                assert!(full || on_air(bytes + 5) > DWELL_LIMIT, "{region} {data_rate:?} wastes time");
            }
        }
    }

    #[test]
    fn every_channel_lies_in_a_band_and_has_an_rx1() {
        for region in Region::ALL {
            for &hz in region.default_channels_hz() {
                assert!(region.sub_band(hz).is_some(), "{region} {hz}");
                let rx1 = region.rx1_frequency_hz(hz).unwrap();
                assert!(region.sub_band(rx1).is_some(), "{region} {hz}");
            }
            assert!(region.sub_band(region.rx2_frequency_hz()).is_some(), "{region}");
        }
        assert_eq!(Region::Us915.rx1_frequency_hz(902_400_000), None);
    }

    #[test]
    fn rx1_never_leaves_the_downlink_data_rates() {
        for region in Region::ALL {
            for dwell in [DwellTime::Unlimited, DwellTime::Limited] {
                for (up, offset) in (0..=u8::MAX).flat_map(|up| [0, 5, 7, u8::MAX].map(|offset| (up, offset)))
                {
                    let rx1 = region.rx1_data_rate(dwell, DataRate(up), offset);
                    assert!(region.max_payload_bytes(Direction::Down, dwell, rx1).is_ok());
                }
            }
        }
    }
}
