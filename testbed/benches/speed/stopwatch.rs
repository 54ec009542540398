//! Time that the process had a core for.
use std::time::Instant;

/// Measures one run. Where the system counts it, that is the time on a core: what others did meanwhile is not in it.
pub struct Stopwatch {
    on_core_ns: Option<u64>,
    wall: Instant,
}

impl Stopwatch {
    /// Begins.
    pub fn start() -> Self {
        Self { on_core_ns: on_core_ns(), wall: Instant::now() }
    }

    /// Seconds since the begin.
    pub fn seconds(&self) -> f64 {
        match (self.on_core_ns, on_core_ns()) {
            (Some(before), Some(now)) => (now - before) as f64 / 1e9,
            _ => self.wall.elapsed().as_secs_f64(),
        }
    }
}

/// The first figure of Linux' `schedstat`.
fn on_core_ns() -> Option<u64> {
    std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
}

/// Runs all of them in turns, `rounds` times; the least seconds of each count.
pub fn least_of<const N: usize>(rounds: usize, mut runs: [&mut dyn FnMut() -> f64; N]) -> [f64; N] {
    let mut least = [f64::INFINITY; N];
    for _ in 0..rounds {
        for (run, least) in runs.iter_mut().zip(&mut least) {
            *least = least.min(run());
        }
    }
    least
}
