//! What an active leaf knows of its samples.

/// Mean of a feature in a class, and the sum of the squares of the deviations from it (Welford, 1962).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    /// Mean.
    pub mean: f32,
    /// Sum of the squared deviations.
    pub spread: f32,
}

/// State of an active leaf: 8 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ActiveLeaf {
    /// One more than the index of its node; zero when the place is free.
    owner: u16,
    /// Samples since the last try.
    untried: u32,
}

impl ActiveLeaf {
    /// Index of its node.
    pub(super) fn owner(self) -> Option<usize> {
        self.owner.checked_sub(1).map(usize::from)
    }
}

/// An active leaf with its slices.
pub(super) struct Leaf<'a> {
    pub state: &'a mut ActiveLeaf,
    /// `[classes]`.
    pub counts: &'a mut [u32],
    /// `[features][classes]`.
    pub moments: &'a mut [Moments],
}

impl Leaf<'_> {
    /// Counts a sample and returns the commonest class, the lowest of several.
    pub fn add(&mut self, sample: &[f32], label: usize) -> usize {
        self.state.untried = self.state.untried.saturating_add(1);
        self.counts[label] = self.counts[label].saturating_add(1);
        let weight = 1.0 / self.counts[label] as f32;
        for (&value, by_class) in sample.iter().zip(self.moments.chunks_exact_mut(self.counts.len())) {
            let moments = &mut by_class[label];
            let difference = value - moments.mean;
            moments.mean += difference * weight;
            moments.spread += difference * (value - moments.mean);
        }
        largest(self.counts.iter().copied())
    }

    /// Whether it is time for a try; then the samples are counted anew. A leaf of one class has nothing to try.
    pub fn is_due(&mut self, grace: u32) -> bool {
        if self.state.untried < grace.max(1) {
            return false;
        }
        self.state.untried = 0;
        self.counts.iter().filter(|count| **count > 0).count() > 1
    }

    /// The most probable class by naive Bayes; `None` before the first sample.
    pub fn most_probable(&self, sample: &[f32], least_variance: f32) -> Option<usize> {
        let classes = self.counts.len();
        let mut best = None;
        for (class, &count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let of_class = self.moments.iter().skip(class).step_by(classes);
            let likelihood =
                sample.iter().zip(of_class).fold(libm::logf(count as f32), |sum, (value, moments)| {
                    let variance = (moments.spread / count as f32).max(least_variance).max(f32::MIN_POSITIVE);
                    let difference = value - moments.mean;
                    sum - 0.5 * (libm::logf(variance) + difference * (difference / variance))
                });
            if best.is_none_or(|(most, _)| likelihood > most) {
                best = Some((likelihood, class));
            }
        }
        best.map(|(_, class)| class)
    }

    /// Forgets all, for another node.
    pub fn reset(self, node: usize) {
        *self.state = ActiveLeaf { owner: (node + 1) as u16, untried: 0 };
        self.counts.fill(0);
        self.moments.fill(Moments::default());
    }
}

/// Index of the largest, the lowest of several.
pub(super) fn largest<T: PartialOrd>(values: impl Iterator<Item = T>) -> usize {
    let mut best: Option<(usize, T)> = None;
    for (index, value) in values.enumerate() {
        if best.as_ref().is_none_or(|(_, most)| value > *most) {
            best = Some((index, value));
        }
    }
    best.map_or(0, |(index, _)| index)
}
