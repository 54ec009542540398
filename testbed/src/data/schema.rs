//! A schema: what the operator knows of the features' scale. CSV with the columns `feature`, `offset` and `gain`, one
//! line a feature, in any order; a feature becomes `(value - offset) * gain`.
use std::collections::BTreeMap;
use std::path::Path;

/// Offset and gain of a feature.
pub type OffsetAndGain = (f32, f32);

/// A schema cannot be used. Every variant names the line and column, or the feature.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The file cannot be read, or is no CSV with the columns it needs.
    #[error("cannot be read as CSV with the columns feature, offset, gain: {0}")]
    Csv(#[from] csv::Error),
    /// A cell is not a finite number.
    #[error("line {line}, column \"{column}\": \"{cell}\" is not a finite number")]
    NotANumber {
        /// Where.
        line: u64,
        /// `offset` or `gain`.
        column: &'static str,
        /// What stands there.
        cell: String,
    },
    /// A line names a feature that the data does not have.
    #[error("line {line}, column \"feature\": the data has no feature \"{feature}\"; it has: {features}")]
    UnknownFeature {
        /// Where.
        line: u64,
        /// What stands there.
        feature: String,
        /// What may stand there.
        features: String,
    },
    /// A feature is named twice.
    #[error("line {line}, column \"feature\": \"{feature}\" has a line already")]
    Twice {
        /// Where.
        line: u64,
        /// The feature.
        feature: String,
    },
    /// A feature is not named.
    #[error("there is no line for feature \"{0}\"")]
    MissingFeature(String),
}

#[derive(serde::Deserialize)]
struct Line {
    feature: String,
    offset: String,
    gain: String,
}

/// Reads the schema of the given features, in their order.
pub fn load(path: &Path, features: &[String]) -> Result<Vec<OffsetAndGain>, SchemaError> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path)?;
    let mut known = BTreeMap::new();
    let headers = reader.headers()?.clone();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record)? {
        let line = record.position().map_or(0, csv::Position::line);
        let entry: Line = record.deserialize(Some(&headers))?;
        let scale = (number(line, "offset", &entry.offset)?, number(line, "gain", &entry.gain)?);
        if !features.contains(&entry.feature) {
            let features = features.join(", ");
            return Err(SchemaError::UnknownFeature { line, feature: entry.feature, features });
        }
        if known.insert(entry.feature.clone(), scale).is_some() {
            return Err(SchemaError::Twice { line, feature: entry.feature });
        }
    }
    let of = |feature: &String| {
        known.get(feature).copied().ok_or_else(|| SchemaError::MissingFeature(feature.clone()))
    };
    features.iter().map(of).collect()
}

fn number(line: u64, column: &'static str, cell: &str) -> Result<f32, SchemaError> {
    let number = cell.parse().ok().filter(|number: &f32| number.is_finite());
    number.ok_or_else(|| SchemaError::NotANumber { line, column, cell: cell.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(text: &str) -> Result<Vec<OffsetAndGain>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("schema.csv");
        std::fs::write(&path, text).unwrap();
        load(&path, &["t".into(), "p".into()]).map_err(|error| error.to_string())
    }

    #[test]
    fn features_are_found_by_name() {
        let text = "feature,gain,offset\np,0.05,1013\nt, 0.1, 20\n";
        assert_eq!(schema(text), Ok(vec![(20.0, 0.1), (1_013.0, 0.05)]));
    }

    #[test]
    fn a_bad_line_is_named() {
        for (text, expected) in [
            ("feature,offset,gain\nt,x,1\n", "line 2, column \"offset\": \"x\""),
            ("feature,offset,gain\nt,0,1\np,0,inf\n", "line 3, column \"gain\": \"inf\""),
            ("feature,offset,gain\nq,0,1\n", "no feature \"q\"; it has: t, p"),
            ("feature,offset,gain\nt,0,1\nt,0,1\n", "line 3, column \"feature\": \"t\" has a line"),
            ("feature,offset,gain\nt,0,1\n", "no line for feature \"p\""),
            ("feature,offset\nt,0\n", "gain"),
        ] {
            let error = schema(text).unwrap_err();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }
}
