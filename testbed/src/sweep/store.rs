//! Where the runs of a sweep are kept, and how a finished one is told from one that was stopped.
//!
//! ```text
//!   OUT/runs/KEY/timeline.csv   written first
//!   OUT/runs/KEY/summary.json   written under another name, made durable, then renamed: it is whole, or not there
//! ```
use crate::scenario::Scenario;
use crate::summary::{RunRecord, Summary};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const SUMMARY: &str = "summary.json";
const SUMMARY_IN_THE_MAKING: &str = "summary.json.part";
const TIMELINE: &str = "timeline.csv";

/// What a run depends on, as a name: SHA-256 over this program's version, the scenario with its seed, and the contents
/// of the files that the scenario names; its first half in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunKey(String);

/// The files of a sweep cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", .path.display())]
pub struct StoreError {
    /// The file or folder.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError { path, source }
}

/// Makes keys; reads each file once.
#[derive(Clone, Debug)]
pub struct Keys {
    version: &'static str,
    files: BTreeMap<PathBuf, [u8; 32]>,
}

impl Default for Keys {
    fn default() -> Self {
        Self { version: env!("CARGO_PKG_VERSION"), files: BTreeMap::new() }
    }
}

impl Keys {
    /// The key of a scenario in this version of the program.
    pub fn of(&mut self, scenario: &Scenario) -> Result<RunKey, StoreError> {
        let scenario = serde_json::to_value(scenario).expect("a scenario is plain data");
        let mut hash = Sha256::new();
        hash.update(self.version.as_bytes());
        hash.update([0]);
        hash.update(scenario.to_string().as_bytes());
        for path in texts(&scenario).into_iter().map(Path::new).filter(|path| path.is_file()) {
            hash.update(self.digest(path)?);
        }
        Ok(RunKey(hex::encode(&hash.finalize()[..16])))
    }

    fn digest(&mut self, path: &Path) -> Result<[u8; 32], StoreError> {
        if let Some(digest) = self.files.get(path) {
            return Ok(*digest);
        }
        let digest = Sha256::digest(fs::read(path).map_err(failed(path))?).into();
        self.files.insert(path.to_owned(), digest);
        Ok(digest)
    }
}

impl RunKey {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Every text in a value, in order.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// A finished run, as it is read back.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// Its summary.
    pub summary: Value,
    /// Virtual time in seconds, and the accuracy of the models that nodes ran then.
    pub held: Vec<(f64, f64)>,
}

/// The folder of a sweep's runs.
#[derive(Clone, Debug)]
pub struct Store {
    runs: PathBuf,
}

impl Store {
    /// The runs below `out`.
    pub fn new(out: &Path) -> Self {
        Self { runs: out.join("runs") }
    }

    /// The folder of a run.
    pub fn folder(&self, key: &RunKey) -> PathBuf {
        self.runs.join(key.as_str())
    }

    /// A run that is finished; `None` for one that never was, or whose files do not make sense.
    pub fn finished(&self, key: &RunKey) -> Option<Finished> {
        let folder = self.folder(key);
        let summary = serde_json::from_slice(&fs::read(folder.join(SUMMARY)).ok()?).ok()?;
        Some(Finished { summary, held: read_timeline(&folder.join(TIMELINE))? })
    }

    /// Keeps a run that has just finished.
    pub fn keep(&self, key: &RunKey, summary: &Summary, run: &RunRecord) -> Result<(), StoreError> {
        let mut timeline = Vec::new();
        run.write_timeline(&mut timeline).expect("lines are of one length, and memory takes them all");
        self.keep_files(key, &summary.to_json(), &timeline)
    }

    /// Keeps a run by its files. The summary comes last.
    pub fn keep_files(&self, key: &RunKey, summary: &str, timeline: &[u8]) -> Result<(), StoreError> {
        let folder = self.folder(key);
        fs::create_dir_all(&folder).map_err(failed(&folder))?;
        let path = folder.join(TIMELINE);
        fs::write(&path, timeline).map_err(failed(&path))?;
        let (part, whole) = (folder.join(SUMMARY_IN_THE_MAKING), folder.join(SUMMARY));
        let mut file = File::create(&part).map_err(failed(&part))?;
        file.write_all(summary.as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&part, &whole))
            .map_err(failed(&whole))
    }
}

fn read_timeline(path: &Path) -> Option<Vec<(f64, f64)>> {
    let mut reader = csv::Reader::from_path(path).ok()?;
    let headers = reader.headers().ok()?.clone();
    let column = |name: &str| headers.iter().position(|header| header == name);
    let Some((at, held)) = column("at_s").zip(column("held")) else { return Some(Vec::new()) };
    let number = |record: &csv::StringRecord, column: usize| record.get(column)?.parse::<f64>().ok();
    reader
        .records()
        .map(|record| record.ok().and_then(|record| number(&record, at).zip(number(&record, held))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::scenario::Overrides;

    fn scenario(set: &[String]) -> Scenario {
        Scenario::load(None, &Overrides { set: set.to_vec(), seed: None }).unwrap()
    }

    #[test]
    fn a_key_depends_on_scenario_seed_and_version() {
        let plain = Keys::default().of(&scenario(&[])).unwrap();
        assert_eq!(plain, Keys::default().of(&scenario(&[])).unwrap());
        assert_eq!(plain.as_str().len(), 32);
        assert_ne!(plain, Keys::default().of(&scenario(&["run.seed=2".into()])).unwrap());
        assert_ne!(plain, Keys::default().of(&scenario(&["radio.data_rate=3".into()])).unwrap());
        assert_ne!(plain, Keys { version: "another", ..Keys::default() }.of(&scenario(&[])).unwrap());
    }

    #[test]
    fn a_key_depends_on_the_files_that_the_scenario_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.csv");
        let set = ["data.source=csv".into(), format!("data.path={}", path.display())];
        let key_with = |text: &str| {
            fs::write(&path, text).unwrap();
            Keys::default().of(&scenario(&set)).unwrap()
        };
        assert_ne!(key_with("x,label\n1,2\n"), key_with("x,label\n1,3\n"));
    }

    #[test]
    fn a_run_is_finished_when_its_summary_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (store, key) = (Store::new(folder.path()), Keys::default().of(&scenario(&[])).unwrap());
        assert_eq!(store.finished(&key), None);
        let run = sample::run();
        let summary = sample::summary(&run);
        store.keep(&key, &summary, &run).unwrap();
        let finished = store.finished(&key).unwrap();
        assert_eq!(finished.summary["trace_hash"], summary.trace_hash.as_str());
        assert_eq!(finished.held.len(), run.course.len());
        assert_eq!(finished.held[3], (run.course[3].at_s, run.course[3].held));
        assert!(!store.folder(&key).join(SUMMARY_IN_THE_MAKING).exists());
        fs::write(store.folder(&key).join(SUMMARY), "{\"scenario\": \"qui").unwrap();
        assert_eq!(store.finished(&key), None);
    }
}
