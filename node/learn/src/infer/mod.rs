//! Inference: trained networks, run from an image in flash on an arena whose plan was computed ahead.
//!
//! A host tool writes the image; the node only validates it, once, and then executes it in a fixed order without
//! allocating: every tensor has its place in the arena.
//!
//! - [`image`]: the bytes of a network.
//! - [`fixed`]: real factors as integers.
//! - [`network`]: loading, validation and execution.
//! - `check`, `window`, `convolution`, `pooling`, `elementwise`, `softmax`: the operators.
//!
//! What is deliberately absent: shapes that change at run time, batches, more than one input or output, and
//! operators in any other layout than height, width, channels.
mod check;
mod convolution;
mod elementwise;
pub mod fixed;
pub mod image;
pub mod network;
mod pooling;
mod softmax;
#[cfg(test)]
mod tests;
mod window;

pub use image::ImageError;
pub use network::Network;
