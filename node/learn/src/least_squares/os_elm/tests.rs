use super::super::recursive::SMALLEST_RIDGE;
use super::super::sums::Added;
use super::*;
use crate::MAX_MAGNITUDE;
use crate::random::Random;
use proptest::prelude::*;

const LEARNER: OsElm = OsElm {
    shape: Shape { features: 5, classes: 3 },
    layer: Layer { seed: 3, units: 16, gain: 0.5 },
    ridge: 1.0,
};

struct Node {
    covariance: Vec<f32>,
    readout: Vec<f32>,
    scratch: Vec<f32>,
}

impl Node {
    fn new(learner: OsElm) -> Self {
        let mut node = Self {
            covariance: vec![0.0; learner.covariance_len()],
            readout: vec![7.0; learner.readout_len()],
            scratch: vec![0.0; learner.scratch_len()],
        };
        learner.start(&mut node.covariance, &mut node.readout).unwrap();
        node
    }

    fn step(&mut self, learner: OsElm, sample: &[f32], label: usize) -> Result<Covariance, LearnError> {
        learner.step(&mut self.covariance, &mut self.readout, sample, label, &mut self.scratch)
    }
}

/// Three noisy classes.
fn stream(count: usize) -> Vec<([f32; 5], usize)> {
    let mut random = Random::new(8);
    let sample = |index: usize| {
        let label = index * 7 % 3;
        let sample = core::array::from_fn(|f| random.symmetric() + if f == label { 1.5 } else { 0.0 });
        (sample, label)
    };
    (0..count).map(sample).collect()
}

/// One recursive pass, batches of any size, and the closed form from sums of three nodes.
#[test]
fn steps_batches_and_sums_give_the_same_readout() {
    let data = stream(210);
    let mut single = Node::new(LEARNER);
    let mut sums = vec![vec![0; LEARNER.sums_len()]; 3];
    for (index, (sample, label)) in data.iter().enumerate() {
        assert_eq!(single.step(LEARNER, sample, *label), Ok(Covariance::Continued));
        let node = &mut sums[index * index % 3];
        assert_eq!(LEARNER.add_to_sums(node, sample, *label, &mut [0; 16]), Ok(Added::Counted));
    }
    for batch in [1, 2, 7, 30] {
        let mut batched = Node::new(LEARNER);
        let mut scratch = vec![0.0; LEARNER.batch_scratch_len(batch)];
        for samples in data.chunks(batch) {
            let (features, labels): (Vec<_>, Vec<_>) = samples.iter().copied().unzip();
            let Node { covariance, readout, .. } = &mut batched;
            LEARNER.step_batch(covariance, readout, features.as_flattened(), &labels, &mut scratch).unwrap();
        }
        close(&batched.readout, &single.readout);
        close(&batched.covariance, &single.covariance);
    }
    let total: Vec<i32> = (0..LEARNER.sums_len()).map(|i| sums.iter().map(|node| node[i]).sum()).collect();
    let mut solved = vec![0.0; LEARNER.readout_len()];
    let mut scratch = vec![0.0; LEARNER.solve_scratch_len()];
    LEARNER.solve_sums(&total, &mut scratch, &mut solved).unwrap();
    close(&solved, &single.readout);
}

fn close(left: &[f32], right: &[f32]) {
    assert!(left.iter().zip(right).all(|(left, right)| (left - right).abs() < 1e-5), "{left:?} {right:?}");
}

#[test]
fn what_was_learned_is_predicted() {
    let mut node = Node::new(LEARNER);
    let data = stream(400);
    data[..200].iter().for_each(|(sample, label)| assert!(node.step(LEARNER, sample, *label).is_ok()));
    let mut scores = [0.0; 3];
    let predict = |(sample, label): &&([f32; 5], usize)| {
        LEARNER.predict(&node.readout, sample, &mut scores).unwrap() == *label
    };
    let right = data[200..].iter().filter(predict).count();
    assert!(right > 160, "{right} of 200");
}

#[test]
fn bad_input_is_refused_and_changes_nothing() {
    let mut node = Node::new(LEARNER);
    node.step(LEARNER, &[1.0; 5], 0).unwrap();
    let before = (node.covariance.clone(), node.readout.clone());
    let not_finite = LearnError::NotFinite { feature: 4 };
    assert_eq!(node.step(LEARNER, &[0.0, 0.0, 0.0, 0.0, f32::NAN], 0), Err(not_finite));
    assert_eq!(node.step(LEARNER, &[0.0; 5], 3), Err(LearnError::UnknownLabel { label: 3, classes: 3 }));
    assert!(node.step(LEARNER, &[0.0; 4], 0).is_err());
    let ridge = Err(LearnError::BadSetting { setting: "ridge" });
    for bad in [0.0, -1.0, f32::NAN, f32::INFINITY, 1e-5] {
        assert_eq!(node.step(OsElm { ridge: bad, ..LEARNER }, &[0.0; 5], 0), ridge);
    }
    assert!(
        LEARNER.step(&mut node.covariance[1..], &mut node.readout, &[0.0; 5], 0, &mut [0.0; 35]).is_err()
    );
    let Node { covariance, readout, .. } = &mut node;
    let mut scratch = vec![0.0; LEARNER.batch_scratch_len(1)];
    assert!(LEARNER.step_batch(covariance, readout, &[0.0; 5], &[3], &mut scratch).is_err());
    assert!(LEARNER.step_batch(covariance, readout, &[f32::INFINITY; 5], &[0], &mut scratch).is_err());
    assert_eq!((node.covariance, node.readout), before);
}

#[test]
fn full_sums_and_sums_of_nothing_are_said() {
    let mut sums = vec![0; LEARNER.sums_len()];
    sums[0] = i32::MAX - 16_383;
    let before = sums.clone();
    assert_eq!(LEARNER.add_to_sums(&mut sums, &[0.0; 5], 0, &mut [0; 16]), Ok(Added::Full));
    assert_eq!(sums, before);
    let mut scratch = vec![0.0; LEARNER.solve_scratch_len()];
    let mut readout = vec![3.0; LEARNER.readout_len()];
    sums[0] = -20_000_000;
    let refused = LEARNER.solve_sums(&sums, &mut scratch, &mut readout);
    assert_eq!(refused, Err(LearnError::NotDefinite { row: 0 }));
    assert!(readout.iter().all(|weight| *weight == 3.0), "a refused solution leaves the readout alone");
}

#[test]
fn an_indefinite_covariance_restarts() {
    let mut node = Node::new(LEARNER);
    node.covariance.fill(0.0);
    packed_diagonal(&mut node.covariance, -1.0);
    assert_eq!(node.step(LEARNER, &[1.0; 5], 1), Ok(Covariance::Restarted));
    let mut fresh = Node::new(LEARNER);
    fresh.step(LEARNER, &[1.0; 5], 1).unwrap();
    assert_eq!(node.covariance, fresh.covariance);
    assert_eq!(node.readout, fresh.readout);
    node.covariance.fill(f32::NAN);
    let Node { covariance, readout, .. } = &mut node;
    let mut scratch = vec![0.0; LEARNER.batch_scratch_len(2)];
    let outcome = LEARNER.step_batch(covariance, readout, &[0.5; 10], &[0, 1], &mut scratch);
    assert_eq!(outcome, Ok(Covariance::Restarted));
    assert!(covariance.iter().chain(readout.iter()).all(|value| value.is_finite()));
}

/// Forty times as many samples as are of use, and P is still definite and the readout that of the sums.
#[test]
fn a_long_stream_wears_nothing_out() {
    let (mut node, mut sums) = (Node::new(LEARNER), vec![0; LEARNER.sums_len()]);
    let data = stream(300);
    for (sample, label) in (0..40).flat_map(|_| &data) {
        assert_eq!(node.step(LEARNER, sample, *label), Ok(Covariance::Continued));
        LEARNER.add_to_sums(&mut sums, sample, *label, &mut [0; 16]).unwrap();
    }
    let mut solved = vec![0.0; LEARNER.readout_len()];
    LEARNER.solve_sums(&sums, &mut vec![0.0; LEARNER.solve_scratch_len()], &mut solved).unwrap();
    assert!(node.readout.iter().zip(&solved).all(|(left, right)| (left - right).abs() < 1e-3));
    super::super::packed::factor(&mut node.covariance, 16).unwrap();
}

#[test]
fn a_batch_of_none_and_a_layer_of_none_are_defined() {
    let mut node = Node::new(LEARNER);
    let (covariance, readout) = (node.covariance.clone(), node.readout.clone());
    let mut scratch = vec![0.0; LEARNER.batch_scratch_len(0)];
    let outcome = LEARNER.step_batch(&mut node.covariance, &mut node.readout, &[], &[], &mut scratch);
    assert_eq!(outcome, Ok(Covariance::Continued));
    assert_eq!((node.covariance, node.readout), (covariance, readout));
    let none = OsElm { layer: Layer { units: 0, ..LEARNER.layer }, ..LEARNER };
    let refused = none.step_batch(&mut [], &mut [], &[0.0; 5], &[0], &mut [0.0; 4]);
    assert_eq!(refused, Err(LearnError::BadSetting { setting: "number of units" }));
}

fn packed_diagonal(matrix: &mut [f32], value: f32) {
    super::super::packed::add_to_diagonal(matrix, 16, value);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn parameters_stay_finite_whatever_is_accepted(
        seed: u64,
        ridge in prop_oneof![Just(SMALLEST_RIDGE), Just(1.0), Just(MAX_MAGNITUDE)],
        gain in prop_oneof![Just(1e-6f32), Just(0.5), Just(1e6)],
    ) {
        let layer = Layer { gain, ..LEARNER.layer };
        let learner = OsElm { ridge, layer, ..LEARNER };
        let mut node = Node::new(learner);
        let mut random = Random::new(seed);
        let extremes = [0.0, MAX_MAGNITUDE, -MAX_MAGNITUDE, 1e-38, 1.0, -1.0];
        for _ in 0..300 {
            let sample: [f32; 5] = core::array::from_fn(|_| extremes[random.below(6) as usize]);
            node.step(learner, &sample, random.below(3) as usize).unwrap();
        }
        let mut scratch = vec![0.0; learner.batch_scratch_len(8)];
        for _ in 0..30 {
            let samples: [f32; 40] = core::array::from_fn(|_| extremes[random.below(6) as usize]);
            let labels: [usize; 8] = core::array::from_fn(|_| random.below(3) as usize);
            let Node { covariance, readout, .. } = &mut node;
            learner.step_batch(covariance, readout, &samples, &labels, &mut scratch).unwrap();
        }
        prop_assert!(node.covariance.iter().chain(&node.readout).all(|value| value.is_finite()));
    }
}
