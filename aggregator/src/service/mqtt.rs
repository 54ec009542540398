//! The way to the gateways and back: MQTT 3.1.1, QoS 1, a session that outlives connections.
//!
//! ```text
//! broker --PUBLISH--> open envelope --> queue --> driver --> ledger commit --> receipt, PUBACK --> broker
//! ```
//! PUBACK comes after the commit, so what the service had not written down the broker delivers again. When the
//! queue is full, the connection is not read, and TCP holds the broker back. The driver never waits for MQTT: a
//! receipt that finds the way out full is dropped and counted. The gateway publishes what has no receipt again, the
//! counter was seen then, and it is receipted without counting twice.
use super::config::MqttConfig;
use chirrup_protocol::backhaul::{self, BackhaulKey, EnvelopeError, Receipt, Topics, Uplink};
use chirrup_protocol::ids::GatewayId;
use rumqttc::{
    AsyncClient, ClientError, Event, EventLoop, MqttOptions, NetworkOptions, Outgoing, Packet, Publish, QoS,
    Request, SubAck, Subscribe, SubscribeReasonCode,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Uplinks between broker and driver.
pub const QUEUED_UPLINKS: usize = 1_024;
/// Receipts and acknowledgements between driver and broker: several times what the queue can cause.
const QUEUED_ANSWERS: usize = 8_192;
/// Far above any uplink, however many gateways heard it.
const MAX_PACKET_BYTES: usize = 256 * 1_024;
const KEEP_ALIVE: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// An uplink whose envelope opened, and where its receipt goes.
pub struct Delivery {
    /// The uplink.
    pub uplink: Uplink,
    /// Whence it came.
    pub origin: Origin,
}

/// Whence an uplink came: the gateway that the topic names, and the publication to acknowledge.
pub struct Origin {
    gateway: GatewayId,
    publish: Publish,
    /// Packet identifiers mean something on one connection only.
    connection: u64,
}

/// What is known of the link to the broker.
#[derive(Debug, Default)]
pub struct LinkState {
    connected: AtomicBool,
    connections: AtomicU64,
    refused_envelopes: AtomicU64,
    dropped_receipts: AtomicU64,
}

impl LinkState {
    /// Whether the subscription stands.
    pub fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    /// Envelopes that did not open: another key, another topic, or no gateway in the topic.
    pub fn refused_envelopes(&self) -> u64 {
        self.refused_envelopes.load(Ordering::Relaxed)
    }

    /// Receipts that found the way out full.
    pub fn dropped_receipts(&self) -> u64 {
        self.dropped_receipts.load(Ordering::Relaxed)
    }
}

/// How far the service has come in stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It is not.
    Running,
    /// Nothing more is taken in.
    Draining,
    /// All is committed: send what is left, and disconnect.
    Flushing,
}

/// Our end of the link: opens what comes in, seals what goes out.
struct End {
    client: AsyncClient,
    key: BackhaulKey,
    topics: Topics,
    state: Arc<LinkState>,
}

/// Seals and sends receipts.
pub struct Receipts(Arc<End>);

/// Randomness for a nonce was not to be had.
#[derive(Debug, thiserror::Error)]
#[error("the system's random numbers: {0}")]
pub struct NoRandomness(#[from] getrandom::Error);

impl Receipts {
    /// Sends a receipt, and acknowledges the publication that it is for. Never waits.
    pub fn send(&self, origin: &Origin, receipt: &Receipt) -> Result<(), NoRandomness> {
        let mut nonce = [0; 12];
        getrandom::fill(&mut nonce)?;
        let Self(end) = self;
        let topic = end.topics.receipt(origin.gateway);
        let envelope = backhaul::seal(&end.key, nonce, &topic, receipt);
        let sent = end.client.try_publish(topic, QoS::AtLeastOnce, false, envelope);
        if sent.and_then(|()| end.acknowledge(origin)).is_err() {
            end.state.dropped_receipts.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl Receipts {
    /// Acknowledges the publication alone: the broker may forget it, the gateway will publish the uplink again.
    pub fn withhold(&self, origin: &Origin) {
        let Self(end) = self;
        if end.acknowledge(origin).is_err() {
            tracing::debug!("an acknowledgement found the way out full");
        }
    }
}

impl Origin {
    /// The gateway that the topic names.
    pub const fn gateway(&self) -> GatewayId {
        self.gateway
    }
}

/// The connection, not yet made.
pub struct Link {
    events: EventLoop,
    end: Arc<End>,
}

impl Link {
    /// A link to the broker.
    pub fn new(config: &MqttConfig, key: &BackhaulKey, state: Arc<LinkState>) -> Self {
        let mut options = MqttOptions::new(&config.client_id, &config.host, config.port);
        options.set_clean_session(false).set_manual_acks(true).set_keep_alive(KEEP_ALIVE);
        options.set_max_packet_size(MAX_PACKET_BYTES, MAX_PACKET_BYTES);
        if let Some((name, password)) = &config.credentials {
            options.set_credentials(name, password);
        }
        let (client, mut events) = AsyncClient::new(options, QUEUED_ANSWERS);
        // A receipt that waits for company misses the node's receive window.
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        events.set_network_options(network);
        let end = End { client, key: key.clone(), topics: config.topics.clone(), state };
        Self { events, end: Arc::new(end) }
    }

    /// The way of the receipts.
    pub fn receipts(&self) -> Receipts {
        Receipts(Arc::clone(&self.end))
    }

    /// Keeps the connection until it is told to flush and has done so. Reconnects for ever.
    pub async fn run(mut self, uplinks: mpsc::Sender<Delivery>, mut phase: watch::Receiver<Phase>) {
        let mut uplinks = Some(uplinks);
        let mut pause = FIRST_PAUSE;
        loop {
            tokio::select! {
                event = self.events.poll() => match event {
                    Ok(Event::Outgoing(Outgoing::Disconnect)) => return,
                    Ok(Event::Incoming(Packet::ConnAck(_))) => {
                        pause = FIRST_PAUSE;
                        self.end.state.connections.fetch_add(1, Ordering::Relaxed);
                        self.subscribe();
                    }
                    Ok(Event::Incoming(Packet::SubAck(ack))) => self.end.subscribed(&ack),
                    Ok(Event::Incoming(Packet::Publish(publish))) => {
                        self.end.take_in(publish, uplinks.as_ref()).await;
                    }
                    Ok(_) => {}
                    Err(error) => {
                        self.end.state.connected.store(false, Ordering::Relaxed);
                        if *phase.borrow() == Phase::Flushing {
                            return;
                        }
                        tracing::warn!(%error, retry_in = ?pause, "no connection to the broker");
                        rest(pause, &mut phase).await;
                        pause = (pause * 2).min(LONGEST_PAUSE);
                    }
                },
                changed = phase.changed() => {
                    let phase = if changed.is_ok() { *phase.borrow() } else { Phase::Flushing };
                    if phase != Phase::Running {
                        uplinks = None;
                    }
                    if phase == Phase::Flushing && self.end.client.try_disconnect().is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// On every connection, since the broker may have lost the session. Ahead of all that waits to be sent.
    fn subscribe(&mut self) {
        let subscribe = Subscribe::new(self.end.topics.all_uplinks(), QoS::AtLeastOnce);
        self.events.pending.push_front(Request::Subscribe(subscribe));
    }
}

/// Waits before the next attempt, but not when the service begins to stop.
async fn rest(pause: Duration, phase: &mut watch::Receiver<Phase>) {
    if tokio::time::timeout(pause, phase.changed()).await.is_ok() {
        // Seen here, it must still be seen by whoever waits for the change.
        phase.mark_changed();
    }
}

impl End {
    fn subscribed(&self, ack: &SubAck) {
        let refused = ack.return_codes.iter().any(|code| matches!(code, SubscribeReasonCode::Failure));
        if refused {
            tracing::error!(topic = self.topics.all_uplinks(), "the broker refused the subscription");
        } else {
            tracing::info!(topic = self.topics.all_uplinks(), "connected to the broker");
        }
        self.state.connected.store(!refused, Ordering::Relaxed);
    }

    /// While the service stops, a publication stays unacknowledged, and the broker keeps it.
    async fn take_in(&self, publish: Publish, uplinks: Option<&mpsc::Sender<Delivery>>) {
        let Some(uplinks) = uplinks else { return };
        match self.open(&publish) {
            Ok((gateway, uplink)) => {
                let connection = self.state.connections.load(Ordering::Relaxed);
                let delivery = Delivery { uplink, origin: Origin { gateway, publish, connection } };
                if uplinks.send(delivery).await.is_err() {
                    tracing::debug!("an uplink came while the service was stopping");
                }
            }
            Err(error) => {
                self.state.refused_envelopes.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(topic = publish.topic, %error, "an uplink was refused");
                // It would not open the next time either.
                if self.client.try_ack(&publish).is_err() {
                    tracing::debug!("an acknowledgement found the way out full");
                }
            }
        }
    }

    /// What came on an earlier connection the broker delivers on this one again, and that one is acknowledged.
    fn acknowledge(&self, origin: &Origin) -> Result<(), ClientError> {
        if origin.connection == self.state.connections.load(Ordering::Relaxed) {
            self.client.try_ack(&origin.publish)
        } else {
            Ok(())
        }
    }

    fn open(&self, publish: &Publish) -> Result<(GatewayId, Uplink), RefusedUplink> {
        let gateway = self.topics.gateway_of_uplink(&publish.topic).ok_or(RefusedUplink::NoGateway)?;
        let uplink = backhaul::open(&self.key, &publish.topic, &publish.payload)?;
        Ok((gateway, uplink))
    }
}

#[derive(Debug, thiserror::Error)]
enum RefusedUplink {
    #[error("the topic names no gateway")]
    NoGateway,
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
}
