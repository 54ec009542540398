//! What more nodes cost.
use crate::chapter::{Bar, Chapter, thousands};
use crate::stopwatch::least_of;
use crate::worlds::{Fleet, FleetSize};

const ROUNDS: usize = 5;

pub fn chapter() -> Chapter {
    // As many frames on the air in both, and as many in all.
    let size = |nodes: usize| FleetSize {
        nodes,
        mean_s: 0.06 * nodes as f64,
        spreading_factor: 7,
        frames: 300_000.0,
    };
    let dense = FleetSize { mean_s: 60.0, ..size(10_000) };
    let fleets = [size(1_000), size(10_000), dense].map(Fleet::new);
    let mut runs = [0, 1, 2].map(|at: usize| fleets[at].before_a_server());
    let [few, many, crowded] = &fleets;
    let seconds = least_of(
        ROUNDS,
        [&mut || few.before_a_server().seconds, &mut || many.before_a_server().seconds, &mut || {
            crowded.before_a_server().seconds
        }],
    );
    runs.iter_mut().zip(seconds).for_each(|(run, least)| run.seconds = least);
    let names = ["1,000", "10,000", "10,000, each as often as the 1,000"];
    let rows = names.iter().zip(&runs).map(|(name, run)| {
        vec![
            (*name).into(),
            format!("{:.2}", run.on_air()),
            thousands(run.per_second()),
            thousands(run.frame_ns()),
        ]
    });
    let times = |at: usize| runs[at].frame_ns() / runs[0].frame_ns();
    Chapter {
        title: "More nodes",
        text: format!(
            "In front of the network server, on SF7, making the nodes included. The least of {ROUNDS} runs, in turns."
        ),
        head: vec!["nodes", "frames on the air", "transmissions/s", "ns each"],
        rows: rows.collect(),
        bars: vec![
            Bar {
                what: "a transmission of 10,000 nodes : one of 1,000, as many on the air".into(),
                at_most: 2.0,
                measured: times(1),
            },
            Bar {
                what: "a transmission of 10,000 nodes : one of 1,000, ten times as many on the air".into(),
                at_most: 2.0,
                measured: times(2),
            },
        ],
    }
}
