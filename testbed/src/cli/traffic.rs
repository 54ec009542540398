//! `chirrup run` with a scenario of plain traffic: summary and time line, no page.
use super::progress::Bar;
use super::run::default_folder;
use super::{CliError, print};
use crate::cli::args::RunArgs;
use crate::report::WriteError;
use crate::scenario::{Scenario, TrafficConfig};
use crate::traffic::{Ended, simulate};
use std::fs::{self, File};
use std::io;
use std::path::Path;

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
    write(&ended, &folder)?;
    eprint!("{}", ended.summary.ending_table());
    eprintln!("  {:<26} {}", "summary", folder.join("summary.json").display());
    if args.json { print(&ended.summary.to_json_line()) } else { Ok(()) }
}

fn write(ended: &Ended, folder: &Path) -> Result<(), WriteError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| WriteError { path, source }
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    let summary = folder.join("summary.json");
    fs::write(&summary, ended.summary.to_json()).map_err(failed(&summary))?;
    let timeline = folder.join("timeline.csv");
    let file = File::create(&timeline).map_err(failed(&timeline))?;
    ended.timeline.write(file).map_err(io::Error::from).map_err(failed(&timeline))
}
