//! Spreading factors against each other: thresholds of the matrices, and frames among strangers.
use super::Effort;
use super::chapter::{Chapter, Check, Row};
use super::duel::{Duellist, survives, threshold};
use super::estimate::Estimate;
use super::poisson::{Group, delivery, outcomes};
use crate::radio::{CollisionModel, Links};
use chirrup_protocol::airtime::Modulation;

const TEXT: &str = "\
Lowest ratio of signal to interference that a frame survives, in dB, for interferers of SF7 to SF12, found by
bisection with two frames on the air: `goursaud` (Goursaud and Gorce, \"Dedicated networks for IoT\", EAI Endorsed
Transactions on IoT 2015, as the LoRaWAN module of ns-3 has it) and `croce` (Croce et al., \"Impact of LoRa imperfect
orthogonality\", IEEE Communications Letters 2018). What counts is energy over the overlap: for each pair the
interferer begins with the frame, before it, and late in it, and the threshold must be the published one plus `10
log10(overlap / frame)`; the row shows the greatest deviation of the 18. Then random traffic: with orthogonal
spreading factors (`aloha`) each delivers by its own load alone; and an SF7 frame among SF12 frames that are 50 dB
stronger survives `goursaud` only if it meets less than a thousandth of its length, `e^(-r (T12 + .998 T7))` with r
the rate of SF12 frames.";

/// As published; rows: wanted SF7 to SF12, columns: interfering. Written down here again, apart from the model's own.
const GOURSAUD_DB: [[i8; 6]; 6] = [
    [6, -16, -18, -19, -19, -20],
    [-24, 6, -20, -22, -22, -22],
    [-27, -27, 6, -23, -25, -25],
    [-30, -30, -30, 6, -26, -28],
    [-33, -33, -33, -33, 6, -29],
    [-36, -36, -36, -36, -36, 6],
];

/// As [`GOURSAUD_DB`].
const CROCE_DB: [[i8; 6]; 6] = [
    [1, -8, -9, -9, -9, -9],
    [-11, 1, -11, -12, -13, -13],
    [-15, -13, 1, -13, -14, -15],
    [-19, -18, -17, 1, -17, -18],
    [-22, -22, -21, -20, 1, -20],
    [-25, -25, -25, -24, -23, 1],
];

/// A published matrix with its model.
type Published = (&'static str, CollisionModel, [[i8; 6]; 6]);

/// The chapter.
pub fn chapter(title: &'static str, effort: Effort) -> Chapter {
    let published: [Published; 2] =
        [("goursaud", CollisionModel::Goursaud, GOURSAUD_DB), ("croce", CollisionModel::Croce, CROCE_DB)];
    let matrices = published.iter().flat_map(|model| (7..=12).map(move |sf| matrix_row(model, sf)));
    let random = [orthogonal(7, effort), orthogonal(12, effort), overpowered(effort)];
    Chapter {
        title,
        text: TEXT,
        columns: &["case", "simulated", "+-", "published or closed form"],
        rows: matrices.chain(random).collect(),
        picture: None,
    }
}

fn frame(sf: u8, start_us: u64, rssi_dbm: f64) -> Duellist {
    Duellist { modulation: Modulation::lorawan(sf, 125_000), phy_bytes: 40, start_us, rssi_dbm }
}

/// Threshold in dB, and the energy's share that the overlap leaves, in dB, for an interferer that begins at `start_us`.
fn measured(model: CollisionModel, wanted_sf: u8, other_sf: u8, start_us: u64) -> (f64, f64) {
    // The wanted frame begins at 10 s, so that another one can begin before.
    let wanted = |rssi_dbm| frame(wanted_sf, 10_000_000, rssi_dbm);
    let other = frame(other_sf, start_us, -80.0);
    let found = threshold(-60.0, 20.0, |ratio_db| survives(model, &wanted(-80.0 + ratio_db), &other));
    let (start, end) = wanted(0.0).span();
    let share = wanted(0.0).overlap(&other).as_secs_f64() / (end - start).as_secs_f64();
    (found, 10.0 * libm::log10(share))
}

/// All interferers of one wanted spreading factor. The numbers shown are for a whole frame's overlap.
fn matrix_row(&(name, model, matrix): &Published, wanted_sf: u8) -> Row {
    let published = matrix[usize::from(wanted_sf) - 7];
    let mut checks = Vec::new();
    let mut shown = Vec::new();
    for (other_sf, expected) in (7..=12).zip(published) {
        let (length, other_length) = (length_us(wanted_sf), length_us(other_sf));
        for start_us in [10_000_000, 10_000_000 - other_length / 2, 10_000_000 + length * 3 / 4] {
            let (found, overlap_db) = measured(model, wanted_sf, other_sf, start_us);
            if start_us == 10_000_000 {
                shown.push(format!("{:.1}", found - overlap_db));
            }
            checks.push(Check { expected: expected.into(), measured: found - overlap_db, tolerance: 1e-6 });
        }
    }
    let deviation = checks.iter().map(|check| (check.measured - check.expected).abs()).fold(0.0, f64::max);
    let expected: Vec<_> = published.map(|db| db.to_string()).to_vec();
    let deviation = if deviation < 1e-6 { "< 0.000001".to_owned() } else { format!("{deviation:.6}") };
    Row {
        cells: vec![format!("{name}: SF{wanted_sf} wanted"), shown.join(" "), deviation, expected.join(" ")],
        checks,
    }
}

fn length_us(sf: u8) -> u64 {
    let (start, end) = frame(sf, 0, 0.0).span();
    (end - start).as_micros()
}

fn row(case: String, estimate: Estimate, expected: f64) -> Row {
    let Estimate { mean, half_width } = estimate;
    Row {
        cells: vec![case, format!("{mean:.5}"), format!("{half_width:.5}"), format!("{expected:.5}")],
        checks: vec![Check { expected, measured: mean, tolerance: half_width }],
    }
}

fn group(sf: u8, nodes: usize, load: f64, phy_bytes: u8) -> Group {
    Group { nodes, load, modulation: Modulation::lorawan(sf, 125_000), phy_bytes }
}

/// Two spreading factors on one channel that do not see each other: loads of .5 and .25.
fn orthogonal(shown_sf: u8, effort: Effort) -> Row {
    const NODES: usize = 2_000;
    let groups = [group(7, NODES, 0.5, 20), group(12, NODES, 0.25, 20)];
    let shown = usize::from(shown_sf == 12);
    let length_s = groups[shown].length_s(effort.frames);
    let estimate = Estimate::of(|seed| {
        let links = Links::from_attenuation(1, &[100.0; 2 * NODES]);
        delivery(&outcomes(CollisionModel::Aloha, &groups, links, length_s, seed)[shown])
    });
    let load = groups[shown].load;
    let strangers = if shown == 0 { "SF12" } else { "SF7" };
    row(format!("`aloha`: SF{shown_sf} at G = {load} among {strangers}"), estimate, libm::exp(-2.0 * load))
}

/// Weak SF7 frames among SF12 frames that are 50 dB stronger: 30 dB beyond the threshold of -20 dB, so that a
/// thousandth of the SF7 frame is its end.
fn overpowered(effort: Effort) -> Row {
    const NODES: usize = 1_000;
    let groups = [group(7, NODES, 1e-3, 20), group(12, NODES, 0.5, 20)];
    // The weak ones are rare, so that they do not meet each other; SF12 frames are what takes time.
    let length_s = groups[1].length_s(effort.frames * 4);
    let loss_db: Vec<f64> = [[134.0; NODES], [84.0; NODES]].concat();
    let estimate = Estimate::of(|seed| {
        let links = Links::from_attenuation(1, &loss_db);
        delivery(&outcomes(CollisionModel::Goursaud, &groups, links, length_s, seed)[0])
    });
    let (t7, t12) = (groups[0].airtime_s(), groups[1].airtime_s());
    let rate = groups[1].load / t12;
    // What other SF7 frames do is added: 6 dB against an equal one, so that a quarter of the frame is its end.
    let rare = libm::exp(-groups[0].load * 2.0 * (1.0 - libm::pow(10.0, -0.6)));
    let expected = rare * libm::exp(-rate * (t12 + 0.998 * t7));
    row("`goursaud`: SF7 among SF12 that is 50 dB stronger".into(), estimate, expected)
}
