//! Statistics: what they add up to is compared as whole numbers of 2^-24.
use crate::{singles, vectors};
use chirrup_protocol::codec::statistics::random_layer::{self, Layer};
use chirrup_protocol::codec::statistics::{Sum, class_means, second_moments};
use serde::Deserialize;

/// Index, samples and sum of each entry; a sum is a string, since it may be beyond what JSON's readers hold.
type Sums = Vec<(usize, u32, String)>;

fn listed(sums: impl Iterator<Item = Sum>) -> Sums {
    sums.map(|sum| (sum.index, sum.samples, sum.sum.to_string())).collect()
}

#[derive(Deserialize)]
struct ClassMeansCase {
    counts: Vec<u32>,
    means: String,
    features: usize,
    fewest: u32,
    bits: u8,
    start: usize,
    end: usize,
    room_bytes: usize,
    payload: String,
    sums: Sums,
}

#[test]
fn class_means_agree() {
    for case in vectors::<ClassMeansCase>("class_means") {
        let name = format!("{} features from {}, {} bits", case.features, case.start, case.bits);
        let (means, mut bytes) = (singles(&case.means), vec![0; case.room_bytes]);
        let block = class_means::encode(&case.counts, &means, case.start, case.bits, case.fewest, &mut bytes)
            .unwrap();
        assert_eq!(hex::encode(&bytes[..block.bytes]), case.payload, "{name}");
        assert_eq!(block.end, case.end, "{name}");
        let payload = hex::decode(case.payload).unwrap();
        let classes = case.counts.len();
        let decoded = class_means::decode(&payload, classes, case.features, case.bits, case.fewest).unwrap();
        assert_eq!(listed(decoded.sums()), case.sums, "{name}");
    }
}

#[derive(Deserialize)]
struct SecondMomentsCase {
    features: usize,
    triangle: String,
    samples: u32,
    bits: u8,
    start: usize,
    end: usize,
    room_bytes: usize,
    payload: String,
    sums: Sums,
}

#[test]
fn second_moments_agree() {
    for case in vectors::<SecondMomentsCase>("second_moments") {
        let name = format!("{} features from {}, {} bits", case.features, case.start, case.bits);
        let (moments, mut bytes) = (singles(&case.triangle), vec![0; case.room_bytes]);
        let (features, samples) = (case.features, case.samples);
        let block =
            second_moments::encode(&moments, features, samples, case.start, case.bits, &mut bytes).unwrap();
        assert_eq!(hex::encode(&bytes[..block.bytes]), case.payload, "{name}");
        assert_eq!(block.end, case.end, "{name}");
        let payload = hex::decode(case.payload).unwrap();
        let decoded = second_moments::decode(&payload, features, case.bits).unwrap();
        assert_eq!(listed(decoded.sums()), case.sums, "{name}");
    }
}

#[derive(Deserialize)]
struct RandomLayerCase {
    units: usize,
    classes: usize,
    numbers: Vec<i32>,
    bits: u8,
    start: usize,
    end: usize,
    room_bytes: usize,
    payload: String,
    sums: Vec<(usize, String)>,
}

#[test]
fn sums_of_a_random_layer_agree() {
    for case in vectors::<RandomLayerCase>("random_layer") {
        let name = format!("{} units from {}, {} bits", case.units, case.start, case.bits);
        let mut bytes = vec![0; case.room_bytes];
        let block = random_layer::encode(&case.numbers, case.start, case.bits, &mut bytes).unwrap();
        assert_eq!(hex::encode(&bytes[..block.bytes]), case.payload, "{name}");
        assert_eq!(block.end, case.end, "{name}");
        let payload = hex::decode(case.payload).unwrap();
        let decoded = random_layer::decode(&payload, case.units, case.classes, case.bits).unwrap();
        let sums: Vec<_> = decoded.sums().map(|(index, sum)| (index, sum.to_string())).collect();
        assert_eq!(sums, case.sums, "{name}");
    }
}

#[derive(Deserialize)]
struct HiddenCase {
    seed: u32,
    gain: String,
    sample: String,
    answers: Vec<i8>,
}

#[test]
fn hidden_units_agree() {
    for case in vectors::<HiddenCase>("hidden") {
        let layer = Layer { seed: case.seed, units: case.answers.len(), gain: singles(&case.gain)[0] };
        let sample = singles(&case.sample);
        let answers: Vec<_> = (0..layer.units).map(|unit| layer.hidden(unit, &sample)).collect();
        assert_eq!(answers, case.answers, "seed {}, {} features", case.seed, sample.len());
    }
}
