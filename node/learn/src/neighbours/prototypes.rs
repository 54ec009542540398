//! Online k-means with labels (MacQueen 1967): each class has some prototypes, and a sample moves the nearest of its
//! own class by a part of the way, one over the count of samples behind it. A sample's class is that of the nearest
//! prototype of all. With one class it is clustering.
//!
//! State: `4 * classes * per_class * (features + 1)` bytes: centroids `[classes][per_class][features]` and counts
//! `[classes][per_class]`, which is what a node sends. 64 features, 10 classes of 3 prototypes: 7,800 bytes.
//! A step takes `per_class * features` multiplications, a prediction `classes * per_class * features`.
//!
//! **Empty prototypes** have a count of zero and are nobody's nearest, whatever their centroid holds. The next sample
//! of the class that equals no prototype of it becomes one; [`Prototypes::start`] chooses better.
use crate::dot::{LANES, total};
use crate::random::Random;
use crate::{LearnError, Shape, check_label, check_length, check_sample, check_setting};

/// The learner's settings. Centroids and counts are the caller's; counts begin as zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prototypes {
    /// Features and classes.
    pub shape: Shape,
    /// Prototypes of a class.
    pub per_class: usize,
    /// Count beyond which a sample moves its prototype no less: prototypes follow a stream that changes.
    /// `u32::MAX` gives the mean of all samples.
    pub memory: u32,
}

/// A prototype and how far it is from a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nearest {
    /// Index among all prototypes; its class is `index / per_class`.
    pub index: usize,
    /// Squared distance.
    pub distance: f32,
}

impl Prototypes {
    /// Number of prototypes, and of counts.
    pub const fn counts_len(self) -> usize {
        self.shape.classes * self.per_class
    }

    /// Entries of the centroids.
    pub const fn centroids_len(self) -> usize {
        self.counts_len() * self.shape.features
    }

    /// Chooses the prototypes of a class from samples of it, `[n][features]`, by k-means++ (Arthur and Vassilvitskii
    /// 2007): each next one with probability proportional to the squared distance from those chosen. Where fewer
    /// samples than prototypes differ, the others stay empty. `distances`, `[n]`, is scratch.
    ///
    /// The samples are not counted beyond the chosen ones; [`Prototypes::step`] takes them.
    pub fn start(
        &self,
        centroids: &mut [f32],
        counts: &mut [u32],
        label: usize,
        samples: &[f32],
        seed: u64,
        distances: &mut [f32],
    ) -> Result<(), LearnError> {
        let features = self.shape.features;
        self.check(centroids, counts, label)?;
        check_sample(samples, distances.len() * features)?;
        let own = label * self.per_class..(label + 1) * self.per_class;
        let mut random = Random::new(seed);
        counts[own.clone()].fill(0);
        // All samples are as likely to be the first.
        distances.fill(1.0);
        for index in own {
            let total = distances.iter().fold(0.0, |sum, distance| sum + distance);
            if total <= 0.0 {
                break;
            }
            let Some(chosen) = at_share(distances, random.unit() * total) else { break };
            let sample = &samples[chosen * features..(chosen + 1) * features];
            centroids[index * features..(index + 1) * features].copy_from_slice(sample);
            let first = index == label * self.per_class;
            counts[index] = 1;
            for (at, distance) in distances.iter_mut().enumerate() {
                let other = &samples[at * features..(at + 1) * features];
                let new = squared_distance(sample, other);
                *distance = if first { new } else { distance.min(new) };
            }
        }
        Ok(())
    }

    /// Learns a labelled sample. Returns its prototype, and how far it was before the step.
    pub fn step(
        &self,
        centroids: &mut [f32],
        counts: &mut [u32],
        sample: &[f32],
        label: usize,
    ) -> Result<Nearest, LearnError> {
        self.check(centroids, counts, label)?;
        check_sample(sample, self.shape.features)?;
        check_setting("number of prototypes", self.per_class, 1..)?;
        let own = label * self.per_class..(label + 1) * self.per_class;
        let empty = own.clone().find(|index| counts[*index] == 0);
        let nearest = self.nearest_of(centroids, counts, sample, own);
        let found = match nearest.filter(|near| near.distance == 0.0 || empty.is_none()) {
            Some(near) => near,
            None => Nearest { index: empty.expect("what is not empty is near"), distance: 0.0 },
        };
        let count = &mut counts[found.index];
        *count = count.saturating_add(1);
        let share = 1.0 / (*count).min(self.memory.max(1)) as f32;
        let centroid = &mut centroids[found.index * self.shape.features..][..self.shape.features];
        for (centre, value) in centroid.iter_mut().zip(sample) {
            // Whatever an empty prototype holds is not part of the mean.
            *centre = if *count == 1 { *value } else { *centre + share * (value - *centre) };
        }
        Ok(found)
    }

    /// The prototype nearest to a sample, the lowest index of several; none where all are empty.
    pub fn nearest(
        &self,
        centroids: &[f32],
        counts: &[u32],
        sample: &[f32],
    ) -> Result<Option<Nearest>, LearnError> {
        self.check_lengths(centroids, counts)?;
        check_sample(sample, self.shape.features)?;
        Ok(self.nearest_of(centroids, counts, sample, 0..self.counts_len()))
    }

    /// The class of the nearest prototype; none where all are empty.
    pub fn predict(
        &self,
        centroids: &[f32],
        counts: &[u32],
        sample: &[f32],
    ) -> Result<Option<usize>, LearnError> {
        Ok(self.nearest(centroids, counts, sample)?.map(|near| near.index / self.per_class))
    }

    fn nearest_of(
        &self,
        centroids: &[f32],
        counts: &[u32],
        sample: &[f32],
        among: core::ops::Range<usize>,
    ) -> Option<Nearest> {
        let mut best: Option<Nearest> = None;
        for index in among.filter(|index| counts[*index] > 0) {
            let centroid = &centroids[index * self.shape.features..][..self.shape.features];
            let distance = squared_distance(centroid, sample);
            if best.is_none_or(|best| distance < best.distance) {
                best = Some(Nearest { index, distance });
            }
        }
        best
    }

    fn check_lengths(&self, centroids: &[f32], counts: &[u32]) -> Result<(), LearnError> {
        check_length("centroids", centroids.len(), self.centroids_len())?;
        check_length("counts", counts.len(), self.counts_len())
    }

    fn check(&self, centroids: &[f32], counts: &[u32], label: usize) -> Result<(), LearnError> {
        self.check_lengths(centroids, counts)?;
        check_label(label, self.shape.classes)
    }
}

/// Sum of the squared differences, in the order of [`crate::dot`].
fn squared_distance(left: &[f32], right: &[f32]) -> f32 {
    let (left, left_rest) = left.as_chunks::<LANES>();
    let (right, right_rest) = right.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (left, right) in left.iter().zip(right) {
        for lane in 0..LANES {
            let difference = left[lane] - right[lane];
            sums[lane] += difference * difference;
        }
    }
    for ((sum, left), right) in sums.iter_mut().zip(left_rest).zip(right_rest) {
        *sum += (left - right) * (left - right);
    }
    total(&sums)
}

/// The first entry at which the running sum passes `share`; the last one above zero when rounding keeps it below.
fn at_share(weights: &[f32], share: f32) -> Option<usize> {
    let mut sum = 0.0;
    let passes = weights.iter().position(|weight| {
        sum += weight;
        sum > share
    });
    passes.or_else(|| weights.iter().rposition(|weight| *weight > 0.0))
}

#[cfg(test)]
mod tests;
