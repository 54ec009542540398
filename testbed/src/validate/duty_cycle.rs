//! The arithmetic of the duty cycle.
use super::Effort;
use super::chapter::{Chapter, Check, Row};
use crate::radio::{CollisionModel, Links, NodeIndex, Transmitter};
use crate::scenario::{Interval, Overrides, Scenario};
use crate::traffic::bare::{Bare, Offer};
use crate::traffic::{medium, simulate};
use chirrup_protocol::airtime::{Modulation, frame_airtime};
use chirrup_protocol::time::Duration;
use std::path::Path;

const TEXT: &str = "\
Sub-bands of ERC/REC 70-03: 865 to 868.6 MHz 1 %, 868.7 to 869.2 MHz .1 %, 869.4 to 869.65 MHz 10 %, 869.7 to 870 MHz
1 %. A node that sends frames of 64 bytes with a fixed period uses, in the hour that ends with a frame, the sum over
`i` of `min(T, 3600 s - i period)`; the books of the air find the fullest hour of a run of five hours, as a share of
what is allowed. Last, the guarded LoRaWAN stack is asked for a full frame at SF12 every 30 s, ten times what 1 %
allows: its fullest hour must come within two frames of the limit, and not above it.";

const HOUR_US: u64 = 3_600_000_000;

/// Frequency in Hz, allowed per mille, spreading factor, period in seconds.
const CASES: [(u32, u64, u8, u64); 9] = [
    (868_100_000, 10, 7, 30),
    (868_100_000, 10, 8, 30),
    (868_100_000, 10, 9, 60),
    (868_100_000, 10, 10, 90),
    (868_100_000, 10, 11, 180),
    (868_100_000, 10, 12, 300),
    (868_800_000, 1, 10, 900),
    (869_525_000, 100, 12, 59),
    (869_850_000, 10, 12, 300),
];

/// The chapter. Its figures are exact.
pub fn chapter(title: &'static str, _: Effort) -> Chapter {
    Chapter {
        title,
        text: TEXT,
        columns: &["case", "used of what is allowed", "closed form"],
        rows: CASES.iter().map(periodic).chain([guarded()]).collect(),
        picture: None,
    }
}

fn periodic(&(hz, allowed_per_mille, sf, period_s): &(u32, u64, u8, u64)) -> Row {
    let modulation = Modulation::lorawan(sf, 125_000);
    let offer = Offer { interval: Interval::Periodic, mean_s: period_s as f64, modulation, phy_bytes: 64 };
    let links = Links::from_attenuation(1, &[100.0]);
    let bare = Bare::new(medium(CollisionModel::Aloha, 1), links, &[offer], &[hz]);
    let (air, _) = bare.run(Duration::from_secs(5 * 3_600), &mut |_| {});
    let medium = air.medium();
    let fullest = medium.log().duty().fullest_of(Transmitter::Node(NodeIndex(0)));
    let measured = fullest.map_or(0.0, |hour| hour.ratio);
    let airtime_us = frame_airtime(modulation, 64).as_micros();
    let ages_us = (0..).map(|frame| frame * period_s * 1_000_000).take_while(|age| *age < HOUR_US);
    let used_us: u64 = ages_us.map(|age| airtime_us.min(HOUR_US - age)).sum();
    let expected = used_us as f64 / (HOUR_US / 1_000 * allowed_per_mille) as f64;
    Row {
        cells: vec![
            format!("{:.3} MHz, SF{sf}, every {period_s} s", f64::from(hz) / 1e6),
            format!("{measured:.6}"),
            format!("{expected:.6}"),
        ],
        checks: vec![Check { expected, measured, tolerance: 1e-12 }],
    }
}

const GREEDY: &str = "\
[nodes]\ncount = 1\n[radio]\nradius_m = 100\n[run]\nduration_s = 43200\n\
[traffic]\ninterval = \"periodic\"\nmean_s = 30\nspreading_factor = 12\nphy_bytes = 64\n";

fn guarded() -> Row {
    let scenario = Scenario::from_toml("greedy", GREEDY, Path::new(""), &Overrides::default());
    let scenario = scenario.expect("the scenario is constant and valid");
    let traffic = scenario.traffic.clone().expect("it has this section");
    let ended = simulate(&scenario, &traffic, &mut |_| {}).expect("the network server takes its defaults");
    let measured = ended.summary.duty_cycle.worst_ratio;
    let frame = frame_airtime(traffic.modulation, 64).as_secs_f64() / 36.0;
    Row {
        cells: vec![
            "guarded stack, SF12, asked for every 30 s".into(),
            format!("{measured:.6}"),
            format!("{:.6} to 1", 1.0 - 2.0 * frame),
        ],
        checks: vec![Check { expected: 1.0 - frame, measured, tolerance: frame }],
    }
}
