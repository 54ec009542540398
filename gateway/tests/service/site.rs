//! A folder with all that a service needs, and the service in it.
use super::aggregator::Aggregator;
use super::forwarder::Forwarder;
use super::node::Node;
use chirrup_gateway::service::{Addresses, Config, Service};
use chirrup_protocol::ids::GatewayId;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub const GATEWAY: GatewayId = GatewayId([0x0a; 8]);
pub const CONCENTRATOR: GatewayId = GatewayId([0x0c; 8]);
pub const EMBEDDED: &str = "[broker.embedded]\nbind = \"127.0.0.1:0\"\nstorage_dir = \"broker\"\n";
pub const INJECTED: &str = "[clock]\nsource = \"injected\"\nlisten = \"127.0.0.1:0\"\n";

/// Fails a test that waits for what does not come.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(30), future).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain for {what}"),
    }
}

pub struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    /// A site with one concentrator and these nodes. `tables` ends its configuration.
    pub fn new(nodes: &[&Node], tables: &str) -> Self {
        let site = Self { folder: tempfile::tempdir().unwrap() };
        let devices: String = nodes
            .iter()
            .map(|node| format!("\"{}\" = \"{}\"\n", node.dev_eui, hex::encode(node.app_key)))
            .collect();
        site.write_secret("lorawan-keys.toml", &devices);
        site.write_secret("backhaul.key", &format!("{}\n", hex::encode([0x5a; 32])));
        site.configure(tables);
        site
    }

    pub fn configure(&self, tables: &str) {
        let text = format!(
            "gateway_id = \"{GATEWAY}\"\nstate_file = \"gateway.redb\"\n\
             [network]\nregion = \"eu868\"\nconcentrators = [\"{CONCENTRATOR}\"]\ndevices_file = \"lorawan-keys.toml\"\n\
             [packet_forwarder]\nbind = \"127.0.0.1:0\"\n\
             [backhaul]\nkey_file = \"backhaul.key\"\n{tables}"
        );
        std::fs::write(self.config_file(), text).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn config_file(&self) -> PathBuf {
        self.path("gateway.toml")
    }

    pub fn write_secret(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
        set_mode(&self.path(name), 0o600);
    }

    pub async fn start(&self) -> Running {
        let service = Service::start(Config::load(&self.config_file()).unwrap()).await.unwrap();
        let addresses = service.addresses();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            service.run(async move { stopped.await.unwrap_or(()) }).await.unwrap();
        });
        Running { addresses, stop, task }
    }
}

pub fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

pub struct Running {
    pub addresses: Addresses,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    pub async fn forwarder(&self) -> Forwarder {
        Forwarder::connect(CONCENTRATOR, self.addresses.udp).await
    }

    pub async fn aggregator(&self) -> Aggregator {
        Aggregator::connect(self.addresses.broker.expect("an embedded broker")).await
    }

    pub async fn clock(&self) -> ClockClient {
        ClockClient::connect(self.addresses.clock.expect("an injected clock")).await
    }

    /// Shuts the service down in order.
    pub async fn stop(self) {
        self.stop.send(()).unwrap();
        soon("the end of the service", self.task).await.unwrap();
    }
}

pub struct ClockClient(BufReader<TcpStream>);

impl ClockClient {
    pub async fn connect(address: std::net::SocketAddr) -> Self {
        Self(BufReader::new(TcpStream::connect(address).await.unwrap()))
    }

    pub async fn ask(&mut self, line: &str) -> String {
        self.0.get_mut().write_all(format!("{line}\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        soon(line, self.0.read_line(&mut answer)).await.unwrap();
        answer.trim_end().to_owned()
    }
}
