//! Softmax over the channels of each pixel; the largest is subtracted first so that nothing overflows.
use super::elementwise::read_f32;
use super::image::Tensor;

/// In f32.
pub(super) fn run_f32(input: &Tensor, output: &Tensor, arena: &mut [u8]) {
    for_each_pixel(input, |row, column| {
        let (from, to) = (input.at(row, column), output.at(row, column));
        let channels = usize::from(input.channels);
        let largest = (0..channels)
            .map(|channel| read_f32(arena, from + 4 * channel))
            .fold(f32::NEG_INFINITY, f32::max);
        let mut sum = 0.0;
        for channel in 0..channels {
            let power = libm::expf(read_f32(arena, from + 4 * channel) - largest);
            arena[to + 4 * channel..][..4].copy_from_slice(&power.to_le_bytes());
            sum += power;
        }
        for channel in 0..channels {
            let probability = read_f32(arena, to + 4 * channel) / sum;
            arena[to + 4 * channel..][..4].copy_from_slice(&probability.to_le_bytes());
        }
    });
}

/// In integers: `powers[i]` is `65535 exp(-scale i)`, the output has scale 1/256 and zero point -128.
pub(super) fn run_i8(input: &Tensor, output: &Tensor, powers: &[[u8; 2]], arena: &mut [u8]) {
    for_each_pixel(input, |row, column| {
        let (from, to) = (input.at(row, column), output.at(row, column));
        let channels = usize::from(input.channels);
        let largest = arena[from..from + channels].iter().map(|&value| value as i8).max().unwrap_or(0);
        let power = |value: u8| {
            let below = usize::from(largest.abs_diff(value as i8));
            u32::from(u16::from_le_bytes(powers[below]))
        };
        // At most 65,535 channels of at most 65,535 each: within 32 bits. Not zero, unless the table is.
        let sum = arena[from..from + channels].iter().map(|&value| power(value)).sum::<u32>().max(1);
        for channel in 0..channels {
            let share = u64::from(power(arena[from + channel])) * 256 + u64::from(sum / 2);
            let probability = (share / u64::from(sum)).min(255) as i32 - 128;
            arena[to + channel] = probability as u8;
        }
    });
}

fn for_each_pixel(tensor: &Tensor, mut each: impl FnMut(usize, usize)) {
    for row in 0..usize::from(tensor.height) {
        for column in 0..usize::from(tensor.width) {
            each(row, column);
        }
    }
}
