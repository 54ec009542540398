//! The radio alone: frames of zeros, sent when they fall due. No receive window, no duty cycle, no network behind.
//!
//! An interval runs from the begin of a frame to the begin of the next one; it lasts at least as long as the frame, as
//! a node has one transmitter.
use super::source::Source;
use super::timeline::Timeline;
use crate::kernel::{Kernel, Wakeup};
use crate::radio::{Air, Emission, Medium, MediumConfig, NodeIndex, RadioEvent, Surroundings};
use crate::scenario::Interval;
use chirrup_protocol::airtime::Modulation;
use chirrup_protocol::time::{Duration, Instant};

/// Transmit power of nodes, in dBm: what EU868 allows and the board of a virtual node has.
pub const POWER_DBM: i8 = 14;

/// What the kernel schedules.
#[derive(Debug)]
pub enum Event {
    /// Something on the air.
    Radio(RadioEvent),
    /// A node begins a frame.
    Due(NodeIndex),
}

impl From<RadioEvent> for Event {
    fn from(event: RadioEvent) -> Self {
        Self::Radio(event)
    }
}

/// What one node offers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Offer {
    /// How its intervals are drawn.
    pub interval: Interval,
    /// Their mean, in seconds.
    pub mean_s: f64,
    /// Modulation of its frames.
    pub modulation: Modulation,
    /// Their length.
    pub phy_bytes: u8,
}

/// A fleet of transmitters.
pub struct Bare {
    kernel: Kernel<Event>,
    air: Air<Event>,
    nodes: Vec<(Offer, Source)>,
    channels_hz: Vec<u32>,
}

impl Bare {
    /// One node for each offer. Links must be for as many.
    ///
    /// # Panics
    /// When they are not, or when there is no channel.
    pub fn new(
        medium: MediumConfig,
        around: impl Into<Surroundings>,
        offers: &[Offer],
        channels_hz: &[u32],
    ) -> Self {
        let around = around.into();
        assert_eq!(around.links().nodes(), offers.len(), "one offer a node");
        assert!(!channels_hz.is_empty(), "a channel to send on");
        let kernel = Kernel::new();
        let air = Air::new(Medium::new(medium, around), kernel.scheduler());
        let source = |(node, offer): (u64, &Offer)| {
            (*offer, Source::new(offer.interval, offer.mean_s, medium.seed, node))
        };
        let mut nodes: Vec<_> = (0..).zip(offers).map(source).collect();
        for (index, (_, source)) in nodes.iter_mut().enumerate() {
            let due = Event::Due(NodeIndex(index as u32));
            kernel.scheduler().schedule(Instant::ZERO + source.first(), due);
        }
        Self { kernel, air, nodes, channels_hz: channels_hz.to_vec() }
    }

    /// Runs to the end; `progress` is told of virtual time a hundred times.
    pub fn run(mut self, length: Duration, progress: &mut dyn FnMut(Instant)) -> (Air<Event>, Timeline) {
        let mut timeline = Timeline::default();
        for at in Timeline::marks(length) {
            while let Some(wakeup) = self.kernel.step_until(at) {
                match wakeup {
                    Wakeup::Event(Event::Due(node)) => self.send(node),
                    // Nobody is behind the air: what was heard is in its books.
                    Wakeup::Event(Event::Radio(event)) => drop(self.air.handle(event)),
                    Wakeup::TaskRan(_) | Wakeup::TaskFinished(_) => {}
                }
            }
            timeline.mark(at, self.air.medium().log());
            progress(at);
        }
        (self.air, timeline)
    }

    fn send(&mut self, node: NodeIndex) {
        let (offer, source) = &mut self.nodes[node.0 as usize];
        let emission = Emission {
            frequency_hz: self.channels_hz[source.channel(self.channels_hz.len())],
            modulation: offer.modulation,
            power_dbm: POWER_DBM,
            phy: vec![0; offer.phy_bytes.into()],
        };
        let next = self.kernel.now() + source.next_interval();
        let end = self.air.begin_uplink(node, emission).expect("modems send SF7 to SF12 and 255 bytes");
        self.kernel.scheduler().schedule(next.max(end), Event::Due(node));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radio::{CollisionModel, Links};
    use crate::traffic::medium;

    fn run(interval: Interval, mean_s: f64, seed: u64) -> (Air<Event>, Timeline) {
        let modulation = Modulation::lorawan(12, 125_000);
        let offers = vec![Offer { interval, mean_s, modulation, phy_bytes: 20 }; 10];
        let links = Links::from_attenuation(1, &[100.0; 10]);
        let bare = Bare::new(medium(CollisionModel::Capture, seed), links, &offers, &[868_100_000]);
        bare.run(Duration::from_secs(10_000), &mut |_| {})
    }

    #[test]
    fn periodic_frames_are_counted_by_hand() {
        let (air, timeline) = run(Interval::Periodic, 100.0, 1);
        // A hundred each, and all have ended: the first one began within the first 100 s.
        let total = air.medium().log().uplinks().outcomes.total();
        assert!((990..=1_000).contains(&total), "{total}");
        assert_eq!(timeline.rows().len(), 100);
        assert_eq!(timeline.rows()[99].sent, total);
    }

    #[test]
    fn a_node_never_sends_twice_at_once() {
        // Frames of 1.32 s asked for every second: back to back, 10,000 s over the time on air each.
        let (air, _) = run(Interval::Poisson, 1.0, 1);
        let medium = air.medium();
        let longest = medium.log().node(NodeIndex(0)).airtime;
        assert!(
            longest <= Duration::from_secs(10_000) && longest > Duration::from_secs(6_000),
            "{longest:?}"
        );
    }

    #[test]
    fn the_same_seed_gives_the_same_trace() {
        let hash = |seed| run(Interval::Poisson, 50.0, seed).0.medium().log().trace_hash();
        assert_eq!(hash(1), hash(1));
        assert_ne!(hash(1), hash(2));
    }
}
