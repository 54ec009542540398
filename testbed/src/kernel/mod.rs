//! Virtual time: a deterministic executor for futures and events, and the random streams of a run.
//!
//! Nodes are futures; network server and aggregator are cores without I/O that the run loop drives. The kernel
//! interleaves both: [`Kernel::step_until`] runs the next future, hands out the next event, or, when nothing is due
//! before a core's deadline, moves the clock to that deadline. What happens at the same microsecond happens in the
//! order in which it was asked for.
//!
//! It deliberately has no wakers, threads or wall clock: a future that waits must have asked its [`Clock`] to be run
//! again.
//!
//! Reading order: [`clock`] (time and sleeping, over `queue`), [`executor`] (futures and events), [`rng`].
//!
//! ```
//! use chirrup_protocol::time::{Duration, Instant};
//! use chirrup_testbed::kernel::{Kernel, Wakeup};
//!
//! let mut kernel = Kernel::<&str>::new();
//! let clock = kernel.clock();
//! kernel.spawn(async move { clock.sleep(Duration::from_secs(2)).await });
//! kernel.scheduler().schedule(Instant::from_micros(1_000_000), "one second");
//!
//! let mut seen = Vec::new();
//! while let Some(wakeup) = kernel.step_until(Instant::from_micros(10_000_000)) {
//!     if let Wakeup::Event(event) = wakeup {
//!         seen.push((kernel.now().as_secs(), event));
//!     }
//! }
//! assert_eq!(seen, [(1, "one second")]);
//! assert_eq!(kernel.now().as_secs(), 10);
//! ```
pub mod clock;
pub mod executor;
mod queue;
pub mod rng;

pub use clock::{Clock, TaskId};
pub use executor::{Kernel, Scheduler, Wakeup};
pub use rng::Rng;
