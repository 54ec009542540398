//! What the sensor of a machine says: acceleration at the bearing housing.
//!
//! ```text
//! x(t) = e w^2 cos(w t) + a cos(2 w t) + b cos(n w t)     rotor, misalignment, blades; w = 2 pi shaft
//!      + sum of A(i) h(t - t(i))                          impacts of a defect
//!      + rolling noise, half of it through h + noise of the sensor
//! h(t) = exp(-d w0 t) sin(w0 sqrt(1 - d^2) t), t >= 0     the path from bearing to sensor
//! ```
//!
//! The response h is that of a single resonance (McFadden and Smith 1984, section 2.3), taken at the exact times of
//! impacts, which fall between samples. A converter of 16 bits and 16 g ends it; what is larger is clipped.
use super::VibrationConfig;
use super::faults::{Condition, Impact, Impacts, Turning};
use super::machine::{Machine, State};
use crate::kernel::Rng;
use core::f64::consts::{FRAC_1_SQRT_2, PI};

/// Steps of the converter in a m/s^2: 16 bits for 16 g either way.
pub const COUNTS_PER_M_S2: f64 = 32_768.0 / (16.0 * 9.806_65);
/// Strength of an impact in the middle of the loaded zone, at nominal speed and full load, in m/s^2 at the sensor.
const IMPACT_M_S2: f64 = 5.0;
/// Factor on the eccentricity of a rotor out of balance, beyond 1: G 2.5 becomes G 15.
const IMBALANCE: f64 = 5.0;
/// Time before a window in which resonance and noise settle, in time constants.
const SETTLING: f64 = 5.0;
/// Standard deviation of the speed that the pulse of the shaft's sensor gives, as a share.
const TACHO_ERROR: f64 = 0.003;

/// What a node reads in one go.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Acceleration, in steps of the converter.
    pub samples: Vec<i16>,
    /// Speed of the shaft as a pulse a turn gives it, in turns a second.
    pub tacho_hz: f64,
}

/// A window of a machine in a condition; the same arguments give the same window.
pub fn window(
    config: &VibrationConfig,
    machine: &Machine,
    condition: Condition,
    number: u64,
    seed: u64,
) -> Window {
    let stream = |label| Rng::for_purpose(seed, label, number);
    let mut draws = stream("vibration-state");
    let state = machine.state(config.load_profile, number, &mut draws);
    let severity = config.severity * (0.5 + draws.uniform());
    let scene = Scene { config, machine, condition, state, severity };
    let tacho_hz = state.shaft_hz * (1.0 + TACHO_ERROR * draws.normal());
    let mut acceleration = scene.tones(&mut draws);
    scene.add_path(&mut acceleration, stream("vibration-impacts"), &mut stream("vibration-noise"));
    let scale = machine.sensor_gain * COUNTS_PER_M_S2;
    let samples = acceleration.iter().map(|x| libm::round(x * scale) as i16).collect();
    Window { samples, tacho_hz }
}

/// What does not change during a window.
#[derive(Clone, Copy)]
struct Scene<'a> {
    config: &'a VibrationConfig,
    machine: &'a Machine,
    condition: Condition,
    state: State,
    severity: f64,
}

impl Scene<'_> {
    /// What turns with the shaft, at random angles.
    fn tones(self, draws: &mut Rng) -> Vec<f64> {
        let Self { config, machine, state, .. } = self;
        let omega = 2.0 * PI * state.shaft_hz;
        let is_unbalanced = self.condition == Condition::Imbalance;
        let unbalanced = if is_unbalanced { 1.0 + IMBALANCE * self.severity } else { 1.0 };
        let lines = [
            (1.0, machine.eccentricity_m * unbalanced * omega * omega),
            (2.0, machine.misalignment_m_s2),
            (f64::from(machine.blades), machine.blade_m_s2 * state.load),
        ];
        let mut signal = vec![0.0; config.window];
        for (order, amplitude) in lines {
            let mut point = Point::unit(2.0 * PI * draws.uniform());
            let turn = Point::unit(order * omega / f64::from(config.sample_rate_hz));
            for sample in &mut signal {
                *sample += amplitude * point.re;
                point = point.times(turn);
            }
        }
        signal
    }

    /// How hard rolling elements press and how fast they come; 1 at full load and nominal speed.
    fn effort(self) -> f64 {
        (0.4 + 0.6 * self.state.load) * self.state.shaft_hz / self.machine.nominal_hz
    }

    fn settling_samples(self) -> usize {
        let decay = self.machine.damping * 2.0 * PI * self.machine.resonance_hz;
        (SETTLING * f64::from(self.config.sample_rate_hz) / decay) as usize + 1
    }

    fn impacts(self, rng: Rng) -> impl Iterator<Item = Impact> {
        // The loaded zone widens with the load.
        let zone = 0.35 + 0.25 * self.state.load;
        let orders = self.machine.bearing.orders();
        let turning = Turning { shaft_hz: self.state.shaft_hz, orders, zone };
        let from_s = -(self.settling_samples() as f64) / f64::from(self.config.sample_rate_hz);
        Impacts::new(self.condition, turning, from_s, rng).into_iter().flatten()
    }

    /// Adds impacts and noise through the resonance, and beside it noise of rolling and sensor, independent of the first.
    fn add_path(self, signal: &mut [f64], impacts: Rng, noise: &mut Rng) {
        let rate = f64::from(self.config.sample_rate_hz);
        let path = Path::of(self.machine);
        let strike = IMPACT_M_S2 * self.machine.path_gain * self.severity * self.effort();
        let turn = path.after(1.0 / rate);
        let half = self.machine.rolling_m_s2 * self.effort() * FRAC_1_SQRT_2;
        let beside = libm::sqrt(half * half + self.config.noise_m_s2 * self.config.noise_m_s2);
        // The imaginary part of the filtered noise has half of its power.
        let into = half * libm::sqrt(2.0 * (1.0 - turn.power()));
        let mut impacts = self.impacts(impacts).peekable();
        let mut ringing = Point::default();
        for index in -(self.settling_samples() as i64)..signal.len() as i64 {
            let at_s = index as f64 / rate;
            let (through, direct) = noise.normal_pair();
            ringing = ringing.times(turn);
            ringing.re += into * through;
            while let Some(impact) = impacts.next_if(|impact| impact.at_s <= at_s) {
                let since = path.after(at_s - impact.at_s);
                ringing = ringing.plus(since.scaled(strike * impact.strength));
            }
            if let Some(sample) = usize::try_from(index).ok().and_then(|index| signal.get_mut(index)) {
                *sample += ringing.im + beside * direct;
            }
        }
    }
}

/// The resonance between bearing and sensor.
#[derive(Clone, Copy)]
struct Path {
    decay: f64,
    omega: f64,
}

impl Path {
    fn of(machine: &Machine) -> Self {
        let omega = 2.0 * PI * machine.resonance_hz;
        let damped = libm::sqrt(1.0 - machine.damping * machine.damping);
        Self { decay: machine.damping * omega, omega: omega * damped }
    }

    /// Its state so long after an impact of strength 1; the imaginary part is what is felt.
    fn after(self, time_s: f64) -> Point {
        Point::unit(self.omega * time_s).scaled(libm::exp(-self.decay * time_s))
    }
}

/// A complex number.
#[derive(Clone, Copy, Default)]
struct Point {
    re: f64,
    im: f64,
}

impl Point {
    fn unit(angle: f64) -> Self {
        Self { re: libm::cos(angle), im: libm::sin(angle) }
    }

    fn times(self, other: Self) -> Self {
        Self { re: self.re * other.re - self.im * other.im, im: self.re * other.im + self.im * other.re }
    }

    fn plus(self, other: Self) -> Self {
        Self { re: self.re + other.re, im: self.im + other.im }
    }

    fn scaled(self, factor: f64) -> Self {
        Self { re: factor * self.re, im: factor * self.im }
    }

    fn power(self) -> f64 {
        self.re * self.re + self.im * self.im
    }
}
