//! What more frames on the air cost.
use crate::chapter::{Bar, Chapter, thousands};
use crate::worlds::{Fleet, FleetSize, Run};

const ROUNDS: usize = 5;
/// Packets that would be on the air at a time if nodes sent without waiting for their receive windows.
const LOADS: [f64; 7] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];
/// Time on air of 20 bytes with SF12, in seconds.
const AIRTIME_S: f64 = 1.318_9;
const NODES: usize = 1_000;

pub fn chapter() -> Chapter {
    let runs = LOADS.map(run);
    let rows = runs.iter().map(|run| vec![format!("{:.2}", run.on_air()), thousands(run.frame_ns())]);
    let steps = runs.windows(2).map(|pair| {
        let more = pair[1].on_air() / pair[0].on_air();
        pair[1].frame_ns() / pair[0].frame_ns() / more
    });
    let steepest = steps.fold(0.0, f64::max);
    let (first, last) = (&runs[0], &runs[LOADS.len() - 1]);
    let slope_ns = (last.frame_ns() - first.frame_ns()) / (last.on_air() - first.on_air());
    Chapter {
        title: "More frames on the air",
        text: format!(
            "1,000 nodes on SF12, on three channels, ever more often; nobody behind the gateway. Each further frame on \
             the air adds {slope_ns:.1} ns to a transmission. The least of {ROUNDS} runs."
        ),
        head: vec!["frames on the air", "ns a transmission"],
        rows: rows.collect(),
        bars: vec![Bar {
            what: "growth of a transmission's cost : growth of the frames on the air, steepest step".into(),
            at_most: 1.0,
            measured: steepest,
        }],
    }
}

fn run(load: f64) -> Run {
    let mean_s = NODES as f64 * AIRTIME_S / load;
    let fleet = Fleet::new(FleetSize { nodes: NODES, mean_s, spreading_factor: 12, frames: 100_000.0 });
    let mut least = fleet.on_the_air();
    for _ in 1..ROUNDS {
        least.seconds = least.seconds.min(fleet.on_the_air().seconds);
    }
    least
}
