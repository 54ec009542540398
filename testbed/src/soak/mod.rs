//! Many small fleets, each drawn from a seed with its own scenario and its own faults, run and checked.
//!
//! ```text
//! seed -> draw -> faults until some hour -> time to heal -> checkers, and did the fleet converge again?
//!                                                              | no
//!                                                              v
//!                                          shrink: which faults are needed? -> command
//! ```
//! What a seed gives depends on nothing else: not on the number of threads, not on the seeds before it.
//!
//! - [`draw`]: what a seed stands for;
//! - [`place`]: where its fleet stands, and what else is on its air;
//! - [`liveness`]: what must be true of a fleet some time after its faults have ended;
//! - [`trial`]: one seed run and judged;
//! - [`shrink`]: the fewest faults that still break it;
//! - [`store`]: results on disk, so that a soak goes on where it was stopped;
//! - [`totals`]: all results in one object.
pub mod draw;
pub mod liveness;
pub mod place;
pub mod shrink;
pub mod store;
pub mod totals;
pub mod trial;

pub use draw::Drawn;
pub use liveness::Lag;
pub use shrink::shrunk;
pub use store::{SoakStore, SoakStoreError};
pub use totals::Totals;
pub use trial::{Broken, Outcome, Trial};
