//! Many nodes that send at random times, with the radio alone.
use crate::radio::outcome::Outcomes;
use crate::radio::{CollisionModel, Links, NodeIndex};
use crate::scenario::Interval;
use crate::traffic::bare::{Bare, Offer};
use crate::traffic::medium;
use chirrup_protocol::airtime::{Modulation, frame_airtime};
use chirrup_protocol::time::Duration;

/// Nodes that are alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Group {
    /// How many.
    pub nodes: usize,
    /// What all of them together offer: time on air over time.
    pub load: f64,
    /// Modulation of their frames.
    pub modulation: Modulation,
    /// Length of their frames.
    pub phy_bytes: u8,
}

impl Group {
    /// Time on air of one frame, in seconds.
    pub fn airtime_s(&self) -> f64 {
        frame_airtime(self.modulation, self.phy_bytes.into()).as_secs_f64()
    }

    /// How long it takes to send this many frames, in seconds.
    pub fn length_s(&self, frames: u64) -> f64 {
        frames as f64 * self.airtime_s() / self.load
    }

    fn offer(&self) -> Offer {
        let mean_s = self.nodes as f64 * self.airtime_s() / self.load;
        let Self { modulation, phy_bytes, .. } = *self;
        Offer { interval: Interval::Poisson, mean_s, modulation, phy_bytes }
    }
}

/// What became of the frames of each group. Links are for all nodes, group by group.
pub fn outcomes(
    model: CollisionModel,
    groups: &[Group],
    links: Links,
    length_s: f64,
    seed: u64,
) -> Vec<Outcomes> {
    let config = medium(model, seed);
    let offers: Vec<Offer> = groups.iter().flat_map(|group| vec![group.offer(); group.nodes]).collect();
    let bare = Bare::new(config, links, &offers, &[868_100_000]);
    let (air, _) = bare.run(Duration::from_micros((length_s * 1e6) as u64), &mut |_| {});
    let medium = air.medium();
    let mut first = 0;
    let mut of_group = |group: &Group| {
        let mut sum = Outcomes::default();
        for node in first..first + group.nodes {
            sum += medium.log().node(NodeIndex(node as u32)).outcomes;
        }
        first += group.nodes;
        sum
    };
    groups.iter().map(&mut of_group).collect()
}

/// Delivered over sent.
pub fn delivery(outcomes: &Outcomes) -> f64 {
    outcomes.delivered as f64 / outcomes.total().max(1) as f64
}
