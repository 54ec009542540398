//! Many runs of one scenario: every combination of varied values, with several seeds each.
//!
//! Every run is the run that `chirrup run` would make of the same scenario and seed, with the same trace. A run's
//! folder is named by a hash of what it depends on, so that a sweep that was stopped, or is asked for more seeds or
//! values, runs only what is missing.
//!
//! - [`plan`]: which runs there are;
//! - [`store`]: where they are kept, and which are finished;
//! - [`work`]: all cores;
//! - [`statistics`]: mean, confidence interval, Pareto front;
//! - [`results`]: what came of it, as tables.
pub mod plan;
pub mod results;
pub mod statistics;
pub mod store;
pub mod work;

pub use plan::{Plan, PlanError, Variation};
pub use results::Results;
pub use store::{Store, StoreError};
