//! `chirrup run` and `chirrup live`: a scenario becomes a run, and a run becomes a report.
use super::args::RunArgs;
use super::progress::Bar;
use super::repeat;
use super::{CliError, print};
use crate::baseline::{self, Baselines};
use crate::checker::Violation;
use crate::radio::pcap;
use crate::report::{Report, WriteError, ending_table};
use crate::scenario::{AdrChoice, Experiment, LearnerConfig, Scenario};
use crate::simulation::{Fleet, Simulated};
use crate::summary::{RunRecord, Summary};
use chirrup_aggregator::export;
use chirrup_protocol::time::Instant;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

/// Called by a simulation now and then with the virtual time that it has reached.
pub type Progress<'a> = dyn FnMut(Instant) + 'a;

/// Name of the ledger in a run's folder.
pub const LEDGER: &str = "run.ledger";

/// Reads what `args` name, has `simulate` run it, and writes report and ledger. `simulate` is given the folder that
/// they go to. Plain traffic runs without it.
pub fn run<E: std::error::Error>(
    args: &RunArgs,
    simulate: impl FnOnce(&Experiment, &Fleet, &Path, &mut Progress) -> Result<Simulated, E>,
) -> Result<(), CliError> {
    let scenario = Scenario::load(args.scenario.as_deref(), &args.overrides())?;
    if let Some(traffic) = &scenario.traffic {
        return super::traffic(args, &scenario, traffic);
    }
    let experiment = Experiment::load(scenario)?;
    experiment.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
    let fleet = Fleet::new(&experiment);
    let folder = args.out.clone().unwrap_or_else(|| default_folder(&experiment.scenario));
    let trace = args.trace.as_deref().map(create_trace).transpose()?;
    let bar = Bar::new(experiment.scenario.run.duration_s);
    let started = std::time::Instant::now();
    let simulated = simulate(&experiment, &fleet, &folder, &mut |now| bar.reached(now));
    let Simulated { mut run, ledger, air, violations } = simulated.map_err(|error| failed(&error))?;
    run.wall_s = started.elapsed().as_secs_f64();
    if let Some((path, file)) = trace {
        pcap::write(&air, BufWriter::new(file)).map_err(|source| WriteError { path, source })?;
    }
    bar.then("baselines");
    let summary = summarise(&experiment, &run)?;
    bar.finish();
    let scenario = &experiment.scenario;
    Report { scenario, run: &run, summary: &summary, air: &air }.write(&folder)?;
    export::write(&folder.join(LEDGER), &fleet.federation, ledger.into_iter())
        .map_err(|error| failed(&error))?;
    tell(&summary, &folder);
    if args.json {
        print(&summary.to_json_line())?;
    }
    refuse_violations(args, scenario.run.seed, summary.checks.violations(), &violations)
}

/// Tells what the run broke, if anything, and how to see it again.
fn refuse_violations(
    args: &RunArgs,
    seed: u64,
    found: u64,
    violations: &[Violation],
) -> Result<(), CliError> {
    if found == 0 && violations.is_empty() {
        return Ok(());
    }
    let command = repeat::run_command(args.scenario.as_deref(), seed, args.set.iter().cloned());
    eprintln!("{}", repeat::violations(violations, &command));
    Err(CliError::Violated { found: found.max(violations.len() as u64) })
}

/// The file is made before the run, so that a path that cannot be written is told at once.
fn create_trace(path: &Path) -> Result<(PathBuf, File), WriteError> {
    match File::create(path) {
        Ok(file) => Ok((path.to_owned(), file)),
        Err(source) => Err(WriteError { path: path.to_owned(), source }),
    }
}

/// Computes the baselines of a run, and sums it up.
pub(super) fn summarise(experiment: &Experiment, run: &RunRecord) -> Result<Summary, CliError> {
    let baselines = baselines(experiment, run.final_accuracy())?;
    let scenario = &experiment.scenario;
    let majority_rate = experiment.task.majority_rate();
    Ok(Summary::new(&scenario.name, scenario.run.seed, majority_rate, run, baselines))
}

/// Services have a place only where nodes learn, hear LoRaWAN alone, and as far as their configuration files go: these
/// know one region, and no adaptive data rate.
pub fn refuse_with_services(args: &RunArgs) -> Result<(), CliError> {
    let scenario = Scenario::load(args.scenario.as_deref(), &args.overrides())?;
    let radio = &scenario.radio;
    let because = match (scenario.traffic, scenario.ble) {
        (Some(_), _) => "section [traffic] has no meaning with services: use `chirrup run`",
        (None, Some(_)) => {
            "section [ble] is not available with services, which have no BLE radio: use `chirrup run`"
        }
        (None, None) if radio.channel_group.is_some() => {
            "services run in radio.region = \"eu868\" alone: use `chirrup run`"
        }
        (None, None) if radio.adr == AdrChoice::Network => {
            "radio.adr = \"network\" is not available with services: use `chirrup run`"
        }
        (None, None) => return Ok(()),
    };
    Err(CliError::Usage(because.into()))
}

fn baselines(experiment: &Experiment, target: f64) -> Result<Baselines, CliError> {
    let LearnerConfig::Softmax(learner) = &experiment.scenario.learner;
    let Experiment { scenario, task, shares, .. } = experiment;
    baseline::compute(task, shares, learner, scenario.run.seed, target).map_err(|error| failed(&error))
}

pub(super) fn failed(error: &dyn std::error::Error) -> CliError {
    let causes = std::iter::successors(error.source(), |error| error.source());
    CliError::Failed(causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}")))
}

pub(super) fn default_folder(scenario: &Scenario) -> PathBuf {
    Path::new("out").join(format!("{}-{}", scenario.name, scenario.run.seed))
}

fn tell(summary: &Summary, folder: &Path) {
    eprint!("{}", ending_table(summary));
    eprintln!("  {:<26} {}", "report", folder.join("report.html").display());
    eprintln!("  {:<26} {}", "ledger", folder.join(LEDGER).display());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use std::convert::Infallible;
    use std::process::ExitCode;

    fn args(out: &Path, set: &[&str]) -> RunArgs {
        let set = set.iter().map(|entry| (*entry).to_owned()).collect();
        RunArgs { out: Some(out.to_owned()), set, ..RunArgs::default() }
    }

    fn simulated(violations: Vec<Violation>) -> Simulated {
        Simulated { run: sample::run(), ledger: Vec::new(), air: sample::air(), violations }
    }

    #[test]
    fn a_run_that_breaks_what_must_hold_fails_with_its_report_written() {
        let folder = tempfile::tempdir().unwrap();
        let args = args(folder.path(), &["data.source=breast-cancer"]);
        let broken = || Ok::<_, Infallible>(simulated(vec![Violation::OutsideBands { frames: 3 }]));
        let error = run(&args, |_, _, _, _| broken()).unwrap_err();
        assert!(matches!(error, CliError::Violated { found: 1 }), "{error}");
        assert_eq!(format!("{:?}", error.exit_code()), format!("{:?}", ExitCode::from(1)));
        assert!(folder.path().join("report.html").exists());
    }

    #[test]
    fn a_run_leaves_a_report_with_computed_baselines() {
        let folder = tempfile::tempdir().unwrap();
        let mut args = args(folder.path(), &["data.source=breast-cancer", "run.seed=3"]);
        args.trace = Some(folder.path().join("frames.pcap"));
        run(&args, |experiment, fleet, _, progress| {
            progress(Instant::from_micros(1));
            assert_eq!((experiment.shares.len(), fleet.nodes.len()), (20, 20));
            Ok::<_, Infallible>(simulated(Vec::new()))
        })
        .unwrap();
        let json: serde_json::Value =
            serde_json::from_slice(&std::fs::read(folder.path().join("summary.json")).unwrap()).unwrap();
        assert_eq!(json["seed"], 3);
        assert!(json["baselines"]["centralised"].as_f64().unwrap() > 0.9);
        assert!(folder.path().join("report.html").exists());
        assert!(
            std::fs::read(folder.path().join("frames.pcap")).unwrap().starts_with(&[0xd4, 0xc3, 0xb2, 0xa1])
        );
    }

    #[test]
    fn wrong_usage_is_told_from_failure() {
        let folder = tempfile::tempdir().unwrap();
        let code = |set: &[&str]| {
            let error = run(&args(folder.path(), set), |_, _, _, _| Err::<Simulated, _>(std::fmt::Error))
                .unwrap_err();
            format!("{:?}", error.exit_code())
        };
        let (failure, usage) = (format!("{:?}", ExitCode::from(1)), format!("{:?}", ExitCode::from(2)));
        assert_eq!(code(&[]), failure);
        assert_eq!(code(&["radio.gateways=0"]), usage);
        assert_eq!(code(&["data.source=csv", "data.path=/nowhere.csv"]), usage);
        assert_eq!(code(&["nodes.count=5000"]), usage);
    }
}
