//! The `chirrup` command.
use chirrup_testbed::cli::args::{Cli, Command, LiveArgs, RunArgs, SoakArgs, SweepArgs, ValidateArgs};
use chirrup_testbed::cli::{self, CliError};
use chirrup_testbed::live;
use chirrup_testbed::simulation;
use clap::Parser;
use std::process::ExitCode;

/// Where a live run leaves the files of its services, below its own folder.
const SERVICES: &str = "services";

fn main() -> ExitCode {
    cli::finish(match Cli::parse().command {
        None => run(&RunArgs::default()),
        Some(Command::Run(args)) => run(&args),
        Some(Command::Sweep(args)) => sweep(&args),
        Some(Command::Soak(args)) => soak(&args),
        Some(Command::Live(args)) => live(&args),
        Some(Command::Replay(args)) => cli::replay(&args),
        Some(Command::Airtime(args)) => cli::airtime(&args),
        Some(Command::Validate(args)) => validate(&args),
        Some(Command::Service(args)) => cli::service(&args),
    })
}

fn run(args: &RunArgs) -> Result<(), CliError> {
    cli::exit_when_interrupted().map_err(|error| CliError::Failed(error.to_string()))?;
    cli::run(args, |experiment, fleet, _, progress| simulation::simulate(experiment, fleet, progress))
}

/// A run in the making leaves nothing that a later sweep would take for finished, so that Ctrl-C may come at any time.
fn sweep(args: &SweepArgs) -> Result<(), CliError> {
    cli::exit_when_interrupted().map_err(|error| CliError::Failed(error.to_string()))?;
    cli::sweep(args, |experiment, fleet, progress| simulation::simulate(experiment, fleet, progress))
}

/// A result is a line of its own, so that Ctrl-C may come at any time.
fn soak(args: &SoakArgs) -> Result<(), CliError> {
    cli::exit_when_interrupted().map_err(|error| CliError::Failed(error.to_string()))?;
    cli::soak(args)
}

fn validate(args: &ValidateArgs) -> Result<(), CliError> {
    cli::exit_when_interrupted().map_err(|error| CliError::Failed(error.to_string()))?;
    cli::validate(args)
}

fn live(args: &LiveArgs) -> Result<(), CliError> {
    cli::refuse_with_services(&args.run)?;
    cli::run(&args.run, |experiment, fleet, folder, progress| {
        live::live(experiment, fleet, args.speed, &folder.join(SERVICES), progress)
    })
}
