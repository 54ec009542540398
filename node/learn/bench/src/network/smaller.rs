//! A trained network in fewer bytes.
use super::{MLP, WHOLE, WIDTHS, accuracy, fit, initial};
use crate::data::Split;
use crate::section::{Bar, Table, mean, percent};
use anyhow::Result;
use chirrup_learn::network::half;
use chirrup_learn::network::prune::prune;

const PASSES: usize = 20;
/// Passes after pruning, each pruned again.
const REPAIRS: usize = 5;
/// Weights kept, as one in so many.
const ONE_IN: [usize; 6] = [1, 2, 4, 8, 16, 32];
const WEIGHTS: usize = WIDTHS[0] * WIDTHS[1] + WIDTHS[1] * WIDTHS[2];

/// Accuracies of a network: pruned, pruned and trained on, and the latter in halves.
fn pruned(split: &Split, trained: &[f32], keep: usize) -> Result<[f64; 3]> {
    let mut params = trained.to_vec();
    prune(MLP, &mut params, keep)?;
    let at_once = accuracy(&params, &split.test)?;
    for pass in 0..REPAIRS {
        fit(WHOLE, &mut params, &split.train, PASSES + pass..PASSES + pass + 1)?;
        prune(MLP, &mut params, keep)?;
    }
    let repaired = accuracy(&params, &split.test)?;
    let mut halves = vec![0; params.len()];
    half::store(&params, &mut halves)?;
    half::load(&halves, &mut params)?;
    Ok([at_once, repaired, accuracy(&params, &split.test)?])
}

/// A bit a weight unless all are kept, and two bytes for each that is and for each bias.
const fn bytes(keep: usize) -> usize {
    let map = if keep == WEIGHTS { 0 } else { WEIGHTS.div_ceil(8) };
    map + 2 * (keep + WIDTHS[1] + WIDTHS[2])
}

/// The curve of pruning, and what halves cost.
pub fn measure(splits: &[Split]) -> Result<(Vec<Table>, Vec<Bar>)> {
    let mut trained = Vec::new();
    for split in splits {
        let mut params: Vec<f32> = initial(1)?;
        fit(WHOLE, &mut params, &split.train, 0..PASSES)?;
        trained.push(params);
    }
    let (mut rows, mut losses) = (Vec::new(), Vec::new());
    for one_in in ONE_IN {
        let keep = WEIGHTS / one_in;
        let results = splits
            .iter()
            .zip(&trained)
            .map(|(split, params)| pruned(split, params, keep))
            .collect::<Result<Vec<_>>>()?;
        let column = |index: usize| results.iter().map(|of_split| of_split[index]).collect::<Vec<_>>();
        losses.push(100.0 * (mean(&column(1)) - mean(&column(2))));
        let cells = (0..3).map(|index| percent(&column(index)));
        rows.push([keep.to_string(), bytes(keep).to_string()].into_iter().chain(cells).collect());
    }
    let most = losses.into_iter().fold(f64::NEG_INFINITY, f64::max);
    let table = Table {
        caption: format!(
            "Accuracy on digits in percent of the f32 network after {PASSES} passes, when its smallest weights become zero; \
             trained on for\n{REPAIRS} passes, pruned again after each; and then rounded to halves (binary16). Bytes: a \
             half for each weight that is kept\nand for each bias, and unless all are kept a bit a weight."
        ),
        head: vec!["weights kept", "bytes", "pruned", "and trained on", "and in halves"],
        rows,
    };
    let bars =
        vec![Bar::at_most("network, digits, points lost by halves, at most over the curve", 0.1, most)];
    Ok((vec![table], bars))
}
