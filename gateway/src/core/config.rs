//! What a network server must know before its first frame.
use super::adr::Rule;
use super::record::Key;
use chirrup_protocol::ids::{DevEui, GatewayId};
use chirrup_protocol::region::{ChannelGroup, ChannelPlan, DataRate, Region, UnknownDataRate};
use chirrup_protocol::seal::Direction;
use chirrup_protocol::time::Duration;
use std::collections::BTreeMap;

/// A network's identifier, most significant byte first (LoRaWAN 1.0.4, 6.1.1.1). Private networks use 000000 or
/// 000001.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetId(pub [u8; 3]);

/// Configuration of a [`super::NetworkServer`]. [`Config::new`] fills in the defaults.
#[derive(Clone, Debug)]
pub struct Config {
    /// Radio region of all concentrators.
    pub region: Region,
    /// Device addresses are assigned below it; other networks' addresses count as foreign.
    pub net_id: NetId,
    /// The concentrators that may speak for this network. Frames from any other are dropped.
    pub concentrators: Vec<GatewayId>,
    /// The devices that may join, with their AppKeys.
    pub devices: BTreeMap<DevEui, Key>,
    /// Delay from the end of an uplink to RX1, 1 to 15 seconds. Announced at the join.
    pub rx1_delay_s: u8,
    /// Data rate of RX2. Announced at the join.
    pub rx2_data_rate: DataRate,
    /// How long to wait for further concentrators to bring the same frame. With a single one nothing waits.
    pub deduplication_window: Duration,
    /// How long before its start a transmission must leave for the concentrator.
    pub transmit_lead: Duration,
    /// How much earlier than necessary a pending acknowledgement stops waiting for the aggregator's receipt.
    pub answer_margin: Duration,
    /// The shortest time between two joins of one device.
    pub join_interval: Duration,
    /// Largest radiated power in dBm ERP; the sub-band's own limit holds besides.
    pub max_power_dbm: i8,
    /// The channels that the concentrators hear, where the region's are fixed. Announced at the join.
    pub channel_group: Option<ChannelGroup>,
    /// Data rates and powers that devices which set the ADR bit are told to use; `None`: they are told none.
    pub adr: Option<Rule>,
}

impl Config {
    /// A configuration with the defaults: NetID 000000, RX1 after 1 s, RX2 at DR3 in EU868 (SF9) and else at the
    /// region's own, the second group of channels where the region's are fixed, no ADR, 200 ms for
    /// de-duplication, 60 ms of lead, 100 ms of margin, joins 10 s apart, the power that the region allows.
    pub fn new(region: Region, concentrators: Vec<GatewayId>, devices: BTreeMap<DevEui, Key>) -> Self {
        let (rx2_data_rate, channel_group) = match region.channel_plan() {
            ChannelPlan::Dynamic => (DataRate(3), None),
            ChannelPlan::Fixed => (region.rx2_default_data_rate(), Some(ChannelGroup::COMMON)),
        };
        Self {
            region,
            net_id: NetId([0; 3]),
            concentrators,
            devices,
            rx1_delay_s: 1,
            rx2_data_rate,
            deduplication_window: Duration::from_millis(200),
            transmit_lead: Duration::from_millis(60),
            answer_margin: Duration::from_millis(100),
            join_interval: Duration::from_secs(10),
            max_power_dbm: i8::MAX,
            channel_group,
            adr: None,
        }
    }

    /// Checks what the types cannot.
    ///
    /// # Errors
    /// The first value that no network server can work with.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if !matches!(self.region, Region::Eu868 | Region::Us915 | Region::Au915) {
            return Err(ConfigError::Region { region: self.region });
        }
        if self.concentrators.is_empty() {
            return Err(ConfigError::NoConcentrator);
        }
        if !(1..=15).contains(&self.rx1_delay_s) {
            return Err(ConfigError::Rx1Delay { have_s: self.rx1_delay_s });
        }
        let rx1_delay = Duration::from_secs(self.rx1_delay_s.into());
        let spent = self.deduplication_window + self.transmit_lead + self.answer_margin;
        if spent >= rx1_delay {
            return Err(ConfigError::NoTimeToAnswer { spent_ms: spent.as_millis_ceil() });
        }
        self.region.max_payload_bytes(Direction::Down, self.region.uplink_dwell(), self.rx2_data_rate)?;
        Ok(())
    }
}

/// A configuration that no network server can work with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A region that the network server does not run in.
    #[error("the network server does not run in {region}, only in EU868, US915 and AU915")]
    Region {
        /// The region asked for.
        region: Region,
    },
    /// Nothing would ever be heard.
    #[error("no concentrator is configured")]
    NoConcentrator,
    /// LoRaWAN has four bits for it, and zero means one.
    #[error("RX1 delay of {have_s} s, expected 1 to 15")]
    Rx1Delay {
        /// What was asked for.
        have_s: u8,
    },
    /// De-duplication, margin and lead leave nothing of the time until RX1.
    #[error("de-duplication, answer margin and lead take {spent_ms} ms, no less than the RX1 delay")]
    NoTimeToAnswer {
        /// Their sum.
        spent_ms: u64,
    },
    /// The region has no such data rate for RX2.
    #[error("RX2: {0}")]
    Rx2DataRate(#[from] UnknownDataRate),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_that_it_does_not_run_in_is_refused_by_name() {
        let config = |region| Config::new(region, vec![GatewayId([1; 8])], BTreeMap::new());
        let served = [Region::Eu868, Region::Us915, Region::Au915];
        for region in Region::ALL {
            let validated = config(region).validate().map_err(|error| error.to_string());
            let refused =
                format!("the network server does not run in {region}, only in EU868, US915 and AU915");
            assert_eq!(validated, if served.contains(&region) { Ok(()) } else { Err(refused) });
        }
    }
}
