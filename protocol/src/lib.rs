//! The meaning of bytes and air in Chirrup.
//!
//! Everything that a node, a gateway and an aggregator must agree on lives here: identities, time on air, the
//! limits of a region, the seal of a frame, the messages inside it, the codecs of what was learnt, and the signed
//! manifest of a global model. `SPEC.md` beside this crate is the authority for every byte.
//!
//! What this crate deliberately does not do: it holds no state machine of a node or a service, it reads no clock
//! and no source of randomness, and it never allocates (the `std` feature adds the envelope that services exchange
//! over MQTT, which does).
//!
//! Modules in reading order:
//! - [`ids`], [`time`]: who and when;
//! - [`airtime`], [`region`], [`duty`]: what a frame costs, how large it may be, and how often it may be sent;
//! - [`seal`], [`replay`], [`epoch`]: the end-to-end protection of a frame, and the life of its keys and counters;
//! - [`identity`]: who has which keys, and how a node and the aggregator come to share a secret;
//! - [`slots`]: a record that no power cut can break;
//! - [`message`]: what a sealed frame says, one file a message;
//! - [`codec`]: how models and updates become few bytes, one file a codec;
//! - [`task`], [`manifest`], [`object`]: what the aggregator publishes, its signature, and its way in chunks;
//! - [`ble`]: sealed frames over Bluetooth Low Energy;
//! - `backhaul` (feature `std`): between gateway and aggregator.
//!
//! ```
//! use chirrup_protocol::{airtime::frame_airtime, region::{DataRate, Region}};
//! // A full frame at SF9 in EU868 is on the air for two thirds of a second.
//! let rate = Region::Eu868.modulation(DataRate(3)).unwrap();
//! assert_eq!(frame_airtime(rate, 115 + 13).as_micros(), 676_864);
//! ```
#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

pub mod airtime;
#[cfg(feature = "std")]
pub mod backhaul;
pub mod ble;
pub mod codec;
pub mod duty;
pub mod epoch;
pub mod identity;
pub mod ids;
pub mod manifest;
pub mod message;
pub mod object;
pub mod region;
pub mod replay;
pub mod seal;
pub mod slots;
pub mod task;
pub mod time;
mod wire;
