//! The operator's validation file: labelled samples on which every new version is judged as nodes would run it.
use crate::core::Aggregator;
use chirrup_learn::features::scale::{self, FeatureScale};
use chirrup_learn::linear::softmax::Softmax;
use chirrup_learn::{LearnError, Shape};
use chirrup_protocol::task::Learner;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// A validation file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ValidationError {
    /// The file could not be read.
    #[error("{}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not CSV.
    #[error("{}: {source}", .path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        source: csv::Error,
    },
    /// No column of labels.
    #[error("{}: no column is named `label`", .path.display())]
    NoLabel {
        /// The file.
        path: PathBuf,
    },
    /// More or fewer columns than the task has features.
    #[error("{}: {have} columns besides `label`, the task has {need} features", .path.display())]
    Columns {
        /// The file.
        path: PathBuf,
        /// Columns.
        have: usize,
        /// Features.
        need: usize,
    },
    /// A cell that is not what it must be.
    #[error("{}: row {row}, column `{column}`: `{text}` is not {need}", .path.display())]
    Cell {
        /// The file.
        path: PathBuf,
        /// Line of the file, from one.
        row: u64,
        /// Name of the column.
        column: String,
        /// What it holds.
        text: String,
        /// What it should hold.
        need: String,
    },
    /// No samples.
    #[error("{}: no rows", .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

/// Labelled samples.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidationSet {
    shape: Shape,
    /// Row by row, `[rows][features]`.
    samples: Vec<f32>,
    labels: Vec<usize>,
    digest: u64,
}

/// How many verdicts were right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Score {
    /// Right ones.
    pub correct: u64,
    /// All.
    pub total: u64,
}

impl ValidationSet {
    /// Reads a CSV file with a column `label` (a class, from zero) and the features in order in all others.
    pub fn read(path: &Path, features: usize, classes: usize) -> Result<Self, ValidationError> {
        let bytes =
            std::fs::read(path).map_err(|source| ValidationError::Read { path: path.into(), source })?;
        let rows = Rows::open(path, &bytes, Shape { features, classes })?;
        let digest = Sha256::digest(&bytes);
        rows.read(u64::from_be_bytes(*digest.first_chunk().expect("a digest has 32 bytes")))
    }

    /// Samples in the file.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Never: a file without rows is refused.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Names the content of the file.
    pub const fn digest(&self) -> u64 {
        self.digest
    }

    /// Judges the newest version; `None` before the scale is settled.
    pub fn judge(&self, aggregator: &Aggregator) -> Option<Score> {
        let federation = aggregator.federation();
        let scales: Vec<FeatureScale> = aggregator
            .scales()?
            .iter()
            .map(|scale| FeatureScale { offset: scale.offset, gain: scale.gain })
            .collect();
        let params = aggregator.current()?.deployed(&federation.task, federation.model_bits).ok()?;
        let Learner::Softmax { learning_rate, l2 } = federation.task.learner;
        let learner = Softmax { shape: self.shape, learning_rate, l2 };
        self.count_correct(&learner, &scales, &params).ok()
    }

    fn count_correct(
        &self,
        learner: &Softmax,
        scales: &[FeatureScale],
        params: &[f32],
    ) -> Result<Score, LearnError> {
        let mut scaled = vec![0.0; self.shape.features];
        let mut scratch = vec![0.0; self.shape.classes];
        let mut score = Score { correct: 0, total: 0 };
        for (sample, &label) in self.samples.chunks_exact(self.shape.features).zip(&self.labels) {
            scale::apply(scales, sample, &mut scaled)?;
            score.correct += u64::from(learner.predict(params, &scaled, &mut scratch)? == label);
            score.total += 1;
        }
        Ok(score)
    }
}

struct Rows<'b> {
    path: &'b Path,
    reader: csv::Reader<&'b [u8]>,
    headers: csv::StringRecord,
    label_column: usize,
    shape: Shape,
}

impl<'b> Rows<'b> {
    fn open(path: &'b Path, bytes: &'b [u8], shape: Shape) -> Result<Self, ValidationError> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
        let headers =
            reader.headers().map_err(|source| ValidationError::Csv { path: path.into(), source })?;
        let headers = headers.clone();
        let label_column = headers.iter().position(|name| name == "label");
        let label_column = label_column.ok_or_else(|| ValidationError::NoLabel { path: path.into() })?;
        let (have, need) = (headers.len() - 1, shape.features);
        if have != need {
            return Err(ValidationError::Columns { path: path.into(), have, need });
        }
        Ok(Self { path, reader, headers, label_column, shape })
    }

    fn read(mut self, digest: u64) -> Result<ValidationSet, ValidationError> {
        let mut set = ValidationSet { shape: self.shape, samples: Vec::new(), labels: Vec::new(), digest };
        let mut row = csv::StringRecord::new();
        while self.next(&mut row)? {
            for (column, text) in row.iter().enumerate() {
                if column == self.label_column {
                    set.labels.push(self.label(&row, text)?);
                } else {
                    set.samples.push(self.feature(&row, column, text)?);
                }
            }
        }
        if set.is_empty() { Err(ValidationError::Empty { path: self.path.into() }) } else { Ok(set) }
    }

    fn next(&mut self, row: &mut csv::StringRecord) -> Result<bool, ValidationError> {
        let path = self.path;
        self.reader.read_record(row).map_err(|source| ValidationError::Csv { path: path.into(), source })
    }

    fn label(&self, row: &csv::StringRecord, text: &str) -> Result<usize, ValidationError> {
        let classes = self.shape.classes;
        let label = text.parse().ok().filter(|&label| label < classes);
        label.ok_or_else(|| {
            self.bad_cell(row, self.label_column, text, format!("a class, 0 to {}", classes - 1))
        })
    }

    fn feature(&self, row: &csv::StringRecord, column: usize, text: &str) -> Result<f32, ValidationError> {
        let value = text.parse().ok().filter(|value: &f32| value.is_finite());
        value.ok_or_else(|| self.bad_cell(row, column, text, "a finite number".into()))
    }

    fn bad_cell(&self, row: &csv::StringRecord, column: usize, text: &str, need: String) -> ValidationError {
        ValidationError::Cell {
            path: self.path.into(),
            row: row.position().map_or(0, csv::Position::line),
            column: self.headers[column].to_owned(),
            text: text.to_owned(),
            need,
        }
    }
}
