//! Records between services, and the envelope they travel in: the only decoders that allocate.
use crate::memory::allocated_by;
use chirrup_protocol::backhaul::{
    self, BackhaulKey, Downlink, ENVELOPE_OVERHEAD_BYTES, EnvelopeError, Receipt, Reception, Uplink, UplinkId,
};
use chirrup_protocol::ids::{DevAddr, DevEui, GatewayId};
use chirrup_protocol::region::DataRate;
use chirrup_protocol::time::Instant;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

const TOPIC: &str = "chirrup/v1/receipt/0016c001ff10a235";
const NONCE: [u8; 12] = [1; 12];
const DEV_EUI: DevEui = DevEui::from_u64(0x70b3_d57e_d000_0001);

/// What is read is written again; numbers may come longer than needed. Memory is bounded by what was received, not by
/// what it claims.
fn record<M: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) {
    let (message, allocated_bytes) = allocated_by(|| backhaul::decode::<M>(bytes));
    // A list grows as its elements arrive, the first time to at most 1 MiB.
    assert!(allocated_bytes <= (2 << 20) + 64 * bytes.len(), "{allocated_bytes} B for {} B", bytes.len());
    let Some(message) = message else { return };
    let again = backhaul::encode(&message);
    assert!(again.len() <= bytes.len());
    assert_eq!(backhaul::decode(&again), Some(message));
}

/// Uplinks.
pub fn uplink(bytes: &[u8]) {
    record::<Uplink>(bytes);
}

/// Uplinks to start from.
pub fn uplink_seeds() -> Vec<Vec<u8>> {
    let reception = Reception { gateway: GatewayId([0x16; 8]), rssi_dbm: -113, snr_tenth_db: -55 };
    let uplink = |receptions| Uplink {
        id: UplinkId(300),
        received_at: Instant::from_micros(1_700_000_000_000_000),
        dev_eui: DEV_EUI,
        dev_addr: DevAddr([0x26, 1, 0x1b, 0xda]),
        fcnt: 70_000,
        fport: 1,
        data_rate: DataRate(3),
        receptions,
        payload: vec![0x40, 0, 0, 0xaa, 0xbb],
    };
    [vec![reception], vec![reception; 3]].map(|receptions| backhaul::encode(&uplink(receptions))).into()
}

fn receipts() -> [Receipt; 2] {
    let downlink = Downlink { dev_eui: DEV_EUI, fport: 17, payload: vec![0xaa; 40] };
    let receipt = |downlink| Receipt { id: UplinkId(300), dev_eui: DEV_EUI, downlink };
    [receipt(Some(downlink)), receipt(None)]
}

/// Receipts.
pub fn receipt(bytes: &[u8]) {
    record::<Receipt>(bytes);
}

/// Receipts to start from.
pub fn receipt_seeds() -> Vec<Vec<u8>> {
    receipts().map(|receipt| backhaul::encode(&receipt)).into()
}

/// An envelope that nobody sealed never opens.
pub fn envelope(bytes: &[u8]) {
    let key = BackhaulKey::new([7; 32]);
    match backhaul::open::<Receipt>(&key, TOPIC, bytes) {
        Ok(receipt) => {
            assert!(receipts().contains(&receipt) && bytes == backhaul::seal(&key, NONCE, TOPIC, &receipt))
        }
        Err(EnvelopeError::TooShort { have_bytes }) => assert!(have_bytes < ENVELOPE_OVERHEAD_BYTES),
        Err(EnvelopeError::UnknownVersion { have }) => assert_eq!(have, bytes[0]),
        Err(error) => assert_eq!(error, EnvelopeError::NotAuthentic),
    }
}

/// Envelopes that do open, so that the fuzzer forges by small changes.
pub fn envelope_seeds() -> Vec<Vec<u8>> {
    let key = BackhaulKey::new([7; 32]);
    receipts().map(|receipt| backhaul::seal(&key, NONCE, TOPIC, &receipt)).into()
}
