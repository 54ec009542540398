//! MAC commands (LoRaWAN 1.0.4, 5), interpreted and answered by the guard instead of the stack.
use super::frame::MAX_FOPTS_BYTES;
use super::link::{Link, max_tx_power_index, rx_delay_s};
use chirrup_protocol::region::DataRate;
use heapless::Vec;

/// Bytes of MAC commands that are looked at in one downlink.
pub(super) const MAX_COMMAND_BYTES: usize = 64;

/// LinkADRReq: "keep what you have" for data rate and power.
const KEEP: u8 = 0x0f;

/// DevStatusAns: "the battery cannot be measured".
const BATTERY_UNKNOWN: u8 = 255;

/// Answers that wait for the next uplink; together at most [`MAX_FOPTS_BYTES`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answers {
    /// Repeated in every uplink until a downlink shows that they arrived (LoRaWAN 1.0.4, 5.5, 5.8, 5.11).
    sticky: Vec<u8, MAX_FOPTS_BYTES>,
    /// Sent in one uplink.
    once: Vec<u8, MAX_FOPTS_BYTES>,
}

impl Answers {
    pub fn len(&self) -> usize {
        self.sticky.len() + self.once.len()
    }

    pub fn bytes(&self) -> Vec<u8, MAX_FOPTS_BYTES> {
        self.sticky.iter().chain(&self.once).copied().collect()
    }

    /// An uplink carried them.
    pub fn sent(&mut self) {
        self.once.clear();
    }

    /// A downlink came.
    pub fn arrived(&mut self) {
        self.sticky.clear();
    }

    /// What does not fit is left out, which a network takes as no answer and asks again.
    fn push(&mut self, repeat: Repeat, answer: &[u8]) {
        if self.len() + answer.len() > MAX_FOPTS_BYTES {
            return;
        }
        let queue = match repeat {
            Repeat::UntilDownlink => &mut self.sticky,
            Repeat::Never => &mut self.once,
        };
        queue.extend_from_slice(answer).expect("the sum of both queues was checked");
    }
}

#[derive(Clone, Copy)]
enum Repeat {
    UntilDownlink,
    Never,
}

/// Whether a sequence of commands could be read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sequence {
    Complete,
    /// It broke off, or came to a command of unknown length.
    Broken,
}

/// Carries out a downlink's commands, heard at `snr_db`, and queues the answers.
pub(super) fn carry_out(commands: &[u8], snr_db: i8, link: &mut Link, answers: &mut Answers) -> Sequence {
    let mut rest = commands;
    while let Some((&cid, after_cid)) = rest.split_first() {
        let Some((payload, after)) = payload_bytes(cid).and_then(|bytes| after_cid.split_at_checked(bytes))
        else {
            return Sequence::Broken;
        };
        carry_out_one(cid, payload, snr_db, link, answers);
        rest = after;
    }
    Sequence::Complete
}

/// Length of a downlink command's payload.
fn payload_bytes(cid: u8) -> Option<usize> {
    Some(match cid {
        0x02 => 2, // LinkCheckAns
        0x03 => 4, // LinkADRReq
        0x04 => 1, // DutyCycleReq
        0x05 => 4, // RXParamSetupReq
        0x06 => 0, // DevStatusReq
        0x07 => 5, // NewChannelReq
        0x08 => 1, // RXTimingSetupReq
        0x09 => 1, // TxParamSetupReq
        0x0a => 4, // DlChannelReq
        0x0d => 5, // DeviceTimeAns
        _ => return None,
    })
}

fn carry_out_one(cid: u8, payload: &[u8], snr_db: i8, link: &mut Link, answers: &mut Answers) {
    match (cid, payload) {
        (0x03, &[rates, mask_low, mask_high, redundancy]) => {
            let mask = u16::from_le_bytes([mask_low, mask_high]);
            answers.push(Repeat::Never, &[cid, link_adr(rates, mask, redundancy, link)]);
        }
        (0x04, &[max_duty]) => {
            link.max_duty_exponent = max_duty & 0x0f;
            answers.push(Repeat::Never, &[cid]);
        }
        (0x05, &[dl_settings, a, b, c]) => {
            answers.push(Repeat::UntilDownlink, &[cid, rx_param_setup(dl_settings, [a, b, c], link)]);
        }
        (0x06, []) => {
            // Six bits of two's complement.
            let margin = snr_db.clamp(-32, 31) as u8 & 0x3f;
            answers.push(Repeat::Never, &[cid, BATTERY_UNKNOWN, margin]);
        }
        (0x07, &[index, a, b, c, range]) => {
            answers.push(Repeat::Never, &[cid, new_channel(index, [a, b, c], range, link)]);
        }
        (0x08, &[delay]) => {
            link.rx_delay_s = rx_delay_s(delay);
            answers.push(Repeat::UntilDownlink, &[cid]);
        }
        // RX1 on a frequency of its own is refused, with both bits clear.
        (0x0a, _) => answers.push(Repeat::UntilDownlink, &[cid, 0]),
        // LinkCheckAns and DeviceTimeAns answer what is never asked; TxParamSetupReq means nothing in EU868 and
        // US915, and a node of AU915 keeps the dwell time that it begins with.
        _ => {}
    }
}

/// LinkADRReq: all of it or nothing (LoRaWAN 1.0.4, 5.3). NbTrans is not supported and has no bit to say so.
fn link_adr(rates: u8, mask: u16, redundancy: u8, link: &mut Link) -> u8 {
    let (data_rate, power) = (rates >> 4, rates & 0x0f);
    let data_rate = if data_rate == KEEP { link.data_rate } else { DataRate(data_rate) };
    let power = if power == KEEP { link.tx_power_index } else { power };
    let mut channels = link.channels.clone();
    let mask_ok = channels.set_mask(redundancy >> 4 & 0x07, mask);
    let data_rate_ok = link.data_rates.contains(data_rate) && channels.carry(data_rate);
    let power_ok = power <= max_tx_power_index(link.region);
    if mask_ok && data_rate_ok && power_ok {
        link.channels = channels;
        link.data_rate = data_rate;
        link.tx_power_index = power;
    }
    bits([mask_ok, data_rate_ok, power_ok])
}

/// RXParamSetupReq: all of it or nothing (LoRaWAN 1.0.4, 5.5).
fn rx_param_setup(dl_settings: u8, frequency: [u8; 3], link: &mut Link) -> u8 {
    let mut windows = link.windows.with_dl_settings(dl_settings);
    windows.rx2_frequency_hz = frequency_hz(frequency);
    let acceptable = windows.acceptable(link.region);
    if acceptable == [true; 3] {
        link.windows = windows;
    }
    let [offset_ok, data_rate_ok, frequency_ok] = acceptable;
    bits([frequency_ok, data_rate_ok, offset_ok])
}

/// NewChannelReq: all of it or nothing (LoRaWAN 1.0.4, 5.7). A channel must carry every data rate of this node.
fn new_channel(index: u8, frequency: [u8; 3], range: u8, link: &mut Link) -> u8 {
    let hz = frequency_hz(frequency);
    let (highest, lowest) = (DataRate(range >> 4), DataRate(range & 0x0f));
    let range_ok = hz == 0 || (lowest <= link.data_rates.lowest && link.data_rates.highest <= highest);
    let mut channels = link.channels.clone();
    let frequency_ok = channels.set(usize::from(index), hz);
    if frequency_ok && range_ok {
        link.channels = channels;
    }
    bits([frequency_ok, range_ok, false])
}

/// Frequencies travel in units of 100 Hz, least significant byte first.
pub(super) fn frequency_hz(bytes: [u8; 3]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]) * 100
}

/// Bit 0 first.
fn bits(bits: [bool; 3]) -> u8 {
    bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit))
}
