//! The aggregator's core, driven by frames that a node would send: events in, actions out.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod answers;
mod bench;
mod contributions;
mod epochs;
mod moments;
mod refusals;
mod replay;
mod throttle;
