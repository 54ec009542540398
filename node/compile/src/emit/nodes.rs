//! What each node becomes.
use super::{EmitError, Writer, size, sizes};
use crate::graph::{Node, Op, ValueId, Window};
use crate::quantise::{Format, layer};
use chirrup_learn::infer::image::{Element, Kind, Operator, Weights};
use half::f16;

/// Bits by which the runtime raises summands; part of the image's meaning.
const ADD_SHIFT: f64 = 1_048_576.0;

impl Writer<'_> {
    /// Writes a node's operators and their data.
    pub(super) fn node(&mut self, node: &Node) -> Result<(), EmitError> {
        match &node.op {
            Op::Convolution { weights, bias, groups, window } => {
                self.convolution(node, (weights, bias), *groups, window)
            }
            Op::MaxPool(window) => {
                let operator = self.window(node, Kind::MaxPool, window)?;
                self.push(operator, node)
            }
            Op::AveragePool(window, divisor) => {
                let operator = self.window(node, Kind::AveragePool, window)?;
                let multipliers = self.ratios(node, &[self.ratio(node.inputs[0], node.output)])?;
                self.push(Operator { divisor: *divisor, multipliers, ..operator }, node)
            }
            Op::Add => self.add(node),
            Op::Concat => self.concat(node),
            Op::Clip | Op::Identity => self.copy(node, [0; 2]),
            Op::Pad { before, value } => {
                let fill = self.operator(node, Kind::Fill)?;
                let value = self.numbers[node.output].bound(*value);
                self.operators.push(Operator { bounds: [value; 2], ..fill });
                self.copy(node, *before)
            }
            Op::Reshape => self.reshape(node),
            Op::Softmax => self.softmax(node),
            Op::Affine { .. } => unreachable!("lowering makes convolutions of them"),
        }
    }

    fn convolution(
        &mut self,
        node: &Node,
        (weights, bias): (&[f32], &[f32]),
        groups: usize,
        window: &Window,
    ) -> Result<(), EmitError> {
        let mut operator = self.window(node, Kind::Convolution, window)?;
        operator.groups = size(&node.name, "groups", groups)?;
        let taps = window.kernel[0] * window.kernel[1];
        let depth = weights.len() / (bias.len() * taps);
        let weights = taps_first(weights, depth, taps);
        (operator.weights_element, operator.weights, operator.bias) = match self.format {
            _ if self.numbers[node.output].element == Element::I8 => {
                let input = node.inputs[0];
                let layer = layer(&weights, bias, self.numbers[input].scale);
                let ratio = self.ratio(input, node.output);
                let ratios: Vec<f64> = layer.scales.iter().map(|scale| scale * ratio).collect();
                operator.multipliers = self.ratios(node, &ratios)?;
                let bias = self.data(layer.biases.iter().flat_map(|bias| bias.to_le_bytes()));
                (Weights::I8, self.data(layer.weights.iter().map(|&weight| weight as u8)), bias)
            }
            Format::F16 => {
                let bias = self.data(bias.iter().flat_map(|bias| bias.to_le_bytes()));
                let half = |&weight: &f32| {
                    // Beyond the range of f16 the largest one stands, not an infinity.
                    f16::from_f32(weight.clamp(f16::MIN.to_f32(), f16::MAX.to_f32())).to_le_bytes()
                };
                (Weights::F16, self.data(weights.iter().flat_map(half)), bias)
            }
            _ => {
                let bias = self.data(bias.iter().flat_map(|bias| bias.to_le_bytes()));
                (Weights::F32, self.data(weights.iter().flat_map(|weight| weight.to_le_bytes())), bias)
            }
        };
        self.push(operator, node)
    }

    fn add(&mut self, node: &Node) -> Result<(), EmitError> {
        let mut operator = self.operator(node, Kind::Add)?;
        operator.second = self.tensor(node.inputs[1])?;
        let [first, second] = [0, 1].map(|input| f64::from(self.numbers[node.inputs[input]].scale));
        let common = 2.0 * first.max(second);
        let output = f64::from(self.numbers[node.output].scale);
        operator.multipliers =
            self.ratios(node, &[first / common, second / common, common / (ADD_SHIFT * output)])?;
        self.push(operator, node)
    }

    fn concat(&mut self, node: &Node) -> Result<(), EmitError> {
        let mut channel = 0;
        for &input in &node.inputs {
            let mut operator = self.operator(node, Kind::Copy)?;
            operator.input = self.tensor(input)?;
            operator.channel = size(&node.name, "channels", channel)?;
            operator.multipliers = self.ratios(node, &[self.ratio(input, node.output)])?;
            self.push(operator, node)?;
            channel += self.graph.shape(input).channels;
        }
        Ok(())
    }

    fn copy(&mut self, node: &Node, origin: [usize; 2]) -> Result<(), EmitError> {
        let mut operator = self.operator(node, Kind::Copy)?;
        operator.origin = sizes(&node.name, "padding", origin)?;
        operator.multipliers = self.ratios(node, &[self.ratio(node.inputs[0], node.output)])?;
        self.push(operator, node)
    }

    /// A copy in the order `[channels][height][width]`: at once where that is the order of the arena too, otherwise
    /// channel by channel. Where simplification can, it leaves none of these.
    fn reshape(&mut self, node: &Node) -> Result<(), EmitError> {
        let input = node.inputs[0];
        let (from, to) = (self.graph.shape(input), self.graph.shape(node.output));
        let multipliers = self.ratios(node, &[self.ratio(input, node.output)])?;
        let (parts, length) = match (from.is_flat(), to.is_flat()) {
            _ if from.channels == to.channels => (1, from.elements()),
            (true, true) => (1, from.elements()),
            (false, true) => (from.channels, from.pixels()),
            (true, false) => (to.channels, to.pixels()),
            (false, false) => return Err(EmitError::Reshape { node: node.name.clone() }),
        };
        for part in 0..parts {
            let mut view = |value: ValueId, is_flat: bool| {
                let (first, stride) = if is_flat || parts == 1 { (part * length, 1) } else { (part, parts) };
                self.view(value, first, length, stride)
            };
            let (read, written) = (view(input, from.is_flat())?, view(node.output, to.is_flat())?);
            self.push(Operator { multipliers, ..Operator::new(Kind::Copy, read, written) }, node)?;
        }
        Ok(())
    }

    fn softmax(&mut self, node: &Node) -> Result<(), EmitError> {
        let mut operator = self.operator(node, Kind::Softmax)?;
        let numbers = self.numbers[node.inputs[0]];
        if numbers.element == Element::I8 {
            let power = |below: u16| {
                let power = 65_535.0 * libm::exp(-f64::from(numbers.scale) * f64::from(below));
                (libm::round(power) as u16).to_le_bytes()
            };
            operator.weights = self.data((0..256).flat_map(power));
        }
        self.push(operator, node)
    }
}

/// `[output][input][tap]` to `[output][tap][input]`.
fn taps_first(weights: &[f32], depth: usize, taps: usize) -> Vec<f32> {
    let rows = weights.chunks_exact(depth * taps);
    rows.flat_map(|row| (0..taps).flat_map(|tap| row.iter().skip(tap).step_by(taps).copied())).collect()
}
