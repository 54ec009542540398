//! Charts of the air: the map with its links, and the time line of who sent when.
use super::Report;
use super::charts::{axis, causes, chart, label, point_marker, time_unit};
use super::palette::{BLACK, VERMILLION, look};
use crate::radio::records::Record;
use crate::radio::{Cause, GatewayIndex, NodeIndex, Outcome, Transmitter, Verdict};
use crate::summary::{NodeRecord, Position};
use plotly::common::{DashType, HoverInfo, Line, Marker, MarkerSymbol, Mode};
use plotly::layout::HoverMode;
use plotly::{Plot, Scatter};

/// More links than this hide the map.
pub const MOST_LINKS: usize = 1_000;
/// More frames than this are not shown at once.
pub const MOST_FRAMES: usize = 3_000;
/// More transmitters than this have no names on the axis.
const MOST_NAMES: usize = 40;
/// A node that loses more than this share of its frames is marked on the map.
const MARKED_LOSS: f64 = 0.1;

/// Links by the share of a node's frames that arrived over them: name, lowest share, and how the line is drawn.
const LINKS: [(&str, f64, DashType); 3] = [
    ("link, 90 % and more", 0.9, DashType::Solid),
    ("link, 50 to 90 %", 0.5, DashType::Dash),
    ("link, below 50 %", 0.0, DashType::Dot),
];

/// Where nodes and gateways stand, one colour and marker a spreading factor; the link of each node to the gateway that
/// received most of its frames; rings around nodes that lose many.
pub fn map(report: &Report) -> Plot {
    let metres = |title: &str| axis(title).zero_line(false);
    // One metre east is as long as one metre north.
    let north = metres("metres north").scale_anchor("x").scale_ratio(1.0);
    let mut plot = chart(metres("metres east"), north);
    add_links(&mut plot, report);
    let nodes = &report.run.nodes;
    for (index, spreading_factor) in (7..=12).enumerate() {
        let name = format!("node at SF{spreading_factor}");
        let marker = point_marker(&look(index), 10);
        add_nodes(
            &mut plot,
            &name,
            marker,
            nodes.iter().filter(|node| node.spreading_factor == spreading_factor),
        );
    }
    let ring = Marker::new().symbol(MarkerSymbol::CircleOpen).size(19).color(VERMILLION);
    let losing = nodes.iter().filter(|node| lost(node) as f64 > MARKED_LOSS * node.sent().frames as f64);
    add_nodes(&mut plot, "loses more than 10 % of its frames", ring, losing);
    let gateways: Vec<Position> = report.run.gateways.iter().map(|gateway| gateway.position).collect();
    let star = Marker::new().symbol(MarkerSymbol::Star).size(18).color(BLACK);
    plot.add_trace(scatter_places(&gateways).name("gateway").marker(star));
    let layout = plot.layout().clone().height(640).hover_mode(HoverMode::Closest);
    plot.set_layout(layout);
    plot
}

fn add_nodes<'a>(plot: &mut Plot, name: &str, marker: Marker, nodes: impl Iterator<Item = &'a NodeRecord>) {
    let text = |node: &NodeRecord| {
        format!(
            "{}: SF{}, {} frames, {} lost",
            label(node),
            node.spreading_factor,
            node.sent().frames,
            lost(node)
        )
    };
    let (places, names): (Vec<Position>, Vec<String>) = nodes.map(|node| (node.position, text(node))).unzip();
    if !places.is_empty() {
        plot.add_trace(scatter_places(&places).name(name).text_array(names).marker(marker));
    }
}

fn lost(node: &NodeRecord) -> u64 {
    causes().iter().map(|(_, count)| count(&node.lost)).sum()
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

/// Who sent when, and what became of it: a row a transmitter, a series an outcome.
pub fn timeline(report: &Report) -> Plot {
    let shown = &report.air.all()[busiest(report.air.all())];
    let (unit_s, unit) = time_unit(report.run.virtual_s);
    let mut plot = chart(axis(format!("virtual time ({unit})")), rows(report));
    for (series, (name, outcome)) in outcomes().into_iter().enumerate() {
        let frames: Vec<&Record> = shown.iter().filter(|record| record.outcome == outcome).collect();
        if !frames.is_empty() {
            plot.add_trace(lines(name, &frames, series, unit_s));
        }
    }
    let height = 160 + 18 * transmitters(report).clamp(15, 40);
    let layout = plot.layout().clone().height(height).hover_mode(HoverMode::Closest);
    plot.set_layout(layout);
    plot
}

/// What the time line shows, in words.
pub fn timeline_words(report: &Report) -> String {
    let all = report.air.all().len();
    let part = match all.checked_sub(MOST_FRAMES) {
        None | Some(0) => "every frame".to_owned(),
        Some(_) => {
            format!("{MOST_FRAMES} frames in a row out of {all}, those with most collisions among them")
        }
    };
    format!(
        "Shown is {part}: a mark where it begins and a line for as long as it lasts. Drag over a part to enlarge it, and \
         press twice to see all again. Gateways are rows 0 and below."
    )
}

/// Frames in a row that hold most collisions; the first of such where there are several.
fn busiest(records: &[Record]) -> std::ops::Range<usize> {
    let collided = |record: &Record| usize::from(record.outcome == Outcome::Lost(Cause::Collision));
    let length = records.len().min(MOST_FRAMES);
    let mut count: usize = records[..length].iter().map(collided).sum();
    let (mut best, mut most) = (0, count);
    for end in length..records.len() {
        count = count + collided(&records[end]) - collided(&records[end - length]);
        if count > most {
            (best, most) = (end + 1 - length, count);
        }
    }
    best..best + length
}

fn outcomes() -> [(&'static str, Outcome); 7] {
    [
        ("delivered", Outcome::Delivered),
        ("collision", Outcome::Lost(Cause::Collision)),
        ("too weak", Outcome::Lost(Cause::Sensitivity)),
        ("gateway was sending", Outcome::Lost(Cause::HalfDuplex)),
        ("no free demodulator", Outcome::Lost(Cause::NoDemodulator)),
        ("injected fault", Outcome::Lost(Cause::Injected)),
        ("no open window", Outcome::Unheard),
    ]
}

fn lines(
    name: &str,
    frames: &[&Record],
    series: usize,
    unit_s: f64,
) -> Box<Scatter<Option<f64>, Option<f64>>> {
    let (mut x, mut y, mut text) = (Vec::new(), Vec::new(), Vec::new());
    for record in frames {
        let (start, end) = (record.start.as_secs_f64(), (record.start + record.airtime).as_secs_f64());
        x.extend([Some(start / unit_s), Some(end / unit_s), None]);
        y.extend([Some(row(record.source)), Some(row(record.source)), None]);
        let words = format!(
            "SF{}, {:.1} MHz, {} B, {:.2} s",
            record.modulation.spreading_factor,
            f64::from(record.frequency_hz) / 1e6,
            record.phy_bytes,
            record.airtime.as_secs_f64()
        );
        text.extend([words, String::new(), String::new()]);
    }
    let look = look(series);
    let line = Line::new().color(look.colour).width(2.0);
    // Most frames arrive, and what did not is to be seen.
    let size = if series == 0 { 4 } else { 8 };
    let marker = Marker::new().color(look.colour).symbol(look.symbol).size(size);
    Scatter::new(x, y).name(name).mode(Mode::LinesMarkers).line(line).marker(marker).text_array(text)
}

/// Nodes from 1 on, gateways from 0 down.
fn row(source: Transmitter) -> f64 {
    match source {
        Transmitter::Node(NodeIndex(node)) => f64::from(node) + 1.0,
        Transmitter::Gateway(GatewayIndex(gateway)) => -f64::from(gateway),
    }
}

fn transmitters(report: &Report) -> usize {
    report.run.nodes.len() + report.run.gateways.len()
}

fn rows(report: &Report) -> plotly::layout::Axis {
    let rows = axis("transmitter").zero_line(false);
    if transmitters(report) > MOST_NAMES {
        return rows;
    }
    let nodes = (0..)
        .zip(&report.run.nodes)
        .map(|(index, node)| (row(Transmitter::Node(NodeIndex(index))), label(node)));
    let gateway = |index| row(Transmitter::Gateway(GatewayIndex(index)));
    let gateways =
        (0..report.run.gateways.len() as u16).map(|index| (gateway(index), format!("gateway {}", index + 1)));
    let (values, names): (Vec<f64>, Vec<String>) = nodes.chain(gateways).unzip();
    rows.tick_values(values).tick_text(names)
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
    fn a_long_run_is_shown_where_it_collides_most() {
        let air = sample::air();
        let record = |outcome| {
            let mut record = air.all()[0].clone();
            record.outcome = outcome;
            record
        };
        let delivered = record(Outcome::Delivered);
        let mut records = vec![delivered; 4 * MOST_FRAMES];
        for index in [10, 2 * MOST_FRAMES + 5, 3 * MOST_FRAMES + 4] {
            records[index] = record(Outcome::Lost(Cause::Collision));
        }
        assert_eq!(busiest(&records), 2 * MOST_FRAMES + 5..3 * MOST_FRAMES + 5);
        assert_eq!(busiest(&records[..100]), 0..100);
        assert_eq!(busiest(&[]), 0..0);
    }

    #[test]
    fn the_time_line_has_a_series_for_each_outcome_that_came() {
        let json = sample::with_report(timeline).to_json();
        for (name, there) in [("\"delivered\"", true), ("\"collision\"", true), ("\"too weak\"", false)] {
            assert_eq!(json.contains(name), there, "{name}");
        }
        assert!(json.contains("gateway 1"));
        assert!(sample::with_report(timeline_words).contains("Shown is every frame"));
    }

    #[test]
    fn the_map_marks_links_and_losses() {
        let json = sample::with_report(map).to_json();
        for name in ["link, 90 % and more", "loses more than 10 %", "node at SF9"] {
            assert!(json.contains(name), "{name}");
        }
    }
}
