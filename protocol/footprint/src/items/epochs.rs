//! What a node stores, so that no counter is used twice.
use super::Item;
use chirrup_protocol::epoch::{Epochs, Limits, Record};
use chirrup_protocol::slots;
use chirrup_protocol::time::Instant;

const SLOT_BYTES: usize = Record::BYTES + slots::OVERHEAD_BYTES;

/// All items of this section.
pub const ITEMS: &[Item] = &[
    Item::new("record of epochs, write", &[0], |m, _| write(&mut m.object[..SLOT_BYTES])),
    Item::new("record of epochs, read", &[0], |m, _| {
        let (first, second) = m.object[..2 * SLOT_BYTES].split_at(SLOT_BYTES);
        let content = slots::read(first, second).ok()?.content?;
        Record::from_bytes(content.try_into().ok()?).map(|_| ())
    })
    .after(|m, _| {
        let (first, second) = m.object[..2 * SLOT_BYTES].split_at_mut(SLOT_BYTES);
        second.fill(0xff);
        write(first)
    }),
    Item::new("counters: reserve both, take one, accept one", &[0], |_, _| {
        let now = Instant::from_micros(1);
        let mut epochs = Epochs::restored(Limits::default(), Record::default(), now);
        // The first downlink tells that a reservation is needed.
        epochs.accept_downlink(0, 0).err()?;
        let wanted = epochs.wanted(now)?;
        epochs.grant(now, &wanted);
        epochs.take_uplink()?;
        epochs.accept_downlink(0, 5).ok()
    }),
];

fn write(place: &mut [u8]) -> Option<()> {
    let record = Record { epoch: 5, up_limit: 128, age_s: 60, ..Record::default() };
    slots::write(1, &record.to_bytes(), place).ok()
}
