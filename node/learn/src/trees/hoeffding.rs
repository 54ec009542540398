//! A decision tree that grows from a stream: the Hoeffding tree (Domingos and Hulten, KDD 2000, table 1) with numeric
//! attributes by a normal distribution for each class (Gama, Rocha and Medas, KDD 2003), in bounded memory.
//!
//! A leaf counts its samples by class, and keeps each feature's mean and variance by class. After every
//! [`HoeffdingTree::grace`] samples it tries [`CANDIDATES`] thresholds a feature for the gain in Gini impurity. With n
//! samples the observed gain of the best feature is at least its true one less e = sqrt(ln(1 / delta) / (2 n)), but with
//! chance delta; so the leaf is split when the best feature leads the second, or the gain zero of no split, by more than
//! e, or when e is below [`HoeffdingTree::tie`] and the gain is not.
//!
//! **Bounds.** Nodes are lent, and moments for a number of *active* leaves; other leaves keep their class alone and count
//! their errors. Such a leaf takes the place of the active one with the fewest errors when its own are more by the grace
//! (the least promising leaves are deactivated, as in the paper). When the nodes are used up the tree learns on within its
//! leaves.
//!
//! State: `12 * nodes + leaves * (8 + 4 * classes + 8 * features * classes)` bytes: a leaf takes 5,168 bytes at 64
//! features and 10 classes, 496 at 30 and 2. A sample takes `2 * features` multiplications and one division; a try
//! `CANDIDATES * features * classes` error functions and `2 * features * classes` roots. A verdict takes a comparison a
//! level, by naive Bayes then `features * classes` logarithms and divisions.
use crate::{LearnError, Shape, check_label, check_length, check_sample};

mod leaf;
mod split;

pub use leaf::{ActiveLeaf, Moments};

/// Thresholds of a feature that are tried, at equal distances.
pub const CANDIDATES: u32 = 9;

/// Says that a leaf is not active.
const NONE: u16 = u16::MAX;

/// How a leaf judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeafRule {
    /// By its commonest class.
    Majority,
    /// By the probabilities of its moments, once the leaf has seen a sample; inactive leaves by their class.
    NaiveBayes,
}

/// Settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HoeffdingTree {
    /// Features, at most 65,536, and classes, at most 65,536.
    pub shape: Shape,
    /// Nodes that are lent, at least 1.
    pub nodes: u16,
    /// Active leaves that are lent, below 65,535.
    pub leaves: u16,
    /// Samples of a leaf from one try to the next.
    pub grace: u32,
    /// Chance of a split on another feature than the best, 1e-7 for instance.
    pub delta: f32,
    /// Bound on the gain below which features count as equal, .05 for instance.
    pub tie: f32,
    /// Least variance that a feature is taken to have.
    pub least_variance: f32,
    /// How leaves judge.
    pub rule: LeafRule,
}

/// A node of the tree: 12 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Node {
    /// Not used yet.
    #[default]
    Unused,
    /// Goes to the node `left` where the feature is below the threshold, else to the one after it.
    Split {
        /// Index of the feature.
        feature: u16,
        /// Index of the left child.
        left: u16,
        /// What the feature is compared with.
        threshold: f32,
    },
    /// The end of a way.
    Leaf {
        /// The commonest class.
        class: u16,
        /// Index of the active leaf, or 65,535.
        active: u16,
        /// Samples of other classes so far.
        errors: u32,
    },
}

/// The tree, lent by the caller; all starts as the default.
#[derive(Debug)]
pub struct Tree<'a> {
    /// `[nodes]`, the root first.
    pub nodes: &'a mut [Node],
    /// `[leaves]`.
    pub leaves: &'a mut [ActiveLeaf],
    /// Samples by class, `[leaves][classes]`.
    pub counts: &'a mut [u32],
    /// `[leaves][features][classes]`.
    pub moments: &'a mut [Moments],
}

/// What a sample has done to the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// It was counted.
    Counted,
    /// It has split a leaf.
    Split,
}

impl HoeffdingTree {
    /// Entries of [`Tree::counts`].
    pub const fn counts_len(self) -> usize {
        self.leaves as usize * self.shape.classes
    }

    /// Entries of [`Tree::moments`].
    pub const fn moments_len(self) -> usize {
        self.leaves as usize * self.shape.features * self.shape.classes
    }

    /// Learns from a sample.
    pub fn learn(self, tree: &mut Tree<'_>, sample: &[f32], label: usize) -> Result<Growth, LearnError> {
        self.check(tree, sample)?;
        check_label(label, self.shape.classes.min(1 << 16))?;
        if tree.nodes[0] == Node::Unused {
            tree.nodes[0] = Node::Leaf { class: label as u16, active: NONE, errors: 0 };
        }
        let node = find(tree.nodes, sample);
        let Node::Leaf { class, active, errors } = &mut tree.nodes[node] else { return Ok(Growth::Counted) };
        if usize::from(*class) != label {
            *errors = errors.saturating_add(1);
        }
        let active = match usize::from(*active) {
            active if active < tree.leaves.len() => Some(active),
            _ => self.activate(tree, node),
        };
        let Some(active) = active else { return Ok(Growth::Counted) };
        let mut moments = self.leaf(tree, active);
        let commonest = moments.add(sample, label);
        let is_due = moments.is_due(self.grace);
        if let Node::Leaf { class, .. } = &mut tree.nodes[node] {
            *class = commonest as u16;
        }
        if is_due && self.try_split(tree, node, active) {
            return Ok(Growth::Split);
        }
        Ok(Growth::Counted)
    }

    /// The class of a sample: the lowest of several, zero before anything was learnt.
    pub fn predict(self, tree: &mut Tree<'_>, sample: &[f32]) -> Result<usize, LearnError> {
        self.check(tree, sample)?;
        let Node::Leaf { class, active, .. } = tree.nodes[find(tree.nodes, sample)] else { return Ok(0) };
        let active = usize::from(active);
        if self.rule == LeafRule::Majority || active >= tree.leaves.len() {
            return Ok(class.into());
        }
        let by_bayes = self.leaf(tree, active).most_probable(sample, self.least_variance);
        Ok(by_bayes.unwrap_or(class.into()))
    }

    fn check(self, tree: &Tree<'_>, sample: &[f32]) -> Result<(), LearnError> {
        check_length("nodes", tree.nodes.len(), usize::from(self.nodes.max(1)))?;
        check_length("leaves", tree.leaves.len(), self.leaves.into())?;
        check_length("counts", tree.counts.len(), self.counts_len())?;
        check_length("moments", tree.moments.len(), self.moments_len())?;
        check_sample(sample, self.shape.features)
    }

    /// What an active leaf knows.
    fn leaf<'a>(self, tree: &'a mut Tree<'_>, active: usize) -> leaf::Leaf<'a> {
        let Shape { features, classes } = self.shape;
        leaf::Leaf {
            state: &mut tree.leaves[active],
            counts: &mut tree.counts[active * classes..][..classes],
            moments: &mut tree.moments[active * features * classes..][..features * classes],
        }
    }

    /// Makes a leaf active: on a free place, or on that of an active one which errs less by the grace.
    fn activate(self, tree: &mut Tree<'_>, node: usize) -> Option<usize> {
        let errors = errors_of(tree.nodes, node)?;
        let place = match tree.leaves.iter().position(|leaf| leaf.owner().is_none()) {
            Some(free) => free,
            None => {
                let owners = tree.leaves.iter().enumerate().filter_map(|(place, leaf)| {
                    let owner = leaf.owner()?;
                    Some((errors_of(tree.nodes, owner).unwrap_or(0), place, owner))
                });
                let (fewest, place, owner) = owners.min()?;
                if errors <= fewest.saturating_add(self.grace) {
                    return None;
                }
                set_active(tree.nodes, owner, NONE);
                place
            }
        };
        self.leaf(tree, place).reset(node);
        set_active(tree.nodes, node, place as u16);
        Some(place)
    }

    /// Splits a leaf where it pays, and there are nodes for it.
    fn try_split(self, tree: &mut Tree<'_>, node: usize, active: usize) -> bool {
        let unused = tree.nodes.iter().position(|node| *node == Node::Unused);
        let Some(left) = unused.filter(|left| left + 1 < tree.nodes.len()) else { return false };
        let leaf = self.leaf(tree, active);
        let Some(best) = split::best(self, &leaf) else { return false };
        // The heavier child keeps the place, the other one has to earn its own where none is free.
        let (heavier, lighter) = if best.left_share >= 0.5 { (left, left + 1) } else { (left + 1, left) };
        leaf.reset(heavier);
        for (child, class) in [(left, best.left_class), (left + 1, best.right_class)] {
            tree.nodes[child] = Node::Leaf { class, active: NONE, errors: 0 };
        }
        tree.nodes[node] =
            Node::Split { feature: best.feature, left: left as u16, threshold: best.threshold };
        set_active(tree.nodes, heavier, active as u16);
        if tree.leaves.iter().any(|leaf| leaf.owner().is_none()) {
            self.activate(tree, lighter);
        }
        true
    }
}

/// The leaf that a sample comes to. Children come after their parents, so it ends.
fn find(nodes: &[Node], sample: &[f32]) -> usize {
    let mut index = 0;
    while let Some(&Node::Split { feature, left, threshold }) = nodes.get(index) {
        let is_left = sample.get(usize::from(feature)).is_some_and(|value| *value < threshold);
        let next = usize::from(left) + usize::from(!is_left);
        if next <= index || next >= nodes.len() {
            break;
        }
        index = next;
    }
    index
}

fn errors_of(nodes: &[Node], node: usize) -> Option<u32> {
    match nodes.get(node) {
        Some(&Node::Leaf { errors, .. }) => Some(errors),
        _ => None,
    }
}

fn set_active(nodes: &mut [Node], node: usize, place: u16) {
    if let Some(Node::Leaf { active, .. }) = nodes.get_mut(node) {
        *active = place;
    }
}

#[cfg(test)]
mod tests;
