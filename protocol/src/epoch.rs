//! The life of a node's epochs and counters.
//!
//! ```text
//!   +--------- present epoch e ---------+                          +------ epoch e + 1 ------
//!   | 0 | 1 | 2 | ...  counters  ... | n|  -- worn, confirmed -->  | 0 | 1 | ...
//!   +-----------------------------------+   stored before use      +-------------------------
//!     stored in blocks of 64
//! ```
//! An epoch is *worn* after 2^16 counters or 30 days, and *confirmed* once a downlink sealed under it was opened. Only
//! both together end it. The aggregator seals under an epoch that an uplink has shown it, so a confirmed epoch is one
//! that it knows, and it is never more than one behind: a node that was out of reach for 60 days still finds itself
//! understood, where one that advanced by its calendar alone would be lost for ever.
//!
//! No join begins an epoch: a network server can force joins. The age is counted on the node's monotonic clock, on top
//! of what storage held.
//!
//! [`Epochs`] is the node's side, [`uplink_epoch`] the aggregator's, [`Record`] what storage holds ([`crate::slots`]).
use crate::replay::{ReplayWindow, Replayed};
use crate::seal::{COUNTER_BLOCK, COUNTER_END, Counters};
use crate::time::{Duration, Instant};
use crate::wire::{Reader, Writer};

/// Downlinks for which one record has room. Each record wears the storage, and of a run of lost downlinks that leads
/// beyond the bound the first one that is heard is not opened.
pub const DOWNLINK_BLOCK: u64 = COUNTER_BLOCK;
/// An epoch whose age has grown by this much is stored: a restart forgets less of it.
pub const AGE_STEP: Duration = Duration::from_secs(6 * 3_600);

const FORMAT: u8 = 1;
const CONFIRMED: u8 = 1;

/// The epoch of an uplink with this key id, when `highest` is the highest epoch verified of its device: the one of
/// `highest - 2` to `highest + 1` that the id names, if it exists.
pub const fn uplink_epoch(key_id: u8, highest: u32) -> Option<u32> {
    match (key_id as u32).wrapping_sub(highest) & 3 {
        0 => Some(highest),
        1 => highest.checked_add(1),
        2 => highest.checked_sub(2),
        _ => highest.checked_sub(1),
    }
}

/// When an epoch is worn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Counters, used or passed over.
    pub counters: u64,
    /// Time spent in it.
    pub age: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { counters: 1 << 16, age: Duration::from_secs(30 * 86_400) }
    }
}

/// What storage holds of a node's epochs.
///
/// ```text
/// byte 0      format, 1
///      1      flags: a downlink of this epoch verified (bit 0), the rest zero
///      2-5    epoch
///      6-13   uplink counters of this epoch below this may have been used
///      14-17  age of the epoch in seconds
///      18-25  downlinks of this epoch below this may have been opened
///      26-33  the same of the epoch before
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The epoch.
    pub epoch: u32,
    /// A downlink sealed under it verified.
    pub is_confirmed: bool,
    /// Its uplink counters below this may have been used.
    pub up_limit: u64,
    /// Seconds spent in it.
    pub age_s: u32,
    /// Downlinks below this may have been opened: of this epoch, and of the one before.
    pub down_limit: [u64; 2],
}

impl Record {
    /// Size of the stored form.
    pub const BYTES: usize = 34;

    /// The stored form.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        self.write(&mut Writer::new(&mut bytes)).expect("the fields have 34 bytes in all");
        bytes
    }

    fn write(&self, writer: &mut Writer<'_>) -> Option<()> {
        writer.bytes(&[FORMAT, if self.is_confirmed { CONFIRMED } else { 0 }])?;
        writer.u32(self.epoch)?;
        writer.bytes(&self.up_limit.to_le_bytes())?;
        writer.u32(self.age_s)?;
        self.down_limit.iter().try_for_each(|limit| writer.bytes(&limit.to_le_bytes()))
    }

    /// Reads the stored form; `None` when it is none.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let counter = |reader: &mut Reader<'_>| {
            reader.array().map(u64::from_le_bytes).filter(|&counter| counter <= COUNTER_END + COUNTER_BLOCK)
        };
        let [FORMAT, flags @ 0..=CONFIRMED] = reader.array()? else { return None };
        Some(Self {
            epoch: reader.u32()?,
            is_confirmed: flags & CONFIRMED != 0,
            up_limit: counter(&mut reader)?,
            age_s: reader.u32()?,
            down_limit: [counter(&mut reader)?, counter(&mut reader)?],
        })
    }
}

/// A downlink whose seal has verified is not to be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DownlinkRefused {
    /// It was opened before, or may have been.
    #[error(transparent)]
    Replayed(#[from] Replayed),
    /// Storage does not hold a bound above it: after a power cut it could be opened again.
    #[error("counter {counter} is not below {limit}, which storage holds")]
    NotReserved {
        /// Its counter.
        counter: u64,
        /// The bound.
        limit: u64,
    },
}

/// A node's present epoch, its uplink counters, and the downlinks seen in it and in the one before.
///
/// Before each uplink: ask [`Epochs::wanted`], store what it says, tell [`Epochs::grant`], then take a counter.
#[derive(Clone, Debug)]
pub struct Epochs {
    limits: Limits,
    stored: Record,
    up: Counters,
    /// Opened, of the present epoch and of the one before.
    down: [ReplayWindow; 2],
    /// One more than the highest counter that verified, opened or not.
    verified: [u64; 2],
    is_confirmed: bool,
    /// Began with a record, and has opened no downlink of the present epoch since.
    passes_over: bool,
    /// The age that the epoch had at `since`, and the time then.
    age: Duration,
    since: Instant,
}

impl Epochs {
    /// Goes on where `record` says, or begins with a default one.
    pub const fn restored(limits: Limits, record: Record, now: Instant) -> Self {
        let [present, previous] = record.down_limit;
        Self {
            limits,
            up: Counters::restored(record.up_limit),
            down: [ReplayWindow::restored(present), ReplayWindow::restored(previous)],
            verified: record.down_limit,
            is_confirmed: record.is_confirmed,
            passes_over: present > 0,
            age: Duration::from_secs(record.age_s as u64),
            since: now,
            stored: record,
        }
    }

    /// The present epoch.
    pub const fn epoch(&self) -> u32 {
        self.stored.epoch
    }

    /// The record that storage holds.
    pub const fn stored(&self) -> &Record {
        &self.stored
    }

    /// The counter of the next uplink, once it is reserved.
    pub const fn next_uplink(&self) -> u64 {
        self.up.next()
    }

    /// Whether a downlink sealed under the present epoch verified: the aggregator knows the epoch.
    pub const fn is_confirmed(&self) -> bool {
        self.is_confirmed
    }

    /// Time spent in the epoch, as far as is known.
    pub fn age(&self, now: Instant) -> Duration {
        self.age + (now - self.since)
    }

    /// What storage must hold before the next uplink; `None` when it does.
    pub fn wanted(&self, now: Instant) -> Option<Record> {
        let next = if self.is_over(now) { self.stored.epoch.checked_add(1) } else { None };
        let wanted = match next {
            Some(epoch) => Record {
                epoch,
                is_confirmed: false,
                up_limit: COUNTER_BLOCK,
                age_s: 0,
                down_limit: [DOWNLINK_BLOCK, self.stored.down_limit[0]],
            },
            None => self.present(now),
        };
        (wanted != self.stored).then_some(wanted)
    }

    /// Storage holds `record`, which [`Epochs::wanted`] asked for. An older one changes nothing.
    pub fn grant(&mut self, now: Instant, record: &Record) {
        if record.epoch < self.stored.epoch {
            return;
        }
        if record.epoch > self.stored.epoch {
            self.up = Counters::restored(0);
            self.down = [ReplayWindow::default(), self.down[0]];
            self.verified = [0, self.verified[0]];
            self.is_confirmed = false;
            self.passes_over = false;
            (self.age, self.since) = (Duration::ZERO, now);
        }
        self.up.grant(record.up_limit);
        self.stored = *record;
    }

    /// Takes the counter of an uplink in the present epoch; `None` until one is reserved.
    pub const fn take_uplink(&mut self) -> Option<u64> {
        self.up.take()
    }

    /// The epoch of a downlink with this key id: the present one or the one before.
    pub const fn downlink_epoch(&self, key_id: u8) -> Option<u32> {
        match (self.stored.epoch.wrapping_sub(key_id as u32)) & 3 {
            0 => Some(self.stored.epoch),
            1 => self.stored.epoch.checked_sub(1),
            _ => None,
        }
    }

    /// The counter that is expected of the next downlink of `epoch`.
    pub const fn expected_downlink(&self, epoch: u32) -> u64 {
        self.verified[self.window(epoch)]
    }

    /// Enters a downlink of `epoch` (see [`Epochs::downlink_epoch`]) whose seal has verified. It may be opened, once,
    /// unless this refuses.
    pub fn accept_downlink(&mut self, epoch: u32, counter: u64) -> Result<(), DownlinkRefused> {
        let window = self.window(epoch);
        self.is_confirmed |= epoch == self.stored.epoch;
        self.verified[window] = self.verified[window].max(counter + 1);
        let limit = self.stored.down_limit[window];
        if counter >= limit {
            return Err(DownlinkRefused::NotReserved { counter, limit });
        }
        self.down[window].accept(counter)?;
        self.passes_over &= epoch != self.stored.epoch;
        Ok(())
    }

    /// Low 16 bits of the counter below which a node that has lost its memory opens no downlink of the present epoch;
    /// `None` once it has opened one. Told to the aggregator it saves the downlinks that would be refused.
    pub const fn downlinks_from(&self) -> Option<u16> {
        if self.passes_over { Some(self.verified[0] as u16) } else { None }
    }

    const fn window(&self, epoch: u32) -> usize {
        if epoch == self.stored.epoch { 0 } else { 1 }
    }

    fn is_over(&self, now: Instant) -> bool {
        let is_worn = self.up.next() >= self.limits.counters || self.age(now) >= self.limits.age;
        is_worn && self.is_confirmed()
    }

    /// The record that the present epoch needs.
    fn present(&self, now: Instant) -> Record {
        let has_counter = self.up.next() < self.stored.up_limit;
        let [limit, limit_before] = self.stored.down_limit;
        let [verified, verified_before] = self.verified;
        let wanted = Record {
            is_confirmed: self.is_confirmed,
            up_limit: if has_counter { self.stored.up_limit } else { self.up.wanted_limit() },
            down_limit: [
                if verified < limit { limit } else { verified + DOWNLINK_BLOCK },
                if verified_before <= limit_before { limit_before } else { verified_before + DOWNLINK_BLOCK },
            ],
            ..self.stored
        };
        let age = self.age(now);
        let is_older = age >= Duration::from_secs(self.stored.age_s.into()) + AGE_STEP;
        if wanted == self.stored && !is_older {
            return wanted;
        }
        Record { age_s: u32::try_from(age.as_micros() / 1_000_000).unwrap_or(u32::MAX), ..wanted }
    }
}

#[cfg(all(test, feature = "std"))]
mod tests;
