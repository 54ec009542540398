//! What faults do to transmitters and receivers: gateways are off, and nodes lose power while they send.
use super::collision::Span;
use super::emission::Emission;
use super::outcome::{Cause, Verdict};
use super::{GatewayIndex, NodeIndex};
use crate::faults::Outages;
use chirrup_protocol::airtime::frame_airtime;
use chirrup_protocol::time::Instant;

/// Faults of the devices on the air. By default there are none.
#[derive(Clone, Debug)]
pub struct Disruptions {
    /// When each gateway is off, by index; those beyond the end never are.
    gateways: Vec<Outages>,
    /// No frame is lost on purpose from then on.
    until: Instant,
    /// Nodes whose power failed, and when, until the frame ends that they may have been sending.
    cuts: Vec<(NodeIndex, Instant)>,
    cut_short: u64,
}

impl Default for Disruptions {
    fn default() -> Self {
        Self::new(Vec::new(), Instant::NEVER)
    }
}

impl Disruptions {
    /// Gateways that are off at times, by index, and the end of all faults.
    pub const fn new(gateways: Vec<Outages>, until: Instant) -> Self {
        Self { gateways, until, cuts: Vec::new(), cut_short: 0 }
    }

    /// The share of frames that is lost now, of the share that the scenario asks for.
    pub(super) fn frame_loss(&self, now: Instant, share: f64) -> f64 {
        if now < self.until { share } else { 0.0 }
    }

    /// Until when a gateway is off, if it is.
    pub(super) fn off_until(&self, gateway: GatewayIndex, now: Instant) -> Option<Instant> {
        self.gateways.get(usize::from(gateway.0))?.off_until(now)
    }

    /// Whether a gateway goes off while it sends this.
    pub(super) fn breaks_off(&self, gateway: GatewayIndex, now: Instant, emission: &Emission) -> bool {
        let end = now + frame_airtime(emission.modulation, emission.phy.len());
        self.gateways.get(usize::from(gateway.0)).is_some_and(|outages| outages.touch(now, end))
    }

    /// The power of a node that is sending fails.
    pub(super) fn cut(&mut self, node: NodeIndex, now: Instant) {
        self.cuts.push((node, now));
    }

    /// A frame has ended: takes it from the gateways that were not on for all of it, or from all of them when its
    /// sender lost power meanwhile.
    pub(super) fn after_uplink(&mut self, node: NodeIndex, span: &Span, verdicts: &mut [Verdict]) {
        let is_cut = self.take_cut(node, span);
        self.cut_short += u64::from(is_cut);
        for (index, verdict) in verdicts.iter_mut().enumerate() {
            let is_off = self.gateways.get(index).is_some_and(|outages| outages.touch(span.start, span.end));
            if is_cut || is_off {
                *verdict = match *verdict {
                    Verdict::Delivered { .. } => Verdict::Lost(Cause::Injected),
                    lost @ Verdict::Lost(_) => lost,
                };
            }
        }
    }

    /// Frames that a power cut broke off.
    pub(super) const fn cut_short(&self) -> u64 {
        self.cut_short
    }

    fn take_cut(&mut self, node: NodeIndex, span: &Span) -> bool {
        let mut is_cut = false;
        self.cuts.retain(|&(cut, at)| {
            let is_of_frame = cut == node && at < span.end;
            is_cut |= is_of_frame && at >= span.start;
            !is_of_frame
        });
        is_cut
    }
}
