use super::*;
use crate::MAX_MAGNITUDE;
use proptest::prelude::*;

const LEARNER: Prototypes =
    Prototypes { shape: Shape { features: 2, classes: 2 }, per_class: 2, memory: u32::MAX };

fn memory() -> ([f32; 8], [u32; 4]) {
    // Whatever an empty prototype holds does not matter.
    ([f32::NAN; 8], [0; 4])
}

#[test]
fn a_prototype_is_the_mean_of_its_samples() {
    let (mut centroids, mut counts) = memory();
    let mut step = |sample: [f32; 2]| LEARNER.step(&mut centroids, &mut counts, &sample, 1).unwrap().index;
    assert_eq!([step([0.0, 0.0]), step([9.0, 9.0]), step([2.0, 0.0]), step([1.0, 3.0])], [2, 3, 2, 2]);
    assert_eq!(centroids[4..], [1.0, 1.0, 9.0, 9.0]);
    assert_eq!(counts, [0, 0, 3, 1]);
    let nearest = LEARNER.nearest(&centroids, &counts, &[1.0, 3.0]).unwrap();
    assert_eq!(nearest, Some(Nearest { index: 2, distance: 4.0 }));
    assert_eq!(LEARNER.predict(&centroids, &counts, &[-5.0, 0.0]), Ok(Some(1)));
}

#[test]
fn empty_prototypes_are_nobodys_nearest() {
    let (mut centroids, mut counts) = memory();
    assert_eq!(LEARNER.predict(&centroids, &counts, &[0.0; 2]), Ok(None));
    for _ in 0..3 {
        LEARNER.step(&mut centroids, &mut counts, &[4.0, 4.0], 0).unwrap();
    }
    assert_eq!(counts, [3, 0, 0, 0], "equal samples share a prototype");
    assert_eq!(LEARNER.predict(&centroids, &counts, &[-9.0, 0.0]), Ok(Some(0)));
}

#[test]
fn a_bounded_memory_follows_the_stream() {
    let learner = Prototypes { per_class: 1, memory: 4, ..LEARNER };
    let (mut centroids, mut counts) = ([0.0; 4], [0; 2]);
    for index in 0..200 {
        let value = if index < 100 { 1.0 } else { 5.0 };
        learner.step(&mut centroids, &mut counts, &[value; 2], 0).unwrap();
    }
    assert!((centroids[0] - 5.0).abs() < 1e-3);
    assert_eq!(counts, [200, 0]);
}

#[test]
fn a_start_spreads_over_what_differs() {
    let samples = [0.0, 0.0, 0.0, 0.0, 100.0, 0.0, 0.0, 0.0];
    for seed in 0..20 {
        let (mut centroids, mut counts) = memory();
        LEARNER.start(&mut centroids, &mut counts, 0, &samples, seed, &mut [0.0; 4]).unwrap();
        assert_eq!(counts, [1, 1, 0, 0]);
        let mut chosen = [centroids[0], centroids[2]];
        chosen.sort_by(f32::total_cmp);
        assert_eq!(chosen, [0.0, 100.0], "the one that differs is surely chosen");
    }
    let (mut centroids, mut counts) = memory();
    LEARNER.start(&mut centroids, &mut counts, 1, &[3.0; 8], 1, &mut [0.0; 4]).unwrap();
    assert_eq!(counts, [0, 0, 1, 0], "where no two samples differ there is one prototype");
    LEARNER.start(&mut centroids, &mut counts, 1, &[], 1, &mut []).unwrap();
    assert_eq!(counts, [0; 4], "and of no samples there is none");
}

#[test]
fn bad_input_is_refused_and_changes_nothing() {
    let (mut centroids, mut counts) = ([1.0; 8], [1; 4]);
    let mut step = |sample: &[f32], label| LEARNER.step(&mut centroids, &mut counts, sample, label);
    assert_eq!(step(&[0.0, f32::NAN], 0), Err(LearnError::NotFinite { feature: 1 }));
    assert_eq!(step(&[2e6, 0.0], 0), Err(LearnError::TooLarge { feature: 0 }));
    assert_eq!(step(&[0.0; 2], 2), Err(LearnError::UnknownLabel { label: 2, classes: 2 }));
    assert!(step(&[0.0; 3], 0).is_err());
    let none = Prototypes { per_class: 0, ..LEARNER };
    let refused = none.step(&mut [], &mut [], &[0.0; 2], 0);
    assert_eq!(refused, Err(LearnError::BadSetting { setting: "number of prototypes" }));
    let mut start =
        |samples: &[f32]| LEARNER.start(&mut centroids, &mut counts, 0, samples, 1, &mut [0.0; 2]).is_err();
    assert!(start(&[0.0; 3]) && start(&[f32::INFINITY; 4]));
    assert_eq!((centroids, counts), ([1.0; 8], [1; 4]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn prototypes_stay_within_their_samples(seed: u64, memory in 0u32..5) {
        let learner = Prototypes { memory, ..LEARNER };
        let (mut centroids, mut counts) = self::memory();
        let mut random = Random::new(seed);
        let extremes = [0.0, MAX_MAGNITUDE, -MAX_MAGNITUDE, 1e-38, 1.0];
        for _ in 0..200 {
            let sample: [f32; 2] = core::array::from_fn(|_| extremes[random.below(5) as usize]);
            learner.step(&mut centroids, &mut counts, &sample, random.below(2) as usize).unwrap();
        }
        let of_samples = centroids.chunks(2).zip(&counts).filter(|(_, count)| **count > 0);
        for value in of_samples.flat_map(|(centroid, _)| centroid) {
            prop_assert!(value.abs() <= MAX_MAGNITUDE * 1.001);
        }
    }
}
