//! Windows against closed forms and a naive sum, and the rows that are made of them.
use super::bearing::BEARINGS;
use super::faults::{Impacts, Turning};
use super::features::{self, AVERAGED, Spectrum};
use super::machine::{Machine, State};
use super::signal::{COUNTS_PER_M_S2, window};
use super::task::{Generator, Origin};
use super::*;
use crate::kernel::Rng;
use core::f64::consts::PI;

const SEED: u64 = 7;

fn long(load_profile: LoadProfile) -> VibrationConfig {
    VibrationConfig {
        window: MAX_WINDOW,
        load_profile,
        spread: 0.0,
        noise_m_s2: 0.0,
        ..VibrationConfig::default()
    }
}

/// A machine that makes no sound but that of its faults.
fn silent(config: &VibrationConfig) -> Machine {
    Machine {
        nominal_hz: 25.0,
        eccentricity_m: 0.0,
        misalignment_m_s2: 0.0,
        blade_m_s2: 0.0,
        rolling_m_s2: 0.0,
        ..Machine::draw(config, SEED, 0)
    }
}

/// State and severity of a window, drawn as the window draws them.
fn drawn(config: &VibrationConfig, machine: &Machine, number: u64) -> (State, f64) {
    let mut draws = Rng::for_purpose(SEED, "vibration-state", number);
    let state = machine.state(config.load_profile, number, &mut draws);
    (state, config.severity * (0.5 + draws.uniform()))
}

/// Amplitude of a tone in m/s^2, by the Hann-weighted transform at just its frequency.
fn amplitude(samples: &[i16], rate_hz: f64, hz: f64) -> f64 {
    let (mut re, mut im, mut weights) = (0.0, 0.0, 0.0);
    for (index, &sample) in samples.iter().enumerate() {
        let weight = 0.5 - 0.5 * libm::cos(2.0 * PI * index as f64 / samples.len() as f64);
        let angle = 2.0 * PI * hz * index as f64 / rate_hz;
        re += weight * f64::from(sample) * libm::cos(angle);
        im += weight * f64::from(sample) * libm::sin(angle);
        weights += weight;
    }
    2.0 * libm::hypot(re, im) / weights / COUNTS_PER_M_S2
}

#[test]
fn the_rotor_is_felt_once_a_turn_with_its_centripetal_acceleration() {
    for profile in [LoadProfile::Constant, LoadProfile::Drive] {
        let config = long(profile);
        let machine = Machine { eccentricity_m: 20e-6, ..silent(&config) };
        for number in 0..5 {
            let (state, severity) = drawn(&config, &machine, number);
            let omega = 2.0 * PI * state.shaft_hz;
            for (condition, factor) in
                [(Condition::Healthy, 1.0), (Condition::Imbalance, 1.0 + 5.0 * severity)]
            {
                let felt = window(&config, &machine, condition, number, SEED);
                let expected = factor * 20e-6 * omega * omega;
                let felt = amplitude(&felt.samples, 6_400.0, state.shaft_hz);
                assert!((felt / expected - 1.0).abs() < 0.01, "{felt} {expected}");
            }
        }
    }
}

/// Mean power of the envelope's spectrum over windows at one speed.
fn envelope_powers(config: &VibrationConfig, machine: &Machine, condition: Condition) -> (Vec<f64>, f64) {
    let (mut powers, mut step_hz) = (vec![0.0; config.window / AVERAGED / 2], 0.0);
    for number in 0..30 {
        let window = window(config, machine, condition, number, SEED);
        let spectrum = Spectrum::of(features::envelope(&window.samples), 6_400.0 / AVERAGED as f64).unwrap();
        let scale = spectrum.powers().skip(1).sum::<f64>().max(1.0);
        powers.iter_mut().zip(spectrum.powers()).for_each(|(sum, power)| *sum += power / scale);
        step_hz = spectrum.step_hz();
    }
    (powers, step_hz)
}

#[test]
fn the_envelope_peaks_at_the_fault_frequency() {
    let config = VibrationConfig { severity: 2.0, ..long(LoadProfile::Constant) };
    for bearing in BEARINGS {
        let machine = Machine { bearing, rolling_m_s2: 0.5, ..silent(&config) };
        let shaft_hz = drawn(&config, &machine, 0).0.shaft_hz;
        let orders = bearing.orders();
        for (condition, order) in [
            (Condition::Inner, orders.inner),
            (Condition::Outer, orders.outer),
            (Condition::Ball, 2.0 * orders.ball),
        ] {
            let (powers, step_hz) = envelope_powers(&config, &machine, condition);
            let step = |order: f64| (order * shaft_hz / step_hz) as usize;
            let peak = (step(2.5)..step(10.0)).max_by(|&a, &b| powers[a].total_cmp(&powers[b])).unwrap();
            let found_hz = peak as f64 * step_hz;
            assert!(
                (found_hz - order * shaft_hz).abs() <= 1.5 * step_hz,
                "{} {condition:?}: peak at {found_hz} Hz, expected {}",
                bearing.name,
                order * shaft_hz
            );
        }
    }
}

/// The fast sum over impacts, by one turning point, against every impact's response at every sample.
#[test]
fn impacts_ring_as_the_closed_form_says() {
    let config = long(LoadProfile::Random);
    let machine = silent(&config);
    for condition in [Condition::Inner, Condition::Outer, Condition::Ball] {
        for number in 0..3 {
            let (state, severity) = drawn(&config, &machine, number);
            let turning = Turning {
                shaft_hz: state.shaft_hz,
                orders: machine.bearing.orders(),
                zone: 0.35 + 0.25 * state.load,
            };
            let omega0 = 2.0 * PI * machine.resonance_hz;
            let settling = (5.0 * 6_400.0 / (machine.damping * omega0)) as usize + 1;
            let rng = Rng::for_purpose(SEED, "vibration-impacts", number);
            let impacts = Impacts::new(condition, turning, -(settling as f64) / 6_400.0, rng).unwrap();
            let impacts: Vec<_> = impacts.take_while(|impact| impact.at_s < 0.64).collect();
            let strength = 5.0 * severity * (0.4 + 0.6 * state.load) * state.shaft_hz / machine.nominal_hz
                * machine.path_gain;
            let response = |time_s: f64| {
                let damped = omega0 * libm::sqrt(1.0 - machine.damping * machine.damping);
                libm::exp(-machine.damping * omega0 * time_s) * libm::sin(damped * time_s)
            };
            let felt = window(&config, &machine, condition, number, SEED);
            for (index, &sample) in felt.samples.iter().enumerate() {
                let at_s = index as f64 / 6_400.0;
                let before = impacts.iter().filter(|impact| impact.at_s <= at_s);
                let sum: f64 = before.map(|impact| impact.strength * response(at_s - impact.at_s)).sum();
                let expected = strength * sum * COUNTS_PER_M_S2;
                assert!(
                    (f64::from(sample) - expected).abs() < 1.0,
                    "{condition:?} {index}: {sample} {expected}"
                );
            }
        }
    }
}

#[test]
fn noise_has_the_power_that_is_asked_for() {
    let rms = |noise_m_s2, rolling_m_s2| {
        let config = VibrationConfig { noise_m_s2, ..long(LoadProfile::Constant) };
        let machine = Machine { rolling_m_s2, ..silent(&config) };
        let squares: f64 = (0..20)
            .flat_map(|number| window(&config, &machine, Condition::Healthy, number, SEED).samples)
            .map(|sample| f64::from(sample) * f64::from(sample))
            .sum();
        libm::sqrt(squares / (20 * MAX_WINDOW) as f64) / COUNTS_PER_M_S2
    };
    assert!((rms(0.4, 0.0) / 0.4 - 1.0).abs() < 0.01, "{}", rms(0.4, 0.0));
    // Three quarters of full load and 97 % of full speed: .85 * .97 of the nominal value.
    let expected = 2.0 * (0.4 + 0.6 * 0.75) * 0.97;
    assert!((rms(0.0, 2.0) / expected - 1.0).abs() < 0.05, "{} {expected}", rms(0.0, 2.0));
}

fn generator(machines: usize) -> Generator {
    let config = VibrationConfig { machines, windows: 3, test_machines: 2, ..VibrationConfig::default() };
    Generator { config, seed: SEED }
}

#[test]
fn a_window_depends_on_nothing_but_its_origin() {
    let origin = Origin { machine: 3, condition: Condition::Ball, number: 1_000_000 };
    let window = generator(4).window(origin);
    assert_eq!(window, generator(9).window(origin));
    assert_ne!(window, generator(4).window(Origin { number: 1_000_001, ..origin }));
    assert_ne!(window, generator(4).window(Origin { condition: Condition::Outer, ..origin }));
    assert_ne!(window, generator(4).window(Origin { machine: 2, ..origin }));
}

#[test]
fn machines_show_as_many_faults_as_asked_and_all_are_tested() {
    let mut config = generator(12).config;
    config.faults_per_machine = 1;
    let task = task::load(&config, SEED);
    assert_eq!(task.train.len(), 12 * 2 * 3);
    assert_eq!(task.classes, ["healthy", "inner", "outer", "ball", "imbalance"]);
    assert!((1..5).all(|label| task.train.iter().any(|row| row.label == label)));
    for rows in task.tests.values() {
        assert_eq!(rows.len(), 2 * 5 * 5);
        assert!((0..5).all(|label| rows.iter().filter(|row| row.label == label).count() == 10));
    }
    assert!(task.train.iter().all(|row| row.features.len() == task.n_features()));
    assert_eq!(task.nodes.unwrap().of_row[6], 1);
}

#[test]
fn faults_that_are_left_out_leave_no_gap_in_the_labels() {
    let mut config = generator(2).config;
    config.faults = vec![Condition::Outer, Condition::Imbalance];
    config.faults_per_machine = 2;
    let task = task::load(&config, SEED);
    assert_eq!(task.classes, ["healthy", "outer", "imbalance"]);
    assert_eq!(task.train.iter().map(|row| row.label).max(), Some(2));
}

#[test]
fn streams_begin_with_the_training_rows_and_never_repeat() {
    let task = task::load(&generator(2).config, SEED);
    let endless = task.endless.as_ref().unwrap();
    for row in [0, 7, 20] {
        assert_eq!(endless.sample(row, 0), task.train[row]);
        let later: Vec<_> = (0..4).map(|pass| endless.sample(row, pass)).collect();
        assert!(later.iter().all(|sample| sample.label == task.train[row].label));
        assert!((0..4).all(|a| (0..a).all(|b| later[a].features != later[b].features)));
        // No other row's stream has it either.
        assert!(
            task.train.iter().all(|other| later[1..].iter().all(|sample| sample.features != other.features))
        );
    }
}

#[test]
fn features_tell_a_fault_by_its_order() {
    let config = VibrationConfig { severity: 2.0, ..long(LoadProfile::Random) };
    let machine = Machine { rolling_m_s2: 0.5, ..silent(&config) };
    let names = features::names();
    assert_eq!(names.len(), features::COUNT);
    let of = |condition, number| {
        let window = window(&config, &machine, condition, number, SEED);
        features::of_window(&window, &machine.bearing, 6_400.0).unwrap()
    };
    let feature = |name: &str| names.iter().position(|other| other == name).unwrap();
    for number in 0..10 {
        let healthy = of(Condition::Healthy, number);
        for (condition, name) in [
            (Condition::Inner, "envelope inner"),
            (Condition::Outer, "envelope outer"),
            (Condition::Ball, "envelope ball 2x"),
        ] {
            let faulty = of(condition, number);
            let gain = faulty[feature(name)] - healthy[feature(name)];
            assert!(gain > 1.0, "{condition:?}: {gain}");
            assert!(faulty[feature("kurtosis")] > healthy[feature("kurtosis")], "{condition:?}");
        }
    }
}

#[test]
fn features_tell_imbalance_by_the_energy_at_the_shaft() {
    let config = long(LoadProfile::Random);
    let machine = Machine { eccentricity_m: 20e-6, ..silent(&config) };
    let shaft = features::names().iter().position(|name| name == "shaft 1x").unwrap();
    let of = |condition, number| {
        let window = window(&config, &machine, condition, number, SEED);
        features::of_window(&window, &machine.bearing, 6_400.0).unwrap()[shaft]
    };
    for number in 0..10 {
        let (_, severity) = drawn(&config, &machine, number);
        let gain = f64::from(of(Condition::Imbalance, number) - of(Condition::Healthy, number));
        assert!((gain - 2.0 * libm::log2(1.0 + 5.0 * severity)).abs() < 0.1, "{gain} {severity}");
    }
}
