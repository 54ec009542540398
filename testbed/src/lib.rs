//! A simulated radio that drives the real cores of Chirrup.
//!
//! `chirrup run` puts a fleet of real nodes (the agent over the guarded, unmodified LoRaWAN stack) on a simulated air,
//! in front of the real network server and aggregator cores, under virtual time; `chirrup sweep` does so many times
//! over, on all cores. `chirrup live` puts the same air in front of the real services, in processes of their own.
//! `chirrup replay` feeds a ledger through the cores again.
//!
//! What this crate deliberately does not do: it implements no protocol of its own. Whatever it finds out about
//! Chirrup, it finds out about the code that is shipped.
//!
//! Modules in reading order:
//! - [`scenario`], [`data`]: what to simulate;
//! - [`kernel`]: virtual time, tasks, events, random streams;
//! - [`radio`], [`device`]: the air, and the board of a virtual node; [`ble`]: BLE as a link; [`energy`]: what both take;
//! - [`faults`]: what goes wrong on purpose;
//! - [`simulation`]: the run loop; [`live`]: the same with services;
//! - [`checker`]: what must hold in every run;
//! - [`traffic`]: packets without learning; [`validate`]: the radio against closed forms;
//! - [`baseline`], [`summary`], [`report`]: what came of it, beside what else could have;
//! - [`sweep`]: many runs of one scenario; [`soak`]: many fleets, each with its own faults;
//! - [`cli`]: the `chirrup` command.
#![forbid(unsafe_code)]

pub mod baseline;
pub mod ble;
pub mod checker;
pub mod cli;
pub mod data;
pub mod device;
pub mod energy;
pub mod faults;
pub mod kernel;
pub mod live;
pub mod radio;
pub mod report;
pub mod scenario;
pub mod simulation;
pub mod soak;
pub mod summary;
pub mod sweep;
pub mod traffic;
pub mod validate;
