//! The map of a run: who stands where, which links carried frames, and who lost many.
use super::Report;
use super::charts::{axis, chart, label, lost, point_marker};
use super::palette::{BLACK, VERMILLION, look};
use crate::radio::{NodeIndex, Transmitter, Verdict};
use crate::summary::{LinkKind, NodeRecord, Position};
use plotly::common::{DashType, HoverInfo, Line, Marker, MarkerSymbol, Mode};
use plotly::layout::HoverMode;
use plotly::{Plot, Scatter};

/// More links than this hide the map.
pub(super) const MOST_LINKS: usize = 300;
/// More rings than this would hide the nodes.
const MOST_RINGS: usize = 2_000;
/// A node that loses more than this share of its frames is marked on the map.
const MARKED_LOSS: f64 = 0.1;

/// Links by the share of a node's frames that arrived over them: name, lowest share, and how the line is drawn.
const LINKS: [(&str, f64, DashType); 3] = [
    ("link, 90 % and more", 0.9, DashType::Solid),
    ("link, 50 to 90 %", 0.5, DashType::Dash),
    ("link, below 50 %", 0.0, DashType::Dot),
];

/// How large nodes are drawn, in pixels, so that a large fleet leaves gaps: marker, and ring around it.
const fn sizes(nodes: usize) -> (usize, usize) {
    if nodes <= MOST_LINKS {
        (10, 19)
    } else if nodes <= MOST_RINGS {
        (6, 11)
    } else {
        (4, 0)
    }
}

/// Where nodes and gateways stand, one colour and marker a spreading factor; the link of each node to the gateway that
/// received most of its frames; rings around nodes that lose many.
pub fn map(report: &Report) -> Plot {
    let metres = |title: &str| axis(title).zero_line(false);
    // One metre east is as long as one metre north.
    let north = metres("metres north").scale_anchor("x").scale_ratio(1.0);
    let mut plot = chart(metres("metres east"), north);
    add_links(&mut plot, report);
    let nodes = &report.run.nodes;
    let (node_size, ring_size) = sizes(nodes.len());
    for (index, spreading_factor) in (7..=12).enumerate() {
        let name = format!("node at SF{spreading_factor}");
        let marker = point_marker(&look(index), node_size);
        // An outline as wide as the marker would leave no colour.
        let outline = Line::new().color(BLACK).width(if node_size < 10 { 0.3 } else { 1.0 });
        let marker = marker.line(outline);
        add_nodes(
            &mut plot,
            &name,
            marker,
            nodes.iter().filter(|node| node.spreading_factor == spreading_factor),
        );
    }
    let over_ble = nodes.iter().filter(|node| node.link == LinkKind::Ble);
    add_nodes(&mut plot, "node over BLE", point_marker(&look(6), node_size), over_ble);
    if nodes.len() <= MOST_RINGS {
        add_rings(&mut plot, nodes, ring_size);
    }
    add_others(&mut plot, report);
    let layout = plot.layout().clone().height(640).hover_mode(HoverMode::Closest);
    plot.set_layout(layout);
    plot
}

/// Around nodes that lose many of their frames.
fn add_rings(plot: &mut Plot, nodes: &[NodeRecord], size: usize) {
    let ring = Marker::new().symbol(MarkerSymbol::CircleOpen).size(size).color(VERMILLION);
    let losing = nodes.iter().filter(|node| lost(node) as f64 > MARKED_LOSS * node.sent().frames as f64);
    add_nodes(plot, "loses more than 10 % of its frames", ring, losing);
}

/// Gateways, and transmitters that are no part of the network.
fn add_others(plot: &mut Plot, report: &Report) {
    let gateways: Vec<Position> = report.run.gateways.iter().map(|gateway| gateway.position).collect();
    let star = Marker::new().symbol(MarkerSymbol::Star).size(18).color(BLACK);
    plot.add_trace(scatter_places(&gateways).name("gateway").marker(star));
    let interferers: Vec<Position> =
        report.scenario.radio.interferers.iter().map(|interferer| interferer.at).collect();
    if !interferers.is_empty() {
        let cross = Marker::new().symbol(MarkerSymbol::AsteriskOpen).size(16).color(BLACK);
        plot.add_trace(scatter_places(&interferers).name("interferer").marker(cross));
    }
}

fn add_nodes<'a>(plot: &mut Plot, name: &str, marker: Marker, nodes: impl Iterator<Item = &'a NodeRecord>) {
    let text = |node: &NodeRecord| {
        let over = match node.link {
            LinkKind::Lorawan => format!("SF{}", node.spreading_factor),
            LinkKind::Ble => "BLE".into(),
        };
        format!("{}: {over}, {} frames, {} lost", label(node), node.sent().frames, lost(node))
    };
    let (places, names): (Vec<Position>, Vec<String>) = nodes.map(|node| (node.position, text(node))).unzip();
    if !places.is_empty() {
        plot.add_trace(scatter_places(&places).name(name).text_array(names).marker(marker));
    }
}

fn scatter_places(places: &[Position]) -> Box<Scatter<f64, f64>> {
    let (x, y) = places.iter().map(|place| (place.x_m, place.y_m)).unzip();
    Scatter::new(x, y).mode(Mode::Markers)
}

/// Of every node the gateway that received most of its frames, and the share of them; `None` when none did.
fn best_links(report: &Report) -> Vec<Option<(usize, f64)>> {
    let gateways = report.run.gateways.len();
    let mut received = vec![vec![0u64; gateways]; report.run.nodes.len()];
    let mut sent = vec![0u64; report.run.nodes.len()];
    for record in report.air.all() {
        let Transmitter::Node(NodeIndex(node)) = record.source else { continue };
        let Some(counts) = received.get_mut(node as usize) else { continue };
        sent[node as usize] += 1;
        for (count, verdict) in counts.iter_mut().zip(report.air.verdicts(record)) {
            *count += u64::from(matches!(verdict, Verdict::Delivered { .. }));
        }
    }
    let best = |(counts, sent): (Vec<u64>, u64)| {
        let (gateway, count) = counts.into_iter().enumerate().rev().max_by_key(|(_, count)| *count)?;
        (count > 0).then(|| (gateway, count as f64 / sent as f64))
    };
    received.into_iter().zip(sent).map(best).collect()
}

fn add_links(plot: &mut Plot, report: &Report) {
    if report.run.nodes.len() > MOST_LINKS {
        return;
    }
    let links = best_links(report);
    let mut highest = f64::INFINITY;
    for (name, lowest, dash) in LINKS {
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for (node, link) in report.run.nodes.iter().zip(&links) {
            let Some((gateway, share)) = *link else { continue };
            if (lowest..highest).contains(&share) {
                let ends = [node.position, report.run.gateways[gateway].position];
                x.extend(ends.map(|end| Some(end.x_m)).into_iter().chain([None]));
                y.extend(ends.map(|end| Some(end.y_m)).into_iter().chain([None]));
            }
        }
        highest = lowest;
        if !x.is_empty() {
            let line = Line::new().color("#777777").width(1.0).dash(dash);
            let lines = Scatter::new(x, y).name(name).mode(Mode::Lines).line(line);
            plot.add_trace(lines.hover_info(HoverInfo::Skip));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_link_is_to_the_gateway_that_received_most() {
        let links = sample::with_report(best_links);
        assert_eq!(links.len(), 20);
        // Of the ten frames of node 9 every one is the tenth, and lost; of those of node 0 none is.
        assert_eq!((links[0], links[9], links[19]), (Some((0, 1.0)), None, None));
    }

    #[test]
    fn the_map_marks_links_and_losses() {
        let json = sample::with_report(map).to_json();
        for name in ["link, 90 % and more", "loses more than 10 %", "node at SF9"] {
            assert!(json.contains(name), "{name}");
        }
        assert!(!json.contains("\"interferer\""));
    }

    #[test]
    fn nodes_are_the_smaller_the_more_there_are() {
        assert_eq!([20, 300, 301, 10_000].map(sizes), [(10, 19), (10, 19), (6, 11), (4, 0)]);
    }
}
