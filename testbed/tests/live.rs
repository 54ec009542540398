//! Live runs: the shipped services, in processes of their own, over a real broker. What they learn must be what the
//! same cores learn in one process, bit for bit, whatever dies meanwhile.
#![expect(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

use serde_json::Value;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// A small federation: a few nodes, a few hours.
const SMALL: &[&str] = &[
    "data.source=breast-cancer",
    "nodes.count=4",
    "radio.radius_m=300",
    "nodes.moments_samples=20",
    "strategy.buffer=4",
    "strategy.min_interval_s=600",
    "contribution.price_nats_per_s=0.01",
    "contribution.min_examples=20",
    "run.duration_s=14400",
];

fn chirrup(command: &str, out: &Path, set: &[&str]) -> Command {
    let mut chirrup = Command::new(env!("CARGO_BIN_EXE_chirrup"));
    chirrup.arg(command).arg("--json").arg("--out").arg(out);
    for entry in SMALL.iter().chain(set) {
        chirrup.arg("--set").arg(entry);
    }
    chirrup.stdin(Stdio::null());
    chirrup
}

fn summary(output: &Output) -> Value {
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "replay with the arguments above; stderr:\n{log}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn run(out: &Path) -> Value {
    summary(&chirrup("run", out, &[]).output().unwrap())
}

fn live(out: &Path, set: &[&str]) -> Value {
    summary(&chirrup("live", out, set).args(["--speed", "1000000"]).output().unwrap())
}

fn replay(ledger: &Path) -> Value {
    let mut replay = Command::new(env!("CARGO_BIN_EXE_chirrup"));
    summary(&replay.arg("replay").arg(ledger).arg("--json").output().unwrap())
}

fn ledger(folder: &Path) -> PathBuf {
    folder.join("run.ledger")
}

fn assert_same_run(live: &Path, live_summary: &Value, run: &Path, run_summary: &Value) {
    assert_eq!(live_summary["trace_hash"], run_summary["trace_hash"]);
    assert_eq!(live_summary["accuracy"], run_summary["accuracy"]);
    assert!(fs::read(ledger(live)).unwrap() == fs::read(ledger(run)).unwrap(), "the ledgers differ");
    assert!(run_summary["accuracy"]["final"].as_f64().unwrap() > 0.9, "{run_summary}");
}

#[test]
fn with_the_embedded_broker_the_services_learn_what_the_cores_learn() {
    let folder = tempfile::tempdir().unwrap();
    let (in_process, in_services) = (folder.path().join("run"), folder.path().join("live"));
    let (run, live) = (run(&in_process), live(&in_services, &[]));
    assert_same_run(&in_services, &live, &in_process, &run);
}

#[test]
fn with_mosquitto_the_services_learn_what_the_cores_learn() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mosquitto) = Mosquitto::start(folder.path()) else { return };
    let (in_process, in_services) = (folder.path().join("run"), folder.path().join("live"));
    let broker = format!("live.broker=127.0.0.1:{}", mosquitto.port);
    let (run, live) = (run(&in_process), live(&in_services, &[&broker]));
    assert_same_run(&in_services, &live, &in_process, &run);
}

/// Nothing but the file: it is moved away from all else, and its versions still follow.
#[test]
fn a_ledger_alone_reproduces_every_version() {
    let folder = tempfile::tempdir().unwrap();
    let (in_process, alone) = (folder.path().join("run"), folder.path().join("alone"));
    let run = run(&in_process);
    fs::rename(ledger(&in_process), &alone).unwrap();
    fs::remove_dir_all(&in_process).unwrap();
    let replayed = replay(&alone);
    assert_eq!(replayed["accepted"], run["contributions"]["accepted"]);
    assert!(replayed["versions"].as_array().unwrap().len() > 3, "{replayed}");

    let mut altered = fs::read(&alone).unwrap();
    let middle = altered.len() / 2;
    altered[middle] ^= 1;
    fs::write(&alone, altered).unwrap();
    let mut replay = Command::new(env!("CARGO_BIN_EXE_chirrup"));
    let output = replay.arg("replay").arg(&alone).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Frames that the ledger holds from before a time, in order.
fn frames_before(folder: &Path, at_s: u64) -> Vec<chirrup_aggregator::core::Record> {
    let (_, records) = chirrup_aggregator::export::read(&ledger(folder)).unwrap();
    let is_early = |record: &chirrup_aggregator::core::Record| match record {
        chirrup_aggregator::core::Record::Frame { at, .. } => at.as_secs() < at_s,
        _ => false,
    };
    records.into_iter().filter(is_early).collect()
}

#[test]
fn an_aggregator_that_dies_between_two_frames_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (in_process, in_services) = (folder.path().join("run"), folder.path().join("live"));
    let (run, live) = (run(&in_process), live(&in_services, &["live.kill_aggregator_at_s=7200"]));
    // Up to its death all is the same; afterwards it passes over reserved counters, so the bytes differ.
    let early = frames_before(&in_process, 7_200);
    assert!(early.len() > 20);
    assert_eq!(frames_before(&in_services, 7_200), early);
    let accuracy = |summary: &Value| summary["accuracy"]["final"].as_f64().unwrap();
    assert!((accuracy(&live) - accuracy(&run)).abs() < 0.05, "{live}");
    assert_eq!(replay(&ledger(&in_services))["accepted"], live["contributions"]["accepted"]);
}

/// Killed from outside, wherever it is: whatever was counted as accepted before is in the ledger afterwards.
#[test]
fn an_aggregator_that_is_killed_at_work_loses_no_accepted_contribution() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("live");
    let mut chirrup = chirrup("live", &out, &[]);
    let mut child =
        chirrup.args(["--speed", "4000"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (before, killed_pid) = kill_aggregator_once_it_has_a_version(&mut child, &out.join("services"));
    let output = child.wait_with_output().unwrap();
    let live = summary(&output);
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(log.contains("starting it again on its ledger"), "{log}");
    let pid_after = fs::read_to_string(out.join("services/aggregator.pid")).unwrap();
    assert_ne!(pid_after, killed_pid, "a new process took over");
    let replayed = replay(&ledger(&out));
    let versions = replayed["versions"].as_array().unwrap();
    for version in before["versions"].as_array().unwrap() {
        let number = version["number"].as_u64().unwrap();
        let again = versions.iter().find(|again| again["version"].as_u64() == Some(number)).unwrap();
        assert_eq!(again["hash"], version["hash"], "version {number}");
    }
    let accepted = |summary: &Value| summary["accepted"].as_u64().unwrap();
    assert!(accepted(&replayed) >= accepted(&before), "{before}\n{replayed}");
    assert_eq!(live["contributions"]["accepted"], replayed["accepted"]);
    // Whatever the radio did not lose was accepted: what was in flight came again.
    let lost: u64 = live["radio"]["lost"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
    let sent = live["contributions"]["sent"].as_u64().unwrap();
    assert!(sent > 20 && sent - accepted(&replayed) <= lost, "{live}");
}

/// Nobody is left to stop them: they must notice by themselves.
#[test]
fn services_end_with_the_run_that_started_them() {
    let folder = tempfile::tempdir().unwrap();
    let services = folder.path().join("live/services");
    let mut chirrup = chirrup("live", &folder.path().join("live"), &[]);
    let mut child = chirrup.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut connections = ["gateway.ready", "aggregator.ready"].map(|ready| {
        loop {
            assert!(child.try_wait().unwrap().is_none(), "the run ended before {ready} was there");
            if let Some(connection) = connect_to_listener(&services.join(ready)) {
                return connection;
            }
            std::thread::yield_now();
        }
    });
    child.kill().unwrap();
    child.wait().unwrap();
    for connection in &mut connections {
        // The end of the process closes it; silence for so long means that the process lives on.
        connection.set_read_timeout(Some(std::time::Duration::from_secs(30))).unwrap();
        let ended = connection.read(&mut [0]);
        let is_silent = |kind| matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut);
        assert!(!ended.is_err_and(|error| is_silent(error.kind())), "a service outlived its run");
    }
}

/// A connection to the broker or the page of a service that is ready.
fn connect_to_listener(ready: &Path) -> Option<TcpStream> {
    let ready: Value = serde_json::from_str(&fs::read_to_string(ready).ok()?).ok()?;
    let address = ready["broker"].as_str().or(ready["http"].as_str())?;
    TcpStream::connect(address).ok()
}

/// Waits for a version, then kills. Returns the last status that the aggregator gave, and its process id.
fn kill_aggregator_once_it_has_a_version(child: &mut Child, services: &Path) -> (Value, String) {
    loop {
        assert!(child.try_wait().unwrap().is_none(), "the run ended before the aggregator had a version");
        let Some(status) = status(services) else { continue };
        if status["versions"].as_array().is_some_and(|versions| !versions.is_empty()) {
            let pid = fs::read_to_string(services.join("aggregator.pid")).unwrap();
            assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
            return (status, pid);
        }
        std::thread::yield_now();
    }
}

/// The aggregator's status, once it gives one.
fn status(services: &Path) -> Option<Value> {
    let ready = fs::read_to_string(services.join("aggregator.ready")).ok()?;
    let ready: Value = serde_json::from_str(&ready).ok()?;
    let mut stream = TcpStream::connect(ready["http"].as_str()?).ok()?;
    stream.write_all(b"GET /status.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut response = String::new();
    stream.read_to_string(&mut response).ok()?;
    serde_json::from_str(response.split_once("\r\n\r\n")?.1).ok()
}

/// A Mosquitto of the test's own, on loopback.
struct Mosquitto {
    child: Child,
    port: u16,
}

impl Mosquitto {
    /// `None`, said loudly, where it is not installed.
    fn start(folder: &Path) -> Option<Self> {
        // Mosquitto cannot be asked for a free port: one that was free a moment ago is taken.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = folder.join("mosquitto.conf");
        fs::write(&config, format!("listener {port} 127.0.0.1\nallow_anonymous true\n")).unwrap();
        let program = ["mosquitto", "/usr/sbin/mosquitto"].into_iter().find(|program| {
            Command::new(program).arg("-h").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
        });
        let Some(program) = program else {
            // Past the capture of the test's output: who runs the tests must see it.
            let loud = b"MISSING TOOL: mosquitto is not installed; live runs over it were not tested\n";
            std::io::stderr().write_all(loud).unwrap();
            return None;
        };
        let child = Command::new(program)
            .arg("-c")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut mosquitto = Self { child, port };
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(mosquitto.child.try_wait().unwrap().is_none(), "mosquitto ended");
            std::thread::yield_now();
        }
        Some(mosquitto)
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
