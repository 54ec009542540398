//! Small multilayer networks: inference and training on the node.
//!
//! [`mlp`] is the network, [`plan`] says which part of it may change, [`train`] changes it; [`int8`] is and trains the
//! same in bytes; [`mod@head`] trains a new last layer on a frozen body. [`mod@half`] and [`mod@prune`] make networks
//! smaller.
pub mod half;
pub mod head;
pub mod int8;
pub mod mlp;
pub mod plan;
pub mod prune;
pub mod train;
