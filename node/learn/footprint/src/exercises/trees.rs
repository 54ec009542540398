//! A tree that grows, and a forest from flash.
use crate::{CLASSES, Exercise, FEATURES, Hash, Sample};
use chirrup_learn::random::Random;
use chirrup_learn::trees::fixed;
use chirrup_learn::trees::hoeffding::{ActiveLeaf, HoeffdingTree, LeafRule, Moments, Node, Tree};
use chirrup_learn::{LearnError, Shape};

const SHAPE: Shape = Shape { features: FEATURES, classes: CLASSES };
const NODES: usize = 31;
const LEAVES: usize = 4;

/// Splits come easily here, so that 200 samples are enough for some.
const fn hoeffding(grace: u32) -> HoeffdingTree {
    HoeffdingTree {
        shape: SHAPE,
        nodes: NODES as u16,
        leaves: LEAVES as u16,
        grace,
        delta: 0.9,
        tie: 0.05,
        least_variance: 0.1,
        rule: LeafRule::NaiveBayes,
    }
}

/// A Hoeffding tree that tries a split after every `GRACE` samples of a leaf.
pub struct Hoeffding<const GRACE: u32> {
    nodes: [Node; NODES],
    leaves: [ActiveLeaf; LEAVES],
    counts: [u32; hoeffding(0).counts_len()],
    moments: [Moments; hoeffding(0).moments_len()],
}

impl<const GRACE: u32> Hoeffding<GRACE> {
    fn tree(&mut self) -> Tree<'_> {
        Tree {
            nodes: &mut self.nodes,
            leaves: &mut self.leaves,
            counts: &mut self.counts,
            moments: &mut self.moments,
        }
    }
}

impl<const GRACE: u32> Exercise for Hoeffding<GRACE> {
    const NAME: &'static str = match GRACE {
        1 => "Hoeffding tree, 4 active leaves, a step that tries a split",
        _ => "Hoeffding tree, 4 active leaves, naive Bayes",
    };
    const STATE_BYTES: usize = size_of::<Self>();
    const SCRATCH_BYTES: usize = 0;

    fn new() -> Self {
        Self {
            nodes: [Node::default(); _],
            leaves: [ActiveLeaf::default(); _],
            counts: [0; _],
            moments: [Moments::default(); _],
        }
    }

    fn learn(&mut self, sample: &Sample) -> Result<(), LearnError> {
        hoeffding(GRACE).learn(&mut self.tree(), &sample.features, sample.label).map(|_| ())
    }

    fn infer(&mut self, sample: &Sample) -> Result<u32, LearnError> {
        hoeffding(GRACE).predict(&mut self.tree(), &sample.features).map(|class| class as u32)
    }

    fn hash(&self, hash: &mut Hash) {
        for node in &self.nodes {
            match *node {
                Node::Unused => hash.word(0),
                Node::Split { feature, left, threshold } => {
                    hash.word(u32::from(feature) << 16 | u32::from(left));
                    hash.floats(&[threshold]);
                }
                Node::Leaf { class, active, errors } => {
                    hash.word(u32::from(class) << 16 | u32::from(active));
                    hash.word(errors);
                }
            }
        }
        self.counts.iter().for_each(|count| hash.word(*count));
        self.moments.iter().for_each(|moments| hash.floats(&[moments.mean, moments.spread]));
    }
}

const TREES: usize = 15;
const DEPTH: u32 = 6;
const TREE_BYTES: usize = side_bytes(DEPTH);
const IMAGE_BYTES: usize = 8 + TREES * (4 + TREE_BYTES);

/// In flash: trees in which every way has [`DEPTH`] splits, drawn from a seed.
static IMAGE: [u8; IMAGE_BYTES] = image();

/// Nodes of a tree with so many levels of splits.
const fn side_bytes(depth: u32) -> usize {
    8 * ((1 << depth) - 1) + 2 * (1 << depth)
}

const fn image() -> [u8; IMAGE_BYTES] {
    let (mut image, mut random) = ([0; IMAGE_BYTES], Random::new(7));
    put(&mut image, 0, *b"T1");
    put(&mut image, 2, (FEATURES as u16).to_le_bytes());
    put(&mut image, 4, (CLASSES as u16).to_le_bytes());
    put(&mut image, 6, (TREES as u16).to_le_bytes());
    let mut at = 8;
    while at < IMAGE_BYTES {
        put(&mut image, at, (TREE_BYTES as u32).to_le_bytes());
        put_side(&mut image, at + 4, DEPTH, &mut random);
        at += 4 + TREE_BYTES;
    }
    image
}

/// Runs in the compiler alone.
const fn put_side(image: &mut [u8; IMAGE_BYTES], at: usize, depth: u32, random: &mut Random) {
    if depth == 0 {
        put(image, at, (0x8000 | random.below(CLASSES as u32) as u16).to_le_bytes());
        return;
    }
    let left_bytes = side_bytes(depth - 1);
    put(image, at, (random.below(FEATURES as u32) as u16).to_le_bytes());
    put(image, at + 2, (left_bytes as u16 / 2).to_le_bytes());
    put(image, at + 4, random.symmetric().to_le_bytes());
    put_side(image, at + 8, depth - 1, random);
    put_side(image, at + 8 + left_bytes, depth - 1, random);
}

const fn put<const N: usize>(image: &mut [u8; IMAGE_BYTES], at: usize, bytes: [u8; N]) {
    let mut index = 0;
    while index < N {
        image[at + index] = bytes[index];
        index += 1;
    }
}

/// A forest from flash: its step is the check of its image, which a node makes once.
pub struct Forest {
    forest: fixed::Forest<'static>,
    votes: [u16; CLASSES],
}

fn checked() -> fixed::Forest<'static> {
    fixed::Forest::new(&IMAGE).expect("the image is made of whole trees")
}

impl Exercise for Forest {
    const NAME: &'static str = "15 trees of 6 levels from flash: check, verdict";
    const STATE_BYTES: usize = 0;
    const SCRATCH_BYTES: usize = 2 * CLASSES;

    fn new() -> Self {
        Self { forest: checked(), votes: [0; _] }
    }

    fn learn(&mut self, _: &Sample) -> Result<(), LearnError> {
        self.forest = checked();
        Ok(())
    }

    fn infer(&mut self, sample: &Sample) -> Result<u32, LearnError> {
        self.forest.predict(&sample.features, &mut self.votes).map(|class| class as u32)
    }

    fn hash(&self, hash: &mut Hash) {
        self.votes.iter().for_each(|votes| hash.word((*votes).into()));
    }
}
