//! What the frames of a ledger contribute: opened at the place where their node sealed them, and read by hand.
//!
//! ```text
//! byte 0    task (bits 7-4) | block (bits 3-0)
//!      1    low 8 bits of the base version
//!      2    sequence, modulo 256
//!      3    bits 9 and 8 of the base version (bits 7-6) | exponent (bits 5-2) and mantissa (bits 1-0) of the examples
//!      4..  codec payload
//! ```
//! A node numbers its contributions in ascending order, and a retry keeps its number. In the order of sealing the whole
//! number therefore follows from its low 8 bits, whatever order frames arrived in, as long as fewer than 256 in a row
//! were lost.
use super::sealing::Place;
use chirrup_aggregator::core::Federation;
use chirrup_aggregator::core::ledger::Record;
use chirrup_aggregator::core::version::ContributionId;
use chirrup_protocol::backhaul::Uplink;
use chirrup_protocol::codec::random;
use chirrup_protocol::ids::{DevEui, TaskId};
use chirrup_protocol::message::port;
use chirrup_protocol::seal::{self, Binding, DeviceSecret, Direction, FrameKey};
use std::collections::BTreeMap;

/// A contribution as its node meant it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meant {
    /// What makes it itself.
    pub id: ContributionId,
    /// Low ten bits of the version it was begun from.
    pub base_low: u32,
    /// Examples behind it.
    pub examples: u32,
    /// For the codec's random numbers.
    pub seed: u32,
    /// For the codec.
    pub payload: Vec<u8>,
}

/// What each record of the ledger contributes, `[records]`. `places` are those of [`super::authenticity::check`].
pub fn read(federation: &Federation, ledger: &[Record], places: &[Option<Place>]) -> Vec<Option<Meant>> {
    let mut keys = Keys::new(federation);
    let mut meant: Vec<Option<Meant>> = Vec::with_capacity(ledger.len());
    let mut in_order: BTreeMap<(DevEui, Place), usize> = BTreeMap::new();
    for (index, (record, place)) in ledger.iter().zip(places).enumerate() {
        let read = match (record, place) {
            (Record::Frame { uplink, .. }, Some(place)) if uplink.fport == port::CONTRIBUTION => {
                in_order.insert((uplink.dev_eui, *place), index);
                keys.open(uplink, *place).and_then(|message| parse(uplink.dev_eui, &message))
            }
            _ => None,
        };
        meant.push(read);
    }
    number(&mut meant, in_order.into_values());
    meant
}

/// Makes whole numbers of the low bits, in the order of sealing.
fn number(meant: &mut [Option<Meant>], in_order: impl Iterator<Item = usize>) {
    let mut last: Option<ContributionId> = None;
    for index in in_order {
        let Some(meant) = &mut meant[index] else { continue };
        if let Some(last) = last.filter(|last| last.dev_eui == meant.id.dev_eui) {
            meant.id.sequence = last.sequence + ((meant.id.sequence.wrapping_sub(last.sequence)) & 0xff);
        }
        last = Some(meant.id);
    }
}

/// `None` for a message that ends before its fields.
fn parse(dev_eui: DevEui, message: &[u8]) -> Option<Meant> {
    let (&fields, payload) = message.split_first_chunk::<4>()?;
    let [place, base, sequence, mixed] = fields;
    let (exponent, mantissa) = (u32::from(mixed >> 2 & 0x0f), u32::from(mixed & 3));
    Some(Meant {
        id: ContributionId {
            dev_eui,
            task: TaskId(place >> 4),
            sequence: sequence.into(),
            block: place & 0x0f,
        },
        base_low: u32::from(mixed >> 6) << 8 | u32::from(base),
        examples: if exponent == 0 { mantissa } else { (4 + mantissa) << (exponent - 1) },
        seed: random::seed(dev_eui, u32::from_le_bytes(fields)),
        payload: payload.to_vec(),
    })
}

/// The keys of the devices, derived when a frame needs them.
struct Keys {
    secrets: BTreeMap<DevEui, DeviceSecret>,
    derived: BTreeMap<(DevEui, u32), FrameKey>,
}

impl Keys {
    fn new(federation: &Federation) -> Self {
        let secret = |device: &chirrup_aggregator::core::federation::Enrolled| {
            (device.dev_eui, DeviceSecret::new(device.secret))
        };
        Self { secrets: federation.devices.iter().map(secret).collect(), derived: BTreeMap::new() }
    }

    /// The message of a frame; `None` when the seal does not verify at this place.
    fn open(&mut self, uplink: &Uplink, place: Place) -> Option<Vec<u8>> {
        let Place { epoch, counter } = place;
        let (dev_eui, secret) = (uplink.dev_eui, self.secrets.get(&uplink.dev_eui)?);
        let key = self
            .derived
            .entry((dev_eui, epoch))
            .or_insert_with(|| secret.frame_key(dev_eui, epoch, Direction::Up));
        let binding = Binding { dev_eui, epoch, direction: Direction::Up, fport: uplink.fport };
        let mut message = [0; seal::MAX_MESSAGE_BYTES];
        let length = seal::open(key, binding, counter, &uplink.payload, &mut message).ok()?;
        Some(message[..length].to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of `protocol/SPEC.md`, with fields of its own.
    #[test]
    fn the_fields_are_those_of_the_table() {
        let meant = parse(DevEui([1; 8]), &[0x32, 0x10, 0x20, 0x56, 0xaa, 0xbb]).unwrap();
        let id = ContributionId { dev_eui: DevEui([1; 8]), task: TaskId(3), sequence: 0x20, block: 2 };
        assert_eq!((meant.id, meant.base_low, meant.examples), (id, 0x110, 96));
        assert_eq!(meant.payload, [0xaa, 0xbb]);
        assert_eq!(parse(DevEui([1; 8]), &[0; 3]), None);
    }

    #[test]
    fn numbers_follow_in_the_order_of_sealing() {
        let of = |dev_eui: u8, sequence: u8| parse(DevEui([dev_eui; 8]), &[0x10, 0, sequence, 0]);
        let mut meant = vec![of(1, 250), of(1, 3), of(1, 3), None, of(1, 2), of(2, 9)];
        number(&mut meant, [0, 1, 2, 3, 4, 5].into_iter());
        let numbers: Vec<_> = meant.iter().flatten().map(|meant| meant.id.sequence).collect();
        assert_eq!(numbers, [250, 259, 259, 514, 9]);
    }
}
