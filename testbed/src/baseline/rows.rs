//! Samples on the common scale, in one block of memory.
use crate::data::{Sample, TaskData};
use chirrup_learn::LearnError;
use chirrup_learn::features::moments::{self, FeatureSums};
use chirrup_learn::features::scale::{self, FeatureScale};

/// Scaled samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    n_features: usize,
    /// `[rows][n_features]`.
    features: Vec<f32>,
    labels: Vec<u16>,
}

/// The training and test rows of a task on the scale of all its training rows.
pub fn scaled(task: &TaskData) -> Result<(Rows, Rows), LearnError> {
    let mut sums = vec![FeatureSums::default(); task.n_features()];
    task.train.iter().try_for_each(|row| moments::add(&mut sums, &row.features))?;
    let count = task.train.len() as u64;
    let scale_of = |&sums: &FeatureSums| {
        let (mean, deviation) = moments::mean_and_deviation(count, sums);
        FeatureScale::standardising(mean, deviation)
    };
    let scales: Vec<_> = sums.iter().map(scale_of).collect();
    Ok((Rows::scaled(task.train.iter(), &scales)?, Rows::scaled(task.test_rows(), &scales)?))
}

impl Rows {
    fn scaled<'a>(
        samples: impl Iterator<Item = &'a Sample>,
        scales: &[FeatureScale],
    ) -> Result<Self, LearnError> {
        let mut rows = Self { n_features: scales.len(), features: Vec::new(), labels: Vec::new() };
        let mut scaled = vec![0.0; scales.len()];
        for sample in samples {
            scale::apply(scales, &sample.features, &mut scaled)?;
            rows.features.extend_from_slice(&scaled);
            rows.labels.push(sample.label);
        }
        Ok(rows)
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// How many features each has.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// Features of a row.
    pub fn features(&self, row: usize) -> &[f32] {
        &self.features[row * self.n_features..][..self.n_features]
    }

    /// Label of a row.
    pub fn label(&self, row: usize) -> usize {
        usize::from(self.labels[row])
    }

    /// The rows with these indices.
    pub fn gather(&self, indices: &[usize]) -> Self {
        Self {
            n_features: self.n_features,
            features: indices.iter().flat_map(|&row| self.features(row)).copied().collect(),
            labels: indices.iter().map(|&row| self.labels[row]).collect(),
        }
    }

    /// The same rows with every feature replaced.
    pub fn map_features(&self, f: impl Fn(f32) -> f32) -> Self {
        let features = self.features.iter().map(|&value| f(value)).collect();
        Self { n_features: self.n_features, features, labels: self.labels.clone() }
    }
}
