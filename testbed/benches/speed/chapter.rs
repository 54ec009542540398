//! What was measured, as text: on the terminal and in `docs/speed.md`.
use std::fmt::{self, Write};
use std::path::Path;

const INTRODUCTION: &str = include_str!("introduction.md");

/// Figures of one kind.
pub struct Chapter {
    /// Heading.
    pub title: &'static str,
    /// What was measured, and how.
    pub text: String,
    /// Heads of the columns. The first is text, the others are numbers.
    pub head: Vec<&'static str>,
    /// Cells, as many a row as there are heads.
    pub rows: Vec<Vec<String>>,
    /// What must hold.
    pub bars: Vec<Bar>,
}

/// A bound on a ratio or a count.
pub struct Bar {
    /// What is bounded.
    pub what: String,
    /// The most that it may be.
    pub at_most: f64,
    /// What it is.
    pub measured: f64,
}

impl Bar {
    /// Whether the bound holds.
    pub fn is_cleared(&self) -> bool {
        self.measured <= self.at_most
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}, at most {}", self.what, figure(self.measured), figure(self.at_most))
    }
}

impl fmt::Display for Chapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "## {}\n\n{}\n\n", self.title, self.text.trim())?;
        let rules: Vec<_> = (0..self.head.len()).map(|at| if at == 0 { "---" } else { "---:" }).collect();
        writeln!(f, "| {} |\n| {} |", self.head.join(" | "), rules.join(" | "))?;
        self.rows.iter().try_for_each(|row| writeln!(f, "| {} |", row.join(" | ")))
    }
}

/// Two digits after the point, none for large or whole numbers.
fn figure(value: f64) -> String {
    if value >= 100.0 || libm::trunc(value) == value { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// A number with its thousands apart.
pub fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes `docs/speed.md`.
pub fn write(chapters: &[Chapter]) -> std::io::Result<()> {
    let mut text = INTRODUCTION.replace("{machine}", &machine());
    text += "\n| what | at most | measured |\n| --- | ---: | ---: |\n";
    for bar in chapters.iter().flat_map(|chapter| &chapter.bars) {
        writeln!(text, "| {} | {} | {} |", bar.what, figure(bar.at_most), figure(bar.measured))
            .expect("a string takes everything");
    }
    for chapter in chapters {
        write!(text, "\n{chapter}").expect("a string takes everything");
    }
    std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/speed.md"), text)
}

/// The processor's name, where the system tells it.
fn machine() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    model.map_or_else(|| "an unnamed processor".into(), |(_, name)| name.trim().into())
}
