//! What is fused computes the same, and nothing that should be fused is left.
#![allow(clippy::unwrap_used)]

use chirrup_compile::compile::compile;
use chirrup_compile::graph::{Graph, Op, Shape, UNBOUNDED, Window};
use chirrup_compile::quantise::Format;
use chirrup_compile::rewrite::pool_before_concatenation;
use chirrup_compile::simplify::{Simplified, simplify};
use chirrup_compile::{prune, reference, zoo};
use chirrup_learn::infer::Network;
use chirrup_learn::random::Random;

/// Reshape, normalisation, padding, convolution, normalisation, identity, two clips, flatten, dense; a dead node.
fn everything() -> Graph {
    let mut random = Random::new(2);
    let mut numbers = |count: usize| (0..count).map(|_| random.symmetric()).collect::<Vec<f32>>();
    let mut graph = Graph::default();
    graph.input = graph.value("input", Shape::vector(32));
    let image = Shape { channels: 2, height: 4, width: 4 };
    let shaped = graph.node("shape", Op::Reshape, &[graph.input], image);
    let wide = Shape { channels: 3, height: 4, width: 4 };
    let affine = |scale, shift| Op::Affine { scale, shift };
    let dense = |weights, outputs: usize, window| Op::Convolution {
        weights,
        bias: vec![0.25; outputs],
        groups: 1,
        window,
    };
    let scaled = graph.node("scale", affine(numbers(2), numbers(2)), &[shaped], image);
    let mixed = graph.node("mix", dense(numbers(6), 3, Window::PIXEL), &[scaled], wide);
    let padded = Shape { height: 6, width: 6, ..wide };
    let padded = graph.node("pad", Op::Pad { before: [1; 2], value: 0.0 }, &[mixed], padded);
    let kernel = Window { kernel: [3; 2], ..Window::PIXEL };
    let slid = graph.node("slide", dense(numbers(81), 3, kernel), &[padded], wide);
    let normal = graph.node("norm", affine(numbers(3), numbers(3)), &[slid], wide);
    let same = graph.node("same", Op::Identity, &[normal], wide);
    let mut clipped = same;
    for bounds in [[0.0, UNBOUNDED[1]], [-1.0, 0.5]] {
        clipped = graph.node("clip", Op::Clip, &[clipped], wide);
        graph.nodes.last_mut().unwrap().bounds = bounds;
    }
    graph.node("dead", Op::Softmax, &[clipped], wide);
    let flat = graph.node("flat", Op::Reshape, &[clipped], Shape::vector(48));
    graph.output = graph.node("dense", dense(numbers(480), 10, Window::PIXEL), &[flat], Shape::vector(10));
    graph
}

fn assert_same(first: &Graph, second: &Graph) {
    let mut random = Random::new(3);
    for _ in 0..5 {
        let length = first.shape(first.input).elements();
        let sample: Vec<f32> = (0..length).map(|_| random.symmetric()).collect();
        for (left, right) in reference::output(first, &sample).iter().zip(reference::output(second, &sample))
        {
            assert!((left - right).abs() < 1e-5, "{left} and {right}");
        }
    }
}

#[test]
fn every_pass_finds_its_case() {
    let graph = everything();
    let mut simple = graph.clone();
    let done = simplify(&mut simple);
    let expected = Simplified { identities: 1, dead: 2, affine: 2, clips: 2, pads: 1, reshapes: 2 };
    assert_eq!(done, expected);
    let left: Vec<&str> = simple.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(left, ["mix", "slide", "dense"]);
    assert_eq!(simple.nodes[1].bounds, [0.0, 0.5]);
    assert_same(&graph, &simple);
    assert_eq!(simplify(&mut simple), Simplified::default());
    // What is not simplified runs as well, reshapes as copies channel by channel.
    let sample: Vec<f32> = (0..32).map(|index| index as f32 / 32.0 - 0.5).collect();
    let image = compile(&graph, Format::F32, &[]).unwrap().image;
    let network = Network::load(&image).unwrap();
    let mut output = [0.0; 10];
    network.run(&sample, &mut output, &mut vec![0xff; network.arena_bytes()]).unwrap();
    for (have, expected) in output.iter().zip(reference::output(&graph, &sample)) {
        assert!((have - expected).abs() < 1e-5, "{have} for {expected}");
    }
}

#[test]
fn a_value_with_two_readers_is_not_fused_into_one() {
    let mut graph = zoo::mobilenet_like();
    let before = graph.clone();
    simplify(&mut graph);
    assert!(graph.nodes.iter().all(|node| !matches!(node.op, Op::Affine { .. } | Op::Clip)));
    assert_same(&before, &graph);
}

#[test]
fn pruning_zeroes_the_smallest_share() {
    let mut graph = everything();
    prune::prune(&mut graph, 0.5);
    let (nonzero, all) = graph.weights();
    assert_eq!((nonzero, all), (3 + 41 + 240, 6 + 81 + 480));
    let mut other = everything();
    prune::prune(&mut other, 0.0);
    assert_eq!(other, everything());
}

#[test]
fn pools_move_before_concatenations_and_give_the_same_bits() {
    for (before, moved) in
        [(zoo::inception_like(), 2), (zoo::randomly_wired(4), 1), (zoo::mobilenet_like(), 0)]
    {
        let mut after = before.clone();
        assert_eq!(pool_before_concatenation(&mut after), moved);
        let length = before.shape(before.input).elements();
        let mut random = Random::new(4);
        let sample: Vec<f32> = (0..length).map(|_| random.symmetric()).collect();
        assert_eq!(reference::output(&before, &sample), reference::output(&after, &sample));
    }
}
