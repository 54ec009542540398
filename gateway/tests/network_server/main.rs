//! The network server's core: events in, actions out. The nodes' side is the `lorawan` crate's.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod arbitrary;
mod bench;
mod duty;
mod joins;
mod node;
mod receive_windows;
mod regions;
mod uplinks;
