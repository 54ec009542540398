//! Trees grown on a computer: CART with Gini impurity (Breiman et al. 1984), and forests of them on bootstrap samples
//! with a random choice of features at each split (Breiman 2001).
use crate::data::Labelled;
use chirrup_learn::random::Random;
use chirrup_learn::trees::fixed::Node;

/// A tree as its trainer keeps it.
#[derive(Debug)]
pub enum Tree {
    /// The end of a way.
    Leaf(usize),
    /// Left where the feature is below the threshold.
    Split(usize, f32, Box<[Tree; 2]>),
}

/// How trees grow.
#[derive(Clone, Copy, Debug)]
pub struct Growth {
    /// Most levels below the root.
    pub depth: usize,
    /// Features that a split may choose from.
    pub features: usize,
}

impl Tree {
    /// Grows from these samples.
    pub fn grow(data: &Labelled, indices: &mut [usize], growth: Growth, random: &mut Random) -> Self {
        let mut counts = vec![0; data.shape.classes];
        indices.iter().for_each(|&index| counts[data.labels[index]] += 1);
        let commonest = (0..counts.len()).rev().max_by_key(|&class| counts[class]).unwrap_or(0);
        if growth.depth == 0 || counts[commonest] == indices.len() {
            return Self::Leaf(commonest);
        }
        let Some((feature, threshold)) = best_split(data, indices, growth.features, random) else {
            return Self::Leaf(commonest);
        };
        indices.sort_by_key(|&index| data.samples[index][feature] >= threshold);
        let left = indices.partition_point(|&index| data.samples[index][feature] < threshold);
        let (left, right) = indices.split_at_mut(left);
        let growth = Growth { depth: growth.depth - 1, ..growth };
        let sides = [left, right].map(|side| Self::grow(data, side, growth, random));
        Self::Split(feature, threshold, Box::new(sides))
    }

    /// What the trainer predicts.
    pub fn predict(&self, sample: &[f32]) -> usize {
        match self {
            Self::Leaf(class) => *class,
            Self::Split(feature, threshold, sides) => {
                sides[usize::from(sample[*feature] >= *threshold)].predict(sample)
            }
        }
    }

    /// Nodes in preorder.
    pub fn nodes(&self) -> Vec<Node> {
        match self {
            Self::Leaf(class) => vec![Node::Leaf { class: *class as u16 }],
            Self::Split(feature, threshold, sides) => {
                let mut nodes = vec![Node::Split { feature: *feature as u16, threshold: *threshold }];
                sides.iter().for_each(|side| nodes.extend(side.nodes()));
                nodes
            }
        }
    }
}

/// Feature and threshold that leave the least impurity.
fn best_split(
    data: &Labelled,
    indices: &[usize],
    features: usize,
    random: &mut Random,
) -> Option<(usize, f32)> {
    let mut choice: Vec<usize> = (0..data.shape.features).collect();
    for place in 0..features.min(choice.len()) {
        let other = place + random.below((choice.len() - place) as u32) as usize;
        choice.swap(place, other);
    }
    let mut best: Option<(f64, usize, f32)> = None;
    for &feature in &choice[..features.min(choice.len())] {
        let mut sorted: Vec<(f32, usize)> =
            indices.iter().map(|&index| (data.samples[index][feature], data.labels[index])).collect();
        sorted.sort_by(|left, right| left.0.total_cmp(&right.0));
        let mut sides = [vec![0.0; data.shape.classes], vec![0.0; data.shape.classes]];
        sorted.iter().for_each(|&(_, label)| sides[1][label] += 1.0);
        for pair in sorted.windows(2) {
            sides[0][pair[0].1] += 1.0;
            sides[1][pair[0].1] -= 1.0;
            let impure = sides.iter().map(|side| impurity(side)).sum::<f64>();
            if pair[0].0 < pair[1].0 && best.is_none_or(|(least, ..)| impure < least) {
                let middle = 0.5 * (pair[0].0 + pair[1].0);
                best = Some((impure, feature, if middle > pair[0].0 { middle } else { pair[1].0 }));
            }
        }
    }
    best.map(|(_, feature, threshold)| (feature, threshold))
}

/// Gini impurity times the count.
fn impurity(counts: &[f64]) -> f64 {
    let count: f64 = counts.iter().sum();
    count - counts.iter().map(|of_class| of_class * of_class).sum::<f64>() / count.max(1.0)
}
