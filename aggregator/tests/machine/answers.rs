//! What a node is answered.
use crate::bench::*;
use chirrup_protocol::manifest::{MANIFEST_BYTES, Manifest, TrustAnchor};
use chirrup_protocol::message::control::Control;
use chirrup_protocol::message::status::{Progress, Status};
use chirrup_protocol::object::{CHUNK_BYTES, ObjectKind, ObjectTag};
use chirrup_protocol::region::DataRate;
use chirrup_protocol::time::Duration;

const UPDATE: [f32; PARAMS] = [0.5; PARAMS];

/// Chunks in answer to polls, each of which tells what came before.
fn chunks(bench: &mut Bench, node: &mut Node, status: &Status) -> Vec<(u8, u8, Vec<u8>)> {
    let mut chunks: Vec<(u8, u8, Vec<u8>)> = Vec::new();
    loop {
        let progress = chunks.first().map(|(tag, ..)| Progress {
            object: ObjectTag::from_byte(*tag).unwrap(),
            first_missing: chunks.len() as u8,
            received_after: 0,
        });
        let uplink = node.status(&Status { progress, ..*status });
        match bench.exchange(node, uplink) {
            Some(Heard::Chunk { tag, first, bytes }) => chunks.push((tag, first, bytes)),
            _ => return chunks,
        }
        if chunks.last().is_some_and(|(.., bytes)| bytes.len() < CHUNK_BYTES) {
            return chunks;
        }
    }
}

fn manifest_of(chunks: &[(u8, u8, Vec<u8>)]) -> Manifest {
    let stream: Vec<u8> = chunks.iter().flat_map(|(_, _, bytes)| bytes.clone()).collect();
    let (manifest, object) = stream.split_at(MANIFEST_BYTES);
    Manifest::verify(manifest, object, &TrustAnchor::of(&signing_key())).unwrap()
}

#[test]
fn a_node_is_sent_the_task_and_then_the_newest_model() {
    let (mut bench, mut nodes) = Bench::settled();
    bench.send(nodes[1].contribution(0, 8, &UPDATE));
    bench.wait(MAX_INTERVAL);
    let node = &mut nodes[0];
    let task = chunks(&mut bench, node, &holds(0, 0));
    let manifest = manifest_of(&task);
    assert_eq!((manifest.kind, manifest.version, manifest.task), (ObjectKind::Task, 1, TASK_ID));
    let model = chunks(&mut bench, node, &holds(1, 0));
    let manifest = manifest_of(&model);
    assert_eq!((manifest.kind, manifest.version, manifest.codec), (ObjectKind::Model, 1, 8));
    let uplink = node.holding(1, 1);
    assert!(!matches!(bench.exchange(node, uplink), Some(Heard::Chunk { .. })), "it has everything");
    let standing = bench.aggregator.devices().next().unwrap();
    assert_eq!((standing.dev_eui, standing.model_version), (dev_eui(0), 1));
}

#[test]
fn chunks_follow_each_other_without_a_word_from_the_node_and_a_lost_one_is_sent_alone() {
    let (mut bench, mut nodes) = Bench::settled();
    let node = &mut nodes[0];
    let mut firsts = Vec::new();
    // A frame that says nothing of what the node holds.
    while let Some(Heard::Chunk { first, .. }) = {
        let uplink = node.uplink(99, &[]);
        bench.exchange(node, uplink)
    } {
        firsts.push(first);
    }
    assert_eq!(firsts, [0, 1, 2, 3, 4]);
    let object = ObjectTag::new(ObjectKind::Task, 1);
    let progress = Progress { object, first_missing: 2, received_after: 0b11 };
    let uplink = node.status(&Status { progress: Some(progress), ..holds(0, 0) });
    assert!(matches!(bench.exchange(node, uplink), Some(Heard::Chunk { first: 2, .. })));
    let uplink = node.uplink(99, &[]);
    assert!(!matches!(bench.exchange(node, uplink), Some(Heard::Chunk { .. })), "nothing else is missing");
}

#[test]
fn a_contribution_tells_what_its_node_holds() {
    let (mut bench, mut nodes) = Bench::settled();
    for version in 0..2 {
        bench.send(nodes[1].contribution(version, 8, &UPDATE));
        bench.wait(MAX_INTERVAL);
    }
    let node = &mut nodes[0];
    let model = |version| ObjectTag::new(ObjectKind::Model, version).to_byte();
    let uplink = node.contribution(1, 8, &UPDATE);
    let answer = bench.exchange(node, uplink);
    assert!(matches!(answer, Some(Heard::Chunk { tag, first: 0, .. }) if tag == model(2)), "{answer:?}");
    // What it said before its last restart comes late, and changes nothing.
    let late = node.contribution(1, 8, &UPDATE);
    let uplink = node.holding(0, 0);
    let answer = bench.exchange(node, uplink);
    assert!(matches!(answer, Some(Heard::Chunk { tag: 1, first: 0, .. })), "{answer:?}");
    let answer = bench.exchange(node, late);
    assert!(matches!(answer, Some(Heard::Chunk { tag: 1, first: 1, .. })), "{answer:?}");
}

#[test]
fn a_restarted_node_is_answered_above_what_it_refuses() {
    let (mut bench, mut nodes) = Bench::settled();
    let node = &mut nodes[0];
    let mut counter_after = |bench: &mut Bench, uplink| {
        bench.exchange(node, uplink).expect("it lacks the task");
        node.heard.last().unwrap().1
    };
    let mut speaker = Node::new(0);
    speaker.next_counter = 1_000;
    let mut restarted = |from| speaker.status(&Status { downlinks_from: from, ..holds(0, 0) });
    let (early, first) = (restarted(Some(200)), restarted(Some(300)));
    assert_eq!(counter_after(&mut bench, first), 300);
    assert_eq!(counter_after(&mut bench, restarted(Some(300))), 301, "that is behind");
    assert_eq!(counter_after(&mut bench, early), 302, "it has said more since");
    assert_eq!(counter_after(&mut bench, restarted(None)), 303);
    assert_eq!(counter_after(&mut bench, restarted(Some(304 + (1 << 15)))), 304, "as far ahead as behind");
}

#[test]
fn the_data_rate_is_advised_once_the_signal_is_known() {
    let mut bench = Bench::new(advising());
    let mut node = Node::new(0);
    let mut advised = Vec::new();
    for _ in 0..8 {
        let uplink = node.holding(0, 0);
        let Some(Heard::Control(control)) = bench.exchange(&mut node, uplink) else {
            panic!("moments are wanted")
        };
        advised.push(control.data_rate);
    }
    // 8 dB carry DR5 with 15.5 dB to spare; frames keep coming at DR3, so it is said again.
    let (none, dr5) = (None, Some(DataRate(5)));
    assert_eq!(advised, [none, none, dr5, none, none, dr5, none, none]);
}

#[test]
fn the_time_is_told_once_a_day_and_is_that_of_the_answer() {
    let (mut bench, mut nodes) = Bench::settled();
    bench.wait(Duration::from_secs(2 * 86_400));
    let node = &mut nodes[0];
    let mut told = Vec::new();
    for _ in 0..30 {
        bench.wait(Duration::from_secs(3_600));
        // A gateway that was cut off hands over what it heard an hour ago.
        let mut uplink = node.holding(1, 0);
        uplink.received_at = bench.now.saturating_sub(Duration::from_secs(3_600));
        if let Some(Heard::Control(Control { time_s, data_rate: None, .. })) = bench.exchange(node, uplink) {
            assert_eq!(time_s, Some(bench.now.as_secs() as u32));
            told.push(bench.now);
        }
    }
    assert_eq!(told.len(), 2);
    assert_eq!(told[1] - told[0], Duration::from_secs(86_400));
}

#[test]
fn a_device_that_has_a_whole_object_and_does_not_use_it_is_told_the_time() {
    let (mut bench, mut nodes) = Bench::settled();
    bench.send(nodes[1].contribution(0, 8, &UPDATE));
    bench.wait(MAX_INTERVAL);
    let node = &mut nodes[0];
    let sent = chunks(&mut bench, node, &holds(1, 0)).len() as u8;
    let progress = |first_missing| {
        let object = ObjectTag::new(ObjectKind::Model, 1);
        Some(Progress { object, first_missing, received_after: 0 })
    };
    let mut speaker = Node::new(0);
    speaker.next_counter = 100;
    let mut answer = |bench: &mut Bench, first_missing| {
        let uplink = speaker.status(&Status { progress: progress(first_missing), ..holds(1, 0) });
        bench.exchange(&mut speaker, uplink)
    };
    // The first two may be lost. Something newer to send does not come before it.
    for version in [1, 1, 2] {
        if version == 2 {
            bench.send(nodes[1].contribution(1, 8, &UPDATE));
            bench.wait(MAX_INTERVAL);
        }
        let now = Some(bench.now.as_secs() as u32);
        let heard = answer(&mut bench, sent);
        assert!(matches!(heard, Some(Heard::Control(Control { time_s, .. })) if time_s == now), "{heard:?}");
    }
    let heard = answer(&mut bench, sent - 1);
    assert!(matches!(heard, Some(Heard::Chunk { tag: 0x41, .. })), "{heard:?}");
    let heard = answer(&mut bench, 0);
    assert!(matches!(heard, Some(Heard::Chunk { .. })), "{heard:?}");
}

#[test]
fn what_is_published_does_not_expire_while_it_is_the_newest() {
    let (mut bench, mut nodes) = Bench::settled();
    bench.send(nodes[1].contribution(0, 8, &UPDATE));
    bench.wait(MAX_INTERVAL);
    bench.wait(LIFETIME.saturating_mul(3));
    let node = &mut nodes[0];
    for (holding, kind) in [(holds(0, 0), ObjectKind::Task), (holds(1, 0), ObjectKind::Model)] {
        let manifest = manifest_of(&chunks(&mut bench, node, &holding));
        assert_eq!((manifest.kind, manifest.version), (kind, 1));
        assert!(
            u64::from(manifest.expires_s)
                >= (bench.now + LIFETIME).as_secs() - LIFETIME.as_secs_f64() as u64 / 2
        );
    }
}
