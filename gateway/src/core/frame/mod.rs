//! The bytes of LoRaWAN 1.0.x frames; with `join` and `data` the only code that knows `lrwn`.
mod data;
mod join;

pub use self::data::{Acknowledgement, Content, DataDown, DataUp, LINK_ADR_REQ_BYTES, data_down_bytes};
pub use self::join::{JoinRequest, join_accept_bytes};
use super::config::NetId;
use super::counters::Reason;
use super::record::Key;
use chirrup_protocol::ids::DevAddr;
use lrwn::{AES128Key, FType, NetID, Payload, PhyPayload};

/// Reserved bits of the MHDR. `lrwn` drops them, and the MIC must cover what was received.
const MHDR_RESERVED: u8 = 0x1c;

/// A frame that a device may send.
#[derive(Debug)]
pub enum UplinkFrame {
    Join(JoinRequest),
    Data(DataUp),
}

/// Reads a PHY payload.
pub fn parse(bytes: &[u8]) -> Result<UplinkFrame, Reason> {
    let first = *bytes.first().ok_or(Reason::Empty)?;
    if first & MHDR_RESERVED != 0 {
        return Err(Reason::Malformed);
    }
    let phy = PhyPayload::from_slice(bytes).map_err(|_| Reason::Malformed)?;
    match (phy.mhdr.f_type, &phy.payload) {
        (FType::JoinRequest, Payload::JoinRequest(_)) => JoinRequest::of(phy).map(UplinkFrame::Join),
        (FType::UnconfirmedDataUp, Payload::MACPayload(_)) => {
            DataUp::of(phy, Acknowledgement::NotRequested).map(UplinkFrame::Data)
        }
        (FType::ConfirmedDataUp, Payload::MACPayload(_)) => {
            DataUp::of(phy, Acknowledgement::Requested).map(UplinkFrame::Data)
        }
        _ => Err(Reason::UnexpectedMType),
    }
}

/// Whether an address belongs to a network.
pub fn is_of_network(dev_addr: DevAddr, net_id: NetId) -> bool {
    lrwn::DevAddr::from_be_bytes(dev_addr.0).is_net_id(NetID::from_be_bytes(net_id.0))
}

/// The address of a network whose free bits are those of `seed`.
pub fn address_in_network(seed: u32, net_id: NetId) -> DevAddr {
    let mut address = lrwn::DevAddr::from_be_bytes(seed.to_be_bytes());
    address.set_dev_addr_prefix(NetID::from_be_bytes(net_id.0).dev_addr_prefix());
    DevAddr(address.to_be_bytes())
}

fn aes_key(key: Key) -> AES128Key {
    AES128Key::from_bytes(key.0)
}

#[cfg(test)]
mod tests;
