//! A bench around the shipped binary: a broker, a gateway on it, nodes behind the gateway, and the clock.
mod broker;
mod clock;
mod files;
mod gateway;
mod http;
mod node;
mod process;

pub use broker::Broker;
pub use clock::ClockClient;
pub use files::{Files, SECRETS, binary};
pub use gateway::Gateway;
pub use http::get;
pub use node::Node;
pub use process::Process;

use std::time::Duration;

/// A condition that takes longer than this will not come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Awaits, but not for ever.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// Broker, service with an injected clock, gateway and two nodes.
pub struct Bench {
    pub broker: Broker,
    pub files: Files,
    pub service: Process,
    pub clock: ClockClient,
    pub gateway: Gateway,
    pub nodes: Vec<Node>,
}

impl Bench {
    pub async fn new() -> Self {
        let broker = Broker::start(0).await;
        let files = Files::new(broker.port());
        let service = Process::start(&files).await;
        let clock = ClockClient::connect(&service).await;
        let gateway = Gateway::connect(broker.port(), 1).await;
        service.ready().await;
        let nodes = (1..=2).map(Node::new).collect();
        Self { broker, files, service, clock, gateway, nodes }
    }

    /// Starts the service again after it ended.
    pub async fn restart(&mut self) {
        self.service = Process::start(&self.files).await;
        self.clock = ClockClient::connect(&self.service).await;
        self.service.ready().await;
    }

    /// A node's frame goes up, and whatever answers it comes down.
    pub async fn exchange(&mut self, node: usize, fport: u8, message: &[u8]) {
        let uplink = self.nodes[node].uplink(fport, message);
        let receipt = self.gateway.exchange(&uplink).await;
        if let Some(downlink) = receipt.downlink {
            self.nodes[node].receive(&downlink);
        }
    }

    /// Both nodes send their moments and fetch the task.
    pub async fn settle(&mut self) {
        for node in 0..self.nodes.len() {
            let moments = self.nodes[node].moments();
            self.exchange(node, chirrup_protocol::message::port::MOMENTS, &moments).await;
        }
        for node in 0..self.nodes.len() {
            self.poll_until(node, |node| node.task_version == 1).await;
        }
    }

    /// A node sends its status until it has what it wants.
    pub async fn poll_until(&mut self, node: usize, has: impl Fn(&Node) -> bool) {
        for _ in 0..40 {
            if has(&self.nodes[node]) {
                return;
            }
            let status = self.nodes[node].status();
            self.exchange(node, chirrup_protocol::message::port::STATUS, &status).await;
        }
        panic!("forty polls did not bring it: {:?}", self.nodes[node]);
    }

    /// A node contributes what points it to the right classes.
    pub async fn contribute(&mut self, node: usize) {
        let contribution = self.nodes[node].contribution();
        self.exchange(node, chirrup_protocol::message::port::CONTRIBUTION, &contribution).await;
    }

    pub async fn status(&self) -> serde_json::Value {
        let (code, body) = get(self.service.http, "/status.json").await;
        assert_eq!(code, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Hash of each version, as the service reports them.
    pub async fn hashes(&self) -> Vec<String> {
        let status = self.status().await;
        let versions = status["versions"].as_array().unwrap().iter();
        versions.map(|version| version["hash"].as_str().unwrap().to_owned()).collect()
    }
}
