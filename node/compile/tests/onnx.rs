//! The reader: every family through a file and back, a model written byte by byte from the specification, and models
//! that must be refused.
#![allow(clippy::unwrap_used)]

use chirrup_compile::graph::{Op, Shape};
use chirrup_compile::onnx::proto::{ModelProto, NodeProto};
use chirrup_compile::onnx::{OnnxError, read, write};
use chirrup_compile::simplify::simplify;
use chirrup_compile::{reference, zoo};
use chirrup_learn::random::Random;
use proptest::prelude::*;
use prost::Message;

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    [&[tag, body.len() as u8], body].concat()
}

/// `softmax(relu(W x + b))` with `W = [[1, -1], [2, 0.5]]` stored input by input, put together from `onnx.proto` and the
/// wire format alone: tag, length, body.
fn model_by_hand(second: &str) -> Vec<u8> {
    let text = |tag: u8, text: &str| message(tag, text.as_bytes());
    let node = |inputs: &[&str], output: &str, operator: &str| {
        let inputs: Vec<u8> = inputs.iter().flat_map(|input| text(0x0a, input)).collect();
        message(0x0a, &[inputs, text(0x12, output), text(0x22, operator)].concat())
    };
    let floats = |dims: &[u8], name: &str, values: &[f32]| {
        let dims: Vec<u8> = dims.iter().flat_map(|&size| [0x08, size]).collect();
        let packed: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        message(0x2a, &[dims, vec![0x10, 1], message(0x22, &packed), text(0x42, name)].concat())
    };
    let end = |tag: u8, name: &str| {
        // dim { dim_param: "N" } dim { dim_value: 2 }
        let shape = message(0x12, &[0x0a, 3, 0x12, 1, b'N', 0x0a, 2, 0x08, 2]);
        let tensor = message(0x0a, &[vec![0x08, 1], shape].concat());
        message(tag, &[text(0x0a, name), message(0x12, &tensor)].concat())
    };
    let graph = [
        node(&["x", "w"], "m", "MatMul"),
        node(&["m", "b"], "s", "Add"),
        node(&["s"], "r", second),
        node(&["r"], "y", "Softmax"),
        floats(&[2, 2], "w", &[1.0, 2.0, -1.0, 0.5]),
        floats(&[2], "b", &[0.25, -0.5]),
        end(0x5a, "x"),
        end(0x62, "y"),
    ]
    .concat();
    let length = [(graph.len() & 0x7f) as u8 | 0x80, (graph.len() >> 7) as u8];
    [&[0x08, 8, 0x3a][..], &length, &graph, &[0x42, 2, 0x10, 13]].concat()
}

#[test]
fn a_model_from_the_wire_format() {
    let mut graph = read(&model_by_hand("Relu")).unwrap().graph;
    assert_eq!(graph.shape(graph.input), Shape::vector(2));
    let expected = |x: [f32; 2]| {
        let sums = [x[0] - x[1] + 0.25, 2.0 * x[0] + 0.5 * x[1] - 0.5].map(|sum| libm::expf(sum.max(0.0)));
        sums.map(|power| power / (sums[0] + sums[1]))
    };
    for _ in 0..2 {
        for x in [[1.0, 0.5], [-1.0, 2.0], [0.0, 0.0]] {
            for (have, expected) in reference::output(&graph, &x).iter().zip(expected(x)) {
                assert!((have - expected).abs() < 1e-6, "{have} for {expected}");
            }
        }
        simplify(&mut graph);
    }
    assert_eq!(graph.nodes.len(), 2, "a dense layer with bounds, and softmax");
    let Op::Convolution { weights, bias, .. } = &graph.nodes[0].op else { panic!("a dense layer") };
    assert_eq!((weights, bias), (&vec![1.0, -1.0, 2.0, 0.5], &vec![0.25, -0.5]));
}

#[test]
fn a_refusal_names_node_and_operator() {
    let refused = read(&model_by_hand("Erf")).unwrap_err();
    assert_eq!(refused.to_string(), "node \"r\" (Erf): this operator is not supported");
    let mut model = ModelProto::decode(model_by_hand("Relu").as_slice()).unwrap();
    model.opset_import[0].version = Some(9);
    assert_eq!(read(&model.encode_to_vec()), Err(OnnxError::Opset { have: 9 }));
    model.opset_import[0].version = Some(17);
    let graph = model.graph.as_mut().unwrap();
    graph.node.remove(0);
    let refused = read(&model.encode_to_vec()).unwrap_err();
    assert!(refused.to_string().contains("nothing writes input \"m\""), "{refused}");
    let other = graph_with(|node| node.domain = Some("com.microsoft".into()));
    assert!(read(&other).unwrap_err().to_string().contains("com.microsoft"));
    assert!(matches!(read(b"PK\x03\x04"), Err(OnnxError::NotOnnx(_))));
    assert!(matches!(read(b""), Err(OnnxError::NotOnnx(_))));
}

fn graph_with(change: impl Fn(&mut NodeProto)) -> Vec<u8> {
    let mut model = ModelProto::decode(model_by_hand("Relu").as_slice()).unwrap();
    change(&mut model.graph.as_mut().unwrap().node[2]);
    model.encode_to_vec()
}

#[test]
fn every_family_goes_through_a_file() {
    let families = [
        zoo::mobilenet_like(),
        zoo::densenet_like(),
        zoo::inception_like(),
        zoo::multiscale_by_depth(),
        zoo::randomly_wired(4),
    ];
    let mut random = Random::new(5);
    for graph in families {
        let again = read(&write::write(&graph)).unwrap().graph;
        assert_eq!(again.nodes.len(), graph.nodes.len());
        let length = graph.shape(graph.input).elements();
        let sample: Vec<f32> = (0..length).map(|_| random.symmetric()).collect();
        assert_eq!(reference::output(&again, &sample), reference::output(&graph, &sample));
        // What was fused is written as an operator and its bounds.
        let mut simple = graph.clone();
        simplify(&mut simple);
        let again = read(&write::write(&simple)).unwrap().graph;
        assert_eq!(reference::output(&again, &sample), reference::output(&simple, &sample));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_mutated_model_is_refused_or_read(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let mut bytes = model_by_hand("Relu");
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(mut read) = read(&bytes) {
            simplify(&mut read.graph);
        }
    }
}
