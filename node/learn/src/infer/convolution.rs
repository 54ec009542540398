//! Convolution, of which a dense layer and one channel by channel are cases.
//!
//! For each output: kernel rows x kernel columns x input channels of the group multiplications.
use super::fixed::{MULTIPLIER_BYTES, Multiplier};
use super::image::{Operator, Tensor};
use super::window::Taps;
use crate::dot;
use half::f16;

/// How numbers are added up and written.
pub(super) trait Numbers {
    type Sum: Copy;
    /// Size of an element of input and output.
    const BYTES: usize;
    /// The bias of a channel.
    fn start(&self, channel: usize) -> Self::Sum;
    /// Adds products of neighbouring inputs with as many weights from each of `weights` on.
    fn add<const CHANNELS: usize>(
        &self,
        sums: [Self::Sum; CHANNELS],
        inputs: &[u8],
        weights: [usize; CHANNELS],
    ) -> [Self::Sum; CHANNELS];
    /// Writes an output.
    fn finish(&self, sum: Self::Sum, channel: usize, output: &mut [u8]);
}

/// Slides the kernel over the input.
pub(super) fn run<N: Numbers>(
    operator: &Operator,
    input: &Tensor,
    output: &Tensor,
    numbers: &N,
    arena: &mut [u8],
) {
    let kernel = Kernel::of(operator, input, output);
    for row in 0..usize::from(output.height) {
        let rows = Taps::along(0, row, operator, input);
        for column in 0..usize::from(output.width) {
            let columns = Taps::along(1, column, operator, input);
            let (taps, pixel) = ([&rows, &columns], output.at(row, column));
            // Several channels of a group share what is read of the input.
            if kernel.channels.is_multiple_of(TOGETHER) {
                kernel.pixel::<N, TOGETHER>(numbers, input, taps, output, pixel, arena);
            } else {
                kernel.pixel::<N, 1>(numbers, input, taps, output, pixel, arena);
            }
        }
    }
}

/// Output channels computed together where a group has a multiple of them.
const TOGETHER: usize = 4;

/// Sizes that the inner loops need.
struct Kernel {
    rows: usize,
    columns: usize,
    /// Input channels of a group.
    depth: usize,
    /// Output channels of a group.
    channels: usize,
    /// Taps of one kernel row read neighbouring inputs, so that they are one sum.
    dense: bool,
}

impl Kernel {
    fn of(operator: &Operator, input: &Tensor, output: &Tensor) -> Self {
        let groups = usize::from(operator.groups);
        Self {
            rows: operator.kernel[0].into(),
            columns: operator.kernel[1].into(),
            depth: usize::from(input.channels) / groups,
            channels: usize::from(output.channels) / groups,
            dense: groups == 1 && operator.dilation[1] == 1 && input.pixel_stride == input.channels,
        }
    }

    /// All output channels of one pixel, which begins at a byte of the arena.
    #[inline]
    fn pixel<N: Numbers, const CHANNELS: usize>(
        &self,
        numbers: &N,
        input: &Tensor,
        taps: [&Taps; 2],
        output: &Tensor,
        pixel: usize,
        arena: &mut [u8],
    ) {
        for first in (0..usize::from(output.channels)).step_by(CHANNELS) {
            let sums = self.sums::<N, CHANNELS>(numbers, input, taps, first, arena);
            for (channel, sum) in (first..).zip(sums) {
                numbers.finish(sum, channel, &mut arena[pixel + channel * N::BYTES..][..N::BYTES]);
            }
        }
    }

    /// Sums of channels of one group, from `first` on.
    #[inline]
    fn sums<N: Numbers, const CHANNELS: usize>(
        &self,
        numbers: &N,
        input: &Tensor,
        [rows, columns]: [&Taps; 2],
        first: usize,
        arena: &[u8],
    ) -> [N::Sum; CHANNELS] {
        let mut sums = core::array::from_fn(|index| numbers.start(first + index));
        let first_input = first / self.channels * self.depth;
        let (taps, together) = if self.dense { (1, columns.inside.len()) } else { (columns.inside.len(), 1) };
        if together == 0 {
            return sums;
        }
        let count = together * self.depth;
        for row in rows.inside.clone() {
            for column in columns.inside.clone().take(taps) {
                let at = input.at(rows.position(row), columns.position(column)) + first_input * N::BYTES;
                let weights = core::array::from_fn(|index| {
                    (((first + index) * self.rows + row) * self.columns + column) * self.depth
                });
                sums = numbers.add(sums, &arena[at..at + count * N::BYTES], weights);
            }
        }
        sums
    }
}

/// i8 inputs, weights and outputs; i32 sums.
pub(super) struct Int8<'a> {
    pub weights: &'a [u8],
    /// Empty for none.
    pub biases: &'a [[u8; 4]],
    pub multipliers: &'a [[u8; MULTIPLIER_BYTES]],
    pub input_zero: i8,
    pub output_zero: i8,
    pub bounds: [i8; 2],
}

impl Numbers for Int8<'_> {
    type Sum = i32;
    const BYTES: usize = 1;

    #[inline]
    fn start(&self, channel: usize) -> i32 {
        self.biases.get(channel).map_or(0, |bias| i32::from_le_bytes(*bias))
    }

    #[inline]
    fn add<const CHANNELS: usize>(
        &self,
        mut sums: [i32; CHANNELS],
        inputs: &[u8],
        weights: [usize; CHANNELS],
    ) -> [i32; CHANNELS] {
        let zero = i32::from(self.input_zero);
        let rows = weights.map(|weight| &self.weights[weight..][..inputs.len()]);
        // A loaded operator has at most 65,535 products an output: without its bias the sum cannot overflow.
        for (index, &value) in inputs.iter().enumerate() {
            let value = i32::from(value as i8) - zero;
            for (sum, row) in sums.iter_mut().zip(rows) {
                *sum = sum.wrapping_add(value * i32::from(row[index] as i8));
            }
        }
        sums
    }

    #[inline]
    fn finish(&self, sum: i32, channel: usize, output: &mut [u8]) {
        let scaled = Multiplier::parse(self.multipliers[channel]).apply(sum);
        let [low, high] = self.bounds;
        let value = scaled.saturating_add(self.output_zero.into()).min(high.into()).max(low.into());
        output[0] = value as u8;
    }
}

/// f32 inputs and outputs, weights of four bytes.
pub(super) struct Float32<'a> {
    pub weights: &'a [[u8; 4]],
    /// Empty for none.
    pub biases: &'a [[u8; 4]],
    pub bounds: [f32; 2],
}

/// f32 inputs and outputs, weights of two bytes.
pub(super) struct Float16<'a> {
    pub weights: &'a [[u8; 2]],
    /// Empty for none.
    pub biases: &'a [[u8; 4]],
    pub bounds: [f32; 2],
}

impl Numbers for Float32<'_> {
    type Sum = f32;
    const BYTES: usize = 4;

    #[inline]
    fn start(&self, channel: usize) -> f32 {
        self.biases.get(channel).map_or(0.0, |bias| f32::from_le_bytes(*bias))
    }

    #[inline]
    fn add<const CHANNELS: usize>(
        &self,
        sums: [f32; CHANNELS],
        inputs: &[u8],
        weights: [usize; CHANNELS],
    ) -> [f32; CHANNELS] {
        core::array::from_fn(|index| {
            sums[index]
                + products(inputs, &self.weights[weights[index]..], |&bytes| f32::from_le_bytes(bytes))
        })
    }

    #[inline]
    fn finish(&self, sum: f32, _: usize, output: &mut [u8]) {
        write_f32(sum, self.bounds, output);
    }
}

impl Numbers for Float16<'_> {
    type Sum = f32;
    const BYTES: usize = 4;

    #[inline]
    fn start(&self, channel: usize) -> f32 {
        self.biases.get(channel).map_or(0.0, |bias| f32::from_le_bytes(*bias))
    }

    #[inline]
    fn add<const CHANNELS: usize>(
        &self,
        sums: [f32; CHANNELS],
        inputs: &[u8],
        weights: [usize; CHANNELS],
    ) -> [f32; CHANNELS] {
        core::array::from_fn(|index| {
            sums[index]
                + products(inputs, &self.weights[weights[index]..], |&bytes| {
                    f16::from_le_bytes(bytes).to_f32()
                })
        })
    }

    #[inline]
    fn finish(&self, sum: f32, _: usize, output: &mut [u8]) {
        write_f32(sum, self.bounds, output);
    }
}

/// Sum of products in the order of [`dot::dot`].
#[inline]
fn products<W>(inputs: &[u8], weights: &[W], real: impl Fn(&W) -> f32) -> f32 {
    let (inputs, _) = inputs.as_chunks::<4>();
    let weights = &weights[..inputs.len()];
    let (inputs, inputs_rest) = inputs.as_chunks::<{ dot::LANES }>();
    let (weights, weights_rest) = weights.as_chunks::<{ dot::LANES }>();
    let mut sums = [0.0; dot::LANES];
    for (inputs, weights) in inputs.iter().zip(weights) {
        for ((sum, input), weight) in sums.iter_mut().zip(inputs).zip(weights) {
            *sum += f32::from_le_bytes(*input) * real(weight);
        }
    }
    for ((sum, input), weight) in sums.iter_mut().zip(inputs_rest).zip(weights_rest) {
        *sum += f32::from_le_bytes(*input) * real(weight);
    }
    dot::total(&sums)
}

/// Writes a number within its bounds. Comparisons rather than `clamp`, which panics where bounds are not ordered.
#[inline]
pub(super) fn write_f32(value: f32, [low, high]: [f32; 2], output: &mut [u8]) {
    let value = if value < low { low } else { value };
    let value = if value > high { high } else { value };
    output.copy_from_slice(&value.to_le_bytes());
}
