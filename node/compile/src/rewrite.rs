//! A graph that computes the same in less memory: pools before concatenations.
//!
//! A pool treats each channel alone, so that pooling a concatenation is concatenating what was pooled: the whole of a
//! large concatenation never has to exist.
use crate::graph::{Graph, Node, Op};

/// Moves pools that shrink an image before the concatenation that they alone read; returns how many.
pub fn pool_before_concatenation(graph: &mut Graph) -> usize {
    let mut moved = 0;
    while let Some((concat, pool)) = pooled_concatenation(graph) {
        let Node { name, op, output, bounds, .. } = graph.nodes.remove(pool);
        let parts = graph.nodes.remove(concat).inputs;
        let shape = graph.shape(output);
        let mut inputs = Vec::new();
        // Both nodes stood before this place, and the concatenation had no other reader.
        let mut place = pool - 1;
        for (part, input) in parts.into_iter().enumerate() {
            let shape = crate::graph::Shape { channels: graph.shape(input).channels, ..shape };
            let name = format!("{name} of part {part}");
            let value = graph.value(name.clone(), shape);
            graph
                .nodes
                .insert(place, Node { name, op: op.clone(), inputs: vec![input], output: value, bounds });
            inputs.push(value);
            place += 1;
        }
        let bounds = crate::graph::UNBOUNDED;
        graph.nodes.insert(place, Node { name, op: Op::Concat, inputs, output, bounds });
        moved += 1;
    }
    moved
}

/// Places of a concatenation and of the pool that alone reads it.
fn pooled_concatenation(graph: &Graph) -> Option<(usize, usize)> {
    let uses = graph.uses();
    graph.nodes.iter().enumerate().find_map(|(pool, node)| {
        let shrinks = graph.shape(node.output).pixels() < graph.shape(node.inputs[0]).pixels();
        let pools = matches!(node.op, Op::MaxPool(_) | Op::AveragePool(..));
        let wanted = pools && shrinks && uses[node.inputs[0]] == 1;
        let written = |other: &Node| wanted && other.op == Op::Concat && other.output == node.inputs[0];
        Some((graph.nodes.iter().position(written)?, pool))
    })
}
