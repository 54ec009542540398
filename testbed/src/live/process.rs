//! A service as a process: this program, re-executed into the service library's `run()`.
use serde::Deserialize;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a service may take until it says that it is ready.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// How long a service may take to drain.
const STOP_PATIENCE: Duration = Duration::from_secs(20);
/// How often a process is looked at.
const GLANCE: Duration = Duration::from_millis(5);

/// Which service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `chirrup-gateway`.
    Gateway,
    /// `chirrup-aggregator`.
    Aggregator,
}

impl Kind {
    /// Its name, as in files and arguments.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Aggregator => "aggregator",
        }
    }
}

/// Where a service listens; each service fills in what it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Addresses {
    /// For packet forwarders.
    pub udp: Option<SocketAddr>,
    /// The embedded broker.
    pub broker: Option<SocketAddr>,
    /// The page.
    pub http: Option<SocketAddr>,
    /// The injected clock.
    pub clock: Option<SocketAddr>,
}

/// A running service. Dropping it kills the process.
#[derive(Debug)]
pub struct Process {
    kind: Kind,
    child: Child,
    /// Where it listens.
    pub addresses: Addresses,
}

/// A service did not run as it should.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The operating system refused.
    #[error("{service}: {source}")]
    Io {
        /// Which service.
        service: &'static str,
        /// Why.
        source: io::Error,
    },
    /// It ended by itself.
    #[error("the {service} ended with {status}; its log is {}", .log.display())]
    Ended {
        /// Which service.
        service: &'static str,
        /// How.
        status: ExitStatus,
        /// What it said.
        log: PathBuf,
    },
    /// It did not become ready, or did not end, in time.
    #[error("the {service} took too long to {what}")]
    TooSlow {
        /// Which service.
        service: &'static str,
        /// Doing what.
        what: &'static str,
    },
}

impl Process {
    /// Starts a service in its folder and waits until it is ready.
    pub fn start(kind: Kind, folder: &std::path::Path) -> Result<Self, ProcessError> {
        let service = kind.name();
        let io = |source| ProcessError::Io { service, source };
        let ready = folder.join(format!("{service}.ready"));
        let log = folder.join(format!("{service}.log"));
        remove_if_there(&ready).map_err(io)?;
        let log_file = fs::OpenOptions::new().create(true).append(true).open(&log).map_err(io)?;
        let child = Command::new(std::env::current_exe().map_err(io)?)
            .args(["service", service, "--config"])
            .arg(folder.join(format!("{service}.toml")))
            .arg("--ready-file")
            .arg(&ready)
            // A service ends when this pipe does: when it is asked to, and when this process dies, however that happens.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log_file)
            .spawn()
            .map_err(io)?;
        let mut process = Self { kind, child, addresses: Addresses::default() };
        // For whoever wants to see what happens when it dies.
        fs::write(folder.join(format!("{service}.pid")), process.child.id().to_string()).map_err(io)?;
        process.addresses = process.wait_until_ready(&ready, &log)?;
        Ok(process)
    }

    /// Ends it at once, as a power cut does.
    pub fn kill(&mut self) -> Result<(), ProcessError> {
        let service = self.kind.name();
        let ended = self.child.kill().and_then(|()| self.child.wait());
        ended.map(drop).map_err(|source| ProcessError::Io { service, source })
    }

    /// Asks it to drain and waits for its end.
    pub fn stop(mut self) -> Result<(), ProcessError> {
        let service = self.kind.name();
        let io = |source| ProcessError::Io { service, source };
        drop(self.child.stdin.take());
        let started = Instant::now();
        while self.child.try_wait().map_err(io)?.is_none() {
            if started.elapsed() > STOP_PATIENCE {
                return Err(ProcessError::TooSlow { service, what: "stop" });
            }
            std::thread::sleep(GLANCE);
        }
        Ok(())
    }

    fn wait_until_ready(
        &mut self,
        ready: &std::path::Path,
        log: &std::path::Path,
    ) -> Result<Addresses, ProcessError> {
        let service = self.kind.name();
        let io = |source| ProcessError::Io { service, source };
        let started = Instant::now();
        loop {
            if let Ok(text) = fs::read_to_string(ready) {
                return serde_json::from_str(&text).map_err(|error| io(error.into()));
            }
            if let Some(status) = self.child.try_wait().map_err(io)? {
                return Err(ProcessError::Ended { service, status, log: log.to_owned() });
            }
            if started.elapsed() > START_PATIENCE {
                return Err(ProcessError::TooSlow { service, what: "become ready" });
            }
            std::thread::sleep(GLANCE);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already; there is nobody left to tell if it cannot be killed.
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

fn remove_if_there(path: &std::path::Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
