//! Data sets: where samples come from, what is held out, and which node owns which sample.
//!
//! A [`TaskData`] is what every part of a run starts from: the simulated nodes own shares of its training rows
//! ([`partition`]), the deployed model is scored on its test rows, and the baselines use the very same rows.
mod builtin;
mod csv_error;
mod csv_file;
#[cfg(test)]
mod csv_tests;
mod dirichlet;
pub mod partition;
pub mod schema;
mod split;
pub mod vibration;

use crate::scenario::{DataConfig, Scale, Source};
use std::collections::BTreeMap;
use std::path::PathBuf;

pub use csv_error::CsvError;
pub use partition::{Partition, PartitionError, Shares};
pub use schema::SchemaError;

/// Most classes that a task may have. A label column beyond it is nearly always a measured quantity.
pub const MAX_CLASSES: usize = 256;

/// Name of the test split where the source names none.
pub const DEFAULT_TEST_SPLIT: &str = "test";

/// A mean this many spreads away from zero leaves few digits of the spread in an `f32`.
const MEAN_TO_SPREAD_WARNING: f64 = 1_000.0;

/// One labelled observation.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The measured values, `[n_features]`, all finite, in the units of the source.
    pub features: Vec<f32>,
    /// Index of the class in [`Dataset::classes`].
    pub label: u16,
}

/// Samples with the names of their columns and classes.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Names of the features, in the order of [`Sample::features`].
    pub features: Vec<String>,
    /// Names of the classes, by label.
    pub classes: Vec<String>,
    /// The samples, in the order of the source.
    pub rows: Vec<Sample>,
}

/// The node that each training row was recorded by, where the source says so.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeColumn {
    /// Names of the nodes, sorted.
    pub names: Vec<String>,
    /// Index into `names` for every training row.
    pub of_row: Vec<usize>,
}

/// The data of one learning task, split for training and scoring.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskData {
    /// What the data is called in reports.
    pub name: String,
    /// Names of the features.
    pub features: Vec<String>,
    /// Names of the classes, by label.
    pub classes: Vec<String>,
    /// Rows to learn from.
    pub train: Vec<Sample>,
    /// Who recorded each training row, where the source says so.
    pub nodes: Option<NodeColumn>,
    /// Rows to score on, by the name of their split. At least one split, none empty.
    pub tests: BTreeMap<String, Vec<Sample>>,
    /// What streams bring after the training rows, where they do not repeat them.
    pub endless: Option<vibration::Endless>,
    /// Offset and gain of each feature, where the operator knows them.
    pub schema: Option<Vec<schema::OffsetAndGain>>,
    /// Peculiarities of the data that the user should know of.
    pub warnings: Vec<String>,
}

impl TaskData {
    /// How many numbers a sample has.
    pub fn n_features(&self) -> usize {
        self.features.len()
    }

    /// How many classes there are.
    pub fn n_classes(&self) -> usize {
        self.classes.len()
    }

    /// All test rows, split after split in the order of their names.
    pub fn test_rows(&self) -> impl Iterator<Item = &Sample> {
        self.tests.values().flatten()
    }

    /// Accuracy of always answering the class that is most frequent among the test rows.
    pub fn majority_rate(&self) -> f64 {
        let mut counts = vec![0usize; self.n_classes()];
        self.test_rows().for_each(|row| counts[usize::from(row.label)] += 1);
        let total: usize = counts.iter().sum();
        counts.iter().max().map_or(0.0, |&most| most as f64 / total.max(1) as f64)
    }
}

/// A data source could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A CSV file is not as it must be.
    #[error("{}: {source}", .path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: CsvError,
    },
    /// A schema is not as it must be.
    #[error("schema {}: {source}", .path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: SchemaError,
    },
}

/// Reads the data that a scenario names. The seed decides which rows a source without splits holds out.
pub fn load(config: &DataConfig, seed: u64) -> Result<TaskData, DataError> {
    let mut task = match &config.source {
        Source::Digits => split::held_out("digits", builtin::digits(), seed),
        Source::BreastCancer => split::held_out("breast-cancer", builtin::breast_cancer(), seed),
        Source::Vibration(vibration) => vibration::task::load(vibration, seed),
        Source::Csv(csv) => {
            csv_file::load(csv, seed).map_err(|source| DataError::Csv { path: csv.path.clone(), source })?
        }
    };
    match &config.scale {
        Scale::Moments => task.warnings.extend(remote_means(&task)),
        Scale::Schema(path) => {
            let schema = schema::load(path, &task.features);
            task.schema = Some(schema.map_err(|source| DataError::Schema { path: path.clone(), source })?);
        }
    }
    Ok(task)
}

/// Moments travel as `f32`: a spread far below its mean drowns in rounding.
fn remote_means(task: &TaskData) -> Vec<String> {
    let n = task.train.len() as f64;
    let moment = |column: usize, f: &dyn Fn(f64) -> f64| {
        task.train.iter().map(|row| f(f64::from(row.features[column]))).sum::<f64>() / n
    };
    let warning = |(column, name): (usize, &String)| {
        let mean = moment(column, &|x| x);
        let spread = moment(column, &|x| (x - mean) * (x - mean)).sqrt();
        (mean.abs() > MEAN_TO_SPREAD_WARNING * spread).then(|| {
            format!(
                "feature \"{name}\" has mean {mean:.6} and spread {spread:.6}: moments travel as f32 and lose the \
                 spread; subtract an offset first"
            )
        })
    };
    task.features.iter().enumerate().filter_map(warning).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scale;

    fn config(source: Source) -> DataConfig {
        DataConfig { source, scale: Scale::Moments }
    }

    #[test]
    fn builtin_sources_hold_out_a_stratified_fifth() {
        for (source, rows, features, classes) in
            [(Source::Digits, 1797, 64, 10), (Source::BreastCancer, 569, 30, 2)]
        {
            let task = load(&config(source), 1).unwrap();
            let test = &task.tests[DEFAULT_TEST_SPLIT];
            assert_eq!(task.train.len() + test.len(), rows);
            assert!(test.len().abs_diff(rows / 5) <= classes);
            assert_eq!((task.n_features(), task.n_classes()), (features, classes));
            assert!(task.train.iter().all(|row| row.features.len() == features));
        }
    }

    #[test]
    fn the_seed_alone_decides_what_is_held_out() {
        let of_seed = |seed| load(&config(Source::BreastCancer), seed).unwrap();
        assert_eq!(of_seed(3), of_seed(3));
        assert_ne!(of_seed(3).train, of_seed(4).train);
    }

    #[test]
    fn a_mean_far_beyond_the_spread_is_warned_of() {
        let rows: Vec<_> = (0..20)
            .map(|i| Sample { features: vec![1e6 + i as f32, i as f32], label: (i % 2) as u16 })
            .collect();
        let data = Dataset { features: vec!["far".into(), "near".into()], classes: vec![], rows };
        let task = split::held_out("x", Dataset { classes: vec!["a".into(), "b".into()], ..data }, 1);
        let warnings = remote_means(&task);
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].contains("\"far\""));
    }

    #[test]
    fn the_majority_rate_is_the_share_of_the_largest_class() {
        let task = load(&config(Source::BreastCancer), 1).unwrap();
        assert!((0.60..0.66).contains(&task.majority_rate()));
    }
}
