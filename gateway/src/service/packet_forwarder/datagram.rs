//! The datagrams of Semtech's packet forwarder protocol, version 2.
//!
//! The frame of a datagram is read here and its JSON by `semtech-udp`, entry by entry: its own parser gives up a
//! whole datagram for one FSK frame in it, and panics on a `PUSH_DATA` without JSON whose EUI ends in zero, and on
//! text that is not ASCII.
use crate::core::{Heard, Refusal, Transmission};
use chirrup_protocol::airtime::{Modulation, PREAMBLE_SYMBOLS};
use chirrup_protocol::ids::GatewayId;
use semtech_udp::pull_resp::{self, PhyData, Time, TxPk};
use semtech_udp::push_data::{CRC, RxPk};
use semtech_udp::{
    Bandwidth, CodingRate, DataRate, Identifier, SerializablePacket, SpreadingFactor, pull_ack, push_ack,
    tx_ack,
};

/// Version, token, identifier and EUI.
const HEADER_BYTES: usize = 12;
const PROTOCOL_VERSION: u8 = 2;
/// Larger than any datagram of the protocol.
pub const MAX_DATAGRAM_BYTES: usize = 65_535;

/// What a packet forwarder sent.
#[derive(Debug)]
pub struct Datagram {
    pub token: u16,
    pub concentrator: GatewayId,
    pub body: Body,
}

/// The three kinds.
#[derive(Debug)]
pub enum Body {
    /// Frames that were heard, or a status report, which is not looked at.
    Push(Pushed),
    /// Keeps the way back open.
    Pull,
    /// What became of a transmission.
    TxAck(Result<(), Refusal>),
}

/// The frames of one datagram.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Frames with a correct CRC.
    pub heard: Vec<Heard>,
    /// Frames without one.
    pub crc_failed: u64,
    /// Entries that are no LoRa frames, or not as the protocol has them.
    pub unreadable: u64,
}

impl Pushed {
    /// How many frames the datagram had, good or bad.
    pub fn frames(&self) -> u64 {
        self.heard.len() as u64 + self.crc_failed + self.unreadable
    }
}

/// A datagram that is not of this protocol, or not for a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Reads what a packet forwarder sent.
pub fn parse(bytes: &[u8]) -> Result<Datagram, Malformed> {
    let (header, json) = bytes.split_at_checked(HEADER_BYTES).ok_or(Malformed)?;
    let &[version, high, low, identifier, ref eui @ ..] = header else { return Err(Malformed) };
    if version != PROTOCOL_VERSION {
        return Err(Malformed);
    }
    let concentrator = GatewayId(eui.try_into().map_err(|_| Malformed)?);
    let json = json.strip_suffix(&[0]).unwrap_or(json);
    if !json.is_ascii() {
        return Err(Malformed);
    }
    let body = match Identifier::try_from(identifier).map_err(|_| Malformed)? {
        Identifier::PushData => Body::Push(pushed(concentrator, json)?),
        Identifier::PullData => Body::Pull,
        Identifier::TxAck => Body::TxAck(transmitted(json)?),
        _ => return Err(Malformed),
    };
    Ok(Datagram { token: u16::from_be_bytes([high, low]), concentrator, body })
}

fn pushed(concentrator: GatewayId, json: &[u8]) -> Result<Pushed, Malformed> {
    let object: serde_json::Value = serde_json::from_slice(json).map_err(|_| Malformed)?;
    let entries = match object.get("rxpk") {
        Some(serde_json::Value::Array(entries)) => entries.as_slice(),
        Some(_) => return Err(Malformed),
        None => &[],
    };
    let mut pushed = Pushed::default();
    for entry in entries {
        // The entry's types borrow from the text, hence once more a text.
        match serde_json::from_str::<RxPk>(&entry.to_string()) {
            Ok(frame) if frame.crc_status() == CRC::OK => pushed.heard.push(heard(concentrator, &frame)),
            Ok(_) => pushed.crc_failed += 1,
            Err(_) => pushed.unreadable += 1,
        }
    }
    Ok(pushed)
}

fn heard(concentrator: GatewayId, frame: &RxPk) -> Heard {
    let data_rate = frame.datarate();
    let coding_rate = frame.coding_rate().map_or(0, |rate| rate.denom() as u8 - 4);
    Heard {
        concentrator,
        phy: frame.data().clone(),
        // A conversion of a float saturates, and NaN becomes zero: no such frequency.
        frequency_hz: libm::round(frame.frequency() * 1e6) as u32,
        modulation: Modulation {
            spreading_factor: data_rate.spreading_factor().factor() as u8,
            bandwidth_hz: data_rate.bandwidth().hz(),
            coding_rate,
        },
        rssi_dbm: frame.channel_rssi().clamp(i16::MIN.into(), i16::MAX.into()) as i16,
        snr_tenth_db: libm::roundf(frame.snr() * 10.0) as i16,
        counter_us: frame.timestamp(),
    }
}

fn transmitted(json: &[u8]) -> Result<Result<(), Refusal>, Malformed> {
    if json.is_empty() {
        return Ok(Ok(()));
    }
    let data: tx_ack::Data = serde_json::from_slice(json).map_err(|_| Malformed)?;
    Ok(match data.get_result() {
        // A power that was reduced is a warning: the frame goes out.
        Ok(_) | Err(tx_ack::Error::AdjustedTransmitPower(..)) => Ok(()),
        Err(error) => Err(refusal(error)),
    })
}

fn refusal(error: tx_ack::Error) -> Refusal {
    use tx_ack::Error;
    match error {
        Error::TooLate => Refusal::TooLate,
        Error::TooEarly => Refusal::TooEarly,
        Error::CollisionPacket | Error::CollisionBeacon => Refusal::Collision,
        Error::InvalidTransmitFrequency
        | Error::InvalidTransmitPower(_)
        | Error::AdjustedTransmitPower(..) => Refusal::NotSupported,
        Error::GpsUnlocked | Error::SendLBT | Error::SendFail => Refusal::Unavailable,
    }
}

/// The answer to frames, or to a keep-alive.
pub fn acknowledgement(datagram: &Datagram) -> Option<Vec<u8>> {
    let random_token = datagram.token;
    match datagram.body {
        Body::Push(_) => serialize(&push_ack::Packet { random_token }),
        Body::Pull => serialize(&pull_ack::Packet { random_token }),
        Body::TxAck(_) => None,
    }
}

/// The request to send a frame, `None` when its modulation is none that the protocol has.
pub fn request(token: u16, transmission: &Transmission) -> Option<Vec<u8>> {
    let txpk = TxPk {
        time: Time::by_tmst(transmission.counter_us),
        freq: f64::from(transmission.frequency_hz) / 1e6,
        rfch: 0,
        powe: transmission.power_dbm.try_into().unwrap_or(0),
        modu: semtech_udp::Modulation::LORA,
        datr: data_rate(transmission.modulation)?,
        codr: Some(CodingRate::_4_5),
        fdev: None,
        ipol: true,
        prea: Some(PREAMBLE_SYMBOLS.into()),
        data: PhyData::new(transmission.phy.clone()),
        ncrc: Some(true),
    };
    serialize(&pull_resp::Packet { random_token: token, data: pull_resp::Data::from_txpk(txpk) })
}

fn data_rate(modulation: Modulation) -> Option<DataRate> {
    let spreading_factor = match modulation.spreading_factor {
        7 => SpreadingFactor::_7,
        8 => SpreadingFactor::_8,
        9 => SpreadingFactor::_9,
        10 => SpreadingFactor::_10,
        11 => SpreadingFactor::_11,
        12 => SpreadingFactor::_12,
        _ => return None,
    };
    let bandwidth = match modulation.bandwidth_hz {
        125_000 => Bandwidth::_125KHz,
        250_000 => Bandwidth::_250KHz,
        500_000 => Bandwidth::_500KHz,
        _ => return None,
    };
    Some(DataRate::new(spreading_factor, bandwidth))
}

fn serialize(packet: &impl SerializablePacket) -> Option<Vec<u8>> {
    // A request with 255 bytes of payload takes about 600.
    let mut buffer = vec![0; 2_048];
    let length = packet.serialize(&mut buffer).ok()?;
    buffer.truncate(length as usize);
    Some(buffer)
}

#[cfg(test)]
mod tests;
