//! Codecs of statistics: what is decoded belongs to one entry each, in ascending order. Input: a byte that
//! chooses the shape, a byte of parameters, then the payload.
use crate::input::Input;
use chirrup_protocol::codec::CodecError;
use chirrup_protocol::codec::random::Random;
use chirrup_protocol::codec::statistics::{
    MAX_SAMPLES, class_means, random_layer, second_moments, triangle_len,
};

/// Classes and features.
const SHAPES: [(usize, usize); 5] = [(10, 64), (2, 30), (1, 1), (3, 7), (300, 5)];
/// Fewest samples behind a mean.
const FEWEST: [u32; 3] = [0, 3, 100];

/// Entries ascend within their bounds, and there is one.
fn check(entries: impl Iterator<Item = usize>, len: usize) {
    let mut next = 0;
    for index in entries {
        assert!(index >= next && index < len, "entry {index} of {len}");
        next = index + 1;
    }
    assert!(next > 0, "a payload has an entry");
}

/// Class means and counts.
pub fn class_means(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let ((classes, features), bits) = (input.choose(&SHAPES), input.u8());
    let fewest = FEWEST[usize::from(bits >> 4) % FEWEST.len()];
    match class_means::decode(input.rest(), classes, features, bits & 0xf, fewest) {
        Ok(means) => {
            check(means.sums().map(|sum| sum.index), classes * features);
            let samples = fewest.max(1)..=MAX_SAMPLES;
            assert!(means.sums().all(|sum| samples.contains(&sum.samples)));
        }
        Err(error) => {
            let is_known = (2..=8).contains(&(bits & 0xf));
            assert_eq!(matches!(error, CodecError::UnknownWidth { .. }), !is_known);
        }
    }
}

fn numbers(count: usize) -> Vec<f32> {
    let mut random = Random::new(5, 0);
    (0..count).map(|_| 3.0 * random.uniform()).collect()
}

/// Means to start from.
pub fn class_means_seeds() -> Vec<Vec<u8>> {
    let seed = |shape: u8, bits: u8, start: usize, room: usize| {
        let (classes, features) = SHAPES[usize::from(shape)];
        let counts: Vec<u32> = (0..classes as u32).map(|class| class * 50).collect();
        let mut payload = vec![0; room];
        let block = class_means::encode(&counts, &numbers(classes * features), start, bits, 1, &mut payload);
        [&[shape, bits], &payload[..block.expect("it fits").bytes]].concat()
    };
    vec![seed(0, 4, 0, 36), seed(0, 4, 100, 207), seed(1, 8, 0, 100), seed(4, 2, 700, 36), seed(3, 5, 0, 100)]
}

/// Second moments.
pub fn second_moments(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (features, bits) = (input.choose(&[64, 30, 1, 2, 7]), input.u8() % 10);
    match second_moments::decode(input.rest(), features, bits) {
        Ok(moments) => check(moments.sums().map(|sum| sum.index), triangle_len(features)),
        Err(error) => {
            assert_eq!(error == CodecError::UnknownWidth { bits }, !(2..=8).contains(&bits));
        }
    }
}

/// Moments to start from.
pub fn second_moments_seeds() -> Vec<Vec<u8>> {
    let seed = |choice: u8, features: usize, bits: u8, start: usize, room: usize| {
        let mut payload = vec![0; room];
        let moments = numbers(triangle_len(features));
        let block = second_moments::encode(&moments, features, 500, start, bits, &mut payload);
        [&[choice, bits], &payload[..block.expect("it fits").bytes]].concat()
    };
    vec![seed(0, 64, 4, 0, 100), seed(0, 64, 4, 300, 36), seed(1, 30, 8, 0, 207), seed(3, 2, 2, 0, 36)]
}

/// Sums of a random layer.
pub fn random_layer(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let ((units, classes), bits) = (input.choose(&[(64, 10), (8, 2), (1, 1), (128, 3)]), input.u8() % 35);
    match random_layer::decode(input.rest(), units, classes, bits) {
        Ok(sums) => check(sums.sums().map(|(index, _)| index), triangle_len(units) + units * classes),
        Err(error) => {
            assert_eq!(error == CodecError::UnknownWidth { bits }, !(4..=32).contains(&bits));
        }
    }
}

/// Sums to start from.
pub fn random_layer_seeds() -> Vec<Vec<u8>> {
    let seed = |choice: u8, bits: u8, start: usize, room: usize| {
        let mut random = Random::new(6, 0);
        let sums: Vec<i32> = (0..2_720).map(|_| random.next_u64() as i32 >> 8).collect();
        let mut payload = vec![0; room];
        let block =
            random_layer::encode(&sums[..if choice == 0 { 2_720 } else { 52 }], start, bits, &mut payload);
        [&[choice, bits], &payload[..block.expect("it fits").bytes]].concat()
    };
    vec![seed(0, 8, 0, 100), seed(0, 32, 2_050, 36), seed(0, 4, 200, 207), seed(1, 16, 0, 100)]
}
