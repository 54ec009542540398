//! The medium: every frame on the air, from its first symbol to its outcome.
//!
//! It knows no kernel. Whoever drives it calls in the order of time, and ends each frame at the time that its begin
//! returned.
use super::air_log::{AirLog, Detail, Transmission};
use super::collision::{CollisionModel, Collisions};
use super::disruptions::Disruptions;
use super::downlinks::{DownlinkTicket, Downlinks, WindowTicket};
use super::emission::{Emission, RadioError};
use super::links::Links;
use super::outcome::{Outcome, Verdict};
use super::surroundings::Surroundings;
use super::uplinks::{EndedUplink, Fault, UplinkTicket, Uplinks};
use super::windows::{Window, WindowState};
use super::{GatewayIndex, NodeIndex, Transmitter};
use crate::kernel::{Rng, TaskId};
use chirrup_protocol::region::{ChannelGroup, Region};
use chirrup_protocol::time::Instant;

/// How the air behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MediumConfig {
    /// The region, whose duty cycle is checked.
    pub region: Region,
    /// What simultaneous frames do to each other.
    pub collision: CollisionModel,
    /// Share of frames that are lost for no other reason, in both directions, from 0 to 1.
    pub frame_loss: f64,
    /// How much the log keeps.
    pub detail: Detail,
    /// The run's seed.
    pub seed: u64,
}

/// An uplink that has ended, with what each gateway made of it.
#[derive(Debug)]
pub struct EndedFrame<'a> {
    /// Who sent it.
    pub node: NodeIndex,
    /// What was sent.
    pub emission: Emission,
    /// What became of it.
    pub outcome: Outcome,
    /// What each gateway made of it, by index.
    pub verdicts: &'a [Verdict],
}

/// The air of a run.
#[derive(Debug)]
pub struct Medium {
    surroundings: Surroundings,
    uplinks: Uplinks,
    downlinks: Downlinks,
    frame_loss: f64,
    uplink_faults: Rng,
    downlink_faults: Rng,
    disruptions: Disruptions,
    log: AirLog,
    /// Kept to be filled again.
    verdicts: Vec<Verdict>,
}

fn draw(faults: &mut Rng, frame_loss: f64) -> Fault {
    if faults.chance(frame_loss) { Fault::FrameLost } else { Fault::None }
}

impl Medium {
    /// An empty air in these surroundings, or over these links alone.
    pub fn new(config: MediumConfig, surroundings: impl Into<Surroundings>) -> Self {
        let surroundings = surroundings.into();
        let links = surroundings.links();
        let collisions = Collisions::new(config.collision);
        Self {
            uplinks: Uplinks::new(collisions, links.gateways()),
            downlinks: Downlinks::new(collisions),
            frame_loss: config.frame_loss,
            uplink_faults: Rng::for_purpose(config.seed, "frame-loss-uplink", 0),
            downlink_faults: Rng::for_purpose(config.seed, "frame-loss-downlink", 0),
            disruptions: Disruptions::default(),
            log: AirLog::new(config.region, links.nodes(), links.gateways(), config.detail),
            verdicts: Vec::new(),
            surroundings,
        }
    }

    /// The same air with faults of the devices on it.
    #[must_use]
    pub fn with_disruptions(self, disruptions: Disruptions) -> Self {
        Self { disruptions, ..self }
    }

    /// The power of a node fails: what it is sending is broken off. Its carrier stays in the books, and in the way of
    /// others, to the frame's end.
    pub fn cut_uplink(&mut self, now: Instant, node: NodeIndex) {
        self.disruptions.cut(node, now);
    }

    /// Frames that power cuts broke off.
    pub const fn frames_cut_short(&self) -> u64 {
        self.disruptions.cut_short()
    }

    /// The same air, in which gateways listen to one group of channels alone.
    #[must_use]
    pub fn tuned(mut self, region: Region, group: Option<ChannelGroup>) -> Self {
        if let Some(group) = group {
            self.uplinks.tune(region, group);
        }
        self
    }

    /// The links of the run, fading apart.
    pub const fn links(&self) -> &Links {
        self.surroundings.links()
    }

    /// The books.
    pub const fn log(&self) -> &AirLog {
        &self.log
    }

    /// The books, to take out of them.
    pub const fn log_mut(&mut self) -> &mut AirLog {
        &mut self.log
    }

    /// A node begins to transmit. Returns when the frame ends; then, [`Medium::end_uplink`] is due.
    ///
    /// # Errors
    /// When the modem cannot send that.
    pub fn begin_uplink(
        &mut self,
        now: Instant,
        node: NodeIndex,
        emission: Emission,
    ) -> Result<(UplinkTicket, Instant), RadioError> {
        emission.check()?;
        let fault = draw(&mut self.uplink_faults, self.disruptions.frame_loss(now, self.frame_loss));
        self.surroundings.follow(node, now);
        Ok(self.uplinks.begin(now, node, emission, fault, &self.surroundings))
    }

    /// An uplink has ended.
    pub fn end_uplink(&mut self, ticket: UplinkTicket) -> EndedFrame<'_> {
        let EndedUplink { node, emission, span } =
            self.uplinks.end(ticket, &self.surroundings, &mut self.verdicts);
        self.disruptions.after_uplink(node, &span, &mut self.verdicts);
        let outcome = self.log.enter(&Transmission {
            source: Transmitter::Node(node),
            start: span.start,
            airtime: span.airtime(),
            emission: &emission,
            verdicts: &self.verdicts,
        });
        EndedFrame { node, emission, outcome, verdicts: &self.verdicts }
    }

    /// A gateway begins to transmit, and is deaf meanwhile. Returns when the frame ends; then,
    /// [`Medium::end_downlink`] is due.
    ///
    /// # Errors
    /// When the gateway is off or still transmitting, or cannot send that.
    pub fn begin_downlink(
        &mut self,
        now: Instant,
        gateway: GatewayIndex,
        emission: Emission,
    ) -> Result<(DownlinkTicket, Instant), RadioError> {
        emission.check()?;
        if let Some(until) = self.disruptions.off_until(gateway, now) {
            return Err(RadioError::GatewayOff { until });
        }
        let until = self.uplinks.transmits_until(gateway);
        if now < until {
            return Err(RadioError::GatewayBusy { until });
        }
        let lost = draw(&mut self.downlink_faults, self.disruptions.frame_loss(now, self.frame_loss));
        let broken_off = self.disruptions.breaks_off(gateway, now, &emission);
        let fault = if broken_off { Fault::FrameLost } else { lost };
        let (ticket, end) = self.downlinks.begin(now, gateway, emission, fault, &self.surroundings);
        self.uplinks.silence(now, gateway, end);
        Ok((ticket, end))
    }

    /// The tasks whose receive windows hold on to a downlink, to be run when it ends.
    pub fn holders(&self, ticket: &DownlinkTicket) -> impl Iterator<Item = TaskId> {
        self.downlinks.holders(ticket)
    }

    /// A downlink has ended. Windows that held on to it know the result.
    pub fn end_downlink(&mut self, ticket: DownlinkTicket) -> Outcome {
        let ended = self.downlinks.end(ticket, &self.surroundings, &mut self.verdicts);
        self.log.enter(&Transmission {
            source: Transmitter::Gateway(ended.gateway),
            start: ended.span.start,
            airtime: ended.span.airtime(),
            emission: &ended.emission,
            verdicts: &self.verdicts,
        })
    }

    /// A node switches its receiver on.
    pub fn open_window(&mut self, window: Window) -> WindowTicket {
        self.surroundings.follow(window.node, window.open);
        self.downlinks.open(window, &self.surroundings)
    }

    /// How far a receive window has come.
    pub fn window_state(&self, ticket: &WindowTicket) -> &WindowState {
        self.downlinks.state(ticket)
    }

    /// A node switches its receiver off.
    pub fn close_window(&mut self, ticket: &WindowTicket, now: Instant) {
        let (node, receiving) = self.downlinks.close(ticket, now);
        self.log.enter_reception(node, receiving);
    }
}
