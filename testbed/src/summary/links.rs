//! The two kinds of link apart, in a run that has both.
use super::{NodeRecord, RunRecord, Sent, ratio};
use serde::Serialize;

/// What carries a node's frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkKind {
    /// LoRaWAN.
    #[default]
    Lorawan,
    /// BLE.
    Ble,
}

/// What was on the air of BLE, over all nodes and gateways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct BleTotals {
    /// Advertisements sent, one a channel.
    pub advertisements: u64,
    /// Connections that were established.
    pub connections: u64,
    /// Connections that broke off, those that the end of the run cuts included.
    pub broken: u64,
    /// Data PDUs of nodes, empty ones and repetitions included.
    pub pdus: u64,
    /// Those that had been sent before.
    pub repeated: u64,
    /// Time on the air of gateways, in seconds.
    #[serde(skip)]
    pub gateway_airtime_s: f64,
}

/// Nodes of both links.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Links {
    /// Those that speak LoRaWAN.
    pub lorawan: LinkFigures,
    /// Those that speak BLE.
    pub ble: BleFigures,
}

/// Nodes of one link.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LinkFigures {
    /// How many.
    pub nodes: usize,
    /// Frames up, repetitions included.
    pub frames: u64,
    /// Application bytes up.
    pub payload_bytes: u64,
    /// Time on the air of nodes, in seconds.
    pub airtime_s: f64,
    /// Energy of nodes' radios, in millijoules.
    pub energy_mj: f64,
    /// Years until the batteries are empty, mean.
    pub battery_years: f64,
    /// Contributions that the aggregator accepted.
    pub contributions_accepted: u64,
    /// Time on the air of gateways, in seconds.
    pub downlink_airtime_s: f64,
}

/// Nodes that speak BLE.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BleFigures {
    /// What they have in common with the others.
    #[serde(flatten)]
    pub figures: LinkFigures,
    /// What was on the air.
    #[serde(flatten)]
    pub totals: BleTotals,
}

impl LinkFigures {
    fn of(nodes: &[NodeRecord], link: LinkKind, downlink_airtime_s: f64) -> Self {
        let all = || nodes.iter().filter(|node| node.link == link);
        let sent = all().fold(Sent::default(), |sum, node| sum + node.sent());
        let count = all().count();
        Self {
            nodes: count,
            frames: sent.frames,
            payload_bytes: sent.payload_bytes,
            airtime_s: sent.airtime_s,
            energy_mj: sent.energy_mj,
            battery_years: ratio(all().map(|node| node.battery_years).sum(), count as f64),
            contributions_accepted: all().map(|node| node.contributions_accepted).sum(),
            downlink_airtime_s,
        }
    }
}

impl Links {
    /// Those of a run; `None` of one without BLE.
    pub fn of(run: &RunRecord) -> Option<Self> {
        let totals = run.ble?;
        let lorawan_s = run.gateways.iter().map(|gateway| gateway.downlink_airtime_s).sum();
        Some(Self {
            lorawan: LinkFigures::of(&run.nodes, LinkKind::Lorawan, lorawan_s),
            ble: BleFigures {
                figures: LinkFigures::of(&run.nodes, LinkKind::Ble, totals.gateway_airtime_s),
                totals,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn each_node_counts_for_its_link() {
        let mut run = sample::run();
        assert_eq!(Links::of(&run), None);
        assert!(!sample::summary(&run).to_json().contains("\"links\""));
        let all: u64 = run.nodes.iter().map(|node| node.sent().frames).sum();
        run.nodes[..5].iter_mut().for_each(|node| node.link = LinkKind::Ble);
        run.ble = Some(BleTotals { pdus: 70, gateway_airtime_s: 2.0, ..BleTotals::default() });
        let links = Links::of(&run).unwrap();
        assert_eq!((links.lorawan.nodes, links.ble.figures.nodes), (15, 5));
        assert_eq!(links.lorawan.frames + links.ble.figures.frames, all);
        assert_eq!((links.lorawan.downlink_airtime_s, links.ble.figures.downlink_airtime_s), (95.0, 2.0));
        let json: serde_json::Value = serde_json::from_str(&sample::summary(&run).to_json()).unwrap();
        assert_eq!(json["links"]["ble"]["pdus"], 70);
        assert_eq!(json["links"]["ble"]["nodes"], 5);
        assert_eq!(json["links"]["lorawan"]["nodes"], 15);
    }
}
