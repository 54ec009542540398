//! Networks with seeded weights and the shapes of known families, to measure memory with.
use crate::graph::{Divisor, Graph, Op, Shape, UNBOUNDED, ValueId, Window};
use chirrup_learn::random::Random;

/// A graph that grows layer by layer.
pub struct Builder {
    graph: Graph,
    random: Random,
}

impl Builder {
    /// A network of that input.
    pub fn new(input: Shape, seed: u64) -> Self {
        let mut graph = Graph::default();
        graph.input = graph.value("input", input);
        Self { graph, random: Random::new(seed) }
    }

    /// The network's input.
    pub const fn input(&self) -> ValueId {
        self.graph.input
    }

    /// Ends the network.
    pub fn finish(mut self, output: ValueId) -> Graph {
        self.graph.output = output;
        self.graph
    }

    fn name(&self, op: &str) -> String {
        format!("{op}{}", self.graph.nodes.len())
    }

    /// Convolution with square kernel and padding that keeps the size, divided by the stride.
    pub fn convolution(
        &mut self,
        input: ValueId,
        channels: usize,
        kernel: usize,
        stride: usize,
        groups: usize,
    ) -> ValueId {
        let around = [kernel / 2; 2];
        let window = Window {
            kernel: [kernel; 2],
            stride: [stride; 2],
            before: around,
            after: around,
            ..Window::PIXEL
        };
        self.slide(input, channels, groups, window)
    }

    fn slide(&mut self, input: ValueId, channels: usize, groups: usize, window: Window) -> ValueId {
        let from = self.graph.shape(input);
        let terms = from.channels / groups * window.kernel[0] * window.kernel[1];
        // Uniform with the variance of He et al. 2015.
        let bound = libm::sqrtf(6.0 / terms as f32);
        let weights = (0..channels * terms).map(|_| bound * self.random.symmetric()).collect();
        let bias = (0..channels).map(|_| 0.1 * self.random.symmetric()).collect();
        let [height, width] = window.outputs(from).expect("padding makes room for the kernel");
        let op = Op::Convolution { weights, bias, groups, window };
        self.graph.node(self.name("conv"), op, &[input], Shape { channels, height, width })
    }

    /// Batch normalisation and ReLU (up to `high`).
    pub fn normalised(&mut self, input: ValueId, high: f32) -> ValueId {
        let shape = self.graph.shape(input);
        let scale = (0..shape.channels).map(|_| 0.9 + 0.2 * self.random.unit()).collect();
        let shift = (0..shape.channels).map(|_| 0.1 * self.random.symmetric()).collect();
        let normal = self.graph.node(self.name("norm"), Op::Affine { scale, shift }, &[input], shape);
        let output = self.graph.node(self.name("relu"), Op::Clip, &[normal], shape);
        if let Some(node) = self.graph.nodes.last_mut() {
            node.bounds = [0.0, high];
        }
        output
    }

    /// Sum of two values.
    pub fn add(&mut self, left: ValueId, right: ValueId) -> ValueId {
        let shape = self.graph.shape(left);
        self.graph.node(self.name("add"), Op::Add, &[left, right], shape)
    }

    /// Channels of all inputs.
    pub fn concat(&mut self, inputs: &[ValueId]) -> ValueId {
        let channels = inputs.iter().map(|&input| self.graph.shape(input).channels).sum();
        let shape = Shape { channels, ..self.graph.shape(inputs[0]) };
        self.graph.node(self.name("concat"), Op::Concat, inputs, shape)
    }

    /// Mean of 2 x 2 pixels.
    pub fn halved(&mut self, input: ValueId) -> ValueId {
        let shape = self.graph.shape(input);
        let window = Window { kernel: [2; 2], stride: [2; 2], ..Window::PIXEL };
        let to = Shape { height: shape.height / 2, width: shape.width / 2, ..shape };
        self.graph.node(self.name("pool"), Op::AveragePool(window, Divisor::TapsInside), &[input], to)
    }

    /// Convolution along a signal, padded to its length.
    pub fn signal_convolution(&mut self, input: ValueId, channels: usize, kernel: usize) -> ValueId {
        let around = [0, kernel / 2];
        let window = Window { kernel: [1, kernel], before: around, after: around, ..Window::PIXEL };
        self.slide(input, channels, 1, window)
    }

    /// Largest of each `size` samples of a signal.
    pub fn signal_pool(&mut self, input: ValueId, size: usize) -> ValueId {
        let shape = self.graph.shape(input);
        let window = Window { kernel: [1, size], stride: [1, size], ..Window::PIXEL };
        let to = Shape { width: shape.width / size, ..shape };
        self.graph.node(self.name("pool"), Op::MaxPool(window), &[input], to)
    }

    /// Mean of all pixels, a dense layer and softmax.
    pub fn head(&mut self, input: ValueId, classes: usize) -> ValueId {
        let shape = self.graph.shape(input);
        let window = Window { kernel: [shape.height, shape.width], ..Window::PIXEL };
        let op = Op::AveragePool(window, Divisor::TapsInside);
        let mean = self.graph.node(self.name("mean"), op, &[input], Shape::vector(shape.channels));
        let logits = self.convolution(mean, classes, 1, 1, 1);
        let shape = Shape::vector(classes);
        self.graph.node(self.name("softmax"), Op::Softmax, &[logits], shape)
    }
}

const IMAGE: Shape = Shape { channels: 3, height: 32, width: 32 };
const RELU: f32 = UNBOUNDED[1];

/// Inverted residual blocks (Sandler et al., MobileNetV2, CVPR 2018).
pub fn mobilenet_like() -> Graph {
    let mut net = Builder::new(IMAGE, 1);
    let stem = net.convolution(net.input(), 8, 3, 2, 1);
    let mut x = net.normalised(stem, 6.0);
    let mut channels = 8;
    for (outputs, stride) in [(8, 1), (12, 2), (12, 1), (16, 2), (16, 1)] {
        let expanded = net.convolution(x, 6 * channels, 1, 1, 1);
        let expanded = net.normalised(expanded, 6.0);
        let deep = net.convolution(expanded, 6 * channels, 3, stride, 6 * channels);
        let deep = net.normalised(deep, 6.0);
        let projected = net.convolution(deep, outputs, 1, 1, 1);
        x = if stride == 1 && outputs == channels { net.add(x, projected) } else { projected };
        channels = outputs;
    }
    let output = net.head(x, 10);
    net.finish(output)
}

/// Dense blocks with bottlenecks and transitions (Huang et al., DenseNet, CVPR 2017), but with normalisation after
/// each convolution, where it can be fused, instead of before.
pub fn densenet_like() -> Graph {
    let mut net = Builder::new(IMAGE, 2);
    let stem = net.convolution(net.input(), 16, 3, 2, 1);
    let mut x = net.normalised(stem, RELU);
    for block in 0..2 {
        for _ in 0..6 {
            let narrow = net.convolution(x, 16, 1, 1, 1);
            let narrow = net.normalised(narrow, RELU);
            let grown = net.convolution(narrow, 8, 3, 1, 1);
            let grown = net.normalised(grown, RELU);
            x = net.concat(&[x, grown]);
        }
        if block == 0 {
            let transition = net.convolution(x, 32, 1, 1, 1);
            let transition = net.normalised(transition, RELU);
            x = net.halved(transition);
        }
    }
    let output = net.head(x, 10);
    net.finish(output)
}

/// Cells of four branches that meet in a concatenation (Szegedy et al., Going Deeper with Convolutions, CVPR 2015),
/// written branch by branch.
pub fn inception_like() -> Graph {
    let mut net = Builder::new(IMAGE, 3);
    let stem = net.convolution(net.input(), 16, 3, 2, 1);
    let mut x = net.normalised(stem, RELU);
    for cell in 0..3 {
        let mut branches = Vec::new();
        for (narrow, wide, kernel) in [(0, 8, 1), (12, 16, 3), (4, 8, 5), (0, 8, 3)] {
            let mut branch = x;
            if narrow > 0 {
                let reduced = net.convolution(x, narrow, 1, 1, 1);
                branch = net.normalised(reduced, RELU);
            }
            let wide = net.convolution(branch, wide, kernel, 1, 1);
            branches.push(net.normalised(wide, RELU));
        }
        x = net.concat(&branches);
        if cell == 1 {
            x = net.halved(x);
        }
    }
    let output = net.head(x, 10);
    net.finish(output)
}

/// Nodes wired at random (Xie et al., Exploring Randomly Wired Neural Networks, ICCV 2019), in the order of their
/// numbers: each a depthwise separable convolution of the sum of up to three earlier ones.
pub fn randomly_wired(seed: u64) -> Graph {
    let mut net = Builder::new(IMAGE, seed);
    let stem = net.convolution(net.input(), 8, 3, 2, 1);
    let stem = net.normalised(stem, RELU);
    let mut wiring = Random::new(seed ^ 0x5eed);
    let mut nodes = vec![stem];
    let mut read = vec![false];
    for _ in 0..12 {
        let mut sum: Option<ValueId> = None;
        for _ in 0..3 {
            let from = wiring.below(nodes.len() as u32) as usize;
            if sum != Some(nodes[from]) {
                read[from] = true;
                sum = Some(sum.map_or(nodes[from], |sum| net.add(sum, nodes[from])));
            }
        }
        let sum = sum.expect("the first of three is taken");
        let deep = net.convolution(sum, 8, 3, 1, 8);
        let wide = net.convolution(deep, 8, 1, 1, 1);
        nodes.push(net.normalised(wide, 6.0));
        read.push(false);
    }
    let unread: Vec<ValueId> =
        nodes.iter().zip(&read).filter(|(_, read)| !**read).map(|(&node, _)| node).collect();
    let joined = net.concat(&unread);
    let output = net.head(joined, 10);
    net.finish(output)
}

/// Four branches of different kernels over 128 samples of six signals, joined as vectors (Cui et al., Multi-Scale
/// Convolutional Neural Networks for Time Series Classification, 2016), written layer by layer across the branches,
/// as tools that sort a graph by depth do.
pub fn multiscale_by_depth() -> Graph {
    let mut net = Builder::new(Shape { channels: 6, height: 1, width: 128 }, 5);
    let mut branches: Vec<(ValueId, usize)> = [3, 5, 7, 9].map(|kernel| (net.input(), kernel)).to_vec();
    for (channels, pool) in [(16, 4), (24, 4), (24, 8)] {
        for (branch, kernel) in &mut branches {
            let wide = net.signal_convolution(*branch, channels, *kernel);
            *branch = net.normalised(wide, RELU);
        }
        for (branch, _) in &mut branches {
            *branch = net.signal_pool(*branch, pool);
        }
    }
    let ends: Vec<ValueId> = branches.into_iter().map(|(branch, _)| branch).collect();
    let joined = net.concat(&ends);
    let output = net.head(joined, 10);
    net.finish(output)
}

/// Two convolutions, a pool, a dense layer and softmax for 8 x 8 pixels and ten classes.
pub fn digits_like() -> Graph {
    let mut net = Builder::new(Shape { channels: 1, height: 8, width: 8 }, 6);
    let first = net.convolution(net.input(), 8, 3, 1, 1);
    let first = net.normalised(first, RELU);
    let pooled = net.halved(first);
    let second = net.convolution(pooled, 16, 3, 1, 1);
    let second = net.normalised(second, RELU);
    let output = net.head(second, 10);
    net.finish(output)
}
