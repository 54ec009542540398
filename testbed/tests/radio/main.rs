//! The simulated air under the kernel, from single frames to real LoRaWAN stacks.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod adaptation;
mod aloha;
mod cores;
mod downlinks;
mod drift;
mod oracle;
mod stack;
mod surroundings;
mod uplinks;
mod world;
