//! How contributions become a version, one strategy a file, each citing its paper. Pure arithmetic in fixed point:
//! the order of contributions does not matter.
pub mod fedbuff;

use serde::{Deserialize, Serialize};

/// Fractional bits of a parameter in fixed point.
pub const FRACTION_BITS: u32 = 32;
/// Parameters stay within this magnitude: a published model carries its scales in half precision.
pub const LARGEST_PARAMETER: i64 = 32_768 << FRACTION_BITS;

/// A strategy and its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Strategy {
    /// Buffered asynchronous federated averaging.
    FedBuff(fedbuff::FedBuff),
}

/// One contribution, as strategies see it.
#[derive(Clone, Copy, Debug)]
pub struct Update<'a> {
    /// Coordinates that arrived, with their changes in fixed point, ascending.
    pub changes: &'a [(u32, i64)],
    /// Examples behind it.
    pub examples: u32,
    /// Versions published since it was begun.
    pub staleness: u32,
}

impl Strategy {
    /// The parameters that follow from `params` (`[n_params]`, fixed point) and the updates.
    pub fn combine(&self, params: &[i64], updates: &[Update<'_>]) -> Vec<i64> {
        match self {
            Self::FedBuff(fedbuff) => fedbuff.combine(params, updates),
        }
    }
}

/// A change in fixed point; `None` when it is not finite or beyond [`LARGEST_PARAMETER`].
pub fn to_fixed(value: f32) -> Option<i64> {
    let scaled = f64::from(value) * (1u64 << FRACTION_BITS) as f64;
    (libm::fabs(scaled) <= LARGEST_PARAMETER as f64).then_some(libm::round(scaled) as i64)
}

/// A parameter as a float.
pub fn to_float(fixed: i64) -> f32 {
    (fixed as f64 / (1u64 << FRACTION_BITS) as f64) as f32
}
