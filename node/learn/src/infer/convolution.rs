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
    type Sum;
    /// Size of an element of input and output.
    const BYTES: usize;
    /// The bias of a channel.
    fn start(&self, channel: usize) -> Self::Sum;
    /// Adds products of neighbouring inputs with the weights from `weight` on.
    fn add(&self, sum: Self::Sum, inputs: &[u8], weight: usize) -> Self::Sum;
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
            let pixel = output.at(row, column);
            for channel in 0..usize::from(output.channels) {
                let sum = kernel.sum(numbers, input, [&rows, &columns], channel, arena);
                numbers.finish(sum, channel, &mut arena[pixel + channel * N::BYTES..][..N::BYTES]);
            }
        }
    }
}

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

    #[inline]
    fn sum<N: Numbers>(
        &self,
        numbers: &N,
        input: &Tensor,
        [rows, columns]: [&Taps; 2],
        channel: usize,
        arena: &[u8],
    ) -> N::Sum {
        let mut sum = numbers.start(channel);
        let first_channel = channel / self.channels * self.depth;
        let (taps, together) = if self.dense { (1, columns.inside.len()) } else { (columns.inside.len(), 1) };
        if together == 0 {
            return sum;
        }
        for row in rows.inside.clone() {
            let weights = (channel * self.rows + row) * self.columns;
            for column in columns.inside.clone().take(taps) {
                let at = input.at(rows.position(row), columns.position(column)) + first_channel * N::BYTES;
                let count = together * self.depth;
                sum = numbers.add(sum, &arena[at..at + count * N::BYTES], (weights + column) * self.depth);
            }
        }
        sum
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
    fn add(&self, sum: i32, inputs: &[u8], weight: usize) -> i32 {
        let zero = i32::from(self.input_zero);
        let weights = &self.weights[weight..weight + inputs.len()];
        // A loaded operator has at most 65,535 products an output: without its bias the sum cannot overflow.
        inputs.iter().zip(weights).fold(sum, |sum, (&value, &weight)| {
            sum.wrapping_add((i32::from(value as i8) - zero) * i32::from(weight as i8))
        })
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
    fn add(&self, sum: f32, inputs: &[u8], weight: usize) -> f32 {
        sum + products(inputs, &self.weights[weight..], |&bytes| f32::from_le_bytes(bytes))
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
    fn add(&self, sum: f32, inputs: &[u8], weight: usize) -> f32 {
        sum + products(inputs, &self.weights[weight..], |&bytes| f16::from_le_bytes(bytes).to_f32())
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
    let mut sums = [0.0; dot::LANES];
    for (inputs, weights) in inputs.chunks(dot::LANES).zip(weights.chunks(dot::LANES)) {
        for ((sum, input), weight) in sums.iter_mut().zip(inputs).zip(weights) {
            *sum += f32::from_le_bytes(*input) * real(weight);
        }
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
