//! From a trained network to one in bytes: scales from its weights and from what calibration samples make it say.
//!
//! Nothing is kept but four bytes a layer while samples are looked at; one takes an inference for each layer.
use super::super::mlp::Mlp;
use super::{Int8Mlp, LARGEST, LARGEST_BIAS, LayerScale, round};
use crate::{LearnError, check_length};

/// Raises `peaks` (`[layers]`) to the largest magnitude of each layer's inputs for a sample. Start with zeros, and call
/// it for each calibration sample. Scratch: [`calibration_scratch_len`].
pub fn calibrate(
    mlp: Mlp,
    params: &[f32],
    sample: &[f32],
    peaks: &mut [f32],
    scratch: &mut [f32],
) -> Result<(), LearnError> {
    mlp.check(params)?;
    check_length("peaks", peaks.len(), mlp.layers())?;
    check_length("scratch", scratch.len(), calibration_scratch_len(mlp))?;
    let (work, output) = scratch.split_at_mut(mlp.scratch_len());
    for (depth, peak) in peaks.iter_mut().enumerate() {
        let output = &mut output[..mlp.widths[depth]];
        mlp.prefix(params, depth, sample, output, work)?;
        *peak = output.iter().fold(*peak, |peak, value| peak.max(value.abs()));
    }
    Ok(())
}

/// Numbers of scratch that [`calibrate`] needs.
pub const fn calibration_scratch_len(mlp: Mlp) -> usize {
    let sample = if mlp.widths.is_empty() { 0 } else { mlp.widths[0] };
    let widest = if mlp.widest() > sample { mlp.widest() } else { sample };
    mlp.scratch_len() + widest
}

/// Scales (`[layers]`) in which the inputs of calibration fit, and the weights with room to grow: `headroom` is the
/// largest weight that fits, as a multiple of the largest there is.
pub fn fit_scales(
    mlp: Mlp,
    params: &[f32],
    peaks: &[f32],
    headroom: f32,
    scales: &mut [LayerScale],
) -> Result<(), LearnError> {
    mlp.check(params)?;
    check_length("peaks", peaks.len(), mlp.layers())?;
    check_length("scales", scales.len(), mlp.layers())?;
    let mut rest = params;
    for (layer, scale) in scales.iter_mut().enumerate() {
        let (rows, tail) = rest.split_at(mlp.layer_params(layer));
        rest = tail;
        let weights = rows.chunks_exact(mlp.widths[layer] + 1).flat_map(|row| &row[..row.len() - 1]);
        let largest = weights.fold(0.0_f32, |largest, weight| largest.max(weight.abs()));
        *scale = LayerScale::fitting(headroom * largest, peaks[layer]);
    }
    Ok(())
}

/// Rounds parameters to the nearest bytes and biases of a network with the same widths.
pub fn quantise(
    network: Int8Mlp,
    params: &[f32],
    weights: &mut [i8],
    biases: &mut [i32],
) -> Result<(), LearnError> {
    network.check(weights, biases)?;
    let mlp = Mlp { widths: network.widths };
    mlp.check(params)?;
    let (mut params, mut weights, mut biases) = (params, weights, biases);
    for (layer, scale) in network.scales.iter().enumerate() {
        let inputs = network.widths[layer];
        let (rows, tail) = params.split_at(mlp.layer_params(layer));
        params = tail;
        for row in rows.chunks_exact(inputs + 1) {
            let (bytes, rest) = weights.split_at_mut(inputs);
            let (bias, more) = biases.split_at_mut(1);
            for (byte, weight) in bytes.iter_mut().zip(row) {
                *byte = round(weight / scale.weights).clamp(-LARGEST, LARGEST) as i8;
            }
            bias[0] = round(row[inputs] / scale.sums()).clamp(-LARGEST_BIAS, LARGEST_BIAS);
            (weights, biases) = (rest, more);
        }
    }
    Ok(())
}
