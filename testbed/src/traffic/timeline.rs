//! The course of a run of plain traffic: `timeline.csv`.
use crate::radio::Cause;
use crate::radio::air_log::AirLog;
use chirrup_protocol::time::{Duration, Instant};
use serde::Serialize;

/// Rows of a time line.
const MARKS: u64 = 100;

/// How far a run had come at one time. Everything counts from the start.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Virtual time, in seconds.
    pub at_s: f64,
    /// Uplinks that had ended.
    pub sent: u64,
    /// Those that a gateway had.
    pub delivered: u64,
    /// Those that collided everywhere.
    pub lost_collision: u64,
    /// Time that all nodes together had been on the air, in seconds.
    pub airtime_s: f64,
    /// Downlinks that had ended.
    pub downlinks: u64,
}

impl Row {
    /// What was added since an earlier row.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            at_s: self.at_s,
            sent: self.sent - earlier.sent,
            delivered: self.delivered - earlier.delivered,
            lost_collision: self.lost_collision - earlier.lost_collision,
            airtime_s: self.airtime_s - earlier.airtime_s,
            downlinks: self.downlinks - earlier.downlinks,
        }
    }
}

/// The course of a run, in equal steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline(Vec<Row>);

impl Timeline {
    /// When to look, in a run of this length.
    pub fn marks(length: Duration) -> impl Iterator<Item = Instant> {
        (1..=MARKS).map(move |mark| Instant::from_micros(length.as_micros() * mark / MARKS))
    }

    /// Notes how far the books have come.
    pub fn mark(&mut self, at: Instant, log: &AirLog) {
        let uplinks = log.uplinks();
        self.0.push(Row {
            at_s: at.as_secs_f64(),
            sent: uplinks.outcomes.total(),
            delivered: uplinks.outcomes.delivered,
            lost_collision: uplinks.outcomes.lost(Cause::Collision),
            airtime_s: uplinks.airtime.as_secs_f64(),
            downlinks: log.downlinks().outcomes.total(),
        });
    }

    /// The rows so far.
    pub fn rows(&self) -> &[Row] {
        &self.0
    }

    /// Writes one line a row, under a header line.
    pub fn write(&self, to: impl std::io::Write) -> Result<(), csv::Error> {
        let mut writer = csv::Writer::from_writer(to);
        for row in &self.0 {
            writer.serialize(row)?;
        }
        writer.flush()?;
        Ok(())
    }

    /// The same as bytes.
    pub fn to_csv(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut bytes).expect("lines are of one length, and memory takes them all");
        bytes
    }
}
