//! The `chirrup` command.
use chirrup_testbed::cli::args::{Cli, Command, RunArgs};
use chirrup_testbed::cli::{self, CliError, Progress};
use chirrup_testbed::scenario::Experiment;
use chirrup_testbed::simulation::{self, CoresError, Fleet};
use chirrup_testbed::summary::RunRecord;
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::finish(match Cli::parse().command {
        None => run(&RunArgs::default()),
        Some(Command::Run(args)) => run(&args),
        Some(Command::Live(_)) => Err(not_available("live")),
        Some(Command::Replay(_)) => Err(not_available("replay")),
        Some(Command::Airtime(args)) => cli::airtime(&args),
    })
}

fn run(args: &RunArgs) -> Result<(), CliError> {
    cli::exit_when_interrupted().map_err(|error| CliError::Failed(error.to_string()))?;
    cli::run(args, simulate)
}

fn simulate(experiment: &Experiment, progress: &mut Progress) -> Result<RunRecord, CoresError> {
    let fleet = Fleet::new(experiment);
    Ok(simulation::simulate(experiment, &fleet, progress)?.run)
}

fn not_available(command: &str) -> CliError {
    CliError::Usage(format!("`chirrup {command}` is not available in this version"))
}
