//! The aggregator's service: `chirrup-aggregator run|check-config|enroll|revoke|export`.
mod enrolling;

use anyhow::{Context, Result};
use chirrup_aggregator::core::federation::{Federation, ScaleSource};
use chirrup_aggregator::service;
use chirrup_aggregator::service::config::{Announce, Config};
use chirrup_protocol::codec::update::UpdateCodec;
use clap::{Args, Parser, Subcommand};
use enrolling::{Enroll, Revoke};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// Takes in what nodes learnt, combines it, and publishes global models.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the service until SIGTERM or SIGINT.
    Run(Run),
    /// Say what a configuration means, without secrets.
    CheckConfig(ConfigFile),
    /// Check what a device says of itself, add it to the enrolment list, and say what to provision in the node.
    Enroll(Enroll),
    /// Take in nothing more from a device, by a list that the signing key signs.
    Revoke(Revoke),
    /// Write the ledger of a stopped service to a file that `chirrup replay` can replay. It holds secrets.
    Export(Export),
}

#[derive(Args)]
struct ConfigFile {
    /// Configuration file.
    #[arg(long)]
    config: PathBuf,
}

#[derive(Args)]
struct Run {
    #[command(flatten)]
    config: ConfigFile,
    /// Write the addresses that were bound to this file, as one line of JSON, instead of to standard output.
    #[arg(long)]
    ready_file: Option<PathBuf>,
}

#[derive(Args)]
struct Export {
    #[command(flatten)]
    config: ConfigFile,
    /// The file to write, readable by its owner alone.
    #[arg(long)]
    out: PathBuf,
}

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let ansi = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(ansi).init();
    let done = match Cli::parse().command {
        Command::Run(run) => self::run(run),
        Command::CheckConfig(ConfigFile { config }) => check_config(&config),
        Command::Enroll(enroll) => enrolling::enroll(&enroll),
        Command::Revoke(revoke) => enrolling::revoke(&revoke),
        Command::Export(Export { config, out }) => export(&config.config, &out),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(Run { config, ready_file }: Run) -> Result<()> {
    let mut config = Config::load(&config.config)?;
    config.announce = ready_file.map_or(Announce::Stdout, Announce::File);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let stop = shutdown_signal()?;
        Ok(service::run(config, stop).await?)
    })
}

/// Completes at SIGTERM or SIGINT. Signals are caught from the call on.
#[cfg(unix)]
fn shutdown_signal() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
    })
}

#[cfg(not(unix))]
fn shutdown_signal() -> Result<impl Future<Output = ()>> {
    Ok(async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "no signal can be received");
        }
    })
}

fn check_config(path: &Path) -> Result<()> {
    let config = Config::load(path)?;
    let mut out = std::io::stdout().lock();
    describe_federation(&mut out, &config.federation)?;
    writeln!(out, "public key    {}", hex::encode(config.signing_key.verifying_key().to_bytes()))?;
    match &config.validation {
        Some(set) => writeln!(out, "validation    {} samples", set.len())?,
        None => writeln!(out, "validation    none")?,
    }
    let mqtt = &config.mqtt;
    let user = mqtt.credentials.as_ref().map_or("nobody", |(name, _)| name);
    writeln!(out, "broker        {}:{} as {} (user {user})", mqtt.host, mqtt.port, mqtt.client_id)?;
    writeln!(out, "topics        {}", mqtt.topics.all_uplinks())?;
    writeln!(out, "ledger        {}", config.ledger.display())?;
    writeln!(out, "page          http://{}/", config.http_listen)?;
    writeln!(out, "clock         {:?}", config.clock)?;
    if !config.http_listen.ip().is_loopback() {
        eprintln!("warning: the page has no password, and {} is reachable from outside", config.http_listen);
    }
    Ok(())
}

fn describe_federation(out: &mut impl Write, federation: &Federation) -> Result<()> {
    let task = &federation.task;
    let (features, classes) = (task.features, task.classes);
    writeln!(out, "task          {}: {features} features, {classes} classes", federation.task_id.0)?;
    writeln!(out, "learner       {:?}", task.learner)?;
    for form in task.forms.iter() {
        let codec = UpdateCodec::of(form).context("the configuration names codecs of updates alone")?;
        writeln!(out, "contribution  {codec}, at most {} bytes", form.max_bytes)?;
    }
    writeln!(out, "participation {:?}", task.participation)?;
    match &federation.scale {
        ScaleSource::Schema(schema) => writeln!(out, "scale         schema of {} features", schema.len())?,
        ScaleSource::Moments { devices, patience } => {
            let patience_s = patience.as_secs_f64();
            writeln!(out, "scale         moments of {devices} devices, or after {patience_s} s")?;
        }
    }
    writeln!(out, "strategy      {:?}", federation.strategy)?;
    writeln!(out, "cadence       {:?}", federation.cadence)?;
    writeln!(out, "model         {} bits a parameter", federation.model_bits)?;
    writeln!(out, "downlink      at most {} bytes", federation.downlink_bytes)?;
    match &federation.data_rate_advice {
        Some(advice) => writeln!(out, "advice        {advice:?}")?,
        None => writeln!(out, "advice        none")?,
    }
    let revoked = federation.devices.iter().filter(|device| device.revoked_from.is_some()).count();
    writeln!(out, "devices       {}, of which {revoked} are revoked", federation.devices.len())?;
    Ok(())
}

fn export(config: &Path, out: &Path) -> Result<()> {
    let config = Config::load(config)?;
    let records = service::export_ledger(&config, out)?;
    eprintln!("{records} records written to {}, which holds the devices' secrets", out.display());
    Ok(())
}
