//! Magnitude pruning (Han et al., Learning both Weights and Connections, NIPS 2015): the smallest weights of each
//! layer become zero.
//!
//! An image stores zeros like any other weight: what shrinks is the image in compressed form, on the way to the node.
use crate::graph::{Graph, Op};

/// Sets the smallest `share` of the weights of each convolution and dense layer to zero; of several of one magnitude
/// the first.
pub fn prune(graph: &mut Graph, share: f64) {
    for node in &mut graph.nodes {
        if let Op::Convolution { weights, .. } = &mut node.op {
            let mut order: Vec<usize> = (0..weights.len()).collect();
            order.sort_by(|&left, &right| weights[left].abs().total_cmp(&weights[right].abs()));
            let count = (weights.len() as f64 * share.clamp(0.0, 1.0)) as usize;
            for &index in &order[..count] {
                weights[index] = 0.0;
            }
        }
    }
}
