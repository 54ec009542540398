//! From what a sensor says to what a learner takes.
pub mod dct;
pub mod fft;
pub mod moments;
pub mod running;
pub mod scale;
mod sine;
pub mod window;
