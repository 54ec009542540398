//! A node of Chirrup: learns from its own stream and says what it learnt over LoRaWAN.
//!
//! What this crate deliberately does not do: it allocates nothing, reads no clock, knows no executor, and drives
//! no particular radio.
//!
//! - [`lorawan`]: the guarded LoRaWAN stack.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

pub mod lorawan;
