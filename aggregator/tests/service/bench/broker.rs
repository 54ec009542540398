//! A broker in this process.
use mqtt5::broker::config::{AuthConfig, BrokerConfig, StorageBackend, StorageConfig};
use mqtt5::broker::{BrokerShutdownHandle, MqttBroker};
use std::net::SocketAddr;
use tokio::task::JoinHandle;

pub struct Broker {
    address: SocketAddr,
    stop: BrokerShutdownHandle,
    task: JoinHandle<()>,
}

impl Broker {
    pub async fn start(port: u16) -> Self {
        let config = BrokerConfig::new()
            .with_bind_address(SocketAddr::from(([127, 0, 0, 1], port)))
            .with_auth(AuthConfig::new().with_allow_anonymous(true))
            .with_sys_topics_enabled(false)
            .with_storage(StorageConfig::new().with_backend(StorageBackend::Memory));
        let mut broker = MqttBroker::with_config(config).await.unwrap();
        let address = broker.local_addr().unwrap();
        let stop = broker.shutdown_handle();
        let task = tokio::spawn(async move { broker.run().await.unwrap() });
        Self { address, stop, task }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Ends the broker, and its sessions with it.
    pub async fn stop(self) -> u16 {
        self.stop.shutdown();
        super::soon("the broker's end", self.task).await.unwrap();
        self.address.port()
    }
}
