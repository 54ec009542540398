//! Images of `chirrup-learn`, which a node runs from flash: whatever they hold, one that was loaded runs to its end.
use chirrup_learn::Shape;
use chirrup_learn::infer::Network;
use chirrup_learn::trees::fixed::{Forest, Node, encode};

/// What is run of all that loads. The others are well-formed and only take longer.
const MOST_WORK: u64 = 50_000;
const MOST_BYTES: usize = 1 << 14;
const SPLIT: Node = Node::Split { feature: 1, threshold: 0.5 };

/// A network: it takes what it says, and touches nothing beyond its arena.
pub fn network(bytes: &[u8]) {
    let Ok(network) = Network::load(bytes) else { return };
    let (inputs, outputs) = (network.input().elements(), network.output().elements());
    if network.work() > MOST_WORK || network.arena_bytes().max(inputs).max(outputs) > MOST_BYTES {
        return;
    }
    let mut arena = vec![0x5a; network.arena_bytes() + 1];
    let input: Vec<f32> = (0..inputs).map(|index| (index % 9) as f32 - 4.0).collect();
    let mut output = vec![0.0; outputs];
    network.run(&input, &mut output, &mut arena).expect("lengths and features are as it asks");
    assert_eq!(arena.last(), Some(&0x5a), "what lies beyond the arena is not touched");
    let mut short = vec![0; network.arena_bytes().saturating_sub(1)];
    assert!(network.arena_bytes() == 0 || network.run(&input, &mut output, &mut short).is_err());
}

/// Networks to start from.
pub fn network_seeds() -> Vec<Vec<u8>> {
    vec![include_bytes!("../../../node/learn/footprint/src/exercises/inference/int8.bin").to_vec()]
}

/// A forest: it judges by a class that it has.
pub fn forest(bytes: &[u8]) {
    let Ok(forest) = Forest::new(bytes) else { return };
    let Shape { features, classes } = forest.shape();
    let sample: Vec<f32> = (0..features).map(|index| (index % 5) as f32 - 2.0).collect();
    let mut votes = vec![0; forest.votes_len()];
    let class = forest.predict(&sample, &mut votes).expect("lengths and features are as it asks");
    assert!(class < classes);
    assert!(forest.predict_first(&sample).expect("as above") < classes);
    assert!(forest.predict(&sample[1..], &mut votes).is_err());
}

/// Forests to start from.
pub fn forest_seeds() -> Vec<Vec<u8>> {
    let leaf = |class| Node::Leaf { class };
    let small = [SPLIT, leaf(0), leaf(2)];
    let larger = [SPLIT, SPLIT, leaf(1), SPLIT, leaf(0), leaf(2), leaf(1)];
    let mut image = vec![0; 256];
    let length = encode(&[&small, &larger], Shape { features: 3, classes: 3 }, &mut image)
        .expect("the nodes are in preorder and within the shape");
    image.truncate(length);
    vec![image]
}
