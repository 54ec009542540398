//! What a seed stands for: a small fleet, and what goes wrong with it.
use super::place::Field;
use crate::kernel::Rng;
use std::fmt::Display;

/// Faults go on for so long, in seconds.
const FAULTS_LAST_S: [u64; 3] = [10_800, 18_000, 28_800];
/// Codecs of contributions, of every family.
const CODECS: [&str; 10] = [
    "topk",
    "dense-int8",
    "qsgd-2",
    "nuqsgd-3",
    "terngrad",
    "sign",
    "sparse-sign",
    "drive",
    "eden-2",
    "planned",
];

/// A scenario as `--set` takes it, in two parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// The seed, which is that of the run too.
    pub seed: u64,
    /// Fleet, task, radio, and how long it runs.
    pub scenario: Vec<String>,
    /// What goes wrong, an entry each.
    pub faults: Vec<String>,
    /// When faults end, in seconds.
    pub faults_end_s: u64,
}

/// Draws entries of a scenario.
pub(super) struct Drawer {
    pub rng: Rng,
    pub entries: Vec<String>,
}

impl Drawer {
    pub fn of(seed: u64, part: &str) -> Self {
        Self { rng: Rng::for_purpose(seed, part, 0), entries: Vec::new() }
    }

    pub fn set(&mut self, key: &str, value: impl Display) {
        self.entries.push(format!("{key}={value}"));
    }

    pub fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.rng.below(values.len() as u64) as usize]
    }

    /// Sets a key to one of some values, and returns which.
    pub fn pick<T: Copy + Display>(&mut self, key: &str, values: &[T]) -> T {
        let value = self.one_of(values);
        self.set(key, value);
        value
    }

    /// The same in so many of a hundred cases; otherwise the key keeps its default.
    pub fn maybe<T: Copy + Display>(&mut self, percent: u64, key: &str, values: &[T]) {
        // Drawn in any case, so that a share that is changed does not change what follows.
        let (is_set, value) = (self.rng.below(100) < percent, self.one_of(values));
        if is_set {
            self.set(key, value);
        }
    }
}

impl Drawn {
    /// The scenario and the faults of a seed. `healing_s` is the time between the last fault and the end.
    pub fn of(seed: u64, healing_s: u64) -> Self {
        let mut scenario = Drawer::of(seed, "soak-scenario");
        let mut faults = faults(seed);
        let nodes = fleet(&mut scenario);
        // A scale from few nodes fits no other: who can wait for the moments of all does. Who has left gives none.
        let leaves_some = ["leave_share", "faults.battery"];
        let waits_for_all =
            !faults.iter().any(|entry| leaves_some.iter().any(|&fault| entry.contains(fault)));
        let patience_s: &[u64] = if waits_for_all { &[36_000] } else { &[1_800, 3_600] };
        scenario.pick("strategy.moments_patience_s", patience_s);
        let radius_m = radio(&mut scenario);
        let faults_end_s = scenario.one_of(&FAULTS_LAST_S);
        scenario.set("faults.until_s", faults_end_s);
        scenario.set("run.duration_s", faults_end_s + healing_s);
        scenario.entries.extend(machines(seed));
        let place = Field { seed, nodes, radius_m, calm_s: faults_end_s }.place();
        scenario.entries.extend(place.scenario);
        faults.extend(place.faults);
        Self { seed, scenario: scenario.entries, faults, faults_end_s }
    }

    /// The same without any fault.
    #[must_use]
    pub fn without_faults(&self) -> Self {
        Self { faults: Vec::new(), ..self.clone() }
    }

    /// All entries, as `--set` takes them.
    pub fn settings(&self) -> impl Iterator<Item = &String> {
        self.scenario.iter().chain(&self.faults)
    }
}

/// Draws a fleet, and says how many nodes it has.
fn fleet(draw: &mut Drawer) -> u64 {
    draw.pick("data.source", &["breast-cancer", "breast-cancer", "breast-cancer", "digits"]);
    let nodes: u64 = draw.pick("nodes.count", &[3, 4, 5, 6, 8, 10, 12]);
    if draw.pick("nodes.partition", &["iid", "dirichlet", "dirichlet"]) == "dirichlet" {
        draw.pick("nodes.alpha", &[0.3, 1.0]);
    }
    draw.pick("nodes.sample_interval_s", &[10, 20, 40]);
    draw.pick("contribution.codec", &CODECS);
    draw.maybe(50, "contribution.max_bytes", &[30, 60, 150]);
    draw.pick("contribution.min_examples", &[15, 30]);
    // A version to which all contributions were lost stands still for a day unless more may be sent.
    draw.pick("contribution.max_per_version", &[8, 20]);
    draw.set("contribution.max_examples", 2_000);
    draw.pick("strategy.buffer", &[2, nodes.div_ceil(2), nodes]);
    draw.pick("strategy.min_interval_s", &[300, 600, 900]);
    draw.pick("strategy.max_interval_s", &[1_200, 1_800, 2_400]);
    draw.pick("strategy.model_bits", &[4, 6, 8]);
    nodes
}

/// Some fleets watch machines instead: each sample is a window of vibration to be made, so they are few and slow.
fn machines(seed: u64) -> Vec<String> {
    let mut draw = Drawer::of(seed, "soak-machines");
    if draw.rng.chance(0.05) {
        draw.set("data.source", "vibration");
        draw.set("data.windows", 10);
        draw.set("data.window", 256);
        draw.set("data.test_machines", 2);
        draw.set("nodes.sample_interval_s", 60);
        draw.maybe(50, "nodes.partition", &["by-column"]);
        draw.maybe(50, "data.load_profile", &["drive"]);
    }
    draw.entries
}

/// Draws the radio, and says in which radius nodes stand, in metres.
fn radio(draw: &mut Drawer) -> u64 {
    draw.pick("radio.gateways", &[1, 1, 2, 3]);
    let radius_m = draw.pick("radio.radius_m", &[300, 800, 1_500]);
    draw.pick("radio.data_rate", &DATA_RATES);
    draw.pick("radio.collision", &["aloha", "capture", "goursaud", "croce"]);
    draw.maybe(50, "radio.shadowing_db", &[2.0, 4.0]);
    draw.maybe(30, "radio.fading", &["rician", "rayleigh"]);
    draw.maybe(30, "radio.clock_drift_ppm", &[10, 30]);
    radius_m
}

/// Choices of `radio.data_rate`: nodes that choose for themselves reach a gateway from everywhere in the disc.
const DATA_RATES: [&str; 7] = ["adr", "adr", "adr", "1", "2", "3", "5"];

/// A key, in how many of a hundred seeds it is set, and to what.
type Fault = (&'static str, u64, &'static [f64]);

/// What goes wrong. Most seeds have several of them at once; some keys say how hard another one strikes.
const FAULTS: &[Fault] = &[
    ("faults.frame_loss", 40, &[0.1, 0.3, 0.6]),
    ("faults.corrupted", 30, &[0.02, 0.2]),
    ("faults.replayed", 30, &[0.1, 1.0]),
    ("faults.duplicate", 30, &[0.2, 1.0]),
    ("faults.reboot_per_day", 25, &[6.0, 24.0, 96.0]),
    ("faults.power_cut_per_day", 45, &[6.0, 24.0, 96.0]),
    ("faults.power_cut_s", 40, &[1.0, 600.0, 3_600.0]),
    ("faults.torn_write", 60, &[0.3, 1.0]),
    ("faults.cut_on_air", 40, &[0.3, 1.0]),
    ("faults.clock_jump_per_day", 30, &[4.0, 48.0]),
    // The farthest is longer than any object lives.
    ("faults.clock_jump_s", 40, &[60.0, 600.0, 100_000.0, 1_000_000.0]),
    ("faults.gateway_off_per_day", 30, &[4.0, 24.0]),
    ("faults.gateway_off_s", 40, &[120.0, 3_600.0]),
    ("faults.late_share", 20, &[0.3, 0.6]),
    ("faults.leave_share", 15, &[0.2]),
    ("backhaul.latency_ms", 30, &[100.0, 5_000.0]),
    ("backhaul.reordered", 25, &[0.1, 0.5]),
    ("backhaul.outage_per_day", 30, &[4.0, 24.0]),
    ("backhaul.outage_s", 40, &[60.0, 3_600.0]),
    ("faults.service_restart_per_day", 30, &[4.0, 24.0, 96.0]),
    ("faults.byzantine_share", 20, &[0.2, 0.4]),
];

const BYZANTINE_KINDS: [&str; 5] = ["label-flip", "sign-flip", "scaling", "random", "backdoor"];
/// What a node uses in some hours: batteries last longer, or not, by what nodes have to say.
const BATTERIES_MAH: [f64; 3] = [1.0, 2.0, 4.0];

fn faults(seed: u64) -> Vec<String> {
    let mut draw = Drawer::of(seed, "soak-faults");
    for (key, percent, values) in FAULTS {
        draw.maybe(*percent, key, values);
    }
    let kind = draw.one_of(&BYZANTINE_KINDS);
    if draw.entries.iter().any(|entry| entry.starts_with("faults.byzantine_share")) {
        draw.set("faults.byzantine_kind", kind);
    }
    let (runs_dry, battery_mah) = (draw.rng.chance(0.1), draw.one_of(&BATTERIES_MAH));
    if runs_dry {
        draw.set("faults.battery", "silence");
        draw.set("nodes.battery_mah", battery_mah);
    }
    draw.entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Overrides, Scenario};
    use std::collections::BTreeSet;

    fn key(entry: &str) -> &str {
        entry.split_once('=').unwrap().0
    }

    #[test]
    fn every_seed_gives_a_scenario_that_can_be_run_and_the_same_again() {
        for seed in 0..300 {
            let drawn = Drawn::of(seed, 3_600);
            assert_eq!(drawn, Drawn::of(seed, 3_600));
            let set = drawn.settings().cloned().collect();
            let scenario = Scenario::load(None, &Overrides { set, seed: Some(seed) }).unwrap();
            assert_eq!(scenario.run.duration_s, drawn.faults_end_s + 3_600);
            let plain = drawn.without_faults();
            assert_eq!((&plain.scenario, plain.faults.len()), (&drawn.scenario, 0));
        }
    }

    #[test]
    fn every_fault_and_every_codec_is_drawn_by_some_seed() {
        let drawn: Vec<Drawn> = (0..300).map(|seed| Drawn::of(seed, 0)).collect();
        let faults: BTreeSet<&str> =
            drawn.iter().flat_map(|drawn| &drawn.faults).map(|entry| key(entry)).collect();
        assert!(FAULTS.iter().all(|(key, _, _)| faults.contains(key)), "{faults:?}");
        let all: BTreeSet<&str> = drawn.iter().flat_map(Drawn::settings).map(String::as_str).collect();
        assert!(CODECS.iter().all(|codec| all.contains(format!("contribution.codec={codec}").as_str())));
        assert!(
            BYZANTINE_KINDS.iter().all(|kind| all.contains(format!("faults.byzantine_kind={kind}").as_str()))
        );
        assert!(all.contains("faults.battery=silence") && all.contains("data.source=vibration"));
        let faulty = drawn.iter().filter(|drawn| !drawn.faults.is_empty()).count();
        assert!(faulty > 290, "{faulty}");
    }
}
