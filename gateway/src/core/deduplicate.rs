//! One frame, heard by several concentrators, becomes one uplink.
use super::event::Heard;
use super::frame::{DataUp, JoinRequest};
use chirrup_protocol::backhaul::Reception;
use chirrup_protocol::ids::{DevEui, GatewayId};
use chirrup_protocol::region::DataRate;
use chirrup_protocol::time::{Duration, Instant};
use std::cmp::Reverse;
use std::collections::VecDeque;

/// Frames that may wait for further copies. When it is full the oldest stops waiting.
const MAX_PENDING: usize = 1_024;

/// How one concentrator heard a frame, with what it takes to answer through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hearing {
    pub concentrator: GatewayId,
    pub rssi_dbm: i16,
    pub snr_tenth_db: i16,
    pub counter_us: u32,
    /// The end of the frame in protocol time, as well as this concentrator's link lets us know.
    pub heard_at: Instant,
}

impl Hearing {
    pub fn new(heard_at: Instant, heard: &Heard) -> Self {
        Self {
            concentrator: heard.concentrator,
            rssi_dbm: heard.rssi_dbm,
            snr_tenth_db: heard.snr_tenth_db,
            counter_us: heard.counter_us,
            heard_at,
        }
    }

    pub fn reception(&self) -> Reception {
        Reception { gateway: self.concentrator, rssi_dbm: self.rssi_dbm, snr_tenth_db: self.snr_tenth_db }
    }

    /// Orders the best signal first, and equal ones by name.
    fn rank(&self) -> (Reverse<(i16, i16)>, GatewayId) {
        (Reverse((self.snr_tenth_db, self.rssi_dbm)), self.concentrator)
    }
}

/// An authentic frame that waits for further copies.
#[derive(Debug)]
pub struct Pending {
    phy: Vec<u8>,
    pub frequency_hz: u32,
    pub data_rate: DataRate,
    pub dev_eui: DevEui,
    pub frame: Admitted,
    /// Who heard it, best signal first; never empty, one entry a concentrator.
    pub hearings: Vec<Hearing>,
    closes_at: Instant,
}

/// What kind of frame was admitted.
#[derive(Debug)]
pub enum Admitted {
    Join(JoinRequest),
    Data { frame: DataUp, fcnt: u32 },
}

/// The frames that wait for further copies, oldest first.
#[derive(Debug)]
pub struct Deduplicator {
    window: Duration,
    concentrators: usize,
    pending: VecDeque<Pending>,
}

impl Deduplicator {
    pub fn new(window: Duration, concentrators: usize) -> Self {
        Self { window, concentrators, pending: VecDeque::new() }
    }

    /// Whether this is a further copy of a frame that waits, which it then joins.
    pub fn absorb(&mut self, heard_at: Instant, heard: &Heard) -> bool {
        let Some(pending) = self.pending.iter_mut().find(|pending| pending.phy == heard.phy) else {
            return false;
        };
        pending.add(Hearing::new(heard_at, heard), heard.frequency_hz);
        if pending.hearings.len() >= self.concentrators {
            pending.closes_at = heard_at;
        }
        true
    }

    /// Begins to wait for further copies of an authentic frame.
    pub fn admit(
        &mut self,
        heard_at: Instant,
        heard: Heard,
        data_rate: DataRate,
        dev_eui: DevEui,
        frame: Admitted,
    ) {
        if self.pending.len() >= MAX_PENDING
            && let Some(oldest) = self.pending.front_mut()
        {
            oldest.closes_at = heard_at;
        }
        let window = if self.concentrators > 1 { self.window } else { Duration::ZERO };
        let hearings = vec![Hearing::new(heard_at, &heard)];
        let Heard { phy, frequency_hz, .. } = heard;
        let closes_at = heard_at + window;
        self.pending.push_back(Pending { phy, frequency_hz, data_rate, dev_eui, frame, hearings, closes_at });
    }

    /// The next frame that has waited long enough, or an older one of the same device: theirs stay in order.
    pub fn poll(&mut self, now: Instant) -> Option<Pending> {
        let ready = self.pending.iter().find(|pending| pending.closes_at <= now)?.dev_eui;
        let index = self.pending.iter().position(|pending| pending.dev_eui == ready)?;
        self.pending.remove(index)
    }

    pub fn next_deadline(&self) -> Option<Instant> {
        self.pending.iter().map(|pending| pending.closes_at).min()
    }
}

impl Pending {
    /// Keeps the better of two hearings by one concentrator. A strong signal may be heard on a neighbouring channel,
    /// too, but worse: the best hearing knows the frequency.
    fn add(&mut self, hearing: Hearing, frequency_hz: u32) {
        match self.hearings.iter_mut().find(|known| known.concentrator == hearing.concentrator) {
            Some(known) if hearing.rank() < known.rank() => *known = hearing,
            Some(_) => {}
            None => self.hearings.push(hearing),
        }
        self.hearings.sort_by_key(Hearing::rank);
        if self.hearings.first() == Some(&hearing) {
            self.frequency_hz = frequency_hz;
        }
    }
}
