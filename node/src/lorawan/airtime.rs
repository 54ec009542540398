//! The duty cycle of every sub-band and the occupancy of every channel, across power cuts too.
use super::dwell::Dwell;
use chirrup_protocol::duty::DutyCycle;
use chirrup_protocol::region::Region;
use chirrup_protocol::time::{Duration, Instant};

/// Sub-bands for which a ledger has room.
pub(super) const MAX_SUB_BANDS: usize = 5;

/// Transmissions an account tells apart. Beyond that it merges old ones, which only makes it stricter.
const ENTRIES: usize = 32;

/// Airtime that a stored snapshot has already charged for what may follow it. More than this is not sent before
/// the next snapshot is stored: three frames at SF12, two dozen at SF7.
pub(super) const AIRTIME_RESERVE: Duration = Duration::from_secs(9);

/// What was sent, sub-band by sub-band.
pub(super) struct Ledger {
    region: Region,
    accounts: [DutyCycle<ENTRIES>; MAX_SUB_BANDS],
    dwell: Dwell,
    since_checkpoint: Duration,
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

    /// What a snapshot must charge: the last hour, and the reserve for what follows it. In ms by sub-band.
    pub fn charged_ms(&mut self, now: Instant) -> [u32; MAX_SUB_BANDS] {
        self.accounts.each_mut().map(|account| {
            let charge = (account.used(now) + AIRTIME_RESERVE).min(account.allowed());
            u32::try_from(charge.as_millis_ceil()).unwrap_or(u32::MAX)
        })
    }

    /// A snapshot with the present charge was stored.
    pub fn checkpointed(&mut self) {
        self.since_checkpoint = Duration::ZERO;
    }

    /// Whether the last stored snapshot accounts for this transmission too.
    pub fn is_covered(&self, on_air: Duration) -> bool {
        self.since_checkpoint + on_air <= AIRTIME_RESERVE
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
        let stored = ledger.charged_ms(Instant::ZERO);
        ledger.checkpointed();
        // Everything that the snapshot covers is sent, then the power fails.
        ledger.try_send(Instant::ZERO, CHANNEL_HZ, AIRTIME_RESERVE, 0).unwrap();
        assert!(!ledger.is_covered(Duration::from_micros(1)));
        let now = Instant::ZERO + AIRTIME_RESERVE;
        let mut restored = Ledger::restore(Region::Eu868, now, stored);
        assert_eq!(restored.earliest(now, CHANNEL_HZ, Duration::from_secs(27)), now);
        assert!(restored.earliest(now, CHANNEL_HZ, Duration::from_millis(27_001)) > now);
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
