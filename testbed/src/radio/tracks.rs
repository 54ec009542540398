//! Nodes that move: where each is at any time, along tracks that a file gives.
//!
//! The file is CSV with a header and the columns `node` (its number, from 0), `time_s`, `x_m` and `y_m`, rows of a node
//! in order of time. A scenario may hold the same rows itself. Between two points a node moves evenly along a straight line; before the first and after the last
//! it stands. A node without a track stays where the scenario puts it.
use super::NodeIndex;
use super::geometry::Position;
use chirrup_protocol::time::Instant;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A file of tracks cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TracksError {
    /// It cannot be read, or is not such a table.
    #[error("{}: {source}", .path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// Why.
        source: csv::Error,
    },
    /// A row with something that is no time or place.
    #[error("{place}, row {row}: {what}")]
    BadRow {
        /// The file, or the list.
        place: String,
        /// The row, from 1, header not counted.
        row: usize,
        /// What is wrong.
        what: &'static str,
    },
}

/// A node is there then.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Waypoint {
    time_s: f64,
    at: Position,
}

/// The tracks of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tracks {
    /// The file that they are from; `None` when they stood in the scenario.
    path: Option<PathBuf>,
    by_node: BTreeMap<NodeIndex, Vec<Waypoint>>,
}

#[derive(Deserialize)]
struct Row {
    node: u32,
    time_s: f64,
    x_m: f64,
    y_m: f64,
}

impl Tracks {
    /// Reads the tracks in a file.
    ///
    /// # Errors
    /// When it cannot be read, or a row is not a later finite point of its node.
    pub fn load(path: &Path) -> Result<Self, TracksError> {
        let reader = csv::Reader::from_path(path)
            .map_err(|source| TracksError::Csv { path: path.to_owned(), source })?;
        Self::read(path, reader)
    }

    fn read<R: Read>(path: &Path, mut reader: csv::Reader<R>) -> Result<Self, TracksError> {
        let mut tracks = Self { path: Some(path.to_owned()), ..Self::default() };
        for (index, row) in reader.deserialize().enumerate() {
            let row: Row = row.map_err(|source| TracksError::Csv { path: path.to_owned(), source })?;
            let bad = |what| TracksError::BadRow { place: path.display().to_string(), row: index + 1, what };
            tracks.push(row).map_err(bad)?;
        }
        Ok(tracks)
    }

    /// The tracks that rows of node, time and place make: `[rows][node, time_s, x_m, y_m]`.
    ///
    /// # Errors
    /// When a row is not a later finite point of its node.
    pub fn of_rows(rows: Vec<[f64; 4]>) -> Result<Self, TracksError> {
        let mut tracks = Self::default();
        for (index, [node, time_s, x_m, y_m]) in rows.into_iter().enumerate() {
            let bad = |what| TracksError::BadRow { place: "the list".into(), row: index + 1, what };
            if !(node >= 0.0 && node <= u32::MAX.into() && node.fract() == 0.0) {
                return Err(bad("a node is a whole number from 0"));
            }
            tracks.push(Row { node: node as u32, time_s, x_m, y_m }).map_err(bad)?;
        }
        Ok(tracks)
    }

    fn push(&mut self, Row { node, time_s, x_m, y_m }: Row) -> Result<(), &'static str> {
        if !(time_s >= 0.0 && time_s.is_finite() && x_m.is_finite() && y_m.is_finite()) {
            return Err("a time of at least 0 and a place are finite numbers");
        }
        let track = self.by_node.entry(NodeIndex(node)).or_default();
        if track.last().is_some_and(|last| last.time_s >= time_s) {
            return Err("the rows of a node are in order of time");
        }
        track.push(Waypoint { time_s, at: Position { x_m, y_m } });
        Ok(())
    }

    /// Where a node is; `None` when it has no track.
    pub fn position(&self, node: NodeIndex, now: Instant) -> Option<Position> {
        let track = self.by_node.get(&node)?;
        let time_s = now.as_secs_f64();
        let next = track.partition_point(|waypoint| waypoint.time_s <= time_s);
        let (Some(from), Some(to)) = (track.get(next.wrapping_sub(1)), track.get(next)) else {
            return track.get(next.min(track.len() - 1)).map(|waypoint| waypoint.at);
        };
        let share = (time_s - from.time_s) / (to.time_s - from.time_s);
        let between = |from: f64, to: f64| from + share * (to - from);
        Some(Position { x_m: between(from.at.x_m, to.at.x_m), y_m: between(from.at.y_m, to.at.y_m) })
    }

    /// The highest number of a node with a track.
    pub fn last_node(&self) -> Option<NodeIndex> {
        self.by_node.keys().next_back().copied()
    }

    /// Every point of every track.
    pub fn points(&self) -> impl Iterator<Item = Position> {
        self.by_node.values().flatten().map(|waypoint| waypoint.at)
    }
}

impl Serialize for Tracks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(path) = &self.path {
            return path.serialize(serializer);
        }
        let row = |node: &NodeIndex, point: &Waypoint| {
            [f64::from(node.0), point.time_s, point.at.x_m, point.at.y_m]
        };
        let rows =
            self.by_node.iter().flat_map(|(node, track)| track.iter().map(move |point| row(node, point)));
        serializer.collect_seq(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Tracks, String> {
        let reader = csv::Reader::from_reader(text.as_bytes());
        Tracks::read(Path::new("tracks.csv"), reader).map_err(|error| error.to_string())
    }

    #[test]
    fn a_node_moves_evenly_between_its_points_and_stands_outside_of_them() {
        let tracks = read("node,time_s,x_m,y_m\n2,10,0,100\n0,0,5,5\n2,20,50,0\n2,40,50,-20\n").unwrap();
        let at = |node, ms: u64| {
            let position = tracks.position(NodeIndex(node), Instant::from_micros(1_000 * ms));
            position.map(|position| (position.x_m, position.y_m))
        };
        assert_eq!(at(2, 0), Some((0.0, 100.0)));
        assert_eq!(at(2, 10_000), Some((0.0, 100.0)));
        assert_eq!(at(2, 15_000), Some((25.0, 50.0)));
        assert_eq!(at(2, 20_000), Some((50.0, 0.0)));
        assert_eq!(at(2, 30_000), Some((50.0, -10.0)));
        assert_eq!(at(2, 90_000), Some((50.0, -20.0)));
        assert_eq!((at(0, 7_000), at(1, 7_000)), (Some((5.0, 5.0)), None));
        assert_eq!((tracks.last_node(), tracks.points().count()), (Some(NodeIndex(2)), 4));
    }

    #[test]
    fn what_is_no_track_is_named() {
        for (text, expected) in [
            ("node,time_s,x_m,y_m\n0,5,0,0\n0,5,1,1\n", "tracks.csv, row 2: the rows of a node are in order"),
            ("node,time_s,x_m,y_m\n0,-1,0,0\n", "tracks.csv, row 1: a time of at least 0"),
            ("node,time_s,x_m,y_m\n0,1,inf,0\n", "row 1"),
            ("node,time_s,x_m\n0,1,2\n", "missing field `y_m`"),
            ("node,time_s,x_m,y_m\nzero,1,2,3\n", "tracks.csv"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        assert!(Tracks::load(Path::new("/nowhere.csv")).unwrap_err().to_string().contains("/nowhere.csv"));
    }
}
