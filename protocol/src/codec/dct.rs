//! The orthonormal discrete cosine transform of types II and III (Ahmed, Natarajan and Rao 1974), of any length N.
//!
//! ```text
//! forward   X[0] = (sum of x[n]) sqrt(1 / N);  X[k] = (sum of x[n] cos(pi (2 n + 1) k / (2 N))) sqrt(2 / N)
//! inverse   x[n] = X[0] sqrt(1 / N) + (sum over k > 0 of X[k] cos(..)) sqrt(2 / N)
//! ```
//! N^2 multiplications and a table of N + 1 cosines in lent memory: rows are short, and flash is dearer than time.
use core::f32::consts::PI;

/// Terms of the series of the cosine after the first: the rest is below 2^-40.
const TERMS: u16 = 8;

/// Numbers in the table for rows of `length`.
pub const fn table_len(length: usize) -> usize {
    length + 1
}

/// Fills `[N + 1]` with the cosines of pi j / (2 N).
pub fn fill_table(table: &mut [f32]) {
    let length = table.len() - 1;
    for (index, place) in table.iter_mut().enumerate() {
        let angle = PI * index as f32 / (2 * length) as f32;
        *place = if index == length { 0.0 } else { cosine(angle) };
    }
}

/// The cosine of an angle up to a right one, by its series from the smallest term on, within 2^-22. It is written out so
/// that it has the same bits wherever it is implemented.
fn cosine(angle: f32) -> f32 {
    let square = angle * angle;
    (1..=TERMS).rev().fold(1.0, |rest, term| 1.0 - square * rest / f32::from((2 * term - 1) * (2 * term)))
}

/// The cosine of pi j / (2 N), j below 4 N.
fn at(table: &[f32], index: usize) -> f32 {
    let length = table.len() - 1;
    let folded = if index > 2 * length { 4 * length - index } else { index };
    if folded > length { -table[2 * length - folded] } else { table[folded] }
}

/// Sums the products of `values` with the cosines of first, first + step, ...
fn correlate(table: &[f32], values: &[f32], first: usize, step: usize) -> f32 {
    let (mut index, mut sum) = (first, 0.0);
    let period = 4 * (table.len() - 1);
    for value in values {
        sum += value * at(table, index);
        index += step;
        if index >= period {
            index -= period;
        }
    }
    sum
}

/// The coefficients of `values`, `[N]` both. `table` is that of [`fill_table`].
pub fn forward(table: &[f32], values: &[f32], coefficients: &mut [f32]) {
    let (first_norm, norm) = norms(values.len());
    for (k, coefficient) in coefficients.iter_mut().enumerate() {
        *coefficient = correlate(table, values, k, 2 * k) * if k == 0 { first_norm } else { norm };
    }
}

/// The values of `coefficients`, `[N]` both. `table` is that of [`fill_table`].
pub fn inverse(table: &[f32], coefficients: &[f32], values: &mut [f32]) {
    let (first_norm, norm) = norms(coefficients.len());
    let Some((constant, waves)) = coefficients.split_first() else { return };
    for (n, value) in values.iter_mut().enumerate() {
        let step = 2 * n + 1;
        *value = constant * first_norm + correlate(table, waves, step, step) * norm;
    }
}

fn norms(length: usize) -> (f32, f32) {
    (libm::sqrtf(1.0 / length as f32), libm::sqrtf(2.0 / length as f32))
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;

    fn table(length: usize) -> vec::Vec<f32> {
        let mut table = vec![0.0; table_len(length)];
        fill_table(&mut table);
        table
    }

    #[test]
    fn the_table_is_that_of_the_cosine() {
        for length in [1, 2, 3, 30, 64, 561, 1_024] {
            for (index, cosine) in table(length).iter().enumerate() {
                let exact = libm::cos(core::f64::consts::PI * index as f64 / (2 * length) as f64);
                assert!((f64::from(*cosine) - exact).abs() < 2.4e-7, "{index} of {length}");
            }
        }
    }

    #[test]
    fn the_transform_is_as_specified() {
        // By hand for N = 2: (x + y) / sqrt(2) and (x - y) / sqrt(2); a constant has one coefficient.
        let mut coefficients = [0.0; 2];
        forward(&table(2), &[3.0, 1.0], &mut coefficients);
        assert!(
            (coefficients[0] - 2.828_427).abs() < 1e-6
                && (coefficients[1] - core::f32::consts::SQRT_2).abs() < 1e-6
        );
        let mut coefficients = [9.0; 5];
        forward(&table(5), &[1.0; 5], &mut coefficients);
        assert!((coefficients[0] - 2.236_068).abs() < 1e-6);
        assert!(coefficients[1..].iter().all(|coefficient| coefficient.abs() < 1e-6));
    }

    /// Computed from SPEC.md in Python, each operation rounded to single precision.
    #[test]
    fn the_bits_are_as_specified() {
        let mut coefficients = [0.0; 5];
        forward(&table(5), &[1.0, -2.0, 0.5, 3.0, 0.25], &mut coefficients);
        assert_eq!(
            coefficients.map(f32::to_bits),
            [0x3f9d_6b50, 0xbfb4_2cb6, 0x3e02_fca0, 0x4052_5300, 0x3d48_2149]
        );
        let mut values = [0.0; 5];
        inverse(&table(5), &coefficients, &mut values);
        assert_eq!(
            values.map(f32::to_bits),
            [0x3f80_0000, 0xc000_0001, 0x3f00_0000, 0x4040_0001, 0x3e80_0000]
        );
    }

    proptest! {
        #[test]
        fn energy_stays_and_the_inverse_inverts(values in proptest::collection::vec(-10f32..10.0, 1..130)) {
            let (table, mut there, mut back) = (table(values.len()), vec![0.0; values.len()], values.clone());
            forward(&table, &values, &mut there);
            inverse(&table, &there, &mut back);
            let energy = |values: &[f32]| values.iter().map(|value| value * value).sum::<f32>();
            prop_assert!((energy(&there) - energy(&values)).abs() <= 2e-5 * energy(&values) + 1e-20);
            prop_assert!(values.iter().zip(&back).all(|(a, b)| (a - b).abs() <= 1e-4));
        }
    }
}
