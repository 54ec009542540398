//! Magnitude pruning: the smallest weights of a trained network become zero.
//!
//! Source: Han, Pool, Tran, Dally, *Learning both Weights and Connections* (NeurIPS 2015): prune, train what is left,
//! prune again. Weights compete across layers; biases stay.
//!
//! No memory: the threshold is found by halving the range of magnitudes, 31 passes over the parameters.
use super::mlp::Mlp;
use crate::LearnError;

/// Zeroes all weights but the `keep` largest in magnitude, earlier ones before later ones of the same magnitude.
pub fn prune(mlp: Mlp, params: &mut [f32], keep: usize) -> Result<(), LearnError> {
    mlp.check(params)?;
    let threshold = threshold(mlp, params, keep);
    // How many of those exactly at the threshold there is room for.
    let mut room = keep - count_above(mlp, params, threshold).min(keep);
    for weight in weights_mut(mlp, params) {
        let magnitude = magnitude(*weight);
        if magnitude == threshold && room > 0 {
            room -= 1;
        } else if magnitude <= threshold {
            *weight = 0.0;
        }
    }
    Ok(())
}

/// Weights other than zero.
pub fn nonzero(mlp: Mlp, params: &[f32]) -> Result<usize, LearnError> {
    mlp.check(params)?;
    Ok(count_above(mlp, params, 0))
}

/// The least magnitude above which at most `keep` weights lie.
fn threshold(mlp: Mlp, params: &[f32], keep: usize) -> u32 {
    let (mut low, mut high) = (0, 0x7fff_ffff);
    while low < high {
        let middle = low + (high - low) / 2;
        if count_above(mlp, params, middle) <= keep { high = middle } else { low = middle + 1 }
    }
    low
}

fn count_above(mlp: Mlp, params: &[f32], threshold: u32) -> usize {
    let mut rest = params;
    let mut count = 0;
    for layer in 0..mlp.layers() {
        let (rows, tail) = rest.split_at(mlp.layer_params(layer));
        rest = tail;
        let weights = rows.chunks_exact(mlp.widths[layer] + 1).flat_map(|row| &row[..row.len() - 1]);
        count += weights.filter(|weight| magnitude(**weight) > threshold).count();
    }
    count
}

fn weights_mut<'p>(mlp: Mlp<'p>, params: &'p mut [f32]) -> impl Iterator<Item = &'p mut f32> {
    let mut rest = params;
    (0..mlp.layers()).flat_map(move |layer| {
        let (rows, tail) = core::mem::take(&mut rest).split_at_mut(mlp.layer_params(layer));
        rest = tail;
        rows.chunks_exact_mut(mlp.widths[layer] + 1).flat_map(|row| {
            let (_, weights) = row.split_last_mut().expect("a row holds at least its bias");
            weights
        })
    })
}

/// Bits of the magnitude: they order as the magnitudes do.
const fn magnitude(weight: f32) -> u32 {
    weight.to_bits() & 0x7fff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MLP: Mlp = Mlp { widths: &[2, 2, 1] };

    #[test]
    fn the_largest_weights_stay_and_so_do_biases() {
        let mut params = [0.5, -3.0, 9.0, 0.5, 0.1, 0.01, -0.5, 2.0, 0.0];
        prune(MLP, &mut params, 4).unwrap();
        assert_eq!(params, [0.5, -3.0, 9.0, 0.5, 0.0, 0.01, 0.0, 2.0, 0.0]);
        assert_eq!(nonzero(MLP, &params), Ok(4));
        prune(MLP, &mut params, 0).unwrap();
        assert_eq!(params, [0.0, 0.0, 9.0, 0.0, 0.0, 0.01, 0.0, 0.0, 0.0]);
        assert!(prune(MLP, &mut params[1..], 4).is_err());
    }

    proptest! {
        #[test]
        fn pruning_agrees_with_sorting(
            mut params in prop::collection::vec(prop_oneof![-2i8..3, any::<i8>()], 9), keep in 0usize..9,
        ) {
            let mut params: Vec<f32> = params.drain(..).map(|value| f32::from(value) / 8.0).collect();
            let bias = |index: &usize| ![2, 5, 8].contains(index);
            let mut order: Vec<usize> = (0..9).filter(bias).collect();
            order.sort_by(|a, b| params[*b].abs().total_cmp(&params[*a].abs()));
            let mut expected = params.clone();
            order.iter().skip(keep).for_each(|index| expected[*index] = 0.0);
            prune(MLP, &mut params, keep).unwrap();
            prop_assert_eq!(params, expected);
        }
    }
}
