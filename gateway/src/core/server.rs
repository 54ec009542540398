//! The table of contents: what happens to a frame, a receipt, a refusal and a deadline. Joins: `joins`.
use super::adr;
use super::config::{Config, ConfigError};
use super::counters::{Counters, Reason};
use super::deduplicate::{Admitted, Deduplicator, Pending};
use super::device::Device;
use super::downlink::InFlight;
use super::event::{Action, Event, Heard};
use super::frame::{self, Content, DataUp, UplinkFrame};
use super::record::{DeviceRecord, State};
use super::schedule::{Schedule, max_phy_bytes};
use super::uplink_ids::UplinkIds;
use super::window::{JOIN_ACCEPT_DELAY, OpenWindow, OpenWindows, Opportunity};
use chirrup_protocol::ids::{DevAddr, DevEui};
use chirrup_protocol::region::DataRate;
use chirrup_protocol::seal::Direction;
use chirrup_protocol::time::{Duration, Instant};
use std::collections::{BTreeMap, VecDeque};

/// How much later than an earlier event's time another may be: a clock that was set back must not close all windows.
const MAX_LATENESS: Duration = Duration::from_secs(2);

/// The network server of one gateway service.
///
/// ```text
/// FrameHeard -> admit (length, MIC, counter or DevNonce) -> wait for copies -> join:   accept scheduled
///                                                                           -> uplink: Forward, window opens
/// window: ReceiptReceived -> its downlink and the acknowledgement due are scheduled in RX1 or RX2
///         time to wait over -> what waits for the device and the acknowledgement due are scheduled
/// TransmissionRefused -> the other window, or wait for the next uplink
/// ```
///
/// Bounds: 1,024 frames wait for copies (a further one ends the wait of the oldest), one open window and one waiting
/// downlink a device (a newer one replaces the older), 256 transmissions ahead a concentrator (then it is busy).
/// The actions of one event are bounded by these; they must be polled before the next event.
#[derive(Debug)]
pub struct NetworkServer {
    pub(super) config: Config,
    /// The latest time seen: protocol time never runs backwards here.
    pub(super) now: Instant,
    pub(super) devices: BTreeMap<DevEui, Device>,
    pub(super) addresses: BTreeMap<DevAddr, DevEui>,
    deduplicator: Deduplicator,
    pub(super) windows: OpenWindows,
    pub(super) schedule: Schedule,
    pub(super) in_flight: BTreeMap<u64, InFlight>,
    pub(super) next_token: u64,
    pub(super) uplink_ids: UplinkIds,
    pub(super) actions: VecDeque<Action>,
    pub(super) counters: Counters,
}

impl NetworkServer {
    /// A network server that continues from what was stored; [`State::default`] begins anew.
    ///
    /// # Errors
    /// The configuration is one that no network server can work with.
    pub fn new(config: Config, state: State) -> Result<Self, ConfigError> {
        config.validate()?;
        let mut records: BTreeMap<DevEui, DeviceRecord> =
            state.devices.into_iter().map(|record| (record.dev_eui, record)).collect();
        let devices: BTreeMap<DevEui, Device> = config
            .devices
            .iter()
            .map(|(&dev_eui, &app_key)| {
                let record = records.remove(&dev_eui).unwrap_or_else(|| DeviceRecord::new(dev_eui));
                (dev_eui, Device::new(app_key, record))
            })
            .collect();
        let addresses = devices
            .iter()
            .flat_map(|(&dev_eui, device)| device.addresses().map(move |address| (address, dev_eui)))
            .collect();
        let schedule =
            Schedule::new(config.region, config.transmit_lead, &config.concentrators, &state.airtime);
        Ok(Self {
            deduplicator: Deduplicator::new(config.deduplication_window, schedule.concentrators()),
            config,
            now: Instant::ZERO,
            devices,
            addresses,
            windows: OpenWindows::default(),
            schedule,
            in_flight: BTreeMap::new(),
            next_token: 0,
            uplink_ids: UplinkIds::new(state.uplink_ids_below),
            actions: VecDeque::new(),
            counters: Counters::default(),
        })
    }

    /// Takes notice of what happened. Poll all actions afterwards.
    ///
    /// Events may come a little late and out of order: a frame's windows are counted from its own `now`.
    pub fn handle(&mut self, now: Instant, event: Event) {
        self.now = self.now.max(now);
        self.run_deadlines();
        match event {
            Event::FrameHeard(heard) => {
                self.frame_heard(now.max(self.now.saturating_sub(MAX_LATENESS)), heard);
            }
            Event::ReceiptReceived(receipt) => self.receipt_received(receipt),
            Event::TransmissionRefused { token, refusal: _ } => self.transmission_refused(token),
            Event::DeadlineReached => {}
        }
        self.run_deadlines();
    }

    /// The next thing to do, `None` when there is no more.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to wake the server with [`Event::DeadlineReached`], if nothing happens before.
    pub fn next_deadline(&self) -> Option<Instant> {
        [self.deduplicator.next_deadline(), self.windows.next_deadline()].into_iter().flatten().min()
    }

    /// What happened how often since the start.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    fn run_deadlines(&mut self) {
        while let Some(pending) = self.deduplicator.poll(self.now) {
            self.take_in(pending);
        }
        while let Some(window) = self.windows.take_due(self.now) {
            self.stop_waiting(window);
        }
    }

    fn frame_heard(&mut self, heard_at: Instant, heard: Heard) {
        self.counters.frames_heard += 1;
        if !self.schedule.knows(heard.concentrator) {
            return self.counters.discard(Reason::UnknownConcentrator);
        }
        if self.deduplicator.absorb(heard_at, &heard) {
            self.counters.duplicates += 1;
            return;
        }
        match self.admit(&heard) {
            Ok((data_rate, dev_eui, frame)) => {
                self.deduplicator.admit(heard_at, heard, data_rate, dev_eui, frame);
            }
            Err(reason) => self.counters.discard(reason),
        }
    }

    /// Everything that can speak against a frame.
    fn admit(&mut self, heard: &Heard) -> Result<(DataRate, DevEui, Admitted), Reason> {
        let region = self.config.region;
        region.sub_band(heard.frequency_hz).ok_or(Reason::UnknownFrequency)?;
        let modulation = heard.modulation;
        let data_rate = region
            .data_rate(modulation.spreading_factor, modulation.bandwidth_hz)
            .ok_or(Reason::UnknownDataRate)?;
        if heard.phy.len() > max_phy_bytes(region, Direction::Up, data_rate) {
            return Err(Reason::TooLong);
        }
        match frame::parse(&heard.phy)? {
            UplinkFrame::Join(request) => {
                let dev_eui = request.dev_eui;
                self.admit_join(&request)?;
                Ok((data_rate, dev_eui, Admitted::Join(request)))
            }
            UplinkFrame::Data(mut frame) => {
                let (dev_eui, fcnt) = self.admit_data(&mut frame)?;
                Ok((data_rate, dev_eui, Admitted::Data { frame, fcnt }))
            }
        }
    }

    fn admit_data(&mut self, frame: &mut DataUp) -> Result<(DevEui, u32), Reason> {
        if !frame::is_of_network(frame.dev_addr, self.config.net_id) {
            return Err(Reason::Foreign);
        }
        let &dev_eui = self.addresses.get(&frame.dev_addr).ok_or(Reason::UnknownDevAddr)?;
        let device = self.devices.get_mut(&dev_eui).ok_or(Reason::UnknownDevAddr)?;
        let former: Vec<DevAddr> = device.addresses().collect();
        let fcnt = device.admit_data(frame)?;
        for address in former {
            if !device.addresses().any(|kept| kept == address) {
                self.addresses.remove(&address);
            }
        }
        Ok((dev_eui, fcnt))
    }

    /// No further copy is waited for.
    fn take_in(&mut self, pending: Pending) {
        let Pending { frequency_hz, data_rate, dev_eui, frame, hearings, .. } = pending;
        let opportunity = Opportunity {
            dev_eui,
            hearings,
            frequency_hz,
            data_rate,
            rx1_delay: JOIN_ACCEPT_DELAY,
            rx2_data_rate: self.config.region.rx2_default_data_rate(),
            refused: Vec::new(),
            unheard: None,
        };
        match frame {
            Admitted::Join(request) => self.answer_join(opportunity, &request),
            Admitted::Data { frame, fcnt } => self.take_in_data(opportunity, &frame, fcnt),
        }
    }

    fn take_in_data(&mut self, mut opportunity: Opportunity, frame: &DataUp, fcnt: u32) {
        let Some(device) = self.devices.get_mut(&opportunity.dev_eui) else { return };
        // A join of the same device may have come between the frame and the end of its wait, but it replaces the
        // session no earlier than with an uplink of its own.
        let Some(session) = device.record.active.as_ref().filter(|s| s.dev_addr == frame.dev_addr) else {
            return self.counters.discard(Reason::UnknownDevAddr);
        };
        opportunity.rx1_delay = Duration::from_secs(session.rx1_delay_s.into());
        opportunity.rx2_data_rate = session.rx2_data_rate;
        let content = frame.content(session, fcnt);
        self.actions.push_back(Action::StoreDevice(device.record.clone()));
        self.count_mac_commands(&content);
        self.adapt(&opportunity, frame, &content);
        let uplink = self.forward(&opportunity, frame.dev_addr, fcnt, content.application);
        let window = OpenWindow {
            due: self.first_due(&opportunity),
            opportunity,
            dev_addr: frame.dev_addr,
            uplink,
            acknowledgement: frame.acknowledgement,
        };
        if uplink.is_some() { self.windows.open(window) } else { self.answer(window) }
    }

    /// What the uplink says about the data rate that its device should have.
    fn adapt(&mut self, opportunity: &Opportunity, frame: &DataUp, content: &Content) {
        let (Some(rule), Some(device)) = (&self.config.adr, self.devices.get_mut(&opportunity.dev_eui))
        else {
            return;
        };
        let Some(best) = opportunity.hearings.first() else { return };
        let heard = adr::Heard {
            dev_addr: frame.dev_addr,
            data_rate: opportunity.data_rate,
            snr_tenth_db: best.snr_tenth_db,
            bits: frame.adr,
            answer: content.mac_commands.as_ref().and_then(|commands| commands.link_adr),
        };
        device.adaptation.heard(self.config.region, rule, &heard);
    }

    fn count_mac_commands(&mut self, content: &Content) {
        let Some(commands) = &content.mac_commands else {
            return self.counters.discard(Reason::MalformedMacCommands);
        };
        for &name in &commands.names {
            *self.counters.mac_commands.entry(name).or_default() += 1;
        }
    }
}
