//! Whole runs with each fault of `docs/faults.md`: what must hold does, and the fault did strike.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod small;

use chirrup_aggregator::core::ledger::Record;
use chirrup_aggregator::core::{Aggregator, Reject};
use chirrup_gateway::core::Reason;
use chirrup_protocol::ids::DevEui;
use chirrup_protocol::seal::Header;
use chirrup_protocol::time::{Duration, Instant};
use chirrup_testbed::faults::membership::presences;
use chirrup_testbed::faults::{Injected, Outages};
use chirrup_testbed::kernel::Rng;
use chirrup_testbed::radio::{NodeIndex, Outcome, Transmitter};
use chirrup_testbed::simulation::{Cores, Fleet, Simulated, World, simulate};
use chirrup_testbed::soak::liveness::caught_up;
use std::collections::{BTreeMap, BTreeSet};

/// A run, with what only the cores know.
struct Observed {
    fleet: Fleet,
    simulated: Simulated,
    discarded: BTreeMap<Reason, u64>,
    rejects: BTreeMap<Reject, u64>,
}

fn observe(settings: &[&str]) -> Observed {
    let experiment = small::experiment(settings);
    let fleet = Fleet::new(&experiment);
    let mut cores = Cores::new(&fleet).unwrap();
    World::new(&experiment, &fleet).run(&mut cores, &mut |_| {}).unwrap();
    let discarded = cores.server().counters().discarded.clone();
    let rejects = cores.rejects();
    let simulated = simulate(&experiment, &fleet, &mut |_| {}).unwrap();
    assert_eq!(simulated.ledger, cores.into_ledger(), "two runs of one experiment");
    Observed { fleet, simulated, discarded, rejects }
}

/// What makes an uplink itself: a join's DevEUI and DevNonce, or a session's address and the counter in it.
fn identity(phy: &[u8]) -> Vec<u8> {
    match phy[0] >> 5 {
        0 => phy[9..19].to_vec(),
        _ => [&phy[1..5], &phy[6..8]].concat(),
    }
}

/// What holds whatever goes wrong: no counter twice on the air, no seal twice in the ledger, every version follows
/// from the ledger, no hour too full. The run itself has replayed the ledger already.
fn holds(observed: &Observed) -> Injected {
    let Observed { fleet, simulated, .. } = observed;
    assert!(simulated.violations.is_empty(), "{:?}", simulated.violations);
    let air = &simulated.air;
    let mut identities = BTreeSet::new();
    for sent in air.all().iter().filter(|sent| matches!(sent.source, Transmitter::Node(_))) {
        let identity = identity(air.phy(sent));
        assert!(identities.insert(identity.clone()), "{} was sent twice", hex(&identity));
    }
    let mut seals: BTreeSet<(DevEui, u8, u16)> = BTreeSet::new();
    for record in &simulated.ledger {
        let Record::Frame { uplink, .. } = record else { continue };
        let Header { key_id, counter_low } = Header::parse(&uplink.payload).unwrap();
        assert!(seals.insert((uplink.dev_eui, key_id, counter_low)), "{counter_low} was accepted twice");
    }
    assert!(!seals.is_empty() && !identities.is_empty());
    let mut aggregator = Aggregator::new(fleet.federation.clone(), fleet.signing_key.clone());
    simulated.ledger.iter().try_for_each(|record| aggregator.apply(record)).unwrap();
    assert!(simulated.run.nodes.iter().all(|node| node.duty_worst_ratio <= 1.0));
    assert_eq!(observed.rejects.get(&Reject::NotAuthentic), None);
    simulated.run.faults
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn at(s: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(s)
}

/// Accuracy of the newest version.
fn newest(observed: &Observed) -> f64 {
    observed.simulated.run.versions.last().unwrap().accuracy
}

#[test]
fn power_cuts_at_the_worst_moments_use_no_counter_twice() {
    let observed = observe(&[
        "faults.power_cut_per_day=48",
        "faults.power_cut_s=20",
        "faults.torn_write=0.5",
        "faults.cut_on_air=0.6",
        "run.duration_s=36000",
    ]);
    let faults = holds(&observed);
    assert!((50..140).contains(&faults.power_cuts), "{faults:?}");
    assert!(faults.torn_writes > 8 && faults.frames_cut_short > 3, "{faults:?}");
    assert!(observed.simulated.run.radio.lost.injected >= 1, "{:?}", observed.simulated.run.radio.lost);
    assert_eq!(observed.discarded.get(&Reason::Replayed), None);
    assert_eq!(observed.discarded.get(&Reason::DevNonceReused), None);
    assert!(newest(&observed) > 0.85, "{}", newest(&observed));
}

#[test]
fn a_gateway_that_is_off_neither_hears_nor_sends() {
    let settings = ["faults.gateway_off_per_day=24", "faults.gateway_off_s=1200", "run.duration_s=36000"];
    let observed = observe(&settings);
    let faults = holds(&observed);
    let mut rng = Rng::for_purpose(observed.fleet.seed, "gateway-outages", 0);
    let outages = Outages::draw(&mut rng, 24.0, 1_200.0, at(36_000));
    assert_eq!(faults.gateway_outages, outages.spans().len() as u64);
    assert!(faults.gateway_off_s > 3_000.0, "{faults:?}");
    let mut missed = 0;
    for sent in observed.simulated.air.all() {
        let end = sent.start + sent.airtime;
        let is_off = outages.touch(sent.start, end);
        assert!(!is_off || sent.outcome != Outcome::Delivered, "heard at {}", sent.start);
        let is_gateway = matches!(sent.source, Transmitter::Gateway(_));
        assert!(!is_gateway || outages.off_until(sent.start).is_none(), "sent at {}", sent.start);
        missed += u32::from(is_off);
    }
    assert!(missed > 20, "{missed}");
    assert!(newest(&observed) > 0.9, "{}", newest(&observed));
}

#[test]
fn through_a_backhaul_that_delays_overtakes_and_fails_each_uplink_counts_once() {
    let observed = observe(&[
        "backhaul.latency_ms=250",
        "backhaul.reordered=0.1",
        "backhaul.outage_per_day=24",
        "backhaul.outage_s=900",
        "faults.duplicate=0.4",
        "run.duration_s=36000",
    ]);
    let faults = holds(&observed);
    assert!(faults.backhaul_outages > 4 && faults.messages_reordered > 50, "{faults:?}");
    assert!(faults.messages_duplicated > 50, "{faults:?}");
    let replayed = observed.rejects[&Reject::Replayed];
    assert!(replayed >= faults.messages_duplicated / 2, "{replayed} of {faults:?}");
    assert!(newest(&observed) > 0.9, "{}", newest(&observed));
}

#[test]
fn services_that_restart_go_on_from_what_they_stored() {
    for backhaul in ["backhaul.latency_ms=0", "backhaul.latency_ms=250"] {
        let settings = ["faults.service_restart_per_day=96", backhaul, "run.duration_s=36000"];
        let observed = observe(&settings);
        let faults = holds(&observed);
        assert!((20..70).contains(&faults.service_restarts), "{faults:?}");
        let gateways = &observed.simulated.run.gateways;
        assert!(
            gateways.iter().all(|gateway| gateway.duty_worst_ratio <= 1.0 && gateway.downlink_frames > 100)
        );
        assert!(newest(&observed) > 0.9, "{}", newest(&observed));
    }
}

/// Windows open a second after the frame: with half of that gone on the backhaul, RX2 is still reached.
/// Without latency, what a deadline of the network server sends on its way arrives within that deadline.
#[test]
fn a_backhaul_that_fails_but_takes_no_time_stops_nothing() {
    let observed = observe(&["backhaul.outage_per_day=24"]);
    let injected = holds(&observed);
    assert!(injected.backhaul_outages > 1, "{injected:?}");
    assert!(newest(&observed) > 0.9, "{}", newest(&observed));
}

#[test]
fn a_slow_backhaul_still_reaches_the_nodes() {
    let slow = observe(&["backhaul.latency_ms=400", "run.duration_s=36000"]);
    holds(&slow);
    let accuracy = slow.simulated.run.final_accuracy();
    assert!(accuracy > 0.9, "{accuracy}");
}

#[test]
fn frames_altered_or_sent_again_are_refused_and_nothing_else_happens() {
    let observed = observe(&["faults.corrupted=0.2", "faults.replayed=0.3", "run.duration_s=36000"]);
    let faults = holds(&observed);
    assert!(faults.frames_corrupted > 50 && faults.frames_replayed > 50, "{faults:?}");
    let discarded: u64 = observed.discarded.values().sum();
    // A replay of a frame that came altered the first time is that frame, late.
    assert!(discarded > (faults.frames_corrupted + faults.frames_replayed) / 3, "{:?}", observed.discarded);
    assert!(observed.discarded[&Reason::BadMic] > 20, "{:?}", observed.discarded);
    assert!(observed.discarded[&Reason::Replayed] > 20, "{:?}", observed.discarded);
    assert!(newest(&observed) > 0.9, "{}", newest(&observed));
}

/// Nodes that send whenever they may, at the slowest data rate: the duty cycle is what stops them.
const BUSY: [&str; 5] = [
    "radio.data_rate=0",
    "nodes.airtime_s_per_day=86400",
    "contribution.price_nats_per_s=0",
    "contribution.max_per_version=255",
    "contribution.min_examples=1",
];

fn busy(settings: &[&str]) -> Observed {
    observe(&[BUSY.as_slice(), settings].concat())
}

#[test]
fn clocks_that_jump_leave_the_duty_cycle_as_it_is_and_silence_nobody() {
    let jumps = ["faults.clock_jump_per_day=96", "faults.clock_jump_s=21600", "run.duration_s=36000"];
    let observed = busy(&jumps);
    let faults = holds(&observed);
    assert!(faults.clock_jumps > 150, "{faults:?}");
    let nodes = &observed.simulated.run.nodes;
    assert!(nodes.iter().all(|node| node.duty_worst_ratio > 0.7), "{nodes:?}");
    let late = |source| {
        let sent = observed.simulated.air.all().iter();
        sent.filter(|sent| sent.source == source && sent.start > at(32_400)).count()
    };
    for node in 0..nodes.len() as u32 {
        let source = Transmitter::Node(NodeIndex(node));
        assert!(late(source) > 2, "node {node} has fallen silent");
    }
}

/// An object lives for three days here: to a node whose clock was set forward by more, all that it is sent is old.
#[test]
fn clocks_set_forward_and_back_by_many_days_keep_no_node_from_the_newest_model() {
    let jumps = ["faults.clock_jump_per_day=24", "faults.clock_jump_s=2000000", "faults.until_s=36000"];
    let observed = observe(&[jumps.as_slice(), &["run.duration_s=57600"]].concat());
    let faults = holds(&observed);
    assert!(faults.clock_jumps > 30, "{faults:?}");
    let run = &observed.simulated.run;
    for node in 0..run.nodes.len() {
        let healed = caught_up(run, at(36_000), node);
        assert!(healed.is_ok_and(|after| after < Duration::from_secs(7_200)), "node {node}: {healed:?}");
        // Nor for as long as it lasts: each runs a new version every two hours at the latest.
        let adopted =
            |from| run.nodes[node].versions.iter().any(|(t, _)| (from..from + 7_200).contains(&t.as_secs()));
        assert!((7_200..36_000).step_by(7_200).all(adopted), "node {node}: {:?}", run.nodes[node].versions);
    }
    assert!(newest(&observed) > 0.9, "{}", newest(&observed));
}

#[test]
fn nodes_come_and_go_when_they_are_to() {
    let settings = ["faults.late_share=0.4", "faults.leave_share=0.4", "run.duration_s=36000"];
    let observed = observe(&settings);
    let faults = holds(&observed);
    assert_eq!((faults.nodes_late, faults.nodes_left), (2, 2));
    let there = presences(&observed.fleet.faults, 5, observed.fleet.seed, at(36_000));
    for sent in observed.simulated.air.all() {
        let Transmitter::Node(node) = sent.source else { continue };
        let there = there[node.0 as usize];
        assert!(there.from <= sent.start && sent.start <= there.until, "{node:?} at {}", sent.start);
    }
    assert!(newest(&observed) > 0.85, "{}", newest(&observed));
}

#[test]
fn a_node_whose_battery_is_empty_is_silent() {
    let settings = ["nodes.battery_mah=1", "faults.battery=silence", "run.duration_s=36000"];
    let observed = busy(&settings);
    assert_eq!(holds(&observed).batteries_empty, 5);
    let sent = observed.simulated.air.all();
    let last = sent.iter().filter(|sent| matches!(sent.source, Transmitter::Node(_))).map(|sent| sent.start);
    let last = last.max().unwrap();
    // 1 mAh at 44 mA and 11.2 mA is 82 s of frames, or five minutes of listening.
    assert!(last > at(3_600) && last < at(30_000), "{last}");
    let forecast = busy(&["nodes.battery_mah=1", "run.duration_s=36000"]);
    assert_eq!(holds(&forecast).batteries_empty, 0);
}

const EVERYTHING: [&str; 22] = [
    "faults.service_restart_per_day=6",
    "faults.frame_loss=0.1",
    "faults.duplicate=0.1",
    "faults.reboot_per_day=6",
    "faults.power_cut_per_day=12",
    "faults.torn_write=0.3",
    "faults.cut_on_air=0.3",
    "faults.gateway_off_per_day=6",
    "faults.gateway_off_s=900",
    "faults.clock_jump_per_day=12",
    "faults.clock_jump_s=7200",
    "faults.corrupted=0.05",
    "faults.replayed=0.05",
    "faults.leave_share=0.2",
    "faults.late_share=0.2",
    "faults.until_s=36000",
    "backhaul.latency_ms=150",
    "backhaul.reordered=0.05",
    "backhaul.outage_per_day=6",
    "backhaul.outage_s=900",
    "radio.gateways=2",
    "run.duration_s=86400",
];

#[test]
fn after_everything_at_once_the_fleet_converges() {
    let observed = observe(&EVERYTHING);
    let faults = holds(&observed);
    let counts = [
        faults.reboots,
        faults.power_cuts,
        faults.torn_writes,
        faults.clock_jumps,
        faults.nodes_left,
        faults.nodes_late,
        faults.gateway_outages,
        faults.frames_corrupted,
        faults.frames_replayed,
        faults.backhaul_outages,
        faults.messages_reordered,
        faults.messages_duplicated,
    ];
    assert!(counts.iter().all(|&count| count > 0), "{faults:?}");
    // Of the nodes that are still there, two thirds of a day after the faults have ended.
    let accuracy = observed.simulated.run.final_accuracy();
    assert!(accuracy > 0.9, "{accuracy}");
    assert_eq!(observed.simulated.run.nodes.iter().filter(|node| node.gone_at_s.is_some()).count(), 1);
}

/// Whatever is drawn for one fault is drawn from a stream of its own.
#[test]
fn a_fault_more_leaves_the_draws_of_the_others_alone() {
    let outages = |settings: &[&str]| {
        let faults = small::run(settings).run.faults;
        (faults.gateway_outages, faults.gateway_off_s)
    };
    let alone = outages(&["faults.gateway_off_per_day=24"]);
    let among = ["faults.gateway_off_per_day=24", "faults.power_cut_per_day=12", "backhaul.latency_ms=20"];
    assert_eq!(alone, outages(&among));
    assert!(alone.0 > 0);
}

/// Two of five nodes, from the first sample to the last.
fn with_traitors(kind: &str) -> Observed {
    let kind = format!("faults.byzantine_kind={kind}");
    observe(&["faults.byzantine_share=0.4", &kind, "run.duration_s=36000"])
}

#[test]
fn nodes_that_forge_what_they_send_are_believed_and_everything_else_holds() {
    for kind in ["sign-flip", "scaling", "random"] {
        let observed = with_traitors(kind);
        let faults = holds(&observed);
        assert_eq!((faults.byzantine_nodes, faults.samples_forged), (2, 0), "{kind}");
        assert!(faults.contributions_forged > 5, "{kind}: {faults:?}");
        // Sealed with proper keys, in proper form: nothing of it is refused.
        assert_eq!(observed.rejects.get(&Reject::BadPayload), None, "{kind}: {:?}", observed.rejects);
        assert_eq!(faults.backdoor_success, None);
    }
}

#[test]
fn nodes_that_forge_what_they_learn_send_honest_frames() {
    for kind in ["label-flip", "backdoor"] {
        let observed = with_traitors(kind);
        let faults = holds(&observed);
        assert_eq!((faults.byzantine_nodes, faults.contributions_forged), (2, 0), "{kind}");
        assert!(faults.samples_forged > 1_000, "{kind}: {faults:?}");
        assert_eq!(faults.backdoor_success.is_some(), kind == "backdoor");
    }
}
