use super::*;
use crate::random::Random;
use proptest::prelude::*;

const SHAPE: Shape = Shape { features: 3, classes: 3 };

fn image_of(trees: &[&[Node]]) -> Vec<u8> {
    let mut image = vec![0; 4096];
    let bytes = encode(trees, SHAPE, &mut image).unwrap();
    image.truncate(bytes);
    image
}

const fn split(feature: u16, threshold: f32) -> Node {
    Node::Split { feature, threshold }
}

const fn leaf(class: u16) -> Node {
    Node::Leaf { class }
}

/// A random tree in preorder.
fn grow(random: &mut Random, depth: u32, nodes: &mut Vec<Node>) {
    if depth == 0 || random.below(4) == 0 {
        nodes.push(leaf(random.below(3) as u16));
        return;
    }
    nodes.push(split(random.below(3) as u16, random.symmetric()));
    grow(random, depth - 1, nodes);
    grow(random, depth - 1, nodes);
}

/// The class of the nodes from `at` on and where they end, straight from the definition.
fn by_definition(nodes: &[Node], at: usize, sample: &[f32]) -> (u16, usize) {
    match nodes[at] {
        Node::Leaf { class } => (class, at + 1),
        Node::Split { feature, threshold } => {
            let (left, right) = by_definition(nodes, at + 1, sample);
            let (right, end) = by_definition(nodes, right, sample);
            (if sample[usize::from(feature)] < threshold { left } else { right }, end)
        }
    }
}

#[test]
fn the_bytes_are_the_documented_ones() {
    let image = image_of(&[&[split(2, 1.5), leaf(1), leaf(2)]]);
    let wanted = [
        b"T1".as_slice(),
        &[3, 0, 3, 0, 1, 0],
        &[12, 0, 0, 0],
        &[2, 0, 1, 0, 0, 0, 0xc0, 0x3f],
        &[1, 0x80],
        &[2, 0x80],
    ];
    assert_eq!(image, wanted.concat());
    let forest = Forest::new(&image).unwrap();
    assert_eq!(forest.predict_first(&[0.0, 0.0, 1.4]), Ok(1));
    assert_eq!(forest.predict_first(&[0.0, 0.0, 1.5]), Ok(2), "the threshold itself goes right");
}

#[test]
fn the_most_votes_win_and_the_lowest_of_several() {
    let image = image_of(&[&[leaf(2)], &[leaf(1)], &[leaf(2)], &[split(0, 0.0), leaf(1), leaf(0)]]);
    let (forest, mut votes) = (Forest::new(&image).unwrap(), [9; 3]);
    assert_eq!(forest.predict(&[1.0, 0.0, 0.0], &mut votes), Ok(2));
    assert_eq!(votes, [1, 1, 2]);
    assert_eq!(forest.predict(&[-1.0, 0.0, 0.0], &mut votes), Ok(1));
}

#[test]
fn bad_samples_are_refused() {
    let image = image_of(&[&[leaf(2)]]);
    let forest = Forest::new(&image).unwrap();
    assert_eq!(forest.predict_first(&[0.0, f32::NAN, 0.0]), Err(LearnError::NotFinite { feature: 1 }));
    assert!(forest.predict_first(&[0.0]).is_err());
    assert!(forest.predict(&[0.0; 3], &mut [0; 2]).is_err());
}

#[test]
fn nodes_that_are_no_tree_are_refused() {
    let mut image = [0; 256];
    let mut encode = |nodes: &[Node]| encode(&[nodes], SHAPE, &mut image);
    assert_eq!(encode(&[]), Err(ImageError::BadLength { at: 0 }));
    assert_eq!(encode(&[split(0, 0.0), leaf(0)]), Err(ImageError::BadLength { at: 2 }));
    assert_eq!(encode(&[leaf(0), leaf(0)]), Err(ImageError::BadLength { at: 1 }));
    assert_eq!(encode(&[leaf(3)]), Err(ImageError::BadNode { at: 0 }));
    assert_eq!(encode(&[split(3, 0.0), leaf(0), leaf(0)]), Err(ImageError::BadNode { at: 0 }));
    assert_eq!(encode(&[split(0, f32::NAN), leaf(0), leaf(0)]), Err(ImageError::BadNode { at: 0 }));
    assert!(matches!(encode(&[split(0, 0.0); 100]), Err(ImageError::TooShort { .. })));
}

#[test]
fn every_cut_and_every_extra_byte_is_refused() {
    let image = image_of(&[&[split(2, 1.5), leaf(1), split(0, -0.5), leaf(2), leaf(0)], &[leaf(1)]]);
    for bytes in 0..image.len() {
        assert!(Forest::new(&image[..bytes]).is_err(), "{bytes}");
    }
    assert!(Forest::new(&[image.as_slice(), &[0]].concat()).is_err());
}

proptest! {
    #[test]
    fn a_forest_says_what_its_trees_say(
        seed: u64, trees in 1usize..6, samples in prop::collection::vec([-1.0f32..1.0, -1.0..1.0, -1.0..1.0], 8),
    ) {
        let mut random = Random::new(seed);
        let mut grown = vec![Vec::new(); trees];
        grown.iter_mut().for_each(|nodes| grow(&mut random, 5, nodes));
        let image = image_of(&grown.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let (forest, mut votes) = (Forest::new(&image).unwrap(), [0; 3]);
        for sample in &samples {
            let mut wanted = [0; 3];
            grown.iter().for_each(|nodes| wanted[usize::from(by_definition(nodes, 0, sample).0)] += 1);
            forest.predict(sample, &mut votes).unwrap();
            prop_assert_eq!(votes, wanted);
        }
    }

    /// Whatever a changed image holds, it is refused or gives some class.
    #[test]
    fn no_image_panics(
        seed: u64, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        rubbish in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let (mut random, mut nodes) = (Random::new(seed), Vec::new());
        grow(&mut random, 5, &mut nodes);
        let mut image = image_of(&[&nodes]);
        for (place, value) in changes {
            let place = place.index(image.len());
            image[place] = value;
        }
        for image in [image, [b"T1\x03\0\x03\0\x01\0".as_slice(), &rubbish].concat(), rubbish] {
            if let Ok(forest) = Forest::new(&image) {
                let sample = vec![0.1; forest.shape().features];
                let class = forest.predict(&sample, &mut vec![0; forest.votes_len()]).unwrap();
                prop_assert!(class < forest.shape().classes);
            }
        }
    }
}
