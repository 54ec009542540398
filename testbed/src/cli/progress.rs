//! How far a run is, for people who watch a terminal.
use crate::sweep::Plan;
use chirrup_protocol::time::Instant;
use indicatif::{ProgressBar, ProgressStyle};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A bar over the virtual time of a run. It draws on stderr, and only when that is a terminal.
pub struct Bar(ProgressBar);

impl Bar {
    /// A bar for a run of `duration_s` virtual seconds.
    pub fn new(duration_s: u64) -> Self {
        let bar = ProgressBar::new(duration_s);
        let template = "  {bar:40} {percent:>3} %  {msg}  {eta} left";
        bar.set_style(ProgressStyle::with_template(template).expect("the template is constant and valid"));
        Self(bar)
    }

    /// The run has come to this point.
    pub fn reached(&self, now: Instant) {
        self.0.set_position(now.as_secs());
        self.0.set_message(format!("{:.1} h", now.as_secs_f64() / 3_600.0));
    }

    /// What follows takes a while too, but has no measure.
    pub fn then(&self, what: &'static str) {
        self.0.set_message(what);
    }

    /// Clears the line.
    pub fn finish(self) {
        self.0.finish_and_clear();
    }
}

/// A bar over the seeds of a soak, for several threads.
pub struct SoakBar(ProgressBar);

impl SoakBar {
    /// A bar for so many seeds, of which some are missing.
    pub fn new(seeds: u64, missing: u64) -> Self {
        let bar = ProgressBar::new(seeds).with_position(seeds - missing);
        let template = "  {bar:40} {pos} of {len} seeds  {eta} left";
        bar.set_style(ProgressStyle::with_template(template).expect("the template is constant and valid"));
        // What is found is not a rate.
        bar.reset_eta();
        Self(bar)
    }

    /// One seed more has ended.
    pub fn finished_one(&self) {
        self.0.inc(1);
    }

    /// Says something on stderr without spoiling the bar.
    pub fn tell(&self, text: &str) {
        self.0.suspend(|| eprintln!("{text}"));
    }

    /// Clears the line.
    pub fn clear(&self) {
        self.0.finish_and_clear();
    }
}

/// A bar over all virtual time of a sweep, for several threads.
pub struct SweepBar {
    bar: ProgressBar,
    runs: usize,
    finished: AtomicUsize,
}

impl SweepBar {
    /// A bar for the runs of `plan` that are missing.
    pub fn new(plan: &Plan, missing: &[usize]) -> Self {
        let duration_s = missing.iter().map(|&run| plan.runs[run].scenario.run.duration_s).sum();
        let bar = ProgressBar::new(duration_s);
        let template = "  {bar:40} {percent:>3} %  {msg}  {eta} left";
        bar.set_style(ProgressStyle::with_template(template).expect("the template is constant and valid"));
        let runs = plan.runs.len();
        let bar = Self { bar, runs, finished: AtomicUsize::new(runs - missing.len()) };
        bar.show_runs();
        bar
    }

    /// A run has come so much further, in virtual seconds.
    pub fn advance(&self, seconds: u64) {
        self.bar.inc(seconds);
    }

    /// One run more is finished, or has failed.
    pub fn finished_one(&self) {
        self.finished.fetch_add(1, Ordering::Relaxed);
        self.show_runs();
    }

    /// Says something on stderr without spoiling the bar.
    pub fn tell(&self, text: &str) {
        self.bar.suspend(|| eprintln!("{text}"));
    }

    /// Clears the line.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn show_runs(&self) {
        self.bar.set_message(format!("{} of {} runs", self.finished.load(Ordering::Relaxed), self.runs));
    }
}
