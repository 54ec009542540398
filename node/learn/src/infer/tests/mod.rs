//! The runtime against plain loops, and against images that nobody should have written.
mod against_loops;
mod builder;
mod mutated;

use super::image::{Element, Tensor};

/// A contiguous tensor.
fn tensor(offset: u32, [height, width, channels]: [u16; 3], element: Element) -> Tensor {
    Tensor { offset, height, width, channels, pixel_stride: channels, element, zero_point: 0, scale: 1.0 }
}
