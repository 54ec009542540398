//! A LoRaWAN 1.0.x network server for Class A, without I/O.
//!
//! Frames that concentrators heard go in, application payloads for the aggregator and scheduled transmissions come
//! out. The core reads no clock and no file and knows no async runtime; the service and the testbed drive the same
//! code by one contract: [`NetworkServer::handle`], then [`NetworkServer::poll_action`] until it is empty, then wake
//! it at [`NetworkServer::next_deadline`].
//!
//! What it deliberately does not do: no ABP, no Class B or C, no LoRaWAN 1.1, and of all MAC commands only
//! `LinkADRReq` is ever sent, where [`Config::adr`] says so, to devices that set the ADR bit: the bare device stack
//! answers it without obeying it, and only the guard of our nodes does both. Else data rates are advised in sealed
//! messages.
//!
//! Modules in reading order: [`config`], [`event`], [`record`] and [`counters`] are the interface; `server` is the
//! table of contents of what happens to an uplink, `joins` to a join request, and `downlink` of what is sent. They use `frame` and `mac_commands`
//! (bytes), `device` (sessions), [`adr`] (data rate and power), `deduplicate` (one frame, several concentrators),
//! `window` (the chance to answer), `schedule` and `concentrator` (duty cycle and half duplex). [`ble`] is a machine of
//! its own, for nodes that are connected.
pub mod adr;
pub mod ble;
mod concentrator;
pub mod config;
pub mod counters;
mod deduplicate;
mod device;
mod downlink;
pub mod event;
mod frame;
mod joins;
mod mac_commands;
pub mod record;
mod schedule;
mod server;
mod uplink_ids;
mod window;

pub use config::{Config, ConfigError, NetId};
pub use counters::{Counters, Reason};
pub use event::{Action, Event, Heard, ReceiveWindow, Refusal, Transmission};
pub use record::{AirtimeRecord, DeviceRecord, Key, Session, State};
pub use server::NetworkServer;
