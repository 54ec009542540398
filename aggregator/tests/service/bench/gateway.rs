//! A gateway: publishes uplinks, and waits for their receipts.
use super::{SECRETS, soon};
use chirrup_protocol::backhaul::{self, BackhaulKey, Receipt, Topics, Uplink};
use chirrup_protocol::ids::GatewayId;
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};
use std::collections::BTreeMap;

pub struct Gateway {
    client: AsyncClient,
    events: EventLoop,
    topics: Topics,
    key: BackhaulKey,
    id: GatewayId,
    nonce: u64,
    receipts: BTreeMap<u64, Receipt>,
    /// Receipts so far, repeated ones too.
    pub receipted: usize,
}

impl Gateway {
    pub async fn connect(port: u16, number: u8) -> Self {
        let mut options = MqttOptions::new(format!("gateway-{number}"), "127.0.0.1", port);
        options.set_clean_session(false);
        let (client, events) = AsyncClient::new(options, 10_000);
        let key = hex::decode(SECRETS[1]).unwrap().try_into().unwrap();
        let mut gateway = Self {
            client,
            events,
            topics: Topics::new("test/v1"),
            key: BackhaulKey::new(key),
            id: GatewayId([number; 8]),
            nonce: 0,
            receipts: BTreeMap::new(),
            receipted: 0,
        };
        gateway.subscribe().await;
        gateway
    }

    async fn subscribe(&mut self) {
        let topic = self.topics.receipt(self.id);
        self.client.try_subscribe(topic, QoS::AtLeastOnce).unwrap();
        let subscribed =
            async { while !matches!(self.events.poll().await, Ok(Event::Incoming(Packet::SubAck(_)))) {} };
        soon("the gateway's subscription", subscribed).await;
    }

    /// After the broker lost everything.
    pub async fn reconnect(&mut self) {
        soon("the loss of the connection", async { while self.events.poll().await.is_ok() {} }).await;
        self.subscribe().await;
    }

    /// Hands an uplink to the broker.
    pub fn publish(&mut self, uplink: &Uplink) {
        let topic = self.topics.uplink(self.id);
        let envelope = self.seal(&topic, uplink);
        self.publish_bytes(&topic, envelope);
    }

    pub fn publish_bytes(&mut self, topic: &str, bytes: Vec<u8>) {
        self.client.try_publish(topic, QoS::AtLeastOnce, false, bytes).unwrap();
    }

    pub fn seal(&mut self, topic: &str, uplink: &Uplink) -> Vec<u8> {
        self.nonce += 1;
        let mut nonce = [self.id.0[0]; 12];
        nonce[..8].copy_from_slice(&self.nonce.to_le_bytes());
        backhaul::seal(&self.key, nonce, topic, uplink)
    }

    /// Awaits the receipt of an uplink that was published.
    pub async fn receipt(&mut self, uplink: &Uplink) -> Receipt {
        soon("a receipt", async {
            loop {
                match self.receipts.remove(&uplink.id.0) {
                    Some(receipt) => return receipt,
                    None => self.poll().await,
                }
            }
        })
        .await
    }

    /// Publishes an uplink and awaits its receipt.
    pub async fn exchange(&mut self, uplink: &Uplink) -> Receipt {
        self.publish(uplink);
        self.receipt(uplink).await
    }

    async fn poll(&mut self) {
        if let Ok(Event::Incoming(Packet::Publish(publish))) = self.events.poll().await {
            let receipt: Receipt = backhaul::open(&self.key, &publish.topic, &publish.payload).unwrap();
            self.receipted += 1;
            self.receipts.insert(receipt.id.0, receipt);
        }
    }
}
