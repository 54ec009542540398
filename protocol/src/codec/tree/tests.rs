use super::*;
use crate::codec::random::Random;
use proptest::prelude::*;
use std::vec::Vec;

const SHAPE: Shape = Shape { features: 5, classes: 3, share_bits: 2 };

fn split(feature: u16, threshold: f32, class: u16, share: u8) -> Node {
    Node { test: Some(Test { feature, threshold: threshold_level(threshold) }), class, share }
}

fn leaf(class: u16, share: u8) -> Node {
    Node { test: None, class, share }
}

/// 0: x4 < 0.5 ? (1: x1 < -1 ? leaf 2 : leaf 0) : leaf 1
fn small() -> [Node; 5] {
    [split(4, 0.5, 0, 100), split(1, -1.0, 2, 200), leaf(2, 255), leaf(0, 10), leaf(1, 130)]
}

/// Worked out by hand. Path 0: 00000; split 0 100 10010000; split 0 001 01100000; leaves 1 10 11, 1 00 00, 1 01 10.
#[test]
fn the_bits_are_as_specified() {
    let mut payload = [0; 16];
    assert_eq!(encode(&small(), 0, SHAPE, &mut payload), Ok(Block { bytes: 6, end: 5 }));
    let bits = 0b0000_0010_0100_1000_0000_1011_0000_0110_1110_0001_0110_u64 << 4 | 0xf;
    assert_eq!(payload[..6], bits.to_be_bytes()[2..]);
    let tree = decode(&payload[..6], SHAPE).unwrap();
    let answer = |class, share, depth| Some(Answer { class, share, depth });
    assert_eq!(tree.predict(&[0.0, -1.5, 0.0, 0.0, 0.0]), answer(2, 1.0, 2));
    assert_eq!(tree.predict(&[0.0, -1.0, 0.0, 0.0, 0.4]), answer(0, 0.25, 2));
    assert_eq!(tree.predict(&[0.0, -1.5, 0.0, 0.0, 0.5]), answer(1, 0.75, 1));
    assert_eq!(tree.predict(&[]), answer(1, 0.75, 1));
}

/// Four bytes hold one split and two leaves of the tree above, its left side cut to a leaf of class 2, share 200 / 64.
/// The rest begins at node 1, below the left side of the root.
#[test]
fn a_cut_tree_answers_with_the_commonest_class() {
    let mut payload = [0; 8];
    assert_eq!(encode(&small(), 0, SHAPE, &mut payload[..4]), Ok(Block { bytes: 4, end: 1 }));
    assert_eq!(payload[..4], [0b0000_0010, 0b0100_1000, 0b0110_1110, 0b1101_1111]);
    let answer = decode(&payload[..4], SHAPE).unwrap().predict(&[0.0; 5]);
    assert_eq!(answer, Some(Answer { class: 2, share: 1.0, depth: 1 }));
    // Five bytes hold all below node 1, which answers for the left side alone; six hold the right side of the root too.
    assert_eq!(encode(&small(), 1, SHAPE, &mut payload[..5]), Ok(Block { bytes: 5, end: 4 }));
    let tree = decode(&payload[..5], SHAPE).unwrap();
    assert_eq!(tree.predict(&[0.0; 5]), Some(Answer { class: 0, share: 0.25, depth: 2 }));
    assert_eq!(tree.predict(&[1.0; 5]), None);
    assert_eq!(encode(&small(), 1, SHAPE, &mut payload[..6]), Ok(Block { bytes: 6, end: 5 }));
    assert_eq!(encode(&small(), 1, SHAPE, &mut payload[..4]), Err(CodecError::NoRoom { have_bytes: 4 }));
}

/// The right side of the root is a split of its own: 00001, 10 000 10000000, 0 011 10000000, 1 00 00, 1 01 11.
#[test]
fn a_later_payload_has_the_path_to_its_nodes() {
    let nodes = [split(0, 0.0, 0, 0), leaf(2, 0), split(3, 0.0, 0, 0), leaf(0, 0), leaf(1, 255)];
    let mut payload = [0; 8];
    assert_eq!(encode(&nodes, 2, SHAPE, &mut payload), Ok(Block { bytes: 5, end: 5 }));
    assert_eq!(payload[..5], [0b0000_1100, 0b0010_0000, 0b0000_1110, 0b0000_0010, 0b0001_0111]);
    let tree = decode(&payload[..5], SHAPE).unwrap();
    assert_eq!(tree.predict(&[-1.0; 5]), None);
    assert_eq!(tree.predict(&[1.0; 5]), Some(Answer { class: 1, share: 1.0, depth: 2 }));
}

#[test]
fn what_is_not_one_tree_is_refused() {
    let refused = |nodes: &[Node]| encode(nodes, 0, SHAPE, &mut [0; 99]).unwrap_err();
    let bad = CodecError::BadField { field: "tree" };
    assert_eq!(refused(&[]), bad);
    assert_eq!(refused(&small()[..4]), bad);
    assert_eq!(refused(&[leaf(0, 0), leaf(0, 0)]), bad);
    assert_eq!(refused(&[leaf(3, 0)]), bad);
    assert_eq!(refused(&[split(5, 0.0, 0, 0), leaf(0, 0), leaf(0, 0)]), bad);
    assert_eq!(refused(&[split(0, 0.0, 0, 0); 32]), CodecError::BadField { field: "depth" });
    let beyond = encode(&small(), 5, SHAPE, &mut [0; 99]);
    assert_eq!(beyond, Err(CodecError::IndexBeyondEnd { index: 5, params: 5 }));
    let wide = Shape { share_bits: 9, ..SHAPE };
    assert_eq!(encode(&small(), 0, wide, &mut [0; 99]), Err(CodecError::UnknownWidth { bits: 9 }));
    assert_eq!(
        decode(&[0], Shape { classes: 0, ..SHAPE }).err(),
        Some(CodecError::BadField { field: "shape" })
    );

    let refused = |payload: &[u8]| decode(payload, SHAPE).unwrap_err();
    assert_eq!(refused(&[]), CodecError::Truncated);
    assert_eq!(refused(&[0, 0, 0]), CodecError::Truncated);
    assert_eq!(refused(&[0b0000_0111, 0xff]), CodecError::BadField { field: "class" });
    assert_eq!(refused(&[0b0000_0011, 0xff]), CodecError::BadField { field: "feature" });
    assert_eq!(refused(&[0b0000_0100, 0b0011_1110]), CodecError::BadField { field: "padding" });
    assert_eq!(refused(&[0b0000_1110, 0, 0, 0]), CodecError::BadField { field: "path" });
    assert_eq!(refused(&[0; 100]), CodecError::BadField { field: "depth" });
}

/// A random tree of at most `budget` splits.
fn tree(random: &mut Random, budget: usize, shape: Shape) -> Vec<Node> {
    let (mut nodes, mut open, mut left, mut place) = (Vec::new(), true, budget, Place::default());
    while open {
        let number = random.next_u64();
        let (class, share) = ((number >> 40) as u16 % shape.classes, (number >> 32) as u8);
        if left > 0 && place.depth < 12 && !number.is_multiple_of(5) {
            left -= 1;
            let test =
                Test { feature: (number >> 16) as u16 % shape.features, threshold: (number >> 8) as u8 };
            nodes.push(Node { test: Some(test), class, share });
            place.split(true).expect("not that deep");
        } else {
            nodes.push(leaf(class, share));
            open = place.leaf();
        }
    }
    nodes
}

/// The nodes that a sample passes, from the root to its leaf.
fn way<'a>(nodes: &'a [Node], sample: &[f32]) -> Vec<&'a Node> {
    let (mut index, mut way) = (0, Vec::new());
    loop {
        way.push(&nodes[index]);
        let Some(test) = nodes[index].test else { return way };
        let left = sample[usize::from(test.feature)] < threshold_value(test.threshold);
        index = if left { index + 1 } else { end_of(nodes, index + 1) };
    }
}

/// All payloads of a tree.
fn blocks(nodes: &[Node], shape: Shape, room: usize) -> Vec<Vec<u8>> {
    let (mut next, mut blocks) = (0, Vec::new());
    while next < nodes.len() {
        let mut payload = std::vec![0; room];
        let block = encode(nodes, next, shape, &mut payload).expect("a path and a split fit");
        payload.truncate(block.bytes);
        blocks.push(payload);
        next = block.end;
    }
    blocks
}

proptest! {
    #[test]
    fn the_deepest_answer_is_that_of_the_tree_or_of_a_pruned_one(
        seed: u32,
        budget in 0usize..120,
        features in 1u16..200,
        classes in 1u16..20,
        share_bits in 0u8..=8,
        room in 36usize..=231,
        lost: u64,
    ) {
        let shape = Shape { features, classes, share_bits };
        let mut random = Random::new(seed, 0);
        let nodes = tree(&mut random, budget, shape);
        let payloads = blocks(&nodes, shape, room);
        let trees: Vec<_> = payloads.iter().map(|payload| decode(payload, shape).unwrap()).collect();
        for _ in 0..30 {
            let sample: Vec<_> = (0..features).map(|_| random.uniform() * 8.0 - 4.0).collect();
            let way = way(&nodes, &sample);
            let deepest = |answers: &mut dyn Iterator<Item = Answer>| answers.max_by_key(|answer| answer.depth);
            let whole = deepest(&mut trees.iter().filter_map(|tree| tree.predict(&sample))).unwrap();
            let last = way.last().unwrap();
            prop_assert_eq!((whole.class, whole.depth as usize), (last.class, way.len() - 1));
            prop_assert!((whole.share - (f32::from(last.share) + 1.0) / 256.0).abs() < 1.0 / (1u32 << share_bits) as f32);
            let arrived = trees.iter().enumerate().filter(|(index, _)| lost >> (index % 64) & 1 == 0);
            if let Some(answer) = deepest(&mut arrived.filter_map(|(_, tree)| tree.predict(&sample))) {
                prop_assert_eq!(answer.class, way[answer.depth as usize].class);
            }
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        payload in proptest::collection::vec(any::<u8>(), 0..60),
        features: u16,
        classes: u16,
        share_bits in 0u8..10,
    ) {
        let shape = Shape { features, classes, share_bits };
        if let Ok(tree) = decode(&payload, shape) {
            let answer = tree.predict(&[0.0; 8]);
            prop_assert!(answer.is_none_or(|answer| answer.class < classes && answer.depth <= MAX_DEPTH));
        }
    }
}
