//! Whole runs outside of EU868, and with data rates that the network server decides about.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod small;

use chirrup_protocol::region::{ChannelGroup, DWELL_LIMIT, Region};
use chirrup_protocol::time::Duration;
use chirrup_testbed::radio::{Cause, Outcome, Transmitter};
use chirrup_testbed::scenario::{Overrides, Scenario};
use chirrup_testbed::simulation::{Cores, Fleet, World};
use std::collections::BTreeSet;

fn refused(settings: &[&str]) -> String {
    let set = settings.iter().map(|entry| (*entry).to_owned()).collect();
    Scenario::load(None, &Overrides { set, seed: None }).unwrap_err().to_string()
}

#[test]
fn nodes_join_and_learn_in_the_regions_of_fixed_channels() {
    for (key, region, narrow) in
        [("radio.region=us915", Region::Us915, 7..=10), ("radio.region=au915", Region::Au915, 7..=10)]
    {
        let simulated = small::run(&[key]);
        let run = &simulated.run;
        assert!(run.final_accuracy() > 0.9, "{region}: {}", run.final_accuracy());
        assert!(simulated.violations.is_empty(), "{:?}", simulated.violations);
        let worst = run.nodes.iter().map(|node| node.duty_worst_ratio).fold(0.0, f64::max);
        assert!(worst > 0.0 && worst <= 1.0, "{worst} of the dwell time");
        let heard: BTreeSet<u32> = ChannelGroup::COMMON.channels_hz(region).collect();
        let (mut joins_elsewhere, mut uplinks) = (0, 0);
        for sent in simulated.air.all() {
            match sent.source {
                Transmitter::Gateway(_) => assert_eq!(sent.modulation.bandwidth_hz, 500_000),
                Transmitter::Node(_) if heard.contains(&sent.frequency_hz) => {
                    uplinks += 1;
                    assert!(sent.outcome != Outcome::Lost(Cause::OffChannel));
                }
                Transmitter::Node(_) => {
                    joins_elsewhere += 1;
                    assert_eq!((sent.phy_bytes, sent.outcome), (23, Outcome::Lost(Cause::OffChannel)));
                }
            }
            let is_narrow = sent.modulation.bandwidth_hz == 125_000;
            assert!(!is_narrow || sent.airtime <= DWELL_LIMIT);
            assert!(!is_narrow || narrow.contains(&sent.modulation.spreading_factor));
        }
        assert!(joins_elsewhere > 0 && uplinks > 100, "{joins_elsewhere} and {uplinks}");
        assert_eq!(run.radio.lost.off_channel, joins_elsewhere);
    }
}

#[test]
fn another_sub_band_is_found_too() {
    let simulated = small::run(&["radio.region=us915", "radio.sub_band=8"]);
    let group: BTreeSet<u32> = ChannelGroup::new(8).unwrap().channels_hz(Region::Us915).collect();
    let delivered = simulated
        .air
        .all()
        .iter()
        .filter(|sent| matches!(sent.source, Transmitter::Node(_)) && sent.outcome == Outcome::Delivered);
    let used: BTreeSet<u32> = delivered.map(|sent| sent.frequency_hz).collect();
    assert!(used.len() >= 8 && used.is_subset(&group), "{used:?}");
    assert!(simulated.run.final_accuracy() > 0.9);
}

#[test]
fn the_network_server_decides_where_it_is_asked_to() {
    let experiment = small::experiment(&["radio.adr=network"]);
    let fleet = Fleet::new(&experiment);
    let mut cores = Cores::new(&fleet).unwrap();
    let ended = World::new(&experiment, &fleet).run(&mut cores, &mut |_| {}).unwrap();
    let counters = cores.server().counters();
    let answered = counters.mac_commands.get("LinkADRAns").copied().unwrap_or(0);
    assert!(counters.link_adr_requests > 0 && answered > 0, "{counters:?}");
    assert!(answered <= counters.link_adr_requests);
    assert!(ended.air.medium().log().worst_ratio() <= 1.0);
    let commanded = small::run(&["radio.adr=network"]);
    assert!(commanded.run.final_accuracy() > 0.9, "{}", commanded.run.final_accuracy());
    assert!(commanded.violations.is_empty(), "{:?}", commanded.violations);
    let us915 = small::run(&["radio.region=us915", "radio.adr=network"]);
    assert!(us915.run.final_accuracy() > 0.9, "{}", us915.run.final_accuracy());
    assert!(us915.violations.is_empty(), "{:?}", us915.violations);
}

#[test]
fn what_a_region_does_not_carry_is_refused_with_the_reason() {
    let table: [(&[&str], &str); 7] = [
        (
            &["radio.region=us915", "radio.data_rate=0"],
            "radio.data_rate = 0: allowed is \"adr\", or a number from 1 to 4, as US915 DR0 carries 11 bytes, 16 are \
             needed: DR1 is the lowest data rate that does",
        ),
        (
            &["radio.region=au915", "radio.data_rate=1"],
            "allowed is \"adr\", or a number from 3 to 6, as AU915 has no uplink DR1, it has DR2 to DR6",
        ),
        (&["radio.region=us915", "radio.data_rate=5"], "or a number from 0 to 4"),
        (
            &["radio.sub_band=2"],
            "radio.sub_band has no meaning with a region in which gateways hear all channels",
        ),
        (
            &["radio.region=us915", "radio.sub_band=9"],
            "radio.sub_band = 9: allowed is a whole number from 1 to 8",
        ),
        (&["radio.region=as923"], "radio.region = \"as923\": allowed is eu868, us915, au915"),
        (&["radio.adr=lorawan"], "radio.adr = \"lorawan\": allowed is advice, network"),
    ];
    for (settings, expected) in table {
        let error = refused(settings);
        assert!(error.contains(expected), "{settings:?}\n  gave     {error}\n  expected {expected}");
    }
    assert_eq!(DWELL_LIMIT, Duration::from_millis(400));
}
