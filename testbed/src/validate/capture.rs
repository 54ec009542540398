//! The capture effect: its thresholds, and delivery on a disc.
use super::Effort;
use super::chapter::{Chapter, Check, Row};
use super::duel::{Duellist, survives, threshold};
use super::estimate::Estimate;
use super::poisson::{Group, delivery, outcomes};
use crate::radio::geometry::{gateways_in_disc, nodes_in_disc};
use crate::radio::{CollisionModel, Links, LogDistance, PathLoss, Propagation};
use chirrup_protocol::airtime::Modulation;

const TEXT: &str = "\
`collision = \"capture\"` (Bor et al., \"Do LoRa low-power wide-area networks scale?\", MSWiM 2016, 3.3): a frame
survives another of its spreading factor that is 6 dB weaker, or that ends before the last five of its eight preamble
symbols. First both thresholds, found by bisection with two frames on the air. Then 1,000 nodes uniform on a disc,
all of them heard: with path loss exponent n, `k = 10^(6 / 10n)` and `x = 2G (1 - 3 Ts / T)`, a frame from the inner
share `u` of the area is destroyed only by those within `k` times its distance, so that `P = (1 - e^-x) / (x k^2) +
(1 - 1 / k^2) e^-x`.";

/// Nodes on the disc.
const NODES: usize = 1_000;
const LOADS: [f64; 4] = [0.1, 0.5, 1.0, 2.0];
const CAPTURE_DB: f64 = 6.0;

/// The chapter.
pub fn chapter(title: &'static str, effort: Effort) -> Chapter {
    let thresholds = (7..=12).flat_map(|sf| [power(sf), preamble(sf)]);
    let disc = LOADS.iter().map(|&load| disc(load, effort));
    Chapter {
        title,
        text: TEXT,
        columns: &["case", "simulated", "+-", "closed form"],
        rows: thresholds.chain(disc).collect(),
        picture: None,
    }
}

fn frame(sf: u8, start_us: u64, rssi_dbm: f64) -> Duellist {
    Duellist { modulation: Modulation::lorawan(sf, 125_000), phy_bytes: 20, start_us, rssi_dbm }
}

/// How much stronger a frame must be than one that begins a little later.
fn power(sf: u8) -> Row {
    let other = frame(sf, 1_000, -100.0);
    let model = CollisionModel::Capture;
    let found = threshold(-30.0, 30.0, |db| survives(model, &frame(sf, 0, -100.0 + db), &other));
    Row {
        cells: vec![
            format!("SF{sf}: advantage in power"),
            format!("{found:.3} dB"),
            String::new(),
            "6 dB".into(),
        ],
        checks: vec![Check { expected: CAPTURE_DB, measured: found, tolerance: 1e-9 }],
    }
}

/// How long a frame of equal power may last into the preamble of the next one, in symbols.
fn preamble(sf: u8) -> Row {
    let model = CollisionModel::Capture;
    let first = frame(sf, 0, -100.0);
    let end_us = first.span().1.as_micros();
    // The later the second begins, the less of its preamble is hit.
    let hit_us = |microseconds: f64| frame(sf, end_us - microseconds as u64, -100.0);
    let lost = threshold(0.0, end_us as f64, |us| !survives(model, &hit_us(us), &first));
    let symbol_us = first.modulation.symbol_ns() as f64 / 1e3;
    let symbols = (lost - 1.0) / symbol_us;
    Row {
        cells: vec![
            format!("SF{sf}: symbols of preamble that may be hit"),
            format!("{symbols:.3}"),
            String::new(),
            "3".into(),
        ],
        // Time is counted in microseconds.
        checks: vec![Check { expected: 3.0, measured: symbols, tolerance: 1.0 / symbol_us }],
    }
}

/// Delivery on a disc where every node is heard.
fn disc(load: f64, effort: Effort) -> Row {
    let group = Group { nodes: NODES, load, modulation: Modulation::lorawan(7, 125_000), phy_bytes: 20 };
    let path_loss = LogDistance::LORASIM;
    let Estimate { mean, half_width } =
        Estimate::of(|seed| delivery_on_disc(&group, path_loss, 200.0, effort, seed));
    let expected = on_disc(&group, path_loss.exponent);
    Row {
        cells: vec![
            format!("disc, G = {load}"),
            format!("{mean:.5}"),
            format!("{half_width:.5}"),
            format!("{expected:.5}"),
        ],
        checks: vec![Check { expected, measured: mean, tolerance: half_width }],
    }
}

/// Simulated: the share of frames delivered, nodes uniform over a disc.
pub fn delivery_on_disc(
    group: &Group,
    path_loss: LogDistance,
    radius_m: f64,
    effort: Effort,
    seed: u64,
) -> f64 {
    let nodes = nodes_in_disc(group.nodes, radius_m, seed);
    let links = Links::new(
        &nodes,
        &gateways_in_disc(1, radius_m),
        &Propagation::clear(PathLoss::LogDistance(path_loss)),
    );
    let length_s = group.length_s(effort.frames);
    delivery(&outcomes(CollisionModel::Capture, &[*group], links, length_s, seed)[0])
}

/// The closed form for a finite number of nodes, which tends to that of the text: each of the others sends within the
/// time in which it would destroy the frame with probability `c`.
pub fn on_disc(group: &Group, exponent: f64) -> f64 {
    let n = group.nodes as f64;
    let symbol_s = group.modulation.symbol_ns() as f64 / 1e9;
    let x = 2.0 * group.load * (1.0 - 3.0 * symbol_s / group.airtime_s());
    let c = 1.0 - libm::exp(-x / n);
    let area = libm::pow(10.0, 2.0 * CAPTURE_DB / (10.0 * exponent));
    (1.0 - libm::exp(-x)) / (n * c * area) + (1.0 - 1.0 / area) * libm::exp(-x * (n - 1.0) / n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closed_form_is_the_integral_over_the_disc() {
        let group = Group {
            nodes: 1_000_000,
            load: 0.7,
            modulation: Modulation::lorawan(12, 125_000),
            phy_bytes: 20,
        };
        let x = 2.0 * 0.7 * (1.0 - 3.0 * 0.032_768 / group.airtime_s());
        let area = libm::pow(10.0, 1.2 / 2.08);
        let steps = 100_000;
        let at = |step: i32| libm::exp(-x * f64::min(1.0, area * (f64::from(step) + 0.5) / f64::from(steps)));
        let integral = (0..steps).map(at).sum::<f64>() / f64::from(steps);
        assert!((on_disc(&group, 2.08) - integral).abs() < 1e-5);
    }
}
