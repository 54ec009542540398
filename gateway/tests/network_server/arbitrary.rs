//! Whatever comes in, nothing panics, nothing is sent twice at once, and no counter goes back,
//! no hour holds too much.
use super::bench::*;
use super::duty::check;
use super::node::{Confirm, Node};
use chirrup_gateway::core::*;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::BTreeSet;

#[derive(Clone, Debug)]
enum Step {
    Bytes(Vec<u8>),
    Altered { index: usize, value: u8 },
    Uplink { confirmed: bool, size: usize },
    Join,
    Receipt { behind: u64, size: Option<usize> },
    Refuse { behind: usize },
    Rush { uplinks: u32, size: usize },
    Pass { ms: u64 },
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..256).prop_map(Step::Bytes),
        (0usize..60, 1u8..).prop_map(|(index, value)| Step::Altered { index, value }),
        (any::<bool>(), 0usize..40).prop_map(|(confirmed, size)| Step::Uplink { confirmed, size }),
        Just(Step::Join),
        (0u64..3, proptest::option::of(0usize..300))
            .prop_map(|(behind, size)| Step::Receipt { behind, size }),
        (0usize..3).prop_map(|behind| Step::Refuse { behind }),
        (1u32..400, 0usize..52).prop_map(|(uplinks, size)| Step::Rush { uplinks, size }),
        (0u64..3_000).prop_map(|ms| Step::Pass { ms }),
        Just(Step::Restart),
    ]
}

fn confirm(confirmed: bool) -> Confirm {
    if confirmed { Confirm::Yes } else { Confirm::No }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(phy in proptest::collection::vec(any::<u8>(), 0..300), sf in any::<u8>()) {
        let node = Node::new(1);
        let mut bench = Bench::new(config(&[HERE], &[&node]));
        for heard in [heard(HERE, phy.clone(), sf, 0), heard(HERE, phy, 7, 0)] {
            bench.hear(heard);
        }
        prop_assert_eq!(bench.server.counters().discarded.values().sum::<u64>(), 2);
    }

    /// An authentic frame may hold any options and any commands.
    #[test]
    fn no_authentic_content_panics(
        options in proptest::collection::vec(any::<u8>(), 0..16),
        port in proptest::option::of(any::<u8>()),
        payload in proptest::collection::vec(any::<u8>(), 0..51),
    ) {
        let mut node = Node::new(1);
        let mut bench = Bench::new(config(&[HERE], &[&node]));
        bench.join(&mut node);
        let phy = authentic(&node, &options, port, &payload);
        bench.hear_here(phy);
        let counters = bench.server.counters();
        let taken = counters.uplinks + counters.uplinks_without_payload;
        prop_assert_eq!(taken + counters.discarded(Reason::Malformed), 1);
    }

    #[test]
    fn no_sequence_breaks_an_invariant(steps in proptest::collection::vec(step(), 1..60)) {
        let mut node = Node::new(1);
        let mut bench = Bench::new(config(&[HERE, THERE], &[&node]));
        bench.join(&mut node);
        // Its session is in use from here on: further joins do not end it.
        let mut last = node.uplink(1, b"first", Confirm::No);
        bench.hear_here(last.clone());
        let mut refused = BTreeSet::new();
        for step in steps {
            match step {
                Step::Bytes(phy) => bench.hear_here(phy),
                Step::Altered { index, value } => {
                    let mut phy: Vec<u8> = last.clone();
                    if let Some(byte) = phy.get_mut(index) {
                        *byte ^= value;
                    }
                    bench.hear(heard(THERE, phy, 9, 10));
                }
                Step::Uplink { confirmed, size } => {
                    last = node.uplink(1, &vec![7; size], confirm(confirmed));
                    bench.hear(heard(HERE, last.clone(), 9, 0));
                }
                Step::Join => bench.hear_here(node.join_request()),
                Step::Receipt { behind, size } => {
                    let newest = bench.forwarded.last().map_or(0, |uplink| uplink.id.0);
                    let id = chirrup_protocol::backhaul::UplinkId(newest.saturating_sub(behind));
                    let payload = size.map(|size| vec![1; size]);
                    bench.receipt(&node, id, payload.as_deref());
                }
                Step::Refuse { behind } => {
                    let Some(sent) = bench.sent.iter().rev().nth(behind).cloned() else { continue };
                    // A concentrator does not take back what it has begun to send, nor what it forgot.
                    if sent.at > bench.now && refused.insert((sent.token, sent.at)) {
                        let (token, refusal) = (sent.token, Refusal::Collision);
                        bench.handle(Event::TransmissionRefused { token, refusal });
                    }
                }
                Step::Rush { uplinks, size } => {
                    for _ in 0..uplinks {
                        last = node.uplink(1, b"more", Confirm::Yes);
                        bench.hear(heard(HERE, last.clone(), 12, 0));
                        bench.pass_ms(300);
                        bench.receipt(&node, bench.last_id(), Some(&vec![2; size]));
                        bench.pass_ms(3_000);
                    }
                }
                Step::Pass { ms } => bench.pass_ms(ms),
                Step::Restart => {
                    // The power was cut for the concentrators, too.
                    refused.extend(bench.sent.iter().map(|sent| (sent.token, sent.at)).filter(|&(_, at)| at > bench.now));
                    bench.restart();
                }
            }
        }
        check(&bench.sent, &refused);
        for pair in bench.forwarded.windows(2) {
            prop_assert!(pair[0].id < pair[1].id && pair[0].fcnt < pair[1].fcnt);
        }
        let downlinks: Vec<_> = bench.sent.iter().filter(|sent| sent.phy[0] != 0x20).collect();
        for pair in downlinks.windows(2) {
            prop_assert!(node.read(&pair[0].phy).fcnt < node.read(&pair[1].phy).fcnt);
        }
    }
}

/// A frame with any bytes behind its header and a correct MIC.
fn authentic(node: &Node, options: &[u8], port: Option<u8>, payload: &[u8]) -> Vec<u8> {
    use lorawan::keys::{CryptoFactory, Mac};
    let session = node.session.as_ref().unwrap();
    let mut frame = vec![0x40];
    frame.extend(session.dev_addr);
    frame.extend([options.len() as u8, 0, 0]);
    frame.extend(options);
    if let Some(port) = port {
        frame.push(port);
        frame.extend(payload);
    }
    // B0 of LoRaWAN 1.0.4, 4.4, with direction and counter zero.
    let mut block = [0; 16];
    block[0] = 0x49;
    block[6..10].copy_from_slice(&session.dev_addr);
    block[15] = frame.len() as u8;
    let mut mac = lorawan::default_crypto::DefaultFactory.new_mac(session.nwk_s_key.inner());
    mac.input(&block);
    mac.input(&frame);
    frame.extend_from_slice(&mac.result()[..4]);
    frame
}
