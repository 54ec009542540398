//! From a trained network in ONNX to an image that `chirrup-learn` runs on a microcontroller.
//!
//! What this crate deliberately does not do: it does not train, it knows no dynamic shapes, and it writes one input
//! and one output.
//!
//! Modules in reading order: [`graph`] is the network, [`onnx`] reads and writes it, [`simplify`], [`prune`] and [`rewrite`] change
//! it, [`quantise`] chooses its numbers by what [`mod@reference`] computes on samples, [`plan`] finds its order and its
//! memory, [`emit`] writes the image, [`compile`] does all of it, [`zoo`] builds networks to measure with, [`cli`] is the
//! program.
#![forbid(unsafe_code)]

pub mod cli;
pub mod compile;
pub mod emit;
pub mod graph;
pub mod onnx;
pub mod plan;
pub mod prune;
pub mod quantise;
pub mod reference;
pub mod rewrite;
pub mod simplify;
pub mod zoo;
