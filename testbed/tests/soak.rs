//! `chirrup soak`, on a few seeds: they hold, they give the same again whatever the number of threads, and a soak goes on
//! where it was stopped.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
use chirrup_testbed::soak::Trial;
use std::path::Path;
use std::process::{Command, Output};

fn soak(out: &Path, words: &str) -> Output {
    let soak = Command::new(env!("CARGO_BIN_EXE_chirrup"))
        .args(["soak", "--json", "--out"])
        .arg(out)
        .args(words.split_whitespace())
        .output();
    soak.expect("the command starts")
}

/// Lines of seeds, in order of the seeds.
fn results(out: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(out.join("results.jsonl")).unwrap();
    let mut lines: Vec<String> = text.lines().skip(1).map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn seeds_hold_and_give_the_same_again_on_one_thread_and_on_three() {
    let folder = tempfile::tempdir().unwrap();
    let (one, three) = (folder.path().join("one"), folder.path().join("three"));
    let output = soak(&one, "--first 21 --seeds 6 --jobs 1");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let totals: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&totals["seeds"], totals["broken"].as_array().unwrap().len()), (&6.into(), 0));
    assert!(totals["checked"].as_u64() > totals["transmissions"].as_u64(), "{totals}");
    assert_eq!(soak(&three, "--first 21 --seeds 6 --jobs 3").status.code(), Some(0));
    assert_eq!(results(&one), results(&three));
    assert_eq!(results(&one).len(), 6);
    // A soak of more seeds runs those that are new.
    let told = String::from_utf8(soak(&one, "--first 20 --seeds 8").stderr).unwrap();
    assert!(told.contains("2 run now, 6 before"), "{told}");
    assert_eq!(results(&one).len(), 8);
}

#[test]
fn the_trace_of_a_seed_depends_on_its_faults() {
    let faulty = (1..).map(Trial::of).find(|trial| !trial.drawn.faults.is_empty()).unwrap();
    let plain = Trial { drawn: faulty.drawn.without_faults() };
    let (with, without) = (faulty.run(), plain.run());
    assert_ne!(with.trace_hash, without.trace_hash);
    assert_eq!(with.accuracy_without_faults, without.accuracy);
}
