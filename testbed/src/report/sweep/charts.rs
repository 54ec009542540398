//! The charts of a sweep's report.
use crate::report::charts::{axis, chart, percent_axis, point_marker, time_unit};
use crate::report::palette::{BLACK, look};
use crate::report::tables::escape;
use crate::sweep::Results;
use crate::sweep::results::{ACCURACY, AIRTIME, PointResult};
use crate::sweep::statistics::Band;
use plotly::common::color::Rgba;
use plotly::common::{ErrorData, ErrorType, Fill, HoverInfo, Line, LineShape, Marker, Mode, Position};
use plotly::layout::{HoverMode, RangeMode};
use plotly::{Plot, Scatter};

/// More bands than this hide each other.
const MOST_BANDS: usize = 6;
/// Points in time of a band.
const TIME_STEPS: u32 = 120;

/// Accuracy against airtime, both with their intervals; the front as a line.
pub fn pareto(results: &Results) -> Plot {
    let mut plot = chart(axis("uplink airtime a node (s, mean)"), percent_axis("accuracy"));
    let front = results.front();
    let placed = Placed::all(results, AIRTIME, ACCURACY);
    let on_front = |placed: &&Placed| front.contains(&placed.index);
    let line = front.iter().filter_map(|index| placed.iter().find(|placed| placed.index == *index));
    let (x, y): (Vec<f64>, Vec<f64>) =
        line.map(|placed| (placed.across.mean, 100.0 * placed.along.mean)).unzip();
    let dashed = Line::new().color(BLACK).dash(look(1).dash).width(1.5).shape(LineShape::Hv);
    plot.add_trace(Scatter::new(x, y).name("unbeaten in both").mode(Mode::Lines).line(dashed));
    plot.add_trace(scatter("unbeaten", &placed.iter().filter(on_front).collect::<Vec<_>>(), 0));
    let beaten: Vec<&Placed> = placed.iter().filter(|placed| !on_front(placed)).collect();
    if !beaten.is_empty() {
        plot.add_trace(scatter("beaten by another", &beaten, 1));
    }
    let layout = plot.layout().clone().height(520).hover_mode(HoverMode::Closest);
    plot.set_layout(layout);
    plot
}

/// A combination that has both figures of a chart.
pub struct Placed {
    index: usize,
    label: String,
    /// Along the x axis.
    pub across: Band,
    /// Along the y axis, a share.
    along: Band,
}

impl Placed {
    /// All of them, by the names of both figures.
    pub fn all(results: &Results, across: &str, along: &str) -> Vec<Self> {
        let place = |(index, point): (usize, &PointResult)| {
            let (across, along) = (point.band(across)?, point.band(along)?);
            Some(Self { index, label: results.label(point), across, along })
        };
        results.points.iter().enumerate().filter_map(place).collect()
    }
}

/// A dashed line to compare with.
pub fn reference(name: &str, line: impl Iterator<Item = (f64, f64)>) -> Box<Scatter<f64, f64>> {
    let (x, y): (Vec<f64>, Vec<f64>) = line.unzip();
    let dashed = Line::new().color(BLACK).dash(look(1).dash).width(1.5);
    Scatter::new(x, y).name(name).mode(Mode::Lines).line(dashed)
}

/// Combinations by their numbers, with intervals.
pub fn scatter(name: &str, placed: &[&Placed], series: usize) -> Box<Scatter<f64, f64>> {
    let x = placed.iter().map(|placed| placed.across.mean).collect();
    let y = placed.iter().map(|placed| 100.0 * placed.along.mean).collect();
    let bars = |arms: Vec<(f64, f64)>| {
        let (below, above) = arms.into_iter().unzip();
        let bars = ErrorData::new(ErrorType::Data).symmetric(false).array(above).array_minus(below);
        bars.color(look(series).colour).thickness(1.0)
    };
    let across = placed.iter().map(|placed| arms(&placed.across, f64::INFINITY)).collect();
    let along = placed.iter().map(|placed| arms(&placed.along, 1.0));
    let along = along.map(|(below, above)| (100.0 * below, 100.0 * above)).collect();
    let numbers = placed.iter().map(|placed| (placed.index + 1).to_string()).collect();
    let labels =
        placed.iter().map(|placed| format!("{}: {}", placed.index + 1, escape(&placed.label))).collect();
    Scatter::new(x, y)
        .name(name)
        .mode(Mode::MarkersText)
        .text_array(numbers)
        .text_position(Position::TopRight)
        .hover_text_array(labels)
        .marker(point_marker(&look(series), 11))
        .error_x(bars(across))
        .error_y(bars(along))
}

/// How far a band reaches below and above its mean, drawn no farther than the figure itself can go: with few seeds an
/// interval by Student's t is wider than that.
fn arms(band: &Band, most: f64) -> (f64, f64) {
    (band.mean - band.low().max(0.0), band.high().min(most) - band.mean)
}

/// The combinations that have a band of their own over time, and the words that say so.
pub fn chosen(results: &Results) -> (Vec<usize>, String) {
    let all = results.points.len();
    if all <= MOST_BANDS {
        return ((0..all).collect(), String::new());
    }
    let mut chosen = results.front();
    let step = chosen.len().div_ceil(MOST_BANDS).max(1);
    chosen = chosen.into_iter().step_by(step).collect();
    let words = format!("Shown are {} of the {all}, all of them unbeaten.", chosen.len());
    (chosen, words)
}

/// Accuracy over virtual time, a band a combination.
pub fn over_time(results: &Results, chosen: &[usize]) -> Plot {
    let ends = results.points.iter().filter_map(|point| Some(point.band("virtual_s")?.mean));
    let end_s = ends.fold(0.0, f64::max);
    let (unit_s, unit) = time_unit(end_s);
    let time = axis(format!("virtual time ({unit})")).range_mode(RangeMode::ToZero);
    let mut plot = chart(time, percent_axis("accuracy"));
    for (series, &index) in chosen.iter().enumerate() {
        let point = &results.points[index];
        let times = (0..=TIME_STEPS).map(|step| end_s * f64::from(step) / f64::from(TIME_STEPS));
        let bands = times.filter_map(|at_s| Some((at_s / unit_s, point.held_at(at_s)?)));
        let bands: Vec<(f64, Band)> = bands.collect();
        plot.add_trace(band(&bands, series));
        plot.add_trace(mean(&bands, &format!("{}: {}", index + 1, escape(&results.label(point))), series));
    }
    plot
}

/// The interval as an area.
fn band(bands: &[(f64, Band)], series: usize) -> Box<Scatter<f64, f64>> {
    let percent = |share: f64| 100.0 * share.clamp(0.0, 1.0);
    let upper = bands.iter().map(|(at, band)| (*at, percent(band.high())));
    let lower = bands.iter().rev().map(|(at, band)| (*at, percent(band.low())));
    let (x, y): (Vec<f64>, Vec<f64>) = upper.chain(lower).unzip();
    let (red, green, blue) = look(series).rgb();
    Scatter::new(x, y)
        .mode(Mode::Lines)
        .line(Line::new().color(Rgba::new(red, green, blue, 0.0)).width(0.0))
        .fill(Fill::ToSelf)
        .fill_color(Rgba::new(red, green, blue, 0.2))
        .hover_info(HoverInfo::Skip)
        .show_legend(false)
}

fn mean(bands: &[(f64, Band)], name: &str, series: usize) -> Box<Scatter<f64, f64>> {
    let (x, y): (Vec<f64>, Vec<f64>) = bands.iter().map(|(at, band)| (*at, 100.0 * band.mean)).unzip();
    let look = look(series);
    Scatter::new(x, y)
        .name(name)
        .mode(Mode::Lines)
        .marker(Marker::new().color(look.colour))
        .line(Line::new().color(look.colour).dash(look.dash).width(2.5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_is_drawn_no_farther_than_the_figure_can_go() {
        let band = |mean, half_width| Band { seeds: 2, mean, half_width };
        assert_eq!(arms(&band(0.75, Some(0.125)), 1.0), (0.125, 0.125));
        assert_eq!(arms(&band(0.75, Some(3.0)), 1.0), (0.75, 0.25));
        assert_eq!(arms(&band(2.0, Some(3.0)), f64::INFINITY), (2.0, 3.0));
        assert_eq!(arms(&band(0.5, None), 1.0), (0.0, 0.0));
    }
}
