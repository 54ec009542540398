//! What a run leaves behind for people and scripts: `report.html`, `summary.json` and `timeline.csv`.
//!
//! The page is one file that works offline. Its charts are drawn by the script that the `plotly` crate carries, and
//! a content security policy forbids the browser to load anything from anywhere.
mod charts;
mod map;
mod packets;
mod page;
mod palette;
#[cfg(test)]
pub(crate) mod sample;
mod sweep;
mod tables;
mod timeline;
mod words;

use crate::radio::AirRecords;
use crate::scenario::Scenario;
use crate::summary::{RunRecord, Summary};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub use packets::PacketReport;
pub use sweep::SweepReport;
pub use words::{ending_table, paragraph};

/// Everything that a report shows.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// What was asked for.
    pub scenario: &'a Scenario,
    /// What happened.
    pub run: &'a RunRecord,
    /// What it comes to.
    pub summary: &'a Summary,
    /// Everything that was on the air.
    pub air: &'a AirRecords,
}

/// A report could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", .path.display())]
pub struct WriteError {
    /// The file or folder.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

impl Report<'_> {
    /// The page as HTML.
    pub fn html(&self) -> String {
        page::html(self)
    }

    /// Writes the three files into `folder`, which is created; older ones are replaced.
    pub fn write(&self, folder: &Path) -> Result<(), WriteError> {
        write_file(folder, "report.html", self.html().as_bytes())?;
        write_file(folder, "summary.json", self.summary.to_json().as_bytes())?;
        let mut timeline = Vec::new();
        self.run.write_timeline(&mut timeline).expect("lines are of one length, and memory takes them all");
        write_file(folder, "timeline.csv", &timeline)
    }
}

/// Writes a file into `folder`, which is created.
fn write_file(folder: &Path, name: &str, content: &[u8]) -> Result<(), WriteError> {
    let path = folder.join(name);
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, content));
    written.map_err(|source| WriteError { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_files_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("new/deep");
        sample::with_report(|report| report.write(&out).unwrap());
        let timeline = fs::read_to_string(out.join("timeline.csv")).unwrap();
        let header = "at_s,version,accuracy,held,nodes_up_to_date,uplink_phy_bytes,uplink_airtime_s,uplink_energy_mj,\
                      downlink_airtime_s";
        assert_eq!(timeline.lines().next(), Some(header));
        assert_eq!(timeline.lines().count(), 1 + sample::run().course.len());
        let json: serde_json::Value =
            serde_json::from_slice(&fs::read(out.join("summary.json")).unwrap()).unwrap();
        assert_eq!(json["scenario"], "quickstart");
        assert!(out.join("report.html").exists());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = sample::with_report(|report| report.write(&file.join("out"))).unwrap_err();
        assert!(error.to_string().contains("file/out"), "{error}");
    }

    /// For looking at by eye: `REPORT_DIR=/tmp/report cargo test -p chirrup-testbed by_eye`.
    #[test]
    fn a_report_of_a_made_up_run_can_be_looked_at_by_eye() {
        if let Some(folder) = std::env::var_os("REPORT_DIR") {
            sample::with_report(|report| report.write(Path::new(&folder)).unwrap());
        }
    }
}
