use super::super::MAX_WIDTH;
use super::*;
use crate::MAX_MAGNITUDE;
use crate::network::mlp::Mlp;
use crate::network::train::Backprop;
use proptest::prelude::*;

const WIDTHS: [usize; 3] = [4, 6, 3];
const SAMPLE: [f32; 4] = [1.0, -0.6, 0.3, 0.9];

fn scales() -> [LayerScale; 2] {
    [LayerScale::fitting(1.5, 1.0), LayerScale::fitting(1.5, 3.0)]
}

fn learner(scales: &[LayerScale]) -> Int8Backprop<'_> {
    Int8Backprop {
        network: Int8Mlp { widths: &WIDTHS, scales },
        plan: Plan::Whole,
        learning_rate: 0.1,
        clip_norm: 1e3,
    }
}

fn initial() -> ([i8; 42], [i32; 9]) {
    let mut random = Random::new(11);
    (core::array::from_fn(|_| (random.below(201) as i32 - 100) as i8), [150; 9])
}

fn step(learner: Int8Backprop, state: &mut ([i8; 42], [i32; 9]), label: usize, seed: u64) -> Judgement {
    let mut scratch =
        Int8Scratch { activations: &mut [0; 10], errors: &mut [0; 12], probabilities: &mut [0.0; 3] };
    let random = &mut Random::new(seed);
    learner.step(&mut state.0, &mut state.1, &SAMPLE, label, &mut scratch, random).unwrap()
}

/// The parameters' values, as a network of f32 has them.
fn values(state: &([i8; 42], [i32; 9])) -> Vec<f32> {
    let (mut params, mut start, mut bias) = (Vec::new(), 0, 0);
    for (layer, scale) in scales().iter().enumerate() {
        for _ in 0..WIDTHS[layer + 1] {
            let row = &state.0[start..start + WIDTHS[layer]];
            params.extend(row.iter().map(|byte| f32::from(*byte) * scale.weights()));
            params.push(state.1[bias] as f32 * scale.sums());
            (start, bias) = (start + WIDTHS[layer], bias + 1);
        }
    }
    params
}

#[test]
fn the_expected_step_is_that_of_floats() {
    let (scales, before) = (scales(), initial());
    let floats = Backprop {
        mlp: Mlp { widths: &WIDTHS },
        plan: Plan::Whole,
        learning_rate: 0.1,
        momentum: None,
        clip_norm: 1e3,
    };
    for label in 0..3 {
        let start = values(&before);
        let mut moved = start.clone();
        floats.step(&mut moved, &mut [], &SAMPLE, label, &mut vec![0.0; floats.scratch_len()]).unwrap();
        let mut sum = vec![0.0; start.len()];
        const SEEDS: u64 = 4_000;
        for seed in 0..SEEDS {
            let mut state = before;
            step(learner(&scales), &mut state, label, seed);
            sum.iter_mut().zip(values(&state)).for_each(|(sum, value)| *sum += value);
        }
        let steps = moved.iter().zip(&start).map(|(moved, start)| moved - start);
        let longest = steps.clone().fold(0.0_f32, |longest, step| longest.max(step.abs()));
        for (index, step) in steps.enumerate() {
            let mean = sum[index] / SEEDS as f32 - start[index];
            assert!((mean - step).abs() < 0.05 * longest, "label {label}, {index}: {mean} against {step}");
        }
    }
}

#[test]
fn only_what_the_plan_names_moves() {
    let (scales, before) = (scales(), initial());
    let plan = [Update::Channels(&[0b1101]), Update::Biases];
    let mut after = before;
    for seed in 0..50 {
        step(Int8Backprop { plan: Plan::Layers(&plan), ..learner(&scales) }, &mut after, 0, seed);
    }
    for channel in 0..6 {
        let moved = before.0[4 * channel..4 * channel + 4] != after.0[4 * channel..4 * channel + 4];
        assert!(!moved || [0, 2, 3].contains(&channel));
    }
    assert_eq!(before.0[24..], after.0[24..]);
    assert_ne!(before.0[..24], after.0[..24]);
    assert_ne!(before.1[6..], after.1[6..]);
    let mut frozen = before;
    step(Int8Backprop { plan: Plan::Layers(&[]), ..learner(&scales) }, &mut frozen, 0, 1);
    assert_eq!(frozen, before);
}

#[test]
fn a_sample_is_learned_and_the_seed_decides_how() {
    let (scales, mut state) = (scales(), initial());
    let first = step(learner(&scales), &mut state, 2, 0).loss;
    let twin = |seed| {
        let mut state = initial();
        step(learner(&scales), &mut state, 2, seed);
        state
    };
    assert_eq!(twin(0), state);
    assert_ne!(twin(1), state);
    for seed in 1..30 {
        step(learner(&scales), &mut state, 2, seed);
    }
    let last = step(learner(&scales), &mut state, 2, 30).loss;
    assert!(last < 0.2 * first, "{last} after {first}");
}

#[test]
fn bad_input_is_refused_and_changes_nothing() {
    let (scales, mut state) = (scales(), initial());
    let mut refused = |sample: &[f32], label, activations: usize, errors: usize| {
        let (mut activations, mut errors) = (vec![0; activations], vec![0; errors]);
        let mut scratch =
            Int8Scratch { activations: &mut activations, errors: &mut errors, probabilities: &mut [0.0; 3] };
        let mut random = Random::new(1);
        let learner = learner(&scales);
        learner.step(&mut state.0, &mut state.1, sample, label, &mut scratch, &mut random).unwrap_err();
        assert_eq!(random, Random::new(1));
    };
    refused(&[f32::NAN, 0.0, 0.0, 0.0], 0, 10, 12);
    refused(&[0.0, 0.0, 0.0, -2e6], 0, 10, 12);
    refused(&SAMPLE[1..], 0, 10, 12);
    refused(&SAMPLE, 3, 10, 12);
    refused(&SAMPLE, 0, 9, 12);
    refused(&SAMPLE, 0, 10, 11);
    assert_eq!(state, initial());
}

#[test]
fn the_widest_layer_stays_within_32_bits() {
    let widths = [2, 2, MAX_WIDTH, MAX_WIDTH];
    let scales = [LayerScale::fitting(1.0, 1.0); 3];
    let network = Int8Mlp { widths: &widths, scales: &scales };
    let (mut weights, mut biases) = (vec![-128; network.weights_len()], vec![i32::MAX; network.biases_len()]);
    let learner = Int8Backprop { network, plan: Plan::Whole, learning_rate: 1e30, clip_norm: 1e30 };
    let mut errors = vec![0; learner.errors_len()];
    for sample in [[1.0, 1.0], [-1.0, -1.0], [0.0, 0.0]] {
        let mut scratch = Int8Scratch {
            activations: &mut vec![0; network.activations_len()],
            errors: &mut errors,
            probabilities: &mut vec![0.0; MAX_WIDTH],
        };
        learner.step(&mut weights, &mut biases, &sample, 5, &mut scratch, &mut Random::new(1)).unwrap();
    }
    let (mut extreme, rows) = (vec![0; MAX_WIDTH], vec![-128; MAX_WIDTH * MAX_WIDTH]);
    carry_back(&rows, &[-LARGEST_ERROR; MAX_WIDTH], &[1; MAX_WIDTH], &mut extreme);
    assert_eq!(extreme, [1 << 30; MAX_WIDTH]);
    assert_eq!(shorten(&mut extreme), (1 << 18) as f32);
    assert_eq!(extreme, [1 << 12; MAX_WIDTH]);
}

proptest! {
    #[test]
    fn no_accepted_sample_breaks_the_network(
        samples in prop::collection::vec(
            (prop::array::uniform4(prop_oneof![-1f32..1.0, -MAX_MAGNITUDE..MAX_MAGNITUDE, Just(0.0)]), 0usize..3),
            1..40),
        learning_rate in any::<f32>(), clip_norm in any::<f32>(), seed in any::<u64>(),
        magnitudes in prop::array::uniform2((any::<f32>(), any::<f32>())),
    ) {
        let scales = magnitudes.map(|(weight, input)| LayerScale::fitting(weight, input));
        let learner = Int8Backprop { learning_rate, clip_norm, ..learner(&scales) };
        let ((mut weights, mut biases), mut random) = (initial(), Random::new(seed));
        for (sample, label) in samples {
            let mut scratch =
                Int8Scratch { activations: &mut [0; 10], errors: &mut [0; 12], probabilities: &mut [0.0; 3] };
            let judged = learner.step(&mut weights, &mut biases, &sample, label, &mut scratch, &mut random).unwrap();
            prop_assert!(judged.loss.is_finite());
            prop_assert!(weights.iter().all(|weight| *weight != -128));
            prop_assert!(biases.iter().all(|bias| bias.abs() <= LARGEST_BIAS));
        }
    }
}
