//! Codecs. [`updates`] has those of client updates, [`models`] those of models, [`statistics`] those of sums, [`entropy`] what they are built on.
//!
//! Memory is lent full of NaN: what a decoder reads before it writes it, or leaves unwritten in its block, is seen.
pub mod entropy;
pub mod models;
pub mod statistics;
pub mod updates;
