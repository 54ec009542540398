//! Sealed frames over Bluetooth Low Energy: a GATT service of the node, and what travels through it.
//!
//! The node is the peripheral and has the service [`SERVICE_UUID`]. It advertises when it has something to say; a
//! gateway connects as the central. Frames up are notifications of [`UPLINK_UUID`], frames down are writes without
//! response to [`DOWNLINK_UUID`]. Each uplink is answered by one downlink, an empty one if there is nothing to say, so
//! that a node knows when it may sleep again.
//!
//! - [`frame`]: which device, which port, which sealed frame;
//! - [`fragment`]: a frame in pieces that fit the connection's ATT MTU;
//! - [`airtime`]: how long LE 1M is on the air for it.
//!
//! The seal is that of LoRaWAN, with the same counters: whatever a node seals takes the next counter of its epoch, over
//! whichever link it leaves. Nothing here relies on the link's own encryption.
pub mod airtime;
pub mod fragment;
pub mod frame;

use crate::region::DataRate;

/// The data rate in the record of an uplink that came over BLE. No region has it.
pub const DATA_RATE: DataRate = DataRate(255);
/// First id of uplinks that came over BLE; a gateway service gives lower ones to those of LoRaWAN.
pub const FIRST_UPLINK_ID: u64 = 1 << 63;

/// The GATT service of a node, most significant byte first: version 5 (RFC 9562) of the namespace for URLs and
/// `https://github.com/chirrup/chirrup#ble-service`.
pub const SERVICE_UUID: u128 = 0x0075_7a62_9633_5b17_be90_700b_1432_9614;
/// The characteristic for frames up, property *notify*: the same of `...#ble-uplink`.
pub const UPLINK_UUID: u128 = 0x91a2_aebe_6012_5062_b916_5523_1c51_0ce7;
/// The characteristic for frames down, property *write without response*: the same of `...#ble-downlink`.
pub const DOWNLINK_UUID: u128 = 0xbf3d_8e41_e865_56d0_88e6_59f7_6e08_75ec;

/// What ATT puts before the value of a notification or a write: opcode 1, handle 2 (Core Specification 5.4, Vol 3,
/// Part F, 3.4.5.3 and 3.4.7.1).
pub const ATT_HEADER_BYTES: usize = 3;

/// The ATT MTU of a connection in bytes, 23 to 247: from the least that there is (Core Specification 5.4, Vol 3, Part
/// F, 3.2.8) to the most that one link-layer PDU of 251 bytes carries behind the 4 bytes of L2CAP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "std", derive(serde::Serialize))]
pub struct Mtu(u8);

/// An MTU that this service does not use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an ATT MTU of {have_bytes} bytes, expected 23 to 247")]
pub struct MtuError {
    /// The MTU.
    pub have_bytes: usize,
}

impl Mtu {
    /// What every connection begins with.
    pub const LEAST: Self = Self(23);
    /// The largest in use.
    pub const MOST: Self = Self(247);

    /// An MTU of so many bytes.
    ///
    /// # Errors
    /// Below 23 or above 247. Who agreed on more uses [`Mtu::MOST`].
    pub const fn new(bytes: usize) -> Result<Self, MtuError> {
        if bytes < Self::LEAST.0 as usize || bytes > Self::MOST.0 as usize {
            return Err(MtuError { have_bytes: bytes });
        }
        Ok(Self(bytes as u8))
    }

    /// The MTU in bytes.
    pub const fn bytes(self) -> usize {
        self.0 as usize
    }

    /// Largest value of a notification or a write, hence largest fragment.
    pub const fn value_bytes(self) -> usize {
        self.bytes() - ATT_HEADER_BYTES
    }

    /// Bytes of a frame in a full fragment.
    pub const fn content_bytes(self) -> usize {
        self.value_bytes() - fragment::HEADER_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_mtu_is_between_23_and_247_bytes() {
        assert_eq!(Mtu::new(22), Err(MtuError { have_bytes: 22 }));
        assert_eq!(Mtu::new(23), Ok(Mtu::LEAST));
        assert_eq!(Mtu::new(247), Ok(Mtu::MOST));
        assert_eq!(Mtu::new(248), Err(MtuError { have_bytes: 248 }));
        assert_eq!((Mtu::LEAST.value_bytes(), Mtu::LEAST.content_bytes()), (20, 19));
        assert_eq!((Mtu::MOST.value_bytes(), Mtu::MOST.content_bytes()), (244, 243));
    }

    /// Computed by the module `uuid` of Python 3: `uuid5(NAMESPACE_URL, ...)`.
    #[test]
    fn the_identifiers_are_of_version_5() {
        for uuid in [SERVICE_UUID, UPLINK_UUID, DOWNLINK_UUID] {
            assert_eq!((uuid >> 76) & 0xf, 5, "version");
            assert_eq!((uuid >> 62) & 0b11, 0b10, "variant");
        }
    }
}
