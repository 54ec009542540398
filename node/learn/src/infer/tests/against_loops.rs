use super::super::image::{Divisor, Element, Kind, Operator, Tensor, Weights};
use super::super::network::Network;
use super::builder::Builder;
use super::tensor;
use crate::random::Random;
use proptest::prelude::*;

const UNBOUNDED: [u32; 2] = [f32::NEG_INFINITY.to_bits(), f32::INFINITY.to_bits()];
const ALL_I8: [u32; 2] = [0x80, 0x7f];

/// One window operator: its geometry, and the sizes that follow.
#[derive(Clone, Copy, Debug)]
struct Case {
    input: [usize; 3],
    groups: usize,
    group_outputs: usize,
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    origin: [usize; 2],
    seed: u64,
}

impl Case {
    fn outputs(&self) -> [usize; 2] {
        [0, 1].map(|axis| {
            let reach = (self.kernel[axis] - 1) * self.dilation[axis];
            (self.input[axis] + 2 * self.origin[axis]).saturating_sub(reach + 1) / self.stride[axis] + 1
        })
    }

    fn operator(&self, kind: Kind) -> Operator {
        let pair = |pair: [usize; 2]| pair.map(|value| value as u16);
        Operator {
            groups: self.groups as u16,
            kernel: pair(self.kernel),
            stride: pair(self.stride),
            dilation: pair(self.dilation),
            origin: pair(self.origin),
            ..Operator::new(kind, 0, 1)
        }
    }

    /// Input positions of a window's taps: kernel row, kernel column, input row, input column.
    fn taps(&self, row: usize, column: usize) -> Vec<[usize; 4]> {
        let at = |axis: usize, index: usize, tap: usize| {
            let at = index * self.stride[axis] + tap * self.dilation[axis];
            at.checked_sub(self.origin[axis]).filter(|&at| at < self.input[axis])
        };
        let mut taps = Vec::new();
        for ky in 0..self.kernel[0] {
            for kx in 0..self.kernel[1] {
                if let (Some(y), Some(x)) = (at(0, row, ky), at(1, column, kx)) {
                    taps.push([ky, kx, y, x]);
                }
            }
        }
        taps
    }
}

fn cases() -> impl Strategy<Value = Case> {
    let pair = |range: std::ops::Range<usize>| [range.clone(), range];
    let sizes = ([1_usize..7, 1..7], 1_usize..4, 1_usize..4, 1_usize..6);
    (sizes, pair(1..4), pair(1..3), pair(1..3), pair(0..2), any::<u64>()).prop_map(
        |(([height, width], depth, groups, group_outputs), kernel, stride, dilation, origin, seed)| Case {
            input: [height, width, depth * groups],
            groups,
            group_outputs,
            kernel,
            stride,
            dilation,
            origin,
            seed,
        },
    )
}

/// A network of one operator whose input lies among two foreign channels, so that strides are used.
fn one_operator(
    operator: Operator,
    builder: Builder,
    input: [usize; 3],
    output: [usize; 3],
) -> (Builder, u32) {
    let element = builder.tensors.first().map_or(Element::F32, |tensor| tensor.element);
    let mut builder = builder;
    let wide = input[2] as u16 + 2;
    let bytes = element.bytes() as u32;
    let shape = |shape: [usize; 3]| shape.map(|size| size as u16);
    let (zero_point, scale) =
        builder.tensors.first().map_or((0, 1.0), |tensor| (tensor.zero_point, tensor.scale));
    let input_bytes = (input[0] * input[1]) as u32 * u32::from(wide) * bytes;
    let first = Tensor { pixel_stride: wide, zero_point, scale, ..tensor(bytes, shape(input), element) };
    let last = tensor(input_bytes + bytes, shape(output), element);
    let arena = input_bytes + bytes + last.elements() as u32 * bytes;
    builder.tensors = vec![first, last];
    builder.operators = vec![operator];
    (builder, arena)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn convolutions_in_f32_and_f16(case in cases(), half in any::<bool>()) {
        let mut random = Random::new(case.seed);
        let depth = case.input[2] / case.groups;
        let channels = case.groups * case.group_outputs;
        let taps = case.kernel[0] * case.kernel[1];
        // Sixteenths: exact in f16, and their sums in f32 whatever the order.
        let mut numbers = |count: usize| -> Vec<f32> {
            (0..count).map(|_| (random.below(65) as f32 - 32.0) / 16.0).collect()
        };
        let (weights, biases) = (numbers(channels * taps * depth), numbers(channels));
        let input = numbers(case.input.iter().product());
        let mut builder = Builder::default();
        let mut operator = case.operator(Kind::Convolution);
        operator.bounds = [(-3.0_f32).to_bits(), 3.5_f32.to_bits()];
        operator.bias = builder.f32s(&biases);
        (operator.weights, operator.weights_element) = if half {
            let bits = weights.iter().flat_map(|&weight| half::f16::from_f32(weight).to_le_bytes());
            (builder.data(bits), Weights::F16)
        } else {
            (builder.f32s(&weights), Weights::F32)
        };
        let [rows, columns] = case.outputs();
        let (builder, arena) = one_operator(operator, builder, case.input, [rows, columns, channels]);
        let image = builder.finish(arena);
        let network = Network::load(&image).unwrap();
        let mut output = vec![0.0; rows * columns * channels];
        network.run(&input, &mut output, &mut vec![0xa5; arena as usize]).unwrap();
        for (index, &have) in output.iter().enumerate() {
            let (channel, column, row) = (index % channels, index / channels % columns, index / channels / columns);
            let mut sum = biases[channel];
            for [ky, kx, y, x] in case.taps(row, column) {
                for deep in 0..depth {
                    let from = channel / case.group_outputs * depth + deep;
                    let weight = weights[((channel * case.kernel[0] + ky) * case.kernel[1] + kx) * depth + deep];
                    sum += weight * input[(y * case.input[1] + x) * case.input[2] + from];
                }
            }
            prop_assert_eq!(have, sum.clamp(-3.0, 3.5));
        }
    }

    #[test]
    fn convolutions_in_i8(case in cases(), zero_point in any::<i8>()) {
        let mut random = Random::new(case.seed);
        let depth = case.input[2] / case.groups;
        let channels = case.groups * case.group_outputs;
        let taps = case.kernel[0] * case.kernel[1];
        let mut numbers = |count: usize| -> Vec<i8> { (0..count).map(|_| random.next_u32() as u8 as i8).collect() };
        let (weights, input) = (numbers(channels * taps * depth), numbers(case.input.iter().product()));
        let biases: Vec<i32> = numbers(channels).iter().map(|&bias| i32::from(bias) * 100).collect();
        let reals: Vec<f64> = (0..channels).map(|channel| 0.001 * (channel + 1) as f64).collect();
        let mut builder = Builder::default();
        let mut operator = case.operator(Kind::Convolution);
        operator.weights_element = Weights::I8;
        operator.bounds = ALL_I8;
        operator.multipliers = builder.multipliers(&reals);
        operator.bias = builder.data(biases.iter().flat_map(|bias| bias.to_le_bytes()));
        operator.weights = builder.data(weights.iter().map(|&weight| weight as u8));
        builder.tensors = vec![Tensor { zero_point, ..tensor(0, [1; 3], Element::I8) }];
        let [rows, columns] = case.outputs();
        let (builder, arena) = one_operator(operator, builder, case.input, [rows, columns, channels]);
        let image = builder.finish(arena);
        let network = Network::load(&image).unwrap();
        let mut output = vec![0; rows * columns * channels];
        network.run_i8(&input, &mut output, &mut vec![0xa5; arena as usize]).unwrap();
        for (index, &have) in output.iter().enumerate() {
            let (channel, column, row) = (index % channels, index / channels % columns, index / channels / columns);
            let mut sum = biases[channel];
            for [ky, kx, y, x] in case.taps(row, column) {
                for deep in 0..depth {
                    let from = channel / case.group_outputs * depth + deep;
                    let weight = weights[((channel * case.kernel[0] + ky) * case.kernel[1] + kx) * depth + deep];
                    let value = i32::from(input[(y * case.input[1] + x) * case.input[2] + from]);
                    sum += i32::from(weight) * (value - i32::from(zero_point));
                }
            }
            let real = (f64::from(sum) * reals[channel]).clamp(-128.0, 127.0);
            prop_assert!((f64::from(have) - real).abs() <= 0.5 + 1e-6, "{have} for {real}");
        }
    }

    #[test]
    fn pools(case in cases(), largest in any::<bool>(), inside in any::<bool>()) {
        let mut random = Random::new(case.seed);
        let channels = case.input[2];
        let input: Vec<f32> = (0..case.input.iter().product()).map(|_| random.below(200) as f32 - 100.0).collect();
        let kind = if largest { Kind::MaxPool } else { Kind::AveragePool };
        let divisor = if inside { Divisor::TapsInside } else { Divisor::AllTaps };
        let [rows, columns] = case.outputs();
        let run = |element: Element| {
            let mut builder = Builder::default();
            builder.tensors = vec![tensor(0, [1; 3], element)];
            let bounds = if element == Element::I8 { ALL_I8 } else { UNBOUNDED };
            let multipliers = builder.multipliers(&[1.0]);
            let operator = Operator { divisor, bounds, multipliers, groups: 1, ..case.operator(kind) };
            let (builder, arena) = one_operator(operator, builder, case.input, [rows, columns, channels]);
            let image = builder.finish(arena);
            let mut output = vec![0.0; rows * columns * channels];
            Network::load(&image).unwrap().run(&input, &mut output, &mut vec![0xa5; arena as usize]).unwrap();
            output
        };
        let (real, whole) = (run(Element::F32), run(Element::I8));
        for (index, (&real, &whole)) in real.iter().zip(&whole).enumerate() {
            let (channel, column, row) = (index % channels, index / channels % columns, index / channels / columns);
            let taps = case.taps(row, column);
            let values: Vec<f32> =
                taps.iter().map(|[_, _, y, x]| input[(y * case.input[1] + x) * channels + channel]).collect();
            let count = if inside { values.len().max(1) } else { case.kernel[0] * case.kernel[1] };
            let expected = if largest {
                values.iter().copied().reduce(f32::max).unwrap_or(0.0)
            } else {
                values.iter().sum::<f32>() / count as f32
            };
            prop_assert_eq!(real, expected);
            prop_assert!((whole - expected).abs() <= 0.5 + 1e-5, "{} for {}", whole, expected);
        }
    }
}

#[test]
fn a_sum_of_two_scales() {
    let mut builder = Builder::default();
    let scaled =
        |offset, scale, zero_point| Tensor { scale, zero_point, ..tensor(offset, [1, 1, 4], Element::I8) };
    builder.tensors = vec![scaled(0, 0.5, 3), scaled(4, 0.25, -7), scaled(8, 0.75, 1)];
    let larger = 2.0 * 0.5;
    let raised = f64::from(1 << super::super::elementwise::ADD_SHIFT);
    let half_sum = builder.multipliers(&[0.5 / larger, 0.25 / larger, larger / (raised * 0.75)]);
    // The second input is the first one's copy on another scale.
    let copied = builder.multipliers(&[2.0]);
    builder.operators = vec![
        Operator { multipliers: copied, bounds: ALL_I8, ..Operator::new(Kind::Copy, 0, 1) },
        Operator { second: 1, multipliers: half_sum, bounds: ALL_I8, ..Operator::new(Kind::Add, 0, 2) },
    ];
    let image = builder.finish(12);
    let mut output = [0.0; 4];
    Network::load(&image).unwrap().run(&[1.0, -2.5, 10.0, 0.0], &mut output, &mut [0; 12]).unwrap();
    for (have, expected) in output.into_iter().zip([2.0, -5.0, 20.0, 0.0]) {
        assert!((have - expected).abs() <= 0.75 / 2.0, "{have} for {expected}");
    }
}

#[test]
fn softmax_in_integers_is_near_the_real_one() {
    let scale = 0.05_f32;
    let powers: Vec<u16> =
        (0..256).map(|below| libm::roundf(65_535.0 * libm::expf(-scale * below as f32)) as u16).collect();
    let input = [1.0, -2.0, 3.5, 3.25, 0.0];
    let mut builder = Builder::default();
    let shape = [1, 1, 5];
    let probabilities = Tensor { scale: 1.0 / 256.0, zero_point: -128, ..tensor(5, shape, Element::I8) };
    builder.tensors = vec![Tensor { scale, ..tensor(0, shape, Element::I8) }, probabilities];
    let weights = builder.data(powers.iter().flat_map(|power| power.to_le_bytes()));
    builder.operators = vec![Operator { weights, ..Operator::new(Kind::Softmax, 0, 1) }];
    let image = builder.finish(10);
    let mut whole = [0.0; 5];
    Network::load(&image).unwrap().run(&input, &mut whole, &mut [0; 10]).unwrap();
    let mut real = [0.0; 5];
    let mut builder = Builder::default();
    builder.tensors = vec![tensor(0, shape, Element::F32), tensor(20, shape, Element::F32)];
    builder.operators = vec![Operator::new(Kind::Softmax, 0, 1)];
    let image = builder.finish(40);
    Network::load(&image).unwrap().run(&input, &mut real, &mut [0; 40]).unwrap();
    let total: f32 = input.iter().map(|value| libm::expf(*value)).sum();
    for ((input, real), whole) in input.iter().zip(real).zip(whole) {
        let expected = libm::expf(*input) / total;
        assert!((real - expected).abs() < 1e-6, "{real} for {expected}");
        assert!((whole - expected).abs() <= 1.0 / 256.0, "{whole} for {expected}");
    }
}

#[test]
fn a_concatenation_with_padding_is_a_fill_and_copies() {
    let mut builder = Builder::default();
    builder.tensors = vec![tensor(0, [1, 2, 1], Element::F32), tensor(8, [2, 3, 2], Element::F32)];
    let fill = Operator { bounds: [7.0_f32.to_bits(), 0], ..Operator::new(Kind::Fill, 0, 1) };
    let copy = Operator { origin: [1, 1], channel: 1, bounds: UNBOUNDED, ..Operator::new(Kind::Copy, 0, 1) };
    builder.operators = vec![fill, copy];
    let image = builder.finish(56);
    let mut output = [0.0; 12];
    Network::load(&image).unwrap().run(&[1.0, 2.0], &mut output, &mut [0; 56]).unwrap();
    assert_eq!(output, [7.0, 7.0, 7.0, 7.0, 7.0, 7.0, 7.0, 7.0, 7.0, 1.0, 7.0, 2.0]);
}
