//! Between gateway and aggregator: topics, the messages on them, and the envelope they travel in.
//!
//! An application payload is sealed end to end already. The envelope protects what the network side adds to it
//! (link quality, time of arrival, receipts) from whoever runs the broker: AES-256-GCM under a key that gateway and
//! aggregator share, with the topic as associated data. It also fixes the bytes: `bincode` 2 in its standard
//! configuration, used here and nowhere else.
use crate::ids::{DevAddr, DevEui, GatewayId};
use crate::region::DataRate;
use crate::time::Instant;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::string::String;
use std::vec::Vec;

/// First byte of every envelope.
pub const ENVELOPE_VERSION: u8 = 1;
/// Bytes that the envelope adds: version 1, nonce 12, tag 16.
pub const ENVELOPE_OVERHEAD_BYTES: usize = 29;

/// How one concentrator heard a frame.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reception {
    /// The concentrator.
    pub gateway: GatewayId,
    /// Received power in dBm.
    pub rssi_dbm: i16,
    /// Signal to noise ratio in tenths of a dB.
    pub snr_tenth_db: i16,
}

/// A number that a gateway service gives to each uplink it takes in, never used twice by it. It names the row of
/// the outbox until the aggregator's receipt comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UplinkId(pub u64);

/// A node's application payload on its way to the aggregator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Uplink {
    /// Names this uplink in the receipt.
    pub id: UplinkId,
    /// When its last bit arrived, by the gateway's clock.
    pub received_at: Instant,
    /// Who sent it, as the network server knows.
    pub dev_eui: DevEui,
    /// Its address in the network.
    pub dev_addr: DevAddr,
    /// The frame counter, all 32 bits.
    pub fcnt: u32,
    /// The port, which names the message inside.
    pub fport: u8,
    /// At which data rate it came.
    pub data_rate: DataRate,
    /// Who heard it, best signal first; never empty.
    pub receptions: Vec<Reception>,
    /// The sealed frame.
    pub payload: Vec<u8>,
}

/// An application payload for a node's next receive window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Downlink {
    /// For whom.
    pub dev_eui: DevEui,
    /// The port, which names the message inside.
    pub fport: u8,
    /// The sealed frame.
    pub payload: Vec<u8>,
}

/// The aggregator has taken charge of an uplink: it is in the ledger, or was counted as rejected. The gateway may
/// forget it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Which one.
    pub id: UplinkId,
    /// Who had sent it.
    pub dev_eui: DevEui,
    /// What to send the node in answer, if anything. It replaces whatever waits for that node.
    pub downlink: Option<Downlink>,
}

/// Topics below a common prefix, so that several federations can share a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    prefix: String,
}

impl Topics {
    /// Topics below `prefix`, for instance `chirrup/v1`.
    pub fn new(prefix: &str) -> Self {
        Self { prefix: prefix.trim_end_matches('/').into() }
    }

    /// Where a gateway service publishes [`Uplink`]s.
    pub fn uplink(&self, gateway: GatewayId) -> String {
        std::format!("{}/up/{gateway}", self.prefix)
    }

    /// Where the aggregator listens: the uplinks of every gateway.
    pub fn all_uplinks(&self) -> String {
        std::format!("{}/up/+", self.prefix)
    }

    /// Where the aggregator publishes [`Receipt`]s for a gateway service.
    pub fn receipt(&self, gateway: GatewayId) -> String {
        std::format!("{}/receipt/{gateway}", self.prefix)
    }

    /// The gateway service that an uplink topic belongs to.
    pub fn gateway_of_uplink(&self, topic: &str) -> Option<GatewayId> {
        topic.strip_prefix(&self.prefix)?.strip_prefix("/up/")?.parse().ok()
    }
}

/// The key of a backhaul. Its debug form shows nothing.
#[derive(Clone)]
pub struct BackhaulKey(Key<Aes256Gcm>);

impl BackhaulKey {
    /// A key from 32 secret bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes.into())
    }
}

impl core::fmt::Debug for BackhaulKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("BackhaulKey(..)")
    }
}

/// An envelope could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Fewer bytes than an empty envelope has.
    #[error("envelope of {have_bytes} bytes, an empty one has {ENVELOPE_OVERHEAD_BYTES}")]
    TooShort {
        /// How many there were.
        have_bytes: usize,
    },
    /// Another version than ours.
    #[error("envelope of version {have}, expected {ENVELOPE_VERSION}")]
    UnknownVersion {
        /// The version it claims.
        have: u8,
    },
    /// Sealed with another key, for another topic, or altered on the way.
    #[error("envelope does not authenticate")]
    NotAuthentic,
    /// Authentic, but not the message that belongs on this topic.
    #[error("envelope does not hold the expected message")]
    Malformed,
}

/// Seals a message for a topic. The nonce must never repeat under one key: draw it from the system's generator.
pub fn seal<M: Serialize>(key: &BackhaulKey, nonce: [u8; 12], topic: &str, message: &M) -> Vec<u8> {
    let plain = encode(message);
    let cipher = Aes256Gcm::new(&key.0);
    let sealed = cipher
        .encrypt(&Nonce::from(nonce), Payload { msg: &plain, aad: topic.as_bytes() })
        .expect("a message is far below the 64 GiB that GCM can seal");
    let mut envelope = Vec::with_capacity(13 + sealed.len());
    envelope.push(ENVELOPE_VERSION);
    envelope.extend_from_slice(&nonce);
    envelope.extend_from_slice(&sealed);
    envelope
}

/// Opens what [`seal`] made, on the topic it was made for.
pub fn open<M: DeserializeOwned>(
    key: &BackhaulKey,
    topic: &str,
    envelope: &[u8],
) -> Result<M, EnvelopeError> {
    if envelope.len() < ENVELOPE_OVERHEAD_BYTES {
        return Err(EnvelopeError::TooShort { have_bytes: envelope.len() });
    }
    let (header, sealed) = envelope.split_at(13);
    if header[0] != ENVELOPE_VERSION {
        return Err(EnvelopeError::UnknownVersion { have: header[0] });
    }
    let nonce: [u8; 12] = header[1..].try_into().map_err(|_| EnvelopeError::Malformed)?;
    let plain = Aes256Gcm::new(&key.0)
        .decrypt(&Nonce::from(nonce), Payload { msg: sealed, aad: topic.as_bytes() })
        .map_err(|_| EnvelopeError::NotAuthentic)?;
    decode(&plain).ok_or(EnvelopeError::Malformed)
}

/// The bytes of a record, as envelopes, outboxes and ledgers hold it.
pub fn encode<M: Serialize>(message: &M) -> Vec<u8> {
    bincode::serde::encode_to_vec(message, bincode::config::standard())
        .expect("the messages hold nothing that bincode cannot write")
}

/// Reads what [`encode`] wrote; `None` when the bytes are anything else, or more than that.
pub fn decode<M: DeserializeOwned>(bytes: &[u8]) -> Option<M> {
    // The limit bounds what a hostile length field can make us allocate.
    let config = bincode::config::standard().with_limit::<{ 1 << 24 }>();
    let (message, used) = bincode::serde::decode_from_slice(bytes, config).ok()?;
    (used == bytes.len()).then_some(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt() -> Receipt {
        let dev_eui = DevEui::from_u64(0x0102_0304_0506_0708);
        let downlink = Downlink { dev_eui, fport: 17, payload: std::vec![0xaa, 0xbb] };
        Receipt { id: UplinkId(300), dev_eui, downlink: Some(downlink) }
    }

    #[test]
    fn the_bytes_of_a_receipt_are_pinned() {
        // 300 needs bincode's marker 251 and two bytes, little-endian; arrays have no length, vectors do.
        let expected = "fb2c01010203040506070801010203040506070811 02aabb".replace(' ', "");
        assert_eq!(hex::encode(encode(&receipt())), expected);
        assert_eq!(decode(&hex::decode(expected).unwrap()), Some(receipt()));
    }

    #[test]
    fn an_envelope_opens_only_with_its_key_on_its_topic_and_unaltered() {
        let (key, other) = (BackhaulKey::new([7; 32]), BackhaulKey::new([8; 32]));
        let sealed = seal(&key, [1; 12], "a", &receipt());
        assert_eq!(open(&key, "a", &sealed), Ok(receipt()));
        assert_eq!(open::<Receipt>(&other, "a", &sealed), Err(EnvelopeError::NotAuthentic));
        assert_eq!(open::<Receipt>(&key, "b", &sealed), Err(EnvelopeError::NotAuthentic));
        for index in 1..sealed.len() {
            let mut altered = sealed.clone();
            altered[index] ^= 1;
            assert_eq!(open::<Receipt>(&key, "a", &altered), Err(EnvelopeError::NotAuthentic));
        }
        assert!(open::<Receipt>(&key, "a", &sealed[..20]).is_err());
    }

    #[test]
    fn bytes_after_a_record_are_refused() {
        let mut bytes = encode(&receipt());
        bytes.push(0);
        assert_eq!(decode::<Receipt>(&bytes), None);
    }

    #[test]
    fn a_gateway_is_found_in_its_topic() {
        let topics = Topics::new("chirrup/v1/");
        let gateway = GatewayId([1; 8]);
        assert_eq!(topics.uplink(gateway), "chirrup/v1/up/0101010101010101");
        assert_eq!(topics.gateway_of_uplink("chirrup/v1/up/0101010101010101"), Some(gateway));
        assert_eq!(topics.gateway_of_uplink("chirrup/v1/up/xyz"), None);
    }
}
