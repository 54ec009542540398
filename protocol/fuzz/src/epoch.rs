//! The life of a node's epochs and counters, and the records that it is stored in.
use crate::input::Input;
use chirrup_protocol::epoch::{Epochs, Limits, Record, uplink_epoch};
use chirrup_protocol::seal::{COUNTER_BLOCK, COUNTER_END};
use chirrup_protocol::slots::{self, OVERHEAD_BYTES, Place};
use chirrup_protocol::time::{Duration, Instant};
use std::collections::BTreeSet;

/// Small, so that many epochs go by.
const LIMITS: Limits = Limits { counters: 100, age: Duration::from_secs(40_000) };

/// A stored record: one form. Whatever it says, a node can go on from it.
pub fn record(bytes: &[u8]) {
    let bytes: [u8; Record::BYTES] = Input::new(bytes).array();
    let Some(record) = Record::from_bytes(&bytes) else { return };
    assert_eq!(record.to_bytes(), bytes);
    assert!(record.up_limit <= COUNTER_END + COUNTER_BLOCK);
    let (now, mut epochs) = (Instant::ZERO, Epochs::restored(LIMITS, record, Instant::ZERO));
    assert_eq!(epochs.take_uplink(), None);
    while let Some(wanted) = epochs.wanted(now) {
        epochs.grant(now, &wanted);
    }
    assert!(epochs.epoch() - record.epoch <= 1);
    let used = (epochs.epoch(), epochs.take_uplink().expect("what was wanted is stored"));
    assert!(used >= (record.epoch, record.up_limit));
}

/// Records to start from.
pub fn record_seeds() -> Vec<Vec<u8>> {
    let record = Record { epoch: 3, is_confirmed: true, up_limit: 128, age_s: 99, down_limit: [5, 10] };
    [record, Record { epoch: u32::MAX, up_limit: COUNTER_END, ..record }, Record::default()]
        .map(|record| record.to_bytes().to_vec())
        .into()
}

/// Two places of any content: the newer sound one is found, and the other one is written next. Input: how much of the
/// next write succeeds, then both places.
pub fn slots(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let written = usize::from(input.u8());
    let rest = input.rest();
    let (first, second) = rest.split_at(rest.len() / 2);
    let Ok(found) = slots::read(first, second) else { return };
    let content = found.content.map(<[u8]>::to_vec);
    assert!(content.as_ref().is_none_or(|content| content.len() + OVERHEAD_BYTES <= second.len()));
    let mut places = [first.to_vec(), second.to_vec()];
    let place = &mut places[found.next.place as usize];
    let news = vec![0x5a; place.len().saturating_sub(OVERHEAD_BYTES)];
    let mut whole = vec![0; place.len()];
    if slots::write(found.next.serial, &news, &mut whole).is_err() {
        return assert!(place.len() < OVERHEAD_BYTES);
    }
    // The power fails after some bytes; what was stored is found whole, the new record or the one before.
    let written = written.min(place.len());
    place.fill(0xff);
    place[..written].copy_from_slice(&whole[..written]);
    let is_whole = *place == whole;
    // After 2^32 records serials cannot tell the newer one.
    if found.next.serial == u32::MAX {
        return;
    }
    let after = slots::read(&places[0], &places[1]);
    let expected = if is_whole { Some(news) } else { content };
    assert_eq!(after.ok().and_then(|after| after.content.map(<[u8]>::to_vec)), expected);
}

/// Places to start from: blank, one written, both.
pub fn slots_seeds() -> Vec<Vec<u8>> {
    let place = |serial: u32| {
        let mut place = vec![0; 12];
        slots::write(serial, &[1, 2, 3, serial as u8], &mut place).expect("it has this size");
        place
    };
    let seed = |first: Vec<u8>, second: Vec<u8>| [vec![12], first, second].concat();
    assert_eq!(Place::First as usize, 0);
    let blank = vec![0xff; 12];
    vec![seed(blank.clone(), blank.clone()), seed(place(1), blank), seed(place(7), place(6))]
}

/// What a node did, remembered naively, and what its storage holds.
#[derive(Default)]
struct World {
    stored: Record,
    last_used: Option<(u32, u64)>,
    opened: BTreeSet<(u32, u64)>,
    confirmed: Option<u32>,
    /// Powered time in the epoch.
    age: Duration,
}

impl World {
    /// Stores what is wanted, and tells the node of it unless the power fails before.
    fn store(&mut self, epochs: &mut Epochs, now: Instant, is_told: bool) {
        while let Some(record) = epochs.wanted(now) {
            if record.epoch != epochs.epoch() {
                let is_worn = epochs.next_uplink() >= LIMITS.counters || self.age >= LIMITS.age;
                assert!(is_worn && self.confirmed == Some(epochs.epoch()));
                assert_eq!(record.epoch, epochs.epoch() + 1);
                self.age = Duration::ZERO;
            }
            self.stored = record;
            if !is_told {
                return;
            }
            epochs.grant(now, &record);
        }
    }

    fn use_counter(&mut self, epochs: &mut Epochs) {
        let Some(counter) = epochs.take_uplink() else { return };
        let used = Some((epochs.epoch(), counter));
        assert!(used > self.last_used, "{used:?} after {:?}", self.last_used);
        assert!(self.stored.epoch > epochs.epoch() || counter < self.stored.up_limit);
        self.last_used = used;
    }

    fn hear(&mut self, epochs: &mut Epochs, epoch: u32, counter: u64) {
        let known = epochs.downlink_epoch((epoch & 3) as u8);
        assert_eq!(known, Some(epoch));
        self.confirmed = self.confirmed.max(Some(epoch));
        if epochs.accept_downlink(epoch, counter).is_ok() {
            assert!(self.opened.insert((epoch, counter)), "{epoch} {counter} was opened twice");
        }
    }
}

/// Uplinks, downlinks, pauses, power cuts and storage that fails, in any order. Input: steps of 3 bytes, a kind and an
/// amount.
pub fn epochs(bytes: &[u8]) {
    let (mut world, mut now, mut input) = (World::default(), Instant::ZERO, Input::new(bytes));
    let mut epochs = Epochs::restored(LIMITS, world.stored, now);
    while !input.is_empty() {
        let (kind, amount) = (input.u8(), u64::from(input.u16()));
        match kind % 8 {
            0 => {
                let pause = Duration::from_secs(amount);
                (now, world.age) = (now + pause, world.age + pause);
            }
            1 => {
                world.store(&mut epochs, now, kind & 0x10 == 0);
                epochs = Epochs::restored(LIMITS, world.stored, now);
                assert!(world.last_used < Some((epochs.epoch(), epochs.next_uplink())));
            }
            // Storage failed: the frame is not sent, unless a counter was left.
            2 => world.use_counter(&mut epochs),
            3 => {
                let epoch = epochs.epoch().saturating_sub(1);
                world.hear(&mut epochs, epoch, amount);
            }
            4 | 5 => {
                let counter = epochs.expected_downlink(epochs.epoch()).saturating_sub(amount & 7);
                let epoch = epochs.epoch();
                world.hear(&mut epochs, epoch, counter + (amount >> 8));
            }
            _ => {
                for _ in 0..1 + amount % 120 {
                    world.store(&mut epochs, now, true);
                    let before = world.last_used;
                    world.use_counter(&mut epochs);
                    assert!(world.last_used > before, "what was wanted is stored, and no counter is there");
                }
                // The next downlink finds room.
                let counter = epochs.expected_downlink(epochs.epoch());
                assert_eq!(epochs.clone().accept_downlink(epochs.epoch(), counter), Ok(()));
            }
        }
    }
}

/// Lives to start from: counters worn and confirmed; age worn; cuts before and after storage.
pub fn epochs_seeds() -> Vec<Vec<u8>> {
    vec![
        [[6, 110, 0], [4, 0, 0], [6, 3, 0], [4, 0, 0], [3, 0, 0], [6, 110, 0]].concat(),
        [[6, 1, 0], [4, 0, 0], [0, 0xff, 0xff], [6, 1, 0], [1, 0, 0], [6, 1, 0]].concat(),
        [[0x11, 0, 0], [6, 1, 0], [0x11, 0, 0], [2, 0, 0], [5, 0, 3], [1, 0, 0], [5, 7, 0]].concat(),
    ]
}

/// The epoch that a key id names is within the four around the highest known. Input: id, highest.
pub fn key_id(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (key_id, highest) = (input.u8() & 3, input.u32());
    let open = (0..4).map(|place| i64::from(highest) + place - 2);
    let mut named =
        open.filter_map(|epoch| u32::try_from(epoch).ok()).filter(|epoch| epoch & 3 == key_id.into());
    assert_eq!(uplink_epoch(key_id, highest), named.next());
}

/// Ids to start from.
pub fn key_id_seeds() -> Vec<Vec<u8>> {
    vec![vec![0, 0, 0, 0, 0], vec![3, 1, 0, 0, 0], vec![2, 0xff, 0xff, 0xff, 0xff]]
}
