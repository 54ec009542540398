//! Currents of a node's BLE radio. Asleep it draws what a LoRa radio does: 1.5 uA, with its clock running (nRF52840
//! product specification, features: wake on RTC), which [`crate::radio::energy`] counts once for both.

/// Current while transmitting at 0 dBm, in mA, with the DC/DC converter (nRF52840 product specification, features: 4.8
/// mA peak).
pub const TRANSMIT_MA: f64 = 4.8;
/// Current while receiving, in mA (same source: 4.6 mA peak).
pub const RECEIVE_MA: f64 = 4.6;
