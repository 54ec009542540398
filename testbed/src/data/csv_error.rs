//! What can be wrong with a CSV file.
use super::MAX_CLASSES;

/// A CSV file is not as it must be. Lines count from 1, the header's line included.
#[derive(Debug, thiserror::Error)]
pub enum CsvError {
    /// The name ends in neither `.csv` nor `.csv.gz`.
    #[error("the file's name must end in .csv or .csv.gz")]
    UnknownExtension,
    /// The operating system refuses the file, or the compression is damaged.
    #[error("cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// Not text, or not CSV.
    #[error("line {line}: not UTF-8 text separated by commas")]
    Malformed {
        /// Where the reader stopped.
        line: u64,
    },
    /// A column that the scenario names, or needs, is missing.
    #[error("column \"{column}\" is missing; the header has: {header}")]
    MissingColumn {
        /// The column.
        column: String,
        /// The columns there are.
        header: String,
    },
    /// Two columns have the same name, or one has none.
    #[error("line 1: column {index} has the name \"{name}\", which is empty or already taken")]
    BadColumnName {
        /// Position, counted from 1.
        index: usize,
        /// Its name.
        name: String,
    },
    /// Nothing but labels.
    #[error("there is no feature: every column holds the label, the node or the split")]
    NoFeatures,
    /// A row has too many or too few cells.
    #[error("line {line}: {have} cells where the header has {need}")]
    Ragged {
        /// Where.
        line: u64,
        /// Cells of the row.
        have: usize,
        /// Cells of the header.
        need: usize,
    },
    /// A feature is not a finite number.
    #[error("line {line}, column \"{column}\": \"{cell}\" is not a finite number")]
    NotANumber {
        /// Where.
        line: u64,
        /// The feature.
        column: String,
        /// What stands there.
        cell: String,
    },
    /// A label, node or split is empty.
    #[error("line {line}, column \"{column}\": the cell is empty")]
    EmptyCell {
        /// Where.
        line: u64,
        /// The column.
        column: String,
    },
    /// A split is neither `train` nor begins with `test`.
    #[error(
        "line {line}, column \"{column}\": \"{cell}\" is neither \"train\" nor a name that begins with \"test\""
    )]
    UnknownSplit {
        /// Where.
        line: u64,
        /// The column of splits.
        column: String,
        /// What stands there.
        cell: String,
    },
    /// The file holds no row of this kind.
    #[error("there is no {0} row")]
    NoRows(&'static str),
    /// Training on one class teaches nothing.
    #[error(
        "column \"{column}\": all training rows have the label \"{class}\"; at least two classes are needed"
    )]
    OneClass {
        /// The column of labels.
        column: String,
        /// The only class.
        class: String,
    },
    /// So many labels that the column is likely a measurement.
    #[error(
        "column \"{column}\" has {found} distinct labels, more than {MAX_CLASSES}: is it a measured quantity?"
    )]
    TooManyClasses {
        /// The column of labels.
        column: String,
        /// How many there are.
        found: usize,
    },
}
