//! What a large fleet takes: memory of the whole process.
use crate::chapter::{Bar, Chapter, thousands};
use crate::worlds::{Fleet, FleetSize};
use std::process::Command;

const NODES: usize = 100_000;
const MIB: f64 = 1024.0 * 1024.0;
/// 4 GB.
const AT_MOST_BYTES: f64 = 4e9;

/// A fleet that was run in a process of its own.
pub struct Large {
    nodes: f64,
    frames: f64,
    per_second: f64,
    peak_bytes: f64,
}

impl Large {
    /// As [`Large::from_line`] reads it.
    pub fn to_line(&self) -> String {
        let Self { nodes, frames, per_second, peak_bytes } = self;
        format!(
            "nodes {nodes:.0} frames {frames:.0} transmissions/s {per_second:.0} peak-bytes {peak_bytes:.0}\n"
        )
    }

    fn from_line(line: &str) -> Option<Self> {
        let figures: Vec<f64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [nodes, frames, per_second, peak_bytes] = figures.try_into().ok()?;
        Some(Self { nodes, frames, per_second, peak_bytes })
    }
}

/// Runs a fleet whose nodes send three packets each.
pub fn measure(nodes: usize) -> Large {
    let frames = 3.0 * nodes as f64;
    let run = Fleet::new(FleetSize { nodes, mean_s: 0.06 * nodes as f64, spreading_factor: 7, frames })
        .before_a_server();
    Large {
        nodes: nodes as f64,
        frames: run.sent.frames as f64,
        per_second: run.per_second(),
        peak_bytes: peak_bytes().unwrap_or(f64::NAN),
    }
}

pub fn chapter() -> Chapter {
    let child = std::env::current_exe()
        .and_then(|program| Command::new(program).args(["--bench", &NODES.to_string()]).output());
    let output = child.expect("this program starts itself");
    let line = String::from_utf8_lossy(&output.stdout);
    let Large { nodes, frames, per_second, peak_bytes } =
        Large::from_line(&line).expect("it prints four figures");
    Chapter {
        title: "100,000 nodes",
        text: "In front of the network server, in a process of its own; the peak is of the whole process (`VmHWM`). \
               Nodes are made within the time, three packets for each."
            .into(),
        head: vec!["nodes", "transmissions", "transmissions/s", "peak memory, MiB", "bytes a node"],
        rows: vec![vec![
            thousands(nodes),
            thousands(frames),
            thousands(per_second),
            thousands(peak_bytes / MIB),
            thousands(peak_bytes / nodes),
        ]],
        bars: vec![Bar { what: "peak memory of 100,000 nodes, GB".into(), at_most: AT_MOST_BYTES / 1e9, measured: peak_bytes / 1e9 }],
    }
}

/// The most memory that this process ever had, where the system tells it.
fn peak_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?;
    kib.parse::<f64>().ok().map(|kib| kib * 1024.0)
}
