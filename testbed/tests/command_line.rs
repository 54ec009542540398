//! The shipped command as scripts see it: exit codes, and what goes to stdout.
use std::process::{Command, Output};

fn chirrup(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_chirrup")).args(words).output().expect("the command starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is text")
}

#[test]
fn airtime_is_data_on_stdout() {
    let output = chirrup(&["airtime", "--region", "eu868", "--dr", "3", "--bytes", "115"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("676.864 ms"));
    assert!(output.stderr.is_empty());
}

#[test]
fn wrong_usage_ends_with_2_and_says_why_on_stderr() {
    let table: &[(&[&str], &str)] = &[
        (&["sing"], "sing"),
        (&["run", "--seed", "x"], "--seed"),
        (&["run", "/nowhere/scenario.toml"], "/nowhere/scenario.toml"),
        (&["run", "--set", "radio.colour=1"], "unknown key radio.colour"),
        (&["run", "--set", "data.source=vibration"], "not available yet"),
        (&["run", "--set", "data.source=csv"], "data.path is needed"),
        (&["run", "--set", "data.source=csv", "--set", "data.path=/nowhere.csv"], "/nowhere.csv"),
        (&["run", "--set", "nodes.partition=by-column"], "needs a column of nodes"),
        (
            &["airtime", "--region", "eu868", "--dr", "0", "--bytes", "115"],
            "DR3 is the lowest data rate that does",
        ),
    ];
    for (words, expected) in table {
        let output = chirrup(words);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {told}");
        assert!(told.contains(expected), "{words:?}: {told}");
        assert!(output.stdout.is_empty(), "{words:?}");
    }
}

#[test]
fn help_names_every_command() {
    let output = chirrup(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    for command in ["run", "live", "replay", "airtime"] {
        assert!(text(&output.stdout).contains(command), "{command}");
    }
}

#[test]
fn a_run_prints_its_summary_and_leaves_its_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().to_string_lossy().into_owned();
    let words = [
        "run",
        "--set",
        "run.duration_s=3600",
        "--set",
        "nodes.count=3",
        "--seed",
        "5",
        "--json",
        "--out",
        &out,
    ];
    let output = chirrup(&words);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!((&summary["seed"], &summary["nodes"]), (&5.into(), &3.into()));
    assert!(text(&output.stderr).contains("quickstart, 3 nodes, seed 5"));
    for file in ["report.html", "summary.json", "timeline.csv"] {
        assert!(folder.path().join(file).exists(), "{file}");
    }
}
