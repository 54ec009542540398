//! What a family of learners says of itself.
use std::fmt;

/// Measures a family.
pub type Measure = fn() -> anyhow::Result<Section>;

/// A chapter of the document.
#[derive(Debug)]
pub struct Section {
    /// Heading.
    pub title: &'static str,
    /// What is measured and how, and what it teaches; Markdown.
    pub text: String,
    /// Tables, each under a sentence of its own.
    pub tables: Vec<Table>,
    /// What must be reached.
    pub bars: Vec<Bar>,
}

/// Rows of figures.
#[derive(Debug)]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// Heads of the columns. The first is text, the others are numbers.
    pub head: Vec<&'static str>,
    /// Cells, as many a row as there are heads.
    pub rows: Vec<Vec<String>>,
}

/// A figure that was asked for beside the one that was measured.
#[derive(Clone, Debug)]
pub struct Bar {
    /// What is measured, with its unit.
    pub what: String,
    /// What it must be.
    pub asked: Asked,
    /// What it is.
    pub measured: f64,
}

/// A bound.
#[derive(Clone, Copy, Debug)]
pub enum Asked {
    /// At least this.
    Floor(f64),
    /// At most this.
    Ceiling(f64),
    /// As much as that would be wanted; what was reached instead, and the text of the section why.
    ShortOf {
        /// What would be wanted.
        wanted: f64,
        /// What is held.
        held: f64,
    },
}

impl Bar {
    /// A bar from below.
    pub fn at_least(what: impl Into<String>, asked: f64, measured: f64) -> Self {
        Self { what: what.into(), asked: Asked::Floor(asked), measured }
    }

    /// A bar from above.
    pub fn at_most(what: impl Into<String>, asked: f64, measured: f64) -> Self {
        Self { what: what.into(), asked: Asked::Ceiling(asked), measured }
    }

    /// A bar from below that is known to be missed: the document says by how much, and a further fall is a failure.
    pub fn short_of(what: impl Into<String>, wanted: f64, held: f64, measured: f64) -> Self {
        Self { what: what.into(), asked: Asked::ShortOf { wanted, held }, measured }
    }

    /// Whether the figure holds.
    pub fn is_cleared(&self) -> bool {
        match self.asked {
            Asked::Floor(bound) | Asked::ShortOf { held: bound, .. } => self.measured >= bound,
            Asked::Ceiling(bound) => self.measured <= bound,
        }
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, asked, measured } = self;
        let measured = figure(*measured);
        match asked {
            Asked::Floor(bound) => write!(f, "{what}: {measured}, asked at least {}", figure(*bound)),
            Asked::Ceiling(bound) => write!(f, "{what}: {measured}, asked at most {}", figure(*bound)),
            Asked::ShortOf { wanted, .. } => {
                write!(f, "{what}: {measured}, SHORT OF {}", figure(*wanted))
            }
        }
    }
}

/// Four digits after the point, none for large or whole numbers.
pub fn figure(value: f64) -> String {
    if value.abs() >= 100.0 || libm::trunc(value) == value {
        format!("{value:.0}")
    } else {
        format!("{value:.4}")
    }
}

/// An accuracy in percent: the mean, and the range over the splits.
pub fn percent(values: &[f64]) -> String {
    let mean = mean(values);
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    match values {
        [only] => format!("{:.1}", 100.0 * only),
        _ => format!("{:.1} ({:.1} to {:.1})", 100.0 * mean, 100.0 * least, 100.0 * most),
    }
}

/// The mean; of nothing it is no number.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
