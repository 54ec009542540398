//! One device: its keys, its sessions and the downlink that waits for it.
//!
//! ```text
//!             join                      first valid uplink
//! no session   ------> joining only      --------------------> active only
//! joining only ------> active + joining  -- of the joining --> active only (the new one)
//! active       ------> active + joining  -- of the active  --> unchanged
//! ```
//!
//! So the last session that the device is known to have used, or the first that it may have, outlives any number of
//! joins whose accepts it never hears.
use super::adr::Adaptation;
use super::config::Config;
use super::counters::Reason;
use super::event::ReceiveWindow;
use super::frame::{DataUp, JoinRequest};
use super::record::{DeviceRecord, Key, Session};
use chirrup_protocol::backhaul::Downlink;
use chirrup_protocol::ids::DevAddr;
use chirrup_protocol::time::{Duration, Instant};

/// The largest JoinNonce, which has 24 bits.
const MAX_JOIN_NONCE: u32 = 0xff_ffff;
/// The first downlink counter of a session. Zero is left out: the device stack of the nodes accepts it twice.
const FIRST_FCNT_DOWN: u32 = 1;

#[derive(Debug)]
pub struct Device {
    pub app_key: Key,
    pub record: DeviceRecord,
    /// The newest downlink that has found no window yet. It does not survive a restart: the aggregator answers the
    /// next uplink in any case.
    pub waiting: Option<Downlink>,
    pub adaptation: Adaptation,
    last_join: Option<Instant>,
    /// The window of the last JoinAccept.
    accept_window: Option<ReceiveWindow>,
}

impl Device {
    pub fn new(app_key: Key, record: DeviceRecord) -> Self {
        Self {
            app_key,
            record,
            waiting: None,
            adaptation: Adaptation::default(),
            last_join: None,
            accept_window: None,
        }
    }

    /// Authenticates a join request and uses up its DevNonce and all below, even where the join is refused for coming too soon:
    /// otherwise whoever recorded it could send it again later.
    pub fn admit_join(
        &mut self,
        now: Instant,
        request: &JoinRequest,
        interval: Duration,
    ) -> Result<(), Reason> {
        if !request.is_authentic(self.app_key) {
            return Err(Reason::BadMic);
        }
        // Devices count (LoRaWAN 1.0.4, 6.2.4). A lower one was held back by somebody, and must not replace the session
        // of a later one.
        if self.record.dev_nonces.last().is_some_and(|&last| request.dev_nonce <= last) {
            return Err(Reason::DevNonceReused);
        }
        self.record.dev_nonces.push(request.dev_nonce);
        if self.last_join.is_some_and(|last| now < last + interval) {
            return Err(Reason::JoinTooSoon);
        }
        if self.record.join_nonce >= MAX_JOIN_NONCE {
            return Err(Reason::JoinNonceExhausted);
        }
        self.last_join = Some(now);
        Ok(())
    }

    /// Makes room for another join. Returns the address of the session that goes, if one does.
    pub fn make_room(&mut self) -> Option<DevAddr> {
        let unheard = self.record.joining.take()?;
        if self.record.active.is_none() {
            self.record.active = Some(unheard);
            return None;
        }
        Some(unheard.dev_addr)
    }

    /// The window of a JoinAccept under whose session nothing has come. The two windows differ in frequency, data rate
    /// and power, so a device may be out of reach in one of them alone.
    pub fn unheard_accept(&self) -> Option<ReceiveWindow> {
        self.accept_window.filter(|_| self.record.joining.is_some())
    }

    /// The last JoinAccept goes out in another window than was planned.
    pub const fn accept_moves(&mut self, window: ReceiveWindow) {
        self.accept_window = Some(window);
    }

    /// Begins a session and gives the join accept that tells the device in this window. Call [`Device::make_room`]
    /// before.
    pub fn join(
        &mut self,
        request: &JoinRequest,
        dev_addr: DevAddr,
        window: ReceiveWindow,
        config: &Config,
    ) -> Vec<u8> {
        self.accept_window = Some(window);
        self.record.join_nonce += 1;
        let join_nonce = self.record.join_nonce;
        let (nwk_s_key, app_s_key) = request.session_keys(self.app_key, config.net_id, join_nonce);
        let session = Session {
            dev_addr,
            nwk_s_key,
            app_s_key,
            rx1_delay_s: config.rx1_delay_s,
            rx2_data_rate: config.rx2_data_rate,
            fcnt_up: None,
            fcnt_down: FIRST_FCNT_DOWN,
        };
        let accept = request.accept(self.app_key, config.net_id, join_nonce, &session, config.channel_group);
        self.record.joining = Some(session);
        accept
    }

    /// Authenticates a data frame and takes its counter, which may make the joining session the active one.
    ///
    /// Returns the whole frame counter.
    pub fn admit_data(&mut self, frame: &mut DataUp) -> Result<u32, Reason> {
        let of_joining =
            self.record.joining.as_ref().is_some_and(|session| session.dev_addr == frame.dev_addr);
        let session = if of_joining { &mut self.record.joining } else { &mut self.record.active };
        let session = session.as_mut().ok_or(Reason::UnknownDevAddr)?;
        let fcnt = accepted_fcnt(session, frame)?;
        session.fcnt_up = Some(fcnt);
        if of_joining {
            self.record.active = self.record.joining.take();
        }
        Ok(fcnt)
    }

    /// The addresses in use by either session.
    pub fn addresses(&self) -> impl Iterator<Item = DevAddr> + '_ {
        [&self.record.active, &self.record.joining].into_iter().flatten().map(|session| session.dev_addr)
    }
}

/// The counter under which the frame is authentic, above the highest accepted one.
fn accepted_fcnt(session: &Session, frame: &mut DataUp) -> Result<u32, Reason> {
    let next = session.fcnt_up.map_or(Some(0), |last| last.checked_add(1));
    let candidate = next.and_then(|least| smallest_with_low_bits(least, frame.fcnt_low));
    if let Some(fcnt) = candidate
        && frame.is_authentic(session.nwk_s_key, fcnt)
    {
        return Ok(fcnt);
    }
    // Only to name the cause: is it one of the last 65,536 counters once more?
    let former = match candidate {
        Some(fcnt) => fcnt.checked_sub(1 << 16),
        None => Some(0xffff_0000 | u32::from(frame.fcnt_low)),
    };
    match former {
        Some(fcnt) if frame.is_authentic(session.nwk_s_key, fcnt) => Err(Reason::Replayed),
        _ => Err(Reason::BadMic),
    }
}

/// The smallest counter, not below `least`, whose low 16 bits are these.
fn smallest_with_low_bits(least: u32, low: u16) -> Option<u32> {
    let candidate = (least & 0xffff_0000) | u32::from(low);
    if candidate >= least { Some(candidate) } else { candidate.checked_add(1 << 16) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bits_become_thirty_two() {
        let table = [
            (0, 0, Some(0)),
            (0, 65_535, Some(65_535)),
            (8, 7, Some(65_543)),
            (65_535, 0, Some(65_536)),
            (65_536, 65_535, Some(131_071)),
            (u32::MAX, 0xffff, Some(u32::MAX)),
            (u32::MAX, 0xfffe, None),
        ];
        for (least, low, expected) in table {
            assert_eq!(smallest_with_low_bits(least, low), expected, "{least} {low}");
        }
    }
}
