//! Stochastic gradient descent on a graph of convolutions, pools and a softmax at the end; plain loops.
use crate::data::Labelled;
use chirrup_compile::graph::{Graph, Node, Op, Shape, Window};
use chirrup_compile::reference;

const LEARNING_RATE: f32 = 0.01;

/// Trains for so many passes, one sample a step, with a rate that falls linearly.
pub fn train(graph: &mut Graph, data: &Labelled, passes: usize) {
    for pass in 0..passes {
        let rate = LEARNING_RATE * (1.0 - pass as f32 / passes as f32);
        for index in data.order(pass as u64) {
            step(graph, &data.samples[index], data.labels[index], rate);
        }
    }
}

fn step(graph: &mut Graph, sample: &[f32], label: usize, rate: f32) {
    let values = reference::values(graph, sample);
    let mut errors: Vec<Vec<f32>> = values.iter().map(|value| vec![0.0; value.len()]).collect();
    errors[graph.output].clone_from(&values[graph.output]);
    errors[graph.output][label] -= 1.0;
    let shapes: Vec<Shape> = graph.values.iter().map(|value| value.shape).collect();
    for node in graph.nodes.iter_mut().rev() {
        let input = node.inputs[0];
        let mut error = std::mem::take(&mut errors[node.output]);
        let [low, high] = node.bounds;
        for (error, &value) in error.iter_mut().zip(&values[node.output]) {
            if value <= low || value >= high {
                *error = 0.0;
            }
        }
        let ends = [shapes[input], shapes[node.output]];
        let down = &mut errors[input];
        backward(node, ends, &values[input], &error, down, rate);
    }
}

/// Adds to the error of the input, and takes a step with the weights.
fn backward(node: &mut Node, ends: [Shape; 2], input: &[f32], error: &[f32], down: &mut [f32], rate: f32) {
    let at = |shape: Shape, channel: usize, row: usize, column: usize| {
        (channel * shape.height + row) * shape.width + column
    };
    match &mut node.op {
        // The error that it is given is that of its logits.
        Op::Softmax => down.copy_from_slice(error),
        Op::MaxPool(window) => {
            each_output(ends[1], |channel, row, column| {
                let error = error[at(ends[1], channel, row, column)];
                let taps = taps(window, ends[0], row, column).map(|[_, _, y, x]| at(ends[0], channel, y, x));
                if let Some(largest) = taps.max_by(|&left, &right| input[left].total_cmp(&input[right])) {
                    down[largest] += error;
                }
            });
        }
        Op::Convolution { weights, bias, window, .. } => {
            let [rows, columns] = window.kernel;
            each_output(ends[1], |channel, row, column| {
                let error = error[at(ends[1], channel, row, column)];
                if error == 0.0 {
                    return;
                }
                for [ky, kx, y, x] in taps(window, ends[0], row, column) {
                    for deep in 0..ends[0].channels {
                        let weight =
                            &mut weights[((channel * ends[0].channels + deep) * rows + ky) * columns + kx];
                        let place = at(ends[0], deep, y, x);
                        down[place] += error * *weight;
                        *weight -= rate * error * input[place];
                    }
                }
                bias[channel] -= rate * error;
            });
        }
        _ => unreachable!("no other operator is trained"),
    }
}

fn each_output(shape: Shape, mut each: impl FnMut(usize, usize, usize)) {
    for channel in 0..shape.channels {
        for row in 0..shape.height {
            for column in 0..shape.width {
                each(channel, row, column);
            }
        }
    }
}

/// Row and column of each tap inside the input, and of what it reads.
fn taps(window: &Window, from: Shape, row: usize, column: usize) -> impl Iterator<Item = [usize; 4]> {
    let window = *window;
    let along = move |axis: usize, index: usize, tap: usize, size: usize| {
        let at = (index * window.stride[axis] + tap).checked_sub(window.before[axis]);
        at.filter(|&at| at < size)
    };
    (0..window.kernel[0]).flat_map(move |ky| {
        (0..window.kernel[1]).filter_map(move |kx| {
            Some([ky, kx, along(0, row, ky, from.height)?, along(1, column, kx, from.width)?])
        })
    })
}
