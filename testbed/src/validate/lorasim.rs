//! The setting that LoRaSim published, with its assumptions.
use super::Effort;
use super::capture::{delivery_on_disc, on_disc};
use super::chapter::{Chapter, Check, Row};
use super::estimate::Estimate;
use super::plot::{Chart, Curve, Mark, Points};
use super::poisson::{Group, delivery, outcomes};
use crate::radio::{CollisionModel, Links, LogDistance};
use chirrup_protocol::airtime::Modulation;

const TEXT: &str = "\
The setting of Bor et al. (\"Do LoRa low-power wide-area networks scale?\", MSWiM 2016): one gateway, 100 to 1,600
nodes uniform on a disc where the gateway hears all of them, frames of 20 bytes at SF12, 125 kHz, 4/8, 14 dBm, on one
channel, each node one in 1,000 s on average, exponentially distributed; path loss 127.41 dB at 40 m with n = 2.08,
no shadowing. `aloha` is LoRaSim's simple collision check, `capture` its full one (6 dB, and the last five symbols of
the preamble) without a known flaw of the program: there, a frame that arrives clears the mark of an earlier
collision, so that too much is delivered. Theory is that of the chapters above for this number of nodes, of which
none collides with itself; e^(-2G) is for infinitely many. `chirrup run testbed/scenarios/lorasim.toml` runs the same
as a scenario.";

const NODES: [usize; 7] = [100, 200, 400, 600, 800, 1_200, 1_600];
const INTERVAL_S: f64 = 1_000.0;
const SF12: Modulation = Modulation { spreading_factor: 12, bandwidth_hz: 125_000, coding_rate: 4 };
/// All are heard here: -142.5 dBm is reached at 999 m.
const RADIUS_M: f64 = 300.0;

/// Both collision checks at one number of nodes.
struct Point {
    group: Group,
    aloha: Estimate,
    capture: Estimate,
}

/// The chapter.
pub fn chapter(title: &'static str, effort: Effort) -> Chapter {
    let points: Vec<Point> = NODES.iter().map(|&nodes| point(nodes, effort)).collect();
    Chapter {
        title,
        text: TEXT,
        columns: &["nodes", "G", "aloha", "+-", "theory", "e^(-2G)", "capture", "+-", "theory"],
        rows: points.iter().map(row).collect(),
        picture: Some(("lorasim", picture(&points))),
    }
}

fn group(nodes: usize) -> Group {
    let mut group = Group { nodes, load: 0.0, modulation: SF12, phy_bytes: 20 };
    group.load = nodes as f64 * group.airtime_s() / INTERVAL_S;
    group
}

fn point(nodes: usize, effort: Effort) -> Point {
    let group = group(nodes);
    let aloha = Estimate::of(|seed| {
        let links = Links::from_attenuation(1, &vec![120.0; nodes]);
        delivery(&outcomes(CollisionModel::Aloha, &[group], links, group.length_s(effort.frames), seed)[0])
    });
    let capture = Estimate::of(|seed| delivery_on_disc(&group, LogDistance::LORASIM, RADIUS_M, effort, seed));
    Point { group, aloha, capture }
}

/// Nobody among `n` nodes collides with itself.
fn aloha_among(group: &Group) -> f64 {
    let n = group.nodes as f64;
    libm::exp(-2.0 * group.load * (n - 1.0) / n)
}

fn row(point: &Point) -> Row {
    let Point { group, aloha, capture } = point;
    let (aloha_theory, capture_theory) = (aloha_among(group), on_disc(group, LogDistance::LORASIM.exponent));
    let check = |expected, estimate: &Estimate| Check {
        expected,
        measured: estimate.mean,
        tolerance: estimate.half_width,
    };
    let figures = [
        group.load,
        aloha.mean,
        aloha.half_width,
        aloha_theory,
        libm::exp(-2.0 * group.load),
        capture.mean,
        capture.half_width,
        capture_theory,
    ];
    let mut cells = vec![group.nodes.to_string()];
    cells.extend(figures.map(|figure| format!("{figure:.4}")));
    Row { cells, checks: vec![check(aloha_theory, aloha), check(capture_theory, capture)] }
}

fn picture(points: &[Point]) -> String {
    let at = |of: &dyn Fn(&Point) -> Estimate| -> Vec<(f64, Estimate)> {
        points.iter().map(|point| (point.group.nodes as f64, of(point))).collect()
    };
    let load = |nodes: f64| nodes * group(1).load;
    let theory = |nodes: f64| match nodes as usize {
        0 => 1.0,
        nodes => on_disc(&group(nodes), LogDistance::LORASIM.exponent),
    };
    Chart {
        title: "LoRaSim's setting: share of frames delivered",
        x_label: "nodes",
        x_max: 1_600.0,
        x_step: 400.0,
        curves: vec![
            Curve::of("e^(-2G)", 1_600.0, |nodes| libm::exp(-2.0 * load(nodes))),
            Curve::of("capture on a disc, closed form", 1_600.0, theory),
        ],
        points: vec![
            Points { label: "aloha, simulated", mark: Mark::Circle, at: at(&|point| point.aloha) },
            Points { label: "capture, simulated", mark: Mark::Square, at: at(&|point| point.capture) },
        ],
    }
    .svg()
}
