//! Uplinks on the air, as every gateway hears them.
//!
//! Frames meet when the later one begins: both note what they do to each other over their whole overlap, so that the
//! cost of a frame grows with the frames on the air with it, and no history is kept.
use super::collision::{Collisions, Contact, Interference, Signal, Span};
use super::demodulators::{DEMODULATORS, Demodulator, PendingLocks, preamble_end};
use super::emission::Emission;
use super::interferers::Target;
use super::outcome::{Cause, Verdict};
use super::surroundings::Surroundings;
use super::{GatewayIndex, NodeIndex, sensitivity};
use chirrup_protocol::airtime::frame_airtime;
use chirrup_protocol::region::{ChannelGroup, Region};
use chirrup_protocol::seal::Direction;
use chirrup_protocol::time::Instant;

/// An uplink on the air. It cannot be copied, so that it ends once.
#[derive(Debug, PartialEq, Eq)]
pub struct UplinkTicket(u32);

/// Whether the scenario's own faults take a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    FrameLost,
}

#[derive(Debug)]
struct Gateway {
    transmits_until: Instant,
    demodulators_held: u8,
}

/// A frame at one gateway.
#[derive(Clone, Copy, Debug)]
struct View {
    signal: Signal,
    interference: Interference,
    demodulator: Demodulator,
    /// The gateway transmitted during some part of the frame.
    deaf: bool,
}

#[derive(Debug)]
struct Frame {
    node: NodeIndex,
    emission: Emission,
    span: Span,
    fault: Fault,
    views: Vec<View>,
}

/// An uplink that has left the air.
#[derive(Debug)]
pub(super) struct EndedUplink {
    pub node: NodeIndex,
    pub emission: Emission,
    pub span: Span,
}

#[derive(Debug)]
pub(super) struct Uplinks {
    collisions: Collisions,
    gateways: Vec<Gateway>,
    frames: Vec<Option<Frame>>,
    free: Vec<u32>,
    /// Slots of `frames` that are full.
    on_air: Vec<u32>,
    pending: PendingLocks,
    /// Emptied vectors of frames that ended, to be filled again.
    spare_views: Vec<Vec<View>>,
    /// Frequencies that gateways listen to, in Hz; empty: to all.
    heard_hz: Vec<u32>,
}

impl Uplinks {
    pub fn new(collisions: Collisions, gateways: usize) -> Self {
        let gateway = || Gateway { transmits_until: Instant::ZERO, demodulators_held: 0 };
        Self {
            collisions,
            gateways: (0..gateways).map(|_| gateway()).collect(),
            frames: Vec::new(),
            free: Vec::new(),
            on_air: Vec::new(),
            pending: PendingLocks::default(),
            spare_views: Vec::new(),
            heard_hz: Vec::new(),
        }
    }

    /// Gateways listen to this group of channels alone.
    pub fn tune(&mut self, region: Region, group: ChannelGroup) {
        self.heard_hz = group.channels_hz(region).collect();
    }

    fn is_off_channel(&self, emission: &Emission) -> bool {
        !self.heard_hz.is_empty() && !self.heard_hz.contains(&emission.frequency_hz)
    }

    /// Puts a frame on the air; returns when it ends.
    pub fn begin(
        &mut self,
        now: Instant,
        node: NodeIndex,
        emission: Emission,
        fault: Fault,
        surroundings: &Surroundings,
    ) -> (UplinkTicket, Instant) {
        self.lock_demodulators(now);
        let airtime = frame_airtime(emission.modulation, emission.phy.len());
        let span = Span::new(now, airtime, emission.modulation);
        let views = self.views(now, node, &emission, surroundings);
        let mut frame = Frame { node, emission, span, fault, views };
        self.meet_others(&mut frame);
        let lock_at = preamble_end(now, frame.emission.modulation);
        let slot = self.store(frame);
        self.pending.enter(lock_at, slot);
        (UplinkTicket(slot), span.end)
    }

    fn views(
        &mut self,
        now: Instant,
        node: NodeIndex,
        emission: &Emission,
        surroundings: &Surroundings,
    ) -> Vec<View> {
        let mut views = self.spare_views.pop().unwrap_or_default();
        let is_tuned = !self.is_off_channel(emission);
        let weakest_dbm = sensitivity::GATEWAY.weakest_dbm(emission.modulation);
        views.extend(self.gateways.iter().enumerate().map(|(index, gateway)| {
            let power = surroundings.received(
                Direction::Up,
                now,
                node,
                GatewayIndex(index as u16),
                emission.power_dbm,
            );
            let spreading_factor = emission.modulation.spreading_factor;
            View {
                signal: Signal { spreading_factor, power, audible: is_tuned && power.dbm >= weakest_dbm },
                interference: Interference::default(),
                demodulator: Demodulator::Awaited,
                deaf: now < gateway.transmits_until,
            }
        }));
        views
    }

    fn meet_others(&mut self, newcomer: &mut Frame) {
        for &slot in &self.on_air {
            let Some(other) = self.frames[slot as usize].as_mut() else { continue };
            if !newcomer.emission.overlaps_band(&other.emission) {
                continue;
            }
            let Some(contact) = Contact::between(&newcomer.span, &other.span) else { continue };
            for (new, old) in newcomer.views.iter_mut().zip(&mut other.views) {
                self.collisions.disturb(&mut new.interference, &new.signal, &old.signal, contact);
                self.collisions.disturb(&mut old.interference, &old.signal, &new.signal, contact);
            }
        }
    }

    fn store(&mut self, frame: Frame) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.frames.push(None);
            (self.frames.len() - 1) as u32
        });
        self.frames[slot as usize] = Some(frame);
        self.on_air.push(slot);
        slot
    }

    /// Gives demodulators to the frames whose preamble has ended.
    fn lock_demodulators(&mut self, now: Instant) {
        while let Some(slot) = self.pending.next_before(now) {
            let Some(frame) = self.frames[slot as usize].as_mut() else { continue };
            for (view, gateway) in frame.views.iter_mut().zip(&mut self.gateways) {
                if !view.signal.audible || view.deaf {
                    continue;
                }
                if gateway.demodulators_held < DEMODULATORS {
                    gateway.demodulators_held += 1;
                    view.demodulator = Demodulator::Held;
                } else {
                    view.demodulator = Demodulator::Refused;
                }
            }
        }
    }

    /// The gateway transmits from `now` on: it loses what it was hearing and hears nothing until it ends.
    pub fn silence(&mut self, now: Instant, gateway: GatewayIndex, until: Instant) {
        self.lock_demodulators(now);
        let index = usize::from(gateway.0);
        self.gateways[index].transmits_until = until;
        for &slot in &self.on_air {
            let Some(frame) = self.frames[slot as usize].as_mut().filter(|frame| frame.span.end > now) else {
                continue;
            };
            let view = &mut frame.views[index];
            view.deaf = true;
            if view.demodulator == Demodulator::Held {
                view.demodulator = Demodulator::Awaited;
                self.gateways[index].demodulators_held -= 1;
            }
        }
    }

    /// Until when a gateway transmits.
    pub fn transmits_until(&self, gateway: GatewayIndex) -> Instant {
        self.gateways[usize::from(gateway.0)].transmits_until
    }

    /// Takes a frame off the air and says in `verdicts` what every gateway made of it.
    #[expect(clippy::needless_pass_by_value, reason = "a ticket is used up")]
    pub fn end(
        &mut self,
        ticket: UplinkTicket,
        surroundings: &Surroundings,
        verdicts: &mut Vec<Verdict>,
    ) -> EndedUplink {
        let UplinkTicket(slot) = ticket;
        let end = self.frames[slot as usize].as_ref().map_or(Instant::ZERO, |frame| frame.span.end);
        self.lock_demodulators(end);
        let Frame { node, emission, span, fault, mut views } =
            self.frames[slot as usize].take().expect("a ticket belongs to a frame on the air");
        self.on_air.retain(|&other| other != slot);
        self.free.push(slot);
        verdicts.clear();
        let off_channel = self.is_off_channel(&emission);
        for ((index, mut view), gateway) in views.drain(..).enumerate().zip(&mut self.gateways) {
            if view.demodulator == Demodulator::Held {
                gateway.demodulators_held -= 1;
            }
            let noise_mw = view.interfered(index, &emission, &span, &self.collisions, surroundings);
            verdicts.push(if off_channel {
                Verdict::Lost(Cause::OffChannel)
            } else {
                verdict(&self.collisions, &view, &emission, &span, fault, noise_mw)
            });
        }
        self.spare_views.push(views);
        EndedUplink { node, emission, span }
    }
}

impl View {
    /// Enters what interferers did meanwhile; returns the noise that they added, in mW.
    fn interfered(
        &mut self,
        gateway: usize,
        emission: &Emission,
        span: &Span,
        collisions: &Collisions,
        surroundings: &Surroundings,
    ) -> f64 {
        let sensitivity = &sensitivity::GATEWAY;
        let target = Target { emission, span, signal: &self.signal, sensitivity };
        surroundings.disturb_uplink(gateway, &target, collisions, &mut self.interference)
    }
}

fn verdict(
    collisions: &Collisions,
    view: &View,
    emission: &Emission,
    span: &Span,
    fault: Fault,
    noise_mw: f64,
) -> Verdict {
    let rssi_dbm = view.signal.power.dbm;
    let rise_db = sensitivity::GATEWAY.noise_rise_db(emission.modulation, noise_mw);
    let cause = if !view.signal.audible {
        Cause::Sensitivity
    } else if view.deaf {
        Cause::HalfDuplex
    } else if view.demodulator == Demodulator::Refused {
        Cause::NoDemodulator
    } else if !collisions.survives(&view.interference, &view.signal, span.airtime()) {
        Cause::Collision
    } else if rssi_dbm - rise_db < sensitivity::GATEWAY.weakest_dbm(emission.modulation) {
        Cause::Interference
    } else if fault == Fault::FrameLost {
        Cause::Injected
    } else {
        let snr_db = sensitivity::GATEWAY.snr_db(emission.modulation, rssi_dbm - rise_db);
        return Verdict::Delivered { rssi_dbm, snr_db };
    };
    Verdict::Lost(cause)
}
