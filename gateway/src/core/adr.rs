//! Adaptive data rate on the network's side: which data rate and power a device should use, from how it is heard.
//!
//! The rule is Semtech's recommended one (LoRaWAN: simple rate adaptation recommended algorithm, 2016): the best of
//! the last 20 signals, less what the data rate needs, less a margin, gives steps of 3 dB; each step first raises the
//! data rate, then lowers the power. A server never lowers a data rate: that a device does by itself when it hears
//! nothing (LoRaWAN 1.0.4, 4.3.1.1).
//!
//! ```text
//!          decision differs          LinkADRAns 7
//! content ------------------> asked --------------> content (history begins anew if the power changed)
//!    ^                         |  |   LinkADRAns below 7
//!    |                         |  +----------------> content, and the same is not asked again
//!    +---- 1, 2, 4 .. 32 uplinks later, nothing was answered
//! ```
//!
//! It is kept in memory alone. After a restart a device is taken to send with full power; the next command says both
//! data rate and power, and so puts that right.
use chirrup_protocol::ids::DevAddr;
use chirrup_protocol::region::{ChannelPlan, DataRate, Region};
use std::collections::VecDeque;

/// Signals that count.
const REMEMBERED: usize = 20;
/// Signals before the data rate is raised. A fading channel is not known by one of them.
const NEEDED_FOR_DATA_RATE: usize = 4;
/// Signals before the power is changed.
const NEEDED_FOR_POWER: usize = REMEMBERED;
/// What one step is worth.
const STEP_TENTH_DB: i16 = 30;
/// Installation margin, in tenths of a dB (same source).
const MARGIN_TENTH_DB: i16 = 100;
/// LinkADRAns: power, data rate and channel mask are all accepted.
const ALL_ACCEPTED: u8 = 0b111;
/// Uplinks without an answer double the pause before the next command up to 2 to the power of this.
const LONGEST_PAUSE: u32 = 5;

/// What adaptive data rate may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Margin above the demodulation floor, in tenths of a dB.
    pub margin_tenth_db: i16,
    /// Slowest data rate to ask for.
    pub lowest: DataRate,
    /// Fastest data rate to ask for.
    pub highest: DataRate,
    /// Largest TXPower to ask for: that many times 2 dB below full power.
    pub max_tx_power_index: u8,
}

impl Rule {
    /// The recommended margin of 10 dB and all powers that the region names, to 0 dBm in EU868 and to 10 dBm in the
    /// regions that begin at 30 (RP002-1.0.4, 2.4.3, 2.5.3 and 2.8.3).
    pub const fn new(region: Region, lowest: DataRate, highest: DataRate) -> Self {
        let max_tx_power_index = match region.channel_plan() {
            ChannelPlan::Dynamic => 7,
            ChannelPlan::Fixed => 10,
        };
        Self { margin_tenth_db: MARGIN_TENTH_DB, lowest, highest, max_tx_power_index }
    }
}

/// A device's data rate and power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Data rate of its uplinks.
    pub data_rate: DataRate,
    /// TXPower, 0 for full power.
    pub tx_power_index: u8,
}

/// What an uplink says about adaptive data rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AdrBits {
    /// The network is to decide.
    pub adr: bool,
    /// The device has heard nothing for long, and asks for a downlink (ADRACKReq).
    pub wants_downlink: bool,
}

/// An uplink, as far as it matters here.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    /// Its session: a new one begins anew.
    pub dev_addr: DevAddr,
    /// Its data rate.
    pub data_rate: DataRate,
    /// Its best signal to noise ratio, in tenths of a dB.
    pub snr_tenth_db: i16,
    /// What its frame control says.
    pub bits: AdrBits,
    /// The status of a LinkADRAns in it.
    pub answer: Option<u8>,
}

/// The setting for a device that is heard so, from the signals that count.
pub fn decide(region: Region, rule: &Rule, current: Setting, snr_tenth_db: &VecDeque<i16>) -> Setting {
    let (Some(best), Ok(modulation)) = (snr_tenth_db.iter().max(), region.modulation(current.data_rate))
    else {
        return current;
    };
    if snr_tenth_db.len() < NEEDED_FOR_DATA_RATE || current.data_rate > rule.highest {
        return current;
    }
    let excess = best.saturating_sub(modulation.snr_floor_tenth_db()).saturating_sub(rule.margin_tenth_db);
    let steps = excess.div_euclid(STEP_TENTH_DB);
    let Setting { data_rate: DataRate(data_rate), mut tx_power_index } = current;
    let faster = u8::try_from(steps.max(0)).unwrap_or(u8::MAX).min(rule.highest.0 - data_rate);
    if snr_tenth_db.len() >= NEEDED_FOR_POWER {
        let power_steps = steps - i16::from(faster);
        let index = i16::from(tx_power_index).saturating_add(power_steps);
        tx_power_index = index.clamp(0, rule.max_tx_power_index.into()) as u8;
    }
    Setting { data_rate: DataRate((data_rate + faster).max(rule.lowest.0)), tx_power_index }
}

/// How far the network has come with one device.
#[derive(Debug, Default)]
pub struct Adaptation {
    dev_addr: Option<DevAddr>,
    snr_tenth_db: VecDeque<i16>,
    /// Of the latest uplink.
    data_rate: Option<DataRate>,
    tx_power_index: u8,
    asked: Option<Setting>,
    refused: Option<Setting>,
    unanswered: u32,
    pause: u32,
    due: Option<Setting>,
}

impl Adaptation {
    /// Takes notice of an uplink. What is to be asked for afterwards, [`Adaptation::due`] says.
    pub fn heard(&mut self, region: Region, rule: &Rule, heard: &Heard) {
        if self.dev_addr != Some(heard.dev_addr) || !heard.bits.adr {
            *self = Self { dev_addr: Some(heard.dev_addr), ..Self::default() };
        }
        self.due = None;
        if !heard.bits.adr {
            return;
        }
        self.take_answer(heard.answer);
        self.note(heard);
        let current = Setting { data_rate: heard.data_rate, tx_power_index: self.tx_power_index };
        if self.pause > 0 && !heard.bits.wants_downlink {
            self.pause -= 1;
            return;
        }
        let wanted = decide(region, rule, current, &self.snr_tenth_db);
        if wanted != current && self.refused != Some(wanted) {
            self.due = Some(wanted);
        } else if heard.bits.wants_downlink {
            // Any downlink would do; this one also says what the network believes.
            self.due = Some(current);
        }
    }

    fn take_answer(&mut self, answer: Option<u8>) {
        let Some(asked) = self.asked.take() else { return };
        match answer {
            Some(ALL_ACCEPTED) => {
                if asked.tx_power_index != self.tx_power_index {
                    self.snr_tenth_db.clear();
                }
                self.tx_power_index = asked.tx_power_index;
                (self.refused, self.unanswered) = (None, 0);
            }
            Some(_) => self.refused = Some(asked),
            None => {
                self.unanswered = (self.unanswered + 1).min(LONGEST_PAUSE);
                self.pause = 1 << self.unanswered;
            }
        }
    }

    fn note(&mut self, heard: &Heard) {
        if self.data_rate.is_some_and(|before| before > heard.data_rate) {
            // It stepped back by itself, with full power: what was known of the link holds no longer.
            self.snr_tenth_db.clear();
            (self.tx_power_index, self.refused) = (0, None);
        }
        self.data_rate = Some(heard.data_rate);
        if self.snr_tenth_db.len() == REMEMBERED {
            self.snr_tenth_db.pop_front();
        }
        self.snr_tenth_db.push_back(heard.snr_tenth_db);
    }

    /// What the next downlink should ask for.
    pub const fn due(&self) -> Option<Setting> {
        self.due
    }

    /// A downlink asks for it.
    pub const fn asked(&mut self, setting: Setting) {
        self.asked = Some(setting);
        self.due = None;
    }
}

#[cfg(test)]
mod tests;
