//! The checkers over whole runs: an honest one has no violation, and each checker catches what it is there for when the
//! evidence is doctored.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod small;

use chirrup_aggregator::core::ledger::{Closing, Record};
use chirrup_aggregator::core::version::ContributionId;
use chirrup_protocol::ids::DevEui;
use chirrup_protocol::message::port;
use chirrup_testbed::checker::{Evidence, SealLog, Verdict, Violation, check};
use chirrup_testbed::simulation::tally::NodeTally;
use chirrup_testbed::simulation::world::Ended;
use chirrup_testbed::simulation::{Cores, Fleet, World};
use std::collections::BTreeMap;

/// All that the checkers see of a run.
struct Run {
    fleet: Fleet,
    ended: Ended,
    tallies: Vec<NodeTally>,
    downlinks: BTreeMap<DevEui, SealLog>,
    ledger: Vec<Record>,
}

impl Run {
    fn of(settings: &[&str]) -> Self {
        let experiment = small::experiment(settings);
        let fleet = Fleet::new(&experiment);
        let mut cores = Cores::new(&fleet).unwrap();
        let ended = World::new(&experiment, &fleet).run(&mut cores, &mut |_| {}).unwrap();
        let (tallies, downlinks) = (ended.tallies.clone(), cores.sealed().clone());
        Self { fleet, ended, tallies, downlinks, ledger: cores.into_ledger() }
    }

    fn check(&self) -> Verdict {
        check(&Evidence {
            federation: &self.fleet.federation,
            air: self.ended.air.medium().log(),
            nodes: &self.tallies,
            downlinks: Some(&self.downlinks),
            ledger: &self.ledger,
        })
    }

    /// Doctors the ledger, and returns what is found in it; then all is as before.
    fn with_ledger(&mut self, doctor: impl FnOnce(&mut Vec<Record>)) -> Vec<Violation> {
        let honest = self.ledger.clone();
        doctor(&mut self.ledger);
        let found = self.check().violations;
        self.ledger = honest;
        found
    }

    fn places(&self, is_it: impl Fn(&Record) -> bool) -> Vec<usize> {
        (0..self.ledger.len()).filter(|&index| is_it(&self.ledger[index])).collect()
    }

    fn contributions(&self) -> Vec<usize> {
        self.places(
            |record| matches!(record, Record::Frame { uplink, .. } if uplink.fport == port::CONTRIBUTION),
        )
    }

    fn closings(&self) -> Vec<usize> {
        self.places(|record| matches!(record, Record::Closing(_)))
    }
}

fn closing(record: &mut Record) -> &mut Closing {
    match record {
        Record::Closing(closing) => closing,
        other => panic!("{other:?} is no closing record"),
    }
}

const FAULTS: [&str; 4] =
    ["faults.frame_loss=0.3", "faults.reboot_per_day=8", "faults.duplicate=0.3", "run.duration_s=36000"];

#[test]
fn honest_runs_have_no_violation_and_every_checker_has_something_to_look_at() {
    for settings in [&[][..], &FAULTS] {
        let run = Run::of(settings);
        let verdict = run.check();
        assert_eq!(verdict.violations, [], "{settings:?}");
        for (name, looked) in verdict.checks.all() {
            assert!(looked.unwrap().looked_at > 4, "{name} looked at {looked:?}");
        }
        let frames = run.ended.air.medium().log().records().len() as u64;
        assert_eq!(verdict.checks.duty_cycle.unwrap().looked_at, frames);
        assert_eq!(verdict.checks.frame_counters.unwrap().looked_at, frames);
        assert_eq!(verdict.checks.versions.unwrap().looked_at, run.closings().len() as u64);
    }
}

#[test]
fn doctored_ledgers_are_caught() {
    let mut run = Run::of(&[]);
    let (contributions, closings) = (run.contributions(), run.closings());
    let (frame, first, second) = (contributions[1], closings[0], closings[1]);

    let forged = run.with_ledger(|ledger| {
        let Record::Frame { uplink, .. } = &mut ledger[frame] else { panic!("no frame") };
        *uplink.payload.last_mut().unwrap() ^= 1;
    });
    assert!(matches!(forged[0], Violation::NeverSealed { fport: port::CONTRIBUTION, .. }), "{forged:?}");

    let on_another_port = run.with_ledger(|ledger| {
        let Record::Frame { uplink, .. } = &mut ledger[frame] else { panic!("no frame") };
        uplink.fport = port::STATUS;
    });
    assert!(matches!(on_another_port[0], Violation::NeverSealed { fport: port::STATUS, .. }));

    let twice = run.with_ledger(|ledger| ledger.insert(frame + 1, ledger[frame].clone()));
    assert!(matches!(twice[..], [Violation::AcceptedTwice { .. }]), "{twice:?}");

    let counted_again = run.with_ledger(|ledger| {
        let again = closing(&mut ledger[first]).contributions[0];
        closing(&mut ledger[second]).contributions.push(again);
    });
    assert!(matches!(counted_again[0], Violation::CountedTwice { version: 2, .. }), "{counted_again:?}");

    let invented = run.with_ledger(|ledger| {
        let id = closing(&mut ledger[first]).contributions[0];
        closing(&mut ledger[first]).contributions.push(ContributionId { sequence: 9_999, ..id });
    });
    assert!(matches!(invented[0], Violation::NeverArrived { version: 1, .. }), "{invented:?}");

    let left_out = run.with_ledger(|ledger| closing(&mut ledger[first]).contributions.truncate(1));
    assert!(matches!(left_out[0], Violation::LeftOut { version: 1, .. }), "{left_out:?}");
    assert!(
        left_out.iter().any(|found| matches!(found, Violation::Version { version: 1, .. })),
        "{left_out:?}"
    );

    let wrong_hash = run.with_ledger(|ledger| closing(&mut ledger[second]).hash[0] ^= 1);
    assert!(matches!(wrong_hash[0], Violation::Version { version: 2, .. }), "{wrong_hash:?}");
    assert!(matches!(wrong_hash[1], Violation::Chain { version: 3, last: 2 }), "{wrong_hash:?}");
    assert!(wrong_hash[2..].is_empty(), "one fault is found once: {wrong_hash:?}");

    assert_eq!(run.check().violations, [], "all is as it was");
}

#[test]
fn another_rule_of_combining_is_caught() {
    let mut run = Run::of(&["run.duration_s=9000"]);
    let chirrup_aggregator::core::strategy::Strategy::FedBuff(fedbuff) = &mut run.fleet.federation.strategy;
    fedbuff.server_rate = 0.5;
    let found = run.check().violations;
    assert!(matches!(found[0], Violation::Version { version: 1, .. }), "{found:?}");
    let unknown = found.iter().filter(|found| matches!(found, Violation::UnknownModel { .. })).count();
    assert!(unknown > 0, "what nodes run is not what the oracle publishes: {found:?}");
}

#[test]
fn a_node_that_runs_a_model_under_another_number_is_caught() {
    let mut run = Run::of(&["run.duration_s=9000"]);
    let note = run.tallies.iter_mut().find_map(|tally| tally.models.first_mut()).unwrap();
    note.digest ^= 1;
    let found = run.check().violations;
    assert!(matches!(found[..], [Violation::UnknownModel { .. }]), "{found:?}");
}
