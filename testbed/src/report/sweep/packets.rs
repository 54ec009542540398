//! What the report of a sweep shows of plain traffic, where nothing is learnt.
use super::charts::{Placed, reference, scatter};
use super::{Column, text};
use crate::report::charts::{axis, chart, percent_axis};
use crate::sweep::Results;
use crate::sweep::results::PointResult;
use plotly::Plot;
use plotly::layout::HoverMode;

/// Offered load: every summary of plain traffic has it, and no other.
const LOAD: &str = "traffic.load";
const DELIVERY: &str = "traffic.uplink_delivery_ratio";

/// Figures of the table.
pub const COLUMNS: [Column; 7] = [
    ("offered load G", LOAD, 1.0, 4),
    ("uplinks delivered (%)", DELIVERY, 100.0, 2),
    ("goodput (bit/s)", "traffic.goodput_bps", 1.0, 1),
    ("lost to collisions", "traffic.uplinks_lost.collision", 1.0, 0),
    ("airtime a node (s)", "uplink.airtime_s_per_node.mean", 1.0, 1),
    ("energy a node (J)", "uplink.energy_mj_per_node.mean", 1e-3, 1),
    ("duty cycle, worst hour (%)", "duty_cycle.worst_ratio", 100.0, 1),
];

/// Whether these are runs of plain traffic.
pub fn are_in(results: &Results) -> bool {
    let mut runs = results.points.iter().flat_map(|point| &point.runs);
    runs.any(|run| run.figures.contains_key(LOAD))
}

/// Delivery against offered load, both with their intervals, beside pure Aloha.
pub fn delivery(results: &Results) -> Plot {
    let placed = Placed::all(results, LOAD, DELIVERY);
    let heaviest = placed.iter().map(|placed| placed.across.mean).fold(0.0, f64::max);
    let loads = (0..=100).map(|step| heaviest * f64::from(step) / 100.0);
    let aloha = loads.map(|load| (load, 100.0 * libm::exp(-2.0 * load)));
    let mut plot = chart(axis("offered load G, a channel"), percent_axis("uplinks delivered"));
    plot.add_trace(reference("pure Aloha on one spreading factor, e^(-2G)", aloha));
    plot.add_trace(scatter("combinations", &placed.iter().collect::<Vec<_>>(), 0));
    let layout = plot.layout().clone().height(520).hover_mode(HoverMode::Closest);
    plot.set_layout(layout);
    plot
}

/// A line for the terminal for each combination.
pub fn ending_lines(results: &Results) -> String {
    let line = |point: &PointResult| {
        let of = |figure, factor, digits| text(point.band(figure), factor, digits);
        let (delivered, load) = (of(DELIVERY, 100.0, 2), of(LOAD, 1.0, 4));
        format!("  {delivered} % delivered at G = {load}: {}\n", results.label(point))
    };
    results.points.iter().map(line).collect()
}
