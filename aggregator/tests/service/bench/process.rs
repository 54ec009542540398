//! The shipped binary, running.
use super::{Files, binary, get, soon};
use serde_json::Value;
use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

pub struct Process {
    child: Child,
    pub http: SocketAddr,
    pub clock: Option<SocketAddr>,
}

impl Process {
    pub async fn start(files: &Files) -> Self {
        let mut child = Command::new(binary())
            .args(["run", "--config"])
            .arg(files.config())
            .env("RUST_LOG", "error")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        soon("the addresses", stdout.read_line(&mut line)).await.unwrap();
        let addresses: Value = serde_json::from_str(&line).unwrap();
        let address = |name: &str| addresses[name].as_str().map(|text| text.parse().unwrap());
        Self { child, http: address("http").unwrap(), clock: address("clock") }
    }

    /// Awaits the subscription.
    pub async fn ready(&self) {
        soon("readiness", async { while get(self.http, "/readyz").await.0 != 200 {} }).await;
    }

    /// Awaits the loss of the subscription.
    pub async fn unready(&self) {
        soon("the loss of the broker", async { while get(self.http, "/readyz").await.0 == 200 {} }).await;
    }

    /// SIGKILL: nothing is drained.
    pub async fn kill(&mut self) {
        soon("the end of the process", self.child.kill()).await.unwrap();
    }

    /// SIGTERM.
    pub async fn terminate(&mut self) -> ExitStatus {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
        soon("the end of the process", self.child.wait()).await.unwrap()
    }
}
