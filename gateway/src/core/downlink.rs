//! Answers: receipts, acknowledgements, and what becomes of a refused transmission.
use super::adr::Setting;
use super::concentrator::Slot;
use super::counters::Reason;
use super::event::{Action, ReceiveWindow, Transmission};
use super::frame::{self, Acknowledgement, DataDown};
use super::server::NetworkServer;
use super::window::{OpenWindow, Opportunity};
use chirrup_protocol::backhaul::{Downlink, Receipt, Uplink};
use chirrup_protocol::ids::{DevAddr, DevEui, GatewayId};
use chirrup_protocol::time::{Duration, Instant};

/// How long after its start a transmission is remembered. A concentrator refuses before it.
const FORGET_AFTER: Duration = Duration::from_secs(1);

/// A transmission that its concentrator may still refuse.
#[derive(Debug)]
pub struct InFlight {
    concentrator: GatewayId,
    window: ReceiveWindow,
    at: Instant,
    content: Content,
}

/// What it takes to try again.
#[derive(Debug)]
pub enum Content {
    /// The accept is sent again as it is: no device has heard it.
    Join { opportunity: Opportunity, accept: Vec<u8> },
    /// The frame is made anew, under the next counter.
    Data { window: OpenWindow, downlink: Option<Downlink> },
}

impl NetworkServer {
    /// Gives the uplink to the aggregator if there is something in it for it.
    pub(super) fn forward(
        &mut self,
        opportunity: &Opportunity,
        dev_addr: DevAddr,
        fcnt: u32,
        application: Option<(u8, Vec<u8>)>,
    ) -> Option<chirrup_protocol::backhaul::UplinkId> {
        let Some((fport, payload)) = application else {
            self.counters.uplinks_without_payload += 1;
            return None;
        };
        let (id, reservation) = self.uplink_ids.take();
        if let Some(below) = reservation {
            self.actions.push_back(Action::ReserveUplinkIds { below });
        }
        self.counters.uplinks += 1;
        self.actions.push_back(Action::Forward(Uplink {
            id,
            received_at: opportunity.heard_at(),
            dev_eui: opportunity.dev_eui,
            dev_addr,
            fcnt,
            fport,
            data_rate: opportunity.data_rate,
            receptions: opportunity.hearings.iter().map(|hearing| hearing.reception()).collect(),
            payload,
        }));
        Some(id)
    }

    /// How long an uplink waits for its receipt at first: as long as RX1 can still be kept.
    pub(super) fn first_due(&self, opportunity: &Opportunity) -> Instant {
        let before = self.config.transmit_lead + self.config.answer_margin;
        opportunity.opens_at(ReceiveWindow::Rx1).saturating_sub(before)
    }

    /// The receipt has not come in time. What is there already goes out; with nothing there, a late receipt may
    /// still catch RX2.
    pub(super) fn stop_waiting(&mut self, window: OpenWindow) {
        let dev_eui = window.opportunity.dev_eui;
        let something_waits = self
            .devices
            .get(&dev_eui)
            .is_some_and(|device| device.waiting.is_some() || device.adaptation.due().is_some());
        if something_waits || window.acknowledgement == Acknowledgement::Requested {
            return self.answer(window);
        }
        let last_due =
            window.opportunity.opens_at(ReceiveWindow::Rx2).saturating_sub(self.config.transmit_lead);
        if self.now < last_due {
            self.windows.open(OpenWindow { due: last_due, ..window });
        }
    }

    pub(super) fn receipt_received(&mut self, receipt: Receipt) {
        let Receipt { id, dev_eui, downlink } = receipt;
        if let Some(downlink) = downlink {
            self.keep(dev_eui, downlink);
        }
        if self.windows.get(dev_eui).is_some_and(|window| window.uplink == Some(id))
            && let Some(window) = self.windows.take(dev_eui)
        {
            self.answer(window);
        }
    }

    /// Has a downlink wait for its device's window. The newest one counts.
    fn keep(&mut self, dev_eui: DevEui, downlink: Downlink) {
        if downlink.fport == 0 {
            return self.counters.discard(Reason::DownlinkPortReserved);
        }
        match self.devices.get_mut(&dev_eui) {
            Some(device) if downlink.dev_eui == dev_eui => {
                if device.waiting.replace(downlink).is_some() {
                    self.counters.discard(Reason::DownlinkReplaced);
                }
            }
            _ => self.counters.discard(Reason::DownlinkUnaddressed),
        }
    }

    /// Uses a window, now or never: for the downlink that waits, with the acknowledgement and the command that are
    /// due, or for these alone. A downlink that finds no place waits for the next uplink.
    pub(super) fn answer(&mut self, window: OpenWindow) {
        let Some(device) = self.devices.get_mut(&window.opportunity.dev_eui) else { return };
        let command = device.adaptation.due();
        if let Some(downlink) = device.waiting.take() {
            match self.plan(&window, Some(&downlink), command) {
                Ok((slot, command)) => return self.send(slot, window, Some(downlink), command),
                Err(reason) => {
                    self.counters.discard(reason);
                    if reason != Reason::DownlinkTooLarge {
                        self.restore(downlink);
                    }
                }
            }
        }
        if window.acknowledgement == Acknowledgement::Requested || command.is_some() {
            match self.plan(&window, None, command) {
                Ok((slot, command)) => self.send(slot, window, None, command),
                Err(reason) => self.counters.discard(reason),
            }
        }
    }

    /// Puts a downlink back, unless a newer one waits by now.
    fn restore(&mut self, downlink: Downlink) {
        let Some(device) = self.devices.get_mut(&downlink.dev_eui) else { return };
        if device.waiting.is_some() {
            return self.counters.discard(Reason::DownlinkReplaced);
        }
        device.waiting = Some(downlink);
    }

    /// A slot for a frame, with the command if there is room for it.
    fn plan(
        &mut self,
        window: &OpenWindow,
        downlink: Option<&Downlink>,
        command: Option<Setting>,
    ) -> Result<(Slot, Option<Setting>), Reason> {
        let opportunity = &window.opportunity;
        let device = self.devices.get(&opportunity.dev_eui).ok_or(Reason::UnknownDevEui)?;
        // A device that has joined anew since no longer listens under the old session.
        let session = device.record.active.as_ref().filter(|session| session.dev_addr == window.dev_addr);
        if session.ok_or(Reason::WindowMissed)?.fcnt_down == u32::MAX {
            return Err(Reason::FcntDownExhausted);
        }
        let phy_bytes = frame::data_down_bytes(downlink.map(|downlink| downlink.payload.len()));
        if command.is_some() {
            let longer = phy_bytes + frame::LINK_ADR_REQ_BYTES;
            if let Ok(slot) = self.schedule.choose(self.now, opportunity, longer) {
                return Ok((slot, command));
            }
        }
        Ok((self.schedule.choose(self.now, opportunity, phy_bytes)?, None))
    }

    /// Makes the frame under a counter that is durable before it is used.
    fn send(&mut self, slot: Slot, window: OpenWindow, downlink: Option<Downlink>, command: Option<Setting>) {
        let device = self.devices.get_mut(&window.opportunity.dev_eui);
        let Some((device, session)) =
            device.and_then(|device| device.record.active.clone().map(|session| (device, session)))
        else {
            return;
        };
        if let Some(active) = &mut device.record.active {
            active.fcnt_down = session.fcnt_down + 1;
        }
        self.actions.push_back(Action::StoreDevice(device.record.clone()));
        if let Some(setting) = command {
            device.adaptation.asked(setting);
            self.counters.link_adr_requests += 1;
        }
        let frame = DataDown {
            fcnt: session.fcnt_down,
            acknowledgement: window.acknowledgement,
            application: downlink.as_ref().map(|downlink| (downlink.fport, downlink.payload.as_slice())),
            link_adr: command.map(|setting| (setting, self.config.channel_group)),
        };
        let phy = frame.encode(&session);
        match downlink {
            Some(_) => self.counters.downlinks += 1,
            None if window.acknowledgement == Acknowledgement::Requested => {
                self.counters.acknowledgements += 1;
            }
            None => {}
        }
        self.transmit(slot, phy, Content::Data { window, downlink });
    }

    pub(super) fn transmit(&mut self, slot: Slot, phy: Vec<u8>, content: Content) {
        let token = self.next_token;
        self.next_token += 1;
        self.actions.extend(self.schedule.reserve(token, slot).map(Action::StoreAirtime));
        let dev_eui = content.dev_eui();
        let Slot { concentrator, window, at, counter_us, frequency_hz, modulation, band, .. } = slot;
        let power_dbm = band.max_erp_dbm.min(self.config.max_power_dbm);
        self.actions.push_back(Action::Transmit(Transmission {
            token,
            concentrator,
            dev_eui,
            window,
            at,
            counter_us,
            frequency_hz,
            modulation,
            power_dbm,
            phy,
        }));
        let now = self.now;
        self.in_flight.retain(|_, old| old.at + FORGET_AFTER > now);
        self.in_flight.insert(token, InFlight { concentrator, window, at, content });
    }

    pub(super) fn transmission_refused(&mut self, token: u64) {
        let Some(refused) = self.in_flight.remove(&token) else { return };
        self.counters.discard(Reason::TransmissionRefused);
        let returned = self.schedule.cancel(self.now, refused.concentrator, token);
        self.actions.extend(returned.map(Action::StoreAirtime));
        match refused.content {
            Content::Join { mut opportunity, accept } => {
                opportunity.refused.push((refused.concentrator, refused.window));
                match self.schedule.choose(self.now, &opportunity, accept.len()) {
                    Ok(slot) => {
                        if let Some(device) = self.devices.get_mut(&opportunity.dev_eui) {
                            device.accept_moves(slot.window);
                        }
                        self.transmit(slot, accept.clone(), Content::Join { opportunity, accept });
                    }
                    Err(reason) => self.counters.discard(reason),
                }
            }
            Content::Data { mut window, downlink } => {
                window.opportunity.refused.push((refused.concentrator, refused.window));
                if let Some(downlink) = downlink {
                    self.restore(downlink);
                }
                self.answer(window);
            }
        }
    }
}

impl Content {
    fn dev_eui(&self) -> DevEui {
        match self {
            Self::Join { opportunity, .. } => opportunity.dev_eui,
            Self::Data { window, .. } => window.opportunity.dev_eui,
        }
    }
}
