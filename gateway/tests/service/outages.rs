use super::aggregator::Aggregator;
use super::node::{Confirm, Node};
use super::site::*;
use mqtt5::broker::config::StorageBackend;
use mqtt5::broker::{BrokerConfig, BrokerShutdownHandle, MqttBroker, StorageConfig};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use tokio::task::JoinHandle;

/// Lets a node join, and waits until that is on disk.
async fn join(service: &Running, node: &mut Node) {
    let mut forwarder = service.forwarder().await;
    forwarder.push(node.join_request(), 0).await;
    node.accept(forwarder.transmission().await.data.data());
}

#[tokio::test]
async fn an_uplink_without_receipt_survives_a_restart_and_one_with_receipt_is_gone() {
    let mut node = Node::new(1);
    let site = Site::new(&[&node], &format!("{EMBEDDED}{INJECTED}"));
    let service = site.start().await;
    join(&service, &mut node).await;
    let mut aggregator = service.aggregator().await;
    service.forwarder().await.push(node.uplink(1, b"kept", Confirm::No), 0).await;
    let first = aggregator.next_uplink().await;
    service.stop().await;

    let service = site.start().await;
    let mut aggregator = service.aggregator().await;
    let again = aggregator.next_uplink().await;
    assert_eq!(again, first);
    aggregator.receipt(&again, None).await;
    let mut clock = service.clock().await;
    assert_eq!(clock.ask("settle 0").await, "settled never");
    drop(clock);
    service.stop().await;

    // Sessions survive, too: the node goes on without a join, under a new id.
    let service = site.start().await;
    assert_eq!(service.clock().await.ask("settle 0").await, "settled never");
    let mut aggregator = service.aggregator().await;
    service.forwarder().await.push(node.uplink(1, b"next", Confirm::No), 0).await;
    let next = loop {
        // The broker's own store may still hold what the aggregator never acknowledged.
        let uplink = aggregator.next_uplink().await;
        if uplink.id != first.id {
            break uplink;
        }
    };
    assert_eq!((next.payload.as_slice(), next.fcnt), (&b"next"[..], 1));
    assert!(next.id > first.id);
    service.stop().await;
}

struct FragileBroker {
    address: SocketAddr,
    shutdown: BrokerShutdownHandle,
    task: JoinHandle<()>,
}

impl FragileBroker {
    /// A broker that remembers nothing.
    async fn start(bind: &str) -> Self {
        let storage = StorageConfig::new().with_backend(StorageBackend::Memory);
        let config =
            BrokerConfig::new().with_bind_address(bind.parse::<SocketAddr>().unwrap()).with_storage(storage);
        let mut broker = MqttBroker::with_config(config).await.unwrap();
        let (address, shutdown) = (broker.local_addr().unwrap(), broker.shutdown_handle());
        let mut ready = broker.ready_receiver();
        let task = tokio::spawn(async move { broker.run().await.unwrap() });
        soon("a broker", ready.wait_for(|&ready| ready)).await.unwrap();
        Self { address, shutdown, task }
    }

    async fn stop(self) {
        self.shutdown.shutdown();
        soon("the end of a broker", self.task).await.unwrap();
    }
}

#[tokio::test]
async fn a_broker_that_forgets_everything_loses_nothing() {
    let mut broker = FragileBroker::start("127.0.0.1:0").await;
    let address = broker.address;
    let mut node = Node::new(1);
    let external = format!("[broker.external]\nhost = \"127.0.0.1\"\nport = {}\n{INJECTED}", address.port());
    let site = Site::new(&[&node], &external);
    let service = site.start().await;
    join(&service, &mut node).await;
    let (mut forwarder, mut sent) = (service.forwarder().await, BTreeSet::new());
    let mut aggregator = Aggregator::connect(address).await;
    for round in 0..4u8 {
        for number in 0..10u8 {
            forwarder.push(node.uplink(1, &[round, number], Confirm::No), 0).await;
            sent.insert(vec![round, number]);
        }
        broker.stop().await;
        forwarder.push(node.uplink(1, &[round, 99], Confirm::No), 0).await;
        sent.insert(vec![round, 99]);
        broker = FragileBroker::start(&address.to_string()).await;
    }
    let mut received = BTreeSet::new();
    while received.len() < sent.len() {
        let uplink = aggregator.next_uplink().await;
        aggregator.receipt(&uplink, None).await;
        received.insert(uplink.payload);
    }
    assert_eq!(received, sent);
    service.stop().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_full_outbox_refuses_the_newest() {
    let mut node = Node::new(1);
    let site = Site::new(&[&node], &format!("[outbox]\nmax_rows = 2\n{EMBEDDED}{INJECTED}"));
    let service = site.start().await;
    join(&service, &mut node).await;
    let mut aggregator = service.aggregator().await;
    let mut forwarder = service.forwarder().await;
    for number in 0..3 {
        forwarder.push(node.uplink(1, &[number], Confirm::No), 0).await;
    }
    let (first, second) = (aggregator.next_uplink().await, aggregator.next_uplink().await);
    assert_eq!((first.payload.as_slice(), second.payload.as_slice()), (&[0][..], &[1][..]));
    aggregator.receipt(&first, None).await;
    aggregator.receipt(&second, None).await;
    // Four frames came in. Nothing is left of the refused one but its receive windows.
    assert_eq!(service.clock().await.ask("settle 4").await, "settled 840000");
    forwarder.push(node.uplink(1, &[3], Confirm::No), 0).await;
    assert_eq!(aggregator.next_uplink().await.payload, [3]);
    service.stop().await;
}
