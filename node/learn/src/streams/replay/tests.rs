use super::*;
use proptest::prelude::*;

const SHAPE: Shape = Shape { features: 1, classes: 4 };

/// A memory of its own, to try streams on.
struct Owned<E> {
    replay: Replay,
    values: Vec<E>,
    labels: Vec<u16>,
    classes: Vec<ClassCount>,
    random: Random,
}

impl<E: Element> Owned<E> {
    fn new(slots: u16, seed: u64) -> Self {
        let replay = Replay { shape: SHAPE, slots };
        Self {
            replay,
            values: vec![E::of(0.0); replay.values_len()],
            labels: vec![0; replay.labels_len()],
            classes: vec![ClassCount::default(); replay.classes_len()],
            random: Random::new(seed),
        }
    }

    fn offer(&mut self, sample: &[f32], label: usize) -> Result<Offer, LearnError> {
        let mut memory =
            Memory { values: &mut self.values, labels: &mut self.labels, classes: &mut self.classes };
        self.replay.offer(&mut memory, sample, label, &mut self.random)
    }

    fn draw(&mut self, draw: Draw) -> Option<usize> {
        let memory =
            Memory { values: &mut self.values, labels: &mut self.labels, classes: &mut self.classes };
        self.replay.draw(&memory, draw, &mut self.random).unwrap()
    }

    fn stored(&self) -> Vec<u16> {
        self.classes.iter().map(|count| count.stored).collect()
    }
}

#[test]
fn classes_of_a_lopsided_stream_share_the_memory() {
    let mut memory = Owned::<f32>::new(20, 1);
    for (label, samples) in [(0, 1000), (1, 100), (2, 30), (3, 3)] {
        for _ in 0..samples {
            memory.offer(&[label as f32], label).unwrap();
        }
    }
    let mut stored = memory.stored();
    assert_eq!(stored[3], 3, "the rare class keeps all of its samples");
    stored.sort_unstable();
    assert!(stored[3] - stored[1] <= 1, "the others share the rest: {stored:?}");
}

/// Of a full class the memory is a uniform sample: early and late samples stay equally often.
#[test]
fn a_full_class_is_sampled_uniformly() {
    let mut early = 0;
    for seed in 0..400 {
        let mut memory = Owned::<f32>::new(10, seed);
        for index in 0..200 {
            memory.offer(&[index as f32], 0).unwrap();
        }
        early += memory.values.iter().filter(|value| **value < 100.0).count();
    }
    // 4,000 draws, of which half are expected; the standard deviation is below 32.
    assert!((1_870..=2_130).contains(&early), "{early}");
}

#[test]
fn weighted_replay_draws_every_class_equally() {
    let mut memory = Owned::<f32>::new(10, 7);
    for (label, samples) in [(0, 9), (2, 1)] {
        for _ in 0..samples {
            memory.offer(&[0.0], label).unwrap();
        }
    }
    let rare = |memory: &mut Owned<f32>, draw| {
        (0..1_000).filter(|_| memory.draw(draw).is_some_and(|slot| memory.labels[slot] == 2)).count()
    };
    assert!((60..140).contains(&rare(&mut memory, Draw::Uniform)));
    assert!((440..560).contains(&rare(&mut memory, Draw::Weighted)));
}

#[test]
fn bad_input_is_refused_and_changes_nothing() {
    let mut memory = Owned::<u8>::new(2, 1);
    memory.offer(&[1.0], 0).unwrap();
    let before = (memory.values.clone(), memory.classes.clone());
    assert_eq!(memory.offer(&[f32::NAN], 0), Err(LearnError::NotFinite { feature: 0 }));
    assert_eq!(memory.offer(&[0.0], 4), Err(LearnError::UnknownLabel { label: 4, classes: 4 }));
    assert!(memory.offer(&[0.0, 0.0], 0).is_err());
    assert_eq!((memory.values.clone(), memory.classes.clone()), before);
    let lent =
        Memory { values: &mut memory.values, labels: &mut memory.labels, classes: &mut memory.classes };
    assert!(memory.replay.recall(&lent, 1, &mut [0.0]).is_err(), "nothing is there yet");
    assert_eq!(memory.replay.recall(&lent, 0, &mut [0.0]), Ok(0));
}

#[test]
fn an_empty_memory_and_one_without_slots_have_nothing_to_draw() {
    let mut memory = Owned::<u8>::new(0, 1);
    assert_eq!(memory.offer(&[1.0], 0), Ok(Offer::Passed));
    assert_eq!((memory.draw(Draw::Uniform), memory.draw(Draw::Weighted)), (None, None));
}

#[test]
fn levels_cover_the_standardised_range() {
    assert_eq!((u8::of(0.0).value(), u8::of(9e5).value(), u8::of(-9e5).value()), (0.0, BOUND, -BOUND));
    for step in -60..=60 {
        let value = step as f32 * 0.1;
        assert!((u8::of(value).value() - value).abs() <= 0.51 * BOUND / 127.0);
    }
}

proptest! {
    /// The counts agree with the labels, whatever is offered.
    #[test]
    fn counts_are_those_of_the_labels(
        slots in 0u16..12, seed: u64, stream in prop::collection::vec((0usize..4, -9e5f32..9e5), 0..200),
    ) {
        let mut memory = Owned::<u8>::new(slots, seed);
        for &(label, value) in &stream {
            memory.offer(&[value], label).unwrap();
        }
        let occupied = stream.len().min(slots.into());
        let mut counted = [0; 4];
        memory.labels[..occupied].iter().for_each(|&label| counted[usize::from(label)] += 1);
        prop_assert_eq!(memory.stored(), counted);
        for draw in [Draw::Uniform, Draw::Weighted] {
            prop_assert_eq!(memory.draw(draw).is_some(), occupied > 0);
            prop_assert!(memory.draw(draw).unwrap_or(0) < occupied.max(1));
        }
    }

    /// Slices that belong to no memory give some slot or none, and no panic.
    #[test]
    fn foreign_slices_do_not_panic(seed: u64, labels: [u16; 5], counts: [(u32, u16, bool); 4]) {
        let mut memory = Owned::<u8>::new(5, seed);
        memory.labels = labels.to_vec();
        memory.classes = counts.map(|(seen, stored, is_full)| ClassCount { seen, stored, is_full }).to_vec();
        for label in 0..4 {
            memory.offer(&[0.5], label).unwrap();
            memory.draw(Draw::Weighted);
        }
    }
}
