//! What numbers each value consists of: f32, or i8 with a scale that covers what calibration saw.
//!
//! Jacob et al., CVPR 2018: activations have one scale and zero point a value, weights are symmetric with one scale an
//! output channel, biases are i32 of scale input times weights.
use crate::graph::{Graph, Node, Op, UNBOUNDED, ValueId};
use crate::reference;
use chirrup_learn::infer::image::Element;

/// How an image computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Integers alone.
    Int8,
    /// Integers, but softmax reads and writes f32.
    Int8FloatFallback,
    /// f32, weights in two bytes.
    F16,
    /// f32.
    F32,
}

impl Format {
    /// Whether activations are i8.
    pub const fn is_integer(self) -> bool {
        matches!(self, Self::Int8 | Self::Int8FloatFallback)
    }
}

/// What a value's numbers are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Numbers {
    /// f32 or i8.
    pub element: Element,
    /// What a step of i8 is worth.
    pub scale: f32,
    /// The i8 that stands for zero.
    pub zero_point: i8,
}

impl Numbers {
    const REAL: Self = Self { element: Element::F32, scale: 1.0, zero_point: 0 };
    /// Probabilities: multiples of 1/256 from 0 to 255/256.
    const PROBABILITIES: Self = Self { element: Element::I8, scale: 1.0 / 256.0, zero_point: -128 };

    /// i8 that covers a range, zero exactly.
    fn covering([low, high]: [f32; 2]) -> Self {
        let (low, high) = (low.min(0.0), high.max(0.0));
        // A value that is always zero has no scale of its own.
        let scale = if high - low > 1e-20 { (high - low) / 255.0 } else { 1.0 };
        let zero_point = libm::roundf(-128.0 - low / scale).clamp(-128.0, 127.0) as i8;
        Self { element: Element::I8, scale, zero_point }
    }

    /// The bits of a bound as an operator's record holds them.
    pub fn bound(&self, real: f32) -> u32 {
        match self.element {
            Element::F32 => real.to_bits(),
            Element::I8 => {
                let steps = libm::roundf(real / self.scale) + f32::from(self.zero_point);
                u32::from(steps.clamp(-128.0, 127.0) as i8 as u8)
            }
        }
    }
}

/// Why a network could not be quantised.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantiseError {
    /// Integers need to know their ranges.
    #[error("quantisation to int8 needs samples to calibrate with")]
    NoSamples,
    /// The ranges would be meaningless.
    #[error("value {value:?} is not finite for calibration sample {sample}")]
    NotFinite {
        /// Name of the value.
        value: String,
        /// Number of the sample, from 0.
        sample: usize,
    },
    /// Its output has a scale of its own.
    #[error("the output of softmax {node:?} goes into a pool or a concatenation, which int8 does not offer")]
    Softmax {
        /// Name of the node.
        node: String,
    },
}

/// The graph as the runtime knows it: `scale * x + shift` becomes a convolution channel by channel, and with float
/// fallback softmax reads and writes f32. Returns with it which values are f32.
pub fn lower(graph: &Graph, format: Format) -> (Graph, Vec<bool>) {
    let mut lowered = Graph { nodes: Vec::new(), ..graph.clone() };
    let mut reals = vec![!format.is_integer(); graph.values.len()];
    for node in &graph.nodes {
        let mut node = node.clone();
        if let Op::Affine { scale, shift } = node.op {
            let groups = scale.len();
            let window = crate::graph::Window::PIXEL;
            node.op = Op::Convolution { weights: scale, bias: shift, groups, window };
        }
        if node.op == Op::Softmax && format == Format::Int8FloatFallback {
            around_softmax(&mut lowered, &mut reals, node);
        } else {
            lowered.nodes.push(node);
        }
    }
    (lowered, reals)
}

fn around_softmax(graph: &mut Graph, reals: &mut Vec<bool>, mut node: Node) {
    let copy = |graph: &mut Graph, name: String, from: ValueId, to: ValueId| {
        graph.nodes.push(Node { name, op: Op::Identity, inputs: vec![from], output: to, bounds: UNBOUNDED });
    };
    let shape = graph.shape(node.output);
    let real = graph.value(format!("{} in f32", node.name), shape);
    reals.push(true);
    copy(graph, format!("{} dequantised", node.name), node.inputs[0], real);
    node.inputs = vec![real];
    if node.output == graph.output {
        reals[node.output] = true;
        graph.nodes.push(node);
        return;
    }
    let quantised = node.output;
    node.output = graph.value(format!("{} probabilities", node.name), shape);
    reals.push(true);
    let (name, from) = (format!("{} quantised", node.name), node.output);
    graph.nodes.push(node);
    copy(graph, name, from, quantised);
}

/// Which element each value consists of, with no scale yet: enough to know sizes.
pub fn elements(reals: &[bool]) -> Vec<Numbers> {
    let numbers = |&real: &bool| if real { Numbers::REAL } else { Numbers::PROBABILITIES };
    reals.iter().map(numbers).collect()
}

/// Numbers of all values of a lowered graph. Values that pools and concatenations connect share their scale, so that
/// these never rescale and the latter need no copy.
pub fn numbers(graph: &Graph, reals: &[bool], samples: &[Vec<f32>]) -> Result<Vec<Numbers>, QuantiseError> {
    if reals.iter().all(|&real| real) {
        return Ok(vec![Numbers::REAL; reals.len()]);
    }
    let mut ranges = ranges(graph, samples)?;
    let class = connected(graph, reals);
    for value in 0..class.len() {
        let [low, high] = ranges[value];
        let shared = &mut ranges[class[value]];
        *shared = [shared[0].min(low), shared[1].max(high)];
    }
    let mut numbers: Vec<Numbers> = (0..class.len())
        .map(|value| if reals[value] { Numbers::REAL } else { Numbers::covering(ranges[class[value]]) })
        .collect();
    for node in graph.nodes.iter().filter(|node| node.op == Op::Softmax && !reals[node.output]) {
        let own = class[node.output];
        if class.iter().filter(|&&class| class == own).count() > 1 {
            return Err(QuantiseError::Softmax { node: node.name.clone() });
        }
        numbers[node.output] = Numbers::PROBABILITIES;
    }
    Ok(numbers)
}

/// Smallest and largest number of each value over the samples.
fn ranges(graph: &Graph, samples: &[Vec<f32>]) -> Result<Vec<[f32; 2]>, QuantiseError> {
    if samples.is_empty() {
        return Err(QuantiseError::NoSamples);
    }
    let mut ranges = vec![[0.0_f32; 2]; graph.values.len()];
    for (index, sample) in samples.iter().enumerate() {
        let values = reference::values(graph, sample);
        for ((range, value), numbers) in ranges.iter_mut().zip(&graph.values).zip(&values) {
            if numbers.iter().any(|number| !number.is_finite()) {
                return Err(QuantiseError::NotFinite { value: value.name.clone(), sample: index });
            }
            *range = numbers.iter().fold(*range, |[low, high], &value| [low.min(value), high.max(value)]);
        }
    }
    Ok(ranges)
}

/// For each value the lowest value that must have its scale.
fn connected(graph: &Graph, reals: &[bool]) -> Vec<ValueId> {
    let mut class: Vec<ValueId> = (0..graph.values.len()).collect();
    for node in &graph.nodes {
        if matches!(node.op, Op::MaxPool(_) | Op::Concat | Op::Reshape | Op::Pad { .. })
            && !reals[node.output]
        {
            for &input in &node.inputs {
                let (left, right) = (class[input], class[node.output]);
                class
                    .iter_mut()
                    .filter(|class| **class == left.max(right))
                    .for_each(|class| *class = left.min(right));
            }
        }
    }
    class
}

/// A layer's weights in i8, one scale an output channel.
pub struct Quantised {
    /// In the order of the weights given.
    pub weights: Vec<i8>,
    /// One an output channel.
    pub scales: Vec<f64>,
    /// Of scale input times weights.
    pub biases: Vec<i32>,
}

/// Quantises a layer. Scales in f64: the multipliers are made of them.
pub fn layer(weights: &[f32], biases: &[f32], input_scale: f32) -> Quantised {
    let per_channel = weights.len() / biases.len();
    let input_scale = f64::from(input_scale);
    let mut quantised = Quantised { weights: Vec::new(), scales: Vec::new(), biases: Vec::new() };
    for (row, &bias) in weights.chunks_exact(per_channel).zip(biases) {
        let largest = row.iter().fold(0.0_f32, |largest, weight| largest.max(weight.abs()));
        let bias = f64::from(bias);
        // A channel of small weights and a large bias takes the scale at which the bias is an i32 with room for sums.
        let least = bias.abs() / (input_scale * 1_073_741_824.0);
        let scale = (f64::from(largest) / 127.0).max(least).max(1e-30);
        let steps = |weight: &f32| libm::round(f64::from(*weight) / scale).clamp(-127.0, 127.0) as i8;
        quantised.weights.extend(row.iter().map(steps));
        quantised.biases.push(libm::round(bias / (input_scale * scale)) as i32);
        quantised.scales.push(scale);
    }
    quantised
}

/// Rounds all weights to what i8 would hold, one scale an output channel: what quantising does to a network that is
/// changed afterwards.
pub fn round_weights(graph: &mut Graph) {
    for node in &mut graph.nodes {
        if let Op::Convolution { weights, bias, .. } = &mut node.op {
            let per_channel = weights.len() / bias.len();
            let layer = layer(weights, &vec![0.0; bias.len()], 1.0);
            for ((weight, &steps), index) in weights.iter_mut().zip(&layer.weights).zip(0..) {
                *weight = (layer.scales[index / per_channel] * f64::from(steps)) as f32;
            }
        }
    }
}
