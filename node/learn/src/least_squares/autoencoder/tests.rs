use super::super::recursive::SMALLEST_RIDGE;
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
    let judge =
        |sample: &[f32]| DETECTOR.judge(&node.readout, &node.scores, sample, &mut [0.0; 8]).unwrap().finding;
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
        let detector = Autoencoder { ridge: SMALLEST_RIDGE, ..DETECTOR };
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
