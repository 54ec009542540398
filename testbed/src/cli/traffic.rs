//! `chirrup run` with a scenario of plain traffic.
use super::progress::Bar;
use super::run::default_folder;
use super::{CliError, print};
use crate::cli::args::RunArgs;
use crate::report::PacketReport;
use crate::scenario::{Scenario, TrafficConfig};
use crate::traffic::simulate;

/// Runs the traffic and writes what came of it.
pub fn traffic(args: &RunArgs, scenario: &Scenario, traffic: &TrafficConfig) -> Result<(), CliError> {
    if args.trace.is_some() {
        return Err(CliError::Usage("--trace has no meaning with section [traffic]".into()));
    }
    let folder = args.out.clone().unwrap_or_else(|| default_folder(scenario));
    let bar = Bar::new(scenario.run.duration_s);
    let started = std::time::Instant::now();
    let ended = simulate(scenario, traffic, &mut |now| bar.reached(now));
    bar.finish();
    let mut ended = ended.map_err(|error| CliError::Failed(error.to_string()))?;
    ended.summary.wall_s = started.elapsed().as_secs_f64();
    PacketReport { scenario, ended: &ended }.write(&folder)?;
    eprint!("{}", ended.summary.ending_table());
    eprintln!("  {:<26} {}", "report", folder.join("report.html").display());
    if args.json { print(&ended.summary.to_json_line()) } else { Ok(()) }
}
