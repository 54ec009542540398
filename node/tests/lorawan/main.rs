//! The defects of `lorawan-device` 0.12.2 and the guard around them; see `docs/lorawan-stack.md`.
//!
//! - `bare_stack` pins that the stack still has each defect, so that an upgrade shows what became superfluous;
//! - the other modules pin that the guard prevents or masks it.
//!
//! The radio is scripted, the timer virtual, and the network's frames come from `lrwn`, an independent
//! implementation by the authors of ChirpStack.
// The lint's exception for tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

mod adr;
mod bare_stack;
mod bench;
mod fixed_plans;
mod joining;
mod limits;
mod mac_commands;
mod network;
mod power_cuts;
mod properties;
mod receiving;
