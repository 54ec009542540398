//! What is checked before anything is sent.
use super::super::channels::Channels;
use super::super::error::SendError;
use super::super::session::Session;
use super::{Guard, SnapshotStore};
use chirrup_protocol::airtime::frame_airtime;
use chirrup_protocol::region::DataRate;
use chirrup_protocol::seal::Direction;
use chirrup_protocol::time::{Duration, Instant};
use lorawan_device::RngCore;

/// FPorts of the application (LoRaWAN 1.0.4, 4.3.2). On port 0 the stack panics.
const APPLICATION_PORTS: core::ops::RangeInclusive<u8> = 1..=223;

impl<R, T, G: RngCore, S: SnapshotStore> Guard<R, T, G, S> {
    /// The session, if it can carry this uplink.
    pub(super) fn check_uplink<P>(
        &self,
        fport: u8,
        have_bytes: usize,
    ) -> Result<Session, SendError<P, S::Error>> {
        let session = self.session.ok_or(SendError::NotJoined)?;
        if !session.can_send() {
            return Err(SendError::SessionExhausted);
        }
        if !APPLICATION_PORTS.contains(&fport) {
            return Err(SendError::ReservedPort { fport });
        }
        let limit_bytes = self.limit_at(self.link.data_rate);
        if have_bytes > limit_bytes {
            let needs = self.link.data_rates.iter().find(|&data_rate| self.limit_at(data_rate) >= have_bytes);
            return Err(SendError::TooLong { have_bytes, limit_bytes, needs });
        }
        Ok(session)
    }

    /// The largest payload at a data rate, beside the MAC answers that are due.
    pub(super) fn limit_at(&self, data_rate: DataRate) -> usize {
        let region = self.config.region;
        let limit = region.max_payload_bytes(Direction::Up, region.uplink_dwell(), data_rate).unwrap_or(0);
        limit.saturating_sub(self.answers.len())
    }

    /// Time on air.
    pub(super) fn airtime(&self, data_rate: DataRate, phy_bytes: usize) -> Duration {
        let modulation = self.config.region.modulation(data_rate);
        modulation.map_or(Duration::ZERO, |modulation| frame_airtime(modulation, phy_bytes))
    }

    pub(super) fn earliest(
        &mut self,
        now: Instant,
        channels: &Channels,
        data_rate: DataRate,
        phy_bytes: usize,
    ) -> Instant {
        let on_air = self.airtime(data_rate, phy_bytes);
        let earliest = channels.carrying(data_rate).map(|hz| self.ledger.earliest(now, hz, on_air)).min();
        earliest.unwrap_or(Instant::NEVER)
    }

    /// Channel and data rate of the next join request, and its time on air; otherwise the earliest time at which it
    /// may go. Where the plan is fixed, both follow the search for a network.
    pub(super) fn pick_join_channel(
        &mut self,
        now: Instant,
        phy_bytes: usize,
    ) -> Result<((u32, DataRate), Duration), Instant> {
        let region = self.config.region;
        let Some((hz, data_rate)) = self.probe.next(region, &mut self.rng) else {
            let data_rate = self.link.data_rate;
            let (hz, on_air) = self.pick_channel(now, &Channels::new(region), data_rate, phy_bytes)?;
            return Ok(((hz, data_rate), on_air));
        };
        let on_air = self.airtime(data_rate, phy_bytes);
        let earliest = self.ledger.earliest(now, hz, on_air);
        if earliest > now { Err(earliest) } else { Ok(((hz, data_rate), on_air)) }
    }

    /// A random one of the channels that may carry the frame now, and the frame's time on air; otherwise the
    /// earliest time at which one may.
    pub(super) fn pick_channel(
        &mut self,
        now: Instant,
        channels: &Channels,
        data_rate: DataRate,
        phy_bytes: usize,
    ) -> Result<(u32, Duration), Instant> {
        let on_air = self.airtime(data_rate, phy_bytes);
        let ledger = &mut self.ledger;
        let mut is_free = |hz: &u32| ledger.earliest(now, *hz, on_air) <= now;
        let free = channels.carrying(data_rate).filter(&mut is_free).count();
        if free == 0 {
            return Err(self.earliest(now, channels, data_rate, phy_bytes));
        }
        // The bias of the remainder is below 64 / 2^32.
        let drawn = self.rng.next_u32() as usize % free;
        let chosen = channels.carrying(data_rate).filter(&mut is_free).nth(drawn);
        chosen.map(|hz| (hz, on_air)).ok_or(Instant::NEVER)
    }
}
