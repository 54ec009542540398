//! The way to the aggregator and back: sealed envelopes over MQTT, QoS 1.
use chirrup_protocol::backhaul::{BackhaulKey, Receipt, Topics, Uplink, open, seal};
use chirrup_protocol::ids::GatewayId;
use rumqttc::{
    AsyncClient, ConnectReturnCode, EventLoop, MqttOptions, NetworkOptions, Outgoing, Packet, QoS,
};
use std::time::Duration;
use tokio::sync::mpsc;

/// Publications that wait for the connection. The outbox keeps fewer than this under way.
const REQUESTS: usize = 1_024;
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const MAX_PACKET_BYTES: usize = 1 << 16;
const SHORTEST_BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

/// Where the broker is, and who we are to it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User and password.
    pub credentials: Option<super::config::Credentials>,
    /// The name of this service in topics and as a client.
    pub gateway_id: GatewayId,
    /// Where on the broker.
    pub topics: Topics,
    /// What envelopes are sealed with.
    pub key: BackhaulKey,
}

/// What comes from the broker.
#[derive(Debug)]
pub enum News {
    /// There is a new connection.
    Connected,
    /// The connection is gone.
    Disconnected,
    /// The aggregator's receipt for an uplink.
    Receipt(Receipt),
    /// An envelope that does not open, or not to a receipt.
    Unreadable,
}

/// Publishes uplinks.
#[derive(Debug)]
pub struct Publisher {
    client: AsyncClient,
    key: BackhaulKey,
    topic: String,
}

/// An uplink was not handed to the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The connection has enough to do.
    #[error("too many publications wait for the broker")]
    Busy,
    /// The system gives no random numbers, and a nonce must not repeat.
    #[error("the system has no randomness")]
    NoRandomness,
}

/// Opens a connection that holds itself up: the publisher, and the loop that must be driven.
pub fn connect(endpoint: &Endpoint) -> (Publisher, Connection) {
    let client_id = format!("chirrup-gateway-{}", endpoint.gateway_id);
    let mut options = MqttOptions::new(client_id, &endpoint.host, endpoint.port);
    options
        .set_keep_alive(KEEP_ALIVE)
        .set_clean_session(false)
        .set_max_packet_size(MAX_PACKET_BYTES, MAX_PACKET_BYTES);
    if let Some(known) = &endpoint.credentials {
        options.set_credentials(&known.username, &known.password);
    }
    let (client, mut events) = AsyncClient::new(options, REQUESTS);
    // A message that waits for company costs a tenth of the time until RX1.
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    events.set_network_options(network);
    let topic = endpoint.topics.uplink(endpoint.gateway_id);
    let publisher = Publisher { client: client.clone(), key: endpoint.key.clone(), topic };
    let topic = endpoint.topics.receipt(endpoint.gateway_id);
    let connection =
        Connection { client, events, key: endpoint.key.clone(), topic, backoff: SHORTEST_BACKOFF };
    (publisher, connection)
}

impl Publisher {
    /// Hands an uplink to the connection.
    ///
    /// # Errors
    /// See [`PublishError`].
    pub fn publish(&self, uplink: &Uplink) -> Result<(), PublishError> {
        let mut nonce = [0; 12];
        getrandom::fill(&mut nonce).map_err(|_| PublishError::NoRandomness)?;
        let envelope = seal(&self.key, nonce, &self.topic, uplink);
        self.client
            .try_publish(&self.topic, QoS::AtLeastOnce, false, envelope)
            .map_err(|_| PublishError::Busy)
    }

    /// Says goodbye to the broker.
    pub fn disconnect(&self) {
        if self.client.try_disconnect().is_err() {
            tracing::debug!("the connection to the broker is busy until its end");
        }
    }
}

/// The connection's loop.
pub struct Connection {
    client: AsyncClient,
    events: EventLoop,
    key: BackhaulKey,
    topic: String,
    backoff: Duration,
}

impl Connection {
    /// Drives the connection until [`Publisher::disconnect`], or until nobody reads its news any more.
    pub async fn run(mut self, news: mpsc::Sender<News>) {
        loop {
            let item = match self.events.poll().await {
                Ok(rumqttc::Event::Incoming(packet)) => self.incoming(&packet),
                Ok(rumqttc::Event::Outgoing(Outgoing::Disconnect)) => return,
                Ok(rumqttc::Event::Outgoing(_)) => None,
                Err(error) => {
                    tracing::warn!(%error, "broker");
                    Some(News::Disconnected)
                }
            };
            let Some(item) = item else { continue };
            let lost = matches!(item, News::Disconnected);
            if news.send(item).await.is_err() {
                return;
            }
            if lost {
                tokio::time::sleep(self.backoff).await;
                self.backoff = (self.backoff * 2).min(LONGEST_BACKOFF);
            }
        }
    }

    fn incoming(&mut self, packet: &Packet) -> Option<News> {
        match packet {
            Packet::ConnAck(answer) if answer.code == ConnectReturnCode::Success => Some(self.connected()),
            Packet::Publish(message) if message.topic == self.topic => {
                Some(match open::<Receipt>(&self.key, &self.topic, &message.payload) {
                    Ok(receipt) => News::Receipt(receipt),
                    Err(error) => {
                        tracing::warn!(%error, "receipt");
                        News::Unreadable
                    }
                })
            }
            _ => None,
        }
    }

    fn connected(&mut self) -> News {
        self.backoff = SHORTEST_BACKOFF;
        // The outbox publishes all of it again, in order.
        self.events.pending.clear();
        // The broker may have lost our session, subscription and all.
        if self.client.try_subscribe(&self.topic, QoS::AtLeastOnce).is_err() {
            tracing::error!("no room to subscribe to receipts");
        }
        News::Connected
    }
}
