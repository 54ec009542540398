//! What network and node agreed on: data rate, power, channels, receive windows.
use super::channels::Channels;
use super::config::GuardConfig;
use super::error::RestoreError;
use chirrup_protocol::region::{ChannelPlan, DataRate, Region};
use chirrup_protocol::seal::Direction;
use lora_modulation::{Bandwidth, BaseBandModulationParams, CodingRate, SpreadingFactor};
use lorawan_device::async_device::radio::RfConfig;

/// Data rates between which a node may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DataRates {
    pub lowest: DataRate,
    pub highest: DataRate,
}

impl DataRates {
    pub fn of(config: &GuardConfig) -> Result<Self, RestoreError> {
        let (region, lowest, highest) = (config.region, config.lowest_data_rate, config.highest_data_rate);
        if !matches!(region, Region::Eu868 | Region::Us915 | Region::Au915) {
            return Err(RestoreError::Region { region });
        }
        region.max_payload_bytes(Direction::Up, region.uplink_dwell(), lowest)?;
        region.max_payload_bytes(Direction::Up, region.uplink_dwell(), highest)?;
        if lowest > highest {
            return Err(RestoreError::EmptyRange { lowest, highest });
        }
        Ok(Self { lowest, highest })
    }

    pub fn contains(self, data_rate: DataRate) -> bool {
        (self.lowest..=self.highest).contains(&data_rate)
    }

    pub fn iter(self) -> impl Iterator<Item = DataRate> {
        (self.lowest.0..=self.highest.0).map(DataRate)
    }
}

/// RX1DROffset and RX2 of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReceiveWindows {
    pub rx1_offset: u8,
    pub rx2_data_rate: DataRate,
    pub rx2_frequency_hz: u32,
}

impl ReceiveWindows {
    pub fn new(region: Region) -> Self {
        Self {
            rx1_offset: 0,
            rx2_data_rate: region.rx2_default_data_rate(),
            rx2_frequency_hz: region.rx2_frequency_hz(),
        }
    }

    /// Whether the region has such windows: offset, data rate and frequency, one by one.
    pub fn acceptable(self, region: Region) -> [bool; 3] {
        [
            self.rx1_offset <= region.max_rx1_offset(),
            region.max_payload_bytes(Direction::Down, region.uplink_dwell(), self.rx2_data_rate).is_ok(),
            region.sub_band(self.rx2_frequency_hz).is_some(),
        ]
    }

    /// DLSettings: bits 6 to 4 the offset, bits 3 to 0 RX2's data rate (LoRaWAN 1.0.4, 5.5).
    pub fn with_dl_settings(self, dl_settings: u8) -> Self {
        Self { rx1_offset: dl_settings >> 4 & 0x07, rx2_data_rate: DataRate(dl_settings & 0x0f), ..self }
    }
}

/// The state of the link. A join resets it, MAC commands change it, a snapshot keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub region: Region,
    pub data_rates: DataRates,
    pub data_rate: DataRate,
    /// Steps of 2 dB below full power, up to [`max_tx_power_index`].
    pub tx_power_index: u8,
    /// Seconds from the end of an uplink to RX1, 1 to 15.
    pub rx_delay_s: u8,
    pub windows: ReceiveWindows,
    /// Aggregate duty cycle of one part in 2^exponent, 0 to 15; 0 is no limit.
    pub max_duty_exponent: u8,
    pub channels: Channels,
}

impl Link {
    /// Before a network said anything.
    pub fn new(region: Region, data_rates: DataRates) -> Self {
        Self {
            region,
            data_rates,
            data_rate: data_rates.lowest,
            tx_power_index: 0,
            rx_delay_s: 1,
            windows: ReceiveWindows::new(region),
            max_duty_exponent: 0,
            channels: Channels::new(region),
        }
    }

    /// How an uplink goes out.
    pub fn uplink(&self, data_rate: DataRate, frequency_hz: u32) -> RfConfig {
        rf(self.region, data_rate, frequency_hz)
    }

    /// What RX1 listens to after an uplink at `data_rate` on `uplink_hz`.
    pub fn rx1(&self, data_rate: DataRate, uplink_hz: u32) -> RfConfig {
        let (region, offset) = (self.region, self.windows.rx1_offset);
        let rx1 = region.rx1_data_rate(region.uplink_dwell(), data_rate, offset);
        // Every uplink channel of a region has its RX1.
        rf(region, rx1, region.rx1_frequency_hz(uplink_hz).unwrap_or(uplink_hz))
    }

    /// What RX2 listens to.
    pub fn rx2(&self) -> RfConfig {
        rf(self.region, self.windows.rx2_data_rate, self.windows.rx2_frequency_hz)
    }
}

/// RXTimingSetupReq and JoinAccept code one second as 0 and as 1 (LoRaWAN 1.0.4, 5.8).
pub(super) fn rx_delay_s(coded: u8) -> u8 {
    (coded & 0x0f).max(1)
}

/// The largest TXPower of LinkADRReq (RP002-1.0.4, 2.4.3, 2.5.3 and 2.8.3).
pub(super) const fn max_tx_power_index(region: Region) -> u8 {
    match region {
        Region::Us915 | Region::Au915 => 14,
        _ => 7,
    }
}

/// The power of an uplink in dBm, for a stack that offers `stack_dbm` and a radio that has `radio_dbm`. In EU868
/// TXPower counts down from what the stack offers, in US915 and AU915 from 30 dBm (RP002-1.0.4, 2.5.3 and 2.8.3).
pub(super) fn power_dbm(region: Region, tx_power_index: u8, stack_dbm: i8, radio_dbm: u8) -> i8 {
    let reduction_db = 2 * i8::try_from(tx_power_index).unwrap_or(i8::MAX / 2);
    match region.channel_plan() {
        ChannelPlan::Dynamic => stack_dbm.saturating_sub(reduction_db),
        ChannelPlan::Fixed => {
            let erp_dbm = region.sub_bands().iter().map(|band| band.max_erp_dbm).max().unwrap_or(0);
            let radio_dbm = i8::try_from(radio_dbm).unwrap_or(i8::MAX);
            FIXED_PLAN_DBM.saturating_sub(reduction_db).min(erp_dbm).min(radio_dbm)
        }
    }
}

/// TXPower 0 of US915 and AU915.
const FIXED_PLAN_DBM: i8 = 30;

/// What the stack is told about its region, always the same: channel, data rate, power and windows of every exchange
/// are set at the radio, from the region that the guard knows.
pub(super) const STACK_REGION: lorawan_device::Region = lorawan_device::Region::EU868;

fn rf(region: Region, data_rate: DataRate, frequency: u32) -> RfConfig {
    let modulation = region.modulation(data_rate);
    let sf = match modulation.map(|modulation| modulation.spreading_factor) {
        Ok(7) => SpreadingFactor::_7,
        Ok(8) => SpreadingFactor::_8,
        Ok(9) => SpreadingFactor::_9,
        Ok(10) => SpreadingFactor::_10,
        Ok(11) => SpreadingFactor::_11,
        // The region defines 7 to 12 and unknown data rates never reach a link.
        _ => SpreadingFactor::_12,
    };
    let bandwidth = match modulation.map(|modulation| modulation.bandwidth_hz) {
        Ok(500_000) => Bandwidth::_500KHz,
        _ => Bandwidth::_125KHz,
    };
    RfConfig { frequency, bb: BaseBandModulationParams::new(sf, bandwidth, CodingRate::_4_5) }
}
