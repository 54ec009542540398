//! Snapshots: reserve before use, restore after a power cut.
use super::super::airtime::MAX_RESERVE;
use super::super::channels::Channels;
use super::super::link::{Link, ReceiveWindows, max_tx_power_index};
use super::super::session::Session;
use super::super::snapshot::{LinkRecord, Snapshot};
use super::{Guard, SnapshotStore};
use chirrup_protocol::time::{Duration, Instant};

/// Uplink counters that one stored snapshot reserves.
pub(super) const FCNT_BLOCK: u32 = 32;

/// DevNonces that one stored snapshot reserves.
const DEV_NONCE_BLOCK: u32 = 8;

/// DevNonces that a root key has.
const DEV_NONCES: u32 = 0x1_0000;

/// The first counters that the stored snapshot leaves to a restart. Those below are free to use.
#[derive(Clone, Copy)]
pub(super) struct Reserved {
    pub dev_nonce: u32,
    pub fcnt_up: u32,
}

impl<R, T, G, S: SnapshotStore> Guard<R, T, G, S> {
    /// Makes sure that a restart uses neither the next DevNonce nor the airtime of this join request.
    pub(super) async fn reserve_dev_nonce(&mut self, on_air: Duration, now: Instant) -> Result<(), S::Error> {
        if self.next_dev_nonce < self.reserved.dev_nonce && self.is_covered(on_air) {
            return Ok(());
        }
        let dev_nonce = (self.next_dev_nonce + DEV_NONCE_BLOCK).min(DEV_NONCES);
        self.checkpoint_as(Reserved { dev_nonce, ..self.reserved }, on_air, now).await
    }

    /// Makes sure that a restart uses neither the session's next counter nor the airtime of this uplink.
    pub(super) async fn reserve_fcnt_up(
        &mut self,
        session: Session,
        on_air: Duration,
        now: Instant,
    ) -> Result<(), S::Error> {
        if session.next_fcnt_up < self.reserved.fcnt_up && self.is_covered(on_air) {
            return Ok(());
        }
        let fcnt_up = session.next_fcnt_up.saturating_add(FCNT_BLOCK);
        self.checkpoint_as(Reserved { fcnt_up, ..self.reserved }, on_air, now).await
    }

    fn is_covered(&self, on_air: Duration) -> bool {
        // One frame longer than the whole reserve would never be covered; no frame of the region is.
        !self.checkpoint_due && self.ledger.is_covered(on_air.min(MAX_RESERVE))
    }

    /// Stores the present state with these reservations, which hold from then on, and airtime for a frame of this
    /// length.
    pub(super) async fn checkpoint_as(
        &mut self,
        reserved: Reserved,
        on_air: Duration,
        now: Instant,
    ) -> Result<(), S::Error> {
        let reserve = self.ledger.next_reserve(on_air);
        let snapshot = self.snapshot_as(reserved, reserve, now);
        self.store.store(&snapshot).await?;
        self.reserved = reserved;
        self.checkpoint_due = false;
        self.ledger.checkpointed(reserve);
        Ok(())
    }

    pub(super) fn snapshot_as(&mut self, reserved: Reserved, reserve: Duration, now: Instant) -> Snapshot {
        Snapshot {
            first_dev_nonce: reserved.dev_nonce,
            last_join_nonce: self.last_join_nonce,
            session: self.session.map(|session| Session { next_fcnt_up: reserved.fcnt_up, ..session }),
            link: record_link(&self.link),
            charged_ms: self.ledger.charged_ms(now, reserve),
        }
    }
}

fn record_link(link: &Link) -> LinkRecord {
    LinkRecord {
        data_rate: link.data_rate,
        tx_power_index: link.tx_power_index,
        rx_delay_s: link.rx_delay_s,
        rx1_offset: link.windows.rx1_offset,
        rx2_data_rate: link.windows.rx2_data_rate,
        rx2_frequency_hz: link.windows.rx2_frequency_hz,
        max_duty_exponent: link.max_duty_exponent,
        channels: link.channels.record(),
    }
}

/// The recorded link; what contradicts region or configuration stays as in `fresh`.
pub(super) fn restore_link(fresh: &Link, record: &LinkRecord) -> Link {
    let windows = ReceiveWindows {
        rx1_offset: record.rx1_offset,
        rx2_data_rate: record.rx2_data_rate,
        rx2_frequency_hz: record.rx2_frequency_hz,
    };
    let windows_ok = windows.acceptable(fresh.region) == [true; 3];
    let channels = Channels::restore(fresh.region, &record.channels);
    let in_range = fresh.data_rates.contains(record.data_rate);
    Link {
        data_rate: if in_range { record.data_rate } else { fresh.data_rate },
        tx_power_index: record.tx_power_index.min(max_tx_power_index(fresh.region)),
        rx_delay_s: record.rx_delay_s.clamp(1, 15),
        windows: if windows_ok { windows } else { fresh.windows },
        max_duty_exponent: record.max_duty_exponent.min(15),
        channels: channels.unwrap_or_else(|| fresh.channels.clone()),
        ..fresh.clone()
    }
}
