//! The duty cycle of every sub-band and the occupancy of every channel, across power cuts too.
use super::dwell::Dwell;
use chirrup_protocol::duty::DutyCycle;
use chirrup_protocol::region::Region;
use chirrup_protocol::time::{Duration, Instant};

/// Sub-bands for which a ledger has room.
pub(super) const MAX_SUB_BANDS: usize = 5;

/// Transmissions an account tells apart. Beyond that it merges old ones, which only makes it stricter.
const ENTRIES: usize = 32;

/// Most airtime that a stored snapshot has already charged for what may follow it. More than its reserve is not sent
/// before the next snapshot is stored: here three frames at SF12, two dozen at SF7.
///
/// A power cut loses what is left of a reserve. The first one after a start is a single frame, and each is twice the
/// one before: a node that starts again and again loses less than it sends, and one that runs on stores rarely.
pub(super) const MAX_RESERVE: Duration = Duration::from_secs(9);

/// What was sent, sub-band by sub-band.
pub(super) struct Ledger {
    region: Region,
    accounts: [DutyCycle<ENTRIES>; MAX_SUB_BANDS],
    dwell: Dwell,
    since_checkpoint: Duration,
    /// What the stored snapshot has charged for what follows it.
    reserve: Duration,
    /// End of the pause that the network's aggregate duty cycle demands.
    silent_until: Instant,
}

impl Ledger {
    /// A transmitter that was silent for an hour.
    pub fn new(region: Region) -> Self {
        let per_mille = |index: usize| region.sub_bands().get(index).map_or(0, |band| band.duty_per_mille);
        Self {
            region,
            accounts: core::array::from_fn(|index| DutyCycle::new(per_mille(index))),
            dwell: Dwell::new(region),
            since_checkpoint: Duration::ZERO,
            reserve: Duration::ZERO,
            silent_until: Instant::ZERO,
        }
    }

    /// A transmitter after a power cut of unknown length: `charged_ms` of a snapshot counts as sent just now.
    pub fn restore(region: Region, now: Instant, charged_ms: [u32; MAX_SUB_BANDS]) -> Self {
        let mut ledger = Self { dwell: Dwell::unknown_before(region, now), ..Self::new(region) };
        for (account, ms) in ledger.accounts.iter_mut().zip(charged_ms) {
            let charge = Duration::from_millis(u64::from(ms)).min(account.allowed());
            account.try_send(now, charge).expect("an empty account holds what it allows");
        }
        ledger
    }

    /// The reserve for a snapshot that a frame of this length waits for.
    pub fn next_reserve(&self, on_air: Duration) -> Duration {
        self.reserve.saturating_mul(2).max(on_air).min(MAX_RESERVE)
    }

    /// The reserve of the stored snapshot.
    pub const fn reserve(&self) -> Duration {
        self.reserve
    }

    /// What a snapshot must charge: the last hour, and the reserve for what follows it. In ms by sub-band.
    pub fn charged_ms(&mut self, now: Instant, reserve: Duration) -> [u32; MAX_SUB_BANDS] {
        self.accounts.each_mut().map(|account| {
            let charge = (account.used(now) + reserve).min(account.allowed());
            u32::try_from(charge.as_millis_ceil()).unwrap_or(u32::MAX)
        })
    }

    /// A snapshot with the present charge and this reserve was stored.
    pub fn checkpointed(&mut self, reserve: Duration) {
        self.since_checkpoint = Duration::ZERO;
        self.reserve = reserve;
    }

    /// Whether the last stored snapshot accounts for this transmission too.
    pub fn is_covered(&self, on_air: Duration) -> bool {
        self.since_checkpoint + on_air <= self.reserve
    }

    /// The earliest time, not before `now`, at which a channel may carry `on_air`; [`Instant::NEVER`] where
    /// nobody may send.
    pub fn earliest(&mut self, now: Instant, hz: u32, on_air: Duration) -> Instant {
        let silent_until = self.silent_until;
        let undwelt = self.dwell.earliest(now, hz, on_air);
        let free =
            |account: &mut DutyCycle<ENTRIES>| account.earliest(now, on_air).max(silent_until).max(undwelt);
        self.account(hz).map_or(Instant::NEVER, free)
    }

    /// Enters a transmission that begins `now`. Refused with the earliest time when it does not fit.
    ///
    /// `max_duty_exponent` is the network's aggregate limit, one part in 2^exponent (DutyCycleReq).
    pub fn try_send(
        &mut self,
        now: Instant,
        hz: u32,
        on_air: Duration,
        max_duty_exponent: u8,
    ) -> Result<(), Instant> {
        let earliest = self.earliest(now, hz, on_air);
        if earliest > now {
            return Err(earliest);
        }
        let account = self.account(hz).ok_or(Instant::NEVER)?;
        account.try_send(now, on_air).map_err(|refused| refused.earliest)?;
        self.dwell.enter(now, hz, on_air);
        self.since_checkpoint += on_air;
        if max_duty_exponent > 0 {
            self.silent_until = now + on_air.saturating_mul(1 << max_duty_exponent.min(15));
        }
        Ok(())
    }

    fn account(&mut self, hz: u32) -> Option<&mut DutyCycle<ENTRIES>> {
        let band = self.region.sub_band(hz)?;
        self.accounts.get_mut(band.index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANNEL_HZ: u32 = 868_100_000;
    const OTHER_BAND_HZ: u32 = 869_800_000;

    #[test]
    fn every_sub_band_has_its_own_account() {
        let mut ledger = Ledger::new(Region::Eu868);
        let now = Instant::ZERO;
        ledger.try_send(now, CHANNEL_HZ, Duration::from_secs(36), 0).unwrap();
        assert!(ledger.try_send(now, CHANNEL_HZ, Duration::from_millis(50), 0).is_err());
        ledger.try_send(now, OTHER_BAND_HZ, Duration::from_millis(50), 0).unwrap();
        assert_eq!(ledger.earliest(now, 915_000_000, Duration::from_millis(50)), Instant::NEVER);
    }

    #[test]
    fn a_power_cut_frees_no_airtime() {
        let mut ledger = Ledger::new(Region::Eu868);
        let reserve = ledger.next_reserve(MAX_RESERVE);
        let stored = ledger.charged_ms(Instant::ZERO, reserve);
        ledger.checkpointed(reserve);
        // Everything that the snapshot covers is sent, then the power fails.
        ledger.try_send(Instant::ZERO, CHANNEL_HZ, MAX_RESERVE, 0).unwrap();
        assert!(!ledger.is_covered(Duration::from_micros(1)));
        let now = Instant::ZERO + MAX_RESERVE;
        let mut restored = Ledger::restore(Region::Eu868, now, stored);
        assert_eq!(restored.earliest(now, CHANNEL_HZ, Duration::from_secs(27)), now);
        assert!(restored.earliest(now, CHANNEL_HZ, Duration::from_millis(27_001)) > now);
    }

    /// Sends frames, with a snapshot before each that is not covered. Returns the last snapshot, and how many there were.
    fn run(ledger: &mut Ledger, now: Instant, frames: u32, on_air: Duration) -> ([u32; MAX_SUB_BANDS], u32) {
        let (mut stored, mut writes) = ([0; MAX_SUB_BANDS], 0);
        for _ in 0..frames {
            if !ledger.is_covered(on_air) {
                let reserve = ledger.next_reserve(on_air);
                stored = ledger.charged_ms(now, reserve);
                ledger.checkpointed(reserve);
                writes += 1;
            }
            ledger.try_send(now, CHANNEL_HZ, on_air, 0).unwrap();
        }
        (stored, writes)
    }

    #[test]
    fn starts_lose_less_airtime_than_is_sent_and_a_long_run_stores_rarely() {
        let on_air = Duration::from_millis(100);
        for frames in [1, 2, 3, 4, 7, 20] {
            let (mut ledger, mut now) = (Ledger::new(Region::Eu868), Instant::ZERO);
            let mut stored = [0; MAX_SUB_BANDS];
            for _ in 0..6 {
                stored = run(&mut ledger, now, frames, on_air).0;
                now = now + Duration::from_secs(60);
                ledger = Ledger::restore(Region::Eu868, now, stored);
            }
            let sent_ms = 6 * frames * 100;
            assert!((sent_ms..=2 * sent_ms).contains(&stored[1]), "{frames} frames: {} ms", stored[1]);
        }
        let (_, writes) = run(&mut Ledger::new(Region::Eu868), Instant::ZERO, 300, on_air);
        assert_eq!(writes, 9, "1, 2, 4, ... 64 frames, then 90 each");
    }

    #[test]
    fn the_networks_aggregate_limit_is_a_pause_after_each_frame() {
        let mut ledger = Ledger::new(Region::Eu868);
        ledger.try_send(Instant::ZERO, CHANNEL_HZ, Duration::from_secs(1), 7).unwrap();
        let free = Instant::ZERO + Duration::from_secs(128);
        assert_eq!(ledger.earliest(Instant::ZERO, CHANNEL_HZ, Duration::from_secs(1)), free);
        assert_eq!(ledger.earliest(Instant::ZERO, OTHER_BAND_HZ, Duration::from_secs(1)), free);
    }
}
