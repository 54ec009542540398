//! The service on real sockets and a real broker: a packet forwarder in front of it, an aggregator behind it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod aggregator;
mod binary;
mod forwarder;
#[path = "../network_server/node.rs"]
mod node;
mod outages;
mod round_trip;
mod simulated_time;
mod site;
