use super::*;
use crate::MAX_MAGNITUDE;
use crate::random::Random;
use crate::scalar::Fixed;
use proptest::prelude::*;

const WIDTHS: [usize; 4] = [3, 5, 4, 3];
const FULL: Backprop = Backprop {
    mlp: Mlp { widths: &WIDTHS },
    plan: Plan::Whole,
    learning_rate: 0.1,
    momentum: None,
    clip_norm: 1e3,
};

fn initial(seed: u64) -> Vec<f32> {
    let mut params = vec![0.0; FULL.mlp.params_len()];
    FULL.mlp.init(&mut params, &mut Random::new(seed)).unwrap();
    // Biases away from zero, so that no unit sits on the edge of its ReLU.
    for (index, param) in params.iter_mut().enumerate() {
        *param += 0.01 * (index % 7) as f32;
    }
    params
}

fn loss(params: &[f32], sample: &[f32], label: usize) -> f32 {
    let (mut probabilities, mut scratch) = ([0.0; 3], vec![0.0; FULL.mlp.scratch_len()]);
    FULL.mlp.judge(params, sample, label, &mut probabilities, &mut scratch).unwrap().loss
}

#[test]
fn a_step_follows_the_gradient_of_the_loss() {
    for seed in 0..5 {
        let (params, sample, label) = (initial(seed), [0.7, -1.2, 0.4], seed as usize % 3);
        let mut stepped = params.clone();
        let mut scratch = vec![f32::NAN; FULL.scratch_len()];
        let judged = FULL.step(&mut stepped, &mut [], &sample, label, &mut scratch).unwrap();
        assert_eq!(judged.loss, loss(&params, &sample, label), "judged before the step");
        for index in 0..params.len() {
            let loss_at = |shift: f32| {
                let mut moved = params.clone();
                moved[index] += shift;
                loss(&moved, &sample, label)
            };
            let numeric = (loss_at(4e-3) - loss_at(-4e-3)) / 8e-3;
            let analytic = (params[index] - stepped[index]) / FULL.learning_rate;
            assert!((numeric - analytic).abs() < 2e-3, "{seed}, {index}: {numeric} against {analytic}");
        }
    }
}

#[test]
fn a_sparse_step_is_the_full_step_where_the_plan_allows_it() {
    let sparse = Backprop {
        plan: Plan::Layers(&[Update::Frozen, Update::Channels(&[0b0110]), Update::Whole]),
        ..FULL
    };
    let (before, sample) = (initial(1), [0.7, -1.2, 0.4]);
    let (mut full, mut part) = (before.clone(), before.clone());
    FULL.step(&mut full, &mut [], &sample, 2, &mut vec![0.0; FULL.scratch_len()]).unwrap();
    sparse.step(&mut part, &mut [], &sample, 2, &mut vec![0.0; sparse.scratch_len()]).unwrap();
    let start = [0, 20, 44];
    let allowed = |index: usize| match index {
        _ if index < start[1] => false,
        _ if index < start[2] => (index - start[1]) % 6 == 5 || [1, 2].contains(&((index - start[1]) / 6)),
        _ => true,
    };
    for index in 0..before.len() {
        let expected = if allowed(index) { full[index] } else { before[index] };
        assert_eq!(part[index], expected, "parameter {index}");
    }
    assert_ne!(full[..20], before[..20]);
}

#[test]
fn a_step_takes_the_memory_of_its_plan() {
    let with = |plan| {
        let learner = Backprop { plan, momentum: Some(0.9), ..FULL };
        (learner.scratch_len(), learner.velocity_len())
    };
    let rows = 2 * (5 + 1);
    assert_eq!(with(Plan::Whole), (5 + 4 + 3 + rows, 59));
    assert_eq!(with(Plan::Layers(&[Update::Biases, Update::Biases, Update::Biases])), (12 + rows, 12));
    let late = [Update::Frozen, Update::Channels(&[1]), Update::Whole];
    assert_eq!(with(Plan::Layers(&late)), (12 + rows, 4 + 5 + 15));
    assert_eq!(with(Plan::Layers(&[Update::Frozen, Update::Frozen, Update::Whole])), (7 + rows, 15));
    assert_eq!(with(Plan::Layers(&[])), (3 + rows, 0));
    assert_eq!(FULL.velocity_len(), 0);
}

#[test]
fn momentum_repeats_a_share_of_the_last_step() {
    let plan = [Update::Biases, Update::Channels(&[0b1001]), Update::Whole];
    let plain = Backprop { plan: Plan::Layers(&plan), ..FULL };
    let learner = Backprop { momentum: Some(0.5), ..plain };
    let (mut params, mut velocity) = (initial(2), vec![0.0; learner.velocity_len()]);
    let mut naive = vec![0.0; params.len()];
    for (step, label) in [0, 2, 1, 1].into_iter().enumerate() {
        let sample = [step as f32, 1.0, -0.3];
        let before = params.clone();
        let mut stepped = params.clone();
        plain.step(&mut stepped, &mut [], &sample, label, &mut vec![0.0; plain.scratch_len()]).unwrap();
        learner
            .step(&mut params, &mut velocity, &sample, label, &mut vec![0.0; learner.scratch_len()])
            .unwrap();
        for index in 0..params.len() {
            naive[index] = 0.5 * naive[index] + (before[index] - stepped[index]);
            assert!((before[index] - params[index] - naive[index]).abs() < 1e-5, "step {step}, {index}");
        }
    }
}

#[test]
fn a_gradient_is_shortened_to_its_bound() {
    let learner = Backprop { clip_norm: 0.5, ..FULL };
    let (before, mut after) = (initial(3), initial(3));
    learner.step(&mut after, &mut [], &[90.0, -80.0, 70.0], 0, &mut vec![0.0; FULL.scratch_len()]).unwrap();
    for layer in [0..20, 20..44, 44..59] {
        let moved: f32 = layer.map(|index| after[index] - before[index]).map(|step| step * step).sum();
        assert!(moved.sqrt() <= 0.5 * learner.learning_rate * 1.001);
    }
}

#[test]
fn what_no_line_separates_is_learned() {
    let learner = Backprop { mlp: Mlp { widths: &[2, 8, 2] }, momentum: Some(0.9), clip_norm: 5.0, ..FULL };
    let mut params = vec![0.0; learner.mlp.params_len()];
    learner.mlp.init(&mut params, &mut Random::new(7)).unwrap();
    let mut velocity = vec![0.0; learner.velocity_len()];
    let mut scratch = vec![0.0; learner.scratch_len()];
    let mut losses = [0.0; 4];
    for _ in 0..200 {
        for (index, loss) in losses.iter_mut().enumerate() {
            let (x, y) = (index & 1, index >> 1);
            let sample = [x as f32, y as f32];
            *loss = learner.step(&mut params, &mut velocity, &sample, x ^ y, &mut scratch).unwrap().loss;
        }
    }
    assert!(losses.iter().all(|loss| *loss < 0.05), "{losses:?}");
}

#[test]
fn bad_input_is_refused_and_changes_nothing() {
    let learner = Backprop { momentum: Some(0.9), ..FULL };
    let (mut params, mut velocity) = (initial(4), vec![0.5; learner.velocity_len()]);
    let mut scratch = vec![0.0; learner.scratch_len()];
    let mut step =
        |sample: &[f32], label| learner.step(&mut params, &mut velocity, sample, label, &mut scratch);
    assert_eq!(step(&[1.0, 2.0, f32::NAN], 0), Err(LearnError::NotFinite { feature: 2 }));
    assert_eq!(step(&[f32::INFINITY, 0.0, 0.0], 0), Err(LearnError::NotFinite { feature: 0 }));
    assert_eq!(step(&[0.0, -2e6, 0.0], 0), Err(LearnError::TooLarge { feature: 1 }));
    assert_eq!(step(&[0.0; 3], 3), Err(LearnError::UnknownLabel { label: 3, classes: 3 }));
    assert!(step(&[0.0; 2], 0).is_err());
    assert_eq!((&params, &velocity), (&initial(4), &vec![0.5; learner.velocity_len()]));
    let refused = learner.step(&mut params, &mut velocity[1..], &[0.0; 3], 0, &mut scratch);
    assert_eq!(refused, Err(LearnError::WrongLength { what: "velocity", have: 58, need: 59 }));
    assert!(learner.step(&mut params, &mut velocity, &[0.0; 3], 0, &mut scratch[1..]).is_err());
    assert_eq!(params, initial(4));
}

proptest! {
    #[test]
    fn parameters_stay_finite_whatever_was_accepted(
        samples in prop::collection::vec(
            (prop::array::uniform3(prop_oneof![-1e-30f32..1e-30, -1f32..1.0, -MAX_MAGNITUDE..MAX_MAGNITUDE,
                Just(MAX_MAGNITUDE), Just(0.0)]), 0usize..3), 1..60),
        learning_rate in 0f32..10.0,
        momentum in prop::option::of(0f32..0.9),
    ) {
        let learner = Backprop { learning_rate, momentum, clip_norm: 10.0, ..FULL };
        let (mut params, mut velocity) = (initial(5), vec![0.0; learner.velocity_len()]);
        let mut scratch = vec![0.0; learner.scratch_len()];
        for (sample, label) in samples {
            let judged = learner.step(&mut params, &mut velocity, &sample, label, &mut scratch).unwrap();
            prop_assert!(judged.loss.is_finite());
            prop_assert!(params.iter().chain(&velocity).all(|value| value.is_finite()));
        }
    }
}

#[test]
fn a_fixed_step_is_the_float_step_to_within_its_rounding() {
    let learner = Backprop { momentum: Some(0.5), ..FULL };
    let mut floats = initial(6);
    let mut fixed: Vec<Fixed> = floats.iter().map(|&param| Fixed::from_f32(param)).collect();
    let mut float_velocity = vec![0.0; learner.velocity_len()];
    let mut fixed_velocity = vec![Fixed::ZERO; learner.velocity_len()];
    for (step, label) in [0, 2, 1, 0, 1].into_iter().enumerate() {
        let sample = [step as f32 * 0.5, 1.0, -0.25];
        let scratch = &mut vec![0.0; learner.scratch_len()];
        let float = learner.step(&mut floats, &mut float_velocity, &sample, label, scratch).unwrap();
        let sample = sample.map(Fixed::from_f32);
        let scratch = &mut vec![Fixed::ZERO; learner.scratch_len()];
        let fixed = learner.step(&mut fixed, &mut fixed_velocity, &sample, label, scratch).unwrap();
        assert!((float.loss - fixed.loss).abs() < 1e-3);
    }
    for (float, fixed) in floats.iter().zip(&fixed) {
        assert!((float - fixed.to_f32()).abs() < 1e-3, "{float} against {fixed:?}");
    }
}

proptest! {
    #[test]
    fn no_accepted_sample_breaks_a_fixed_network(
        samples in prop::collection::vec((prop::array::uniform3(-8_388_608i32..=8_388_608), 0usize..3), 1..40),
        learning_rate in any::<f32>(), clip_norm in any::<f32>(), momentum in prop::option::of(any::<f32>()),
    ) {
        let learner = Backprop { learning_rate, momentum, clip_norm, ..FULL };
        let mut params: Vec<Fixed> = initial(5).into_iter().map(Fixed::from_f32).collect();
        let mut velocity = vec![Fixed::ZERO; learner.velocity_len()];
        let mut scratch = vec![Fixed::ZERO; learner.scratch_len()];
        for (sample, label) in samples {
            let sample = sample.map(Fixed::from_bits);
            let judged = learner.step(&mut params, &mut velocity, &sample, label, &mut scratch).unwrap();
            prop_assert!(judged.loss.is_finite());
        }
    }
}
