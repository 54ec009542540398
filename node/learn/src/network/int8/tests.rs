use super::convert::{calibrate, calibration_scratch_len, fit_scales, quantise};
use super::*;
use crate::MAX_MAGNITUDE;
use crate::network::mlp::Mlp;
use crate::random::Random;
use proptest::prelude::*;

const WIDTHS: [usize; 4] = [6, 8, 7, 3];

/// A random network in f32, the samples it was calibrated on, and the same network in bytes.
struct Pair {
    params: Vec<f32>,
    samples: Vec<[f32; 6]>,
    scales: Vec<LayerScale>,
    weights: Vec<i8>,
    biases: Vec<i32>,
}

fn pair(seed: u64) -> Pair {
    let (mlp, mut random) = (Mlp { widths: &WIDTHS }, Random::new(seed));
    let mut params = vec![0.0; mlp.params_len()];
    mlp.init(&mut params, &mut random).unwrap();
    params.iter_mut().for_each(|param| *param += 0.05 * random.symmetric());
    let samples: Vec<[f32; 6]> =
        (0..40).map(|_| core::array::from_fn(|_| 2.0 * random.symmetric())).collect();
    let (mut peaks, mut scratch) = ([0.0; 3], vec![0.0; calibration_scratch_len(mlp)]);
    for sample in &samples {
        calibrate(mlp, &params, sample, &mut peaks, &mut scratch).unwrap();
    }
    let mut scales = vec![LayerScale::fitting(1.0, 1.0); 3];
    fit_scales(mlp, &params, &peaks, 1.0, &mut scales).unwrap();
    let network = Int8Mlp { widths: &WIDTHS, scales: &scales };
    let (mut weights, mut biases) = (vec![0; network.weights_len()], vec![0; network.biases_len()]);
    quantise(network, &params, &mut weights, &mut biases).unwrap();
    Pair { params, samples, scales, weights, biases }
}

#[test]
fn bytes_say_what_floats_said() {
    for seed in 0..10 {
        let pair = pair(seed);
        let network = Int8Mlp { widths: &WIDTHS, scales: &pair.scales };
        let (mut bytes, mut floats, mut activations) = ([0.0; 3], [0.0; 3], vec![0; 21]);
        for sample in &pair.samples {
            network.probabilities(&pair.weights, &pair.biases, sample, &mut bytes, &mut activations).unwrap();
            let mlp = Mlp { widths: &WIDTHS };
            mlp.probabilities(&pair.params, sample, &mut floats, &mut vec![0.0; mlp.scratch_len()]).unwrap();
            for (byte, float) in bytes.iter().zip(floats) {
                assert!((byte - float).abs() < 0.05, "seed {seed}: {bytes:?} against {floats:?}");
            }
        }
    }
}

#[test]
fn sums_are_those_of_whole_numbers() {
    // Scales of one: the network is exact in f32 as well.
    let scales = [LayerScale::fitting(127.0, 127.0); 2];
    let network = Int8Mlp { widths: &[2, 2, 2], scales: &scales };
    let (weights, biases) = ([1, -2, 3, 4, 2, 0, -1, 1], [5, -40, 0, 3]);
    let (mut logits, mut activations) = ([0.0; 2], [0; 4]);
    network.run(&weights, &biases, &[7.4, -3.5], &mut logits, &mut activations);
    // -3.5 rounds to -4; hidden: 7 + 8 + 5, and 21 - 16 - 40 under zero.
    assert_eq!((activations, logits), ([7, -4, 20, 0], [40.0, -17.0]));
    network.run(&weights, &biases, &[1e6, 0.0], &mut logits, &mut activations);
    assert_eq!(activations, [127, 0, 127, 127], "what does not fit is the largest that does");
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let pair = pair(1);
    let network = Int8Mlp { widths: &WIDTHS, scales: &pair.scales };
    let judge = |network: Int8Mlp, weights: &[i8], sample: &[f32], label| {
        let (mut probabilities, mut activations) = ([0.0; 3], [0; 21]);
        network.judge(weights, &pair.biases, sample, label, &mut probabilities, &mut activations)
    };
    let sample = pair.samples[0];
    assert!(judge(network, &pair.weights, &sample, 2).is_ok());
    assert!(judge(network, &pair.weights[1..], &sample, 2).is_err());
    assert!(judge(network, &pair.weights, &[f32::NAN; 6], 2).is_err());
    let unknown = LearnError::UnknownLabel { label: 3, classes: 3 };
    assert_eq!(judge(network, &pair.weights, &sample, 3), Err(unknown));
    let few = Int8Mlp { scales: &pair.scales[1..], ..network };
    let wrong = LearnError::WrongLength { what: "scales", have: 2, need: 3 };
    assert_eq!(judge(few, &pair.weights, &sample, 2), Err(wrong));
    let wide = Int8Mlp { widths: &[6, 2_000, 7, 3], ..network };
    let wrong = LearnError::WrongLength { what: "layer", have: 2_000, need: MAX_WIDTH };
    assert_eq!(judge(wide, &pair.weights, &sample, 2), Err(wrong));
}

#[test]
fn a_layer_of_zeros_has_usable_scales() {
    let scale = LayerScale::fitting(0.0, f32::NAN);
    assert!(scale.weights() > 0.0 && scale.inputs() > 0.0 && scale.sums() > 0.0);
    assert!(LayerScale::fitting(f32::INFINITY, 1.0).weights().is_finite());
}

proptest! {
    #[test]
    fn a_ratio_is_the_factor(factor in 1e-9f32..1e3, value in -2_000_000i32..2_000_000) {
        let exact = f64::from(factor) * f64::from(value);
        let measured = f64::from(Ratio::new(factor).of(value));
        prop_assert!((measured - exact.clamp(-2147483648.0, 2147483647.0)).abs() <= 0.500_001, "{exact}");
    }

    #[test]
    fn any_bytes_and_scales_give_probabilities(
        weights in prop::collection::vec(any::<i8>(), 125),
        biases in prop::collection::vec(any::<i32>(), 18),
        magnitudes in prop::array::uniform3((any::<f32>(), any::<f32>())),
        sample in prop::array::uniform6(-MAX_MAGNITUDE..MAX_MAGNITUDE),
    ) {
        let scales = magnitudes.map(|(weight, input)| LayerScale::fitting(weight, input));
        let network = Int8Mlp { widths: &WIDTHS, scales: &scales };
        let (mut probabilities, mut activations) = ([0.0; 3], [0; 21]);
        network.probabilities(&weights, &biases, &sample, &mut probabilities, &mut activations).unwrap();
        prop_assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
}
