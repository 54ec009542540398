//! Downlinks on the air, and the receive windows of nodes that are open meanwhile.
//!
//! A window that can see enough of a preamble holds on to the frame until its end; one that sees none closes in time.
use super::collision::{Collisions, Contact, Interference, Signal, Span};
use super::emission::Emission;
use super::interferers::Target;
use super::outcome::{Cause, Verdict};
use super::row::Row;
use super::surroundings::Surroundings;
use super::uplinks::Fault;
use super::windows::{DownlinkHeard, Window, WindowState};
use super::{GatewayIndex, NodeIndex, sensitivity};
use crate::kernel::TaskId;
use chirrup_protocol::airtime::downlink_airtime;
use chirrup_protocol::seal::Direction;
use chirrup_protocol::time::{Duration, Instant};
use std::rc::Rc;

/// A downlink on the air. It cannot be copied, so that it ends once.
#[derive(Debug, PartialEq, Eq)]
pub struct DownlinkTicket(u64);

/// An open receive window.
#[derive(Debug, PartialEq, Eq)]
pub struct WindowTicket(u32);

#[derive(Debug)]
struct OpenWindow {
    window: Window,
    /// The downlink that it holds on to.
    held: Option<u64>,
    state: WindowState,
}

#[derive(Debug)]
struct Frame {
    id: u64,
    gateway: GatewayIndex,
    emission: Emission,
    span: Span,
    fault: Fault,
    /// Others on the air with it.
    rivals: Vec<Rival>,
    /// What windows made of it that could not even detect it.
    too_weak: usize,
}

/// Another frame on the air: from where, since when, how strong, and how they meet.
#[derive(Debug)]
struct Rival {
    gateway: GatewayIndex,
    start: Instant,
    emission: Emission,
    contact: Contact,
}

/// A downlink that has left the air.
#[derive(Debug)]
pub(super) struct EndedDownlink {
    pub gateway: GatewayIndex,
    pub emission: Emission,
    pub span: Span,
}

#[derive(Debug)]
pub(super) struct Downlinks {
    collisions: Collisions,
    frames: Vec<Frame>,
    windows: Row<OpenWindow>,
    next_id: u64,
}

impl Downlinks {
    pub const fn new(collisions: Collisions) -> Self {
        Self { collisions, frames: Vec::new(), windows: Row::new(), next_id: 0 }
    }

    const fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Puts a frame on the air; returns when it ends.
    pub fn begin(
        &mut self,
        now: Instant,
        gateway: GatewayIndex,
        emission: Emission,
        fault: Fault,
        surroundings: &Surroundings,
    ) -> (DownlinkTicket, Instant) {
        let airtime = downlink_airtime(emission.modulation, emission.phy.len());
        let span = Span::new(now, airtime, emission.modulation);
        let id = self.next_id();
        let mut frame = Frame { id, gateway, emission, span, fault, rivals: Vec::new(), too_weak: 0 };
        self.meet_others(&mut frame);
        for open in self.windows.iter_mut() {
            open.try_detect(&mut frame, surroundings);
        }
        self.frames.push(frame);
        (DownlinkTicket(id), span.end)
    }

    fn meet_others(&mut self, newcomer: &mut Frame) {
        for other in &mut self.frames {
            if !newcomer.emission.overlaps_band(&other.emission) {
                continue;
            }
            if let Some(contact) = Contact::between(&newcomer.span, &other.span) {
                newcomer.rivals.push(other.as_rival(contact));
                other.rivals.push(newcomer.as_rival(contact));
            }
        }
    }

    /// The tasks whose windows hold on to a frame.
    pub fn holders(&self, ticket: &DownlinkTicket) -> impl Iterator<Item = TaskId> {
        let id = ticket.0;
        self.windows.iter().filter(move |open| open.held == Some(id)).map(|open| open.window.task)
    }

    /// Takes a frame off the air and says in `verdicts` what every window made of it.
    #[expect(clippy::needless_pass_by_value, reason = "a ticket is used up")]
    pub fn end(
        &mut self,
        ticket: DownlinkTicket,
        surroundings: &Surroundings,
        verdicts: &mut Vec<Verdict>,
    ) -> EndedDownlink {
        let place = self.frames.iter().position(|frame| frame.id == ticket.0);
        let frame = self.frames.swap_remove(place.expect("a ticket belongs to a frame on the air"));
        verdicts.clear();
        verdicts.resize(frame.too_weak, Verdict::Lost(Cause::Sensitivity));
        let phy: Rc<[u8]> = frame.emission.phy.as_slice().into();
        for open in self.windows.iter_mut().filter(|open| open.held == Some(frame.id)) {
            let verdict = frame.verdict_at(open.window.node, &self.collisions, surroundings);
            open.state = match verdict {
                Verdict::Delivered { rssi_dbm, snr_db } => {
                    WindowState::Received(DownlinkHeard { phy: Rc::clone(&phy), rssi_dbm, snr_db })
                }
                Verdict::Lost(_) => WindowState::Destroyed,
            };
            verdicts.push(verdict);
        }
        EndedDownlink { gateway: frame.gateway, emission: frame.emission, span: frame.span }
    }

    /// Opens a window. It may find a preamble that has begun already.
    pub fn open(&mut self, window: Window, surroundings: &Surroundings) -> WindowTicket {
        let mut open = OpenWindow { window, held: None, state: WindowState::Listening };
        for frame in &mut self.frames {
            open.try_detect(frame, surroundings);
        }
        WindowTicket(self.windows.put(open))
    }

    /// How far a window has come.
    pub fn state(&self, ticket: &WindowTicket) -> &WindowState {
        &self.windows.get(ticket.0).expect("a ticket belongs to an open window").state
    }

    /// Closes a window; returns whose it was and how long it was open.
    pub fn close(&mut self, ticket: &WindowTicket, now: Instant) -> (NodeIndex, Duration) {
        let OpenWindow { window, .. } =
            self.windows.take(ticket.0).expect("a ticket belongs to an open window");
        (window.node, now - window.open)
    }
}

impl Frame {
    /// The frame as a node receives it.
    fn signal_at(&self, node: NodeIndex, surroundings: &Surroundings) -> Signal {
        signal(node, self.gateway, self.span.start, &self.emission, surroundings)
    }

    const fn as_rival(&self, contact: Contact) -> Rival {
        let emission = self.emission.without_phy();
        Rival { gateway: self.gateway, start: self.span.start, emission, contact }
    }

    fn verdict_at(&self, node: NodeIndex, collisions: &Collisions, surroundings: &Surroundings) -> Verdict {
        let wanted = self.signal_at(node, surroundings);
        let mut interference = Interference::default();
        for Rival { gateway, start, emission, contact } in &self.rivals {
            let other = signal(node, *gateway, *start, emission, surroundings);
            collisions.disturb(&mut interference, &wanted, &other, *contact);
        }
        let sensitivity = &sensitivity::NODE;
        let target = Target { emission: &self.emission, span: &self.span, signal: &wanted, sensitivity };
        let noise_mw = surroundings.disturb_downlink(node, &target, collisions, &mut interference);
        let modulation = self.emission.modulation;
        let clear_dbm = wanted.power.dbm - sensitivity.noise_rise_db(modulation, noise_mw);
        if !collisions.survives(&interference, &wanted, self.span.airtime()) {
            return Verdict::Lost(Cause::Collision);
        }
        if clear_dbm < sensitivity.weakest_dbm(modulation) {
            return Verdict::Lost(Cause::Interference);
        }
        if self.fault == Fault::FrameLost {
            return Verdict::Lost(Cause::Injected);
        }
        let snr_db = sensitivity.snr_db(modulation, clear_dbm);
        Verdict::Delivered { rssi_dbm: wanted.power.dbm, snr_db }
    }
}

fn signal(
    node: NodeIndex,
    gateway: GatewayIndex,
    start: Instant,
    emission: &Emission,
    surroundings: &Surroundings,
) -> Signal {
    let power = surroundings.received(Direction::Down, start, node, gateway, emission.power_dbm);
    let audible = power.dbm >= sensitivity::NODE.weakest_dbm(emission.modulation);
    Signal { spreading_factor: emission.modulation.spreading_factor, power, audible }
}

impl OpenWindow {
    /// Holds on to a frame if the window is free and can see enough of its preamble.
    fn try_detect(&mut self, frame: &mut Frame, surroundings: &Surroundings) {
        if self.held.is_some() || !self.window.can_see(&frame.emission, frame.span.start) {
            return;
        }
        if frame.signal_at(self.window.node, surroundings).audible {
            self.held = Some(frame.id);
            self.state = WindowState::Receiving { until: frame.span.end };
        } else {
            frame.too_weak += 1;
        }
    }
}
