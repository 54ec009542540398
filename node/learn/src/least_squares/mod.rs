//! Linear readouts in closed form: what a squared error allows, of features that need no training.
pub mod autoencoder;
pub mod echo_state;
pub mod layer;
pub mod os_elm;
pub mod packed;
pub mod recursive;
pub mod rotations;
pub mod sums;
