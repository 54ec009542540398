//! The node's part of adaptive data rate (LoRaWAN 1.0.4, 4.3.1.1): what it tells the network, and how it finds back
//! when the network is silent.
//!
//! ```text
//! uplinks without any downlink:  0 .. 63   nothing
//!                               64 ..      ADRACKReq asks the network for a downlink
//!                               96, 128 .. one step back: full power, then a slower data rate, then all channels
//! ```
use super::link::Link;
use chirrup_protocol::region::DataRate;

/// ADR_ACK_LIMIT (RP002-1.0.4, 2.4.1 and its like in the other regions).
const ACK_LIMIT: u32 = 64;
/// ADR_ACK_DELAY (same source).
const ACK_DELAY: u32 = 32;

const ADR_BIT: u8 = 0x80;
const ADR_ACK_REQ_BIT: u8 = 0x40;

/// Who decides about a node's data rate and power.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Adr {
    /// The node, by whatever advice it has. The ADR bit is clear; a LinkADRReq is honoured all the same.
    #[default]
    Off,
    /// The network server. The ADR bit is set.
    Network,
}

/// Counts the uplinks since the network was last heard (ADRACKCnt).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff {
    pub mode: Adr,
    unheard: u32,
}

impl Backoff {
    pub const fn of(mode: Adr) -> Self {
        Self { mode, unheard: 0 }
    }

    /// The bits of the next uplink's FCtrl.
    pub fn fctrl(self, link: &Link) -> u8 {
        match self.mode {
            Adr::Off => 0,
            Adr::Network if self.unheard >= ACK_LIMIT && can_step_back(link) => ADR_BIT | ADR_ACK_REQ_BIT,
            Adr::Network => ADR_BIT,
        }
    }

    /// A downlink came.
    pub const fn heard(&mut self) {
        self.unheard = 0;
    }

    /// An uplink went out that nothing has answered.
    pub fn unanswered(&mut self, link: &mut Link) {
        if self.mode == Adr::Off {
            return;
        }
        self.unheard = self.unheard.saturating_add(1);
        if self.unheard >= ACK_LIMIT + ACK_DELAY && (self.unheard - ACK_LIMIT).is_multiple_of(ACK_DELAY) {
            step_back(link);
        }
    }
}

fn can_step_back(link: &Link) -> bool {
    link.tx_power_index > 0 || link.data_rate > link.data_rates.lowest
}

fn step_back(link: &mut Link) {
    let slower = DataRate(link.data_rate.0.saturating_sub(1));
    if link.tx_power_index > 0 {
        link.tx_power_index = 0;
    } else if link.data_rates.contains(slower) && link.channels.carry(slower) {
        link.data_rate = slower;
    } else {
        link.channels.fall_back();
    }
}

#[cfg(test)]
mod tests {
    use super::super::link::DataRates;
    use super::*;
    use chirrup_protocol::region::Region;

    fn link(data_rate: u8, tx_power_index: u8) -> Link {
        let data_rates = DataRates { lowest: DataRate(1), highest: DataRate(5) };
        Link { data_rate: DataRate(data_rate), tx_power_index, ..Link::new(Region::Eu868, data_rates) }
    }

    #[test]
    fn silence_takes_back_power_then_data_rate_then_channels() {
        let (mut backoff, mut link) = (Backoff::of(Adr::Network), link(3, 4));
        assert!(link.channels.set(3, 867_100_000) && link.channels.set_mask(0, 0b1000));
        let mut states = std::vec![];
        for sent in 1..=256 {
            backoff.unanswered(&mut link);
            if sent == 63 || sent == 64 || sent >= 96 && sent % 32 == 0 {
                let channels = link.channels.carrying(link.data_rate).count();
                states.push((sent, backoff.fctrl(&link), link.tx_power_index, link.data_rate.0, channels));
            }
        }
        let expected = [
            (63, 0x80, 4, 3, 1),
            (64, 0xc0, 4, 3, 1),
            (96, 0xc0, 0, 3, 1),
            (128, 0xc0, 0, 2, 1),
            (160, 0x80, 0, 1, 1),
            (192, 0x80, 0, 1, 4),
            (224, 0x80, 0, 1, 4),
            (256, 0x80, 0, 1, 4),
        ];
        assert_eq!(states, expected);
        backoff.heard();
        assert_eq!(backoff.fctrl(&link), 0x80);
    }

    #[test]
    fn without_it_nothing_is_counted() {
        let (mut backoff, mut link) = (Backoff::default(), link(3, 4));
        (0..500).for_each(|_| backoff.unanswered(&mut link));
        assert_eq!((backoff.fctrl(&link), link.data_rate, link.tx_power_index), (0, DataRate(3), 4));
    }
}
