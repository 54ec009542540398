//! Fleets with BLE: one federation over two links, and what must hold of it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod small;

use chirrup_testbed::simulation::Simulated;
use chirrup_testbed::summary::{LinkKind, Links};

fn links(simulated: &Simulated) -> Links {
    Links::of(&simulated.run).expect("some nodes speak BLE")
}

fn accuracy(simulated: &Simulated) -> f64 {
    simulated.run.final_accuracy()
}

#[test]
fn a_mixed_fleet_learns_in_one_federation() {
    let mixed = small::run(&["ble.nodes=share", "ble.share=0.5", "radio.radius_m=20"]);
    let Links { lorawan, ble } = links(&mixed);
    assert!(lorawan.nodes >= 1 && ble.figures.nodes >= 1, "{lorawan:?} {ble:?}");
    assert_eq!(lorawan.nodes + ble.figures.nodes, 5);
    assert!(mixed.violations.is_empty(), "{:?}", mixed.violations);
    assert!(accuracy(&mixed) > 0.9, "{}", accuracy(&mixed));
    for node in &mixed.run.nodes {
        assert!(node.contributions_accepted > 0, "{:?}", node.link);
        assert!(node.sent().payload_bytes > 0 && node.sent().airtime_s > 0.0 && node.sent().energy_mj > 0.0);
    }
    // The same bytes cost far less time on the air over BLE.
    let airtime_s = |link: LinkKind| {
        let nodes = mixed.run.nodes.iter().filter(|node| node.link == link).map(|node| node.sent());
        let (seconds, bytes) =
            nodes.fold((0.0, 0), |sum, sent| (sum.0 + sent.airtime_s, sum.1 + sent.payload_bytes));
        seconds / bytes as f64
    };
    assert!(airtime_s(LinkKind::Ble) * 10.0 < airtime_s(LinkKind::Lorawan));
}

#[test]
fn a_fleet_of_ble_alone_learns_without_lora() {
    let all = small::run(&["ble.nodes=all", "radio.radius_m=20"]);
    assert_eq!(all.run.radio.transmissions, 0);
    assert!(all.violations.is_empty(), "{:?}", all.violations);
    assert!(accuracy(&all) > 0.9, "{}", accuracy(&all));
    let ble = links(&all).ble;
    assert_eq!((ble.figures.nodes, ble.totals.broken), (5, 0));
    assert!(ble.totals.connections >= ble.figures.frames);
}

/// Even at the longest interval, where an exchange takes most of a minute.
#[test]
fn a_slow_connection_carries_frames_too() {
    let slow = small::run(&[
        "ble.nodes=all",
        "radio.radius_m=20",
        "ble.interval_ms=4000",
        "ble.supervision_ms=32000",
        "backhaul.latency_ms=200",
    ]);
    let ble = links(&slow).ble;
    assert!(ble.totals.broken <= 5, "no more than the end of the run cuts: {ble:?}");
    assert!(ble.figures.frames > 100 && accuracy(&slow) > 0.9, "{ble:?}");
    assert!(slow.violations.is_empty());
}

#[test]
fn the_trace_covers_ble_and_repeats() {
    let settings = ["ble.nodes=all", "radio.radius_m=50", "ble.loss=0.1", "run.duration_s=3600"];
    let (first, again) = (small::run(&settings), small::run(&settings));
    assert_eq!(first.run.trace_hash, again.run.trace_hash);
    assert!(links(&first).ble.totals.repeated > 0);
    let other = small::run(&["ble.nodes=all", "radio.radius_m=50", "ble.loss=0.2", "run.duration_s=3600"]);
    assert_ne!(first.run.trace_hash, other.run.trace_hash);
}

/// Without a node that speaks it, the section changes nothing.
#[test]
fn a_section_for_nobody_leaves_the_trace_alone() {
    let without = small::run(&["run.duration_s=3600"]);
    let nobody = small::run(&["run.duration_s=3600", "ble.nodes=share", "ble.share=0"]);
    assert_eq!(without.run.trace_hash, nobody.run.trace_hash);
    assert_eq!(links(&nobody).ble.totals.advertisements, 0);
}

/// Nodes restart and lose power, in the middle of connections and of writes too, clocks jump, gateways are off, the
/// backhaul fails: no counter is used twice, nothing is counted twice, and the fleet learns on once it is over.
#[test]
fn faults_break_nothing() {
    let hurt = small::run(&[
        "ble.nodes=all",
        "radio.radius_m=50",
        "ble.loss=0.3",
        "run.duration_s=36000",
        "faults.reboot_per_day=100",
        "faults.power_cut_per_day=100",
        "faults.cut_on_air=0.5",
        "faults.torn_write=0.3",
        "faults.clock_jump_per_day=20",
        "faults.clock_jump_s=1000000",
        "faults.gateway_off_per_day=24",
        "faults.duplicate=0.2",
        "faults.corrupted=0.05",
        "backhaul.latency_ms=300",
        "backhaul.outage_per_day=12",
        "faults.until_s=18000",
    ]);
    assert!(hurt.violations.is_empty(), "{:?}", hurt.violations);
    assert!(accuracy(&hurt) > 0.9, "{}", accuracy(&hurt));
    let totals = links(&hurt).ble.totals;
    assert!(totals.broken > 0 && totals.connections > totals.broken, "{totals:?}");
}

#[test]
fn nodes_out_of_reach_say_nothing_and_harm_nobody() {
    let far = small::run(&["ble.nodes=all", "radio.radius_m=5000", "run.duration_s=3600"]);
    let ble = links(&far).ble;
    assert!(ble.totals.advertisements > 0);
    assert_eq!((ble.totals.connections, ble.figures.contributions_accepted), (0, 0));
    assert!(far.violations.is_empty());
}
