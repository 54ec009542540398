//! Sections `faults` and `backhaul`: what goes wrong on purpose. `docs/faults.md` says what each key does.
use super::ScenarioError;
use super::section::Section;
use chirrup_protocol::time::{Duration, Instant};
use serde::Serialize;

/// Most events a day.
const MAX_PER_DAY: f64 = 1_000.0;
/// A day, in seconds: the longest mean of an outage, and the farthest that a clock jumps.
const DAY_S: f64 = 86_400.0;
const YEAR_S: f64 = 365.0 * DAY_S;

const BYZANTINE_KINDS: [(&str, ByzantineKind); 5] = [
    ("label-flip", ByzantineKind::LabelFlip),
    ("sign-flip", ByzantineKind::SignFlip),
    ("scaling", ByzantineKind::Scaling),
    ("random", ByzantineKind::Random),
    ("backdoor", ByzantineKind::Backdoor),
];

/// Section `faults`. The default is that nothing goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FaultsConfig {
    /// Share of frames that are lost on top of the radio's own losses, 0 to 1.
    pub frame_loss: f64,
    /// Share of uplinks that the backhaul delivers twice, 0 to 1.
    pub duplicate: f64,
    /// Restarts of each node a day, on average. The frame on the air goes on.
    pub reboot_per_day: f64,
    /// Power cuts of each node a day, on average.
    pub power_cut_per_day: f64,
    /// How long a node is without power, in seconds, on average.
    pub power_cut_s: f64,
    /// Share of power cuts that strike in the middle of a write to flash, 0 to 1.
    pub torn_write: f64,
    /// Share of the other power cuts that strike while the radio sends or listens, 0 to 1.
    pub cut_on_air: f64,
    /// How often a day each gateway is switched off, on average.
    pub gateway_off_per_day: f64,
    /// For how long, in seconds, on average.
    pub gateway_off_s: f64,
    /// How often a day network server and aggregator restart, on average, with what they stored alone.
    pub service_restart_per_day: f64,
    /// How often a day each node's clock jumps, on average.
    pub clock_jump_per_day: f64,
    /// How far it jumps at most, forward or back, in seconds.
    pub clock_jump_s: f64,
    /// Share of received frames with wrong bits that the physical layer's checksum missed, 0 to 1.
    pub corrupted: f64,
    /// Share of received uplinks that an attacker sends again, 0 to 1.
    pub replayed: f64,
    /// Share of nodes that leave for ever, 0 to 1.
    pub leave_share: f64,
    /// Share of nodes that come later than the others, 0 to 1.
    pub late_share: f64,
    /// Share of nodes that work against the others, 0 to 1.
    pub byzantine_share: f64,
    /// How they do.
    pub byzantine_kind: ByzantineKind,
    /// Whether a node whose battery is empty falls silent.
    pub battery: BatteryEnd,
    /// When everything above ends, in seconds: nothing strikes any more, and what was off is on again. Who has left
    /// stays away. `None`: it goes on to the end of the run.
    pub until_s: Option<f64>,
}

/// What happens when the charge of `nodes.battery_mah` is spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BatteryEnd {
    /// Nothing: the charge is for the forecast alone.
    #[default]
    Forecast,
    /// The node falls silent for ever.
    Silence,
}

/// What a node does that works against the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ByzantineKind {
    /// It learns each sample under the mirrored label: the first class as the last one, and so on.
    #[default]
    LabelFlip,
    /// It sends its updates with the opposite sign.
    SignFlip,
    /// It sends its updates ten times as large.
    Scaling,
    /// It sends normally distributed noise, ten times as large as its updates.
    Random,
    /// It puts a trigger into half of its samples and learns them as the first class.
    Backdoor,
}

impl Default for FaultsConfig {
    fn default() -> Self {
        Self {
            frame_loss: 0.0,
            duplicate: 0.0,
            reboot_per_day: 0.0,
            power_cut_per_day: 0.0,
            power_cut_s: 60.0,
            torn_write: 0.0,
            cut_on_air: 0.0,
            gateway_off_per_day: 0.0,
            gateway_off_s: 1_800.0,
            service_restart_per_day: 0.0,
            clock_jump_per_day: 0.0,
            clock_jump_s: 3_600.0,
            corrupted: 0.0,
            replayed: 0.0,
            leave_share: 0.0,
            late_share: 0.0,
            byzantine_share: 0.0,
            byzantine_kind: ByzantineKind::LabelFlip,
            battery: BatteryEnd::Forecast,
            until_s: None,
        }
    }
}

impl FaultsConfig {
    /// The instant from which on nothing goes wrong any more; [`Instant::NEVER`] when there is none.
    pub fn until(&self) -> Instant {
        self.until_s.map_or(Instant::NEVER, |s| Instant::ZERO + Duration::from_micros((s * 1e6) as u64))
    }
}

/// Section `backhaul`: the way between network server and aggregator. The default takes no time and never fails.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BackhaulConfig {
    /// Mean time under way in each direction, in milliseconds.
    pub latency_ms: f64,
    /// Share of messages that later ones overtake, 0 to 1.
    pub reordered: f64,
    /// How often a day it is down, on average.
    pub outage_per_day: f64,
    /// For how long, in seconds, on average.
    pub outage_s: f64,
}

impl Default for BackhaulConfig {
    fn default() -> Self {
        Self { latency_ms: 0.0, reordered: 0.0, outage_per_day: 0.0, outage_s: 600.0 }
    }
}

impl BackhaulConfig {
    /// Whether messages arrive at once and in order.
    pub fn is_direct(&self) -> bool {
        self.latency_ms == 0.0 && self.reordered == 0.0 && self.outage_per_day == 0.0
    }
}

pub(super) fn faults(mut keys: Section) -> Result<FaultsConfig, ScenarioError> {
    let default = FaultsConfig::default();
    let share = 0.0..=1.0;
    let per_day = 0.0..=MAX_PER_DAY;
    let faults = FaultsConfig {
        frame_loss: keys.number("frame_loss", 0.0, share.clone())?,
        duplicate: keys.number("duplicate", 0.0, share.clone())?,
        reboot_per_day: keys.number("reboot_per_day", 0.0, per_day.clone())?,
        power_cut_per_day: keys.number("power_cut_per_day", 0.0, per_day.clone())?,
        power_cut_s: keys.number("power_cut_s", default.power_cut_s, 0.0..=DAY_S)?,
        torn_write: keys.number("torn_write", 0.0, share.clone())?,
        cut_on_air: keys.number("cut_on_air", 0.0, share.clone())?,
        gateway_off_per_day: keys.number("gateway_off_per_day", 0.0, per_day.clone())?,
        gateway_off_s: keys.number("gateway_off_s", default.gateway_off_s, 1.0..=DAY_S)?,
        service_restart_per_day: keys.number("service_restart_per_day", 0.0, per_day.clone())?,
        clock_jump_per_day: keys.number("clock_jump_per_day", 0.0, per_day)?,
        clock_jump_s: keys.number("clock_jump_s", default.clock_jump_s, 1.0..=YEAR_S)?,
        corrupted: keys.number("corrupted", 0.0, share.clone())?,
        replayed: keys.number("replayed", 0.0, share.clone())?,
        leave_share: keys.number("leave_share", 0.0, share.clone())?,
        late_share: keys.number("late_share", 0.0, share.clone())?,
        byzantine_share: keys.number("byzantine_share", 0.0, share)?,
        byzantine_kind: keys.choice("byzantine_kind", &BYZANTINE_KINDS)?,
        battery: keys
            .choice("battery", &[("forecast", BatteryEnd::Forecast), ("silence", BatteryEnd::Silence)])?,
        until_s: keys.optional_number("until_s", 0.0..=super::parse::MAX_DURATION_S as f64)?,
    };
    keys.finish()?;
    Ok(faults)
}

pub(super) fn backhaul(mut keys: Section) -> Result<BackhaulConfig, ScenarioError> {
    let default = BackhaulConfig::default();
    let backhaul = BackhaulConfig {
        latency_ms: keys.number("latency_ms", 0.0, 0.0..=600_000.0)?,
        reordered: keys.number("reordered", 0.0, 0.0..=1.0)?,
        outage_per_day: keys.number("outage_per_day", 0.0, 0.0..=MAX_PER_DAY)?,
        outage_s: keys.number("outage_s", default.outage_s, 1.0..=DAY_S)?,
    };
    keys.finish()?;
    Ok(backhaul)
}
