//! How far a run is, for people who watch a terminal.
use chirrup_protocol::time::Instant;
use indicatif::{ProgressBar, ProgressStyle};

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
