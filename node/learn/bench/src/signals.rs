//! Features of signals: how far fixed point is from no rounding.
use crate::section::{Bar, Section, Table};
use anyhow::Result;
use chirrup_learn::features::dct::dct2;
use chirrup_learn::features::fft::{MAX_ERROR, transform};
use chirrup_learn::random::Random;
use std::f64::consts::{PI, TAU};

const SEEDS: u64 = 10;

/// A signal by its place and a random number from -1 to 1.
type Signal = fn(usize, f32) -> f64;

const SIGNALS: [(&str, Signal); 4] = [
    ("white noise, full scale", |_, noise| 32_767.0 * f64::from(noise)),
    ("white noise, 8 bits", |_, noise| 127.0 * f64::from(noise)),
    ("tone, full scale", |n, _| 32_767.0 * libm::sin(0.3 * n as f64)),
    ("tone, 6 bits, in noise of 1 bit", |n, noise| 31.0 * libm::sin(0.7 * n as f64) + f64::from(noise)),
];

/// Largest error in units of the last bit, error energy, and energy.
fn errors(signal: &[i16]) -> Result<(f64, f64, f64)> {
    let (length, mut spectrum) = (signal.len(), signal.to_vec());
    let unit = libm::exp2(f64::from(transform(&mut spectrum)?));
    let (mut largest, mut noise, mut energy) = (0.0, 0.0, 0.0);
    for k in 1..length / 2 {
        let (mut re, mut im) = (0.0, 0.0);
        for (n, &sample) in signal.iter().enumerate() {
            let angle = TAU * (k * n % length) as f64 / length as f64;
            re += f64::from(sample) * libm::cos(angle) / unit;
            im -= f64::from(sample) * libm::sin(angle) / unit;
        }
        for (exact, found) in [(re, spectrum[2 * k]), (im, spectrum[2 * k + 1])] {
            let error = exact - f64::from(found);
            largest = f64::max(largest, error.abs());
            noise += error * error;
            energy += exact * exact;
        }
    }
    Ok((largest, noise, energy))
}

fn fft_table(bars: &mut Vec<Bar>) -> Result<Table> {
    let (mut rows, mut worst) = (Vec::new(), 0.0);
    for (name, signal) in SIGNALS {
        let mut row = vec![name.to_string()];
        for length in [64, 256, 1024] {
            let (mut most, mut noise, mut energy) = (0.0, 0.0, 0.0);
            for seed in 0..SEEDS {
                let mut random = Random::new(seed);
                let signal: Vec<i16> =
                    (0..length).map(|n| libm::round(signal(n, random.symmetric())) as i16).collect();
                let found = errors(&signal)?;
                (most, noise, energy) = (f64::max(most, found.0), noise + found.1, energy + found.2);
            }
            worst = f64::max(worst, most);
            row.push(format!("{most:.2} ({:.0} dB)", 10.0 * libm::log10(energy / noise)));
        }
        rows.push(row);
    }
    bars.push(Bar::at_most("transform of i16, largest error in units of the last bit", MAX_ERROR, worst));
    Ok(Table {
        caption:
            "Transform of i16: largest error in units of the last bit (and signal to noise of the spectrum)."
                .into(),
        head: vec!["signal", "64", "256", "1,024"],
        rows,
    })
}

fn dct_table(bars: &mut Vec<Bar>) -> Result<Table> {
    let (mut rows, mut worst) = (Vec::new(), 0.0);
    for bands in [20, 40, 64, 128] {
        let (mut random, mut largest) = (Random::new(bands as u64), 0.0);
        let values: Vec<f32> = (0..bands).map(|_| 20.0 * random.unit()).collect();
        let mut coefficients = vec![0.0; bands];
        dct2(&values, &mut coefficients)?;
        for (k, &found) in coefficients.iter().enumerate() {
            let scale = libm::sqrt(if k == 0 { 1.0 } else { 2.0 } / bands as f64);
            let terms = values.iter().enumerate().map(|(n, &value)| {
                f64::from(value) * libm::cos(PI * (k * (2 * n + 1)) as f64 / (2 * bands) as f64)
            });
            largest = f64::max(largest, (terms.sum::<f64>() * scale - f64::from(found)).abs());
        }
        worst = f64::max(worst, largest / values.iter().map(|&value| f64::from(value)).sum::<f64>());
        rows.push(vec![bands.to_string(), format!("{largest:.1e}")]);
    }
    bars.push(Bar::at_most("cosine transform, error in millionths of the sum", 4.0, 1e6 * worst));
    Ok(Table {
        caption: "Cosine transform in f32 of values from 0 to 20: largest error of a coefficient.".into(),
        head: vec!["values", "error"],
        rows,
    })
}

/// Both transforms against their definitions in double precision.
pub fn section() -> Result<Section> {
    let mut bars = Vec::new();
    let tables = vec![fft_table(&mut bars)?, dct_table(&mut bars)?];
    Ok(Section {
        title: "Features of signals",
        text: "Against the definitions in double precision. What a transform takes on a board is in \
               [learning-footprint.md](learning-footprint.md)."
            .into(),
        tables,
        bars,
    })
}
