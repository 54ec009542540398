//! The largest or the mean of a window, channel by channel. A window without a tap inside the input gives zero.
use super::convolution::write_f32;
use super::elementwise::{read_f32, write_i8};
use super::fixed::Multiplier;
use super::image::{Divisor, Operator, Tensor};
use super::window::Taps;

/// Writes the outputs of all windows: `reduce` takes the input's bytes from a window's positions.
fn slide(
    operator: &Operator,
    input: &Tensor,
    output: &Tensor,
    arena: &mut [u8],
    reduce: impl Fn(&mut [u8], &Window<'_>, usize),
) {
    for row in 0..usize::from(output.height) {
        let rows = Taps::along(0, row, operator, input);
        for column in 0..usize::from(output.width) {
            let columns = Taps::along(1, column, operator, input);
            for channel in 0..usize::from(output.channels) {
                let bytes = input.element.bytes();
                let window = Window { input, rows: &rows, columns: &columns, channel: channel * bytes };
                reduce(arena, &window, output.at(row, column) + channel * bytes);
            }
        }
    }
}

/// One channel of one window.
struct Window<'a> {
    input: &'a Tensor,
    rows: &'a Taps,
    columns: &'a Taps,
    /// In bytes from the pixel.
    channel: usize,
}

impl Window<'_> {
    /// Where its taps lie in the arena, row by row.
    fn places(&self) -> impl Iterator<Item = usize> {
        self.rows.inside.clone().flat_map(move |row| {
            let row = self.rows.position(row);
            let columns = self.columns.inside.clone();
            columns.map(move |column| self.input.at(row, self.columns.position(column)) + self.channel)
        })
    }

    /// How many taps a mean divides by.
    fn count(&self, operator: &Operator) -> usize {
        match operator.divisor {
            Divisor::TapsInside => self.rows.inside.len() * self.columns.inside.len(),
            Divisor::AllTaps => usize::from(operator.kernel[0]) * usize::from(operator.kernel[1]),
        }
    }
}

/// Largest, i8.
pub(super) fn max_i8(operator: &Operator, input: &Tensor, output: &Tensor, arena: &mut [u8]) {
    slide(operator, input, output, arena, |arena, window, at| {
        let largest = window.places().map(|place| arena[place] as i8).max();
        write_i8(largest.unwrap_or(input.zero_point).into(), operator.bounds_i8(), &mut arena[at]);
    });
}

/// Largest, f32.
pub(super) fn max_f32(operator: &Operator, input: &Tensor, output: &Tensor, arena: &mut [u8]) {
    slide(operator, input, output, arena, |arena, window, at| {
        let largest = window.places().map(|place| read_f32(arena, place)).reduce(f32::max);
        write_f32(largest.unwrap_or(0.0), operator.bounds_f32(), &mut arena[at..at + 4]);
    });
}

/// Mean, i8.
pub(super) fn mean_i8(
    operator: &Operator,
    input: &Tensor,
    output: &Tensor,
    multiplier: Multiplier,
    arena: &mut [u8],
) {
    let zero = i32::from(input.zero_point);
    slide(operator, input, output, arena, |arena, window, at| {
        // A loaded operator has at most 65,535 taps: the sum cannot overflow.
        let sum = window.places().map(|place| i32::from(arena[place] as i8) - zero).sum();
        let mean = multiplier.apply_mean(sum, window.count(operator).max(1));
        let value = mean.saturating_add(output.zero_point.into());
        write_i8(value, operator.bounds_i8(), &mut arena[at]);
    });
}

/// Mean, f32.
pub(super) fn mean_f32(operator: &Operator, input: &Tensor, output: &Tensor, arena: &mut [u8]) {
    slide(operator, input, output, arena, |arena, window, at| {
        let sum = window.places().fold(0.0, |sum, place| sum + read_f32(arena, place));
        let mean = sum / window.count(operator).max(1) as f32;
        write_f32(mean, operator.bounds_f32(), &mut arena[at..at + 4]);
    });
}
