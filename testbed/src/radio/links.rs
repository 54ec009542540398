//! The attenuation between every node and every gateway.
use super::geometry::Position;
use super::propagation::Propagation;
use super::{GatewayIndex, NodeIndex};

/// Received power in both forms: decibels for thresholds, milliwatts for sums.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReceivedPower {
    /// In dBm.
    pub dbm: f64,
    /// In mW.
    pub mw: f64,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    attenuation_db: f64,
    /// The same as a factor.
    gain: f64,
}

impl Link {
    fn new(attenuation_db: f64) -> Self {
        Self { attenuation_db, gain: ratio(-attenuation_db) }
    }
}

fn ratio(decibel: f64) -> f64 {
    libm::pow(10.0, decibel / 10.0)
}

/// The links of a run. The same in both directions.
#[derive(Clone, Debug)]
pub struct Links {
    nodes: usize,
    gateways: usize,
    /// Row by row: all gateways of node 0, of node 1, and so on.
    links: Vec<Link>,
    /// Milliwatts of every whole dBm from -128 to 127.
    power_mw: Vec<f64>,
}

impl Links {
    /// Links between stations at these places.
    pub fn new(nodes: &[Position], gateways: &[Position], propagation: &Propagation) -> Self {
        let mut attenuation_db = Vec::with_capacity(nodes.len() * gateways.len());
        for (n, node) in nodes.iter().enumerate() {
            for (g, gateway) in gateways.iter().enumerate() {
                attenuation_db.push(propagation.link_db(n, *node, g, *gateway));
            }
        }
        Self::from_attenuation(gateways.len(), &attenuation_db)
    }

    /// Links with given attenuation in dB: all gateways of node 0, of node 1, and so on.
    ///
    /// # Panics
    /// When that is not a whole number of nodes.
    pub fn from_attenuation(gateways: usize, attenuation_db: &[f64]) -> Self {
        assert!(attenuation_db.len().is_multiple_of(gateways), "one attenuation a node and gateway");
        let links = attenuation_db.iter().copied().map(Link::new).collect();
        let power_mw = (i8::MIN..=i8::MAX).map(|dbm| ratio(f64::from(dbm))).collect();
        Self { nodes: attenuation_db.len() / gateways, gateways, links, power_mw }
    }

    /// How many nodes there are.
    pub const fn nodes(&self) -> usize {
        self.nodes
    }

    /// How many gateways there are.
    pub const fn gateways(&self) -> usize {
        self.gateways
    }

    /// Gives a link another attenuation, in dB: one of its ends has moved.
    pub(super) fn set(&mut self, node: NodeIndex, gateway: GatewayIndex, attenuation_db: f64) {
        self.links[node.0 as usize * self.gateways + gateway.0 as usize] = Link::new(attenuation_db);
    }

    /// The power at one end when the other transmits with `power_dbm`.
    pub fn received(&self, node: NodeIndex, gateway: GatewayIndex, power_dbm: i8) -> ReceivedPower {
        let link = self.links[node.0 as usize * self.gateways + gateway.0 as usize];
        let sent_mw = self.power_mw[(i16::from(power_dbm) - i16::from(i8::MIN)) as usize];
        ReceivedPower { dbm: f64::from(power_dbm) - link.attenuation_db, mw: sent_mw * link.gain }
    }

    /// The power at the gateway that hears a node best, in dBm.
    pub fn best_rssi_dbm(&self, node: NodeIndex, power_dbm: i8) -> f64 {
        (0..self.gateways)
            .map(|gateway| self.received(node, GatewayIndex(gateway as u16), power_dbm).dbm)
            .fold(f64::NEG_INFINITY, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radio::PathLoss;
    use crate::radio::geometry::{gateways_in_disc, nodes_in_disc};
    use crate::radio::shadowing::Shadowing;

    #[test]
    fn both_forms_of_power_agree() {
        let links = Links::from_attenuation(2, &[100.0, 90.0]);
        let power = links.received(NodeIndex(0), GatewayIndex(0), 14);
        assert_eq!(power.dbm, -86.0);
        assert!((power.mw / ratio(-86.0) - 1.0).abs() < 1e-12);
        assert_eq!(links.best_rssi_dbm(NodeIndex(0), 14), -76.0);
        assert_eq!((links.nodes(), links.gateways()), (1, 2));
    }

    #[test]
    fn shadowing_scatters_links_by_its_deviation() {
        let (nodes, gateways) = (nodes_in_disc(3_000, 2_000.0, 1), gateways_in_disc(1, 2_000.0));
        let links = |shadowing_db| {
            let shadowing = Shadowing::new(shadowing_db, 0.0, gateways.len(), 1);
            let propagation = Propagation { shadowing, ..Propagation::clear(PathLoss::OULU) };
            Links::new(&nodes, &gateways, &propagation)
        };
        let (clear, shadowed) = (links(0.0), links(7.8));
        let difference = |n| clear.best_rssi_dbm(NodeIndex(n), 14) - shadowed.best_rssi_dbm(NodeIndex(n), 14);
        let variance = (0..3_000).map(|n| difference(n) * difference(n)).sum::<f64>() / 3_000.0;
        assert!((libm::sqrt(variance) - 7.8).abs() < 0.3);
    }
}
