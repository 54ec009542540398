//! ONNX, as far as a network for a microcontroller needs it: opset 13 and later, f32, one input and one output.
//!
//! - [`proto`]: the messages of `onnx.proto`, reduced to the fields read here.
//! - [`constant`]: numbers known before the first sample, and operators on them alone.
//! - [`attributes`]: attributes of a node.
//! - [`mod@read`]: from a file to a graph.
//! - `operators`: each operator's meaning.
//! - [`mod@write`]: from a graph to a file.
pub mod attributes;
pub mod constant;
mod operators;
pub mod proto;
pub mod read;
pub mod write;

pub use read::{OnnxError, read};
