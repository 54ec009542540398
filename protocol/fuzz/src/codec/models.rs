//! Codecs of models and of prototypes. Input: a byte that chooses the shape, a byte of parameters, then the payload.
use crate::input::Input;
use chirrup_protocol::codec::prototypes::{self, MAX_PROTOTYPES, Prototype};
use chirrup_protocol::codec::tree::{self, Answer, Node, Test};
use chirrup_protocol::codec::{CodecError, linear, one_versus_one};

/// Columns and rows.
const SHAPES: [(usize, usize); 6] = [(65, 10), (1, 1), (3, 2), (31, 2), (7, 5), (65, 50)];

/// Linear: a model is decoded whole and finite, or left as it was.
pub fn linear(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (columns, rows) = input.choose(&SHAPES);
    let bits = input.u8() % 10;
    let mut params = vec![f32::NAN; columns * rows];
    match linear::decode(input.rest(), columns, bits, &mut params) {
        Ok(()) => assert!(params.iter().all(|param| param.is_finite())),
        Err(error) => {
            assert!(params.iter().all(|param| param.is_nan()));
            assert_eq!(error == CodecError::UnknownWidth { bits }, !(2..=8).contains(&bits));
        }
    }
}

/// Models to start from.
pub fn linear_seeds() -> Vec<Vec<u8>> {
    let seed = |shape: u8, bits: u8| {
        let (columns, rows) = SHAPES[usize::from(shape)];
        let mut payload = vec![0; linear::encoded_bytes(rows, columns, bits)];
        let used = linear::encode(&weights(columns * rows), columns, bits, &mut payload).expect("it fits");
        [&[shape, bits], &payload[..used]].concat()
    };
    vec![seed(0, 2), seed(1, 8), seed(2, 4), seed(3, 6)]
}

fn weights(count: usize) -> Vec<f32> {
    (0..count).map(|index| (index % 13) as f32 * 0.1 - 0.6).collect()
}

/// Blocks of a linear model: the block and nothing else is written, or nothing at all.
pub fn linear_block(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (columns, rows) = input.choose(&SHAPES);
    let bits = input.u8() % 10;
    let mut params = vec![f32::NAN; columns * rows];
    match linear::decode_block(input.rest(), columns, bits, &mut params) {
        Ok(range) => {
            assert!(!range.is_empty());
            for (index, param) in params.iter().enumerate() {
                assert_eq!(param.is_finite(), range.contains(&index), "{index} of {range:?}");
            }
        }
        Err(_) => assert!(params.iter().all(|param| param.is_nan())),
    }
}

/// Blocks to start from.
pub fn linear_block_seeds() -> Vec<Vec<u8>> {
    let seed = |shape: u8, bits: u8, start: usize, room: usize| {
        let (columns, rows) = SHAPES[usize::from(shape)];
        let mut payload = vec![0; room];
        let block = linear::encode_block(&weights(columns * rows), start, columns, bits, &mut payload);
        [&[shape, bits], &payload[..block.expect("it fits").bytes]].concat()
    };
    vec![seed(0, 4, 0, 100), seed(0, 8, 300, 207), seed(2, 2, 1, 36), seed(5, 3, 3_249, 36)]
}

/// Classes, and weights of a base learner.
const PAIRED: [(usize, usize); 4] = [(10, 65), (3, 2), (2, 31), (40, 5)];

/// One-versus-one: base learners ascend, and their weights are finite and within their row.
pub fn one_versus_one(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let ((classes, columns), bits) = (input.choose(&PAIRED), input.u8() % 10);
    let Ok(learners) = one_versus_one::decode(input.rest(), classes, columns, bits) else { return };
    let mut next = 0;
    for part in learners.parts() {
        assert!(part.pair >= next && part.pair < one_versus_one::pairs(classes));
        let (first, second) =
            one_versus_one::pair_classes(part.pair, classes).expect("it is below their number");
        assert!(first < second && one_versus_one::pair_index(first, second, classes) == part.pair);
        assert!(part.weights().len() > 0 && part.first + part.weights().len() <= columns);
        assert!(part.weights().all(f32::is_finite));
        next = part.pair + 1;
    }
    assert!(next > 0, "a payload has a part");
}

/// Base learners to start from.
pub fn one_versus_one_seeds() -> Vec<Vec<u8>> {
    let seed = |choice: u8, numbers: &[u16], bits: u8, start: usize, room: usize| {
        let (_, columns) = PAIRED[usize::from(choice)];
        let mut payload = vec![0; room];
        let weights = weights(columns * numbers.len());
        let block = one_versus_one::encode(&weights, numbers, start, bits, &mut payload);
        [&[choice, bits], &payload[..block.expect("it fits").bytes]].concat()
    };
    vec![seed(0, &[0, 9, 44], 4, 0, 100), seed(0, &[7, 8], 8, 30, 36), seed(1, &[0, 1, 2], 2, 0, 36)]
}

const TREES: [tree::Shape; 4] = [
    tree::Shape { features: 64, classes: 10, share_bits: 3 },
    tree::Shape { features: 1, classes: 1, share_bits: 0 },
    tree::Shape { features: 30, classes: 2, share_bits: 8 },
    tree::Shape { features: 5, classes: 300, share_bits: 1 },
];

/// Answers are of the tree's shape, whatever the sample.
fn check_answer(answer: Answer, shape: tree::Shape) {
    assert!(answer.class < shape.classes && answer.depth <= tree::MAX_DEPTH);
    assert!(answer.share > 0.0 && answer.share <= 1.0);
}

/// Trees: what decodes answers in bounds.
pub fn tree(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (shape, value) = (input.choose(&TREES), f32::from(input.u8()));
    let Ok(tree) = tree::decode(input.rest(), shape) else { return };
    for sample in [vec![value / 32.0 - 4.0; shape.features.into()], vec![f32::NAN; 2], vec![]] {
        if let Some(answer) = tree.predict(&sample) {
            check_answer(answer, shape);
        }
    }
}

/// Grows a tree in preorder, of which the input decides everything.
fn grow(input: &mut Input<'_>, depth: u32, shape: tree::Shape, nodes: &mut Vec<Node>) {
    let [kind, feature, threshold, share] = input.array();
    let class = u16::from(share) % shape.classes;
    let feature = u16::from(feature) % shape.features;
    let is_split = kind % 3 > 0 && depth < 12 && nodes.len() < 200;
    nodes.push(Node { test: is_split.then_some(Test { feature, threshold }), class, share });
    if is_split {
        grow(input, depth + 1, shape, nodes);
        grow(input, depth + 1, shape, nodes);
    }
}

/// The leaf that a sample comes to, and its depth.
fn walk(nodes: &[Node], sample: &[f32]) -> (u16, u32) {
    let (mut index, mut depth) = (0, 0);
    while let Some(test) = nodes[index].test {
        index += 1;
        depth += 1;
        if sample[usize::from(test.feature)] >= tree::threshold_value(test.threshold) {
            let mut open = 1;
            while open > 0 {
                open = if nodes[index].test.is_some() { open + 1 } else { open - 1 };
                index += 1;
            }
        }
    }
    (nodes[index].class, depth)
}

/// A tree in blocks: each decodes alone, and the deepest of their answers is that of the tree. Input: shape, room, what
/// the sample is, then the nodes.
pub fn tree_blocks(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (shape, room) = (input.choose(&TREES), usize::from(input.u8()));
    let value = f32::from(input.u8());
    let mut nodes = Vec::new();
    grow(&mut input, 0, shape, &mut nodes);
    let sample: Vec<f32> =
        (0..shape.features).map(|index| value / 32.0 - 4.0 + f32::from(index % 3)).collect();
    let (mut start, mut deepest) = (0, None::<Answer>);
    while start < nodes.len() {
        let mut payload = vec![0xa5; room];
        let Ok(block) = tree::encode(&nodes, start, shape, &mut payload) else {
            return assert!(room < 40, "a path of twelve steps fits {room} B");
        };
        assert!(block.end > start && block.bytes <= room);
        let tree =
            tree::decode(&payload[..block.bytes], shape).expect("a decoder reads what its encoder wrote");
        if let Some(answer) = tree.predict(&sample) {
            check_answer(answer, shape);
            deepest = deepest.filter(|best| best.depth >= answer.depth).or(Some(answer));
        }
        start = block.end;
    }
    let answer = deepest.expect("some block has the leaf");
    assert_eq!((answer.class, answer.depth), walk(&nodes, &sample));
}

/// Trees to start from, as their nodes.
pub fn tree_blocks_seeds() -> Vec<Vec<u8>> {
    let nodes: Vec<u8> =
        (0..60u8).flat_map(|index| [index % 5, index, index.wrapping_mul(37), index]).collect();
    vec![[&[0, 40, 200], &nodes[..]].concat(), [&[3, 90, 100], &nodes[..]].concat(), vec![1, 8, 0]]
}

/// Trees to start from.
pub fn tree_seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (choice, &shape) in TREES.iter().enumerate() {
        let mut nodes = Vec::new();
        let decisions: Vec<u8> = (0..200u8).map(|index| index.wrapping_mul(59) >> 1 | 1).collect();
        grow(&mut Input::new(&decisions), 0, shape, &mut nodes);
        for start in [0, nodes.len() / 2] {
            let mut payload = vec![0; 60];
            let block = tree::encode(&nodes, start, shape, &mut payload).expect("it fits");
            seeds.push([&[choice as u8, 100], &payload[..block.bytes]].concat());
        }
    }
    seeds
}

const PROTOTYPES: [prototypes::Shape; 4] = [
    prototypes::Shape { classes: 10, coefficients: 32, fewest: 3 },
    prototypes::Shape { classes: 2, coefficients: 10, fewest: 1 },
    prototypes::Shape { classes: 300, coefficients: 1, fewest: 100 },
    prototypes::Shape { classes: 1, coefficients: 64, fewest: 8 },
];

/// Prototypes: of known classes, of enough samples each, with finite coefficients.
pub fn prototypes(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let shape = input.choose(&PROTOTYPES);
    let Ok(mut prototypes) = prototypes::decode(input.rest(), shape) else { return };
    let (mut row, mut count) = (vec![f32::NAN; shape.coefficients], 0);
    while let Some(prototype) = prototypes.next_into(&mut row) {
        assert!(prototype.class < shape.classes && prototype.count >= shape.fewest);
        assert!(row.iter().all(|value| value.is_finite()));
        row.fill(f32::NAN);
        count += 1;
    }
    assert!((1..=MAX_PROTOTYPES).contains(&count));
}

/// Prototypes to start from.
pub fn prototypes_seeds() -> Vec<Vec<u8>> {
    let seed = |choice: u8, room: usize| {
        let shape = PROTOTYPES[usize::from(choice)];
        let prototype =
            |index: u16| Prototype { class: index % shape.classes, count: 100 + 40 * u32::from(index) };
        let all: Vec<_> = (0..40).map(prototype).collect();
        let mut payload = vec![0; room];
        let block = prototypes::encode(&all, &weights(40 * shape.coefficients), 0, 0.1, shape, &mut payload);
        [&[choice], &payload[..block.expect("it fits").bytes]].concat()
    };
    vec![seed(0, 100), seed(0, 207), seed(1, 36), seed(2, 36), seed(3, 207)]
}
