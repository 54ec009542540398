//! The time line of the air: who sent when, and what became of it.
use super::Report;
use super::charts::{axis, chart, label, time_unit};
use super::palette::{BLACK, look};
use crate::radio::records::Record;
use crate::radio::{Cause, GatewayIndex, NodeIndex, Outcome, Transmitter};
use plotly::common::{Line, Marker, Mode};
use plotly::layout::{Axis, HoverMode};
use plotly::{Plot, Scatter};

/// More frames than this are not shown at once.
const MOST_FRAMES: usize = 3_000;
/// More transmitters than this have no names on the axis.
const MOST_NAMES: usize = 40;

/// Who sent when, and what became of it: a row a transmitter, a series an outcome.
pub fn chart_of(report: &Report) -> Plot {
    let shown = &report.air.all()[busiest(report.air.all())];
    // Of what is shown: a busy fleet fills the picture within a minute.
    let (unit_s, unit) = time_unit(span_s(shown));
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
pub fn words(report: &Report) -> String {
    let all = report.air.all().len();
    let shown = match all.checked_sub(MOST_FRAMES) {
        None | Some(0) => "Shown is every frame".to_owned(),
        Some(_) => {
            format!("Shown are {MOST_FRAMES} of {all} frames, in a row, with most collisions among them")
        }
    };
    format!(
        "{shown}: a mark where a frame begins, and a line for as long as it lasts. Drag over a part to enlarge it, and \
         press twice to see all again. Gateways are rows 0 and below.{}",
        if report.run.ble.is_some() { " BLE is not shown." } else { "" }
    )
}

/// From the first of them to the last.
fn span_s(records: &[Record]) -> f64 {
    match (records.first(), records.last()) {
        (Some(first), Some(last)) => (last.start - first.start).as_secs_f64(),
        _ => 0.0,
    }
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

fn outcomes() -> [(&'static str, Outcome); 9] {
    [
        ("delivered", Outcome::Delivered),
        ("collision", Outcome::Lost(Cause::Collision)),
        ("too weak", Outcome::Lost(Cause::Sensitivity)),
        ("gateway was sending", Outcome::Lost(Cause::HalfDuplex)),
        ("no free demodulator", Outcome::Lost(Cause::NoDemodulator)),
        ("interferer", Outcome::Lost(Cause::Interference)),
        ("channel not heard", Outcome::Lost(Cause::OffChannel)),
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
    let marker = if series == 0 { marker } else { marker.line(Line::new().color(BLACK).width(0.5)) };
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

fn rows(report: &Report) -> Axis {
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
    fn the_span_is_from_first_to_last() {
        let air = sample::air();
        assert_eq!((span_s(air.all()), span_s(&air.all()[..1]), span_s(&[])), (79_605.0, 0.0, 0.0));
    }

    #[test]
    fn the_time_line_has_a_series_for_each_outcome_that_came() {
        let json = sample::with_report(chart_of).to_json();
        for (name, there) in [("\"delivered\"", true), ("\"collision\"", true), ("\"too weak\"", false)] {
            assert_eq!(json.contains(name), there, "{name}");
        }
        assert!(json.contains("gateway 1"));
        assert!(json.contains("virtual time (hours)"));
        assert!(sample::with_report(words).contains("Shown is every frame"));
    }
}
