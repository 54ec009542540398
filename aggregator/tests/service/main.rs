//! The shipped binary against a real broker: gateways and nodes are played, everything else is real.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod bench;
mod cli;
mod durability;
mod federation;
mod replay;
