//! The image of a forest: how it is written, and what makes a good one.
use super::LEAF;
use crate::Shape;

pub(super) const HEADER_BYTES: usize = 8;
pub(super) const LENGTH_BYTES: usize = 4;
pub(super) const SPLIT_BYTES: usize = 8;
const LEAF_BYTES: usize = 2;
const MAGIC: [u8; 2] = *b"T1";

/// Most times that a way from the root may go left.
const MOST_LEFT: usize = 64;

/// A node of a tree in preorder: a split is followed by its left side, then its right side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Node {
    /// Goes left where a feature is below a threshold.
    Split {
        /// Index of the feature.
        feature: u16,
        /// Finite.
        threshold: f32,
    },
    /// The end of a way.
    Leaf {
        /// What it votes for.
        class: u16,
    },
}

/// Why bytes are no forest, or nodes no image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// It ends within a node or a header, or has no room for one.
    #[error("has {have_bytes} bytes, which end within what begins at {at}")]
    TooShort {
        /// Where that begins.
        at: usize,
        /// Length of all.
        have_bytes: usize,
    },
    /// It does not begin as an image does.
    #[error("is no image of a forest")]
    Unknown,
    /// It has no features, no classes, no trees, or more of them than fit.
    #[error("has {features} features, {classes} classes and {trees} trees")]
    BadShape {
        /// Features.
        features: usize,
        /// Classes.
        classes: usize,
        /// Trees.
        trees: usize,
    },
    /// A split on a feature or a leaf with a class that there is not, or a threshold that is not finite.
    #[error("the node at {at} is beyond the shape")]
    BadNode {
        /// Byte of the image, or index of the node.
        at: usize,
    },
    /// A side or a tree has another length than it says, or nodes are not exactly one tree.
    #[error("what ends at {at} should end elsewhere")]
    BadLength {
        /// Byte of the image, or index of the node.
        at: usize,
    },
    /// A way goes left too often, or a left side is too long.
    #[error("the tree is too deep at {at}")]
    TooDeep {
        /// Byte of the image, or index of the node.
        at: usize,
    },
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|chunk| u16::from_le_bytes(*chunk))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|chunk| u32::from_le_bytes(*chunk))
}

/// Places of the splits, or of the ends of their left sides, whose left side the walk is in.
struct Open {
    places: [usize; MOST_LEFT],
    depth: usize,
}

impl Open {
    const NONE: Self = Self { places: [0; MOST_LEFT], depth: 0 };

    fn push(&mut self, place: usize) -> Option<()> {
        *self.places.get_mut(self.depth)? = place;
        self.depth += 1;
        Some(())
    }

    fn pop(&mut self) -> Option<usize> {
        self.depth = self.depth.checked_sub(1)?;
        self.places.get(self.depth).copied()
    }
}

/// Checks an image and returns its shape.
pub(super) fn check(image: &[u8]) -> Result<Shape, ImageError> {
    let have_bytes = image.len();
    let too_short = |at| ImageError::TooShort { at, have_bytes };
    if image.first_chunk() != Some(&MAGIC) {
        return Err(ImageError::Unknown);
    }
    let header = |at| u16_at(image, at).map(usize::from).ok_or(too_short(0));
    let (features, classes, trees) = (header(2)?, header(4)?, header(6)?);
    check_shape(Shape { features, classes }, trees)?;
    let mut at = HEADER_BYTES;
    for _ in 0..trees {
        let bytes = u32_at(image, at).ok_or(too_short(at))? as usize;
        let start = at + LENGTH_BYTES;
        at = check_tree(image, start, Shape { features, classes })?;
        if at - start != bytes {
            return Err(ImageError::BadLength { at });
        }
    }
    if at == have_bytes { Ok(Shape { features, classes }) } else { Err(ImageError::BadLength { at }) }
}

fn check_shape(shape: Shape, trees: usize) -> Result<(), ImageError> {
    let Shape { features, classes } = shape;
    let limit = usize::from(LEAF);
    let fits = (1..=limit).contains(&features) && (1..=limit).contains(&classes);
    if fits && (1..=usize::from(u16::MAX)).contains(&trees) {
        return Ok(());
    }
    Err(ImageError::BadShape { features, classes, trees })
}

/// Walks through a tree in preorder and returns where it ends.
fn check_tree(image: &[u8], start: usize, shape: Shape) -> Result<usize, ImageError> {
    let (mut at, mut open) = (start, Open::NONE);
    loop {
        let too_short = ImageError::TooShort { at, have_bytes: image.len() };
        let kind = u16_at(image, at).ok_or(too_short)?;
        if kind & LEAF != 0 {
            if usize::from(kind & !LEAF) >= shape.classes {
                return Err(ImageError::BadNode { at });
            }
            at += LEAF_BYTES;
            match open.pop() {
                None => return Ok(at),
                Some(left_end) if left_end != at => return Err(ImageError::BadLength { at }),
                Some(_) => {}
            }
        } else {
            let threshold = u32_at(image, at + 4).map(f32::from_bits).ok_or(too_short)?;
            if usize::from(kind) >= shape.features || !threshold.is_finite() {
                return Err(ImageError::BadNode { at });
            }
            let left_bytes = 2 * usize::from(u16_at(image, at + 2).ok_or(too_short)?);
            open.push(at + SPLIT_BYTES + left_bytes).ok_or(ImageError::TooDeep { at })?;
            at += SPLIT_BYTES;
        }
    }
}

/// Writes the image of a forest and returns its length in bytes.
pub fn encode(trees: &[&[Node]], shape: Shape, image: &mut [u8]) -> Result<usize, ImageError> {
    check_shape(shape, trees.len())?;
    put(image, 0, &MAGIC)?;
    for (index, value) in [shape.features, shape.classes, trees.len()].into_iter().enumerate() {
        put(image, 2 + 2 * index, &(value as u16).to_le_bytes())?;
    }
    let mut at = HEADER_BYTES;
    for tree in trees {
        let end = encode_tree(tree, shape, image, at + LENGTH_BYTES)?;
        put(image, at, &((end - at - LENGTH_BYTES) as u32).to_le_bytes())?;
        at = end;
    }
    Ok(at)
}

fn put(image: &mut [u8], at: usize, bytes: &[u8]) -> Result<(), ImageError> {
    let have_bytes = image.len();
    let room = image.get_mut(at..at + bytes.len()).ok_or(ImageError::TooShort { at, have_bytes })?;
    room.copy_from_slice(bytes);
    Ok(())
}

fn encode_tree(nodes: &[Node], shape: Shape, image: &mut [u8], mut at: usize) -> Result<usize, ImageError> {
    let (mut open, mut is_whole) = (Open::NONE, false);
    for (index, node) in nodes.iter().enumerate() {
        if is_whole {
            return Err(ImageError::BadLength { at: index });
        }
        match *node {
            Node::Split { feature, threshold } => {
                if usize::from(feature) >= shape.features || !threshold.is_finite() {
                    return Err(ImageError::BadNode { at: index });
                }
                open.push(at).ok_or(ImageError::TooDeep { at: index })?;
                put(image, at, &feature.to_le_bytes())?;
                put(image, at + 4, &threshold.to_le_bytes())?;
                at += SPLIT_BYTES;
            }
            Node::Leaf { class } => {
                if usize::from(class) >= shape.classes {
                    return Err(ImageError::BadNode { at: index });
                }
                put(image, at, &(LEAF | class).to_le_bytes())?;
                at += LEAF_BYTES;
                match open.pop() {
                    None => is_whole = true,
                    Some(split) => {
                        let half = u16::try_from((at - split - SPLIT_BYTES) / 2)
                            .map_err(|_| ImageError::TooDeep { at: index })?;
                        put(image, split + 2, &half.to_le_bytes())?;
                    }
                }
            }
        }
    }
    if is_whole { Ok(at) } else { Err(ImageError::BadLength { at: nodes.len() }) }
}
