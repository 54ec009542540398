//! The `chirrup` command: its arguments, and what surrounds the work of each.
//!
//! stdout is data, stderr is for people. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
mod airtime;
pub mod args;
mod progress;
mod repeat;
mod replay;
mod run;
mod service;
mod soak;
mod sweep;
mod traffic;
mod validate;

use crate::report::WriteError;
use crate::scenario::{ExperimentError, ScenarioError};
use crate::soak::SoakStoreError;
use crate::sweep::{PlanError, StoreError};
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::process::ExitCode;

pub use airtime::airtime;
pub use replay::replay;
pub use run::{LEDGER, Progress, refuse_with_services, run};
pub use service::service;
pub use soak::soak;
pub use sweep::sweep;
pub use traffic::traffic;
pub use validate::validate;

/// Exit code of an interrupted command: 128 and the number of SIGINT, as shells report it.
pub const INTERRUPTED: i32 = 130;

/// A command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The scenario is wrong.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The data is wrong, or does not fit the scenario.
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
    /// An argument has a value that it cannot have.
    #[error("{0}")]
    Usage(String),
    /// A sweep cannot be carried out as it was asked for.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The runs of a sweep cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The results of a soak cannot be kept.
    #[error(transparent)]
    Soak(#[from] SoakStoreError),
    /// The run broke what must hold; what and how was told.
    #[error("{found} violations of what must hold in every run")]
    Violated {
        /// How many.
        found: u64,
    },
    /// The work itself failed.
    #[error("{0}")]
    Failed(String),
    /// The result cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Nobody reads the output.
    #[error("cannot write to stdout: {0}")]
    Stdout(#[source] io::Error),
}

impl CliError {
    /// The command's exit code.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Plan(PlanError::Store(_)) | Self::Store(_) => ExitCode::FAILURE,
            Self::Scenario(_) | Self::Experiment(_) | Self::Usage(_) | Self::Plan(_) => ExitCode::from(2),
            Self::Soak(_) | Self::Violated { .. } | Self::Failed(_) | Self::Write(_) | Self::Stdout(_) => {
                ExitCode::FAILURE
            }
        }
    }
}

/// Turns the outcome of a command into its exit code; an error is told on stderr.
pub fn finish(outcome: Result<(), CliError>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            error.exit_code()
        }
    }
}

/// Ends the process with [`INTERRUPTED`] on Ctrl-C. For commands that have nothing to clean up.
pub fn exit_when_interrupted() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    std::thread::Builder::new().name("ctrl-c".into()).spawn(move || {
        if runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
            std::process::exit(INTERRUPTED);
        }
    })?;
    Ok(())
}

/// As many as were asked for, or as there are cores.
fn jobs(asked: Option<NonZeroUsize>) -> usize {
    asked.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get)
}

fn print(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(CliError::Stdout)
}
