use super::*;
use crate::random::Random;
use proptest::prelude::*;

const ADWIN: Adwin = Adwin { delta: 0.002, warning_delta: 0.02, period: 1 };

fn flip(random: &mut Random, likely: f32) -> f32 {
    if random.unit() < likely { 1.0 } else { 0.0 }
}

/// Until a bucket is forgotten the window is the whole stream.
#[test]
fn the_window_has_the_mean_and_variance_of_its_values() {
    let (mut rows, mut updates, mut random) = ([Row::default(); 8], 0, Random::new(1));
    let mut values = Vec::new();
    for _ in 0..1_000 {
        values.push(random.unit());
        let mut window = Window { rows: &mut rows, updates: &mut updates };
        ADWIN.update(&mut window, values[values.len() - 1]).unwrap();
    }
    let whole = part_of(&rows);
    let mean = values.iter().sum::<f32>() / 1_000.0;
    let variance = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f32>() / 1_000.0;
    assert_eq!(whole.count, 1_000);
    assert!((whole.mean() - mean).abs() < 1e-5);
    assert!((whole.spread / 1_000.0 - variance).abs() < 1e-5);
}

#[test]
fn a_change_shortens_the_window_to_what_came_after_it() {
    for (before, after) in [(0.1, 0.6), (0.6, 0.1)] {
        let (mut rows, mut updates, mut random) = ([Row::default(); 10], 0, Random::new(4));
        let mut found = Vec::new();
        for index in 0..1_500 {
            let value = flip(&mut random, if index < 1_000 { before } else { after });
            let mut window = Window { rows: &mut rows, updates: &mut updates };
            if ADWIN.update(&mut window, value).unwrap() == DriftSignal::Drift {
                found.push(index);
            }
        }
        assert!((1_000..1_080).contains(&found[0]), "{found:?}");
        assert!((part_of(&rows).mean() - after).abs() < 0.1);
        assert!(part_of(&rows).count < 700);
    }
}

/// Eleven values make three buckets of two and five of one: the only border with five values on either side is at 6.
#[test]
fn a_small_window_is_cut_where_the_definition_cuts() {
    let (mut random, mut cuts) = (Random::new(11), 0);
    for _ in 0..200 {
        let values: [f32; 11] = core::array::from_fn(|index| if index < 6 { 0.0 } else { random.unit() });
        let (mut rows, mut updates, mut signal) = ([Row::default(); 6], 0, DriftSignal::Steady);
        // No chance, but it brings the bound to where these means lie.
        let settings = Adwin { delta: 3.0, warning_delta: 3.0, period: 11 };
        for &value in &values {
            let mut window = Window { rows: &mut rows, updates: &mut updates };
            signal = settings.update(&mut window, value).unwrap();
        }
        let mean = |part: &[f32]| part.iter().sum::<f32>() / part.len() as f32;
        let whole = mean(&values);
        let variance = values.iter().map(|value| (value - whole) * (value - whole)).sum::<f32>() / 11.0;
        let (inverse, confidence) = (1.0 / 6.0 + 1.0 / 5.0, libm::logf(2.0 * libm::logf(11.0) / 3.0));
        let bound = libm::sqrtf(2.0 * inverse * variance * confidence) + 2.0 / 3.0 * inverse * confidence;
        assert_eq!(signal == DriftSignal::Drift, mean(&values[6..]) >= bound);
        cuts += i32::from(signal == DriftSignal::Drift);
    }
    assert!((1..200).contains(&cuts), "both cases occur: {cuts}");
}

#[test]
fn the_window_is_bounded() {
    let (mut rows, mut updates) = ([Row::default(); 3], 0);
    for _ in 0..500 {
        let mut window = Window { rows: &mut rows, updates: &mut updates };
        ADWIN.update(&mut window, 0.5).unwrap();
        assert!(part_of(&rows).count <= 5 * 7);
    }
    assert!(part_of(&rows).count > 25);
}

#[test]
fn bad_input_changes_nothing() {
    let (mut rows, mut updates) = ([Row::default(); 2], 0);
    for value in [f32::NAN, f32::NEG_INFINITY, -3e6] {
        assert!(ADWIN.update(&mut Window { rows: &mut rows, updates: &mut updates }, value).is_err());
    }
    assert!(ADWIN.update(&mut Window { rows: &mut [], updates: &mut updates }, 0.5).is_err());
    assert_eq!((rows, updates), ([Row::default(); 2], 0));
    ADWIN.update(&mut Window { rows: &mut rows, updates: &mut updates }, 1e6).unwrap();
    assert_eq!(part_of(&rows).sum, 1.0, "beyond one counts as one");
}

proptest! {
    #[test]
    fn the_state_stays_finite(
        values in prop::collection::vec(prop_oneof![-1e6f32..1e6, 0.0f32..1.0], 0..300),
        rows in 1usize..6, period: u32, delta: f32, warning_delta: f32,
    ) {
        let (mut rows, mut updates) = (vec![Row::default(); rows], 0);
        let settings = Adwin { delta, warning_delta, period };
        for value in values {
            let mut window = Window { rows: &mut rows, updates: &mut updates };
            settings.update(&mut window, value).unwrap();
            let part = part_of(&rows);
            prop_assert!(part.sum.is_finite() && part.spread.is_finite());
        }
    }
}
