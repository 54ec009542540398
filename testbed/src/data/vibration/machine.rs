//! Machines of a kind that differ: which bearing, how fast, how stiff, how well balanced; and what state each is in
//! during a window.
//!
//! Ranges are those of pumps and fans with a few kilowatts: two- and four-pole motors at 50 Hz, balance grade G 2.5 of
//! ISO 21940-11 when healthy, structural resonances of a bearing housing between a fifth and two fifths of the
//! sampling rate, where an accelerometer still hears them.
use super::bearing::{BEARINGS, Bearing};
use super::{LoadProfile, VibrationConfig};
use crate::kernel::Rng;

/// Nominal speeds of a two-pole and a four-pole motor, in turns a second.
const SPEEDS_HZ: [f64; 2] = [50.0, 25.0];
/// Slip of an induction motor at full load, as a share of its speed.
const FULL_LOAD_SLIP: f64 = 0.04;
/// Velocity of a rotor's centre of mass around its axis at nominal speed when healthy (grade G 2.5), in m/s.
const GRADE_M_S: f64 = 2.5e-3;
/// Windows in a cycle of the profile `daily`.
pub const WINDOWS_A_DAY: u64 = 96;

/// What distinguishes a machine from others, drawn once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Machine {
    /// Its bearing.
    pub bearing: Bearing,
    /// Speed without load, in turns a second.
    pub nominal_hz: f64,
    /// Eigenfrequency of the path from bearing to sensor, in hertz.
    pub resonance_hz: f64,
    /// Its damping, as a share of the critical one.
    pub damping: f64,
    /// How much of an impact arrives at the sensor; 1 on average.
    pub path_gain: f64,
    /// Distance of the rotor's centre of mass from its axis when healthy, in metres.
    pub eccentricity_m: f64,
    /// Amplitude at twice the shaft's frequency, from misalignment, in m/s^2.
    pub misalignment_m_s2: f64,
    /// Blades of a fan or pump.
    pub blades: u32,
    /// Amplitude at the blades' frequency at full load, in m/s^2.
    pub blade_m_s2: f64,
    /// Root mean square of what rolling itself excites at full load, in m/s^2.
    pub rolling_m_s2: f64,
    /// True sensitivity of the sensor over the one on its data sheet.
    pub sensor_gain: f64,
}

/// Speed and load during one window, during which both stay as they are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct State {
    /// The shaft, in turns a second.
    pub shaft_hz: f64,
    /// Share of full load, 0 to 1.
    pub load: f64,
}

impl Machine {
    /// Machine number `index` of the seed. What a machine is does not depend on how many there are.
    pub fn draw(config: &VibrationConfig, seed: u64, index: u64) -> Self {
        let mut rng = Rng::for_purpose(seed, "vibration-machine", index);
        let spread = config.spread;
        let bearing = BEARINGS[rng.below(BEARINGS.len() as u64) as usize];
        let nominal_hz = SPEEDS_HZ[rng.below(SPEEDS_HZ.len() as u64) as usize];
        // A factor whose logarithm varies by the spread.
        let mut factor = |scale: f64| libm::exp(scale * spread * rng.normal().clamp(-3.0, 3.0));
        let [stiff, damped, path, balance, aligned, blade, rolling, sensor] =
            [0.5, 0.7, 1.0, 1.0, 1.0, 1.0, 1.0, 0.2].map(&mut factor);
        let omega = 2.0 * core::f64::consts::PI * nominal_hz;
        Self {
            bearing,
            nominal_hz,
            resonance_hz: f64::from(config.sample_rate_hz) * (0.3 * stiff).clamp(0.2, 0.4),
            damping: 0.05 * damped,
            path_gain: path,
            eccentricity_m: GRADE_M_S / omega * balance,
            misalignment_m_s2: 0.3 * aligned,
            blades: 5 + rng.below(5) as u32,
            blade_m_s2: 0.5 * blade,
            rolling_m_s2: rolling,
            sensor_gain: sensor,
        }
    }

    /// Its state in window `number`.
    pub fn state(&self, profile: LoadProfile, number: u64, rng: &mut Rng) -> State {
        let wobble = 0.03 * rng.normal();
        let draw = rng.uniform();
        let load = match profile {
            LoadProfile::Constant => 0.75,
            LoadProfile::Daily => {
                let day = (number % WINDOWS_A_DAY) as f64 / WINDOWS_A_DAY as f64;
                0.6 - 0.35 * libm::cos(2.0 * core::f64::consts::PI * day) + wobble
            }
            LoadProfile::Random | LoadProfile::Drive => 0.2 + 0.8 * draw,
        };
        let load = load.clamp(0.05, 1.0);
        // Flow goes with speed, and the power of fans and pumps with its cube.
        let driven = match profile {
            LoadProfile::Drive => libm::cbrt(load),
            _ => 1.0,
        };
        State { shaft_hz: self.nominal_hz * driven * (1.0 - FULL_LOAD_SLIP * load), load }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_differ_by_the_spread_and_repeat_by_the_seed() {
        let config = VibrationConfig::default();
        let draw = |config: &VibrationConfig, index| Machine::draw(config, 1, index);
        assert_eq!(draw(&config, 3), draw(&config, 3));
        assert_ne!(draw(&config, 3).resonance_hz, draw(&config, 4).resonance_hz);
        let alike = VibrationConfig { spread: 0.0, ..config };
        for index in 0..20 {
            let machine = draw(&alike, index);
            assert_eq!((machine.path_gain, machine.sensor_gain, machine.damping), (1.0, 1.0, 0.05));
            assert_eq!(machine.resonance_hz, 0.3 * 6_400.0);
        }
    }

    #[test]
    fn speed_falls_with_load_by_the_slip() {
        let machine = Machine::draw(&VibrationConfig::default(), 1, 0);
        let state =
            |profile, number| machine.state(profile, number, &mut Rng::for_purpose(1, "test", number));
        let steady = state(LoadProfile::Constant, 0);
        assert_eq!(steady, State { shaft_hz: machine.nominal_hz * 0.97, load: 0.75 });
        assert!(state(LoadProfile::Daily, 0).load < 0.4 && state(LoadProfile::Daily, 48).load > 0.8);
        for number in 0..200 {
            for profile in [LoadProfile::Daily, LoadProfile::Random, LoadProfile::Drive] {
                let State { shaft_hz, load } = state(profile, number);
                assert!((0.05..=1.0).contains(&load) && shaft_hz < machine.nominal_hz);
            }
            let driven = state(LoadProfile::Drive, number);
            assert!((0.55..1.0).contains(&(driven.shaft_hz / machine.nominal_hz)));
        }
    }
}
