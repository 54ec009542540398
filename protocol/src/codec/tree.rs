//! Decision trees (Breiman et al. 1984), executed in place. Every payload is a tree by itself.
//!
//! ```text
//! bits 0-4   p, steps of the path, 0 to 31
//!      5..   nodes in preorder, the first p of them the path; the last byte filled with ones
//! step       two bits: which sides are here: 0 both, 1 the left, 2 the right one; feature and threshold of a split
//! split      one bit: 0; feature, as many bits as the last one's number has; threshold t, 8 bits
//! leaf       one bit: 1; class, as many bits as the last one's number has; share q, w bits
//! ```
//! A sample goes left where its feature is below (t - 128) / 32, so thresholds are on a grid of 1/32 from -4 to 3.97.
//! The share of a leaf's class among its examples is at most (q + 1) / 2^w; w belongs to the task.
//!
//! **A tree larger than a frame** is cut along its preorder. A payload has the splits above the node with which it
//! begins, then as many nodes as fit; children of these that come later are cut to leaves with the class that is the
//! commonest there. Whatever is lost, the payloads that arrived answer: of several answers to a sample, that of the
//! deepest leaf counts, which is the whole tree's when all arrived. Trees have at most 31 levels below the root.
use super::bits::{BitReader, BitWriter};
use super::{Block, CodecError};

/// Most levels below the root.
pub const MAX_DEPTH: u32 = 31;

const PATH_BITS: u32 = 5;
const SIDES_BITS: u32 = 2;
const THRESHOLD_BITS: u32 = 8;

/// Which sides of a step are here.
const BOTH: u32 = 0;
const LEFT: u32 = 1;
const RIGHT: u32 = 2;

/// What sets the widths of fields; it belongs to the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Numbers in a sample, at least 1.
    pub features: u16,
    /// Labels, at least 1.
    pub classes: u16,
    /// Bits of a share, w: 0 to 8.
    pub share_bits: u8,
}

/// A node of a tree in preorder: a split is followed by its left side, then its right side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// What a split asks; `None` of a leaf.
    pub test: Option<Test>,
    /// The commonest class of the examples that came here.
    pub class: u16,
    /// Its share of them: (share + 1) / 256, rounded down.
    pub share: u8,
}

/// Whether a feature is below a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Test {
    /// Index of the feature.
    pub feature: u16,
    /// The threshold on the grid, see [`threshold_value`].
    pub threshold: u8,
}

/// What a tree says of a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// The class.
    pub class: u16,
    /// Its share among the examples of the leaf.
    pub share: f32,
    /// Depth of the leaf; of several answers the deepest counts.
    pub depth: u32,
}

/// The level on the grid nearest to a threshold.
pub fn threshold_level(threshold: f32) -> u8 {
    // The conversion saturates.
    libm::roundf(threshold * 32.0 + 128.0) as u8
}

/// The threshold that a level stands for.
pub fn threshold_value(level: u8) -> f32 {
    (f32::from(level) - 128.0) / 32.0
}

impl Test {
    fn is_left(self, sample: &[f32]) -> bool {
        sample.get(usize::from(self.feature)).is_some_and(|value| *value < threshold_value(self.threshold))
    }
}

impl Shape {
    fn check(self) -> Result<(), CodecError> {
        match self {
            Self { features: 0, .. } | Self { classes: 0, .. } => {
                Err(CodecError::BadField { field: "shape" })
            }
            Self { share_bits: 9.., .. } => Err(CodecError::UnknownWidth { bits: self.share_bits }),
            _ => Ok(()),
        }
    }

    fn feature_bits(self) -> u32 {
        (self.features - 1).checked_ilog2().map_or(0, |log| log + 1)
    }

    fn class_bits(self) -> u32 {
        (self.classes - 1).checked_ilog2().map_or(0, |log| log + 1)
    }

    fn split_bits(self) -> usize {
        (1 + self.feature_bits() + THRESHOLD_BITS) as usize
    }

    fn step_bits(self) -> usize {
        (SIDES_BITS + self.feature_bits() + THRESHOLD_BITS) as usize
    }

    fn leaf_bits(self) -> usize {
        (1 + self.class_bits()) as usize + usize::from(self.share_bits)
    }
}

/// Where a walk in preorder is: how deep, and at which depths a right side is still to come.
#[derive(Clone, Copy, Default)]
struct Place {
    depth: u32,
    to_come: u32,
}

impl Place {
    /// Goes into a split, of which both sides are here or one.
    fn split(&mut self, both: bool) -> Result<(), CodecError> {
        if self.depth == MAX_DEPTH {
            return Err(CodecError::BadField { field: "depth" });
        }
        self.depth += 1;
        self.to_come |= u32::from(both) << self.depth;
        Ok(())
    }

    /// Goes on after a leaf; false when that was the last one.
    fn leaf(&mut self) -> bool {
        self.depth = self.to_come.checked_ilog2().unwrap_or(0);
        self.to_come &= !(1 << self.depth);
        self.depth > 0
    }
}

/// Encodes nodes of a tree from `start` on, and returns where to go on. [`CodecError::NoRoom`] when the path to `start`
/// and that node do not fit; 36 bytes hold a path of 16 steps through 64 features.
pub fn encode(nodes: &[Node], start: usize, shape: Shape, payload: &mut [u8]) -> Result<Block, CodecError> {
    check_tree(nodes, shape)?;
    if start >= nodes.len() {
        return Err(CodecError::IndexBeyondEnd { index: start, params: nodes.len() });
    }
    let have_bytes = payload.len();
    let steps = path(nodes, start).count();
    let Some(room_bits) = (have_bytes * 8).checked_sub(PATH_BITS as usize + steps * shape.step_bits()) else {
        return Err(CodecError::NoRoom { have_bytes });
    };
    let (end, cuts) = fitting(nodes, start, room_bits, shape);
    if end == start {
        return Err(CodecError::NoRoom { have_bytes });
    }
    let mut writer = BitWriter::new(payload);
    let mut written = || {
        writer.bits(steps as u32, PATH_BITS)?;
        path(nodes, start).try_for_each(|step| write_step(&step, end, shape, &mut writer))?;
        nodes[start..end].iter().try_for_each(|node| write_node(node, node.test, shape, &mut writer))?;
        let mut cut = end;
        for _ in 0..cuts {
            write_node(&nodes[cut], None, shape, &mut writer)?;
            cut = end_of(nodes, cut);
        }
        Some(())
    };
    written().expect("the bits were counted");
    Ok(Block { bytes: writer.finish(), end })
}

/// One beyond the last node that fits, and how many children of these nodes are then cut to leaves.
fn fitting(nodes: &[Node], start: usize, room_bits: usize, shape: Shape) -> (usize, usize) {
    let (mut end, mut open, mut used_bits) = (start, 0, 0);
    for node in &nodes[start..] {
        // A node that no node before it leads to: the first one, or the right side of a step.
        let root_bits = if open == 0 { shape.leaf_bits() } else { 0 };
        // A split takes the place of a leaf and brings two.
        let split_bits = if node.test.is_some() { shape.split_bits() + shape.leaf_bits() } else { 0 };
        used_bits += root_bits + split_bits;
        if used_bits > room_bits {
            break;
        }
        open = usize::max(open, 1);
        open = if node.test.is_some() { open + 1 } else { open - 1 };
        end += 1;
    }
    (end, open)
}

fn write_step(step: &Step, end: usize, shape: Shape, writer: &mut BitWriter<'_>) -> Option<()> {
    let sides = match step.goes_left {
        true if step.right < end => BOTH,
        true => LEFT,
        false => RIGHT,
    };
    writer.bits(sides, SIDES_BITS)?;
    write_test(step.test, shape, writer)
}

fn write_test(test: Test, shape: Shape, writer: &mut BitWriter<'_>) -> Option<()> {
    writer.bits(test.feature.into(), shape.feature_bits())?;
    writer.bits(test.threshold.into(), THRESHOLD_BITS)
}

/// A node with the test that it has, or as a leaf.
fn write_node(node: &Node, test: Option<Test>, shape: Shape, writer: &mut BitWriter<'_>) -> Option<()> {
    writer.bit(test.is_none())?;
    if let Some(test) = test {
        return write_test(test, shape, writer);
    }
    writer.bits(node.class.into(), shape.class_bits())?;
    writer.bits(u32::from(node.share) >> (8 - shape.share_bits), shape.share_bits.into())
}

/// Refuses what is not exactly one tree of the shape.
fn check_tree(nodes: &[Node], shape: Shape) -> Result<(), CodecError> {
    shape.check()?;
    let (mut place, mut open) = (Place::default(), true);
    for node in nodes {
        let features = node.test.map_or(0, |test| test.feature);
        if !open || features >= shape.features || node.class >= shape.classes {
            return Err(CodecError::BadField { field: "tree" });
        }
        match node.test {
            Some(_) => place.split(true)?,
            None => open = place.leaf(),
        }
    }
    if open { Err(CodecError::BadField { field: "tree" }) } else { Ok(()) }
}

/// One beyond the last node of the subtree that begins at `index`.
fn end_of(nodes: &[Node], index: usize) -> usize {
    let mut open = 1;
    let mut end = index;
    while open > 0 && end < nodes.len() {
        open = if nodes[end].test.is_some() { open + 1 } else { open - 1 };
        end += 1;
    }
    end
}

/// A split on the way to a node.
struct Step {
    test: Test,
    goes_left: bool,
    /// Where its right side begins.
    right: usize,
}

/// The splits above `target`, from the root on.
fn path(nodes: &[Node], target: usize) -> impl Iterator<Item = Step> + '_ {
    let mut index = 0;
    core::iter::from_fn(move || {
        let test = nodes.get(index).filter(|_| index < target)?.test?;
        let right = end_of(nodes, index + 1);
        let goes_left = target < right;
        index = if goes_left { index + 1 } else { right };
        Some(Step { test, goes_left, right })
    })
}

/// A tree in a payload that was checked.
#[derive(Clone, Debug)]
pub struct Tree<'a> {
    nodes: Nodes<'a>,
}

#[derive(Clone, Debug)]
struct Nodes<'a> {
    reader: BitReader<'a>,
    shape: Shape,
    steps: u32,
}

/// A node as it travels.
enum Found {
    Split { test: Test, sides: u32 },
    Leaf { class: u16, share: u32 },
}

/// Checks a payload: exactly one tree of the shape.
pub fn decode(payload: &[u8], shape: Shape) -> Result<Tree<'_>, CodecError> {
    shape.check()?;
    let mut reader = BitReader::new(payload);
    let steps = reader.bits(PATH_BITS).ok_or(CodecError::Truncated)?;
    let tree = Tree { nodes: Nodes { reader, shape, steps } };
    let (mut rest, mut place) = (tree.nodes.clone(), Place::default());
    loop {
        match rest.read()? {
            Found::Split { sides, .. } => place.split(sides == BOTH)?,
            Found::Leaf { .. } if place.leaf() => {}
            Found::Leaf { .. } => break,
        }
    }
    if rest.reader.ones() { Ok(tree) } else { Err(CodecError::BadField { field: "padding" }) }
}

impl Nodes<'_> {
    fn read(&mut self) -> Result<Found, CodecError> {
        if let Some(left) = self.steps.checked_sub(1) {
            self.steps = left;
            let sides = self.reader.bits(SIDES_BITS).ok_or(CodecError::Truncated)?;
            let test = self.test()?;
            return if sides <= RIGHT {
                Ok(Found::Split { test, sides })
            } else {
                Err(CodecError::BadField { field: "path" })
            };
        }
        if self.reader.bit().ok_or(CodecError::Truncated)? {
            let class = self.field(self.shape.class_bits(), self.shape.classes, "class")?;
            let share = self.reader.bits(self.shape.share_bits.into()).ok_or(CodecError::Truncated)?;
            return Ok(Found::Leaf { class, share });
        }
        Ok(Found::Split { test: self.test()?, sides: BOTH })
    }

    fn test(&mut self) -> Result<Test, CodecError> {
        let feature = self.field(self.shape.feature_bits(), self.shape.features, "feature")?;
        let threshold = self.reader.bits(THRESHOLD_BITS).ok_or(CodecError::Truncated)? as u8;
        Ok(Test { feature, threshold })
    }

    fn field(&mut self, bits: u32, limit: u16, field: &'static str) -> Result<u16, CodecError> {
        let value = self.reader.bits(bits).ok_or(CodecError::Truncated)? as u16;
        if value < limit { Ok(value) } else { Err(CodecError::BadField { field }) }
    }

    /// Passes over a subtree.
    fn skip(&mut self) -> Option<()> {
        let mut open = 1u32;
        while open > 0 {
            match self.read().ok()? {
                Found::Split { sides, .. } => open += u32::from(sides == BOTH),
                Found::Leaf { .. } => open -= 1,
            }
        }
        Some(())
    }
}

impl Tree<'_> {
    /// What the tree says of a sample, `[features]`; `None` when that part of the tree is not in the payload. A
    /// feature that is missing or not a number goes right. Takes one pass over the payload and no memory.
    pub fn predict(&self, sample: &[f32]) -> Option<Answer> {
        let mut nodes = self.nodes.clone();
        for depth in 0.. {
            match nodes.read().ok()? {
                Found::Leaf { class, share } => {
                    let parts = 1u32 << self.nodes.shape.share_bits;
                    return Some(Answer { class, share: (share + 1) as f32 / parts as f32, depth });
                }
                Found::Split { test, sides } => match (test.is_left(sample), sides) {
                    (true, RIGHT) | (false, LEFT) => return None,
                    (false, BOTH) => nodes.skip()?,
                    _ => {}
                },
            }
        }
        None
    }
}

#[cfg(all(test, feature = "std"))]
mod tests;
