//! No FCnt, no DevNonce and no JoinAccept is used twice, read off the air as an eavesdropper would.
//!
//! ```text
//! byte 0     MType (bits 7-5): 0 JoinRequest, 1 JoinAccept, 2 and 4 data up, 3 and 5 data down
//! JoinRequest  1-8 JoinEUI, 9-16 DevEUI, 17-18 DevNonce, 19-22 MIC
//! data         1-4 DevAddr, 5 FCtrl, 6-7 FCnt (its low 16 bits), then options, port, payload; MIC in the last 4
//! ```
//! All numbers are little-endian (LoRaWAN 1.0.4, 4.1 and 6.2). The counters of a session grow in each direction, so one
//! that stands still or goes back by less than half of 2^16 was used twice under the same keys: nobody here sends a
//! frame again. What changes a session cannot be read; a node that speaks under another address, or counts from
//! the beginning again, must have sent a JoinRequest since.
use super::{Findings, Violation};
use crate::radio::{GatewayIndex, NodeIndex, Transmitter};
use chirrup_protocol::ids::DevAddr;
use chirrup_protocol::time::Instant;
use std::collections::{BTreeMap, BTreeSet};

const JOIN_REQUEST_BYTES: usize = 23;
/// Of a data frame without port: header, MIC.
const LEAST_DATA_BYTES: usize = 12;

/// What an eavesdropper must remember. Memory grows with nodes and joins, not with frames.
#[derive(Clone, Debug)]
pub struct FrameCounters {
    nodes: Vec<Node>,
    /// Addresses in use, and the counters down to them.
    addresses: BTreeMap<DevAddr, Option<SentDown>>,
    /// First bytes of the JoinAccepts, which are encrypted.
    join_accepts: BTreeSet<u64>,
    findings: Findings,
}

/// Counters down to an address. Two answers may be on their way at once, for a frame sent again by an attacker or by a
/// node that restarted, and the earlier one may be for the later window: order is not asked for, only that none is used
/// twice.
#[derive(Clone, Copy, Debug)]
struct SentDown {
    highest: u16,
    /// Bit n: the counter `highest - 1 - n` was sent.
    below: u32,
}

impl SentDown {
    /// Enters a counter; `false` when it was sent, or is too far below to know.
    fn enter(&mut self, have: u16) -> bool {
        let (ahead, behind) = (have.wrapping_sub(self.highest), self.highest.wrapping_sub(have));
        if grows(self.highest, have) {
            let shifted = u64::from(self.below) << 1 | 1;
            self.below = shifted.checked_shl(u32::from(ahead) - 1).unwrap_or(0) as u32;
            self.highest = have;
            return true;
        }
        let Some(bit) = (u32::from(behind)).checked_sub(1).and_then(|place| 1u32.checked_shl(place)) else {
            return false;
        };
        let is_new = self.below & bit == 0;
        self.below |= bit;
        is_new
    }
}

#[derive(Clone, Debug, Default)]
struct Node {
    session: Option<(DevAddr, u16)>,
    /// Whether a JoinRequest was sent since the session began.
    may_change: bool,
    dev_nonces: BTreeSet<u16>,
}

/// The parts of a frame that travel in clear.
enum Clear {
    JoinRequest { dev_nonce: u16 },
    JoinAccept { first: u64 },
    Data { dev_addr: DevAddr, fcnt: u16, up: bool },
}

fn parse(phy: &[u8]) -> Option<Clear> {
    let kind = phy.first()? >> 5;
    match kind {
        0 if phy.len() == JOIN_REQUEST_BYTES => {
            Some(Clear::JoinRequest { dev_nonce: u16::from_le_bytes([phy[17], phy[18]]) })
        }
        1 => phy[1..].first_chunk().map(|first| Clear::JoinAccept { first: u64::from_le_bytes(*first) }),
        2..=5 if phy.len() >= LEAST_DATA_BYTES => Some(Clear::Data {
            dev_addr: DevAddr([phy[4], phy[3], phy[2], phy[1]]),
            fcnt: u16::from_le_bytes([phy[6], phy[7]]),
            up: kind % 2 == 0,
        }),
        _ => None,
    }
}

/// Whether a counter lies ahead of the last one.
const fn grows(last: u16, have: u16) -> bool {
    matches!(have.wrapping_sub(last), 1..0x8000)
}

impl FrameCounters {
    /// An eavesdropper who has heard nothing of so many nodes.
    pub fn new(nodes: usize) -> Self {
        Self {
            nodes: vec![Node::default(); nodes],
            addresses: BTreeMap::new(),
            join_accepts: BTreeSet::new(),
            findings: Findings::default(),
        }
    }

    /// Looks at a frame. Those of one transmitter follow each other in time.
    pub fn add(&mut self, transmitter: Transmitter, at: Instant, phy: &[u8]) {
        self.findings.look();
        match (transmitter, parse(phy)) {
            (Transmitter::Node(node), Some(Clear::JoinRequest { dev_nonce })) => {
                self.join_request(node, dev_nonce, at);
            }
            (Transmitter::Node(node), Some(Clear::Data { dev_addr, fcnt, up: true })) => {
                self.data_up(node, dev_addr, fcnt, at);
            }
            (Transmitter::Gateway(gateway), Some(Clear::JoinAccept { first })) => {
                if !self.join_accepts.insert(first) {
                    self.findings.find(Violation::JoinAccept { gateway, at });
                }
            }
            (Transmitter::Gateway(gateway), Some(Clear::Data { dev_addr, fcnt, up: false })) => {
                self.data_down(gateway, dev_addr, fcnt, at);
            }
            _ => self.findings.find(Violation::NotAFrame { transmitter, phy_bytes: phy.len(), at }),
        }
    }

    /// What was found so far.
    pub fn findings(&self) -> Findings {
        self.findings.clone()
    }

    fn join_request(&mut self, node: NodeIndex, dev_nonce: u16, at: Instant) {
        let state = &mut self.nodes[node.0 as usize];
        state.may_change = true;
        if !state.dev_nonces.insert(dev_nonce) {
            self.findings.find(Violation::DevNonce { node, dev_nonce, at });
        }
    }

    fn data_up(&mut self, node: NodeIndex, dev_addr: DevAddr, have: u16, at: Instant) {
        let state = &mut self.nodes[node.0 as usize];
        if let Some((known, last)) = &mut state.session
            && *known == dev_addr
        {
            if grows(*last, have) {
                *last = have;
                return;
            }
            if !state.may_change {
                let (transmitter, last) = (Transmitter::Node(node), *last);
                return self.findings.find(Violation::FrameCounter { transmitter, dev_addr, last, have, at });
            }
        } else if !state.may_change {
            self.findings.find(Violation::SessionWithoutJoin { node, dev_addr, at });
        }
        state.may_change = false;
        state.session = Some((dev_addr, have));
        self.addresses.insert(dev_addr, None);
    }

    fn data_down(&mut self, gateway: GatewayIndex, dev_addr: DevAddr, have: u16, at: Instant) {
        let Some(sent) = self.addresses.get_mut(&dev_addr) else {
            return self.findings.find(Violation::DownlinkToNobody { gateway, dev_addr, at });
        };
        let Some(sent) = sent else {
            *sent = Some(SentDown { highest: have, below: 0 });
            return;
        };
        let last = sent.highest;
        if !sent.enter(have) {
            let transmitter = Transmitter::Gateway(gateway);
            self.findings.find(Violation::FrameCounter { transmitter, dev_addr, last, have, at });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: Transmitter = Transmitter::Node(NodeIndex(1));
    const GATEWAY: Transmitter = Transmitter::Gateway(GatewayIndex(0));

    fn join(dev_nonce: u16) -> Vec<u8> {
        let mut phy = vec![0; JOIN_REQUEST_BYTES];
        phy[17..19].copy_from_slice(&dev_nonce.to_le_bytes());
        phy
    }

    fn accept(byte: u8) -> Vec<u8> {
        let mut phy = vec![byte; 17];
        phy[0] = 0x20;
        phy
    }

    fn data(kind: u8, dev_addr: u8, fcnt: u16) -> Vec<u8> {
        let mut phy = vec![kind << 5, dev_addr, 0, 0, 0x26, 0];
        phy.extend(fcnt.to_le_bytes());
        phy.extend([1, 9, 9, 9, 9]);
        phy
    }

    fn up(dev_addr: u8, fcnt: u16) -> (Transmitter, Vec<u8>) {
        (NODE, data(2, dev_addr, fcnt))
    }

    fn down(dev_addr: u8, fcnt: u16) -> (Transmitter, Vec<u8>) {
        (GATEWAY, data(3, dev_addr, fcnt))
    }

    fn heard(frames: &[(Transmitter, Vec<u8>)]) -> Findings {
        let mut counters = FrameCounters::new(2);
        for (transmitter, phy) in frames {
            counters.add(*transmitter, Instant::ZERO, phy);
        }
        counters.findings()
    }

    /// A session, then another, each with counters that are passed over and one that wraps.
    fn honest() -> Vec<(Transmitter, Vec<u8>)> {
        vec![
            (NODE, join(0)),
            (GATEWAY, accept(1)),
            up(1, 0),
            down(1, 0),
            up(1, 32),
            up(1, 32_700),
            up(1, 65_000),
            up(1, 3),
            down(1, 1),
            (NODE, join(8)),
            up(1, 4),
            (GATEWAY, accept(2)),
            up(2, 0),
            down(2, 0),
            (NODE, data(4, 2, 1)),
            (GATEWAY, data(5, 2, 1)),
            down(2, 3),
            down(2, 2),
        ]
    }

    #[test]
    fn an_honest_exchange_has_no_violation() {
        let findings = heard(&honest());
        assert_eq!((findings.looked_at, findings.violations), (18, vec![]));
    }

    /// Each doctored frame follows the honest exchange, and is caught under its own name.
    #[test]
    fn every_doctored_frame_is_caught() {
        let at = Instant::ZERO;
        let dev_addr = DevAddr([0x26, 0, 0, 2]);
        let counter =
            |transmitter, last, have| Violation::FrameCounter { transmitter, dev_addr, last, have, at };
        let (node, gateway) = (NodeIndex(1), GatewayIndex(0));
        let stranger = DevAddr([0x26, 0, 0, 9]);
        let cases = [
            (up(2, 1), counter(NODE, 1, 1)),
            (up(2, 0), counter(NODE, 1, 0)),
            (down(2, 3), counter(GATEWAY, 3, 3)),
            (down(2, 2), counter(GATEWAY, 3, 2)),
            (down(2, 0), counter(GATEWAY, 3, 0)),
            (up(1, 5), Violation::SessionWithoutJoin { node, dev_addr: DevAddr([0x26, 0, 0, 1]), at }),
            ((NODE, join(8)), Violation::DevNonce { node, dev_nonce: 8, at }),
            ((GATEWAY, accept(2)), Violation::JoinAccept { gateway, at }),
            (down(9, 0), Violation::DownlinkToNobody { gateway, dev_addr: stranger, at }),
            ((NODE, data(3, 2, 2)), Violation::NotAFrame { transmitter: NODE, phy_bytes: 13, at }),
            ((GATEWAY, vec![]), Violation::NotAFrame { transmitter: GATEWAY, phy_bytes: 0, at }),
        ];
        for (doctored, expected) in cases {
            let mut frames = honest();
            frames.push(doctored);
            assert_eq!(heard(&frames).violations, [expected]);
        }
    }
}
