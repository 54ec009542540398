//! The bytes of a planned network, as `chirrup_learn::infer::image` describes them.
use crate::graph::{Graph, Node, Op, Shape, UNBOUNDED, ValueId, Window};
use crate::plan::Plan;
use crate::quantise::{Format, Numbers, layer};
use chirrup_learn::infer::fixed::Multiplier;
use chirrup_learn::infer::image::{
    Element, HEADER_BYTES, Kind, MAGIC, OPERATOR_BYTES, Operator, TENSOR_BYTES, Tensor, VERSION, Weights,
};
use half::f16;

/// Bits by which the runtime raises summands; part of the image's meaning.
const ADD_SHIFT: f64 = 1_048_576.0;

/// Why an image could not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmitError {
    /// The fields of an image have 16 bits.
    #[error("{what} of {name:?} is {size}, an image holds up to 65535")]
    TooLarge {
        /// Value or node.
        name: String,
        /// Which of its sizes.
        what: &'static str,
        /// What it is.
        size: usize,
    },
    /// Between two images of different channels.
    #[error("reshape {node:?} is neither from nor to a vector")]
    Reshape {
        /// Name of the node.
        node: String,
    },
    /// Calibration gave scales too far apart.
    #[error("node {node:?} scales by {factor}, which no multiplier holds")]
    Factor {
        /// Name of the node.
        node: String,
        /// The factor, as text.
        factor: String,
    },
}

/// Writes the image.
pub fn emit(graph: &Graph, numbers: &[Numbers], plan: &Plan, format: Format) -> Result<Vec<u8>, EmitError> {
    let mut writer = Writer {
        graph,
        numbers,
        plan,
        format,
        tensors: Vec::new(),
        tensor_of: vec![None; graph.values.len()],
        operators: Vec::new(),
        data: Vec::new(),
    };
    let input = writer.tensor(graph.input)?;
    for &index in &plan.order {
        writer.node(&graph.nodes[index])?;
    }
    let output = writer.tensor(graph.output)?;
    Ok(writer.finish([input, output]))
}

struct Writer<'a> {
    graph: &'a Graph,
    numbers: &'a [Numbers],
    plan: &'a Plan,
    format: Format,
    tensors: Vec<Tensor>,
    tensor_of: Vec<Option<u16>>,
    /// Their offsets count from the start of `data`, from 1 on; 0 is none.
    operators: Vec<Operator>,
    data: Vec<u8>,
}

impl Writer<'_> {
    fn node(&mut self, node: &Node) -> Result<(), EmitError> {
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

    fn operator(&mut self, node: &Node, kind: Kind) -> Result<Operator, EmitError> {
        let (input, output) = (self.tensor(node.inputs[0])?, self.tensor(node.output)?);
        Ok(Operator::new(kind, input, output))
    }

    fn window(&mut self, node: &Node, kind: Kind, window: &Window) -> Result<Operator, EmitError> {
        let pair = |what, pair| sizes(&node.name, what, pair);
        Ok(Operator {
            kernel: pair("kernel", window.kernel)?,
            stride: pair("stride", window.stride)?,
            dilation: pair("dilation", window.dilation)?,
            origin: pair("padding", window.before)?,
            ..self.operator(node, kind)?
        })
    }

    fn push(&mut self, operator: Operator, node: &Node) -> Result<(), EmitError> {
        let numbers = &self.numbers[node.output];
        let bounds = match numbers.element {
            Element::I8 if node.bounds == UNBOUNDED => [0x80, 0x7f],
            _ => node.bounds.map(|bound| numbers.bound(bound)),
        };
        self.operators.push(Operator { bounds, ..operator });
        Ok(())
    }

    /// Steps of one value in a step of another.
    fn ratio(&self, input: ValueId, output: ValueId) -> f64 {
        f64::from(self.numbers[input].scale) / f64::from(self.numbers[output].scale)
    }

    /// Multipliers, if the node computes in i8.
    fn ratios(&mut self, node: &Node, ratios: &[f64]) -> Result<u32, EmitError> {
        let elements = [node.inputs[0], node.output].map(|value| self.numbers[value].element);
        if elements == [Element::F32; 2] {
            return Ok(0);
        }
        let mut bytes = Vec::new();
        for &ratio in ratios {
            let refused = || EmitError::Factor { node: node.name.clone(), factor: format!("{ratio:e}") };
            bytes.extend(Multiplier::of(ratio).ok_or_else(refused)?.emit());
        }
        Ok(self.data(bytes))
    }

    /// The tensor of a value.
    fn tensor(&mut self, value: ValueId) -> Result<u16, EmitError> {
        if let Some(index) = self.tensor_of[value] {
            return Ok(index);
        }
        let index = self.record(value, self.graph.shape(value))?;
        self.tensor_of[value] = Some(index);
        Ok(index)
    }

    /// Some of a value's numbers, from the first on, as rows of one; its layout has no gaps.
    fn view(&mut self, value: ValueId, first: usize, count: usize, stride: usize) -> Result<u16, EmitError> {
        let index = self.record(value, Shape::vector(1))?;
        let name = &self.graph.values[value].name;
        let (height, pixel_stride) = (size(name, "numbers", count)?, size(name, "stride", stride)?);
        let tensor = &mut self.tensors[usize::from(index)];
        tensor.offset += (first * tensor.element.bytes()) as u32;
        (tensor.height, tensor.pixel_stride) = (height, pixel_stride);
        Ok(index)
    }

    fn record(&mut self, value: ValueId, shape: Shape) -> Result<u16, EmitError> {
        let name = &self.graph.values[value].name;
        let numbers = self.numbers[value];
        let place = self.plan.layout.places[value].expect("the order writes what it reads");
        let offset = self.plan.offsets[place.buffer] + place.channel * numbers.element.bytes();
        let stride = self.plan.layout.buffers[place.buffer].pixel_stride;
        self.tensors.push(Tensor {
            offset: u32::try_from(offset).map_err(|_| EmitError::TooLarge {
                name: name.clone(),
                what: "offset",
                size: offset,
            })?,
            height: size(name, "height", shape.height)?,
            width: size(name, "width", shape.width)?,
            channels: size(name, "channels", shape.channels)?,
            pixel_stride: size(name, "pixel stride", stride.max(shape.channels))?,
            element: numbers.element,
            zero_point: numbers.zero_point,
            scale: numbers.scale,
        });
        size(name, "tensors so far", self.tensors.len() - 1)
    }

    fn data(&mut self, bytes: impl IntoIterator<Item = u8>) -> u32 {
        let offset = self.data.len() as u32 + 1;
        self.data.extend(bytes);
        offset
    }

    fn finish(self, ends: [u16; 2]) -> Vec<u8> {
        let tables = TENSOR_BYTES * self.tensors.len() + OPERATOR_BYTES * self.operators.len();
        let base = (HEADER_BYTES + tables) as u32;
        let mut image = Vec::from(MAGIC);
        let [input, output] = ends;
        let counts = [VERSION, self.tensors.len() as u16, self.operators.len() as u16, input, output, 0];
        image.extend(counts.into_iter().flat_map(u16::to_le_bytes));
        image.extend((self.plan.arena_bytes as u32).to_le_bytes());
        image.extend((base + self.data.len() as u32).to_le_bytes());
        image.extend(self.tensors.iter().flat_map(Tensor::emit));
        let absolute = |offset: u32| if offset == 0 { 0 } else { offset - 1 + base };
        for operator in self.operators {
            let [weights, bias, multipliers] =
                [operator.weights, operator.bias, operator.multipliers].map(absolute);
            image.extend(Operator { weights, bias, multipliers, ..operator }.emit());
        }
        image.extend(self.data);
        image
    }
}

/// `[output][input][tap]` to `[output][tap][input]`.
fn taps_first(weights: &[f32], depth: usize, taps: usize) -> Vec<f32> {
    let rows = weights.chunks_exact(depth * taps);
    rows.flat_map(|row| (0..taps).flat_map(|tap| row.iter().skip(tap).step_by(taps).copied())).collect()
}

fn size(name: &str, what: &'static str, size: usize) -> Result<u16, EmitError> {
    u16::try_from(size).map_err(|_| EmitError::TooLarge { name: name.to_owned(), what, size })
}

fn sizes(name: &str, what: &'static str, [first, second]: [usize; 2]) -> Result<[u16; 2], EmitError> {
    Ok([size(name, what, first)?, size(name, what, second)?])
}
