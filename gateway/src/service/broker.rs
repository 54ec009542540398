//! The broker inside this process.
//!
//! It authenticates nobody, so it belongs on a loopback address; the envelopes protect what passes through it. What
//! it holds survives a restart, yet nothing relies on that: the outbox publishes until the receipt comes.
use mqtt5::broker::config::StorageBackend;
use mqtt5::broker::{BrokerConfig, BrokerShutdownHandle, MqttBroker, StorageConfig};
use std::net::SocketAddr;
use std::path::Path;
use tokio::task::JoinHandle;

/// Larger than any message of ours by far.
const MAX_PACKET_BYTES: usize = 1 << 20;
/// What may wait for a client that is away.
const MAX_QUEUED_MESSAGES: usize = 100_000;

/// The broker failed.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// It could not start, or it stopped.
    #[error("embedded broker")]
    Failed(#[source] Box<mqtt5::MqttError>),
    /// It has no TCP address.
    #[error("the embedded broker does not say where it listens")]
    NoAddress,
    /// Its task is gone.
    #[error("the embedded broker stopped by itself")]
    Stopped,
}

/// A broker that runs.
pub struct RunningBroker {
    /// Where it listens.
    pub address: SocketAddr,
    shutdown: BrokerShutdownHandle,
    task: JoinHandle<mqtt5::Result<()>>,
}

impl RunningBroker {
    /// Starts a broker and waits until it accepts connections.
    ///
    /// # Errors
    /// See [`BrokerError`].
    pub async fn start(bind: SocketAddr, storage_dir: &Path) -> Result<Self, BrokerError> {
        let storage = StorageConfig::new()
            .with_backend(StorageBackend::File)
            .with_base_dir(storage_dir.to_owned())
            .with_max_queued_messages_per_client(MAX_QUEUED_MESSAGES);
        let config = BrokerConfig::new()
            .with_bind_address(bind)
            .with_max_packet_size(MAX_PACKET_BYTES)
            .with_sys_topics_enabled(false)
            .with_storage(storage);
        let mut broker = MqttBroker::with_config(config).await.map_err(failed)?;
        let address = broker.local_addr().ok_or(BrokerError::NoAddress)?;
        let (shutdown, mut ready) = (broker.shutdown_handle(), broker.ready_receiver());
        let task = tokio::spawn(async move { broker.run().await });
        let mut running = Self { address, shutdown, task };
        match ready.wait_for(|&ready| ready).await {
            Ok(_) => Ok(running),
            Err(_) => Err(running.stopped().await),
        }
    }

    /// Waits for it to stop by itself, which it should not.
    pub async fn stopped(&mut self) -> BrokerError {
        match (&mut self.task).await {
            Ok(Err(error)) => failed(error),
            Ok(Ok(())) | Err(_) => BrokerError::Stopped,
        }
    }

    /// Stops it.
    pub async fn stop(mut self) {
        self.shutdown.shutdown();
        let BrokerError::Failed(error) = self.stopped().await else { return };
        tracing::warn!(%error, "embedded broker at its end");
    }
}

fn failed(error: mqtt5::MqttError) -> BrokerError {
    BrokerError::Failed(Box::new(error))
}
