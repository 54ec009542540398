//! What network and node agreed on: data rate, power, channels, receive windows.
use super::channels::Channels;
use super::config::GuardConfig;
use super::error::RestoreError;
use chirrup_protocol::region::{DataRate, DwellTime, Region};
use lora_modulation::{Bandwidth, BaseBandModulationParams, CodingRate, SpreadingFactor};
use lorawan_device::async_device::DR;
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
        // Channels and windows of the others differ in kind.
        if region != Region::Eu868 {
            return Err(RestoreError::Region { region });
        }
        config.region.modulation(lowest)?;
        config.region.modulation(highest)?;
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
            region.modulation(self.rx2_data_rate).is_ok(),
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
    /// Steps of 2 dB below full power, 0 to 7.
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

    /// What RX1 listens to after an uplink on `uplink_hz`.
    pub fn rx1(&self, uplink_hz: u32) -> RfConfig {
        let rx1 = self.region.rx1_data_rate(DwellTime::Unlimited, self.data_rate, self.windows.rx1_offset);
        rf(self.region, rx1, uplink_hz)
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

/// The stack's name of a data rate that [`Region::modulation`] knows.
pub(super) fn stack_data_rate(data_rate: DataRate) -> DR {
    match data_rate.0 {
        0 => DR::_0,
        1 => DR::_1,
        2 => DR::_2,
        3 => DR::_3,
        4 => DR::_4,
        _ => DR::_5,
    }
}

/// The stack's name of the only region that [`DataRates::of`] lets pass.
pub(super) const STACK_REGION: lorawan_device::Region = lorawan_device::Region::EU868;

fn rf(region: Region, data_rate: DataRate, frequency: u32) -> RfConfig {
    let sf = match region.modulation(data_rate).map(|modulation| modulation.spreading_factor) {
        Ok(7) => SpreadingFactor::_7,
        Ok(8) => SpreadingFactor::_8,
        Ok(9) => SpreadingFactor::_9,
        Ok(10) => SpreadingFactor::_10,
        Ok(11) => SpreadingFactor::_11,
        // The region defines 7 to 12 and unknown data rates never reach a link.
        _ => SpreadingFactor::_12,
    };
    RfConfig { frequency, bb: BaseBandModulationParams::new(sf, Bandwidth::_125KHz, CodingRate::_4_5) }
}
