//! The codecs of prototypes and of models other than linear ones, as nodes need them.
use super::{Item, Memory, PARAMS, PAYLOAD_BYTES};
use chirrup_protocol::codec::one_versus_one;
use chirrup_protocol::codec::prototypes::{self, Prototype};
use chirrup_protocol::codec::tree::{self, Node, Test};

const PROTOTYPES: &[Prototype] = &[Prototype { class: 3, count: 40 }; 10];
const SHAPE: prototypes::Shape = prototypes::Shape { classes: 10, coefficients: 32, fewest: 8 };
const STEP: f32 = 0.005;
/// Base learners: all pairs of ten classes.
const PAIRS: usize = one_versus_one::pairs(10);
const NUMBERS: [u16; PAIRS] = numbers();
const FOREST: tree::Shape = tree::Shape { features: 64, classes: 10, share_bits: 4 };
/// Splits whose left sides are leaves, in preorder.
const TREE: [Node; 31] = comb();

/// All items of this section.
pub const ITEMS: &[Item] = &[
    Item::new("prototypes, 10 of 32 coefficients, encode", &[320], |m, n| {
        let payload = &mut m.payload[..PAYLOAD_BYTES];
        let block = prototypes::encode(PROTOTYPES, &m.update[..n], 0, STEP, SHAPE, payload).ok()?;
        (block.end > 0).then_some(())
    }),
    Item::new("one-versus-one, 6 bits, encode", PARAMS, encode_learners),
    Item::new("one-versus-one, 6 bits, decode", PARAMS, |m, n| {
        let learners = one_versus_one::decode(&m.payload[..m.used_bytes], 10, n / PAIRS, 6).ok()?;
        let weights = learners.parts().flat_map(|part| part.weights());
        weights.zip(&mut m.decoded).for_each(|(weight, place)| *place = weight);
        Some(())
    })
    .after(encode_learners),
    Item::new("tree of 31 nodes, encode", &[31], encode_tree),
    Item::new("tree of 31 nodes, decode and predict", &[31], |m, _| {
        let tree = tree::decode(&m.payload[..m.used_bytes], FOREST).ok()?;
        tree.predict(&m.update[..64]).map(|_| ())
    })
    .after(encode_tree),
];

fn encode_learners(memory: &mut Memory, params: usize) -> Option<()> {
    let weights = &memory.update[..params / PAIRS * PAIRS];
    let payload = &mut memory.payload[..PAYLOAD_BYTES];
    memory.used_bytes = one_versus_one::encode(weights, &NUMBERS, 0, 6, payload).ok()?.bytes;
    Some(())
}

fn encode_tree(memory: &mut Memory, nodes: usize) -> Option<()> {
    let block = tree::encode(&TREE[..nodes], 0, FOREST, &mut memory.payload[..PAYLOAD_BYTES]).ok()?;
    memory.used_bytes = block.bytes;
    (block.end == nodes).then_some(())
}

const fn numbers() -> [u16; PAIRS] {
    let mut numbers = [0; PAIRS];
    let mut index = 0;
    while index < PAIRS {
        numbers[index] = index as u16;
        index += 1;
    }
    numbers
}

const fn comb() -> [Node; 31] {
    let mut nodes = [Node { test: None, class: 3, share: 200 }; 31];
    let mut index = 0;
    while index < 30 {
        nodes[index].test = Some(Test { feature: index as u16, threshold: 100 + index as u8 });
        index += 2;
    }
    nodes
}
