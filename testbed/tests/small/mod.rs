//! A small federation that learns within seconds of wall time: five nodes, five virtual hours.
use chirrup_testbed::scenario::{Experiment, Overrides, Scenario};
use chirrup_testbed::simulation::{Fleet, Simulated, simulate};

const SETTINGS: [&str; 9] = [
    "data.source=breast-cancer",
    "nodes.count=5",
    "nodes.sample_interval_s=10",
    "contribution.min_examples=30",
    "strategy.buffer=4",
    "strategy.min_interval_s=600",
    "strategy.max_interval_s=1800",
    "radio.radius_m=1500",
    "run.duration_s=18000",
];

/// The federation, with other settings for some keys.
pub fn experiment(settings: &[&str]) -> Experiment {
    let set = SETTINGS.iter().chain(settings).map(|entry| (*entry).to_owned()).collect();
    let scenario = Scenario::load(None, &Overrides { set, seed: None }).unwrap();
    Experiment::load(scenario).unwrap()
}

/// Runs it.
#[allow(dead_code, reason = "each test binary has this module for itself")]
pub fn run(settings: &[&str]) -> Simulated {
    let experiment = experiment(settings);
    simulate(&experiment, &Fleet::new(&experiment), &mut |_| {}).unwrap()
}
