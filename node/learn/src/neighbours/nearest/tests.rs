use super::*;
use crate::random::Random;

const SHAPE: Shape = Shape { features: 2, classes: 3 };
const LEARNER: NearestNeighbours = NearestNeighbours { shape: SHAPE, slots: 4, neighbours: 1 };

#[test]
fn what_is_known_is_not_stored() {
    let (mut examples, mut slots) = ([0; 8], [Slot::default(); 4]);
    let mut step = |sample: [u8; 2], label| LEARNER.step(&mut examples, &mut slots, &sample, label).unwrap();
    assert_eq!(step([0, 0], 1), Stored::Added { slot: 0 });
    assert_eq!(step([9, 9], 1), Stored::Known);
    assert_eq!(step([200, 0], 2), Stored::Added { slot: 1 });
    assert_eq!(step([180, 9], 2), Stored::Known);
    assert_eq!(slots[0], Slot { label: Some(1), standing: 0 }, "it helped once and misled once");
    assert_eq!(slots[1], Slot { label: Some(2), standing: 1 });
    assert_eq!(LEARNER.predict(&examples, &slots, &[150, 0]), Ok(Some(2)));
    assert_eq!(
        LEARNER.predict(&examples, &slots, &[100, 0]),
        Ok(Some(1)),
        "the lower slot of equally near ones"
    );
}

#[test]
fn a_full_memory_gives_up_what_misleads() {
    let (mut examples, mut slots) = ([0; 8], [Slot::default(); 4]);
    let mut step = |sample: [u8; 2], label| LEARNER.step(&mut examples, &mut slots, &sample, label).unwrap();
    for (sample, label) in [([0, 0], 0), ([100, 0], 1), ([200, 0], 0), ([30, 0], 2)] {
        step(sample, label);
    }
    for sample in [[0, 1], [100, 1], [200, 1], [0, 2]] {
        step(sample, usize::from(sample[0] == 100));
    }
    // The example at 30 is a mistake of its label: its neighbours are of class 0.
    assert_eq!(step([31, 0], 0), Stored::Replaced { slot: 3 });
    assert_eq!(slots[3], Slot { label: Some(0), standing: 0 });
}

#[test]
fn the_most_votes_win_and_the_nearest_of_equals() {
    let learner = NearestNeighbours { neighbours: 3, ..LEARNER };
    let slot = |label| Slot { label: Some(label), standing: 0 };
    let examples = [10, 0, 20, 0, 30, 0, 40, 0];
    let mut slots = [slot(0), slot(1), slot(1), slot(2)];
    assert_eq!(learner.predict(&examples, &slots, &[0, 0]), Ok(Some(1)));
    slots[2] = slot(2);
    assert_eq!(learner.predict(&examples, &slots, &[0, 0]), Ok(Some(0)));
    let two = NearestNeighbours { slots: 2, ..learner };
    assert_eq!(two.predict(&examples[..4], &slots[..2], &[99, 0]), Ok(Some(1)), "fewer examples than votes");
}

/// Distances to all examples, sorted.
#[test]
fn neighbours_are_those_of_a_naive_search() {
    let learner = NearestNeighbours { shape: Shape { features: 3, classes: 4 }, slots: 40, neighbours: 5 };
    let mut random = Random::new(6);
    let examples: Vec<u8> = (0..120).map(|_| random.below(9) as u8).collect();
    let slots: Vec<Slot> =
        (0..40).map(|_| Slot { label: Some(random.below(4) as u8), standing: 0 }).collect();
    for _ in 0..50 {
        let sample: [u8; 3] = core::array::from_fn(|_| random.below(9) as u8);
        let (found, count) = learner.nearest(&examples, &slots, &sample);
        let distance =
            |row: &[u8]| row.iter().zip(&sample).map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2)).sum();
        let mut naive: Vec<(u32, usize)> =
            examples.chunks(3).enumerate().map(|(slot, row)| (distance(row), slot)).collect();
        naive.sort_unstable();
        let found: Vec<_> = found[..count].iter().map(|found| (found.distance, found.slot)).collect();
        assert_eq!(found, naive[..5]);
    }
}

#[test]
fn condensing_keeps_every_label_of_the_memory() {
    let learner = NearestNeighbours { slots: 60, ..LEARNER };
    let mut random = Random::new(2);
    let mut examples: Vec<u8> = (0..120).map(|_| random.below(256) as u8).collect();
    let mut slots: Vec<Slot> = examples
        .chunks(2)
        .map(|at| Slot { label: Some(u8::from(at[0] > 100) + u8::from(at[1] > 150)), standing: 1 })
        .collect();
    let (before, labels) = (examples.clone(), slots.clone());
    let kept = learner.condense(&mut examples, &mut slots, 60).unwrap();
    assert!(kept < 40, "{kept} of 60");
    assert!(slots.iter().enumerate().all(|(slot, known)| known.label.is_some() == (slot < kept)));
    for (sample, known) in before.chunks(2).zip(&labels) {
        let predicted = learner.predict(&examples, &slots, sample).unwrap();
        assert_eq!(predicted, known.label.map(usize::from));
    }
    let mut empty = [Slot::default(); 60];
    assert_eq!(learner.condense(&mut examples, &mut empty, 3), Ok(0));
}

#[test]
fn bad_input_is_refused_and_changes_nothing() {
    let (mut examples, mut slots) = ([7; 8], [Slot { label: Some(1), standing: 3 }; 4]);
    let mut step = |learner: NearestNeighbours, sample: &[u8], label| {
        learner.step(&mut examples, &mut slots, sample, label).unwrap_err()
    };
    assert_eq!(step(LEARNER, &[0; 2], 3), LearnError::UnknownLabel { label: 3, classes: 3 });
    step(LEARNER, &[0; 3], 0);
    step(NearestNeighbours { slots: 3, ..LEARNER }, &[0; 2], 0);
    for neighbours in [0, 10] {
        let bad = LearnError::BadSetting { setting: "number of neighbours" };
        assert_eq!(step(NearestNeighbours { neighbours, ..LEARNER }, &[0; 2], 0), bad);
    }
    let many = NearestNeighbours { shape: Shape { classes: 1_000, ..SHAPE }, ..LEARNER };
    assert_eq!(step(many, &[0; 2], 256), LearnError::UnknownLabel { label: 256, classes: 256 });
    let none = NearestNeighbours { slots: 0, ..LEARNER };
    assert!(none.step(&mut [], &mut [], &[0; 2], 0).is_err());
    assert_eq!(none.predict(&[], &[], &[0; 2]), Ok(None));
    assert_eq!((examples, slots), ([7; 8], [Slot { label: Some(1), standing: 3 }; 4]));
}
