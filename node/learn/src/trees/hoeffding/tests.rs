use super::*;
use crate::random::Random;
use proptest::prelude::*;

const SETTINGS: HoeffdingTree = HoeffdingTree {
    shape: Shape { features: 2, classes: 2 },
    nodes: 15,
    leaves: 4,
    grace: 50,
    delta: 1e-4,
    tie: 0.05,
    least_variance: 1e-4,
    rule: LeafRule::Majority,
};

struct Owned {
    settings: HoeffdingTree,
    nodes: Vec<Node>,
    leaves: Vec<ActiveLeaf>,
    counts: Vec<u32>,
    moments: Vec<Moments>,
}

impl Owned {
    fn new(settings: HoeffdingTree) -> Self {
        Self {
            settings,
            nodes: vec![Node::default(); settings.nodes.into()],
            leaves: vec![ActiveLeaf::default(); settings.leaves.into()],
            counts: vec![0; settings.counts_len()],
            moments: vec![Moments::default(); settings.moments_len()],
        }
    }

    fn tree(&mut self) -> Tree<'_> {
        Tree {
            nodes: &mut self.nodes,
            leaves: &mut self.leaves,
            counts: &mut self.counts,
            moments: &mut self.moments,
        }
    }

    fn learn(&mut self, sample: &[f32], label: usize) -> Result<Growth, LearnError> {
        let settings = self.settings;
        settings.learn(&mut self.tree(), sample, label)
    }

    fn predict(&mut self, sample: &[f32]) -> usize {
        let settings = self.settings;
        settings.predict(&mut self.tree(), sample).unwrap()
    }

    /// Every active leaf belongs to the node that says so, and the other way round.
    fn owners_agree(&self) -> bool {
        let owned = self.leaves.iter().enumerate().all(|(place, leaf)| match leaf.owner() {
            None => true,
            Some(node) => {
                matches!(self.nodes[node], Node::Leaf { active, .. } if usize::from(active) == place)
            }
        });
        let active =
            self.nodes.iter().filter(|node| matches!(node, Node::Leaf { active, .. } if *active != NONE));
        owned && active.count() == self.leaves.iter().filter(|leaf| leaf.owner().is_some()).count()
    }
}

fn quarters(random: &mut Random) -> ([f32; 2], usize) {
    let sample = [random.symmetric(), random.symmetric()];
    (sample, usize::from(sample[0] > 0.0 && sample[1] > 0.2))
}

#[test]
fn nodes_and_leaves_have_the_documented_size() {
    assert_eq!((size_of::<Node>(), size_of::<ActiveLeaf>(), size_of::<Moments>()), (12, 8, 8));
}

#[test]
fn a_rule_of_two_features_is_learnt() {
    let (mut tree, mut random) = (Owned::new(SETTINGS), Random::new(1));
    let mut splits = 0;
    for _ in 0..20_000 {
        let (sample, label) = quarters(&mut random);
        splits += usize::from(tree.learn(&sample, label).unwrap() == Growth::Split);
        assert!(tree.owners_agree());
    }
    let correct = (0..1_000).filter(|_| {
        let (sample, label) = quarters(&mut random);
        tree.predict(&sample) == label
    });
    assert!(splits >= 2);
    assert!(correct.count() > 930);
}

#[test]
fn noise_splits_nothing() {
    let (mut tree, mut random) = (Owned::new(SETTINGS), Random::new(2));
    for _ in 0..20_000 {
        let sample = [random.symmetric(), random.symmetric()];
        let label = random.below(2) as usize;
        assert_eq!(tree.learn(&sample, label), Ok(Growth::Counted));
    }
}

#[test]
fn one_leaf_is_naive_bayes() {
    let settings = HoeffdingTree { nodes: 1, leaves: 1, rule: LeafRule::NaiveBayes, ..SETTINGS };
    let (mut tree, mut random) = (Owned::new(settings), Random::new(3));
    for _ in 0..1_000 {
        let label = random.below(2) as usize;
        let centre = [-0.5, 0.5][label];
        tree.learn(&[centre + random.symmetric(), 7.0], label).unwrap();
    }
    assert_eq!((tree.predict(&[-0.6, 7.0]), tree.predict(&[0.6, 7.0])), (0, 1));
}

#[test]
fn a_leaf_that_errs_takes_the_place_of_one_that_does_not() {
    let (mut tree, mut random) = (Owned::new(HoeffdingTree { leaves: 1, ..SETTINGS }), Random::new(4));
    for _ in 0..20_000 {
        let (sample, label) = quarters(&mut random);
        tree.learn(&sample, label).unwrap();
        assert!(tree.owners_agree());
    }
    let splits = tree.nodes.iter().filter(|node| matches!(node, Node::Split { .. })).count();
    assert!(splits >= 2, "the one active leaf has wandered: {:?}", tree.nodes);
}

#[test]
fn bad_input_is_refused_and_changes_nothing() {
    let mut tree = Owned::new(SETTINGS);
    assert_eq!(tree.learn(&[f32::NAN, 0.0], 0), Err(LearnError::NotFinite { feature: 0 }));
    assert_eq!(tree.learn(&[0.0, 0.0], 2), Err(LearnError::UnknownLabel { label: 2, classes: 2 }));
    assert!(tree.learn(&[0.0], 0).is_err());
    assert!(tree.learn(&[0.0, 2e6], 0).is_err());
    assert_eq!(tree.nodes, vec![Node::Unused; 15]);
    assert_eq!(tree.predict(&[0.0, 0.0]), 0);
    tree.moments.pop();
    assert!(tree.learn(&[0.0, 0.0], 0).is_err());
}

fn value() -> impl Strategy<Value = f32> {
    prop_oneof![Just(0.0f32), Just(1e6), Just(1e-38), -1.0f32..1.0, -1_048_576.0f32..=1_048_576.0]
}

proptest! {
    #[test]
    fn extreme_samples_leave_a_finite_tree(
        samples in prop::collection::vec(([value(), value()], 0usize..2), 0..300),
        leaves in 0u16..4, nodes in 1u16..9, bayes: bool,
    ) {
        let rule = if bayes { LeafRule::NaiveBayes } else { LeafRule::Majority };
        let settings = HoeffdingTree { leaves, nodes, rule, grace: 5, delta: 0.5, least_variance: 0.0, ..SETTINGS };
        let mut tree = Owned::new(settings);
        for (sample, label) in &samples {
            tree.learn(sample, *label).unwrap();
            prop_assert!(tree.predict(sample) < 2);
            prop_assert!(tree.owners_agree());
        }
        for moments in &tree.moments {
            prop_assert!(moments.mean.is_finite() && moments.spread.is_finite());
        }
        for node in &tree.nodes {
            let is_bad = matches!(node, Node::Split { threshold, .. } if !threshold.is_finite());
            prop_assert!(!is_bad);
        }
    }
}
