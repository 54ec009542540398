//! `chirrup sweep`: many runs of one scenario on all cores, and one report.
use super::args::SweepArgs;
use super::progress::SweepBar;
use super::repeat;
use super::run::{Progress, failed, summarise};
use super::{CliError, jobs};
use crate::report::SweepReport;
use crate::scenario::{Experiment, TrafficConfig};
use crate::simulation::{Fleet, Simulated};
use crate::sweep::plan::PlannedRun;
use crate::sweep::work::on_all;
use crate::sweep::{Plan, Results, Store};
use crate::traffic;
use std::path::{Path, PathBuf};

/// Makes every run of the sweep that is not finished yet, and writes the report. `simulate` makes one run.
///
/// A run that fails does not stop the others: it is told at once, with the command that repeats it, and the sweep fails
/// at its end.
pub fn sweep<E: std::error::Error>(
    args: &SweepArgs,
    simulate: impl Fn(&Experiment, &Fleet, &mut Progress) -> Result<Simulated, E> + Sync,
) -> Result<(), CliError> {
    let plan = Plan::new(args.scenario.as_deref(), &args.set, &args.vary, args.seeds)?;
    let out = args.out.clone().unwrap_or_else(|| default_folder(&plan));
    let store = Store::new(&out);
    let missing: Vec<usize> =
        (0..plan.runs.len()).filter(|&run| store.finished(&plan.runs[run].key).is_none()).collect();
    let bar = SweepBar::new(&plan, &missing);
    let mut failures = 0;
    on_all(
        jobs(args.jobs),
        missing.len(),
        |index| run_one(&plan.runs[missing[index]], &store, &bar, &simulate),
        |index, outcome| {
            bar.finished_one();
            if let Err(error) = outcome {
                failures += 1;
                bar.tell(&format!(
                    "error: {error}\n  repeat it with: {}",
                    command(args, &plan, missing[index])
                ));
            }
        },
    );
    bar.clear();
    let results = Results::read(&plan, &store);
    let report = SweepReport { results: &results };
    report.write(&out)?;
    tell(&report, &plan, missing.len(), &out);
    match failures {
        0 => Ok(()),
        failures => Err(CliError::Failed(format!("{failures} of {} runs failed", missing.len()))),
    }
}

fn run_one<E: std::error::Error>(
    planned: &PlannedRun,
    store: &Store,
    bar: &SweepBar,
    simulate: &impl Fn(&Experiment, &Fleet, &mut Progress) -> Result<Simulated, E>,
) -> Result<(), CliError> {
    if let Some(traffic) = &planned.scenario.traffic {
        return run_packets(planned, traffic, store, bar);
    }
    let experiment = Experiment::load(planned.scenario.clone())?;
    let fleet = Fleet::new(&experiment);
    let started = std::time::Instant::now();
    let mut told_s = 0;
    let simulated = simulate(&experiment, &fleet, &mut |now| {
        bar.advance(now.as_secs() - told_s);
        told_s = now.as_secs();
    });
    let Simulated { mut run, violations, .. } = simulated.map_err(|error| failed(&error))?;
    if let Some(first) = violations.first() {
        return Err(CliError::Failed(format!("{} violations, the first: {first}", violations.len())));
    }
    run.wall_s = started.elapsed().as_secs_f64();
    let summary = summarise(&experiment, &run)?;
    Ok(store.keep(&planned.key, &summary, &run)?)
}

/// The same with plain traffic.
fn run_packets(
    planned: &PlannedRun,
    traffic: &TrafficConfig,
    store: &Store,
    bar: &SweepBar,
) -> Result<(), CliError> {
    let started = std::time::Instant::now();
    let mut told_s = 0;
    let ended = traffic::simulate(&planned.scenario, traffic, &mut |now| {
        bar.advance(now.as_secs() - told_s);
        told_s = now.as_secs();
    });
    let mut ended = ended.map_err(|error| failed(&error))?;
    ended.summary.wall_s = started.elapsed().as_secs_f64();
    Ok(store.keep_files(&planned.key, &ended.summary.to_json(), &ended.timeline.to_csv())?)
}

fn default_folder(plan: &Plan) -> PathBuf {
    Path::new("out").join(format!("{}-sweep", plan.name))
}

/// The command that makes one run alone.
fn command(args: &SweepArgs, plan: &Plan, run: usize) -> String {
    let point = plan.points.iter().find(|point| point.runs.iter().any(|(_, of)| *of == run));
    let values = &point.expect("every run belongs to a point").values;
    let varied = plan.keys.iter().zip(values).map(|(key, value)| format!("{key}={value}"));
    let seed = plan.runs[run].scenario.run.seed;
    repeat::run_command(args.scenario.as_deref(), seed, args.set.iter().cloned().chain(varied))
}

fn tell(report: &SweepReport, plan: &Plan, made: usize, out: &Path) {
    eprint!("{}", report.ending_table());
    let found = plan.runs.len() - made;
    eprintln!("  {:<26} {} made now, {found} were finished before", "runs", made);
    eprintln!("  {:<26} {}", "report", out.join("report.html").display());
    eprintln!("  {:<26} {}", "all runs", out.join("runs.csv").display());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::Violation;
    use crate::report::sample;
    use std::fmt;
    use std::fs;
    use std::num::NonZeroUsize;
    use std::sync::Mutex;

    fn args(out: &Path, vary: &[&str], seeds: u32) -> SweepArgs {
        SweepArgs {
            scenario: None,
            vary: vary.iter().map(|text| text.parse().unwrap()).collect(),
            seeds,
            jobs: NonZeroUsize::new(2),
            set: vec!["data.source=breast-cancer".into()],
            out: Some(out.to_owned()),
        }
    }

    /// Runs a sweep of made-up runs, of which those with `failing` nodes fail; returns what was run.
    fn made_up(args: &SweepArgs, failing: usize) -> (Result<(), CliError>, Vec<(usize, u64)>) {
        let made = Mutex::new(Vec::new());
        let outcome = sweep(args, |experiment, _, _| {
            let scenario = &experiment.scenario;
            made.lock().unwrap().push((scenario.nodes.count, scenario.run.seed));
            if scenario.nodes.count == failing {
                return Err(fmt::Error);
            }
            let violations = match scenario.nodes.count {
                7 => vec![Violation::OutsideBands { frames: 1 }],
                _ => Vec::new(),
            };
            Ok(Simulated { run: sample::run(), ledger: Vec::new(), air: sample::air(), violations })
        });
        let mut made = made.into_inner().unwrap();
        made.sort_unstable();
        (outcome, made)
    }

    #[test]
    fn a_sweep_goes_on_where_it_was_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let vary = ["nodes.count=3,4"];
        let (outcome, made) = made_up(&args(folder.path(), &vary, 1), 0);
        outcome.unwrap();
        assert_eq!(made, [(3, 1), (4, 1)]);
        let report = fs::read_to_string(folder.path().join("report.html")).unwrap();
        assert!(report.contains("nodes.count = 4"));
        // Another seed, and another value: only what is new is run.
        let (outcome, made) = made_up(&args(folder.path(), &["nodes.count=3,4,5"], 2), 0);
        outcome.unwrap();
        assert_eq!(made, [(3, 2), (4, 2), (5, 1), (5, 2)]);
        let lines = fs::read_to_string(folder.path().join("runs.csv")).unwrap().lines().count();
        assert_eq!(lines, 1 + 6);
        assert_eq!(made_up(&args(folder.path(), &vary, 2), 0).1, []);
    }

    #[test]
    fn a_run_that_fails_stops_no_other_and_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let args = args(folder.path(), &["nodes.count=3,4"], 2);
        let (outcome, made) = made_up(&args, 3);
        assert_eq!(outcome.unwrap_err().to_string(), "2 of 4 runs failed");
        assert_eq!(made.len(), 4);
        let (outcome, made) = made_up(&args, 0);
        outcome.unwrap();
        assert_eq!(made, [(3, 1), (3, 2)]);
    }

    #[test]
    fn plain_traffic_is_swept_as_it_is_run() {
        let folder = tempfile::tempdir().unwrap();
        let scenario = folder.path().join("plain.toml");
        fs::write(&scenario, "[traffic]\nmac = \"bare\"\n[nodes]\ncount = 5\n[run]\nduration_s = 3600\n")
            .unwrap();
        let mut args = args(&folder.path().join("out"), &["traffic.mean_s=20,60"], 2);
        (args.scenario, args.set) = (Some(scenario.clone()), Vec::new());
        let (outcome, learnt) = made_up(&args, 0);
        outcome.unwrap();
        assert_eq!(learnt, []);
        let plan = Plan::new(Some(&scenario), &[], &args.vary, 2).unwrap();
        let kept = Store::new(&folder.path().join("out")).finished(&plan.runs[3].key).unwrap();
        let alone = &plan.runs[3].scenario;
        let alone = traffic::simulate(alone, alone.traffic.as_ref().unwrap(), &mut |_| {}).unwrap();
        assert_eq!(kept.summary["trace_hash"], alone.summary.trace_hash.as_str());
        let report = fs::read_to_string(folder.path().join("out/report.html")).unwrap();
        assert!(report.contains("Plotly.newPlot(\"delivery\"") && report.contains("4 finished runs of 2"));
        assert!(!report.contains("unbeaten"));
        assert_eq!(made_up(&args, 0).1, []);
    }

    #[test]
    fn a_run_that_breaks_what_must_hold_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let args = args(folder.path(), &["nodes.count=7"], 1);
        for _ in 0..2 {
            let (outcome, made) = made_up(&args, 0);
            assert_eq!(
                (outcome.unwrap_err().to_string().as_str(), made),
                ("1 of 1 runs failed", vec![(7, 1)])
            );
        }
    }

    #[test]
    fn the_command_that_repeats_a_run_names_everything() {
        let args = args(Path::new("out"), &["nodes.count=3,4"], 2);
        let plan = Plan::new(None, &args.set, &args.vary, args.seeds).unwrap();
        let expected = "chirrup run --seed 2 --set 'data.source=breast-cancer' --set 'nodes.count=4'";
        assert_eq!(command(&args, &plan, 3), expected);
    }
}
