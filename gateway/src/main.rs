//! `chirrup-gateway`: a LoRaWAN network server in a box.
use anyhow::Context;
use chirrup_gateway::service::{self, Announce, Config};
use clap::{Args, Parser, Subcommand};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// Exit code of what a user interrupted.
const INTERRUPTED: u8 = 130;

/// A LoRaWAN network server for Class A, from packet forwarders to MQTT and back.
#[derive(Parser)]
#[command(version)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the service until SIGTERM or SIGINT, then drain.
    Run {
        #[command(flatten)]
        config: ConfigFile,
        /// Write the bound addresses there, as one line of JSON, and not on standard output.
        #[arg(long, value_name = "FILE")]
        ready_file: Option<PathBuf>,
    },
    /// Read the configuration and say what it means, without its secrets.
    CheckConfig {
        #[command(flatten)]
        config: ConfigFile,
    },
}

#[derive(Args)]
struct ConfigFile {
    /// The TOML file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,mqtt5=warn"));
    let ansi = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(ansi).with_writer(std::io::stderr).init();
    match execute(CommandLine::parse().command).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn execute(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::CheckConfig { config } => println!("{}", Config::load(&config.config)?),
        Command::Run { config, ready_file } => {
            let config = Config::load(&config.config)?;
            let announce = ready_file.map_or(Announce::Stdout, Announce::File);
            let mut end = Ending::Terminated;
            service::run(config, &announce, ending(&mut end)?).await?;
            if end == Ending::Interrupted {
                return Ok(ExitCode::from(INTERRUPTED));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What ended the service.
#[derive(PartialEq)]
enum Ending {
    /// SIGTERM, the orderly way.
    Terminated,
    /// SIGINT, by somebody at a terminal.
    Interrupted,
}

/// Resolves at SIGTERM or SIGINT, and notes which. It listens from the call on, before anybody is told that the
/// service runs.
fn ending(end: &mut Ending) -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => *end = Ending::Terminated,
            _ = interrupt.recv() => *end = Ending::Interrupted,
        }
    })
}
