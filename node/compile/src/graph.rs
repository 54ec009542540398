//! A network as a graph of operators on values of one sample.

/// Number of a value in [`Graph::values`].
pub type ValueId = usize;

/// Bounds that leave every number alone.
pub const UNBOUNDED: [f32; 2] = [f32::NEG_INFINITY, f32::INFINITY];

/// Size of a value. A vector has one pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Channels, or the entries of a vector.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Shape {
    /// A vector.
    pub const fn vector(entries: usize) -> Self {
        Self { channels: entries, height: 1, width: 1 }
    }

    /// How many numbers.
    pub const fn elements(self) -> usize {
        self.channels * self.pixels()
    }

    /// Rows times columns.
    pub const fn pixels(self) -> usize {
        self.height * self.width
    }

    /// Whether `[channels][height][width]` and `[height][width][channels]` are the same sequence.
    pub const fn is_flat(self) -> bool {
        self.channels == 1 || self.pixels() == 1
    }
}

/// What flows between nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// As in the file.
    pub name: String,
    /// Its size.
    pub shape: Shape,
}

/// A sliding window. Pairs are height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Taps.
    pub kernel: [usize; 2],
    /// Step between windows.
    pub stride: [usize; 2],
    /// Step between taps.
    pub dilation: [usize; 2],
    /// Rows and columns of zeros before the first.
    pub before: [usize; 2],
    /// Rows and columns of zeros after the last.
    pub after: [usize; 2],
}

impl Window {
    /// One pixel.
    pub const PIXEL: Self =
        Self { kernel: [1; 2], stride: [1; 2], dilation: [1; 2], before: [0; 2], after: [0; 2] };

    /// Rows and columns of the output; none where the window is larger than the padded input.
    pub fn outputs(&self, shape: Shape) -> Option<[usize; 2]> {
        let along = |axis: usize, size: usize| {
            let reach = (self.kernel[axis].checked_sub(1)?) * self.dilation[axis] + 1;
            let room = (size + self.before[axis] + self.after[axis]).checked_sub(reach)?;
            Some(room.checked_div(self.stride[axis])? + 1)
        };
        Some([along(0, shape.height)?, along(1, shape.width)?])
    }
}

/// What a mean divides by at the edge.
pub use chirrup_learn::infer::image::Divisor;

/// What a node does.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// A convolution, and with one pixel a dense layer. Weights `[output][input of the group][row][column]`.
    Convolution {
        /// Weights.
        weights: Vec<f32>,
        /// One an output channel.
        bias: Vec<f32>,
        /// Groups of channels.
        groups: usize,
        /// Where it slides.
        window: Window,
    },
    /// `scale * value + shift`, one of each a channel: batch normalisation, or a constant factor or summand.
    Affine {
        /// Factors.
        scale: Vec<f32>,
        /// Summands.
        shift: Vec<f32>,
    },
    /// Nothing but the node's bounds.
    Clip,
    /// Largest of a window.
    MaxPool(Window),
    /// Mean of a window.
    AveragePool(Window, Divisor),
    /// Sum of two.
    Add,
    /// Channels of all inputs, one after the other.
    Concat,
    /// The same numbers in another shape, in the order `[channels][height][width]`.
    Reshape,
    /// Softmax over the channels.
    Softmax,
    /// Rows and columns of a constant around the input.
    Pad {
        /// Before the first row and column.
        before: [usize; 2],
        /// What they hold.
        value: f32,
    },
    /// Nothing.
    Identity,
}

impl Op {
    /// Its name in messages.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Convolution { .. } => "convolution",
            Self::Affine { .. } => "affine",
            Self::Clip => "clip",
            Self::MaxPool(_) => "max-pool",
            Self::AveragePool(..) => "average-pool",
            Self::Add => "add",
            Self::Concat => "concat",
            Self::Reshape => "reshape",
            Self::Softmax => "softmax",
            Self::Pad { .. } => "pad",
            Self::Identity => "identity",
        }
    }
}

/// One operator.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// As in the file, or what it writes.
    pub name: String,
    /// What it does.
    pub op: Op,
    /// What it reads.
    pub inputs: Vec<ValueId>,
    /// What it writes.
    pub output: ValueId,
    /// Lower and upper bound of its output.
    pub bounds: [f32; 2],
}

/// A network with one input and one output; nodes stand in an order in which they can be executed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    /// All values, used or not.
    pub values: Vec<Value>,
    /// In the order of the file.
    pub nodes: Vec<Node>,
    /// What the network reads.
    pub input: ValueId,
    /// What the network writes.
    pub output: ValueId,
}

impl Graph {
    /// Adds a value.
    pub fn value(&mut self, name: impl Into<String>, shape: Shape) -> ValueId {
        self.values.push(Value { name: name.into(), shape });
        self.values.len() - 1
    }

    /// Adds a node without bounds and its output.
    pub fn node(&mut self, name: impl Into<String>, op: Op, inputs: &[ValueId], shape: Shape) -> ValueId {
        let name = name.into();
        let output = self.value(name.clone(), shape);
        self.nodes.push(Node { name, op, inputs: inputs.to_vec(), output, bounds: UNBOUNDED });
        output
    }

    /// Size of a value.
    pub fn shape(&self, value: ValueId) -> Shape {
        self.values[value].shape
    }

    /// How often each value is read, the network's output once more.
    pub fn uses(&self) -> Vec<usize> {
        let mut uses = vec![0; self.values.len()];
        for &input in self.nodes.iter().flat_map(|node| &node.inputs) {
            uses[input] += 1;
        }
        uses[self.output] += 1;
        uses
    }

    /// Weights that are not zero, and all weights.
    pub fn weights(&self) -> (usize, usize) {
        let weights = self.nodes.iter().filter_map(|node| match &node.op {
            Op::Convolution { weights, .. } => Some(weights),
            _ => None,
        });
        weights
            .flatten()
            .fold((0, 0), |(nonzero, all), &weight| (nonzero + usize::from(weight != 0.0), all + 1))
    }
}
