//! Section `traffic`: plain packets instead of learning, to validate the radio by itself.
use super::ScenarioError;
use super::section::Section;
use chirrup_protocol::airtime::{LORAWAN_OVERHEAD_BYTES, Modulation};
use chirrup_protocol::region::{ChannelGroup, ChannelPlan, DataRate, Region};
use chirrup_protocol::seal::Direction;
use serde::Serialize;
use toml::Table;

/// What an error names as the reason.
const TRAFFIC: &str = "section [traffic]: no node learns";

/// Sections that are about learning, or about the services behind it.
const SECTIONS_OF_LEARNING: [&str; 7] =
    ["data", "learner", "contribution", "strategy", "ble", "backhaul", "live"];

/// Keys that are about learning in sections that are not, or that `traffic` has a key of its own for.
const KEYS_OF_LEARNING: &[(&str, &str)] = &[
    ("nodes", "partition"),
    ("nodes", "alpha"),
    ("nodes", "sample_interval_s"),
    ("nodes", "moments_samples"),
    ("nodes", "airtime_s_per_day"),
    ("radio", "data_rate"),
    ("radio", "adr"),
    ("faults", "duplicate"),
    ("faults", "reboot_per_day"),
    ("faults", "power_cut_per_day"),
    ("faults", "power_cut_s"),
    ("faults", "torn_write"),
    ("faults", "cut_on_air"),
    ("faults", "gateway_off_per_day"),
    ("faults", "gateway_off_s"),
    ("faults", "service_restart_per_day"),
    ("faults", "clock_jump_per_day"),
    ("faults", "clock_jump_s"),
    ("faults", "corrupted"),
    ("faults", "replayed"),
    ("faults", "leave_share"),
    ("faults", "late_share"),
    ("faults", "byzantine_share"),
    ("faults", "byzantine_kind"),
    ("faults", "battery"),
    ("faults", "until_s"),
];

/// Section `traffic`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrafficConfig {
    /// How the time between two packets of a node is drawn.
    pub interval: Interval,
    /// Its mean, in seconds.
    pub mean_s: f64,
    /// Length of a data frame's PHY payload.
    pub phy_bytes: u8,
    /// How frames are modulated.
    pub modulation: Modulation,
    /// Centre frequencies, in Hz. A node draws one for each frame.
    pub channels_hz: Vec<u32>,
    /// What sends.
    pub mac: Mac,
}

/// How the time between two packets is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interval {
    /// Exponentially distributed.
    Poisson,
    /// Always the mean; the first packet comes at a random time within it.
    Periodic,
}

/// What sends the packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Mac {
    /// The unmodified LoRaWAN stack, in front of the real network server.
    LorawanDevice {
        /// How a node comes by its keys.
        activation: Activation,
        /// Whether every packet asks for an acknowledgement.
        confirmation: Confirmation,
    },
    /// The radio alone: no receive windows, no duty cycle, and what is sent has no content.
    Bare,
}

/// How a node comes by its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// It joins over the air, and the guard around its stack keeps the duty cycle.
    Join,
    /// It has keys from the start, as with activation by personalisation, and sends by the bare stack, which knows no
    /// duty cycle. For validation only.
    Personalised,
}

/// Whether packets ask for an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confirmation {
    /// They do not.
    NotRequested,
    /// They do. What is not acknowledged is not sent again.
    Requested,
}

#[derive(Clone, Copy)]
enum MacName {
    LorawanDevice,
    Bare,
}

/// Reads the section, if it is there. What is about learning is refused beside it.
pub(super) fn read(
    scenario: &Table,
    (region, group): (Region, Option<ChannelGroup>),
) -> Result<Option<TrafficConfig>, ScenarioError> {
    if !scenario.contains_key("traffic") {
        return Ok(None);
    }
    refuse_learning(scenario)?;
    let mut keys = Section::of(scenario, "traffic")?;
    let macs = [("lorawan-device", MacName::LorawanDevice), ("bare", MacName::Bare)];
    let mac = keys.choice("mac", &macs)?;
    let interval =
        keys.choice("interval", &[("poisson", Interval::Poisson), ("periodic", Interval::Periodic)])?;
    let mean_s = keys.number("mean_s", 600.0, 1e-3..=31_536_000.0)?;
    let spreading_factor = keys.integer("spreading_factor", 7, 7..=12)? as u8;
    let traffic = match mac {
        MacName::Bare
            if scenario.get("radio").is_some_and(|radio| radio.get("clock_drift_ppm").is_some()) =>
        {
            let what = "radio.clock_drift_ppm".into();
            return Err(ScenarioError::Meaningless { what, because: "traffic.mac = \"bare\"" });
        }
        MacName::Bare => bare(&mut keys, (region, group), spreading_factor)?,
        MacName::LorawanDevice => lorawan_device(&mut keys, region, spreading_factor)?,
    };
    keys.finish()?;
    Ok(Some(TrafficConfig { interval, mean_s, ..traffic }))
}

fn refuse_learning(scenario: &Table) -> Result<(), ScenarioError> {
    let meaningless = |what| Err(ScenarioError::Meaningless { what, because: TRAFFIC });
    if let Some(section) = SECTIONS_OF_LEARNING.iter().find(|section| scenario.contains_key(**section)) {
        return meaningless(format!("section [{section}]"));
    }
    let has = |section: &str, key: &str| scenario.get(section).and_then(|table| table.get(key)).is_some();
    match KEYS_OF_LEARNING.iter().find(|(section, key)| has(section, key)) {
        Some((section, key)) => meaningless(format!("{section}.{key}")),
        None => Ok(()),
    }
}

/// The rest, with the radio alone. Interval and mean are the caller's.
fn bare(
    keys: &mut Section,
    (region, group): (Region, Option<ChannelGroup>),
    spreading_factor: u8,
) -> Result<TrafficConfig, ScenarioError> {
    const BECAUSE: &str = "traffic.mac = \"bare\"";
    keys.refuse("join", BECAUSE)?;
    keys.refuse("confirmed", BECAUSE)?;
    let bandwidth_hz = keys.one_of("bandwidth_khz", 125, &[125, 250, 500], "125, 250, 500")? as u32 * 1_000;
    let coding_rate = keys.choice("coding_rate", &[("4/5", 1), ("4/6", 2), ("4/7", 3), ("4/8", 4)])?;
    let in_band = |hz: u64| u32::try_from(hz).is_ok_and(|hz| region.sub_band(hz).is_some());
    let allowed = "a list of centre frequencies in Hz, within the sub-bands of the region";
    let channels_hz = keys.optional_integers("channels", allowed, in_band)?;
    Ok(TrafficConfig {
        interval: Interval::Poisson,
        mean_s: 0.0,
        phy_bytes: keys.integer("phy_bytes", 20, 1..=255)? as u8,
        modulation: Modulation { spreading_factor, bandwidth_hz, coding_rate },
        channels_hz: channels_hz.map_or_else(
            || default_channels_hz(region, group, bandwidth_hz),
            |list| list.into_iter().map(|hz| hz as u32).collect(),
        ),
        mac: Mac::Bare,
    })
}

/// Where gateways hear a group of a fixed plan, those of its channels that have the bandwidth; else the region's own.
fn default_channels_hz(region: Region, group: Option<ChannelGroup>, bandwidth_hz: u32) -> Vec<u32> {
    let Some(group) = group else { return region.default_channels_hz().to_vec() };
    let mut narrow: Vec<u32> = group.channels_hz(region).collect();
    let wide = narrow.pop();
    if bandwidth_hz == 500_000 { wide.into_iter().collect() } else { narrow }
}

/// The rest, with the stack: the region decides about channels, bandwidth and coding.
fn lorawan_device(
    keys: &mut Section,
    region: Region,
    spreading_factor: u8,
) -> Result<TrafficConfig, ScenarioError> {
    const BECAUSE: &str = "traffic.mac = \"lorawan-device\": the region decides";
    for key in ["bandwidth_khz", "coding_rate", "channels"] {
        keys.refuse(key, BECAUSE)?;
    }
    let data_rate = data_rate(region, spreading_factor)?;
    let payload = region.max_payload_bytes(Direction::Up, region.uplink_dwell(), data_rate);
    let payload = payload.map_or(0, |bytes| bytes as u64);
    let activations = match region.channel_plan() {
        ChannelPlan::Dynamic => (Activation::Personalised, Activation::Join),
        // The bare stack knows one region.
        ChannelPlan::Fixed => {
            keys.refuse("join", "a region of fixed channels: nodes join")?;
            (Activation::Join, Activation::Join)
        }
    };
    let overhead = LORAWAN_OVERHEAD_BYTES as u64;
    Ok(TrafficConfig {
        interval: Interval::Poisson,
        mean_s: 0.0,
        phy_bytes: keys.integer("phy_bytes", 20, overhead + 1..=overhead + payload)? as u8,
        modulation: Modulation::lorawan(spreading_factor, 125_000),
        channels_hz: region.default_channels_hz().to_vec(),
        mac: Mac::LorawanDevice {
            activation: keys.switch("join", activations, Activation::Join)?,
            confirmation: keys.switch(
                "confirmed",
                (Confirmation::NotRequested, Confirmation::Requested),
                Confirmation::NotRequested,
            )?,
        },
    })
}

/// The data rate of a spreading factor at 125 kHz.
fn data_rate(region: Region, spreading_factor: u8) -> Result<DataRate, ScenarioError> {
    let usable = |data_rate: &DataRate| {
        region.max_payload_bytes(Direction::Up, region.uplink_dwell(), *data_rate).is_ok()
    };
    let of = |spreading_factor| region.data_rate(spreading_factor, 125_000).filter(usable);
    of(spreading_factor).ok_or_else(|| {
        let slowest = (7..=12).rev().find(|slow| of(*slow).is_some()).unwrap_or(7);
        ScenarioError::BadValue {
            key: "traffic.spreading_factor".into(),
            value: spreading_factor.to_string(),
            allowed: format!("a whole number from 7 to {slowest} in {region}"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Overrides, Scenario};
    use std::path::Path;

    fn parse(text: &str) -> Result<TrafficConfig, String> {
        let scenario = Scenario::from_toml("test", text, Path::new(""), &Overrides::default());
        scenario.map_err(|error| error.to_string()).map(|scenario| scenario.traffic.unwrap())
    }

    #[test]
    fn an_empty_section_is_all_defaults() {
        let traffic = parse("[traffic]").unwrap();
        assert_eq!((traffic.interval, traffic.mean_s, traffic.phy_bytes), (Interval::Poisson, 600.0, 20));
        assert_eq!(traffic.modulation, Modulation::lorawan(7, 125_000));
        assert_eq!(traffic.channels_hz, [868_100_000, 868_300_000, 868_500_000]);
        let (activation, confirmation) = (Activation::Join, Confirmation::NotRequested);
        assert_eq!(traffic.mac, Mac::LorawanDevice { activation, confirmation });
    }

    #[test]
    fn every_key_is_read() {
        let text = "[traffic]\nmac = \"bare\"\ninterval = \"periodic\"\nmean_s = 1e3\nphy_bytes = 33\n\
                    spreading_factor = 12\nbandwidth_khz = 250\ncoding_rate = \"4/8\"\nchannels = [869525000]";
        let expected = TrafficConfig {
            interval: Interval::Periodic,
            mean_s: 1_000.0,
            phy_bytes: 33,
            modulation: Modulation { spreading_factor: 12, bandwidth_hz: 250_000, coding_rate: 4 },
            channels_hz: vec![869_525_000],
            mac: Mac::Bare,
        };
        assert_eq!(parse(text).unwrap(), expected);
        let stack = parse("[traffic]\njoin = false\nconfirmed = true").unwrap();
        let (activation, confirmation) = (Activation::Personalised, Confirmation::Requested);
        assert_eq!(stack.mac, Mac::LorawanDevice { activation, confirmation });
    }

    #[test]
    fn what_is_wrong_is_named_with_what_is_allowed() {
        let bare = "[traffic]\nmac = \"bare\"\n";
        let table = [
            ("[traffic]\ncolour = 1", "unknown key traffic.colour"),
            ("[traffic]\nmac = \"csma\"", "traffic.mac = \"csma\": allowed is lorawan-device, bare"),
            ("[traffic]\nmean_s = 0", "traffic.mean_s = 0: allowed is a number from 0.001"),
            (
                "[traffic]\nspreading_factor = 6",
                "traffic.spreading_factor = 6: allowed is a whole number from 7 to 12",
            ),
            ("[traffic]\njoin = 1", "traffic.join = 1: allowed is true or false"),
            ("[traffic]\nspreading_factor = 12\nphy_bytes = 65", "a whole number from 14 to 64"),
            ("[traffic]\nbandwidth_khz = 125", "traffic.bandwidth_khz has no meaning with traffic.mac"),
            (&format!("{bare}bandwidth_khz = 200"), "traffic.bandwidth_khz = 200: allowed is 125, 250, 500"),
            (&format!("{bare}coding_rate = \"5/4\""), "allowed is 4/5, 4/6, 4/7, 4/8"),
            (&format!("{bare}channels = []"), "traffic.channels = []: allowed is a list"),
            (&format!("{bare}channels = [915000000]"), "within the sub-bands"),
            (&format!("{bare}join = true"), "traffic.join has no meaning with traffic.mac = \"bare\""),
            (
                "[traffic]\n[data]\nsource = \"digits\"",
                "section [data] has no meaning with section [traffic]",
            ),
            ("[traffic]\n[radio]\ndata_rate = 3", "radio.data_rate has no meaning with section [traffic]"),
        ];
        for (text, expected) in table {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected), "{text:?}\n  gave     {error}\n  expected {expected}");
        }
    }
}
