//! Decision trees and forests (Breiman et al. 1984; Breiman, Machine Learning 2001) that were grown elsewhere, executed
//! where their image lies, in flash for instance. A forest's class is the one with most votes of its trees.
//!
//! ```text
//! bytes 0-1  "T1"
//!       2-3  features, as all numbers with the lowest byte first
//!       4-5  classes, at most 32,768
//!       6-7  trees, at least 1
//!       8..  trees: 4 bytes with the length of the nodes, then the nodes in preorder
//! split      feature (2 bytes, below 32,768), half the length of its left side (2), threshold (4, an f32);
//!            then its left side, then its right one
//! leaf       32,768 + class (2)
//! ```
//! A sample goes left where its feature is below the threshold. Nodes are those of a tree that travels by radio, where
//! thresholds are on a grid of 1/32: all of that grid are exact here.
//!
//! Memory: no SRAM but the stack; of a forest also the votes, `2 * classes` bytes that are lent. An image takes
//! `8 + trees * 4 + splits * 8 + leaves * 2` bytes, a verdict one comparison for each split on the way. An image is
//! checked once, in one pass: then every way through it ends at a leaf.
use crate::{LearnError, Shape, check_length, check_sample};

mod image;

pub use image::{ImageError, Node, encode};

use image::{HEADER_BYTES, LENGTH_BYTES, SPLIT_BYTES, check, u16_at, u32_at};

/// Marks a leaf.
const LEAF: u16 = 0x8000;

/// An image that was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forest<'a> {
    image: &'a [u8],
    shape: Shape,
}

impl<'a> Forest<'a> {
    /// Checks an image: exactly one forest.
    pub fn new(image: &'a [u8]) -> Result<Self, ImageError> {
        check(image).map(|shape| Self { image, shape })
    }

    /// Features and classes.
    pub const fn shape(self) -> Shape {
        self.shape
    }

    /// Entries that [`Forest::predict`] must be lent for votes.
    pub const fn votes_len(self) -> usize {
        self.shape.classes
    }

    /// The class that most trees vote for; the lowest of several. `votes` (`[classes]`) holds their numbers then.
    pub fn predict(self, sample: &[f32], votes: &mut [u16]) -> Result<usize, LearnError> {
        check_length("votes", votes.len(), self.votes_len())?;
        check_sample(sample, self.shape.features)?;
        votes.fill(0);
        for tree in self.trees() {
            if let Some(votes) = votes.get_mut(verdict(tree, sample)) {
                *votes = votes.saturating_add(1);
            }
        }
        let most = votes.iter().copied().max().unwrap_or(0);
        Ok(votes.iter().position(|&votes| votes == most).unwrap_or(0))
    }

    /// The class that the first tree votes for: no votes need be lent where there is but one.
    pub fn predict_first(self, sample: &[f32]) -> Result<usize, LearnError> {
        check_sample(sample, self.shape.features)?;
        Ok(self.trees().next().map_or(0, |tree| verdict(tree, sample)))
    }

    /// The nodes of each tree.
    fn trees(self) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.image.get(HEADER_BYTES..).unwrap_or_default();
        core::iter::from_fn(move || {
            let bytes = u32_at(rest, 0)? as usize;
            let (tree, next) = rest.get(LENGTH_BYTES..)?.split_at_checked(bytes)?;
            rest = next;
            Some(tree)
        })
    }
}

/// The class of the leaf that a sample comes to. Positions only grow, so it ends; the check has excluded that it ends
/// outside of a tree, where class 0 would be the answer.
fn verdict(tree: &[u8], sample: &[f32]) -> usize {
    let mut rest = tree;
    while let Some(kind) = u16_at(rest, 0) {
        if kind & LEAF != 0 {
            return usize::from(kind & !LEAF);
        }
        let threshold = u32_at(rest, 4).map_or(0.0, f32::from_bits);
        let is_left = sample.get(usize::from(kind)).is_some_and(|value| *value < threshold);
        let left_bytes = 2 * usize::from(u16_at(rest, 2).unwrap_or(0));
        rest = rest.get(SPLIT_BYTES + if is_left { 0 } else { left_bytes }..).unwrap_or_default();
    }
    0
}

#[cfg(test)]
mod tests;
