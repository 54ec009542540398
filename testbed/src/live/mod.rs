//! The virtual radio in front of the real gateway and aggregator processes.
//!
//! ```text
//!   nodes, air (this process) --Semtech UDP--> chirrup-gateway --MQTT--> chirrup-aggregator
//!            |                                      |                         |
//!            +------------- lockstep: protocol time over TCP, "is all done?" --+
//! ```
//! Virtual time stands still until the services have answered: after each frame that a gateway heard, the run waits
//! until the network server's outbox is empty and every downlink was handed over. `--speed` is therefore an upper
//! bound, and no receive window is missed for want of wall time.
//!
//! - [`site`]: a folder with the configuration of both services, as an operator would write it;
//! - [`process`]: the services, each this same program re-executed into the library's `run()`;
//! - [`forwarder`]: a packet forwarder for each simulated concentrator;
//! - [`lockstep`]: the injected clocks;
//! - [`services`]: all of it as a [`crate::simulation::Backend`].
pub mod forwarder;
pub mod lockstep;
pub mod process;
pub mod services;
pub mod site;

pub use services::{LiveError, Services};

use crate::checker::{self, Evidence, Verdict};
use crate::scenario::Experiment;
use crate::simulation::{Fleet, Simulated, World, record};
use chirrup_aggregator::export;
use chirrup_aggregator::service::export_ledger;
use chirrup_protocol::time::Instant;
use std::path::Path;

/// Runs an experiment with real services, at most `speed` virtual seconds a second. Their files are left in `folder`.
pub fn live(
    experiment: &Experiment,
    fleet: &Fleet,
    speed: f64,
    folder: &Path,
    progress: &mut dyn FnMut(Instant),
) -> Result<Simulated, LiveError> {
    let mut services = Services::start(experiment, fleet, speed, folder)?;
    eprintln!("page of the aggregator: http://{}/", services.page());
    let ended = World::new(experiment, fleet).run(&mut services, progress)?;
    let stopped = services.stop()?;
    let exported = folder.join("exported.ledger");
    export_ledger(&stopped.aggregator, &exported)?;
    let (federation, ledger) = export::read(&exported)?;
    std::fs::remove_file(&exported)
        .map_err(|source| LiveError::Site { folder: folder.to_owned(), source })?;
    if federation != fleet.federation {
        return Err(LiveError::OtherFederation);
    }
    let rejects = export::replay(federation, &ledger)?.rejects;
    let Verdict { checks, violations } = checker::check(&Evidence {
        federation: &fleet.federation,
        air: ended.air.medium().log(),
        nodes: &ended.tallies,
        // It sealed them in a process of its own.
        downlinks: None,
        ledger: &ledger,
    });
    let mut run = record::record(experiment, fleet, &ended, &ledger, &rejects)?;
    run.checks = checks;
    Ok(Simulated { run, ledger, air: ended.air.take_records(), violations })
}
