//! Which values share a buffer.
use crate::graph::{Graph, Node, Op, ValueId};
use crate::quantise::Numbers;
use std::collections::BTreeSet;

/// Buffers begin at multiples of this, so that an f32 is read in one access.
pub const ALIGNMENT_BYTES: usize = 4;

/// Whether values may share a buffer at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Each value has its own.
    Separate,
    /// Concatenations and element by element operators work in place.
    InPlace,
}

/// Where a value lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which buffer.
    pub buffer: usize,
    /// Its first channel there.
    pub channel: usize,
}

/// Memory of one or several values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// Its size.
    pub bytes: usize,
    /// Elements from one pixel to the next.
    pub pixel_stride: usize,
}

/// A node that is executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its index in the graph.
    pub node: usize,
    /// Buffers read.
    pub reads: BTreeSet<usize>,
    /// Buffer written.
    pub writes: usize,
    /// Tasks that must have run before.
    pub after: BTreeSet<usize>,
}

impl Task {
    /// Whether it reads or writes a buffer.
    pub fn touches(&self, buffer: usize) -> bool {
        self.writes == buffer || self.reads.contains(&buffer)
    }
}

/// Buffers, and the tasks that use them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Place of each value; none for one that is never written.
    pub places: Vec<Option<Place>>,
    /// All buffers.
    pub buffers: Vec<Buffer>,
    /// In the order of the graph.
    pub tasks: Vec<Task>,
    /// Concatenations that are not executed.
    pub elided: BTreeSet<usize>,
    /// Buffer that holds the network's input before the first task.
    pub input: usize,
    /// Buffer that holds the network's output after the last task.
    pub output: usize,
}

impl Layout {
    /// Lays out a graph; concatenations in `copied` are executed.
    pub fn of(graph: &Graph, numbers: &[Numbers], sharing: Sharing, copied: &BTreeSet<usize>) -> Self {
        let mut nesting = Nesting { graph, numbers, parents: vec![None; graph.values.len()] };
        let mut elided = BTreeSet::new();
        if sharing == Sharing::InPlace {
            // From the last to the first: a concatenation knows whether it lies in a later one.
            for (index, node) in graph.nodes.iter().enumerate().rev() {
                if node.op == Op::Concat && !copied.contains(&index) && nesting.nest_inputs(node) {
                    elided.insert(index);
                }
            }
            graph.nodes.iter().rev().for_each(|node| nesting.replace_input(node));
        }
        nesting.layout(elided)
    }
}

/// Values that lie inside others.
struct Nesting<'a> {
    graph: &'a Graph,
    numbers: &'a [Numbers],
    /// The value that a value lies in, and at which channel.
    parents: Vec<Option<(ValueId, usize)>>,
}

impl Nesting<'_> {
    /// Puts the inputs of a concatenation into its output, all or none.
    fn nest_inputs(&mut self, node: &Node) -> bool {
        let free = |&input: &ValueId| {
            let once = node.inputs.iter().filter(|&&other| other == input).count() == 1;
            let same = self.numbers[input] == self.numbers[node.output];
            once && same
                && self.parents[input].is_none()
                && input != self.graph.output
                && !self.must_be_whole(input)
        };
        if !node.inputs.iter().all(free) {
            return false;
        }
        let mut channel = 0;
        for &input in &node.inputs {
            self.parents[input] = Some((node.output, channel));
            channel += self.graph.shape(input).channels;
        }
        true
    }

    /// A reshape needs its numbers without gaps.
    fn must_be_whole(&self, value: ValueId) -> bool {
        let touches = |node: &Node| node.inputs.contains(&value) || node.output == value;
        let reshaped = self.graph.nodes.iter().any(|node| node.op == Op::Reshape && touches(node));
        reshaped && self.graph.shape(value).pixels() > 1
    }

    /// An operator that reads each element just before it writes the same one takes over an input's memory, if
    /// nothing else reads that input.
    fn replace_input(&mut self, node: &Node) {
        let in_place = match &node.op {
            Op::Add | Op::Softmax | Op::Identity | Op::Clip => true,
            Op::Convolution { groups, window, .. } => {
                *groups == self.graph.shape(node.output).channels && *window == crate::graph::Window::PIXEL
            }
            _ => false,
        };
        let uses = self.graph.uses();
        let free = |input: ValueId| {
            let written = self.graph.nodes.iter().find(|node| node.output == input);
            // Inside a concatenation others may still read a part of it.
            let own = written.is_none_or(|node| !matches!(node.op, Op::Concat | Op::Reshape));
            let same = self.numbers[input].element == self.numbers[node.output].element
                && self.graph.shape(input) == self.graph.shape(node.output);
            own && same && uses[input] == 1 && self.parents[input].is_none() && !self.must_be_whole(input)
        };
        if let Some(input) = node.inputs.iter().copied().find(|&input| in_place && free(input)) {
            self.parents[input] = Some((node.output, 0));
        }
    }

    /// The value that a value lies in at last, and at which channel.
    fn root(&self, value: ValueId) -> (ValueId, usize) {
        let (mut root, mut channel) = (value, 0);
        while let Some((parent, offset)) = self.parents[root] {
            (root, channel) = (parent, channel + offset);
        }
        (root, channel)
    }

    fn layout(&self, elided: BTreeSet<usize>) -> Layout {
        let mut written: Vec<bool> = vec![false; self.graph.values.len()];
        written[self.graph.input] = true;
        self.graph.nodes.iter().for_each(|node| written[node.output] = true);
        let mut buffer_of_root = vec![None; written.len()];
        let mut buffers = Vec::new();
        let mut places = vec![None; written.len()];
        for value in (0..written.len()).filter(|&value| written[value]) {
            let (root, channel) = self.root(value);
            let buffer = *buffer_of_root[root].get_or_insert_with(|| {
                let shape = self.graph.shape(root);
                let bytes = shape.elements() * self.numbers[root].element.bytes();
                buffers.push(Buffer {
                    bytes: bytes.next_multiple_of(ALIGNMENT_BYTES),
                    pixel_stride: shape.channels,
                });
                buffers.len() - 1
            });
            places[value] = Some(Place { buffer, channel });
        }
        let tasks = self.tasks(&elided, &places);
        let end = |value: ValueId| places[value].map_or(0, |place| place.buffer);
        let (input, output) = (end(self.graph.input), end(self.graph.output));
        Layout { places, buffers, tasks, elided, input, output }
    }

    fn tasks(&self, elided: &BTreeSet<usize>, places: &[Option<Place>]) -> Vec<Task> {
        let mut tasks: Vec<Task> = Vec::new();
        // Tasks that a value is written by: those of its parts where its concatenation is not executed.
        let mut writers: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); places.len()];
        let buffer = |value: ValueId| places[value].expect("the graph writes what it reads").buffer;
        for (index, node) in self.graph.nodes.iter().enumerate() {
            let after: BTreeSet<usize> =
                node.inputs.iter().flat_map(|&input| writers[input].clone()).collect();
            writers[node.output] = if elided.contains(&index) {
                after
            } else {
                let reads = node.inputs.iter().map(|&input| buffer(input)).collect();
                tasks.push(Task { node: index, reads, writes: buffer(node.output), after });
                BTreeSet::from([tasks.len() - 1])
            };
        }
        tasks
    }
}
