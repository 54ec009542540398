//! `chirrup service`: a service of a live run, in a process of its own.
use super::CliError;
use super::args::{ServiceArgs, ServiceName};
use std::error::Error;
use std::io::Read;
use tokio::sync::oneshot;

/// Runs a service until its standard input ends, which is when the run that started it ends, or asks it to.
pub fn service(args: &ServiceArgs) -> Result<(), CliError> {
    tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| CliError::Failed(error.to_string()))?;
    runtime.block_on(run(args)).map_err(|error| CliError::Failed(error.to_string()))
}

async fn run(args: &ServiceArgs) -> Result<(), Box<dyn Error>> {
    let stop = end_of_input()?;
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

/// Resolves when standard input ends. A thread waits for that, as the runtime could not shut down while it reads.
fn end_of_input() -> Result<impl Future<Output = ()>, std::io::Error> {
    let (ended, end) = oneshot::channel::<()>();
    std::thread::Builder::new().name("end-of-input".into()).spawn(move || {
        let mut rest = [0; 64];
        // Whatever is written there means nothing; an error ends it too.
        while std::io::stdin().lock().read(&mut rest).is_ok_and(|bytes| bytes > 0) {}
        drop(ended);
    })?;
    Ok(async move {
        // The thread never sends: it is gone, and that is the message.
        end.await.unwrap_or_default();
    })
}
