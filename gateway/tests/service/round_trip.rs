use super::node::{Confirm, Down, Node};
use super::site::*;
use semtech_udp::push_data::CRC;
use semtech_udp::tx_ack;

#[tokio::test]
async fn a_node_joins_is_heard_and_is_answered() {
    let mut node = Node::new(1);
    let site = Site::new(&[&node], EMBEDDED);
    let service = site.start().await;
    let (mut forwarder, mut aggregator) = (service.forwarder().await, service.aggregator().await);

    forwarder.push(node.join_request(), u32::MAX).await;
    let accept = forwarder.transmission().await;
    // Five seconds after a counter that wraps.
    assert_eq!(accept.get_tmst(), Some(4_999_999));
    assert_eq!((accept.freq, accept.datr.to_string().as_str()), (868.1, "SF7BW125"));
    assert!(accept.ipol && accept.ncrc == Some(true) && !accept.is_immediate());
    node.accept(accept.data.data());

    forwarder.push(node.uplink(3, b"what I learnt", Confirm::Yes), 1_000_000).await;
    let uplink = aggregator.next_uplink().await;
    assert_eq!((uplink.dev_eui, uplink.fport), (node.dev_eui, 3));
    assert_eq!(uplink.payload, b"what I learnt");
    assert_eq!((uplink.receptions[0].gateway, uplink.receptions[0].snr_tenth_db), (CONCENTRATOR, 55));
    aggregator.receipt(&uplink, Some(b"a better model")).await;

    let downlink = forwarder.transmission().await;
    assert_eq!(downlink.get_tmst(), Some(3_000_000));
    assert_eq!((downlink.freq, downlink.datr.to_string().as_str()), (869.525, "SF9BW125"));
    let expected = Down { fcnt: 1, ack: true, application: Some((9, b"a better model".to_vec())) };
    assert_eq!(node.read(downlink.data.data()), expected);
    service.stop().await;
}

#[tokio::test]
async fn a_refused_transmission_is_tried_in_the_other_window() {
    let mut node = Node::new(1);
    let site = Site::new(&[&node], EMBEDDED);
    let service = site.start().await;
    let mut forwarder = service.forwarder().await;
    forwarder.push(node.join_request(), 0).await;
    let (token, first) = forwarder.request().await;
    forwarder.answer(token, Err(tx_ack::Error::CollisionPacket)).await;
    let second = forwarder.transmission().await;
    assert_eq!((first.get_tmst(), second.get_tmst()), (Some(5_000_000), Some(6_000_000)));
    node.accept(second.data.data());
    service.stop().await;
}

#[tokio::test]
async fn rubbish_from_all_sides_does_no_harm() {
    let mut node = Node::new(1);
    let site = Site::new(&[&node], &format!("{EMBEDDED}{INJECTED}"));
    let service = site.start().await;
    let (mut forwarder, mut aggregator) = (service.forwarder().await, service.aggregator().await);
    let mut clock = service.clock().await;
    for rubbish in [&b""[..], &[2; 3], &[2, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 0], &[0xff; 2_000]] {
        forwarder.send_raw(rubbish).await;
    }
    aggregator.publish(&aggregator.receipt_topic(), vec![1; 50]).await;
    forwarder.push_with(node.join_request(), 0, CRC::Fail).await;
    forwarder.push(vec![], 0).await;
    // A way to a concentrator that nobody configured is none.
    let stranger = super::forwarder::Forwarder::connect(GATEWAY, service.addresses.udp).await;
    assert_eq!(stranger.acknowledged, 0);
    assert_eq!(clock.ask("settle 2").await, "settled never");
    forwarder.push(node.join_request(), 0).await;
    node.accept(forwarder.transmission().await.data.data());
    service.stop().await;
}
