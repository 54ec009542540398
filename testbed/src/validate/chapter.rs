//! A chapter of the page: text, a table whose rows were checked, perhaps a picture.
use super::Effort;

/// A chapter before its work is done.
#[derive(Clone, Copy)]
pub struct Plan {
    /// Its heading.
    pub title: &'static str,
    /// Does it.
    pub work: fn(&'static str, Effort) -> Chapter,
}

impl Plan {
    /// Does the work for the page.
    pub fn run(self) -> Chapter {
        self.run_with(Effort::FULL)
    }

    /// Does the work with another effort.
    pub fn run_with(self, effort: Effort) -> Chapter {
        (self.work)(self.title, effort)
    }
}

/// A measured value beside what it must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Check {
    /// By theory.
    pub expected: f64,
    /// By simulation.
    pub measured: f64,
    /// How far both may be apart.
    pub tolerance: f64,
}

impl Check {
    /// Whether both agree.
    pub fn holds(&self) -> bool {
        (self.measured - self.expected).abs() <= self.tolerance
    }
}

/// A row of a table, and what was checked for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Cells, one a column.
    pub cells: Vec<String>,
    /// All of them must hold.
    pub checks: Vec<Check>,
}

/// A chapter of the page.
#[derive(Clone, Debug, PartialEq)]
pub struct Chapter {
    /// Its heading.
    pub title: &'static str,
    /// What was done, in Markdown.
    pub text: &'static str,
    /// Headings of the columns.
    pub columns: &'static [&'static str],
    /// The table.
    pub rows: Vec<Row>,
    /// Name and content of an SVG.
    pub picture: Option<(&'static str, String)>,
}

impl Chapter {
    /// How many checks there were.
    pub fn checks(&self) -> usize {
        self.rows.iter().map(|row| row.checks.len()).sum()
    }

    /// What does not hold, one line each.
    pub fn failures(&self) -> Vec<String> {
        let told = |row: &Row, check: &Check| {
            let Check { measured, expected, tolerance } = check;
            format!("{} ({}): {measured}, not {expected} +- {tolerance}", self.title, row.cells.join(", "))
        };
        let failed = |row: &'_ Row| -> Vec<String> {
            row.checks.iter().filter(|check| !check.holds()).map(|check| told(row, check)).collect()
        };
        self.rows.iter().flat_map(failed).collect()
    }

    fn markdown(&self, stem: &str) -> String {
        let mut page = format!("\n## {}\n\n{}\n", self.title, self.text);
        if let Some((name, _)) = &self.picture {
            page += &format!("\n![{}]({stem}-{name}.svg)\n", self.title);
        }
        let heads = self.columns.join(" | ");
        page += &format!("\n| {heads} | holds |\n|{}\n", " --- |".repeat(self.columns.len() + 1));
        for row in &self.rows {
            let verdict = if row.checks.iter().all(Check::holds) { "yes" } else { "**no**" };
            page += &format!("| {} | {verdict} |\n", row.cells.join(" | "));
        }
        page
    }
}

const INTRODUCTION: &str = "\
# Validation of the radio

The simulated radio beside closed forms and published values. One command writes this page and its pictures, and fails
when a check does:

```sh
cargo run --release -- validate        # --out FILE.md for another place
```

Seeds are fixed: the page is the same wherever it is made. Random figures are means of 16 independent runs, and
`+-` is the half width of their 99.9 % confidence interval (Student's t with 15 degrees of freedom, 4.073 standard
errors), within which theory must lie. Everything else is compared exactly, or to the last digit that is shown.
";

/// The page. Pictures are expected beside it, under `stem`.
pub fn page(stem: &str, chapters: &[Chapter]) -> String {
    let (checks, failed): (usize, usize) = chapters
        .iter()
        .map(|chapter| (chapter.checks(), chapter.failures().len()))
        .fold((0, 0), |sum, chapter| (sum.0 + chapter.0, sum.1 + chapter.1));
    let verdict = format!("\n{} of {checks} checks hold.\n", checks - failed);
    let body: String = chapters.iter().map(|chapter| chapter.markdown(stem)).collect();
    format!("{INTRODUCTION}{verdict}{body}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chapter(measured: f64) -> Chapter {
        let check = Check { expected: 1.0, measured, tolerance: 0.1 };
        Chapter {
            title: "Title",
            text: "Text.",
            columns: &["a", "b"],
            rows: vec![Row { cells: vec!["1".into(), "2".into()], checks: vec![check] }],
            picture: Some(("name", "<svg/>".into())),
        }
    }

    #[test]
    fn the_page_says_what_holds_and_what_does_not() {
        let good = page("stem", &[chapter(1.05)]);
        for part in
            ["1 of 1 checks hold", "## Title", "(stem-name.svg)", "| a | b | holds |", "| 1 | 2 | yes |"]
        {
            assert!(good.contains(part), "{part} is missing in: {good}");
        }
        let bad = chapter(1.2);
        assert!(page("stem", std::slice::from_ref(&bad)).contains("| 1 | 2 | **no** |"));
        assert_eq!(bad.failures(), ["Title (1, 2): 1.2, not 1 +- 0.1"]);
    }

    #[test]
    fn not_a_number_is_no_agreement() {
        assert!(!Check { expected: 1.0, measured: f64::NAN, tolerance: 0.1 }.holds());
    }
}
