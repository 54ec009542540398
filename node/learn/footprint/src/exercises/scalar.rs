//! What an exercise needs to know of the numbers that it runs on.
use crate::{FEATURES, Hash, Sample};
use chirrup_learn::scalar::{Fixed, Scalar};

/// Numbers of which a sample has its features.
pub trait Number: Scalar {
    /// Added to the name of a learner.
    const IN: Names;

    /// The features in such numbers.
    fn features(sample: &Sample) -> &[Self; FEATURES];

    /// Adds all bits.
    fn hash(values: &[Self], hash: &mut Hash);
}

/// Names of the learners that run on either number.
pub struct Names {
    pub train_plus_plus: &'static str,
    pub opt_sgd: &'static str,
    pub opt_ovo: &'static str,
}

impl Number for f32 {
    const IN: Names = Names {
        train_plus_plus: "Train++ (PA-II)",
        opt_sgd: "Opt-SGD, logistic, momentum, normalised rate",
        opt_ovo: "Opt-OVO of Train++",
    };

    fn features(sample: &Sample) -> &[Self; FEATURES] {
        &sample.features
    }

    fn hash(values: &[Self], hash: &mut Hash) {
        hash.floats(values);
    }
}

impl Number for Fixed {
    const IN: Names = Names {
        train_plus_plus: "Train++ (PA-II), Q16.16",
        opt_sgd: "Opt-SGD, logistic, momentum, normalised rate, Q16.16",
        opt_ovo: "Opt-OVO of Train++, Q16.16",
    };

    fn features(sample: &Sample) -> &[Self; FEATURES] {
        &sample.fixed
    }

    fn hash(values: &[Self], hash: &mut Hash) {
        values.iter().for_each(|value| hash.word(value.to_bits() as u32));
    }
}
