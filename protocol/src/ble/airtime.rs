//! Time on air of LE 1M, uncoded: 1 Mb/s, hence 8 microseconds a byte (Core Specification 5.4, Vol 6, Part B, 2.1).
use super::frame::UPLINK_HEADER_BYTES;
use super::{ATT_HEADER_BYTES, Mtu, fragment};
use crate::time::Duration;

/// Microseconds a byte.
const US_PER_BYTE: u64 = 8;
/// Preamble 1, access address 4, PDU header 2, CRC 3.
pub const PDU_OVERHEAD_BYTES: usize = 10;
/// The integrity code of an encrypted PDU that is not empty (Vol 6, Part B, 2.4).
pub const MIC_BYTES: usize = 4;
/// Of L2CAP: length 2, channel 2 (Vol 3, Part A, 3.1).
pub const L2CAP_HEADER_BYTES: usize = 4;
/// Between two PDUs of a connection event (Vol 6, Part B, 4.1.1).
pub const INTER_FRAME_SPACE: Duration = Duration::from_micros(150);

/// Whether a connection has the link layer's own encryption.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    /// It has none; frames are sealed in any case.
    #[default]
    Off,
    /// It has: LE Secure Connections.
    On,
}

/// Time on air of a link-layer PDU with so many bytes of payload.
pub const fn pdu_airtime(payload_bytes: usize, encryption: Encryption) -> Duration {
    let mic_bytes = match encryption {
        Encryption::On if payload_bytes > 0 => MIC_BYTES,
        Encryption::On | Encryption::Off => 0,
    };
    Duration::from_micros((PDU_OVERHEAD_BYTES + payload_bytes + mic_bytes) as u64 * US_PER_BYTE)
}

/// Payload of the link-layer PDU that carries a fragment of so many bytes, header included: one PDU carries it whole.
pub const fn pdu_payload_bytes(fragment_bytes: usize) -> usize {
    L2CAP_HEADER_BYTES + ATT_HEADER_BYTES + fragment_bytes
}

/// Time on air of the PDUs that carry an uplink with a sealed frame of so many bytes. What a connection costs whatever
/// is said in it (advertising, its set-up, empty PDUs) is not in it.
pub const fn uplink_airtime(sealed_bytes: usize, mtu: Mtu, encryption: Encryption) -> Duration {
    let frame_bytes = UPLINK_HEADER_BYTES + sealed_bytes;
    let full = frame_bytes / mtu.content_bytes();
    let rest = frame_bytes % mtu.content_bytes();
    let full_us = pdu_airtime(pdu_payload_bytes(mtu.value_bytes()), encryption).as_micros() * full as u64;
    let rest_us = match rest {
        0 => 0,
        _ => pdu_airtime(pdu_payload_bytes(fragment::HEADER_BYTES + rest), encryption).as_micros(),
    };
    Duration::from_micros(full_us + rest_us)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The figures of the specification's own sections: an empty PDU 80 us, 27 bytes 296 us (328 us encrypted), 251
    /// bytes 2,088 us (2,120 us encrypted; Vol 6, Part B, 4.5.10, as `connMaxTxTime`).
    #[test]
    fn pdus_last_as_long_as_specified() {
        let us = |bytes, encryption| pdu_airtime(bytes, encryption).as_micros();
        assert_eq!([0, 27, 251].map(|bytes| us(bytes, Encryption::Off)), [80, 296, 2_088]);
        assert_eq!([0, 27, 251].map(|bytes| us(bytes, Encryption::On)), [80, 328, 2_120]);
    }

    #[test]
    fn an_uplink_lasts_as_long_as_its_fragments() {
        let us = |sealed, mtu| uplink_airtime(sealed, mtu, Encryption::Off).as_micros();
        // 9 + 17 bytes: fragments of 20 and 8 bytes, PDUs of 27 and 15; or one of 27, a PDU of 34.
        assert_eq!(us(17, Mtu::LEAST), 296 + 200);
        assert_eq!(us(17, Mtu::MOST), 352);
        // 9 + 10 bytes fill a fragment.
        assert_eq!(us(10, Mtu::LEAST), 296);
        assert_eq!(us(242, Mtu::LEAST), 13 * 296 + (10 + 7 + 1 + 4) * 8);
    }
}
