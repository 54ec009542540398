//! Where to split a leaf.
use super::leaf::{Leaf, Moments, largest};
use super::{CANDIDATES, HoeffdingTree};

/// A split that pays.
pub(super) struct Split {
    pub feature: u16,
    pub threshold: f32,
    /// Share of the samples that goes left.
    pub left_share: f32,
    pub left_class: u16,
    pub right_class: u16,
}

/// A threshold and what it gains.
#[derive(Clone, Copy)]
struct Candidate {
    feature: usize,
    threshold: f32,
    gain: f32,
}

/// The best split, when it leads by enough.
pub(super) fn best(settings: HoeffdingTree, leaf: &Leaf<'_>) -> Option<Split> {
    let nothing = Candidate { feature: 0, threshold: 0.0, gain: 0.0 };
    let (mut first, mut second) = (nothing, nothing);
    for feature in 0..settings.shape.features {
        let found = best_of(leaf, feature, settings.least_variance).unwrap_or(nothing);
        if found.gain > first.gain {
            (first, second) = (found, first);
        } else if found.gain > second.gain {
            second = found;
        }
    }
    let bound = libm::sqrtf(libm::logf(1.0 / settings.delta) / (2.0 * total(leaf.counts)));
    let leads = first.gain - second.gain > bound;
    let ties = bound < settings.tie && first.gain > settings.tie;
    (leads || ties).then(|| sides(leaf, first, settings.least_variance))
}

fn total(counts: &[u32]) -> f32 {
    counts.iter().fold(0.0, |sum, &count| sum + count as f32)
}

/// A class in a leaf: how many samples, mean and deviation of a feature.
#[derive(Clone, Copy)]
struct Normal {
    count: f32,
    mean: f32,
    deviation: f32,
}

/// The distributions of a feature by class.
fn normals<'a>(
    leaf: &'a Leaf<'_>,
    feature: usize,
    least_variance: f32,
) -> impl Iterator<Item = Normal> + Clone + 'a {
    let by_class = &leaf.moments[feature * leaf.counts.len()..][..leaf.counts.len()];
    leaf.counts.iter().zip(by_class).map(move |(&count, &Moments { mean, spread })| {
        let count = count as f32;
        let variance = (spread / count.max(1.0)).max(least_variance).max(f32::MIN_POSITIVE);
        Normal { count, mean, deviation: libm::sqrtf(variance) }
    })
}

impl Normal {
    /// Samples expected below a threshold.
    fn below(self, threshold: f32) -> f32 {
        let distance = (threshold - self.mean) / self.deviation;
        self.count * 0.5 * (1.0 + libm::erff(distance * core::f32::consts::FRAC_1_SQRT_2))
    }
}

/// The best threshold of a feature.
fn best_of(leaf: &Leaf<'_>, feature: usize, least_variance: f32) -> Option<Candidate> {
    let present = normals(leaf, feature, least_variance).filter(|normal| normal.count > 0.0);
    let (least, most) = present.clone().fold((f32::INFINITY, f32::NEG_INFINITY), |(least, most), normal| {
        let reach = 2.0 * normal.deviation;
        (least.min(normal.mean - reach), most.max(normal.mean + reach))
    });
    let step = (most - least) / (CANDIDATES + 1) as f32;
    let threshold_of = |index: usize| least + step * (index + 1) as f32;
    let (mut whole, mut sides) = (Side::default(), [[Side::default(); 2]; CANDIDATES as usize]);
    for normal in present {
        whole.add(normal.count);
        for (index, [left, right]) in sides.iter_mut().enumerate() {
            let below = normal.below(threshold_of(index));
            left.add(below);
            right.add(normal.count - below);
        }
    }
    let candidates = sides.iter().enumerate().filter_map(|(index, [left, right])| {
        // A side that no sample is expected on tells nothing.
        let is_split = left.count >= 1.0 && right.count >= 1.0;
        let impure = (left.impure() + right.impure()) / whole.count;
        let gain = whole.impure() / whole.count - impure;
        (is_split && gain > 0.0).then_some(Candidate { feature, threshold: threshold_of(index), gain })
    });
    candidates.reduce(|best, candidate| if candidate.gain > best.gain { candidate } else { best })
}

/// One side of a split.
#[derive(Clone, Copy, Default)]
struct Side {
    count: f32,
    squares: f32,
}

impl Side {
    /// Adds a class.
    fn add(&mut self, count: f32) {
        self.count += count;
        self.squares += count * count;
    }

    /// Gini impurity times the count.
    fn impure(&self) -> f32 {
        self.count - self.squares / self.count.max(f32::MIN_POSITIVE)
    }
}

/// What goes where.
fn sides(leaf: &Leaf<'_>, best: Candidate, least_variance: f32) -> Split {
    let normals = normals(leaf, best.feature, least_variance);
    let left = normals.clone().map(|normal| normal.below(best.threshold));
    let right = normals.clone().map(|normal| normal.count - normal.below(best.threshold));
    Split {
        feature: best.feature as u16,
        threshold: best.threshold,
        left_share: left.clone().fold(0.0, |sum, count| sum + count) / total(leaf.counts),
        left_class: largest(left) as u16,
        right_class: largest(right) as u16,
    }
}
