//! A LoRaWAN network server for Class A, and the way of its frames to MQTT and back.
pub mod core;
