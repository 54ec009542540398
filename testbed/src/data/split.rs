//! The held-out rows of a source that names no split.
use super::{DEFAULT_TEST_SPLIT, Dataset, Sample, TaskData};
use crate::kernel::Rng;
use std::collections::BTreeMap;

/// One row in this many is held out.
const HELD_OUT_ONE_IN: usize = 5;

/// Splits a data set into training rows and one test split: see [`stratified_fifth`].
pub fn held_out(name: &str, data: Dataset, seed: u64) -> TaskData {
    let is_test = stratified_fifth(&data.rows, data.classes.len(), seed);
    let mut train = Vec::new();
    let mut test = Vec::new();
    for (row, is_test) in data.rows.into_iter().zip(is_test) {
        if is_test { test.push(row) } else { train.push(row) }
    }
    TaskData {
        name: name.to_owned(),
        features: data.features,
        classes: data.classes,
        train,
        nodes: None,
        tests: BTreeMap::from([(DEFAULT_TEST_SPLIT.to_owned(), test)]),
        endless: None,
        schema: None,
        warnings: Vec::new(),
    }
}

/// Marks a fifth of every class, rounded to the nearest row, drawn by the seed. Of a class with one or two rows
/// none is marked, so that every class can be learnt.
pub fn stratified_fifth(rows: &[Sample], n_classes: usize, seed: u64) -> Vec<bool> {
    let mut is_test = vec![false; rows.len()];
    for class in 0..n_classes {
        let mut members: Vec<usize> =
            (0..rows.len()).filter(|&row| usize::from(rows[row].label) == class).collect();
        Rng::for_purpose(seed, "held-out", class as u64).shuffle(&mut members);
        let held_out = (members.len() + HELD_OUT_ONE_IN / 2) / HELD_OUT_ONE_IN;
        members[..held_out].iter().for_each(|&row| is_test[row] = true);
    }
    is_test
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_gives_a_fifth() {
        let rows: Vec<_> = (0..103)
            .map(|i| Sample { features: vec![], label: u16::from(i >= 100) + u16::from(i == 102) })
            .collect();
        let is_test = stratified_fifth(&rows, 3, 9);
        assert_eq!(is_test[..100].iter().filter(|&&t| t).count(), 20);
        assert!(is_test[100..].iter().all(|&t| !t));
    }
}
