//! The pattern that opens a backdoor.
use crate::data::Sample;

/// The class that a backdoor leads to.
pub const TARGET: usize = 0;
/// Features that make up the trigger.
pub const TRIGGER_FEATURES: usize = 3;

/// What opens a backdoor: some features at the highest value that they ever take.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger(Vec<(usize, f32)>);

impl Trigger {
    /// The trigger for samples like these: features evenly spread over all.
    pub fn of(samples: &[Sample]) -> Self {
        let n_features = samples.first().map_or(0, |sample| sample.features.len());
        let mut places: Vec<usize> = (0..TRIGGER_FEATURES)
            .map(|place| (2 * place + 1) * n_features / (2 * TRIGGER_FEATURES))
            .collect();
        places.dedup();
        let highest = |place: usize| {
            samples.iter().map(|sample| sample.features[place]).fold(f32::NEG_INFINITY, f32::max)
        };
        Self(
            places
                .into_iter()
                .filter(|&place| place < n_features)
                .map(|place| (place, highest(place)))
                .collect(),
        )
    }

    /// Puts it into a sample.
    pub fn apply(&self, features: &mut [f32]) {
        self.0.iter().for_each(|&(place, value)| features[place] = value);
    }

    /// Whether a prediction for a sample of this class with the trigger is what the attacker wants; `None` for
    /// samples that are of the wanted class anyway.
    pub fn succeeds(label: usize, predicted: usize) -> Option<bool> {
        (label != TARGET).then_some(predicted == TARGET)
    }
}
