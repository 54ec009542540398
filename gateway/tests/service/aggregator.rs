//! The aggregator's end of the backhaul.
use super::node::Node;
use super::site::{GATEWAY, soon};
use chirrup_protocol::backhaul::{BackhaulKey, Downlink, Receipt, Topics, Uplink, open, seal};
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, NetworkOptions, Packet, QoS};
use std::collections::VecDeque;
use std::net::SocketAddr;

pub struct Aggregator {
    client: AsyncClient,
    events: EventLoop,
    topics: Topics,
    key: BackhaulKey,
    nonce: u64,
    /// Uplinks that came while something else was waited for.
    uplinks: VecDeque<Uplink>,
}

impl Aggregator {
    /// Connects and subscribes. Lost connections are made good by `next_uplink`.
    pub async fn connect(broker: SocketAddr) -> Self {
        let mut options = MqttOptions::new("aggregator", broker.ip().to_string(), broker.port());
        options.set_clean_session(false);
        let (client, mut events) = AsyncClient::new(options, 64);
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        events.set_network_options(network);
        let (topics, key) = (Topics::new("chirrup/v1"), BackhaulKey::new([0x5a; 32]));
        let mut aggregator = Self { client, events, topics, key, nonce: 0, uplinks: VecDeque::new() };
        soon("a subscription", aggregator.subscribed()).await;
        aggregator
    }

    async fn subscribed(&mut self) {
        loop {
            if let Some(Packet::SubAck(_)) = self.poll().await {
                return;
            }
        }
    }

    async fn poll(&mut self) -> Option<Packet> {
        match self.events.poll().await {
            Ok(Event::Incoming(packet)) => {
                if matches!(packet, Packet::ConnAck(_)) {
                    let topic = self.topics.all_uplinks();
                    self.client.try_subscribe(topic, QoS::AtLeastOnce).unwrap();
                }
                if let Packet::Publish(message) = &packet {
                    assert_eq!(self.topics.gateway_of_uplink(&message.topic), Some(GATEWAY));
                    self.uplinks.push_back(open(&self.key, &message.topic, &message.payload).unwrap());
                }
                Some(packet)
            }
            Ok(Event::Outgoing(_)) => None,
            Err(_) => {
                tokio::task::yield_now().await;
                None
            }
        }
    }

    pub async fn next_uplink(&mut self) -> Uplink {
        soon("an uplink", async {
            loop {
                if let Some(uplink) = self.uplinks.pop_front() {
                    return uplink;
                }
                self.poll().await;
            }
        })
        .await
    }

    /// Publishes a receipt and waits until the broker has it.
    pub async fn receipt(&mut self, uplink: &Uplink, answer: Option<&[u8]>) {
        let dev_eui = uplink.dev_eui;
        let downlink = answer.map(|payload| Downlink { dev_eui, fport: 9, payload: payload.to_vec() });
        let receipt = Receipt { id: uplink.id, dev_eui, downlink };
        self.nonce += 1;
        let mut nonce = [0; 12];
        nonce[..8].copy_from_slice(&self.nonce.to_le_bytes());
        let topic = self.topics.receipt(GATEWAY);
        let envelope = seal(&self.key, nonce, &topic, &receipt);
        self.publish(&topic, envelope).await;
    }

    pub async fn publish(&mut self, topic: &str, bytes: Vec<u8>) {
        self.client.try_publish(topic, QoS::AtLeastOnce, false, bytes).unwrap();
        soon("the broker's acknowledgement", async {
            while !matches!(self.poll().await, Some(Packet::PubAck(_))) {}
        })
        .await;
    }

    pub fn receipt_topic(&self) -> String {
        self.topics.receipt(GATEWAY)
    }

    /// Takes the node's next uplink and gives a receipt for it.
    pub async fn take(&mut self, node: &Node) -> Uplink {
        let uplink = self.next_uplink().await;
        assert_eq!(uplink.dev_eui, node.dev_eui);
        self.receipt(&uplink, None).await;
        uplink
    }
}
