//! Times of loops, taken so that a busy machine distorts their ratios little.
use std::time::Instant;

/// Rounds of which the best counts.
const ROUNDS: usize = 15;

/// How often a loop's body ran.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Runs a second.
    pub per_second: f64,
}

impl Rate {
    /// Time of one run.
    pub fn micros(self) -> f64 {
        1e6 / self.per_second
    }
}

/// The best rate of each body, which is given the number of its run. The bodies take turns.
pub fn rates<const N: usize>(runs: usize, mut bodies: [&mut dyn FnMut(usize); N]) -> [Rate; N] {
    let mut best = [Rate { per_second: 0.0 }; N];
    for _ in 0..ROUNDS {
        for (body, best) in bodies.iter_mut().zip(&mut best) {
            let start = Instant::now();
            for run in 0..runs {
                body(run);
            }
            best.per_second = best.per_second.max(runs as f64 / start.elapsed().as_secs_f64());
        }
    }
    best
}
