//! The codecs agree, bit for bit and both ways, with a second implementation that was written from `SPEC.md` alone:
//! `vectors/reference`, whose inputs and outputs are `vectors/*.json`.
#![allow(missing_docs, clippy::unwrap_used)]
mod models;
mod statistics;
mod updates;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

fn vectors<T: DeserializeOwned>(codec: &str) -> Vec<T> {
    let path = format!("{}/vectors/{codec}.json", env!("CARGO_MANIFEST_DIR"));
    let cases: Vec<T> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(!cases.is_empty());
    cases
}

fn singles(digits: &str) -> Vec<f32> {
    let bits = |at| u32::from_str_radix(&digits[at..at + 8], 16).unwrap();
    (0..digits.len()).step_by(8).map(|at| f32::from_bits(bits(at))).collect()
}

fn digits(values: &[f32]) -> String {
    values.iter().map(|value| format!("{:08x}", value.to_bits())).collect()
}

#[derive(Deserialize)]
struct Input {
    name: String,
    values: String,
}

/// The updates that the vectors speak of, by name.
fn inputs() -> BTreeMap<String, Vec<f32>> {
    let named = |input: Input| (input.name, singles(&input.values));
    vectors("inputs").into_iter().map(named).collect()
}
