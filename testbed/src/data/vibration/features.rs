//! What a node would make of a window, with the code of `chirrup-learn` that runs on nodes.
//!
//! | features | from |
//! | --- | --- |
//! | 6 | the window itself: RMS and jerk as logarithms, skewness, kurtosis, crest factor, mean crossings |
//! | 8 | cepstra: cosine transform of 16 bands' energies, spectra of up to 1,024 samples, Hann window |
//! | 3 | energy at once, twice and three times the shaft's frequency, from samples averaged in fours |
//! | 9 | energy at orders of the bearing in the spectrum of the envelope, relative to the whole of it |
//!
//! The envelope is the magnitude of the second difference, which leaves resonances and drops what turns with the
//! shaft, averaged in fours. The node knows its bearing, and the speed by a pulse a turn; a band is a twentieth of its
//! frequency wide and at least three steps of the spectrum, for slip, and for the width of the Hann window.
//!
//! A node needs `2 * window` bytes for the samples and as much again to transform them.
use super::bearing::{Bearing, Orders};
use super::signal::Window;
use chirrup_learn::LearnError;
use chirrup_learn::features::{dct, fft, window};

/// Bands of the spectrum, of which the cepstra are made.
const BANDS: usize = 16;
/// Cepstral coefficients that are kept.
const CEPSTRA: usize = 8;
/// Longest transform of a node.
const LONGEST: usize = 1_024;
/// Samples that are averaged before the transforms of shaft and envelope.
pub const AVERAGED: usize = 4;
/// Half the width of a band around an order, as a share of its frequency.
const HALF_WIDTH: f64 = 0.025;
/// Units of a logarithm in [`fft::band_energies`].
const LOG2_UNITS: f32 = 256.0;

const STATISTICS: [&str; 6] =
    ["log2 rms", "log2 jerk", "skewness", "kurtosis", "crest factor", "mean crossings"];
const SHAFT: [&str; 3] = ["shaft 1x", "shaft 2x", "shaft 3x"];
const ENVELOPE: [&str; 9] = [
    "envelope 1x",
    "envelope cage",
    "envelope ball",
    "envelope ball 2x",
    "envelope ball 4x",
    "envelope outer",
    "envelope outer 2x",
    "envelope inner",
    "envelope inner 2x",
];

/// Numbers in a sample.
pub const COUNT: usize = STATISTICS.len() + CEPSTRA + SHAFT.len() + ENVELOPE.len();

/// Names of the features.
pub fn names() -> Vec<String> {
    let cepstra = (0..CEPSTRA).map(|index| format!("cepstrum {index}"));
    let fixed = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    fixed(&STATISTICS).into_iter().chain(cepstra).chain(fixed(&SHAFT)).chain(fixed(&ENVELOPE)).collect()
}

/// Features of a window, `[COUNT]`. A window shorter than 256 samples, or no power of two, is an error.
pub fn of_window(window: &Window, bearing: &Bearing, rate_hz: f64) -> Result<Vec<f32>, LearnError> {
    let mut features = Vec::with_capacity(COUNT);
    features.extend(statistics(&window.samples)?);
    features.extend(cepstra(&window.samples)?);
    let averaged_hz = rate_hz / AVERAGED as f64;
    let shaft = Spectrum::of(averaged(&window.samples), averaged_hz)?;
    for order in [1.0, 2.0, 3.0] {
        features.push(shaft.log2_energy(order * window.tacho_hz)?);
    }
    let envelope = Spectrum::of(envelope(&window.samples), averaged_hz)?;
    let whole = envelope.log2_whole()?;
    for order in envelope_orders(&bearing.orders()) {
        features.push(envelope.log2_energy(order * window.tacho_hz)? - whole);
    }
    Ok(features)
}

fn envelope_orders(orders: &Orders) -> [f64; ENVELOPE.len()] {
    let Orders { cage, outer, inner, ball } = *orders;
    [1.0, cage, ball, 2.0 * ball, 4.0 * ball, outer, 2.0 * outer, inner, 2.0 * inner]
}

fn statistics(samples: &[i16]) -> Result<[f32; STATISTICS.len()], LearnError> {
    let found = window::statistics(samples)?;
    let log2 = |value: f32| libm::log2f(value.max(1.0));
    Ok([
        log2(found.rms),
        log2(found.jerk),
        found.skewness,
        found.kurtosis,
        found.crest_factor,
        found.mean_crossings,
    ])
}

/// Of the mean, over spectra that follow each other, of the logarithms of bands.
fn cepstra(samples: &[i16]) -> Result<[f32; CEPSTRA], LearnError> {
    let length = samples.len().min(LONGEST);
    let edges = band_edges(length);
    let (mut sums, mut count) = ([0.0; BANDS], 0.0);
    for part in samples.chunks_exact(length) {
        let mut spectrum = part.to_vec();
        fft::hann(&mut spectrum)?;
        let exponent = fft::transform(&mut spectrum)?;
        let mut energies = [0; BANDS];
        fft::band_energies(&spectrum, exponent, &edges, &mut energies)?;
        for (sum, energy) in sums.iter_mut().zip(energies) {
            *sum += f32::from(energy) / LOG2_UNITS;
        }
        count += 1.0;
    }
    let mut coefficients = [0.0; CEPSTRA];
    dct::dct2(&sums.map(|sum| sum / count), &mut coefficients)?;
    Ok(coefficients)
}

/// From a 64th of half the sampling rate up to all of it, in equal ratios, each band at least a step wide as far as
/// there are steps.
fn band_edges(length: usize) -> [u16; BANDS + 1] {
    let half = (length / 2) as f64;
    let mut edges = [0; BANDS + 1];
    for (index, edge) in edges.iter_mut().enumerate() {
        *edge = libm::round(half * libm::exp2(-6.0 * (BANDS - index) as f64 / BANDS as f64)) as u16;
    }
    edges
}

/// Means of four, less the mean of all.
fn averaged(samples: &[i16]) -> Vec<i16> {
    let samples: Vec<i32> = samples.iter().copied().map(i32::from).collect();
    centred(&samples)
}

/// The magnitude of the second difference, averaged.
pub fn envelope(samples: &[i16]) -> Vec<i16> {
    let mut magnitudes: Vec<i32> = samples
        .windows(3)
        .map(|three| (i32::from(three[0]) - 2 * i32::from(three[1]) + i32::from(three[2])).abs())
        .collect();
    let last = magnitudes.last().copied().unwrap_or(0);
    magnitudes.resize(samples.len(), last);
    centred(&magnitudes)
}

fn centred(values: &[i32]) -> Vec<i16> {
    let means: Vec<i32> =
        values.chunks_exact(AVERAGED).map(|four| four.iter().sum::<i32>() / AVERAGED as i32).collect();
    let total: i64 = means.iter().map(|&mean| i64::from(mean)).sum();
    let middle = (total / means.len().max(1) as i64) as i32;
    means.iter().map(|mean| (mean - middle).clamp(i16::MIN.into(), i16::MAX.into()) as i16).collect()
}

/// A spectrum in the fixed point of a node.
pub struct Spectrum {
    parts: Vec<i16>,
    exponent: i32,
    step_hz: f64,
}

impl Spectrum {
    /// Of samples taken at a rate.
    pub fn of(mut samples: Vec<i16>, rate_hz: f64) -> Result<Self, LearnError> {
        let step_hz = rate_hz / samples.len() as f64;
        fft::hann(&mut samples)?;
        let exponent = fft::transform(&mut samples)?;
        Ok(Self { parts: samples, exponent, step_hz })
    }

    /// Logarithm of the energy around a frequency; 0 beyond half the sampling rate.
    pub fn log2_energy(&self, hz: f64) -> Result<f32, LearnError> {
        let half_width = (HALF_WIDTH * hz).max(1.5 * self.step_hz);
        let step = |hz: f64| libm::round(hz / self.step_hz).max(1.0) as usize;
        self.log2_between(step(hz - half_width), step(hz + half_width))
    }

    fn log2_whole(&self) -> Result<f32, LearnError> {
        self.log2_between(1, self.parts.len() / 2)
    }

    fn log2_between(&self, from: usize, to: usize) -> Result<f32, LearnError> {
        let edge = |step: usize| step.min(self.parts.len() / 2) as u16;
        let mut energy = [0];
        fft::band_energies(&self.parts, self.exponent, &[edge(from), edge(to)], &mut energy)?;
        Ok(f32::from(energy[0]) / LOG2_UNITS)
    }

    /// Squared magnitudes from zero frequency on, of the same scale within a spectrum.
    pub fn powers(&self) -> impl Iterator<Item = f64> + '_ {
        let square = |part: i16| f64::from(part) * f64::from(part);
        let (points, _) = self.parts.as_chunks::<2>();
        points
            .iter()
            .enumerate()
            .map(move |(index, point)| square(point[0]) + if index == 0 { 0.0 } else { square(point[1]) })
    }

    /// What the unit of [`Self::powers`] is, in squares of the samples' unit.
    pub fn unit_power(&self) -> f64 {
        libm::exp2(2.0 * f64::from(self.exponent))
    }

    /// Width of a step, in hertz.
    pub fn step_hz(&self) -> f64 {
        self.step_hz
    }
}
