//! The keys of section `data` for generated vibration.
use super::ScenarioError;
use super::section::Section;
use crate::data::vibration::{Condition, LoadProfile, VibrationConfig};

const MAX_MACHINES: u64 = 100_000;
const MAX_WINDOWS: u64 = 1_000;
/// Training rows of all machines together: they stay in memory.
const MAX_ROWS: u64 = 10_000_000;

/// Windows that the transforms of a node can take.
const WINDOWS: &str = "256, 512, 1024, 2048, 4096";

/// A machine a node when the scenario does not say.
pub fn read(keys: &mut Section, n_nodes: usize) -> Result<VibrationConfig, ScenarioError> {
    let default = VibrationConfig::default();
    let faults = keys.some_of("faults", &Condition::FAULTS)?;
    let all_faults = faults.len() as u64;
    let faults_per_machine = keys.integer("faults_per_machine", all_faults, 1..=all_faults)?;
    let machines = keys.integer("machines", n_nodes as u64, 1..=MAX_MACHINES)?;
    let most_windows = (MAX_ROWS / (machines * (1 + faults_per_machine))).min(MAX_WINDOWS);
    Ok(VibrationConfig {
        machines: machines as usize,
        test_machines: keys.integer("test_machines", default.test_machines as u64, 1..=1_000)? as usize,
        windows: keys.integer("windows", default.windows as u64, 1..=most_windows)? as usize,
        sample_rate_hz: keys.integer("sample_rate_hz", default.sample_rate_hz.into(), 2_000..=100_000)?
            as u32,
        window: keys.one_of("window", default.window as u64, &[256, 512, 1_024, 2_048, 4_096], WINDOWS)?
            as usize,
        faults,
        faults_per_machine: faults_per_machine as usize,
        severity: keys.number("severity", default.severity, 0.01..=100.0)?,
        noise_m_s2: keys.number("noise_m_s2", default.noise_m_s2, 0.0..=100.0)?,
        spread: keys.number("spread", default.spread, 0.0..=1.0)?,
        load_profile: keys.choice("load_profile", &LoadProfile::NAMES)?,
    })
}
