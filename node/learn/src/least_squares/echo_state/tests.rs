use super::*;
use crate::MAX_MAGNITUDE;
use proptest::prelude::*;

const NETWORK: EchoState = EchoState {
    seed: 2,
    inputs: 1,
    units: 30,
    outputs: 1,
    radius: 0.8,
    input_gain: 0.1,
    bias_gain: 0.5,
    ridge: 1e-6,
};

struct Node {
    state: Vec<f32>,
    triangle: Vec<f32>,
    readout: Vec<f32>,
    scratch: Vec<f32>,
}

impl Node {
    fn new(network: EchoState) -> Self {
        let mut node = Self {
            state: vec![5.0; network.units],
            triangle: vec![5.0; network.triangle_len()],
            readout: vec![0.0; network.readout_len()],
            scratch: vec![0.0; network.learning_scratch_len()],
        };
        network.start(&mut node.state, &mut node.triangle).unwrap();
        node
    }

    fn advance(&mut self, network: EchoState, input: f32) -> Result<(), LearnError> {
        network.advance(&mut self.state, &[input], &mut self.scratch[..network.scratch_len()])
    }

    fn learn(&mut self, network: EchoState, input: f32, target: f32) -> Result<(), LearnError> {
        network.learn(&mut self.triangle, &self.state, &[input], &[target], &mut self.scratch)
    }

    fn answer(&mut self, network: EchoState, input: f32) -> f32 {
        let (mut answer, scratch) = ([0.0], &mut self.scratch[..network.scratch_len()]);
        network.answer(&self.readout, &self.state, &[input], &mut answer, scratch).unwrap();
        answer[0]
    }
}

/// The product of an input and the one three steps before: it takes memory and a curve.
#[test]
fn a_product_with_the_past_is_learned() {
    let mut random = Random::new(9);
    let inputs: Vec<f32> = (0..900).map(|_| random.symmetric()).collect();
    let mut node = Node::new(NETWORK);
    let (mut error, mut power) = (0.0, 0.0);
    for (at, window) in inputs.windows(4).enumerate() {
        let target = window[0] * window[3];
        node.advance(NETWORK, window[3]).unwrap();
        match at {
            ..50 => {}
            50..700 => node.learn(NETWORK, window[3], target).unwrap(),
            _ => {
                NETWORK.solve(&node.triangle, &mut node.readout).unwrap();
                let difference = node.answer(NETWORK, window[3]) - target;
                error += difference * difference;
                power += target * target;
            }
        }
    }
    assert!(error < 0.2 * power, "{error} of {power}");
}

/// Growth of a linear reservoir's state over many steps, by its own step at an amplitude where tanh is straight.
#[test]
fn the_spectral_radius_is_near_the_stated_one() {
    for seed in 0..40 {
        let network = EchoState { seed, units: 100, bias_gain: 0.0, radius: 1.0, ..NETWORK };
        let mut node = Node::new(network);
        let mut random = Random::new(seed.into());
        node.state.iter_mut().for_each(|value| *value = 1e-6 * random.symmetric());
        let mut growth = 0.0;
        for step in 0..600 {
            node.advance(network, 0.0).unwrap();
            let norm = node.state.iter().map(|value| value * value).sum::<f32>();
            let norm = libm::sqrtf(norm) / 1e-6;
            node.state.iter_mut().for_each(|value| *value /= norm);
            if step >= 200 {
                growth += libm::logf(norm) / 400.0;
            }
        }
        let radius = libm::expf(growth);
        assert!((0.9..1.15).contains(&radius), "{seed}: {radius}");
    }
}

#[test]
fn the_state_forgets_how_it_began() {
    let (mut first, mut second) = (Node::new(NETWORK), Node::new(NETWORK));
    second.state.fill(1.0);
    let mut random = Random::new(1);
    for _ in 0..200 {
        let input = random.symmetric();
        first.advance(NETWORK, input).unwrap();
        second.advance(NETWORK, input).unwrap();
    }
    assert!(first.state.iter().zip(&second.state).all(|(a, b)| (a - b).abs() < 1e-6));
}

#[test]
fn bad_input_is_refused_and_changes_nothing() {
    let mut node = Node::new(NETWORK);
    node.advance(NETWORK, 0.5).unwrap();
    node.learn(NETWORK, 0.5, 1.0).unwrap();
    let before = (node.state.clone(), node.triangle.clone());
    assert_eq!(node.advance(NETWORK, f32::NAN), Err(LearnError::NotFinite { feature: 0 }));
    assert_eq!(node.learn(NETWORK, 2e6, 0.0), Err(LearnError::TooLarge { feature: 0 }));
    assert_eq!(node.learn(NETWORK, 0.0, f32::INFINITY), Err(LearnError::NotFinite { feature: 0 }));
    for bad in [
        EchoState { radius: 1.5, ..NETWORK },
        EchoState { radius: f32::NAN, ..NETWORK },
        EchoState { input_gain: f32::INFINITY, ..NETWORK },
        EchoState { bias_gain: -1.0, ..NETWORK },
        EchoState { units: 23, ..NETWORK },
        EchoState { inputs: 2, ..NETWORK },
    ] {
        assert!(bad.advance(&mut node.state, &[0.0], &mut [0.0; 32]).is_err());
    }
    assert_eq!(
        node.learn(EchoState { ridge: 0.0, ..NETWORK }, 0.0, 0.0),
        Err(LearnError::BadSetting { setting: "ridge" })
    );
    assert_eq!((node.state, node.triangle), before);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn parameters_stay_finite_whatever_is_accepted(seed: u64, gain in prop_oneof![Just(0.1f32), Just(1024.0)]) {
        let network = EchoState { input_gain: gain, bias_gain: gain, radius: 1.0, ridge: 1e-12, ..NETWORK };
        let (mut node, mut random) = (Node::new(network), Random::new(seed));
        let extremes = [0.0, MAX_MAGNITUDE, -MAX_MAGNITUDE, 1e-38, 1.0];
        for _ in 0..100 {
            let mut extreme = || extremes[random.below(5) as usize];
            let (input, target) = (extreme(), extreme());
            node.advance(network, input).unwrap();
            node.learn(network, input, target).unwrap();
        }
        network.solve(&node.triangle, &mut node.readout).unwrap();
        let all = node.state.iter().chain(&node.triangle).chain(&node.readout);
        prop_assert!(all.into_iter().all(|value| value.is_finite()));
    }
}
