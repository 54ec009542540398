//! Trees: grown from a stream on the node, or grown elsewhere and executed from flash.
pub mod fixed;
pub mod hoeffding;
