//! Results of seeds on disk, a line of JSON each, so that a soak goes on where it was stopped.
//!
//! ```text
//!   OUT/results.jsonl   the first line names the program; a line a seed follows, in the order in which they ended
//! ```
//! Results of another program are not those of this one: the file is begun anew. A line that was cut off, and a seed
//! that broke, is run again.
use super::trial::Outcome;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const RESULTS: &str = "results.jsonl";

/// The results cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", .path.display())]
pub struct SoakStoreError {
    /// The file or folder.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// SHA-256 of this program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// In hexadecimal.
    pub program: String,
}

/// What is kept of a seed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// The seed.
    pub seed: u64,
    /// What it broke, in words; empty when it held.
    pub broken: Vec<String>,
    /// Hash over everything that was on the air.
    pub trace_hash: String,
    /// Faults at once.
    pub faults: usize,
    /// Frames on the air.
    pub transmissions: u64,
    /// Versions that closed.
    pub versions: u32,
    /// Things that all checkers together looked at.
    pub checked: u64,
    /// Nodes that no gateway hears at their data rate.
    pub out_of_reach: usize,
    /// How long after the last fault the slowest node had caught up, in seconds.
    pub healed_s: f64,
    /// Whether its accuracy was judged.
    pub must_learn: bool,
    /// Accuracy of the last versions.
    pub accuracy: f64,
    /// Of the same fleet without faults after as much learning.
    pub accuracy_without_faults: f64,
}

impl Kept {
    /// What is kept of an outcome.
    pub fn of(seed: u64, faults: usize, outcome: &Outcome) -> Self {
        Self {
            seed,
            broken: outcome.broken.iter().map(ToString::to_string).collect(),
            trace_hash: outcome.trace_hash.clone(),
            faults,
            transmissions: outcome.transmissions,
            versions: outcome.versions,
            checked: outcome
                .checks
                .all()
                .iter()
                .filter_map(|(_, looked)| looked.map(|looked| looked.looked_at))
                .sum(),
            out_of_reach: outcome.out_of_reach,
            healed_s: outcome.healed.as_secs_f64(),
            must_learn: outcome.must_learn,
            accuracy: outcome.accuracy,
            accuracy_without_faults: outcome.accuracy_without_faults,
        }
    }
}

/// The results of a soak.
#[derive(Debug)]
pub struct SoakStore {
    path: PathBuf,
    file: File,
    /// Seeds that held, from this run or an earlier one.
    held: BTreeMap<u64, Kept>,
}

impl SoakStore {
    /// Opens the results below `out`, as far as they are those of `program`.
    pub fn open(out: &Path, program: &Program) -> Result<Self, SoakStoreError> {
        let path = out.join(RESULTS);
        let failed = |source| SoakStoreError { path: path.clone(), source };
        fs::create_dir_all(out).map_err(failed)?;
        let held = read(&path, program).unwrap_or_default();
        // Written anew, without what is not to be believed.
        let mut file = File::create(&path).map_err(failed)?;
        write_line(&mut file, program).map_err(failed)?;
        held.values().try_for_each(|kept| write_line(&mut file, kept)).map_err(failed)?;
        Ok(Self { path, file, held })
    }

    /// A seed that held before.
    pub fn held(&self, seed: u64) -> Option<&Kept> {
        self.held.get(&seed)
    }

    /// Keeps what came of a seed.
    pub fn keep(&mut self, kept: Kept) -> Result<(), SoakStoreError> {
        write_line(&mut self.file, &kept)
            .map_err(|source| SoakStoreError { path: self.path.clone(), source })?;
        if kept.broken.is_empty() {
            self.held.insert(kept.seed, kept);
        }
        Ok(())
    }
}

impl Program {
    /// This one, by the bytes of its file.
    pub fn running() -> Result<Self, SoakStoreError> {
        let path =
            std::env::current_exe().map_err(|source| SoakStoreError { path: PathBuf::new(), source })?;
        let bytes = fs::read(&path).map_err(|source| SoakStoreError { path, source })?;
        Ok(Self { program: hex::encode(Sha256::digest(bytes)) })
    }
}

fn write_line(file: &mut File, line: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    file.write_all(&text)
}

/// `None` when there are none, or they are those of another program.
fn read(path: &Path, program: &Program) -> Option<BTreeMap<u64, Kept>> {
    let text = fs::read_to_string(path).ok()?;
    let mut lines = text.lines();
    let written_by: Program = serde_json::from_str(lines.next()?).ok()?;
    let kept = lines.filter_map(|line| serde_json::from_str::<Kept>(line).ok());
    let held = kept.filter(|kept| kept.broken.is_empty()).map(|kept| (kept.seed, kept)).collect();
    (written_by == *program).then_some(held)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(text: &str) -> Program {
        Program { program: text.to_owned() }
    }

    fn kept(seed: u64, broken: &[&str]) -> Kept {
        let broken = broken.iter().map(|text| (*text).to_owned()).collect();
        Kept { seed, broken, healed_s: 12.5, ..Kept::default() }
    }

    #[test]
    fn what_held_is_found_again_and_what_broke_or_was_cut_off_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = SoakStore::open(folder.path(), &program("a")).unwrap();
        for (seed, broken) in [(3, &[][..]), (5, &["node 1 runs nothing"]), (4, &[])] {
            store.keep(kept(seed, broken)).unwrap();
        }
        drop(store);
        let path = folder.path().join(RESULTS);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 4);
        fs::write(&path, text + "{\"seed\":6,\"brok").unwrap();
        let store = SoakStore::open(folder.path(), &program("a")).unwrap();
        let found = [3, 4, 5, 6].map(|seed| store.held(seed).cloned());
        assert_eq!(found, [Some(kept(3, &[])), Some(kept(4, &[])), None, None]);
        drop(store);
        let store = SoakStore::open(folder.path(), &program("b")).unwrap();
        assert!(store.held(3).is_none(), "another program must show it anew");
    }
}
