//! How far a node is heard, against the link budget.
use super::Effort;
use super::chapter::{Chapter, Check, Row};
use super::duel::threshold;
use super::estimate::Estimate;
use super::poisson::{Group, delivery, outcomes};
use crate::radio::geometry::{Position, gateways_in_disc, nodes_in_disc};
use crate::radio::{
    CollisionModel, Emission, Links, LogDistance, Medium, NodeIndex, Outcome, PathLoss, Propagation,
};
use crate::traffic::bare::POWER_DBM;
use crate::traffic::medium;
use chirrup_protocol::airtime::Modulation;
use chirrup_protocol::time::Instant;

const TEXT: &str = "\
Sensitivity of a gateway (SX1301 as in the LoRaWAN module of ns-3: -130 dBm at SF7 and 125 kHz, 2.5 dB less for each
further spreading factor; noise grows with bandwidth) turns into a distance by the link budget: 14 dBm minus
sensitivity is the loss that may be, and `d = d0 10^((loss - loss0) / 10n)`. Beside it the greatest distance at which
the simulated gateway has a frame, by bisection. Oulu: 128.95 dB at 1 km, n = 2.32 (Petajajarvi et al., ITST 2015);
LoRaSim: 127.41 dB at 40 m, n = 2.08 (Bor et al., MSWiM 2016). Last, nodes uniform on a disc of which SF7 reaches
only the middle: the share that is heard is the ratio of areas.";

/// Sensitivity at 125 kHz, SF7 to SF12. Written down here again, apart from the model's own.
const GATEWAY_DBM: [f64; 6] = [-130.0, -132.5, -135.0, -137.5, -140.0, -142.5];

/// The chapter.
pub fn chapter(title: &'static str, effort: Effort) -> Chapter {
    let budgets = [("Oulu", LogDistance::OULU), ("LoRaSim", LogDistance::LORASIM)];
    let at_125 = budgets.iter().flat_map(|&(name, path_loss)| {
        (7..=12).map(move |sf| budget(name, path_loss, Modulation::lorawan(sf, 125_000)))
    });
    let wide = [250_000, 500_000].map(|hz| budget("Oulu", LogDistance::OULU, Modulation::lorawan(9, hz)));
    Chapter {
        title,
        text: TEXT,
        columns: &["case", "simulated", "+-", "link budget"],
        rows: at_125.chain(wide).chain([disc(effort)]).collect(),
        picture: None,
    }
}

fn reach_m(path_loss: LogDistance, modulation: Modulation) -> f64 {
    let wider_db = 10.0 * libm::log10(f64::from(modulation.bandwidth_hz) / 125e3);
    let sensitivity_dbm = GATEWAY_DBM[usize::from(modulation.spreading_factor) - 7] + wider_db;
    let spare_db = f64::from(POWER_DBM) - sensitivity_dbm - path_loss.reference_db;
    path_loss.reference_m * libm::pow(10.0, spare_db / (10.0 * path_loss.exponent))
}

fn budget(name: &str, path_loss: LogDistance, modulation: Modulation) -> Row {
    let expected = reach_m(path_loss, modulation);
    let found = threshold(1.0, 1e6, |distance_m| !is_heard(path_loss, modulation, distance_m));
    Row {
        cells: vec![
            format!("{name}, SF{}, {} kHz", modulation.spreading_factor, modulation.bandwidth_hz / 1_000),
            format!("{found:.2} m"),
            String::new(),
            format!("{expected:.2} m"),
        ],
        checks: vec![Check { expected, measured: found, tolerance: 1e-6 * expected }],
    }
}

fn is_heard(path_loss: LogDistance, modulation: Modulation, distance_m: f64) -> bool {
    let node = Position { x_m: distance_m, y_m: 0.0 };
    let links =
        Links::new(&[node], &[Position::default()], &Propagation::clear(PathLoss::LogDistance(path_loss)));
    let mut medium = Medium::new(medium(CollisionModel::Aloha, 1), links);
    let emission = Emission { frequency_hz: 868_100_000, modulation, power_dbm: POWER_DBM, phy: vec![0; 20] };
    let begun = medium.begin_uplink(Instant::ZERO, NodeIndex(0), emission);
    let (ticket, _) = begun.expect("modems send SF7 to SF12");
    medium.end_uplink(ticket).outcome == Outcome::Delivered
}

/// So little traffic that nothing collides: what is lost is out of reach.
fn disc(effort: Effort) -> Row {
    let group =
        Group { nodes: 2_000, load: 1e-6, modulation: Modulation::lorawan(7, 125_000), phy_bytes: 20 };
    let reach = reach_m(LogDistance::OULU, group.modulation);
    let radius_m = 1.5 * reach;
    let Estimate { mean, half_width } = Estimate::of(|seed| {
        let nodes = nodes_in_disc(group.nodes, radius_m, seed);
        let links = Links::new(
            &nodes,
            &gateways_in_disc(1, radius_m),
            &Propagation::clear(PathLoss::LogDistance(LogDistance::OULU)),
        );
        let length_s = group.length_s(effort.frames);
        delivery(&outcomes(CollisionModel::Aloha, &[group], links, length_s, seed)[0])
    });
    let expected = 1.0 / (1.5 * 1.5);
    Row {
        cells: vec![
            "disc of one and a half times the reach".into(),
            format!("{mean:.5}"),
            format!("{half_width:.5}"),
            format!("{expected:.5}"),
        ],
        checks: vec![Check { expected, measured: mean, tolerance: half_width }],
    }
}
