//! The bytes of a planned network, as `chirrup_learn::infer::image` describes them.
mod nodes;

use crate::graph::{Graph, Node, Shape, UNBOUNDED, ValueId, Window};
use crate::plan::Plan;
use crate::quantise::{Format, Numbers};
use chirrup_learn::infer::fixed::Multiplier;
use chirrup_learn::infer::image::{
    Element, HEADER_BYTES, Kind, MAGIC, OPERATOR_BYTES, Operator, TENSOR_BYTES, Tensor, VERSION,
};

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

fn size(name: &str, what: &'static str, size: usize) -> Result<u16, EmitError> {
    u16::try_from(size).map_err(|_| EmitError::TooLarge { name: name.to_owned(), what, size })
}

fn sizes(name: &str, what: &'static str, [first, second]: [usize; 2]) -> Result<[u16; 2], EmitError> {
    Ok([size(name, what, first)?, size(name, what, second)?])
}
