//! The scenario library: every file is read, and a few hours of a part of its fleet give a complete summary.
use chirrup_testbed::scenario::{Overrides, Scenario};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every scenario and how many nodes it has.
const LIBRARY: [(&str, usize); 11] = [
    ("building", 50),
    ("building-ble", 40),
    ("city", 1_000),
    ("factory", 100),
    ("farm", 60),
    ("harbour", 40),
    ("harvest", 16),
    ("lorasim", 1_000),
    ("meters", 10_000),
    ("metropolis", 10_000),
    ("quickstart", 20),
];
/// Nodes of a shortened run; the tracks of `harvest` are those of 16.
const FEW_NODES: usize = 16;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// Runs few nodes of a scenario; the summary on stdout.
fn shortened(name: &str, settings: &[&str]) -> Value {
    let out = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_chirrup"));
    command.arg("run").arg(folder().join(format!("{name}.toml"))).args(["--json", "--out"]).arg(out.path());
    command.args(["--set", &format!("nodes.count={FEW_NODES}")]);
    settings.iter().for_each(|setting| {
        command.args(["--set", setting]);
    });
    let output = command.output().expect("the command starts");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{name}: {told}");
    assert!(std::fs::metadata(out.path().join("report.html")).is_ok() || told.contains("offered load"));
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

/// Paths of everything that is null.
fn nulls(value: &Value, path: &str) -> Vec<String> {
    match value {
        Value::Null => vec![path.to_owned()],
        Value::Object(fields) => {
            fields.iter().flat_map(|(key, field)| nulls(field, &format!("{path}/{key}"))).collect()
        }
        Value::Array(items) => items.iter().flat_map(|item| nulls(item, path)).collect(),
        _ => Vec::new(),
    }
}

/// What no run can do without, and nothing missing but what says why.
fn check_complete(name: &str, summary: &Value) {
    let number = |path: &str| summary.pointer(path).and_then(Value::as_f64).unwrap_or(f64::NAN);
    assert_eq!(summary["scenario"], name);
    assert_eq!(summary["nodes"], FEW_NODES);
    assert_eq!(summary["trace_hash"].as_str().map(str::len), Some(64));
    assert!(number("/radio/transmissions") > 0.0 && number("/uplink/frames_per_node/mean") > 0.0, "{name}");
    assert!(
        (0.0..=1.0).contains(&number("/duty_cycle/worst_ratio")),
        "{name}: {}",
        number("/duty_cycle/worst_ratio")
    );
    let causes = [
        "off_channel",
        "collision",
        "sensitivity",
        "half_duplex",
        "no_demodulator",
        "interference",
        "injected",
        "unheard",
    ];
    let lost: f64 = causes.iter().map(|cause| number(&format!("/radio/lost/{cause}"))).sum();
    assert_eq!(number("/radio/transmissions"), number("/radio/delivered") + lost, "{name}");
    for missing in nulls(summary, "") {
        let reason = match missing.strip_prefix("/baselines/").and_then(|rest| rest.split_once('/')) {
            Some((_, "reason")) => continue,
            Some((baseline, _)) => summary.pointer(&format!("/baselines/{baseline}/reason")),
            None => None,
        };
        // Null where there is no such thing: a larger model, nodes that plant a backdoor.
        let is_absent = ["/accuracy/server_model", "/faults/backdoor_success"].contains(&missing.as_str());
        let is_explained = reason.is_some_and(Value::is_string) || is_absent;
        assert!(is_explained, "{name}: {missing} is null");
    }
}

/// Four hours are enough to settle the scale, to learn, and to close versions.
fn learns(name: &str, settings: &[&str]) {
    let faster = ["run.duration_s=14400", "nodes.sample_interval_s=30", "nodes.moments_samples=10"];
    let cadence = ["contribution.min_examples=30", "strategy.buffer=8", "strategy.min_interval_s=1200"];
    let patience = ["strategy.max_interval_s=2400", "strategy.moments_patience_s=1200"];
    let summary = shortened(name, &[&faster[..], &cadence, &patience, settings].concat());
    check_complete(name, &summary);
    let of = |path: &str| summary.pointer(path).and_then(Value::as_f64).expect("checked to be complete");
    let (best, majority) = (of("/accuracy/best"), of("/accuracy/majority_rate"));
    assert!(best > majority + 0.1, "{name}: {best} beside {majority}");
    assert!(of("/contributions/accepted") > 0.0 && of("/downlink/frames_total") > 0.0, "{name}");
    assert!(of("/battery/years_per_node/min") > 0.0 && of("/baselines/centralised") > 0.5, "{name}");
}

#[test]
fn every_file_is_in_the_library_and_can_be_read() {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, LIBRARY.map(|(name, _)| name.to_owned()));
    for (name, nodes) in LIBRARY {
        let path = folder().join(format!("{name}.toml"));
        let scenario = Scenario::load(Some(&path), &Overrides::default()).unwrap();
        assert_eq!((scenario.name.as_str(), scenario.nodes.count), (name, nodes));
    }
}

#[test]
fn a_part_of_the_building_learns() {
    learns("building", &[]);
}

#[test]
fn a_part_of_the_building_with_ble_learns() {
    learns("building-ble", &[]);
}

#[test]
fn a_part_of_the_farm_learns() {
    // Nearer than in the file: within four hours the edge hears too little.
    learns("farm", &["radio.radius_m=6000"]);
}

#[test]
fn a_part_of_the_factory_learns() {
    learns("factory", &[]);
}

#[test]
fn a_part_of_the_harbour_learns() {
    learns("harbour", &[]);
}

#[test]
fn the_harvest_learns() {
    learns("harvest", &[]);
}

#[test]
fn a_part_of_the_city_learns() {
    learns("city", &["data.test_machines=10"]);
}

#[test]
fn a_part_of_the_metropolis_learns() {
    learns("metropolis", &["data.test_machines=10"]);
}

#[test]
fn plain_traffic_has_a_complete_summary() {
    for name in ["meters", "lorasim"] {
        let summary = shortened(name, &["run.duration_s=14400"]);
        check_complete(name, &summary);
        assert!(summary["traffic"]["uplinks_delivered"].as_u64().unwrap() > 0, "{name}");
    }
}
