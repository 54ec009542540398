//! What the service is for: task, versions and chunks come back sealed, and the pages tell of it.
use crate::bench::{Bench, Broker, Files, Process, get, soon};
use chirrup_protocol::codec::linear;
use chirrup_protocol::message::port;
use chirrup_protocol::message::status::Evaluation;

#[tokio::test]
async fn nodes_learn_together_through_mqtt() {
    let mut bench = Bench::new().await;
    assert_eq!(bench.status().await["task"]["settled"], false);
    bench.settle().await;
    bench.contribute(0).await;
    assert_eq!(bench.status().await["waiting"], 1);
    bench.contribute(1).await;
    bench.poll_until(0, |node| node.model_version == 1).await;
    bench.poll_until(1, |node| node.model_version == 1).await;
    let mut params = [0.0; 12];
    linear::decode(&bench.nodes[0].model, 4, 8, &mut params).unwrap();
    assert_eq!(params, [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]);

    bench.nodes[0].evaluation = Some(Evaluation { version_low: 1, correct: 9, total: 12 });
    let status = bench.nodes[0].status();
    bench.exchange(0, port::STATUS, &status).await;
    let status = bench.status().await;
    assert_eq!((&status["version"], &status["accepted"]), (&1.into(), &2.into()));
    assert_eq!(status["versions"][0]["contributions"], 2);
    assert_eq!(status["versions"][0]["nodes"]["accuracy"], 0.75);
    assert_eq!(status["versions"][0]["validation"]["correct"], 4, "{status}");
    let device = &status["devices"][0];
    assert_eq!((&device["dev_eui"], &device["contributions"]), (&"0101010101010101".into(), &1.into()));
    assert_eq!((&device["model_version"], &device["battery"]), (&1.into(), &200.into()));
    assert_eq!((&device["snr_db"], &device["data_rate"]), (&3.5.into(), &3.into()));
}

#[tokio::test]
async fn the_pages_answer() {
    let mut bench = Bench::new().await;
    bench.settle().await;
    bench.contribute(0).await;
    bench.contribute(1).await;
    let http = bench.service.http;
    let (code, page) = get(http, "/").await;
    assert_eq!(code, 200);
    assert!(page.contains("from sealed evaluation messages of the nodes"));
    assert!(page.contains("from the operator's validation file"));
    assert!(!page.contains("src=") && !page.contains("href="), "the page loads nothing");
    assert_eq!(get(http, "/healthz").await, (200, "ok\n".into()));
    assert_eq!(get(http, "/readyz").await, (200, "ready\n".into()));
    assert_eq!(get(http, "/nothing").await.0, 404);
    let (code, metrics) = get(http, "/metrics").await;
    assert_eq!(code, 200);
    for line in [
        "chirrup_aggregator_version 1",
        "chirrup_aggregator_contributions_accepted_total 2",
        "chirrup_aggregator_mqtt_connected 1",
        "# TYPE chirrup_aggregator_rejects_total counter",
        "chirrup_aggregator_accuracy{source=\"validation\"} 1",
        "chirrup_aggregator_judged_version{source=\"validation\"} 1",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is missing in\n{metrics}");
    }
}

#[tokio::test]
async fn a_repeated_frame_is_receipted_and_counts_once() {
    let mut bench = Bench::new().await;
    bench.settle().await;
    let contribution = bench.nodes[0].contribution();
    let uplink = bench.nodes[0].uplink(port::CONTRIBUTION, &contribution);
    bench.gateway.exchange(&uplink).await;
    let again = bench.gateway.exchange(&uplink).await;
    assert_eq!((again.id, again.downlink), (uplink.id, None));
    // The same contribution in a new frame: a retry of the node.
    bench.exchange(0, port::CONTRIBUTION, &contribution).await;
    let status = bench.status().await;
    assert_eq!(status["accepted"], 1);
    assert_eq!(status["rejects"]["replayed"], 1);
    assert_eq!(status["rejects"]["duplicate"], 1);
}

#[tokio::test]
async fn what_is_not_for_us_is_counted_and_does_not_stop_the_rest() {
    let mut bench = Bench::new().await;
    let uplink = bench.nodes[0].uplink(port::STATUS, &[0, 0, 0, 255]);
    let other_topic = bench.gateway.seal("test/v1/up/0202020202020202", &uplink);
    bench.gateway.publish_bytes("test/v1/up/0101010101010101", other_topic.clone());
    bench.gateway.publish_bytes("test/v1/up/nobody", other_topic);
    bench.gateway.publish_bytes("test/v1/up/0101010101010101", vec![1, 2, 3]);
    let mut forged = uplink.clone();
    forged.payload[5] ^= 1;
    bench.gateway.exchange(&forged).await;
    let (_, metrics) = get(bench.service.http, "/metrics").await;
    let left = "chirrup_aggregator_bad_tags_left{gateway=\"0101010101010101\"} 63";
    assert!(metrics.lines().any(|line| line == left), "{metrics}");
    let receipt = bench.gateway.exchange(&uplink).await;
    assert_eq!(receipt.dev_eui, bench.nodes[0].dev_eui());
    let status = bench.status().await;
    assert_eq!(status["refused_envelopes"], 3);
    assert_eq!(status["rejects"]["not authentic"], 1);
}

#[tokio::test]
async fn the_clock_runs_the_deadlines_that_are_due() {
    let mut bench = Bench::new().await;
    bench.settle().await;
    assert!(bench.clock.say("forward 3").await.starts_with("error"));
    let contribution = bench.nodes[0].contribution();
    bench.exchange(0, port::CONTRIBUTION, &contribution).await;
    // One contribution waits; its version closes an hour after the task was published, at the second node's moments.
    let due_us = 170_002_000 + 3_600_000_000u64;
    assert_eq!(bench.clock.advance(700_000_000).await, format!("at 700000000 {due_us}"));
    assert_eq!(bench.clock.advance(10).await, format!("at 700000000 {due_us}"), "never back");
    assert_eq!(bench.clock.advance(7_200_000_000).await, "at 7200000000 never");
    let status = bench.status().await;
    assert_eq!(status["versions"][0]["at_us"], due_us);
    assert_eq!(status["now_us"], 7_200_000_000u64);
}

/// No bench drives the time: what is due at the start is done at the start.
#[tokio::test]
async fn with_the_system_clock_deadlines_come_by_themselves() {
    let broker = Broker::start(0).await;
    let files = Files::new(broker.port());
    files.edit_config("source = \"injected\"\nlisten = \"127.0.0.1:0\"", "source = \"system\"");
    files.edit_config("devices = 2\npatience_s = 86400", "schema_file = \"schema.csv\"");
    files.edit_config("source = \"moments\"", "source = \"schema\"");
    files.write("schema.csv", "offset,gain\n10,0.1\n10,0.1\n10,0.1\n");
    let service = Process::start(&files).await;
    let settled = async { while !get(service.http, "/metrics").await.1.contains("task_settled 1") {} };
    soon("the task", settled).await;
    assert_eq!(service.clock, None);
}
