//! Peak SRAM of the known families, and the runtime on the planned arena against the plain reference.
#![allow(clippy::unwrap_used)]

use chirrup_compile::compile::{compile, pixels_first};
use chirrup_compile::graph::Graph;
use chirrup_compile::plan::order::Search;
use chirrup_compile::quantise::Format;
use chirrup_compile::simplify::simplify;
use chirrup_compile::{reference, zoo};
use chirrup_learn::infer::Network;
use chirrup_learn::random::Random;

fn samples(graph: &Graph, count: usize) -> Vec<Vec<f32>> {
    let mut random = Random::new(9);
    let length = graph.shape(graph.input).elements();
    (0..count).map(|_| (0..length).map(|_| random.symmetric()).collect()).collect()
}

fn zoo() -> [(&'static str, Graph); 5] {
    [
        ("mobilenet", zoo::mobilenet_like()),
        ("densenet", zoo::densenet_like()),
        ("inception", zoo::inception_like()),
        ("multiscale", zoo::multiscale_by_depth()),
        ("random", zoo::randomly_wired(4)),
    ]
}

/// Largest difference between the runtime's output and the reference's.
fn error(graph: &Graph, image: &[u8], samples: &[Vec<f32>]) -> f32 {
    let network = Network::load(image).unwrap();
    let mut output = vec![0.0; network.output().elements()];
    let mut largest = 0.0_f32;
    for sample in samples {
        // Whatever an earlier inference left must not matter.
        let mut arena = vec![0xff; network.arena_bytes()];
        let input = pixels_first(sample, graph.shape(graph.input));
        network.run(&input, &mut output, &mut arena).unwrap();
        for (have, expected) in output.iter().zip(reference::output(graph, sample)) {
            largest = largest.max((have - expected).abs());
        }
    }
    largest
}

#[test]
fn peak_memory_is_a_quarter_below_the_given_order_where_branches_meet() {
    for (name, mut graph) in zoo() {
        simplify(&mut graph);
        let compiled = compile(&graph, Format::Int8, &samples(&graph, 2)).unwrap();
        let (memory, planned) = (compiled.naive, &compiled.plan);
        assert!(matches!(planned.search, Search::Optimal { .. }), "{name}");
        assert_eq!(planned.arena_bytes, planned.live_bytes, "{name}: no bytes are lost between buffers");
        assert!(
            planned.arena_bytes <= memory.given_order_bytes
                && 4 * planned.arena_bytes <= 3 * memory.separate_bytes
        );
        if matches!(name, "densenet" | "multiscale" | "random") {
            assert!(4 * planned.arena_bytes <= 3 * memory.given_order_bytes, "{name}");
        }
    }
}

#[test]
fn every_format_computes_what_the_reference_does() {
    for (name, graph) in zoo() {
        let samples = samples(&graph, 4);
        let mut simple = graph.clone();
        simplify(&mut simple);
        for (format, tolerance) in
            [(Format::F32, 1e-5), (Format::F16, 2e-2), (Format::Int8, 0.1), (Format::Int8FloatFallback, 0.1)]
        {
            for graph in [&graph, &simple] {
                let image = compile(graph, format, &samples).unwrap().image;
                let error = error(graph, &image, &samples);
                assert!(error <= tolerance, "{name} {format:?}: {error}");
            }
        }
    }
}
