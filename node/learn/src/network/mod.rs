//! Small multilayer networks: inference and training on the node.
//!
//! [`mlp`] is the network, [`plan`] says which part of it may change, [`train`] changes it.
pub mod mlp;
pub mod plan;
pub mod train;
