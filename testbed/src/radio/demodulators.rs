//! The order in which frames ask for a demodulator.
use chirrup_protocol::airtime::{Modulation, PREAMBLE_SYMBOLS};
use chirrup_protocol::time::{Duration, Instant};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Frames that a concentrator can receive at the same time (SX1301 data sheet).
pub const DEMODULATORS: u8 = 8;

/// When a receiver has seen the whole preamble, 4.25 symbols of sync word included.
pub(super) fn preamble_end(start: Instant, modulation: Modulation) -> Instant {
    let quarters = u64::from(PREAMBLE_SYMBOLS) * 4 + 17;
    start + Duration::from_micros(quarters * modulation.symbol_ns() / 4_000)
}

/// A frame's hold on a demodulator of one gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Demodulator {
    /// Its preamble has not ended.
    #[default]
    Awaited,
    /// It has one.
    Held,
    /// All were taken when its preamble ended.
    Refused,
}

/// Frames whose preamble has not ended, the earliest end first; at the same time, the frame that began first.
#[derive(Debug, Default)]
pub(super) struct PendingLocks {
    queue: BinaryHeap<Reverse<(Instant, u64, u32)>>,
    entered: u64,
}

impl PendingLocks {
    pub fn enter(&mut self, preamble_end: Instant, slot: u32) {
        self.queue.push(Reverse((preamble_end, self.entered, slot)));
        self.entered += 1;
    }

    /// The next frame whose preamble ended before `now`. One that ends just now waits, because a demodulator may be
    /// freed at the same time.
    pub fn next_before(&mut self, now: Instant) -> Option<u32> {
        let Reverse((at, _, _)) = self.queue.peek()?;
        if *at >= now {
            return None;
        }
        self.queue.pop().map(|Reverse((_, _, slot))| slot)
    }
}
