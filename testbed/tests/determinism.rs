//! Whole runs: the same seed gives the same bits, the ledger gives every version again, and faults are survived.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod small;

use chirrup_aggregator::core::ledger::{Closing, Record};
use chirrup_aggregator::core::{Aggregator, Reject};
use chirrup_gateway::core::{Heard, Reason};
use chirrup_protocol::epoch::{Limits, uplink_epoch};
use chirrup_protocol::ids::DevEui;
use chirrup_protocol::seal::Header;
use chirrup_protocol::time::Instant;
use chirrup_testbed::radio::RadioError;
use chirrup_testbed::scenario::{Experiment, Overrides, Scenario};
use chirrup_testbed::simulation::backend::Order;
use chirrup_testbed::simulation::record::record;
use chirrup_testbed::simulation::{Backend, Cores, CoresError, Fleet, World, simulate};
use chirrup_testbed::summary::RunRecord;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

fn closings(ledger: &[Record]) -> Vec<&Closing> {
    let mut closings = Vec::new();
    for record in ledger {
        if let Record::Closing(closing) = record {
            closings.push(closing);
        }
    }
    closings
}

#[test]
fn a_seed_gives_the_same_run_again_and_another_seed_another() {
    let (first, again, other) = (small::run(&[]), small::run(&[]), small::run(&["run.seed=2"]));
    assert_eq!(first.run, again.run);
    assert_eq!(first.ledger, again.ledger);
    assert_ne!(first.run.trace_hash, other.run.trace_hash);
    for simulated in [&first, &other] {
        let accuracy = simulated.run.final_accuracy();
        assert!(accuracy > 0.9, "{accuracy}");
        assert!(simulated.run.nodes.iter().all(|node| node.duty_worst_ratio <= 1.0));
    }
}

/// The trace of the quickstart changes only on purpose: the documentation says what it is.
#[test]
fn the_quickstart_has_the_trace_that_the_documentation_shows() {
    let experiment = Experiment::load(Scenario::load(None, &Overrides::default()).unwrap()).unwrap();
    let run = simulate(&experiment, &Fleet::new(&experiment), &mut |_| {}).unwrap().run;
    let shown = include_str!("../../README.md").lines().find_map(|line| line.trim().strip_prefix("trace "));
    assert_eq!(shown.map(str::trim), Some(run.trace_hash.as_str()));
}

const PHYSICS: [&str; 11] = [
    "radio.path_loss=okumura-hata",
    "radio.environment=suburban",
    "radio.gateway_height_m=40",
    "radio.node_height_m=2",
    "radio.antenna_gain_dbi=3",
    "radio.shadowing_db=6",
    "radio.shadowing_correlation_m=100",
    "radio.fading=rician",
    "radio.rician_k_db=3",
    "radio.clock_drift_ppm=30",
    "radio.interferers=[{ x_m = 500, duty = 0.1, power_dbm = 30 }]",
];

#[test]
fn under_harder_physics_a_seed_still_gives_the_same_run_and_the_federation_learns() {
    let (first, again) = (small::run(&PHYSICS), small::run(&PHYSICS));
    assert_eq!(first.run, again.run);
    assert_ne!(first.run.trace_hash, small::run(&[]).run.trace_hash);
    assert!(first.run.radio.lost.interference > 0, "{:?}", first.run.radio.lost);
    assert!(first.run.final_accuracy() > 0.8, "{}", first.run.final_accuracy());
}

#[test]
fn a_node_more_does_not_change_the_others_keys() {
    let fleet = |count: &str| Fleet::new(&small::experiment(&[count])).nodes;
    let (five, six) = (fleet("nodes.count=5"), fleet("nodes.count=6"));
    for (node, same) in five.iter().zip(&six) {
        assert_eq!((node.dev_eui, node.app_key, node.secret), (same.dev_eui, same.app_key, same.secret));
    }
}

#[test]
fn the_ledger_gives_every_version_again() {
    let experiment = small::experiment(&[]);
    let fleet = Fleet::new(&experiment);
    let ledger = small::run(&[]).ledger;
    let closings = closings(&ledger);
    assert!(closings.len() >= 5, "{} versions", closings.len());
    let mut aggregator = Aggregator::new(fleet.federation.clone(), fleet.signing_key.clone());
    let mut hashes = Vec::new();
    for record in &ledger {
        aggregator.apply(record).unwrap();
        if let Record::Closing(_) = record {
            hashes.push(aggregator.current().unwrap().hash);
        }
    }
    assert!(closings.iter().map(|closing| closing.hash).eq(hashes));
    // Without its seventh frame it is another ledger, and says so.
    let frame = ledger.iter().enumerate().filter(|(_, record)| matches!(record, Record::Frame { .. }));
    let contribution = frame.map(|(index, _)| index).find(|&index| {
        matches!(&ledger[index], Record::Frame { uplink, .. } if uplink.fport == chirrup_protocol::message::port::CONTRIBUTION)
    });
    let mut incomplete = ledger.clone();
    incomplete.remove(contribution.unwrap());
    let mut aggregator = Aggregator::new(fleet.federation, fleet.signing_key);
    assert!(incomplete.iter().try_for_each(|record| aggregator.apply(record)).is_err());
}

#[test]
fn with_a_third_of_all_frames_lost_the_federation_learns() {
    // Long enough for each of the five nodes to have received a model: one without it costs a tenth of the mean.
    let run = small::run(&["faults.frame_loss=0.3", "run.duration_s=36000"]).run;
    let lost = run.radio.lost.injected as f64 / run.radio.transmissions as f64;
    assert!((0.2..0.4).contains(&lost), "{lost}");
    assert!(run.final_accuracy() > 0.9, "{}", run.final_accuracy());
}

/// Both cores, and what an eavesdropper beside the gateway notes.
struct Watched {
    cores: Cores,
    phys: Vec<Vec<u8>>,
}

impl Backend for Watched {
    type Error = CoresError;

    fn heard(&mut self, now: Instant, heard: Heard) -> Result<(), CoresError> {
        self.phys.push(heard.phy.clone());
        self.cores.heard(now, heard)
    }

    fn refused(&mut self, now: Instant, token: u64, error: RadioError) -> Result<(), CoresError> {
        self.cores.refused(now, token, error)
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.cores.next_deadline()
    }

    fn reached(&mut self, now: Instant) -> Result<(), CoresError> {
        self.cores.reached(now)
    }

    fn poll_order(&mut self) -> Option<Order> {
        self.cores.poll_order()
    }
}

/// A run, and everything that can be known of it.
struct Observed {
    phys: Vec<Vec<u8>>,
    ledger: Vec<Record>,
    run: RunRecord,
    rejects: BTreeMap<Reject, u64>,
    discarded: BTreeMap<Reason, u64>,
}

fn observe(settings: &[&str]) -> Observed {
    let experiment = small::experiment(settings);
    observe_fleet(&experiment, &Fleet::new(&experiment))
}

fn observe_fleet(experiment: &Experiment, fleet: &Fleet) -> Observed {
    let mut watched = Watched { cores: Cores::new(fleet).unwrap(), phys: Vec::new() };
    let ended = World::new(experiment, fleet).run(&mut watched, &mut |_| {}).unwrap();
    let Watched { cores, phys } = watched;
    let rejects = cores.aggregator().rejects().clone();
    let discarded = cores.server().counters().discarded.clone();
    let ledger = cores.into_ledger();
    let run = record(experiment, fleet, &ended, &ledger, &rejects).unwrap();
    Observed { phys, ledger, run, rejects, discarded }
}

/// What makes a frame itself: a join's DevEUI and DevNonce, or a session's address and the counter in it.
fn identity(phy: &[u8]) -> Vec<u8> {
    match phy[0] >> 5 {
        0 => phy[9..19].to_vec(),
        _ => [&phy[1..5], &phy[6..8]].concat(),
    }
}

#[test]
fn power_cuts_use_no_counter_twice_and_the_federation_learns() {
    let observed = observe(&["faults.reboot_per_day=8", "run.duration_s=36000"]);
    let joins = observed.phys.iter().filter(|phy| phy[0] >> 5 == 0).count();
    let identities: BTreeSet<Vec<u8>> = observed.phys.iter().map(|phy| identity(phy)).collect();
    assert_eq!(identities.len(), observed.phys.len(), "an FCnt or a DevNonce was used twice");
    for reason in [Reason::Replayed, Reason::DevNonceReused, Reason::BadMic] {
        assert_eq!(observed.discarded.get(&reason), None, "{reason:?}");
    }
    let mut seals: BTreeSet<(DevEui, u16)> = BTreeSet::new();
    let mut blocks = BTreeSet::new();
    for record in &observed.ledger {
        if let Record::Frame { uplink, .. } = record {
            let counter = Header::parse(&uplink.payload).unwrap().counter_low;
            assert!(seals.insert((uplink.dev_eui, counter)), "seal counter {counter} was used twice");
            blocks.insert((uplink.dev_eui, counter / 64));
        }
    }
    assert!(blocks.len() >= 5 + 10, "a restart begins a block of counters: {}", blocks.len());
    assert!(joins < 5 + 10, "a restart keeps the session: {joins} joins");
    assert_eq!(observed.rejects.get(&Reject::Replayed), None);
    assert_eq!(observed.rejects.get(&Reject::Duplicate), None, "{:?}", observed.rejects);
    let accuracy = observed.run.versions.last().unwrap().accuracy;
    assert!(accuracy > 0.9, "of the newest version: {accuracy}");
    assert!(observed.run.final_accuracy() > 0.7, "of what nodes run: {}", observed.run.final_accuracy());
    assert!(observed.run.nodes.iter().all(|node| node.duty_worst_ratio <= 1.0));
}

/// Nodes that take new keys after 200 frames, lose power, and lose a third of what they send and hear.
#[test]
fn a_federation_learns_across_epochs() {
    let settings = ["faults.frame_loss=0.3", "faults.reboot_per_day=8", "run.duration_s=216000"];
    let experiment = small::experiment(&settings);
    let limits = Limits { counters: 200, ..Limits::default() };
    let fleet = Fleet { epoch_limits: limits, ..Fleet::new(&experiment) };
    let observed = observe_fleet(&experiment, &fleet);
    let mut last: BTreeMap<DevEui, (u32, u32)> = BTreeMap::new();
    let mut seals = BTreeSet::new();
    for record in &observed.ledger {
        let Record::Frame { uplink, .. } = record else { continue };
        let header = Header::parse(&uplink.payload).unwrap();
        let (epoch, frames) = last.entry(uplink.dev_eui).or_default();
        *epoch = uplink_epoch(header.key_id, *epoch).unwrap();
        *frames += 1;
        assert!(seals.insert((uplink.dev_eui, *epoch, header.counter_low)), "{header:?} was used twice");
    }
    assert_eq!(last.len(), 5);
    assert!(last.values().all(|(epoch, _)| *epoch >= 3), "epochs and frames by node: {last:?}");
    assert_eq!(observed.rejects.get(&Reject::NotAuthentic), None, "{:?}", observed.rejects);
    assert_eq!(observed.rejects.get(&Reject::Replayed), None, "{:?}", observed.rejects);
    let run = &observed.run;
    assert!(run.versions.last().unwrap().accuracy > 0.9, "{:?}", run.versions.last());
    assert!(run.final_accuracy() > 0.7, "of what nodes run: {}", run.final_accuracy());
    // The ledger alone gives every version again.
    let mut aggregator = Aggregator::new(fleet.federation, fleet.signing_key);
    observed.ledger.iter().try_for_each(|record| aggregator.apply(record)).unwrap();
    let highest: BTreeMap<DevEui, u32> = aggregator.devices().map(|d| (d.dev_eui, d.epoch)).collect();
    assert!(last.iter().all(|(dev_eui, (epoch, _))| highest[dev_eui] == *epoch));
}

#[test]
fn uplinks_that_the_backhaul_delivers_twice_change_nothing() {
    let (once, twice) = (observe(&[]), observe(&["faults.duplicate=0.5"]));
    let replayed = twice.rejects[&Reject::Replayed];
    let frames = once.ledger.iter().filter(|record| matches!(record, Record::Frame { .. })).count() as u64;
    assert!((frames / 3..frames * 2 / 3).contains(&replayed), "{replayed} of {frames}");
    assert_eq!(once.ledger, twice.ledger);
    assert_eq!(once.run.trace_hash, twice.run.trace_hash);
}

#[test]
fn a_table_of_the_users_is_learnt_from() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pumps.csv");
    let mut table = String::from("vibration,temperature,pressure,label,node,split\n");
    for row in 0..600 {
        let (label, noise) = (row % 3, f64::from(row * 7_919 % 101) / 101.0 - 0.5);
        let (node, split) =
            (["north", "south", "east"][row as usize / 3 % 3], if row % 5 == 0 { "test" } else { "train" });
        let name = ["calm", "loose", "worn"][label as usize];
        let vibration = f64::from(label) + 0.4 * noise;
        let temperature = if label == 1 { 40.0 } else { 20.0 } + 5.0 * noise;
        writeln!(table, "{vibration},{temperature},{},{name},{node},{split}", 101_325.0 + 50.0 * noise)
            .unwrap();
    }
    std::fs::write(&path, table).unwrap();
    let path = format!("data.path={}", path.display());
    let simulated = small::run(&["data.source=csv", &path, "nodes.partition=by-column"]);
    let names: Vec<_> = simulated.run.nodes.iter().map(|node| node.name.as_deref().unwrap()).collect();
    assert_eq!(names.len(), 3);
    assert!(names.contains(&"south"), "{names:?}");
    assert!(simulated.run.final_accuracy() > 0.9, "{}", simulated.run.final_accuracy());
    assert_eq!(simulated.run.accuracy.by_split.keys().collect::<Vec<_>>(), ["test"]);
}
