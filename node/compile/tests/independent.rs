//! Models written by the ONNX project's own package, and what its reference evaluator computes
//! (`fixtures/write.py`).
#![allow(clippy::unwrap_used)]

use chirrup_compile::compile::{compile, pixels_first};
use chirrup_compile::graph::Graph;
use chirrup_compile::quantise::Format;
use chirrup_compile::simplify::simplify;
use chirrup_compile::{onnx, reference};
use chirrup_learn::infer::Network;

/// Samples and expected outputs.
fn cases(graph: &Graph, csv: &str) -> Vec<(Vec<f32>, Vec<f32>)> {
    let length = graph.shape(graph.input).elements();
    let line = |line: &str| {
        let numbers: Vec<f32> = line.split(',').map(|number| number.parse().unwrap()).collect();
        let (sample, output) = numbers.split_at(length);
        (sample.to_vec(), output.to_vec())
    };
    csv.lines().map(line).collect()
}

fn assert_near(have: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(have.len(), expected.len());
    for (have, expected) in have.iter().zip(expected) {
        assert!((have - expected).abs() <= tolerance, "{have} for {expected}");
    }
}

fn check(model: &[u8], csv: &str, nodes_left: usize, tolerance_int8: f32) {
    let graph = onnx::read(model).unwrap().graph;
    let mut simple = graph.clone();
    simplify(&mut simple);
    assert_eq!(simple.nodes.len(), nodes_left);
    let cases = cases(&graph, csv);
    let samples: Vec<Vec<f32>> = cases.iter().map(|(sample, _)| sample.clone()).collect();
    for (format, tolerance) in [(Format::F32, 1e-5), (Format::F16, 1e-2), (Format::Int8, tolerance_int8)] {
        for graph in [&graph, &simple] {
            let image = compile(graph, format, &samples).unwrap().image;
            let network = Network::load(&image).unwrap();
            let mut output = vec![0.0; network.output().elements()];
            for (sample, expected) in &cases {
                assert_near(&reference::output(graph, sample), expected, 1e-5);
                let mut arena = vec![0xff; network.arena_bytes()];
                let input = pixels_first(sample, graph.shape(graph.input));
                network.run(&input, &mut output, &mut arena).unwrap();
                assert_near(&output, expected, tolerance);
            }
        }
    }
}

#[test]
fn an_image() {
    check(include_bytes!("fixtures/image.onnx"), include_str!("fixtures/image.csv"), 9, 0.05);
}

#[test]
fn a_signal() {
    check(include_bytes!("fixtures/signal.onnx"), include_str!("fixtures/signal.csv"), 4, 0.1);
}
