//! The shipped binary.
use super::aggregator::Aggregator;
use super::forwarder::Forwarder;
use super::node::{Confirm, Node};
use super::site::*;
use chirrup_gateway::service::Addresses;
use std::process::{Output, Stdio};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

fn command(site: &Site, verb: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chirrup-gateway"));
    command.arg(verb).arg("--config").arg(site.config_file()).env("RUST_LOG", "warn").kill_on_drop(true);
    command
}

async fn check(site: &Site) -> Output {
    soon("check-config", command(site, "check-config").output()).await.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Starts the binary and reads from its standard output where it listens.
async fn run(site: &Site) -> (Child, Addresses) {
    let mut child = command(site, "run").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = soon("the addresses", lines.next_line()).await.unwrap().expect("a line");
    (child, serde_json::from_str(&line).unwrap())
}

async fn end(mut child: Child, signal: &str) -> Option<i32> {
    let pid = child.id().expect("a running process").to_string();
    assert!(Command::new("kill").args([signal, &pid]).status().await.unwrap().success());
    soon("the end of the process", child.wait()).await.unwrap().code()
}

#[tokio::test]
async fn check_config_says_what_it_understood_and_no_secret() {
    let node = Node::new(1);
    let site = Site::new(&[&node], EMBEDDED);
    let output = check(&site).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    for expected in
        ["0a0a0a0a0a0a0a0a", "0c0c0c0c0c0c0c0c", "Eu868", "devices            1", "embedded, 127.0.0.1:0"]
    {
        assert!(said.contains(expected), "{expected} in {said}");
    }
    assert!(!said.contains("5a5a") && !said.contains("01010101"));
}

#[tokio::test]
async fn the_example_is_a_valid_configuration() {
    let site = Site::new(&[&Node::new(1)], EMBEDDED);
    std::fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/gateway.toml"), site.config_file()).unwrap();
    let output = check(&site).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[tokio::test]
async fn a_bad_configuration_is_refused_with_its_reason() {
    let site = Site::new(&[&Node::new(1)], EMBEDDED);
    let refused = async |tables: &str| {
        site.configure(tables);
        let output = check(&site).await;
        assert_eq!(output.status.code(), Some(1));
        text(&output.stderr)
    };
    let said = refused(&format!("{EMBEDDED}[outbox]\nmax_row = 3\n")).await;
    assert!(said.contains("line 15") && said.contains("max_row"), "{said}");
    let said = refused("").await;
    assert!(said.contains("broker"), "{said}");
    let said = refused("[broker.external]\nhost = \"b\"\nusername = \"u\"\n").await;
    assert!(said.contains("password_file"), "{said}");
    let said = refused(&format!("{EMBEDDED}[clock]\nsource = \"injected\"\n")).await;
    assert!(said.contains("listen"), "{said}");
}

#[tokio::test]
async fn secrets_that_others_may_read_are_refused_and_never_quoted() {
    let site = Site::new(&[&Node::new(1)], EMBEDDED);
    for name in ["backhaul.key", "lorawan-keys.toml"] {
        set_mode(&site.path(name), 0o640);
        let output = check(&site).await;
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains("640"), "{}", text(&output.stderr));
        set_mode(&site.path(name), 0o600);
    }
    site.write_secret("lorawan-keys.toml", "\"70b3d50000000001\" = \"c0ffee\"\n");
    let output = check(&site).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(!text(&output.stderr).contains("c0ffee"));
}

#[tokio::test]
async fn wrong_usage_is_told_from_failure() {
    let output = Command::new(env!("CARGO_BIN_EXE_chirrup-gateway")).arg("fly").output().await.unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test]
async fn it_announces_itself_in_a_file_and_ends_in_order() {
    let site = Site::new(&[&Node::new(1)], EMBEDDED);
    let ready = site.path("ready.json");
    let child = command(&site, "run").arg("--ready-file").arg(&ready).stdout(Stdio::null()).spawn().unwrap();
    let line = soon("the ready file", async {
        loop {
            match tokio::fs::read_to_string(&ready).await {
                Ok(line) => break line,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    })
    .await;
    let addresses: Addresses = serde_json::from_str(&line).unwrap();
    assert!(line.ends_with('\n') && addresses.broker.is_some() && addresses.clock.is_none());
    assert_eq!(end(child, "-TERM").await, Some(0));
}

#[tokio::test]
async fn a_killed_process_loses_no_uplink_and_no_session() {
    let mut node = Node::new(1);
    let site = Site::new(&[&node], EMBEDDED);
    let (mut child, addresses) = run(&site).await;
    let mut forwarder = Forwarder::connect(CONCENTRATOR, addresses.udp).await;
    forwarder.push(node.join_request(), 0).await;
    node.accept(forwarder.transmission().await.data.data());
    let mut aggregator = Aggregator::connect(addresses.broker.unwrap()).await;
    forwarder.push(node.uplink(1, b"one", Confirm::Yes), 0).await;
    // It was published, so it is on disk.
    let first = aggregator.next_uplink().await;
    child.kill().await.unwrap();

    let (child, addresses) = run(&site).await;
    let mut aggregator = Aggregator::connect(addresses.broker.unwrap()).await;
    assert_eq!(aggregator.next_uplink().await, first);
    let mut forwarder = Forwarder::connect(CONCENTRATOR, addresses.udp).await;
    forwarder.push(node.uplink(1, b"two", Confirm::No), 0).await;
    let second = loop {
        let uplink = aggregator.next_uplink().await;
        aggregator.receipt(&uplink, None).await;
        if uplink.payload == b"two" {
            break uplink;
        }
    };
    assert!(second.id > first.id);
    assert_eq!(second.fcnt, first.fcnt + 1);
    assert_eq!(end(child, "-INT").await, Some(130));
}
