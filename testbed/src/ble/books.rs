//! The books of BLE: what was on the air, and a hash over it.
//!
//! Bytes of one PDU in the trace, all integers little-endian:
//!
//! | bytes | content |
//! | --- | --- |
//! | 8 | start in microseconds |
//! | 1 | 0 ADV_IND, 1 CONNECT_IND, 2 data from the gateway, 3 data from the node |
//! | 4, 2 | index of the node, index of the gateway |
//! | 1 | 0 heard, 1 lost, 2 nobody listened |
//! | 2 | bytes of payload |
//! | .. | the value of a notification or write, if it is one |
use super::energy::{RECEIVE_MA, TRANSMIT_MA};
use super::pdu::{End, Hearing, Pdu, Repetition, Sent};
use crate::energy::Awake;
use crate::radio::{GatewayIndex, NodeIndex};
use chirrup_protocol::ble::airtime::{Encryption, pdu_airtime};
use chirrup_protocol::time::{Duration, Instant};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Payload of an ADV_IND: address 6, flags 3, the service's identifier 18 (Core Specification 5.4, Vol 6, Part B,
/// 2.3.1.1; Supplement, Part A).
pub const ADVERTISEMENT_BYTES: usize = 27;
/// Payload of a CONNECT_IND (2.3.3.1).
pub const CONNECT_BYTES: usize = 34;

/// What was noted of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NodeBook {
    /// How long its radio was awake.
    pub awake: Awake,
    /// Advertisements sent, one a channel.
    pub advertisements: u64,
    /// Connections that were established.
    pub connections: u64,
    /// Connections that broke off.
    pub broken: u64,
    /// Data PDUs sent, empty ones and repetitions included.
    pub pdus: u64,
    /// Those that had been sent before.
    pub repeated: u64,
}

/// What was noted of a gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GatewayBook {
    /// Time on the air.
    pub airtime: Duration,
    /// Data PDUs sent, empty ones and repetitions included.
    pub pdus: u64,
}

/// An end of the advertising channels' PDUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Primary {
    /// A node advertises.
    Advertisement,
    /// A gateway connects.
    Connect,
}

/// The books of a run.
#[derive(Clone, Debug, Default)]
pub struct Books {
    nodes: BTreeMap<u32, NodeBook>,
    gateways: BTreeMap<u16, GatewayBook>,
    hash: Sha256,
    entries: u64,
}

impl Books {
    /// What was noted of a node.
    pub fn node(&self, node: NodeIndex) -> NodeBook {
        self.nodes.get(&node.0).copied().unwrap_or_default()
    }

    /// What was noted of a gateway.
    pub fn gateway(&self, gateway: GatewayIndex) -> GatewayBook {
        self.gateways.get(&gateway.0).copied().unwrap_or_default()
    }

    /// PDUs on the air.
    pub const fn entries(&self) -> u64 {
        self.entries
    }

    /// The trace of a run: that of LoRa alone where nothing of BLE was on the air, else SHA-256 over both.
    pub fn trace_with(&self, lora: [u8; 32]) -> [u8; 32] {
        if self.entries == 0 {
            return lora;
        }
        let ble: [u8; 32] = self.hash.clone().finalize().into();
        Sha256::new().chain_update(lora).chain_update(ble).finalize().into()
    }

    /// To be written to.
    pub fn node_mut(&mut self, node: NodeIndex) -> &mut NodeBook {
        self.nodes.entry(node.0).or_default()
    }

    /// Enters a PDU on an advertising channel.
    pub fn enter_primary(
        &mut self,
        at: Instant,
        kind: Primary,
        (node, gateway): (NodeIndex, GatewayIndex),
        heard: Hearing,
    ) {
        let (code, bytes) = match kind {
            Primary::Advertisement => (0, ADVERTISEMENT_BYTES),
            Primary::Connect => (1, CONNECT_BYTES),
        };
        let airtime = pdu_airtime(bytes, Encryption::Off);
        match kind {
            Primary::Advertisement => {
                let book = self.node_mut(node);
                book.advertisements += 1;
                book.awake.transmit(TRANSMIT_MA, airtime);
            }
            Primary::Connect => {
                self.node_mut(node).awake.receive(RECEIVE_MA, airtime);
                self.gateways.entry(gateway.0).or_default().airtime += airtime;
            }
        }
        self.hash_entry(at, code, (node, gateway), heard, bytes, &[]);
    }

    /// Enters a data PDU.
    pub fn enter(&mut self, sent: &Sent, (node, gateway): (NodeIndex, GatewayIndex)) {
        let bytes = sent.pdu.payload_bytes();
        let airtime = pdu_airtime(bytes, Encryption::Off);
        let code = match sent.from {
            End::Central => {
                let book = self.gateways.entry(gateway.0).or_default();
                book.pdus += 1;
                book.airtime += airtime;
                2
            }
            End::Peripheral => {
                let book = self.node_mut(node);
                book.pdus += 1;
                book.repeated += u64::from(sent.again == Repetition::Again);
                book.awake.transmit(TRANSMIT_MA, airtime);
                3
            }
        };
        let value = if let Pdu::Value(value) = &sent.pdu { value.as_slice() } else { &[] };
        self.hash_entry(sent.at, code, (node, gateway), sent.heard, bytes, value);
    }

    fn hash_entry(
        &mut self,
        at: Instant,
        code: u8,
        (node, gateway): (NodeIndex, GatewayIndex),
        heard: Hearing,
        bytes: usize,
        value: &[u8],
    ) {
        let heard = match heard {
            Hearing::Heard => 0,
            Hearing::Lost => 1,
            Hearing::Unattended => 2,
        };
        self.entries += 1;
        self.hash.update(at.as_micros().to_le_bytes());
        self.hash.update([code]);
        self.hash.update(node.0.to_le_bytes());
        self.hash.update(gateway.0.to_le_bytes());
        self.hash.update([heard]);
        self.hash.update((bytes as u16).to_le_bytes());
        self.hash.update(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_has_the_bytes_of_the_table() {
        let ends = (NodeIndex(3), GatewayIndex(1));
        let mut books = Books::default();
        assert_eq!(books.trace_with([7; 32]), [7; 32], "nothing of BLE, nothing changes");
        books.enter_primary(Instant::from_micros(0x0102), Primary::Connect, ends, Hearing::Lost);
        let sent = Sent {
            at: Instant::from_micros(5),
            from: End::Peripheral,
            pdu: Pdu::Value(vec![0xaa, 0xbb]),
            again: Repetition::Again,
            heard: Hearing::Heard,
        };
        books.enter(&sent, ends);
        let bytes =
            "0201000000000000 01 03000000 0100 01 2200  0500000000000000 03 03000000 0100 00 0900 aabb";
        let bytes = hex::decode(bytes.replace(' ', "")).unwrap();
        let both = [&[7; 32][..], &Sha256::digest(&bytes)[..]].concat();
        assert_eq!(books.trace_with([7; 32])[..], Sha256::digest(&both)[..]);
    }

    #[test]
    fn each_end_pays_for_what_it_sends() {
        let ends = (NodeIndex(0), GatewayIndex(0));
        let mut books = Books::default();
        books.enter_primary(Instant::ZERO, Primary::Advertisement, ends, Hearing::Heard);
        books.enter_primary(Instant::ZERO, Primary::Connect, ends, Hearing::Heard);
        let sent = |from| Sent {
            at: Instant::ZERO,
            from,
            pdu: Pdu::Empty,
            again: Repetition::First,
            heard: Hearing::Heard,
        };
        books.enter(&sent(End::Central), ends);
        books.enter(&sent(End::Peripheral), ends);
        let node = books.node(NodeIndex(0));
        assert_eq!((node.advertisements, node.pdus, node.repeated), (1, 1, 0));
        assert_eq!(node.awake.transmitting.as_micros(), 296 + 80);
        assert_eq!(node.awake.receiving.as_micros(), 352);
        let gateway = GatewayBook { airtime: Duration::from_micros(352 + 80), pdus: 1 };
        assert_eq!(books.gateway(GatewayIndex(0)), gateway);
        assert_eq!(books.entries(), 4);
    }
}
