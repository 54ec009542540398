//! `chirrup service`: a service of a live run, in a process of its own.
use super::CliError;
use super::args::{ServiceArgs, ServiceName};
use std::error::Error;
use tokio::signal::unix::{SignalKind, signal};

/// Runs a service until SIGTERM.
pub fn service(args: &ServiceArgs) -> Result<(), CliError> {
    tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| CliError::Failed(error.to_string()))?;
    runtime.block_on(run(args)).map_err(|error| CliError::Failed(error.to_string()))
}

async fn run(args: &ServiceArgs) -> Result<(), Box<dyn Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = async move {
        terminate.recv().await;
    };
    match args.service {
        ServiceName::Gateway => {
            use chirrup_gateway::service::{self, Announce, Config};
            let config = Config::load(&args.config)?;
            Ok(service::run(config, &Announce::File(args.ready_file.clone()), stop).await?)
        }
        ServiceName::Aggregator => {
            use chirrup_aggregator::service::{self, config};
            let mut config = config::Config::load(&args.config)?;
            config.announce = config::Announce::File(args.ready_file.clone());
            Ok(service::run(config, stop).await?)
        }
    }
}
