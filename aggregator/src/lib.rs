//! Takes in what nodes learnt, combines it, and publishes global models.
//!
//! - [`core`]: the aggregator itself, without I/O. It opens seals, keeps the exact set of counters seen, decides
//!   when a version closes, and answers each uplink. Its state is a function of the records it wrote.
//! - [`export`]: the ledger as one file that anybody can replay, and [`limits`], what a federation must satisfy first.
//! - [`service`]: the shell that runs it: MQTT, the ledger on disk, a page.
//!
//! What this crate deliberately does not do: it never trusts a gateway, a network server or a broker with more than
//! delivery, and it never asks a node to wait for a round.
#![forbid(unsafe_code)]

pub mod core;
pub mod export;
pub mod limits;
mod private_file;
pub mod service;
