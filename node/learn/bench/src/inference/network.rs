//! The network that is measured: a small convolutional one for digits, as trained and as an exporter writes it.
use super::train;
use crate::data::Labelled;
use chirrup_compile::graph::{Graph, Op, Shape, UNBOUNDED, ValueId, Window};
use chirrup_learn::random::Random;

/// Passes over the training samples.
pub const PASSES: usize = 8;
const IMAGE: Shape = Shape { channels: 1, height: 8, width: 8 };
const RELU: [f32; 2] = [0.0, UNBOUNDED[1]];

/// Trains convolution (8), pool, convolution (16), dense, softmax.
pub fn trained(data: &Labelled, seed: u64) -> Graph {
    let mut graph = Graph::default();
    graph.input = graph.value("pixels", IMAGE);
    let mut random = Random::new(seed);
    let around = Window { kernel: [3; 2], before: [1; 2], after: [1; 2], ..Window::PIXEL };
    let input = graph.input;
    let first = layer(&mut graph, &mut random, input, 8, around, RELU);
    let halved = Shape { channels: 8, height: 4, width: 4 };
    let window = Window { kernel: [2; 2], stride: [2; 2], ..Window::PIXEL };
    let pooled = graph.node("pool", Op::MaxPool(window), &[first], halved);
    let second = layer(&mut graph, &mut random, pooled, 16, around, RELU);
    let whole = Window { kernel: [4; 2], ..Window::PIXEL };
    let logits = layer(&mut graph, &mut random, second, 10, whole, UNBOUNDED);
    graph.output = graph.node("softmax", Op::Softmax, &[logits], Shape::vector(10));
    train::train(&mut graph, data, PASSES);
    graph
}

fn layer(
    graph: &mut Graph,
    random: &mut Random,
    input: ValueId,
    channels: usize,
    window: Window,
    bounds: [f32; 2],
) -> ValueId {
    let from = graph.shape(input);
    let [height, width] = window.outputs(from).expect("the window fits");
    let terms = from.channels * window.kernel[0] * window.kernel[1];
    let bound = libm::sqrtf(6.0 / terms as f32);
    let weights = (0..channels * terms).map(|_| bound * random.symmetric()).collect();
    let op = Op::Convolution { weights, bias: vec![0.0; channels], groups: 1, window };
    let output = graph.node("layer", op, &[input], Shape { channels, height, width });
    if let Some(node) = graph.nodes.last_mut() {
        node.bounds = bounds;
    }
    output
}

/// The same function as exporters write it: a flat input, a normalisation and an activation after each convolution,
/// a flattening before the dense layer, a dropout after. Each channel of a normalised convolution has weights on a
/// scale of its own, from a quarter to four times, which its normalisation makes up for.
pub fn as_exported(trained: &Graph) -> Graph {
    let mut graph = Graph::default();
    graph.input = graph.value("sample", Shape::vector(IMAGE.elements()));
    let mut random = Random::new(1);
    let mut value = graph.node("image", Op::Reshape, &[graph.input], IMAGE);
    for node in &trained.nodes {
        let shape = trained.shape(node.output);
        value = match &node.op {
            Op::Convolution { weights, bias, window, .. } if node.bounds == UNBOUNDED => {
                let from = graph.shape(value).elements();
                let flat = graph.node("flatten", Op::Reshape, &[value], Shape::vector(from));
                let (weights, bias) = (weights.clone(), bias.clone());
                debug_assert_eq!(window.kernel, [4; 2]);
                let op = Op::Convolution { weights, bias, groups: 1, window: Window::PIXEL };
                let dense = graph.node("dense", op, &[flat], shape);
                graph.node("dropout", Op::Identity, &[dense], shape)
            }
            Op::Convolution { weights, bias, window, .. } => {
                let scale: Vec<f32> = bias.iter().map(|_| libm::powf(4.0, random.symmetric())).collect();
                let per_channel = weights.len() / bias.len();
                let channel = |(index, weight): (usize, &f32)| weight / scale[index / per_channel];
                let weights = weights.iter().enumerate().map(channel).collect();
                let op = Op::Convolution { weights, bias: vec![0.0; bias.len()], groups: 1, window: *window };
                let slid = graph.node("convolution", op, &[value], shape);
                let op = Op::Affine { scale, shift: bias.clone() };
                let normal = graph.node("normalisation", op, &[slid], shape);
                let output = graph.node("activation", Op::Clip, &[normal], shape);
                if let Some(last) = graph.nodes.last_mut() {
                    last.bounds = node.bounds;
                }
                output
            }
            other => graph.node(node.name.clone(), other.clone(), &[value], shape),
        };
    }
    graph.output = value;
    graph
}
