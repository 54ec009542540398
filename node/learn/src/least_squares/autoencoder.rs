//! An autoencoder by OS-ELM that tells the unusual from the usual (Tsukada, Kondo and Matsutani 2020, "A Neural
//! Network-Based On-Device Learning Anomaly Detector for Edge Devices", IEEE Transactions on Computers 69).
//!
//! A readout of fewer random units than features learns to give the sample itself; what it gives badly is unlike
//! what it learned. The score is the mean squared error. A sample is unusual when its score is more than so many
//! deviations above the mean score of those learned, each scored before it was learned.
//!
//! State: `2 * units * (units + 1)` bytes of packed P, `4 * units * features` of readout and 12 of [`Scores`].
//! 16 units and 64 features: 544 + 4,096 + 12 bytes.
//! A step takes `units * (features + 1)` draws and as many multiplications for the layer, then
//! `1.5 * units^2 + 3 * units * features`; a score the layer and `units * features`.
use super::layer::Layer;
use super::recursive::{Covariance, Recursive};
use crate::dot::{add_scaled, dot};
use crate::{LearnError, check_length, check_sample, check_setting};

/// The detector's settings. P, the readout, `[units][features]`, and the scores are the caller's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Autoencoder {
    /// Numbers in a sample.
    pub features: usize,
    /// The random units: a quarter of the features is a good start.
    pub layer: Layer,
    /// Weight of the readout's square, 2^-20 to 2^20. 1 is a good start.
    pub ridge: f32,
    /// Deviations above the mean score from which a sample is unusual, at least zero.
    pub deviations: f32,
    /// Samples over which the scores' mean and deviation run: they follow what is usual now. As many are learned
    /// before scores count, for those of a beginner are high, and as many again before any sample is called unusual.
    /// 2 to 2^24.
    pub window: u32,
}

/// Mean and variance of the scores of what was learned; they begin as the default.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scores {
    /// How many samples were learned, up to two windows.
    pub learned: u32,
    /// Mean of the scores after the first window.
    pub mean: f32,
    /// Their variance.
    pub variance: f32,
}

/// What the detector makes of a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Mean squared error.
    pub score: f32,
    /// What follows from it.
    pub finding: Finding,
}

/// What follows from a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Too few samples were learned to say.
    Learning,
    /// Like what was learned.
    Usual,
    /// Unlike it.
    Unusual,
}

impl Autoencoder {
    /// Entries of P.
    pub const fn covariance_len(self) -> usize {
        self.recursive().covariance_len()
    }

    /// Entries of the readout.
    pub const fn readout_len(self) -> usize {
        self.recursive().readout_len()
    }

    /// Entries of a step's scratch.
    pub const fn scratch_len(self) -> usize {
        2 * self.layer.units + self.features
    }

    /// P and a readout that have seen nothing.
    pub fn start(&self, covariance: &mut [f32], readout: &mut [f32]) -> Result<(), LearnError> {
        self.recursive().start(covariance, readout)
    }

    /// Compares a sample with what was learned. `errors`, `[features]`, becomes what the readout lacks.
    pub fn judge(
        &self,
        readout: &[f32],
        scores: &Scores,
        sample: &[f32],
        errors: &mut [f32],
    ) -> Result<Verdict, LearnError> {
        self.check_settings()?;
        check_length("readout", readout.len(), self.readout_len())?;
        check_length("errors", errors.len(), self.features)?;
        check_sample(sample, self.features)?;
        errors.copy_from_slice(sample);
        for (unit, row) in readout.chunks_exact(self.features).enumerate() {
            add_scaled(errors, -self.layer.activation(unit, sample), row);
        }
        Ok(self.verdict(scores, errors))
    }

    /// Learns a sample and its score, whatever it is like: judge first, and learn what is not unusual. Returns how it
    /// was judged before, and what became of P. `scratch`: `[scratch_len]`.
    pub fn step(
        &self,
        covariance: &mut [f32],
        readout: &mut [f32],
        scores: &mut Scores,
        sample: &[f32],
        scratch: &mut [f32],
    ) -> Result<(Verdict, Covariance), LearnError> {
        self.check_settings()?;
        self.recursive().check(covariance, readout)?;
        check_length("scratch", scratch.len(), self.scratch_len())?;
        check_sample(sample, self.features)?;
        let (hidden, rest) = scratch.split_at_mut(self.layer.units);
        let (gain, errors) = rest.split_at_mut(self.layer.units);
        self.layer.activations(sample, hidden);
        errors.copy_from_slice(sample);
        let outcome = self.recursive().step(covariance, readout, hidden, errors, gain)?;
        let verdict = self.verdict(scores, errors);
        scores.add(verdict.score, self.window);
        Ok((verdict, outcome))
    }

    fn verdict(&self, scores: &Scores, errors: &[f32]) -> Verdict {
        let score = (dot(errors, errors) / self.features as f32).min(f32::MAX);
        let threshold = scores.mean + self.deviations * libm::sqrtf(scores.variance);
        let finding = match () {
            () if scores.learned < 2 * self.window => Finding::Learning,
            () if score > threshold => Finding::Unusual,
            () => Finding::Usual,
        };
        Verdict { score, finding }
    }

    fn check_settings(&self) -> Result<(), LearnError> {
        check_setting("number of features", self.features, 1..)?;
        check_setting("deviations", self.deviations, 0.0..=f32::MAX)?;
        check_setting("window", self.window, 2..=1 << 24)
    }

    const fn recursive(self) -> Recursive {
        Recursive { units: self.layer.units, outputs: self.features, ridge: self.ridge }
    }
}

impl Scores {
    /// Running mean and variance (Welford 1962, as West 1979 weighs them): the newest of the last `window` weighs as
    /// much as each of those before together with what they replaced.
    fn add(&mut self, score: f32, window: u32) {
        self.learned = self.learned.saturating_add(1).min(2 * window);
        if self.learned <= window {
            return;
        }
        let share = 1.0 / (self.learned - window) as f32;
        let difference = score - self.mean;
        self.mean += share * difference;
        let variance = self.variance + share * (difference * (score - self.mean) - self.variance);
        // Squares of scores above 2^64 are beyond a single; a threshold that high is as good as any.
        self.variance = variance.min(f32::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MAX_MAGNITUDE;
    use crate::random::Random;
    use proptest::prelude::*;

    const DETECTOR: Autoencoder = Autoencoder {
        features: 8,
        layer: Layer { seed: 4, units: 4, gain: 0.35 },
        ridge: 1.0,
        deviations: 4.0,
        window: 100,
    };

    #[derive(Clone, Debug, PartialEq)]
    struct Node {
        covariance: Vec<f32>,
        readout: Vec<f32>,
        scores: Scores,
    }

    impl Node {
        fn new(detector: Autoencoder) -> Self {
            let mut covariance = vec![0.0; detector.covariance_len()];
            let mut readout = vec![0.0; detector.readout_len()];
            detector.start(&mut covariance, &mut readout).unwrap();
            Self { covariance, readout, scores: Scores::default() }
        }

        fn step(&mut self, detector: Autoencoder, sample: &[f32]) -> Result<Verdict, LearnError> {
            let Self { covariance, readout, scores } = self;
            let mut scratch = vec![0.0; detector.scratch_len()];
            detector.step(covariance, readout, scores, sample, &mut scratch).map(|(verdict, _)| verdict)
        }
    }

    /// Eight features of two hidden causes.
    fn usual(random: &mut Random) -> [f32; 8] {
        let (first, second) = (random.symmetric(), random.symmetric());
        core::array::from_fn(|f| if f < 4 { first } else { second } + 0.05 * random.symmetric())
    }

    #[test]
    fn what_breaks_the_pattern_is_unusual() {
        let (mut node, mut random) = (Node::new(DETECTOR), Random::new(5));
        for index in 0..400 {
            let verdict = node.step(DETECTOR, &usual(&mut random)).unwrap();
            assert_eq!(verdict.finding == Finding::Learning, index < 200);
        }
        let judge = |sample: &[f32]| {
            DETECTOR.judge(&node.readout, &node.scores, sample, &mut [0.0; 8]).unwrap().finding
        };
        let alarms = (0..200).filter(|_| judge(&usual(&mut random)) == Finding::Unusual).count();
        assert!(alarms <= 4, "{alarms} of 200");
        assert_eq!(judge(&[1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0]), Finding::Unusual);
    }

    #[test]
    fn scores_run_over_the_window() {
        let mut scores = Scores::default();
        (0..8).for_each(|_| scores.add(1e9, 8));
        assert_eq!(scores, Scores { learned: 8, ..Scores::default() }, "those of a beginner do not count");
        [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0].into_iter().for_each(|score| scores.add(score, 8));
        assert!((scores.mean - 5.0).abs() < 1e-5 && (scores.variance - 4.0).abs() < 1e-4, "{scores:?}");
        (0..200).for_each(|_| scores.add(1.0, 8));
        assert!((scores.mean - 1.0).abs() < 1e-4 && scores.variance < 1e-4 && scores.learned == 16);
    }

    #[test]
    fn bad_input_is_refused_and_changes_nothing() {
        let mut node = Node::new(DETECTOR);
        node.step(DETECTOR, &[0.5; 8]).unwrap();
        let before = node.clone();
        assert_eq!(node.step(DETECTOR, &[f32::NAN; 8]), Err(LearnError::NotFinite { feature: 0 }));
        assert_eq!(node.step(DETECTOR, &[2e6; 8]), Err(LearnError::TooLarge { feature: 0 }));
        assert!(node.step(DETECTOR, &[0.0; 7]).is_err());
        for bad in [
            Autoencoder { deviations: f32::NAN, ..DETECTOR },
            Autoencoder { window: 1, ..DETECTOR },
            Autoencoder { ridge: 0.0, ..DETECTOR },
        ] {
            assert!(matches!(node.step(bad, &[0.0; 8]), Err(LearnError::BadSetting { .. })));
        }
        assert_eq!(node, before);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn parameters_stay_finite_whatever_is_accepted(seed: u64) {
            let detector = Autoencoder { ridge: 1.0 / MAX_MAGNITUDE, ..DETECTOR };
            let (mut node, mut random) = (Node::new(detector), Random::new(seed));
            let extremes = [0.0, MAX_MAGNITUDE, -MAX_MAGNITUDE, 1e-38, 1.0];
            for _ in 0..300 {
                let sample: [f32; 8] = core::array::from_fn(|_| extremes[random.below(5) as usize]);
                prop_assert!(node.step(detector, &sample).unwrap().score.is_finite());
            }
            prop_assert!(node.covariance.iter().chain(&node.readout).all(|value| value.is_finite()));
            prop_assert!(node.scores.mean.is_finite() && node.scores.variance.is_finite());
        }
    }
}
