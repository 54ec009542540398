//! A node of Chirrup: learns from its own stream and says what it learnt over LoRaWAN or BLE.
//!
//! What this crate deliberately does not do: it allocates nothing, reads no clock, knows no executor, and drives
//! no particular radio.
//!
//! - [`agent`]: learns, and judges what is worth its airtime; no I/O.
//! - [`world`]: what surrounds an agent;
//! - [`lorawan`]: the guarded LoRaWAN stack, and the driver that runs an agent over it;
//! - [`ble`]: what a BLE stack must give, and the driver that runs an agent over it.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

pub mod agent;
pub mod ble;
mod driver;
pub mod lorawan;
pub mod world;
