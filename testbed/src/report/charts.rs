//! The charts of a report. Each function turns a part of the record into one [`Plot`].
use super::Report;
use super::palette::{BLACK, Look, look};
use super::tables::escape;
use crate::summary::{Losses, NodeRecord, VersionRecord};
use plotly::common::{
    ExponentFormat, Line, LineShape, Marker, Mode, Orientation, Pattern, PatternFillMode, Title,
};
use plotly::configuration::DisplayModeBar;
use plotly::layout::{Axis, AxisType, BarMode, HoverMode, Layout, Legend, Margin, TraceOrder};
use plotly::{Bar, Configuration, Plot, Scatter};

/// The one cause that only a downlink can have.
const NO_WINDOW: &str = "no open window";

/// More bars than this are not readable; then nodes are sorted and every n-th is shown.
const MOST_BARS: usize = 200;

/// Accuracy over virtual time, of nodes and of the newest version, with the baselines as lines.
pub fn accuracy_over_time(report: &Report) -> Plot {
    let (unit_s, unit) = time_unit(report.run.virtual_s);
    let times: Vec<f64> = report.run.course.iter().map(|entry| entry.at_s / unit_s).collect();
    let mut plot = chart(axis(format!("virtual time ({unit})")), percent_axis("accuracy"));
    plot.add_trace(steps("nodes, mean", times.clone(), held(report)));
    plot.add_trace(newest(times, report));
    add_baselines(&mut plot, report, report.run.virtual_s / unit_s);
    plot
}

/// Accuracy over the airtime that it took, mean of nodes.
pub fn accuracy_over_airtime(report: &Report) -> Plot {
    accuracy_over(report, "uplink airtime a node (s, mean)", |entry| entry.uplink_airtime_s)
}

/// The same over the energy that nodes had spent on sending.
pub fn accuracy_over_energy(report: &Report) -> Plot {
    accuracy_over(report, "energy for sending a node (J, mean)", |entry| entry.uplink_energy_mj / 1_000.0)
}

/// Accuracy over what all nodes together had spent by then, mean of nodes.
fn accuracy_over(report: &Report, title: &str, spent: impl Fn(&VersionRecord) -> f64) -> Plot {
    let nodes = report.run.nodes.len().max(1) as f64;
    let spent: Vec<f64> = report.run.course.iter().map(|entry| spent(entry) / nodes).collect();
    let end = spent.last().copied().unwrap_or(0.0).max(1e-3);
    let mut plot = chart(axis(title), percent_axis("accuracy"));
    plot.add_trace(steps("nodes, mean", spent.clone(), held(report)));
    plot.add_trace(newest(spent, report));
    add_baselines(&mut plot, report, end);
    plot
}

/// Accuracy over bytes, with what other ways of reaching it would have cost.
pub fn accuracy_over_bytes(report: &Report) -> Plot {
    let nodes = report.run.nodes.len().max(1) as f64;
    let sent = report.run.course.iter().filter(|entry| entry.uplink_phy_bytes > 0);
    let bytes = sent.clone().map(|entry| entry.uplink_phy_bytes as f64 / nodes).collect();
    let accuracy = sent.map(|entry| 100.0 * entry.held).collect();
    let x = axis("bytes on the air a node (mean)").type_(AxisType::Log).dtick(1.0);
    let mut plot = chart(x, percent_axis("accuracy"));
    plot.add_trace(steps("nodes, mean", bytes, accuracy));
    let baselines = &report.summary.baselines;
    let points = [
        ("all samples, coded", Some(baselines.raw_data.bytes_per_node), baselines.raw_data.accuracy),
        ("smallest subset of samples", baselines.raw_subset.bytes_per_node, baselines.raw_subset.accuracy),
        ("FedAvg, whole f32 models", baselines.fedavg_fp32.bytes_per_node, baselines.fedavg_fp32.accuracy),
    ];
    for (index, (name, bytes, accuracy)) in points.into_iter().enumerate() {
        if let Some(bytes) = bytes {
            let marker = point_marker(&look(index + 1), 13);
            let point =
                Scatter::new(vec![bytes as f64], vec![100.0 * accuracy]).name(name).mode(Mode::Markers);
            plot.add_trace(point.marker(marker));
        }
    }
    plot
}

/// Airtime of every node, contributions and control apart.
pub fn airtime(report: &Report) -> Plot {
    let shown = Shown::of(&report.run.nodes);
    let mut plot = chart(shown.axis(), axis("uplink airtime (s)"));
    let contribution = shown.values(|node| node.contribution.airtime_s);
    let control = shown.values(|node| node.control.airtime_s);
    plot.add_trace(bars("contributions", &shown.labels, contribution, 0));
    plot.add_trace(bars("joins, polls, status", &shown.labels, control, 1));
    stacked(plot)
}

/// Worst hour of every transmitter, in per cent of what it may use.
pub fn duty_cycle(report: &Report) -> Plot {
    let shown = Shown::of(&report.run.nodes);
    let everyone = format!("{}, and gateways", shown.title);
    let mut plot = chart(shown.axis_named(&everyone), axis("used of the allowed airtime (%)"));
    let nodes = shown.values(|node| 100.0 * node.duty_worst_ratio);
    plot.add_trace(bars("nodes", &shown.labels, nodes, 0));
    let gateways = &report.run.gateways;
    let names: Vec<String> = (1..=gateways.len()).map(|number| format!("gateway {number}")).collect();
    let ratios = gateways.iter().map(|gateway| 100.0 * gateway.duty_worst_ratio).collect();
    plot.add_trace(bars("gateways", &names, ratios, 1));
    let all: Vec<String> = shown.labels.iter().chain(&names).cloned().collect();
    let limit = vec![100.0; all.len()];
    let line = Line::new().color(BLACK).dash(look(1).dash).width(2.0);
    plot.add_trace(Scatter::new(all, limit).name("limit").mode(Mode::Lines).line(line));
    stacked(plot)
}

/// Years until the battery of every node is empty.
pub fn battery(report: &Report) -> Plot {
    let shown = Shown::of(&report.run.nodes);
    let mut plot = chart(shown.axis(), axis("battery lasts (years)"));
    plot.add_trace(bars("nodes", &shown.labels, shown.values(|node| node.battery_years), 0));
    plot
}

/// Uplinks of every node that no gateway received, by cause.
pub fn losses(report: &Report) -> Plot {
    let shown = Shown::of(&report.run.nodes);
    let mut plot = chart(shown.axis(), axis("uplink frames lost"));
    let uplink_causes = causes().into_iter().filter(|(name, _)| *name != NO_WINDOW);
    for (index, (name, count)) in uplink_causes.enumerate() {
        if report.run.nodes.iter().all(|node| count(&node.lost) == 0) {
            continue;
        }
        plot.add_trace(bars(name, &shown.labels, shown.values(|node| count(&node.lost) as f64), index));
    }
    stacked(plot)
}

/// A cause of loss: its name, and where it is counted.
pub type Cause = (&'static str, fn(&Losses) -> u64);

/// Causes of loss in the order of charts and tables.
pub fn causes() -> [Cause; 8] {
    [
        ("collision", |lost| lost.collision),
        ("too weak", |lost| lost.sensitivity),
        ("gateway was sending", |lost| lost.half_duplex),
        ("no free demodulator", |lost| lost.no_demodulator),
        ("interferer", |lost| lost.interference),
        ("channel not heard", |lost| lost.off_channel),
        ("injected fault", |lost| lost.injected),
        (NO_WINDOW, |lost| lost.unheard),
    ]
}

/// Uplinks of a node that no gateway received.
pub fn lost(node: &NodeRecord) -> u64 {
    causes().iter().map(|(_, count)| count(&node.lost)).sum()
}

/// How a node is called: by the data's name, or by the end of its DevEUI.
pub fn name(node: &NodeRecord) -> String {
    node.name.clone().unwrap_or_else(|| format!("…{}", &node.dev_eui.to_string()[12..]))
}

/// The same for charts, which would take marks in it for their own.
pub fn label(node: &NodeRecord) -> String {
    escape(&name(node))
}

/// The nodes that have a bar.
struct Shown<'a> {
    nodes: Vec<&'a NodeRecord>,
    labels: Vec<String>,
    title: String,
}

impl<'a> Shown<'a> {
    fn of(all: &'a [NodeRecord]) -> Self {
        let every = all.len().div_ceil(MOST_BARS).max(1);
        let mut nodes: Vec<&NodeRecord> = all.iter().collect();
        let mut title = "node".to_owned();
        if every > 1 {
            nodes.sort_by(|a, b| b.sent().airtime_s.total_cmp(&a.sent().airtime_s));
            title = format!("node, by airtime, one in {every} of {}", all.len());
        }
        let nodes: Vec<_> = nodes.into_iter().step_by(every).collect();
        let labels = nodes.iter().map(|node| label(node)).collect();
        Self { nodes, labels, title }
    }

    fn values(&self, value: impl Fn(&NodeRecord) -> f64) -> Vec<f64> {
        self.nodes.iter().map(|node| value(node)).collect()
    }

    fn axis(&self) -> Axis {
        self.axis_named(&self.title)
    }

    fn axis_named(&self, title: &str) -> Axis {
        axis(title).type_(AxisType::Category).auto_margin(true)
    }
}

pub(super) fn time_unit(virtual_s: f64) -> (f64, &'static str) {
    match virtual_s {
        s if s <= 300.0 => (1.0, "seconds"),
        s if s <= 7_200.0 => (60.0, "minutes"),
        s if s <= 3.0 * 86_400.0 => (3_600.0, "hours"),
        _ => (86_400.0, "days"),
    }
}

fn held(report: &Report) -> Vec<f64> {
    report.run.course.iter().map(|entry| 100.0 * entry.held).collect()
}

/// The newest version, which most nodes do not have yet, as a thin line.
fn newest(x: Vec<f64>, report: &Report) -> Box<Scatter<f64, f64>> {
    let y = report.run.course.iter().map(|entry| 100.0 * entry.accuracy).collect();
    let line = Line::new().color(BLACK).width(1.0).shape(LineShape::Hv);
    Scatter::new(x, y).name("newest version").mode(Mode::Lines).line(line)
}

pub(super) fn axis(title: impl Into<String>) -> Axis {
    // Never "10k" beside "8000".
    Axis::new()
        .title(Title::with_text(title.into()))
        .auto_margin(true)
        .grid_color("#DDDDDD")
        .exponent_format(ExponentFormat::None)
        .separate_thousands(true)
}

pub(super) fn percent_axis(title: &str) -> Axis {
    axis(format!("{title} (%)"))
}

pub(super) fn chart(x: Axis, y: Axis) -> Plot {
    let legend = Legend::new()
        .trace_order(TraceOrder::Normal)
        .orientation(Orientation::Horizontal)
        .x(0.0)
        .y(1.02)
        .y_anchor(plotly::common::Anchor::Bottom);
    let layout = Layout::new()
        .x_axis(x)
        .y_axis(y)
        .legend(legend)
        .height(430)
        .margin(Margin::new().left(70).right(20).top(60).bottom(60))
        .plot_background_color("#FFFFFF")
        .paper_background_color("#FFFFFF")
        .hover_mode(HoverMode::X);
    let mut plot = Plot::new();
    plot.set_layout(layout);
    plot.set_configuration(
        Configuration::new().responsive(true).display_logo(false).display_mode_bar(DisplayModeBar::False),
    );
    plot
}

fn stacked(mut plot: Plot) -> Plot {
    let layout = plot.layout().clone().bar_mode(BarMode::Stack);
    plot.set_layout(layout);
    plot
}

/// A version holds until the next one, hence steps.
fn steps(name: &str, x: Vec<f64>, y: Vec<f64>) -> Box<Scatter<f64, f64>> {
    let look = look(0);
    // With many versions markers would hide the line.
    let mode = if x.len() > 60 { Mode::Lines } else { Mode::LinesMarkers };
    Scatter::new(x, y)
        .name(name)
        .mode(mode)
        .marker(Marker::new().color(look.colour).symbol(look.symbol).size(6))
        .line(Line::new().color(look.colour).width(2.5).shape(LineShape::Hv))
}

fn add_baselines(plot: &mut Plot, report: &Report, end: f64) {
    let summary = report.summary;
    let lines = [
        ("trained in one place", summary.baselines.centralised),
        ("every node alone", summary.baselines.local_only),
        ("most frequent class", summary.accuracy.majority_rate),
    ];
    for (index, (name, accuracy)) in lines.into_iter().enumerate() {
        let look = look(index + 1);
        let line = Line::new().color(look.colour).dash(look.dash).width(2.0);
        let ends = vec![100.0 * accuracy; 2];
        plot.add_trace(Scatter::new(vec![0.0, end], ends).name(name).mode(Mode::Lines).line(line));
    }
}

fn bars(name: &str, labels: &[String], values: Vec<f64>, index: usize) -> Box<Bar<String, f64>> {
    let look = look(index);
    let pattern = Pattern::new().shape(look.pattern).fill_mode(PatternFillMode::Overlay).solidity(0.25);
    Bar::new(labels.to_vec(), values).name(name).marker(Marker::new().color(look.colour).pattern(pattern))
}

pub(super) fn point_marker(look: &Look, size: usize) -> Marker {
    Marker::new()
        .color(look.colour)
        .symbol(look.symbol.clone())
        .size(size)
        .line(Line::new().color(BLACK).width(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn causes_that_did_not_strike_are_not_in_the_legend() {
        let json = sample::with_report(losses).to_json();
        assert!(json.contains("\"collision\"") && json.contains("\"injected fault\""));
        assert!(!json.contains("\"no free demodulator\"") && !json.contains("\"interferer\""));
    }

    #[test]
    fn marks_in_a_name_are_shown_as_they_are() {
        let mut node = sample::run().nodes.remove(0);
        node.name = Some("<b>pump</b> & fan".into());
        assert_eq!(label(&node), "&lt;b&gt;pump&lt;/b&gt; &amp; fan");
        assert_eq!(name(&node), "<b>pump</b> & fan");
    }
}
