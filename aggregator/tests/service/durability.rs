//! What was receipted survives: power cuts, restarts, a broker that forgets.
use crate::bench::{Bench, Broker};
use chirrup_protocol::message::port;

#[tokio::test]
async fn a_killed_service_goes_on_where_its_receipts_ended() {
    let mut bench = Bench::new().await;
    bench.settle().await;
    bench.contribute(0).await;
    bench.contribute(1).await;
    bench.contribute(0).await;
    let (before, hashes) = (bench.status().await, bench.hashes().await);
    bench.service.kill().await;
    bench.restart().await;
    let after = bench.status().await;
    assert_eq!(bench.hashes().await, hashes);
    for unchanged in ["accepted", "waiting", "version", "ledger_records", "versions", "now_us"] {
        assert_eq!(after[unchanged], before[unchanged], "{unchanged}");
    }
    // The node asserts that no downlink counter comes twice.
    bench.contribute(1).await;
    bench.poll_until(0, |node| node.model_version == 2).await;
    let used = &bench.nodes[0].down_counters;
    assert!(used.contains(&0) && used.contains(&64), "a block of counters is skipped: {used:?}");
}

#[tokio::test]
async fn frames_in_flight_at_a_power_cut_count_once() {
    let mut bench = Bench::new().await;
    bench.settle().await;
    let mut uplinks = Vec::new();
    for round in 0..40 {
        let node = &mut bench.nodes[round % 2];
        let contribution = node.contribution();
        uplinks.push(node.uplink(port::CONTRIBUTION, &contribution));
    }
    uplinks.iter().for_each(|uplink| bench.gateway.publish(uplink));
    // Some are receipted when the power fails, some are in the ledger, some with the broker.
    bench.gateway.receipt(&uplinks[3]).await;
    bench.service.kill().await;
    bench.restart().await;
    // The gateway publishes everything again: it may have lost its receipts, too.
    for uplink in &uplinks {
        bench.gateway.exchange(uplink).await;
    }
    let status = bench.status().await;
    assert_eq!(status["accepted"], uplinks.len());
    let contributions: u64 =
        status["versions"].as_array().unwrap().iter().map(|v| v["contributions"].as_u64().unwrap()).sum();
    assert_eq!(contributions + status["waiting"].as_u64().unwrap(), uplinks.len() as u64);
}

#[tokio::test]
async fn a_terminated_service_writes_down_what_it_has_and_ends_well() {
    let mut bench = Bench::new().await;
    bench.settle().await;
    bench.contribute(0).await;
    let records = bench.status().await["ledger_records"].clone();
    assert_eq!(bench.service.terminate().await.code(), Some(0));
    bench.restart().await;
    assert_eq!(bench.status().await["ledger_records"], records);
    assert_eq!(bench.status().await["waiting"], 1);
}

#[tokio::test]
async fn uplinks_published_while_the_service_is_away_wait_for_it() {
    let mut bench = Bench::new().await;
    bench.settle().await;
    bench.service.kill().await;
    let contribution = bench.nodes[0].contribution();
    let uplink = bench.nodes[0].uplink(port::CONTRIBUTION, &contribution);
    bench.gateway.publish(&uplink);
    bench.restart().await;
    bench.gateway.receipt(&uplink).await;
    assert_eq!(bench.status().await["accepted"], 1);
}

#[tokio::test]
async fn a_broker_that_comes_back_without_memory_is_subscribed_again() {
    let mut bench = Bench::new().await;
    bench.settle().await;
    let port = bench.broker.stop().await;
    bench.service.unready().await;
    bench.broker = Broker::start(port).await;
    bench.gateway.reconnect().await;
    bench.service.ready().await;
    bench.contribute(0).await;
    assert_eq!(bench.status().await["accepted"], 1);
}
