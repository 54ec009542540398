//! One transmitter: half duplex, and a duty cycle in each sub-band.
//!
//! A reservation is an appointment in the future. It enters the duty-cycle account when its time has come, so that
//! the account sees transmissions in order; until then it counts against the sub-band in full, and a refusal by the
//! concentrator gives it back.
use super::counters::Reason;
use super::event::ReceiveWindow;
use super::record::AirtimeRecord;
use chirrup_protocol::airtime::Modulation;
use chirrup_protocol::duty::{DutyCycle, WINDOW};
use chirrup_protocol::ids::GatewayId;
use chirrup_protocol::region::SubBand;
use chirrup_protocol::time::{Duration, Instant};
use std::collections::BTreeMap;

/// A concentrator's radio needs about 2.5 ms between two frames (packet forwarder: start delay and margin).
const TURNAROUND_US: u32 = 3_000;
/// How long after its end a transmission is still kept apart from others: protocol time and the concentrator's
/// counter may disagree by the delay of the network between them.
const AFTERGLOW: Duration = Duration::from_secs(1);
/// Transmissions that a concentrator may have ahead of it. With more it is busy.
const MAX_AHEAD: usize = 256;

/// A place in time, on a frequency, at a concentrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    pub concentrator: GatewayId,
    pub window: ReceiveWindow,
    pub at: Instant,
    pub counter_us: u32,
    pub frequency_hz: u32,
    pub modulation: Modulation,
    pub on_air: Duration,
    pub band: &'static SubBand,
}

impl Slot {
    /// Whether the two are not far enough apart. Counters wrap every 71 minutes, slots are seconds away.
    fn collides_with(&self, other: &Self) -> bool {
        let clear_after = |a: &Self, b: &Self| {
            let free_at = a.counter_us.wrapping_add(a.on_air.as_micros() as u32).wrapping_add(TURNAROUND_US);
            b.counter_us.wrapping_sub(free_at) as i32 >= 0
        };
        !clear_after(self, other) && !clear_after(other, self)
    }
}

/// One transmitter's past hour and next seconds.
#[derive(Debug, Default)]
pub struct Concentrator {
    /// Appointments by their tokens, in order of their start.
    ahead: Vec<(u64, Slot)>,
    /// What has begun and may not be over yet.
    begun: Vec<Slot>,
    accounts: BTreeMap<usize, Account>,
}

impl Concentrator {
    /// Takes over what the transmitter sent before a restart. Records must come in order of their minutes.
    pub fn restore(&mut self, band: &'static SubBand, record: AirtimeRecord) {
        self.account(band).restore(record);
    }

    /// How much of the sub-band's duty cycle would be left after this transmission, in millionths.
    pub fn left_ppm(&mut self, now: Instant, slot: &Slot) -> Result<u64, Reason> {
        self.settle(now);
        let busy =
            self.ahead.iter().map(|(_, other)| other).chain(&self.begun).any(|o| o.collides_with(slot));
        if busy || self.ahead.len() >= MAX_AHEAD {
            return Err(Reason::ConcentratorBusy);
        }
        let promised: Duration = self.ahead_in(slot.band).map(|other| other.on_air).sum();
        self.account(slot.band).left_ppm(now, promised + slot.on_air).ok_or(Reason::DutyCycleExhausted)
    }

    /// Makes the appointment. Returns what to store of it.
    pub fn reserve(&mut self, token: u64, slot: Slot) -> AirtimeRecord {
        let place = self.ahead.partition_point(|(_, other)| other.at <= slot.at);
        self.ahead.insert(place, (token, slot));
        self.account(slot.band).note(&slot)
    }

    /// Gives back what will not be sent, unless its time has come. Returns what to store then.
    pub fn cancel(&mut self, now: Instant, token: u64) -> Option<AirtimeRecord> {
        self.settle(now);
        let place = self.ahead.iter().position(|&(other, _)| other == token)?;
        let (_, slot) = self.ahead.remove(place);
        self.account(slot.band).forget(&slot)
    }

    fn ahead_in(&self, band: &'static SubBand) -> impl Iterator<Item = &Slot> {
        self.ahead.iter().map(|(_, slot)| slot).filter(move |slot| slot.band.index == band.index)
    }

    /// Enters what has begun into its account, and lets go of what is over.
    fn settle(&mut self, now: Instant) {
        let begun = self.ahead.partition_point(|(_, slot)| slot.at <= now);
        for (_, slot) in self.ahead.drain(..begun).collect::<Vec<_>>() {
            self.account(slot.band).enter(slot.at, slot.on_air);
            self.begun.push(slot);
        }
        self.begun.retain(|slot| slot.at + slot.on_air + AFTERGLOW > now);
    }

    fn account(&mut self, band: &'static SubBand) -> &mut Account {
        self.accounts.entry(band.index).or_insert_with(|| Account::new(band))
    }
}

/// The duty cycle of one transmitter in one sub-band.
#[derive(Debug)]
struct Account {
    band: &'static SubBand,
    duty: Box<DutyCycle<2048>>,
    /// Airtime by the minute of its start, as it is stored.
    minutes: BTreeMap<u64, AirtimeRecord>,
    /// Nothing may be sent before.
    blocked_until: Instant,
}

impl Account {
    fn new(band: &'static SubBand) -> Self {
        let duty = Box::new(DutyCycle::new(band.duty_per_mille));
        Self { band, duty, minutes: BTreeMap::new(), blocked_until: Instant::ZERO }
    }

    /// What would be left after so much more, in millionths of what an hour allows.
    fn left_ppm(&mut self, now: Instant, more: Duration) -> Option<u64> {
        let wanted = self.duty.used(now) + more;
        let allowed = self.duty.allowed();
        if now < self.blocked_until || wanted > allowed {
            return None;
        }
        Some((allowed.as_micros() - wanted.as_micros()) * 1_000_000 / allowed.as_micros())
    }

    /// Enters a transmission. One that does not fit blocks the sub-band until it is an hour past: the records of a
    /// restart are coarser than the account that allowed it.
    fn enter(&mut self, start: Instant, on_air: Duration) {
        if self.duty.try_send(start, on_air).is_err() {
            self.blocked_until = self.blocked_until.max(start + on_air + WINDOW);
        }
    }

    fn restore(&mut self, record: AirtimeRecord) {
        self.enter(record.end.saturating_sub(record.on_air), record.on_air);
        self.minutes.insert(record.minute, record);
    }

    fn note(&mut self, slot: &Slot) -> AirtimeRecord {
        let minute = minute_of(slot);
        self.minutes.retain(|_, old| old.end + AirtimeRecord::KEEP > slot.at);
        let record = self.minutes.entry(minute).or_insert(AirtimeRecord {
            concentrator: slot.concentrator,
            sub_band: self.band.index as u8,
            minute,
            on_air: Duration::ZERO,
            end: Instant::ZERO,
        });
        record.on_air += slot.on_air;
        record.end = record.end.max(slot.at + slot.on_air);
        *record
    }

    fn forget(&mut self, slot: &Slot) -> Option<AirtimeRecord> {
        let record = self.minutes.get_mut(&minute_of(slot))?;
        record.on_air =
            Duration::from_micros(record.on_air.as_micros().saturating_sub(slot.on_air.as_micros()));
        Some(*record)
    }
}

fn minute_of(slot: &Slot) -> u64 {
    slot.at.as_secs() / 60
}
