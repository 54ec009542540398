//! Delivery of pure Aloha.
use super::Effort;
use super::chapter::{Chapter, Check, Row};
use super::estimate::Estimate;
use super::plot::{Chart, Curve, Mark, Points};
use super::poisson::{Group, delivery, outcomes};
use crate::radio::{CollisionModel, Links};
use chirrup_protocol::airtime::Modulation;

const NODES: usize = 1_000;

const LOADS: [f64; 11] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0];

const TEXT: &str = "\
1,000 nodes of equal power send frames of 20 bytes at SF7 on one channel, each with exponentially distributed
intervals; any overlap destroys both frames (`collision = \"aloha\"`). G is the offered load in frames an airtime. A
frame is alone with probability e^(-2G) (Abramson, \"The ALOHA system\", AFIPS 1970).";

/// The chapter.
pub fn chapter(title: &'static str, effort: Effort) -> Chapter {
    let measured: Vec<(f64, Estimate)> = LOADS.map(|load| (load, estimate(load, effort))).to_vec();
    let row = |&(load, estimate): &(f64, Estimate)| {
        let expected = libm::exp(-2.0 * load);
        let Estimate { mean, half_width } = estimate;
        let cells = vec![
            format!("{load}"),
            format!("{mean:.5}"),
            format!("{half_width:.5}"),
            format!("{expected:.5}"),
        ];
        Row { cells, checks: vec![Check { expected, measured: mean, tolerance: half_width }] }
    };
    Chapter {
        title,
        text: TEXT,
        columns: &["G", "delivered", "+-", "e^(-2G)"],
        rows: measured.iter().map(row).collect(),
        picture: Some(("aloha", picture(&measured))),
    }
}

fn estimate(load: f64, effort: Effort) -> Estimate {
    let group = Group { nodes: NODES, load, modulation: Modulation::lorawan(7, 125_000), phy_bytes: 20 };
    Estimate::of(|seed| {
        let links = Links::from_attenuation(1, &[100.0; NODES]);
        let length_s = group.length_s(effort.frames);
        delivery(&outcomes(CollisionModel::Aloha, &[group], links, length_s, seed)[0])
    })
}

fn picture(measured: &[(f64, Estimate)]) -> String {
    Chart {
        title: "Pure Aloha: share of frames delivered",
        x_label: "offered load G, frames an airtime",
        x_max: 2.0,
        x_step: 0.5,
        curves: vec![Curve::of("e^(-2G)", 2.0, |load| libm::exp(-2.0 * load))],
        points: vec![Points {
            label: "simulated, 99.9 % interval",
            mark: Mark::Circle,
            at: measured.iter().map(|(load, estimate)| (*load, *estimate)).collect(),
        }],
    }
    .svg()
}
