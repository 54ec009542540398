//! Vibration of rotating machines, generated: bearing faults, imbalance, load and speed, machines that differ.
//!
//! A window of acceleration is a function of seed, machine, condition and number; so a node's stream never ends and
//! never repeats, any window can be made again by itself, and a node more changes nothing for the others. What a node
//! would compute from a window ([`features`]) is computed by `chirrup-learn`, in the fixed point of a node.
//!
//! Modules in reading order: [`bearing`] and [`faults`] (when a defect is struck), [`machine`] (who differs how),
//! [`signal`] (what the sensor says), [`features`] (what a learner is given), [`task`] (which windows are learnt from
//! and which are held out).
//!
//! Sources: McFadden and Smith, Model for the vibration produced by a single point defect in a rolling element bearing,
//! Journal of Sound and Vibration 96 (1984); Antoni and Randall, A stochastic model for simulation and diagnostics of
//! rolling element bearings with localized faults, Journal of Vibration and Acoustics 125 (2003); Randall and Antoni,
//! Rolling element bearing diagnostics - a tutorial, Mechanical Systems and Signal Processing 25 (2011).
pub mod bearing;
pub mod faults;
pub mod features;
pub mod machine;
pub mod signal;
pub mod task;
#[cfg(test)]
mod tests;

pub use faults::Condition;
pub use task::{Endless, Generator};

use serde::Serialize;

/// Samples in the longest window.
pub const MAX_WINDOW: usize = 4_096;
/// Samples in the shortest window: a quarter of it is the shortest transform of a node.
pub const MIN_WINDOW: usize = 256;

/// What is generated: the keys of section `data` with the source `vibration`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VibrationConfig {
    /// Machines that are learnt from.
    pub machines: usize,
    /// Machines that nobody learns from, in a test split of their own.
    pub test_machines: usize,
    /// Training windows a machine and condition. A node's stream goes on behind them.
    pub windows: usize,
    /// Samples a second.
    pub sample_rate_hz: u32,
    /// Samples in a window, a power of two from [`MIN_WINDOW`] to [`MAX_WINDOW`].
    pub window: usize,
    /// Faults that occur, in the order of [`Condition`], at least one.
    pub faults: Vec<Condition>,
    /// How many of them each machine shows; which ones is drawn by machine.
    pub faults_per_machine: usize,
    /// Size of faults; 1 is a moderate one.
    pub severity: f64,
    /// Root mean square of the sensor's noise, in m/s^2.
    pub noise_m_s2: f64,
    /// How much machines differ: standard deviation of the logarithms of their properties; 0 makes them alike but for
    /// bearing, speed and blades.
    pub spread: f64,
    /// How load and speed change.
    pub load_profile: LoadProfile,
}

/// How load and speed change from window to window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoadProfile {
    /// Three quarters of full load, always.
    Constant,
    /// Up and down once in [`machine::WINDOWS_A_DAY`] windows.
    Daily,
    /// Anything from a fifth of full load to all of it.
    Random,
    /// The same with a drive that changes the speed.
    Drive,
}

impl LoadProfile {
    /// All of them, by the names that scenarios use; the first is the default.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("random", Self::Random),
        ("constant", Self::Constant),
        ("daily", Self::Daily),
        ("drive", Self::Drive),
    ];
}

impl Default for VibrationConfig {
    fn default() -> Self {
        Self {
            machines: 20,
            test_machines: 20,
            windows: 12,
            sample_rate_hz: 6_400,
            window: 2_048,
            faults: Condition::FAULTS.map(|(_, fault)| fault).to_vec(),
            faults_per_machine: Condition::FAULTS.len(),
            severity: 1.0,
            noise_m_s2: 0.3,
            spread: 0.2,
            load_profile: LoadProfile::Random,
        }
    }
}

impl VibrationConfig {
    /// The classes: healthy, then the faults.
    pub fn conditions(&self) -> Vec<Condition> {
        std::iter::once(Condition::Healthy).chain(self.faults.iter().copied()).collect()
    }
}
