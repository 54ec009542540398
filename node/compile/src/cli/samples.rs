//! Calibration samples: one a line, numbers separated by commas, perhaps a line of names first.

/// Why a file was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SamplesError {
    /// Not CSV.
    #[error("{0}")]
    Csv(String),
    /// A line of another length.
    #[error("line {line} has {have} numbers, the network takes {need}")]
    WrongLength {
        /// From 1.
        line: u64,
        /// How many it has.
        have: usize,
        /// How many the network takes.
        need: usize,
    },
    /// Something that is no finite number.
    #[error("line {line} holds {field:?}, which is no finite number")]
    NoNumber {
        /// From 1.
        line: u64,
        /// What it holds.
        field: String,
    },
}

/// Reads samples of `length` numbers.
pub fn parse(text: &str, length: usize) -> Result<Vec<Vec<f32>>, SamplesError> {
    let mut samples = Vec::new();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    for (index, record) in reader.records().enumerate() {
        let record = record.map_err(|error| SamplesError::Csv(error.to_string()))?;
        let line = record.position().map_or(index as u64 + 1, csv::Position::line);
        let is_header = index == 0 && record.iter().all(|field| field.trim().parse::<f32>().is_err());
        if is_header {
            continue;
        }
        let mut sample = Vec::new();
        for field in &record {
            let value = field.trim().parse().ok().filter(|value: &f32| value.is_finite());
            sample.push(value.ok_or_else(|| SamplesError::NoNumber { line, field: field.to_owned() })?);
        }
        if sample.len() != length {
            return Err(SamplesError::WrongLength { line, have: sample.len(), need: length });
        }
        samples.push(sample);
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_samples_and_errors_name_them() {
        assert_eq!(parse("a,b\n1,2.5\n-3,4e1\n", 2), Ok(vec![vec![1.0, 2.5], vec![-3.0, 40.0]]));
        assert_eq!(parse("1,2\n3\n", 2), Err(SamplesError::WrongLength { line: 2, have: 1, need: 2 }));
        assert_eq!(parse("1,2\n3,x\n", 2), Err(SamplesError::NoNumber { line: 2, field: "x".into() }));
        assert_eq!(parse("1,inf\n", 2), Err(SamplesError::NoNumber { line: 1, field: "inf".into() }));
        assert_eq!(parse("", 2), Ok(Vec::new()));
    }
}
