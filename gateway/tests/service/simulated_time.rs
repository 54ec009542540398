use super::node::{Confirm, Down, Node};
use super::site::*;
use chirrup_protocol::time::Instant;

async fn joined(site: &Site, node: &mut Node) -> Running {
    let service = site.start().await;
    let (mut forwarder, mut clock) = (service.forwarder().await, service.clock().await);
    assert_eq!(clock.ask("advance 1000000").await, "at 1000000");
    forwarder.push(node.join_request(), 1_000_000).await;
    node.accept(forwarder.transmission().await.data.data());
    assert_eq!(clock.ask("settle 1").await, "settled never");
    service
}

#[tokio::test]
async fn time_passes_only_when_it_is_told_to() {
    let mut node = Node::new(1);
    let site = Site::new(&[&node], &format!("{EMBEDDED}{INJECTED}"));
    let service = joined(&site, &mut node).await;
    let (mut forwarder, mut aggregator) = (service.forwarder().await, service.aggregator().await);
    let mut clock = service.clock().await;
    assert_eq!(clock.ask("advance 60000000").await, "at 60000000");
    assert_eq!(clock.ask("advance 5").await, "at 60000000");
    assert_eq!(clock.ask("rewind 5").await, "error expected advance or settle");

    // A receipt without answer, and an acknowledgement due: it leaves at once, and all is settled.
    forwarder.push(node.uplink(1, b"x", Confirm::Yes), 60_000_000).await;
    let uplink = aggregator.take(&node).await;
    assert_eq!(uplink.received_at, Instant::from_micros(60_000_000));
    let down = forwarder.transmission().await;
    assert_eq!(node.read(down.data.data()), Down { fcnt: 1, ack: true, application: None });
    assert_eq!(clock.ask("settle 2").await, "settled never");
    service.stop().await;
}

#[tokio::test]
async fn an_aggregator_that_keeps_silent_is_reported_and_the_acknowledgement_leaves_on_time() {
    let mut node = Node::new(1);
    let site = Site::new(&[&node], &format!("{EMBEDDED}{INJECTED}"));
    let service = joined(&site, &mut node).await;
    let (mut forwarder, mut clock) = (service.forwarder().await, service.clock().await);
    clock.ask("advance 60000000").await;
    forwarder.push(node.uplink(1, b"x", Confirm::Yes), 60_000_000).await;
    let expected = "unsettled frames 2/2, without receipt 1, unanswered transmissions 0";
    assert_eq!(clock.ask("settle 2").await, expected);
    // RX1 opens at 61 s; 160 ms before, the wait for the receipt is over.
    assert_eq!(clock.ask("advance 60840000").await, "at 60840000");
    let (token, down) = forwarder.request().await;
    assert_eq!(node.read(down.data.data()), Down { fcnt: 1, ack: true, application: None });
    // Without an answer to the request nothing is settled either; with the aggregator's receipt alone, neither.
    forwarder.answer(token, Ok(())).await;
    let mut aggregator = service.aggregator().await;
    // It was away when the uplink was published, and the next publication is a minute of wall time away.
    drop(clock);
    service.stop().await;
    let service = site.start().await;
    let mut again = service.aggregator().await;
    std::mem::swap(&mut aggregator, &mut again);
    aggregator.take(&node).await;
    assert_eq!(service.clock().await.ask("settle 0").await, "settled never");
    service.stop().await;
}
