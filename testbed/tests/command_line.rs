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
        (&["run", "--set", "contribution.kind=model"], "not available yet"),
        (&["run", "--set", "data.source=csv"], "data.path is needed"),
        (&["run", "--set", "data.source=csv", "--set", "data.path=/nowhere.csv"], "/nowhere.csv"),
        (&["run", "--set", "nodes.partition=by-column"], "needs a column of nodes"),
        (&["sweep", "--seeds", "2", "--vary", "radio.data_rate=3,9"], "radio.data_rate = 9"),
        (&["sweep", "--seeds", "2", "--vary", "run.seed=3,9"], "seeds are varied by --seeds"),
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
    for command in ["run", "sweep", "live", "replay", "airtime"] {
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

/// A small federation: three nodes, an hour.
const SMALL: [&str; 6] =
    ["--set", "run.duration_s=3600", "--set", "nodes.count=3", "--set", "data.source=breast-cancer"];

#[test]
fn a_sweep_makes_the_runs_that_single_commands_make_and_none_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().to_string_lossy().into_owned();
    let mut words =
        vec!["sweep", "--vary", "radio.data_rate=3,5", "--seeds", "2", "--jobs", "2", "--out", &out];
    words.extend(SMALL);
    let output = chirrup(&words);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("4 made now, 0 were finished before"), "{}", text(&output.stderr));
    assert!(output.stdout.is_empty());
    let runs = std::fs::read_to_string(folder.path().join("runs.csv")).expect("a table");
    let mut table = csv::Reader::from_reader(runs.as_bytes());
    let column =
        table.headers().expect("a head").iter().position(|name| name == "trace_hash").expect("a column");
    let rows: Vec<csv::StringRecord> = table.records().map(|row| row.expect("a row")).collect();
    for row in &rows {
        let rate = format!("radio.data_rate={}", &row[0]);
        let mut words = vec!["run", "--json", "--out", &out, "--seed", &row[1], "--set", &rate];
        words.extend(SMALL);
        let summary: serde_json::Value =
            serde_json::from_slice(&chirrup(&words).stdout).expect("one JSON object");
        assert_eq!(summary["trace_hash"], row[column]);
    }
    assert_eq!(rows.len(), 4);
    let again = chirrup(
        &["sweep", "--vary", "radio.data_rate=3,5", "--seeds", "3", "--out", &out]
            .into_iter()
            .chain(SMALL)
            .collect::<Vec<_>>(),
    );
    assert!(text(&again.stderr).contains("2 made now, 4 were finished before"), "{}", text(&again.stderr));
}

/// Lengths of the frames in a capture file, which must be whole.
fn captured(mut bytes: &[u8]) -> Vec<usize> {
    let word = |bytes: &[u8], at: usize| {
        u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize
    };
    assert_eq!((word(bytes, 0), word(bytes, 20)), (0xa1b2_c3d4, 270));
    bytes = &bytes[24..];
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let length = word(bytes, 8);
        assert_eq!((length, bytes[16..20].to_vec()), (word(bytes, 12), vec![0, 0, 0, 15]));
        frames.push(length - 15);
        bytes = &bytes[16 + length..];
    }
    frames
}

#[test]
fn a_trace_holds_every_reception_and_every_downlink() {
    let folder = tempfile::tempdir().expect("a folder");
    let (out, trace) = (folder.path().to_string_lossy().into_owned(), folder.path().join("frames.pcap"));
    let trace_words = trace.to_string_lossy().into_owned();
    let mut words = vec!["run", "--json", "--out", &out, "--trace", &trace_words];
    words.extend(SMALL);
    let output = chirrup(&words);
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    let count = |path: &str| summary.pointer(path).and_then(serde_json::Value::as_u64).expect("a count");
    // With one gateway: delivered frames, and downlinks that were lost.
    let frames = captured(&std::fs::read(&trace).expect("a capture"));
    let (delivered, downlinks) = (count("/radio/delivered"), count("/downlink/frames_total"));
    assert!(downlinks > 0 && frames.len() as u64 >= delivered, "{} of {delivered}", frames.len());
    assert!(frames.len() as u64 <= delivered + downlinks);
    let nowhere = chirrup(&["run", "--trace", "/nowhere/frames.pcap"]);
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(text(&nowhere.stderr).contains("/nowhere/frames.pcap"));
}

const TRAFFIC: &str = "[nodes]\ncount = 5\n[radio]\nradius_m = 500\n[run]\nduration_s = 7200\n[traffic]\n";

/// Runs plain traffic of a minute's mean with these keys.
fn traffic(keys: &str) -> serde_json::Value {
    let folder = tempfile::tempdir().expect("a folder");
    let scenario = folder.path().join("plain.toml");
    std::fs::write(&scenario, format!("{TRAFFIC}mean_s = 60\n{keys}")).expect("a file");
    let (scenario, out) = (scenario.to_string_lossy(), folder.path().join("out"));
    let output = chirrup(&["run", &scenario, "--json", "--out", &out.to_string_lossy()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(out.join("summary.json").exists() && out.join("report.html").exists());
    let timeline = std::fs::read_to_string(out.join("timeline.csv")).expect("a time line");
    assert_eq!(timeline.lines().count(), 101);
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

#[test]
fn plain_traffic_has_a_summary_without_learning() {
    let summary = traffic("mac = \"bare\"\ninterval = \"periodic\"\nchannels = [868100000]\n");
    // Every minute for two hours; the last frames may not have ended.
    let sent = summary["traffic"]["uplinks"].as_u64().expect("a count");
    assert!((595..=600).contains(&sent), "{sent}");
    assert_eq!(summary["radio"]["transmissions"], sent);
    for absent in ["accuracy", "contributions", "baselines"] {
        assert!(summary[absent].is_null(), "{absent}");
    }
    assert!(summary["traffic"]["exchanges"].is_null());
    // 56.576 ms a minute, of 36 s an hour.
    let duty = summary["duty_cycle"]["worst_ratio"].as_f64().expect("a number");
    assert!((duty - 60.0 * 0.056_576 / 36.0).abs() < 1e-6, "{duty}");
}

#[test]
fn plain_traffic_through_the_stack_reaches_the_network_server() {
    let joined = traffic("confirmed = true\n");
    let counts = &joined["traffic"]["exchanges"];
    let of = |counts: &serde_json::Value, key: &str| counts[key].as_u64().expect("a count");
    assert_eq!(of(counts, "joined"), 5);
    assert!(of(counts, "packets") > 400 && of(counts, "received") * 100 > of(counts, "packets") * 80);
    assert!(of(counts, "acknowledged") * 100 > of(counts, "received") * 60, "{counts}");
    assert_eq!(of(counts, "received_bytes"), 7 * of(counts, "received"));
    let personalised = traffic("join = false\nconfirmed = true\n");
    let counts = &personalised["traffic"]["exchanges"];
    assert_eq!((of(counts, "joined"), of(counts, "failed")), (0, 0));
    assert!(of(counts, "received") * 100 > of(counts, "packets") * 80, "{counts}");
    assert!(of(counts, "acknowledged") * 100 > of(counts, "received") * 60, "{counts}");
}

#[test]
fn services_refuse_plain_traffic() {
    let output = chirrup(&["live", "--set", "traffic.mean_s=60", "--set", "run.seed=1"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("has no meaning with section [traffic]"));
}

#[test]
fn services_refuse_ble() {
    let output = chirrup(&["live", "--set", "ble.nodes=all"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("section [ble] is not available with services"));
}
