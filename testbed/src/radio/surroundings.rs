//! What lies between stations and what surrounds them: links, fading, interferers, and nodes that move.
use super::collision::{Collisions, Interference};
use super::fading::{Fading, FadingModel};
use super::geometry::Position;
use super::interferers::{Interferer, Source, Target, received};
use super::links::{Links, ReceivedPower};
use super::propagation::Propagation;
use super::tracks::Tracks;
use super::{GatewayIndex, NodeIndex};
use chirrup_protocol::seal::Direction;
use chirrup_protocol::time::Instant;

/// Where everything stands, and what a link loses on its way.
#[derive(Clone, Debug)]
pub struct Terrain {
    /// What links lose.
    pub propagation: Propagation,
    /// Where nodes stand at the beginning.
    pub nodes: Vec<Position>,
    /// Where gateways stand.
    pub gateways: Vec<Position>,
    /// Which nodes move, and how.
    pub tracks: Option<Tracks>,
}

impl Terrain {
    /// Nodes and gateways that stay where they are.
    pub const fn new(propagation: Propagation, nodes: Vec<Position>, gateways: Vec<Position>) -> Self {
        Self { propagation, nodes, gateways, tracks: None }
    }

    fn sources(&self, interferers: &[Interferer], seed: u64) -> Vec<Source> {
        let source = |(index, interferer): (usize, &Interferer)| {
            let to = |(gateway, at): (usize, &Position)| {
                self.propagation.interferer_to_gateway_db(index, interferer.at, gateway, *at)
            };
            let attenuation_db: Vec<_> = self.gateways.iter().enumerate().map(to).collect();
            Source::new(index, *interferer, &attenuation_db, seed)
        };
        interferers.iter().enumerate().map(source).collect()
    }
}

/// The surroundings of a run.
#[derive(Clone, Debug)]
pub struct Surroundings {
    links: Links,
    fading: Fading,
    sources: Vec<Source>,
    /// Needed where something moves or interferes.
    terrain: Option<Terrain>,
}

impl From<Links> for Surroundings {
    /// Links alone: nothing fades, moves or interferes.
    fn from(links: Links) -> Self {
        let fading = Fading::new(FadingModel::None, 0);
        Self { links, fading, sources: Vec::new(), terrain: None }
    }
}

impl Surroundings {
    /// Over a terrain.
    pub fn new(terrain: Terrain, fading: Fading, interferers: &[Interferer], seed: u64) -> Self {
        let links = Links::new(&terrain.nodes, &terrain.gateways, &terrain.propagation);
        let sources = terrain.sources(interferers, seed);
        Self { links, fading, sources, terrain: Some(terrain) }
    }

    /// The same with fading.
    #[must_use]
    pub const fn with_fading(mut self, fading: Fading) -> Self {
        self.fading = fading;
        self
    }

    /// The mean links at the time of each node's last frame.
    pub const fn links(&self) -> &Links {
        &self.links
    }

    /// Puts a node where it is now.
    pub(super) fn follow(&mut self, node: NodeIndex, now: Instant) {
        let Some(terrain) = &mut self.terrain else { return };
        let Some(at) = terrain.tracks.as_ref().and_then(|tracks| tracks.position(node, now)) else { return };
        let index = node.0 as usize;
        terrain.nodes[index] = at;
        for (gateway, gateway_at) in terrain.gateways.iter().enumerate() {
            let attenuation_db = terrain.propagation.link_db(index, at, gateway, *gateway_at);
            self.links.set(node, GatewayIndex(gateway as u16), attenuation_db);
        }
    }

    /// The power at one end of a link when the other begins to transmit at `start`.
    pub(super) fn received(
        &self,
        direction: Direction,
        start: Instant,
        node: NodeIndex,
        gateway: GatewayIndex,
        power_dbm: i8,
    ) -> ReceivedPower {
        let mean = self.links.received(node, gateway, power_dbm);
        self.fading.frame(direction, start, node, gateway, mean)
    }

    /// Enters what interferers do to a frame at a gateway; returns the noise that they add, in mW.
    pub(super) fn disturb_uplink(
        &self,
        gateway: usize,
        target: &Target<'_>,
        collisions: &Collisions,
        interference: &mut Interference,
    ) -> f64 {
        let disturb =
            |source: &Source| source.disturb(source.at_gateway(gateway), target, collisions, interference);
        self.sources.iter().map(disturb).sum()
    }

    /// The same at a node.
    pub(super) fn disturb_downlink(
        &self,
        node: NodeIndex,
        target: &Target<'_>,
        collisions: &Collisions,
        interference: &mut Interference,
    ) -> f64 {
        let Some(terrain) = &self.terrain else { return 0.0 };
        let node_at = terrain.nodes[node.0 as usize];
        let disturb = |source: &Source| {
            let Interferer { at, power_dbm, .. } = source.interferer;
            let power = received(power_dbm - terrain.propagation.interferer_to_node_db(at, node_at));
            source.disturb(power, target, collisions, interference)
        };
        self.sources.iter().map(disturb).sum()
    }
}
