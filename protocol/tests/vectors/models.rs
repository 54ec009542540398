//! Models and prototypes.
use crate::{digits, inputs, singles, vectors};
use chirrup_protocol::codec::{linear, one_versus_one, prototypes, tree};
use serde::Deserialize;

#[derive(Deserialize)]
struct LinearCase {
    name: String,
    columns: usize,
    bits: u8,
    params: String,
    payload: String,
    decoded: String,
}

#[test]
fn linear_agrees() {
    for LinearCase { name, columns, bits, params, payload, decoded } in vectors("linear") {
        let params = singles(&params);
        let mut bytes = vec![0; 1_024];
        let length = linear::encode(&params, columns, bits, &mut bytes).unwrap();
        assert_eq!(hex::encode(&bytes[..length]), payload, "{name}");
        let mut values = vec![0.0; params.len()];
        linear::decode(&hex::decode(payload).unwrap(), columns, bits, &mut values).unwrap();
        assert_eq!(digits(&values), decoded, "{name}");
    }
}

#[derive(Deserialize)]
struct LinearBlockCase {
    input: String,
    columns: usize,
    bits: u8,
    start: usize,
    end: usize,
    room_bytes: usize,
    payload: String,
    decoded: String,
}

#[test]
fn linear_blocks_agree() {
    let inputs = inputs();
    for case in vectors::<LinearBlockCase>("linear_block") {
        let (params, mut bytes) = (&inputs[&case.input], vec![0; case.room_bytes]);
        let name = format!("{} from {}, {} bits", case.input, case.start, case.bits);
        let block = linear::encode_block(params, case.start, case.columns, case.bits, &mut bytes).unwrap();
        assert_eq!(hex::encode(&bytes[..block.bytes]), case.payload, "{name}");
        assert_eq!(block.end, case.end, "{name}");
        let mut values = vec![0.0; params.len()];
        let payload = hex::decode(case.payload).unwrap();
        let range = linear::decode_block(&payload, case.columns, case.bits, &mut values).unwrap();
        assert_eq!(range, case.start..case.end, "{name}");
        assert_eq!(digits(&values[range]), case.decoded, "{name}");
    }
}

#[derive(Deserialize)]
struct OneVersusOneCase {
    input: String,
    columns: usize,
    classes: usize,
    pairs: Vec<u16>,
    bits: u8,
    start: usize,
    end: usize,
    room_bytes: usize,
    payload: String,
    parts: Vec<(usize, usize, String)>,
}

#[test]
fn one_versus_one_agrees() {
    let inputs = inputs();
    for case in vectors::<OneVersusOneCase>("one_versus_one") {
        let weights = &inputs[&case.input][..case.pairs.len() * case.columns];
        let name = format!("{} from {}, {} bits", case.input, case.start, case.bits);
        let mut bytes = vec![0; case.room_bytes];
        let block = one_versus_one::encode(weights, &case.pairs, case.start, case.bits, &mut bytes).unwrap();
        assert_eq!(hex::encode(&bytes[..block.bytes]), case.payload, "{name}");
        assert_eq!(block.end, case.end, "{name}");
        let payload = hex::decode(case.payload).unwrap();
        let learners = one_versus_one::decode(&payload, case.classes, case.columns, case.bits).unwrap();
        let values = |part: &one_versus_one::Part<'_>| digits(&part.weights().collect::<Vec<_>>());
        let parts: Vec<_> = learners.parts().map(|part| (part.pair, part.first, values(&part))).collect();
        assert_eq!(parts, case.parts, "{name}");
    }
}

#[derive(Deserialize)]
struct PrototypesCase {
    classes: u16,
    coefficients: usize,
    fewest: u32,
    step: String,
    prototypes: Vec<(u16, u32)>,
    values: String,
    start: usize,
    end: usize,
    room_bytes: usize,
    payload: String,
    decoded: Vec<(u16, u32, String)>,
}

#[test]
fn prototypes_agree() {
    for case in vectors::<PrototypesCase>("prototypes") {
        let name = format!("{} classes from {}, {} bytes", case.classes, case.start, case.room_bytes);
        let (classes, coefficients, fewest) = (case.classes, case.coefficients, case.fewest);
        let shape = prototypes::Shape { classes, coefficients, fewest };
        let known = case.prototypes.iter();
        let known: Vec<_> = known.map(|&(class, count)| prototypes::Prototype { class, count }).collect();
        let (step, values) = (singles(&case.step)[0], singles(&case.values));
        let mut bytes = vec![0; case.room_bytes];
        let block = prototypes::encode(&known, &values, case.start, step, shape, &mut bytes).unwrap();
        assert_eq!(hex::encode(&bytes[..block.bytes]), case.payload, "{name}");
        assert_eq!(block.end, case.end, "{name}");
        let payload = hex::decode(case.payload).unwrap();
        let mut decoded = prototypes::decode(&payload, shape).unwrap();
        let mut found = Vec::new();
        let mut row = vec![0.0; coefficients];
        while let Some(prototype) = decoded.next_into(&mut row) {
            found.push((prototype.class, prototype.count, digits(&row)));
        }
        assert_eq!(found, case.decoded, "{name}");
    }
}

#[derive(Deserialize)]
struct TreeCase {
    features: u16,
    classes: u16,
    share_bits: u8,
    nodes: Vec<(Option<u16>, u8, u16, u8)>,
    start: usize,
    end: usize,
    room_bytes: usize,
    payload: String,
    samples: String,
    answers: Vec<Option<(u16, f32, u32)>>,
}

#[test]
fn trees_agree() {
    for case in vectors::<TreeCase>("tree") {
        let name = format!("{} features from {}, {} bytes", case.features, case.start, case.room_bytes);
        let (features, classes, share_bits) = (case.features, case.classes, case.share_bits);
        let shape = tree::Shape { features, classes, share_bits };
        let node = |&(feature, threshold, class, share): &(Option<u16>, u8, u16, u8)| {
            let test = feature.map(|feature| tree::Test { feature, threshold });
            tree::Node { test, class, share }
        };
        let nodes: Vec<_> = case.nodes.iter().map(node).collect();
        let mut bytes = vec![0; case.room_bytes];
        let block = tree::encode(&nodes, case.start, shape, &mut bytes).unwrap();
        assert_eq!(hex::encode(&bytes[..block.bytes]), case.payload, "{name}");
        assert_eq!(block.end, case.end, "{name}");
        let payload = hex::decode(case.payload).unwrap();
        let decoded = tree::decode(&payload, shape).unwrap();
        let samples = singles(&case.samples);
        let answers = samples.chunks(features.into()).map(|sample| decoded.predict(sample));
        let answers: Vec<_> =
            answers.map(|found| found.map(|answer| (answer.class, answer.share, answer.depth))).collect();
        assert_eq!(answers, case.answers, "{name}");
    }
}
