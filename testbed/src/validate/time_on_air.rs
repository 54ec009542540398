//! Time on air, against published numbers and against another implementation.
use super::Effort;
use super::chapter::{Chapter, Check, Row};
use chirrup_protocol::airtime::{Modulation, frame_airtime};
use lora_modulation::{Bandwidth, BaseBandModulationParams, CodingRate, SpreadingFactor};

const TEXT: &str = "\
Frames with explicit header, CRC and a preamble of 8 symbols, in microseconds. First numbers that others published:
`ns-3` is the test of the LoRaWAN module of ns-3, whose authors took them from Semtech's calculator; `TTS` the test
of The Things Stack (`pkg/toa`); `lora-rs` that of the crate `lora-modulation`, checked by its authors against the
calculators of The Things Network and of A. van Bentem. Then every length from 1 to 255 bytes at every spreading
factor, bandwidth and coding rate, against the implementation in `lora-modulation`, which shares nothing with ours.";

/// Source, SF, bandwidth in kHz, coding rate 4 / (4 + n), PHY bytes, microseconds.
type Vector = (&'static str, u8, u32, u8, usize, u64);

const PUBLISHED: [Vector; 31] = [
    ("ns-3", 7, 125, 1, 10, 41_216),
    ("ns-3", 8, 125, 1, 10, 72_192),
    ("TTS", 7, 125, 1, 10, 41_216),
    ("TTS", 8, 125, 1, 10, 72_192),
    ("TTS", 9, 125, 1, 10, 144_384),
    ("TTS", 10, 125, 1, 10, 288_768),
    ("TTS", 11, 125, 1, 10, 577_536),
    ("TTS", 12, 125, 1, 10, 991_232),
    ("TTS", 7, 250, 1, 10, 20_608),
    ("TTS", 7, 500, 1, 10, 10_304),
    ("TTS", 7, 125, 2, 10, 45_312),
    ("TTS", 7, 125, 3, 10, 49_408),
    ("TTS", 7, 125, 4, 10, 53_504),
    ("TTS", 7, 125, 1, 13, 46_336),
    ("TTS", 7, 125, 1, 15, 46_336),
    ("TTS", 7, 125, 1, 16, 51_456),
    ("TTS", 7, 125, 1, 19, 51_456),
    ("lora-rs", 7, 250, 1, 38, 41_088),
    ("lora-rs", 7, 125, 1, 38, 82_176),
    ("lora-rs", 8, 125, 1, 38, 143_872),
    ("lora-rs", 9, 125, 1, 38, 267_264),
    ("lora-rs", 10, 125, 1, 38, 493_568),
    ("lora-rs", 11, 125, 1, 38, 1_069_056),
    ("lora-rs", 12, 125, 1, 38, 1_974_272),
    ("lora-rs", 7, 250, 1, 41, 43_648),
    ("lora-rs", 7, 125, 1, 41, 87_296),
    ("lora-rs", 8, 125, 1, 41, 154_112),
    ("lora-rs", 9, 125, 1, 41, 287_744),
    ("lora-rs", 10, 125, 1, 41, 534_528),
    ("lora-rs", 11, 125, 1, 41, 1_150_976),
    ("lora-rs", 12, 125, 1, 41, 2_138_112),
];

/// The chapter. It needs no random numbers.
pub fn chapter(title: &'static str, _: Effort) -> Chapter {
    let published = PUBLISHED.iter().map(published);
    let everything =
        [125, 250, 500].into_iter().flat_map(|khz| (7..=12).map(move |sf| every_length(sf, khz)));
    Chapter {
        title,
        text: TEXT,
        columns: &["case", "ours", "theirs", "compared"],
        rows: published.chain(everything).collect(),
        picture: None,
    }
}

fn published(&(source, sf, khz, coding_rate, phy_bytes, theirs): &Vector) -> Row {
    let modulation = Modulation { spreading_factor: sf, bandwidth_hz: khz * 1_000, coding_rate };
    let ours = frame_airtime(modulation, phy_bytes).as_micros();
    Row {
        cells: vec![
            format!("{source}: SF{sf}, {khz} kHz, 4/{}, {phy_bytes} B", coding_rate + 4),
            ours.to_string(),
            theirs.to_string(),
            "1".into(),
        ],
        checks: vec![Check { expected: theirs as f64, measured: ours as f64, tolerance: 0.0 }],
    }
}

/// All coding rates and lengths; the row shows the sum.
fn every_length(sf: u8, khz: u32) -> Row {
    let rates = [(1, CodingRate::_4_5), (2, CodingRate::_4_6), (3, CodingRate::_4_7), (4, CodingRate::_4_8)];
    let mut checks = Vec::new();
    for (coding_rate, theirs) in rates {
        let modulation = Modulation { spreading_factor: sf, bandwidth_hz: khz * 1_000, coding_rate };
        let theirs = BaseBandModulationParams::new(their_sf(sf), their_bandwidth(khz), theirs);
        checks.extend((1..=u8::MAX).map(|bytes| Check {
            expected: theirs.time_on_air_us(Some(8), true, bytes).into(),
            measured: frame_airtime(modulation, bytes.into()).as_micros() as f64,
            tolerance: 0.0,
        }));
    }
    let sum = |value: &dyn Fn(&Check) -> f64| checks.iter().map(value).sum::<f64>();
    Row {
        cells: vec![
            format!("SF{sf}, {khz} kHz, 4/5 to 4/8, 1 to 255 B, sum"),
            format!("{}", sum(&|check| check.measured)),
            format!("{}", sum(&|check| check.expected)),
            checks.len().to_string(),
        ],
        checks,
    }
}

const fn their_sf(sf: u8) -> SpreadingFactor {
    match sf {
        7 => SpreadingFactor::_7,
        8 => SpreadingFactor::_8,
        9 => SpreadingFactor::_9,
        10 => SpreadingFactor::_10,
        11 => SpreadingFactor::_11,
        _ => SpreadingFactor::_12,
    }
}

const fn their_bandwidth(khz: u32) -> Bandwidth {
    match khz {
        125 => Bandwidth::_125KHz,
        250 => Bandwidth::_250KHz,
        _ => Bandwidth::_500KHz,
    }
}
