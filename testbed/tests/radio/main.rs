//! The simulated air under the kernel, from single frames to real LoRaWAN stacks.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod aloha;
mod cores;
mod downlinks;
mod oracle;
mod stack;
mod uplinks;
mod world;
