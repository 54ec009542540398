//! `chirrup soak`: many seeds, each a small fleet with faults of its own.
use super::args::SoakArgs;
use super::progress::SoakBar;
use super::{CliError, jobs, print, repeat};
use crate::soak::store::{Kept, Program};
use crate::soak::{Broken, Drawn, Outcome, SoakStore, Totals, Trial, shrunk};
use crate::sweep::work::on_all;

/// Runs every seed that did not hold before. What breaks is told at once, with the fewest faults that still break it and
/// the command that repeats it; the soak then fails at its end.
pub fn soak(args: &SoakArgs) -> Result<(), CliError> {
    let mut store = SoakStore::open(&args.out, &Program::running()?)?;
    let seeds = args.first..args.first.saturating_add(args.seeds.into());
    let missing: Vec<u64> = seeds.clone().filter(|&seed| store.held(seed).is_none()).collect();
    let bar = SoakBar::new(args.seeds.into(), missing.len() as u64);
    let (mut broken, mut unwritten) = (Vec::new(), None);
    on_all(
        jobs(args.jobs),
        missing.len(),
        |index| run_one(missing[index], &bar),
        |_, kept| {
            bar.finished_one();
            if !kept.broken.is_empty() {
                broken.push(kept.clone());
            }
            unwritten = unwritten.take().or(store.keep(kept).err());
        },
    );
    bar.clear();
    if let Some(error) = unwritten {
        return Err(error.into());
    }
    let held = seeds.filter_map(|seed| store.held(seed)).cloned();
    let results: Vec<Kept> = held.chain(broken).collect();
    let totals = Totals::of(args.first, &results);
    tell(&totals, missing.len());
    if args.json {
        let json = serde_json::to_string_pretty(&totals).expect("totals are plain data");
        print(&(json + "\n"))?;
    }
    match totals.broken.len() {
        0 => Ok(()),
        broken => Err(CliError::Failed(format!("{broken} of {} seeds broke", totals.seeds))),
    }
}

fn run_one(seed: u64, bar: &SoakBar) -> Kept {
    let trial = Trial::of(seed);
    let outcome = trial.run();
    if let Some(first) = outcome.broken.first() {
        bar.tell(&told(&trial.drawn, &outcome, first));
    }
    Kept::of(seed, trial.drawn.faults.len(), &outcome)
}

/// What a seed broke, and how to see it again.
fn told(drawn: &Drawn, outcome: &Outcome, first: &Broken) -> String {
    let still_breaks = |candidate: &Drawn| {
        let outcome = Trial { drawn: candidate.clone() }.run();
        outcome.broken.iter().any(|broken| broken.is_like(first))
    };
    let smallest = shrunk(drawn, still_breaks);
    let lines: String = outcome.broken.iter().take(10).map(|broken| format!("\n  {broken}")).collect();
    format!(
        "error: seed {}{lines}\n  smallest: {}\n  judge it again with: chirrup soak --first {} --seeds 1",
        drawn.seed,
        repeat::run_command(None, drawn.seed, smallest.settings().cloned()),
        drawn.seed
    )
}

fn tell(totals: &Totals, run_now: usize) {
    let row = |name: &str, value: String| eprintln!("  {name:<26} {value}");
    eprintln!("soak, seeds {} to {}", totals.first, totals.first + totals.seeds.saturating_sub(1));
    row("seeds", format!("{run_now} run now, {} before", totals.seeds - run_now as u64));
    row("with faults", totals.with_faults.to_string());
    row("frames on the air", totals.transmissions.to_string());
    row("versions", totals.versions.to_string());
    row("looked at by checkers", totals.checked.to_string());
    let healed = totals.healed_s;
    row(
        "healed, of all nodes",
        format!("{:.0} s, {:.0} s at most, of {}", healed.median, healed.max, totals.healing_s),
    );
    row(
        "accuracy lost to faults",
        format!(
            "{:.3}, {:.3} at most, of {}, in {} seeds",
            totals.accuracy_lost.median, totals.accuracy_lost.max, totals.accuracy_margin, totals.must_learn
        ),
    );
    row("broken", format!("{:?}", totals.broken));
}
