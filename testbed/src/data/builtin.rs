//! Data sets that come with the build: no file, no download.
use super::{Dataset, Sample};
use smartcore::dataset::{breast_cancer as wdbc, digits as optical};

/// Handwritten digits as 8 x 8 pixels of 0 to 16 (UCI data set 80, test part; 1,797 rows, 10 classes).
pub fn digits() -> Dataset {
    let source = optical::load_dataset();
    let features =
        (0..source.num_features).map(|pixel| format!("pixel {},{}", pixel / 8, pixel % 8)).collect();
    let classes = (0..10).map(|digit| digit.to_string()).collect();
    let labels = source.target.iter().map(|&digit| digit as u16);
    Dataset { features, classes, rows: rows(&source.data, source.num_features, labels) }
}

/// Wisconsin diagnostic breast cancer (UCI data set 17; 569 rows, 30 features, 2 classes).
pub fn breast_cancer() -> Dataset {
    let source = wdbc::load_dataset();
    let classes = ["malignant", "benign"].map(String::from).to_vec();
    let labels = source.target.iter().map(|&class| class as u16);
    let rows = rows(&source.data, source.num_features, labels);
    Dataset { features: source.feature_names, classes, rows }
}

fn rows(cells: &[f32], n_features: usize, labels: impl Iterator<Item = u16>) -> Vec<Sample> {
    let features = cells.chunks_exact(n_features).map(<[f32]>::to_vec);
    features.zip(labels).map(|(features, label)| Sample { features, label }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts of the classes as the data sets' authors publish them.
    #[test]
    fn classes_have_their_published_sizes() {
        let sizes = |data: &Dataset| {
            let mut sizes = vec![0; data.classes.len()];
            data.rows.iter().for_each(|row| sizes[usize::from(row.label)] += 1);
            sizes
        };
        assert_eq!(sizes(&digits()), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
        assert_eq!(sizes(&breast_cancer()), [212, 357]);
    }

    #[test]
    fn pixels_stay_in_their_range() {
        assert!(digits().rows.iter().flat_map(|row| &row.features).all(|x| (0.0..=16.0).contains(x)));
    }
}
