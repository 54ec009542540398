//! `chirrup replay`: a ledger through the cores again.
use super::args::ReplayArgs;
use super::{CliError, print};
use chirrup_aggregator::core::Reject;
use chirrup_aggregator::export::{self, Replayed};
use serde::Serialize;
use std::collections::BTreeMap;

/// What a replay found, as `--json` prints it.
#[derive(Serialize)]
struct Outcome {
    records: usize,
    accepted: u64,
    rejected: BTreeMap<Reject, u64>,
    versions: Vec<VersionOutcome>,
}

#[derive(Serialize)]
struct VersionOutcome {
    version: u32,
    at_s: f64,
    contributions: usize,
    hash: String,
}

/// Opens every frame of the ledger, closes every version that it records, and compares their hashes. Nothing but the
/// file is used.
pub fn replay(args: &ReplayArgs) -> Result<(), CliError> {
    let failed =
        |error: &dyn std::error::Error| CliError::Failed(format!("{}: {error}", args.ledger.display()));
    let (federation, ledger) = export::read(&args.ledger).map_err(|error| failed(&error))?;
    let replayed = export::replay(federation, &ledger).map_err(|error| failed(&error))?;
    let outcome = outcome(ledger.len(), replayed);
    eprintln!(
        "{} records, {} contributions: every hash of {} versions reproduced",
        outcome.records,
        outcome.accepted,
        outcome.versions.len()
    );
    if args.json {
        let json = serde_json::to_string(&outcome).expect("the outcome is plain data");
        return print(&(json + "\n"));
    }
    Ok(())
}

fn outcome(records: usize, replayed: Replayed) -> Outcome {
    let versions = replayed.versions.iter().map(|version| VersionOutcome {
        version: version.number,
        at_s: version.at.as_secs_f64(),
        contributions: version.contributions,
        hash: hex::encode(version.hash),
    });
    Outcome { records, accepted: replayed.accepted, versions: versions.collect(), rejected: replayed.rejects }
}
