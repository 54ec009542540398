//! A whole fleet under virtual time: the real cores, the real stack, a simulated air.
//!
//! - [`fleet`]: who there is, with keys from the seed, and how the cores are configured;
//! - [`node`]: a node as a task: agent, guard, stack (its radio under a [`tap`]), a [`board`], a stream of [`samples`];
//!   [`nodes`]: when each is on; `hazards`: what the seed has in store for it;
//! - [`backend`]: what stands behind the air; [`cores`]: network server and aggregator in this process,
//!   which may restart (`restarts`);
//! - [`ble`]: a node that speaks BLE, and gateways between its air and the backend;
//! - [`front`]: concentrators between air and backend; [`world`]: the run loop;
//! - [`tally`], [`scoring`], [`course`], [`record`]: from books and ledger to a [`crate::summary::RunRecord`].
pub mod backend;
pub mod ble;
pub mod board;
pub mod cores;
pub mod course;
pub mod fleet;
pub mod front;
mod hazards;
pub mod node;
pub mod nodes;
pub mod record;
mod restarts;
pub mod samples;
pub mod scoring;
mod stream;
pub mod tally;
pub mod tap;
pub mod world;

pub use backend::Backend;
pub use cores::{Cores, CoresError};
pub use fleet::Fleet;
pub use world::World;

use crate::checker::{self, Evidence, Verdict, Violation};
use crate::faults::Injected;
use crate::radio::AirRecords;
use crate::scenario::Experiment;
use crate::summary::RunRecord;
use chirrup_aggregator::core::Record;
use chirrup_protocol::time::Instant;

/// A finished run and the ledger behind it.
#[derive(Debug)]
pub struct Simulated {
    /// For the report.
    pub run: RunRecord,
    /// Everything the aggregator wrote, in order.
    pub ledger: Vec<Record>,
    /// Everything that was on the air.
    pub air: AirRecords,
    /// What should not have happened.
    pub violations: Vec<Violation>,
}

/// Runs an experiment with both cores in this process.
pub fn simulate(
    experiment: &Experiment,
    fleet: &Fleet,
    progress: &mut dyn FnMut(Instant),
) -> Result<Simulated, CoresError> {
    let mut cores = Cores::new(fleet)?;
    let world = World::new(experiment, fleet);
    let end = world.run(&mut cores, progress)?;
    let rejects = cores.rejects();
    let Verdict { checks, violations } = checker::check(&Evidence {
        federation: &fleet.federation,
        air: end.air.medium().log(),
        nodes: &end.tallies,
        downlinks: Some(cores.sealed()),
        ledger: cores.ledger(),
    });
    let mut behind = end.injected;
    cores.enter(end.at, &mut behind);
    let ledger = cores.into_ledger();
    let mut run = record::record(experiment, fleet, &end, &ledger, &rejects)?;
    run.checks = checks;
    run.faults = Injected { backdoor_success: run.faults.backdoor_success, ..behind };
    Ok(Simulated { run, ledger, air: end.air.take_records(), violations })
}
