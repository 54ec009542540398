//! What the medium costs on top of the stack.
use crate::chapter::{Bar, Chapter, thousands};
use crate::stopwatch::least_of;
use crate::worlds::{Fleet, FleetSize, Run};

/// Rounds of which the best counts.
const ROUNDS: usize = 9;

pub fn chapter() -> Chapter {
    let size = FleetSize { nodes: 1_000, mean_s: 60.0, spreading_factor: 7, frames: 200_000.0 };
    let (fleet, joining) = (Fleet::new(size), Fleet::joining(size));
    let mut joined = joining.before_a_server();
    let (mut alone, mut aired, mut served) =
        (fleet.stack_alone(), fleet.on_the_air(), fleet.before_a_server());
    let differing = [aired, served].iter().filter(|run| run.sent != alone.sent).count();
    [alone.seconds, aired.seconds, served.seconds, joined.seconds] = least_of(
        ROUNDS,
        [
            &mut || fleet.stack_alone().seconds,
            &mut || fleet.on_the_air().seconds,
            &mut || fleet.before_a_server().seconds,
            &mut || joining.before_a_server().seconds,
        ],
    );
    let row = |name: &str, run: &Run| {
        let ratio = format!("{:.2}", run.frame_ns() / alone.frame_ns());
        vec![name.into(), thousands(run.per_second()), thousands(run.frame_ns()), ratio]
    };
    Chapter {
        title: "The medium beside the stack",
        text: format!(
            "1,000 nodes on SF7, a packet each 60 s on average: {:.2} frames on the air. The first three send the same \
             {} frames. The least of {ROUNDS} runs, in turns.",
            alone.on_air(),
            thousands(alone.sent.frames as f64)
        ),
        head: vec!["world", "transmissions/s", "ns each", "times the stack alone"],
        rows: vec![
            row("stack alone: virtual time, MAC, AES and CMAC", &alone),
            row("on the air: with collisions, gateway, books and trace", &aired),
            row("in front of the network server, as `chirrup run` does", &served),
            row("the same, joined over the air, behind the guard", &joined),
        ],
        bars: vec![
            Bar {
                what: "worlds whose frames differ from the stack's own".into(),
                at_most: 0.0,
                measured: differing as f64,
            },
            Bar {
                what: "on the air : stack alone, 1,000 nodes".into(),
                at_most: 2.0,
                measured: aired.frame_ns() / alone.frame_ns(),
            },
        ],
    }
}
