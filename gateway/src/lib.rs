//! A LoRaWAN network server for Class A, and the way of its frames to MQTT and back.
//!
//! Several concentrators may point their packet forwarders at one gateway service. It joins devices, takes in their
//! uplinks once whoever heard them, keeps them on disk until the aggregator's receipt, and sends its answers in the
//! nodes' receive windows within the duty cycle.
//!
//! What it deliberately does not do: it holds no key to the application payloads, which nodes and aggregator seal
//! end to end, and it needs nothing of the broker but that it mostly works.
//!
//! - [`core`]: the network server, without I/O;
//! - [`service`]: sockets, disk and broker around it.
//!
//! ```
//! use chirrup_gateway::core::{Config, Event, Heard, Key, NetworkServer, Reason, State};
//! use chirrup_protocol::{airtime::Modulation, ids::{DevEui, GatewayId}, region::Region, time::Instant};
//! let concentrator = GatewayId([1; 8]);
//! let devices = [(DevEui([7; 8]), Key([0; 16]))].into();
//! let config = Config::new(Region::Eu868, vec![concentrator], devices);
//! let mut server = NetworkServer::new(config, State::default())?;
//! let heard = Heard {
//!     concentrator,
//!     phy: vec![0x40, 1, 2],
//!     frequency_hz: 868_100_000,
//!     modulation: Modulation::lorawan(7, 125_000),
//!     rssi_dbm: -80,
//!     snr_tenth_db: 50,
//!     counter_us: 0,
//! };
//! server.handle(Instant::ZERO, Event::FrameHeard(heard));
//! assert_eq!(server.poll_action(), None);
//! assert_eq!(server.counters().discarded(Reason::Malformed), 1);
//! # Ok::<(), chirrup_gateway::core::ConfigError>(())
//! ```
#![forbid(unsafe_code)]

pub mod core;
pub mod service;
