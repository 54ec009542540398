//! The agent: a node's judgement, without I/O. `handle(now, event)`, `poll_action(now, link)`, `next_deadline()`.
//!
//! ```text
//!            power on
//!               |
//!            Joining <------------------- network forgot us, counters worn out
//!               | joined
//!               v
//!           Settling   task unknown: poll; send moments when they are wanted; receive the task
//!               | task verified
//!               v
//!           Learning   train on each sample; contribute when it is worth the airtime; receive models
//! ```
//! One frame is under way at a time. Whatever a frame needs to be unique (counters, sequence) is stored before the
//! frame leaves ([`Action::Store`]).
//!
//! Modules in reading order: [`memory`] (what the caller lends), `local` (the model being trained, what of it was
//! sent), [`judgement`] (is a contribution worth its airtime?), `report` (moments on their way), `pace` (when to
//! speak), [`snapshot`] (what survives a power cut), `event` (what it is told and wants), `machine`.
pub mod judgement;
pub mod memory;
pub mod snapshot;

mod event;
mod local;
mod machine;
mod pace;
mod report;
#[cfg(test)]
mod tests;

pub use event::{Action, Bearer, Event, Link, Refusal, Uplink};
pub use local::codec_memory_len;
pub use machine::{Agent, AgentConfig, Counts};
pub use memory::{Memory, MemoryError};
pub use snapshot::AgentSnapshot;
