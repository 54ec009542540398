//! The network in plain f32 loops over `[channels][height][width]`: what calibration measures, and what the runtime
//! is compared with.
use crate::graph::{Divisor, Graph, Node, Op, Shape, Window};

/// All values of the network for one input, `[values][channels][height][width]`; empty where nothing wrote one.
pub fn values(graph: &Graph, input: &[f32]) -> Vec<Vec<f32>> {
    let mut values = vec![Vec::new(); graph.values.len()];
    values[graph.input] = input.to_vec();
    for node in &graph.nodes {
        let inputs: Vec<&[f32]> = node.inputs.iter().map(|&input| values[input].as_slice()).collect();
        let shape = graph.shape(node.inputs[0]);
        let mut output = evaluate(node, &inputs, shape, graph.shape(node.output));
        for value in &mut output {
            *value = value.max(node.bounds[0]).min(node.bounds[1]);
        }
        values[node.output] = output;
    }
    values
}

/// The network's output for one input.
pub fn output(graph: &Graph, input: &[f32]) -> Vec<f32> {
    values(graph, input).swap_remove(graph.output)
}

fn evaluate(node: &Node, inputs: &[&[f32]], from: Shape, to: Shape) -> Vec<f32> {
    let input = inputs[0];
    match &node.op {
        Op::Convolution { weights, bias, groups, window } => {
            convolution(input, (weights, bias), *groups, window, from, to)
        }
        Op::Affine { scale, shift } => {
            let pixels = from.pixels();
            let at = |(index, value): (usize, &f32)| scale[index / pixels] * value + shift[index / pixels];
            input.iter().enumerate().map(at).collect()
        }
        Op::Clip | Op::Identity | Op::Reshape => input.to_vec(),
        Op::MaxPool(window) => {
            pool(input, window, from, to, |values| values.iter().copied().reduce(f32::max).unwrap_or(0.0))
        }
        Op::AveragePool(window, divisor) => pool(input, window, from, to, |values| {
            let count = match divisor {
                Divisor::TapsInside => values.len(),
                Divisor::AllTaps => window.kernel[0] * window.kernel[1],
            };
            values.iter().sum::<f32>() / count.max(1) as f32
        }),
        Op::Add => input.iter().zip(inputs[1]).map(|(left, right)| left + right).collect(),
        Op::Concat => inputs.concat(),
        Op::Softmax => softmax(input, from),
        Op::Pad { before, value } => {
            let mut output = vec![*value; to.elements()];
            for (index, &value) in input.iter().enumerate() {
                let [channel, row, column] = position(index, from);
                output[place([channel, row + before[0], column + before[1]], to)] = value;
            }
            output
        }
    }
}

fn position(index: usize, shape: Shape) -> [usize; 3] {
    [index / shape.pixels(), index / shape.width % shape.height, index % shape.width]
}

const fn place([channel, row, column]: [usize; 3], shape: Shape) -> usize {
    (channel * shape.height + row) * shape.width + column
}

/// Input positions that a window at an output reads, with the taps that read them.
fn taps(window: &Window, from: Shape, row: usize, column: usize) -> Vec<([usize; 2], [usize; 2])> {
    let along = |axis: usize, index: usize, size: usize| -> Vec<(usize, usize)> {
        let at = |tap: usize| {
            let at =
                (index * window.stride[axis] + tap * window.dilation[axis]).checked_sub(window.before[axis]);
            at.filter(|&at| at < size).map(|at| (tap, at))
        };
        (0..window.kernel[axis]).filter_map(at).collect()
    };
    let columns = along(1, column, from.width);
    let rows = along(0, row, from.height).into_iter();
    rows.flat_map(|(ky, y)| columns.iter().map(move |&(kx, x)| ([ky, kx], [y, x]))).collect()
}

fn convolution(
    input: &[f32],
    (weights, bias): (&[f32], &[f32]),
    groups: usize,
    window: &Window,
    from: Shape,
    to: Shape,
) -> Vec<f32> {
    let (depth, per_group) = (from.channels / groups, to.channels / groups);
    let [rows, columns] = window.kernel;
    let mut output = vec![0.0; to.elements()];
    for row in 0..to.height {
        for column in 0..to.width {
            let taps = taps(window, from, row, column);
            for channel in 0..to.channels {
                let mut sum = bias[channel];
                for deep in 0..depth {
                    let plane = channel / per_group * depth + deep;
                    for &([ky, kx], [y, x]) in &taps {
                        let weight = weights[((channel * depth + deep) * rows + ky) * columns + kx];
                        sum += weight * input[place([plane, y, x], from)];
                    }
                }
                output[place([channel, row, column], to)] = sum;
            }
        }
    }
    output
}

fn pool(input: &[f32], window: &Window, from: Shape, to: Shape, reduce: impl Fn(&[f32]) -> f32) -> Vec<f32> {
    let one = |index: usize| {
        let [channel, row, column] = position(index, to);
        let taps = taps(window, from, row, column).into_iter();
        let values: Vec<f32> = taps.map(|(_, [y, x])| input[place([channel, y, x], from)]).collect();
        reduce(&values)
    };
    (0..to.elements()).map(one).collect()
}

fn softmax(input: &[f32], shape: Shape) -> Vec<f32> {
    let mut output = input.to_vec();
    let pixels = shape.pixels();
    for pixel in 0..pixels {
        let channels = || input.iter().skip(pixel).step_by(pixels);
        let largest = channels().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f32 = channels().map(|value| libm::expf(value - largest)).sum();
        for value in output.iter_mut().skip(pixel).step_by(pixels) {
            *value = libm::expf(*value - largest) / sum;
        }
    }
    output
}
