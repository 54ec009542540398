//! Spectrum of a window of `i16` samples: a real fast Fourier transform in fixed point with a common exponent (Oppenheim
//! and Weinstein, Proc. IEEE 1972), a Hann window, and energies of bands as logarithms.
//!
//! The n samples, in pairs, are n/2 complex numbers; their transform (radix 2, decimation in time) is taken apart into
//! that of the real signal. Before each stage it is seen how large the numbers are, and the stage halves them once or
//! twice where they could overflow; a small signal is doubled beforehand. The exponent counts both.
//!
//! The error of each number of the spectrum against a transform without rounding, in units of its last bit, was at most
//! 3.4 for tones, steps, pulses and noise of all lengths; tests hold it below [`MAX_ERROR`]. White noise, of which no
//! frequency stands out, has the largest.
//!
//! State: none; the transform is in place. n/4 (log2 n - 1) butterflies of four multiplications, and n/4 steps
//! of four to take them apart. The table of sines is 514 bytes of flash.
use super::sine::{cosine, sine};
use crate::{LearnError, check_length};

/// Fewest and most samples of a window.
pub const POINTS: core::ops::RangeInclusive<usize> = 64..=1024;

/// Largest error of a part of the spectrum in units of its last bit.
pub const MAX_ERROR: f64 = 6.0;

/// Above these magnitudes a butterfly, which multiplies them by at most 1 + sqrt(2), could leave 16 bits unless it halves
/// once or twice.
const HALVE_ONCE: u16 = 13_572;
const HALVE_TWICE: u16 = 27_144;

/// Multiplies a window with the Hann window, 1/2 - cos(2 pi k / n) / 2, in place.
pub fn hann(signal: &mut [i16]) -> Result<(), LearnError> {
    check_points(signal)?;
    let turn = 1024 / signal.len();
    for (index, sample) in signal.iter_mut().enumerate() {
        let weight = 32_768 - cosine(index * turn);
        *sample = ((i32::from(*sample) * weight + (1 << 15)) >> 16) as i16;
    }
    Ok(())
}

/// Replaces a window of 2^k samples within [`POINTS`] by its spectrum: the parts at zero and at half the sampling rate,
/// which are real, then real and imaginary part of each frequency between. The true values are 2^e times these, where e
/// is what is returned.
pub fn transform(signal: &mut [i16]) -> Result<i32, LearnError> {
    check_points(signal)?;
    let (points, _) = signal.as_chunks_mut::<2>();
    reverse_bits(points);
    let mut exponent = -fill(points);
    let mut half = 1;
    while half < points.len() {
        let shift = shift_for(points);
        stage(points, half, shift);
        exponent += shift as i32;
        half *= 2;
    }
    let shift = shift_for(points);
    take_apart(points, shift);
    Ok(exponent + shift as i32)
}

/// Energies of bands, the sum of squared magnitudes, as 256 log2 of them; an energy below 1 counts as 1. Band
/// b has the frequencies from `edges[b]` up to, not including, `edges[b + 1]`, in steps of the sampling rate over the
/// window's length; edges are ascending and at most half that length, zero frequency is number 0.
pub fn band_energies(
    spectrum: &[i16],
    exponent: i32,
    edges: &[u16],
    energies: &mut [i16],
) -> Result<(), LearnError> {
    check_points(spectrum)?;
    check_length("edges", edges.len(), energies.len() + 1)?;
    let most = spectrum.len() / 2;
    let bad = edges.windows(2).find(|pair| pair[0] > pair[1]).or(edges.last().map(core::slice::from_ref));
    if let Some(bad) = bad.filter(|bad| bad.len() == 2 || usize::from(bad[0]) > most) {
        return Err(LearnError::WrongLength { what: "edges", have: bad[0].into(), need: most });
    }
    let (points, _) = spectrum.as_chunks::<2>();
    for (energy, band) in energies.iter_mut().zip(edges.windows(2)) {
        let band = usize::from(band[0])..usize::from(band[1]);
        let first_is_zero = band.start == 0 && !band.is_empty();
        let mut sum: u64 = points[band].iter().map(squared_magnitude).sum();
        if first_is_zero {
            // Half the sampling rate shares the place of zero frequency and is in no band.
            sum -= squared_magnitude(&[0, points[0][1]]);
        }
        // The logarithm is below 256 * 42, and the exponents of a transform are from -14 to 12.
        let scaled = log2_q8(sum) as i32 + 512 * exponent.clamp(-14, 12);
        *energy = if sum == 0 { 0 } else { scaled.max(0) as i16 };
    }
    Ok(())
}

/// 256 times the logarithm to base 2, rounded down; of zero it is zero.
pub fn log2_q8(value: u64) -> u32 {
    let whole = value.checked_ilog2().unwrap_or(0);
    // From 1 up to 2, with 31 bits after the point; squaring doubles the logarithm.
    let mut rest = ((value << (63 - whole)) >> 32).max(1 << 31);
    let mut log = whole;
    for _ in 0..8 {
        rest = (rest * rest) >> 31;
        let bit = (rest >> 32) as u32;
        rest >>= bit;
        log = 2 * log + bit;
    }
    log
}

fn check_points(signal: &[i16]) -> Result<(), LearnError> {
    let need = signal.len().clamp(*POINTS.start(), *POINTS.end()).next_power_of_two();
    check_length("window", signal.len(), need)
}

fn squared_magnitude(point: &[i16; 2]) -> u64 {
    point.iter().map(|&part| u64::from(part.unsigned_abs()) * u64::from(part.unsigned_abs())).sum()
}

fn reverse_bits(points: &mut [[i16; 2]]) {
    let bits = points.len().trailing_zeros();
    for index in 0..points.len() {
        let other = index.reverse_bits() >> (usize::BITS - bits);
        if index < other {
            points.swap(index, other);
        }
    }
}

/// Doubles all numbers as often as they stay below where a stage halves them: what is lost by rounding then is a small
/// part of a small signal too. Returns how often.
fn fill(points: &mut [[i16; 2]]) -> i32 {
    let doublings = (HALVE_ONCE / largest(points).max(1)).checked_ilog2().unwrap_or(0);
    points.as_flattened_mut().iter_mut().for_each(|part| *part <<= doublings);
    doublings as i32
}

fn shift_for(points: &[[i16; 2]]) -> u32 {
    let largest = largest(points);
    u32::from(largest > HALVE_ONCE) + u32::from(largest > HALVE_TWICE)
}

fn largest(points: &[[i16; 2]]) -> u16 {
    points.as_flattened().iter().fold(0, |largest, part| part.unsigned_abs().max(largest))
}

/// Product with a factor that has 15 bits after the point; so has the product.
fn times([re, im]: [i16; 2], [cos, sin]: [i32; 2]) -> [i32; 2] {
    let (re, im) = (i32::from(re), i32::from(im));
    [re * cos - im * sin, re * sin + im * cos]
}

/// A stage: in every block of twice `half` numbers each of the lower half combined with one of the upper half, turned.
fn stage(points: &mut [[i16; 2]], half: usize, shift: u32) {
    // The same turn serves all blocks: looking up a sine takes longer than a butterfly.
    for index in 0..half {
        let steps = index * (512 / half);
        let factor = [cosine(steps), -sine(steps)];
        for block in points.chunks_exact_mut(2 * half) {
            let (lower, turned) = (block[index], times(block[index + half], factor));
            for part in 0..2 {
                let kept = i32::from(lower[part]) << 15;
                block[index][part] = rounded_mean(kept, turned[part], shift);
                block[index + half][part] = rounded_mean(kept, -turned[part], shift);
            }
        }
    }
}

/// The sum, which can need 33 bits and so is made of halves, divided by 2^(15 + shift) and rounded,
/// halves to the even number: always upwards they would add up at zero frequency.
fn rounded_mean(left: i32, right: i32, shift: u32) -> i16 {
    let (sum, bits) = ((left >> 1) + (right >> 1), 14 + shift);
    ((sum + (1 << (bits - 1)) - 1 + (sum >> bits & 1)) >> bits) as i16
}

/// From the transform z of m pairs to that of the real signal: with e = (z(k) + z*(m-k)) / 2 of the even samples and
/// o = (z(k) - z*(m-k)) / 2i of the odd ones it is x(k) = e + w^k o and x(m-k) = (e - w^k o)*.
fn take_apart(points: &mut [[i16; 2]], shift: u32) {
    let m = points.len();
    let turn = 512 / m;
    let [sum, difference] = points[0];
    points[0] = [
        rounded_mean(i32::from(sum) << 15, i32::from(difference) << 15, shift),
        rounded_mean(i32::from(sum) << 15, -(i32::from(difference) << 15), shift),
    ];
    for k in 1..=m / 2 {
        let (a, b) = (points[k].map(i64::from), points[m - k].map(i64::from));
        let (even, odd) = ([a[0] + b[0], a[1] - b[1]], [a[1] + b[1], b[0] - a[0]]);
        let (cos, sin) = (i64::from(cosine(k * turn)), i64::from(sine(k * turn)));
        let turned = [odd[0] * cos + odd[1] * sin, odd[1] * cos - odd[0] * sin];
        // Twice the result with 15 bits after the point.
        let rounded = |value: i64| ((value + (1 << (15 + shift))) >> (16 + shift)) as i16;
        let even = even.map(|part| part << 15);
        points[m - k] = [rounded(even[0] - turned[0]), rounded(turned[1] - even[1])];
        points[k] = [rounded(even[0] + turned[0]), rounded(even[1] + turned[1])];
    }
}

#[cfg(test)]
mod tests;
