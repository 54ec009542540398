//! A smaller graph that computes the same: identities and dead nodes removed, neighbours fused.
//!
//! Passes run until none finds anything. Fusing changes roundings, nothing else.
use crate::graph::{Graph, Node, Op, UNBOUNDED, Window};

/// What was removed or fused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Simplified {
    /// Identities, and reshapes to the same shape.
    pub identities: usize,
    /// Nodes that the output does not depend on.
    pub dead: usize,
    /// Normalisations that became part of a convolution.
    pub affine: usize,
    /// Activations that became bounds of the node before.
    pub clips: usize,
    /// Zeros around the input of a convolution that became its padding.
    pub pads: usize,
    /// Flattenings that became a kernel as large as the image, and reshapes of the input that became its shape.
    pub reshapes: usize,
}

/// Simplifies the graph.
pub fn simplify(graph: &mut Graph) -> Simplified {
    let mut done = Simplified::default();
    loop {
        let before = done;
        done.identities += usize::from(remove_identity(graph));
        done.affine += usize::from(fuse_affine_into_producer(graph) || fuse_affine_into_consumer(graph));
        done.clips += usize::from(fuse_clip(graph));
        done.pads += usize::from(fuse_pad(graph));
        done.reshapes += usize::from(fuse_reshape(graph) || reshape_input(graph));
        done.dead += remove_dead(graph);
        if done == before {
            return done;
        }
    }
}

/// Removes a node that changes nothing: its readers read its input.
fn bypass(graph: &mut Graph, index: usize) {
    let node = graph.nodes.remove(index);
    let input = node.inputs[0];
    for reader in graph.nodes.iter_mut().flat_map(|node| &mut node.inputs) {
        if *reader == node.output {
            *reader = input;
        }
    }
    if graph.output == node.output {
        graph.output = input;
    }
}

fn remove_identity(graph: &mut Graph) -> bool {
    let changes_nothing = |node: &Node| match node.op {
        Op::Identity | Op::Clip => node.bounds == UNBOUNDED,
        Op::Reshape => graph.shape(node.inputs[0]) == graph.shape(node.output),
        Op::Concat => node.inputs.len() == 1,
        _ => false,
    };
    let found = graph.nodes.iter().position(changes_nothing);
    found.is_some_and(|index| {
        bypass(graph, index);
        true
    })
}

fn remove_dead(graph: &mut Graph) -> usize {
    let uses = graph.uses();
    let before = graph.nodes.len();
    graph.nodes.retain(|node| uses[node.output] > 0);
    before - graph.nodes.len()
}

/// Producer and reader of a value that nothing else reads, where both are as wanted.
fn neighbours(
    graph: &Graph,
    producer: impl Fn(&Node) -> bool,
    reader: impl Fn(&Node) -> bool,
) -> Option<(usize, usize)> {
    let uses = graph.uses();
    graph.nodes.iter().enumerate().find_map(|(after, node)| {
        let input = node.inputs[0];
        let alone = reader(node) && uses[input] == 1;
        let before = graph.nodes.iter().position(|node| alone && node.output == input && producer(node))?;
        Some((before, after))
    })
}

/// A convolution followed by `scale * y + shift`: its weights and bias take both.
fn fuse_affine_into_producer(graph: &mut Graph) -> bool {
    let found = neighbours(
        graph,
        |node| matches!(node.op, Op::Convolution { .. }) && node.bounds == UNBOUNDED,
        |node| matches!(node.op, Op::Affine { .. }),
    );
    let Some((before, after)) = found else { return false };
    let Op::Affine { scale, shift } = graph.nodes[after].op.clone() else { return false };
    let Op::Convolution { weights, bias, .. } = &mut graph.nodes[before].op else { return false };
    let per_channel = weights.len() / bias.len();
    for (row, scale) in weights.chunks_exact_mut(per_channel).zip(&scale) {
        row.iter_mut().for_each(|weight| *weight *= scale);
    }
    for ((bias, scale), shift) in bias.iter_mut().zip(&scale).zip(&shift) {
        *bias = *bias * scale + shift;
    }
    graph.nodes[before].bounds = graph.nodes[after].bounds;
    bypass(graph, after);
    true
}

/// `scale * x + shift` followed by a convolution of one group without padding: its weights and bias take both.
fn fuse_affine_into_consumer(graph: &mut Graph) -> bool {
    let takes = |node: &Node| match &node.op {
        Op::Convolution { groups, window, .. } => {
            *groups == 1 && window.before == [0; 2] && window.after == [0; 2]
        }
        _ => false,
    };
    let gives = |node: &Node| matches!(node.op, Op::Affine { .. }) && node.bounds == UNBOUNDED;
    let Some((before, after)) = neighbours(graph, gives, takes) else { return false };
    let Op::Affine { scale, shift } = graph.nodes[before].op.clone() else { return false };
    let Op::Convolution { weights, bias, window, .. } = &mut graph.nodes[after].op else { return false };
    let taps = window.kernel[0] * window.kernel[1];
    for (row, bias) in weights.chunks_exact_mut(taps * scale.len()).zip(bias) {
        for ((taps, scale), shift) in row.chunks_exact_mut(taps).zip(&scale).zip(&shift) {
            *bias += taps.iter().sum::<f32>() * shift;
            taps.iter_mut().for_each(|weight| *weight *= scale);
        }
    }
    bypass(graph, before);
    true
}

/// An activation: the node before it takes its bounds.
fn fuse_clip(graph: &mut Graph) -> bool {
    let bounded = |node: &Node| {
        matches!(
            node.op,
            Op::Convolution { .. }
                | Op::Affine { .. }
                | Op::Clip
                | Op::Add
                | Op::MaxPool(_)
                | Op::AveragePool(..)
        )
    };
    let Some((before, after)) = neighbours(graph, bounded, |node| node.op == Op::Clip) else { return false };
    let [low, high] = graph.nodes[after].bounds;
    // The second clip acts on the first one's result.
    graph.nodes[before].bounds = graph.nodes[before].bounds.map(|bound| bound.max(low).min(high));
    bypass(graph, after);
    true
}

/// Zeros around the input of a convolution.
fn fuse_pad(graph: &mut Graph) -> bool {
    let zeros = |node: &Node| matches!(node.op, Op::Pad { value, .. } if value == 0.0);
    let takes = |node: &Node| matches!(node.op, Op::Convolution { .. });
    let Some((pad, reader)) = neighbours(graph, zeros, takes) else { return false };
    let Op::Pad { before, .. } = graph.nodes[pad].op else { return false };
    let (small, large) = (graph.shape(graph.nodes[pad].inputs[0]), graph.shape(graph.nodes[pad].output));
    let added = [large.height - small.height, large.width - small.width];
    let Op::Convolution { window, .. } = &mut graph.nodes[reader].op else { return false };
    for axis in 0..2 {
        window.before[axis] += before[axis];
        window.after[axis] += added[axis] - before[axis];
    }
    bypass(graph, pad);
    true
}

/// A flattened image in front of a dense layer: the layer is a kernel as large as the image, with the same weights.
fn fuse_reshape(graph: &mut Graph) -> bool {
    let uses = graph.uses();
    let found = graph.nodes.iter().enumerate().find_map(|(index, node)| {
        let reshape = graph.nodes.iter().find(|other| other.output == node.inputs[0])?;
        let Op::Convolution { groups: 1, window, .. } = &node.op else { return None };
        let (from, to) = (graph.shape(reshape.inputs[0]), graph.shape(reshape.output));
        let flattens = reshape.op == Op::Reshape && to.pixels() == 1 && *window == Window::PIXEL;
        (flattens && uses[reshape.output] >= 1).then_some((index, reshape.inputs[0], from))
    });
    let Some((index, input, shape)) = found else { return false };
    let Op::Convolution { window, .. } = &mut graph.nodes[index].op else { return false };
    window.kernel = [shape.height, shape.width];
    graph.nodes[index].inputs = vec![input];
    true
}

/// A reshape that alone reads the network's input: the network takes the other shape, in the same order of numbers.
fn reshape_input(graph: &mut Graph) -> bool {
    let (input, uses) = (graph.input, graph.uses());
    let reads = |node: &Node| node.op == Op::Reshape && node.inputs[0] == input && uses[input] == 1;
    let Some(index) = graph.nodes.iter().position(reads) else { return false };
    graph.values[input].shape = graph.shape(graph.nodes[index].output);
    bypass(graph, index);
    true
}
