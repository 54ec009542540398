//! Which concentrator answers an uplink, in which receive window.
use super::concentrator::{Concentrator, Slot};
use super::counters::Reason;
use super::deduplicate::Hearing;
use super::event::ReceiveWindow;
use super::record::AirtimeRecord;
use super::window::Opportunity;
use chirrup_protocol::airtime::{LORAWAN_OVERHEAD_BYTES, downlink_airtime};
use chirrup_protocol::ids::GatewayId;
use chirrup_protocol::region::{DataRate, DwellTime, Region};
use chirrup_protocol::seal::Direction;
use chirrup_protocol::time::{Duration, Instant};
use std::collections::BTreeMap;

/// The appointments of all concentrators.
#[derive(Debug)]
pub struct Schedule {
    region: Region,
    lead: Duration,
    concentrators: BTreeMap<GatewayId, Concentrator>,
}

/// Largest PHY payload of a data rate in bytes, zero where the region does not define it in this direction. An
/// uplink that lasts too long is the device's fault, and read all the same.
pub fn max_phy_bytes(region: Region, direction: Direction, data_rate: DataRate) -> usize {
    let payload = region.max_payload_bytes(direction, DwellTime::Unlimited, data_rate);
    payload.map_or(0, |payload| payload + LORAWAN_OVERHEAD_BYTES)
}

impl Schedule {
    /// Begins with what was sent before a restart.
    pub fn new(region: Region, lead: Duration, concentrators: &[GatewayId], sent: &[AirtimeRecord]) -> Self {
        let mut concentrators: BTreeMap<_, _> =
            concentrators.iter().map(|&id| (id, Concentrator::default())).collect();
        let mut sent = sent.to_vec();
        sent.sort_by_key(|record| record.minute);
        for record in sent {
            let band = region.sub_bands().get(usize::from(record.sub_band));
            if let (Some(concentrator), Some(band)) = (concentrators.get_mut(&record.concentrator), band) {
                concentrator.restore(band, record);
            }
        }
        Self { region, lead, concentrators }
    }

    /// Whether frames of this concentrator are ours.
    pub fn knows(&self, concentrator: GatewayId) -> bool {
        self.concentrators.contains_key(&concentrator)
    }

    /// How many there are.
    pub fn concentrators(&self) -> usize {
        self.concentrators.len()
    }

    /// The best slot for a downlink of this size: at the concentrator that heard the uplink best, in the window that
    /// leaves its sub-band more of its duty cycle, in proportion; RX1 when they are equal; in any case not in the one
    /// where the device did not hear its last answer, if the other is free. Where that concentrator has no window, the
    /// others that heard the uplink follow in order of their signal.
    ///
    /// # Errors
    /// The obstacle that was nearest to being none, or [`Reason::DownlinkTooLarge`] if no window is large enough.
    pub fn choose(&mut self, now: Instant, chance: &Opportunity, phy_bytes: usize) -> Result<Slot, Reason> {
        let mut obstacle = Reason::DownlinkTooLarge;
        for hearing in &chance.hearings {
            let mut best: Option<((bool, u64), Slot)> = None;
            for window in [ReceiveWindow::Rx1, ReceiveWindow::Rx2] {
                let Some(slot) = self.slot(chance, hearing, window, phy_bytes) else { continue };
                let reaches = chance.unheard != Some(window);
                match self.left_ppm(now, chance, &slot).map(|left| (reaches, left)) {
                    Ok(left) if best.is_none_or(|(most, _)| left > most) => best = Some((left, slot)),
                    Ok(_) => {}
                    Err(reason) => obstacle = obstacle.max(reason),
                }
            }
            if let Some((_, slot)) = best {
                return Ok(slot);
            }
        }
        Err(obstacle)
    }

    /// The slot of a window, if a frame of this size fits its data rate.
    fn slot(
        &self,
        chance: &Opportunity,
        hearing: &Hearing,
        window: ReceiveWindow,
        phy_bytes: usize,
    ) -> Option<Slot> {
        let (frequency_hz, data_rate) = chance.channel(self.region, window);
        let modulation = self.region.modulation(data_rate).ok()?;
        if phy_bytes > max_phy_bytes(self.region, Direction::Down, data_rate) {
            return None;
        }
        let delay = chance.delay(window);
        Some(Slot {
            concentrator: hearing.concentrator,
            window,
            at: hearing.heard_at + delay,
            counter_us: hearing.counter_us.wrapping_add(delay.as_micros() as u32),
            frequency_hz,
            modulation,
            on_air: downlink_airtime(modulation, phy_bytes),
            band: self.region.sub_band(frequency_hz)?,
        })
    }

    fn left_ppm(&mut self, now: Instant, chance: &Opportunity, slot: &Slot) -> Result<u64, Reason> {
        if now + self.lead > slot.at || chance.refused.contains(&(slot.concentrator, slot.window)) {
            return Err(Reason::WindowMissed);
        }
        let concentrator =
            self.concentrators.get_mut(&slot.concentrator).ok_or(Reason::UnknownConcentrator)?;
        concentrator.left_ppm(now, slot)
    }

    /// Makes the appointment. Returns what to store of it.
    pub fn reserve(&mut self, token: u64, slot: Slot) -> Option<AirtimeRecord> {
        Some(self.concentrators.get_mut(&slot.concentrator)?.reserve(token, slot))
    }

    /// Gives back what will not be sent, unless its time has come. Returns what to store then.
    pub fn cancel(&mut self, now: Instant, concentrator: GatewayId, token: u64) -> Option<AirtimeRecord> {
        self.concentrators.get_mut(&concentrator)?.cancel(now, token)
    }
}
