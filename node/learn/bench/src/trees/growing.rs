//! Trees that grow from a stream.
use crate::baselines;
use crate::data::{self, SPLITS, Split};
use crate::section::{Bar, Table, mean, percent};
use anyhow::Result;
use chirrup_learn::trees::hoeffding::{ActiveLeaf, Growth, HoeffdingTree, LeafRule, Moments, Node, Tree};

const NODES: u16 = 63;

/// Accuracy after so many passes, and splits.
fn measure(split: &Split, leaves: u16, rule: LeafRule, passes: usize) -> Result<[f64; 2]> {
    let settings = HoeffdingTree {
        shape: split.train.shape,
        nodes: NODES,
        leaves,
        grace: 50,
        delta: 1e-4,
        tie: 0.05,
        least_variance: 0.1,
        rule,
    };
    let (mut nodes, mut leaves) =
        (vec![Node::default(); NODES.into()], vec![ActiveLeaf::default(); leaves.into()]);
    let (mut counts, mut moments) =
        (vec![0; settings.counts_len()], vec![Moments::default(); settings.moments_len()]);
    let mut tree =
        Tree { nodes: &mut nodes, leaves: &mut leaves, counts: &mut counts, moments: &mut moments };
    let mut splits = 0;
    for index in (0..passes).flat_map(|pass| split.train.order(pass as u64)) {
        let grown = settings.learn(&mut tree, &split.train.samples[index], split.train.labels[index])?;
        splits += u32::from(grown == Growth::Split);
    }
    let accuracy = split.test.accuracy(|sample| settings.predict(&mut tree, sample))?;
    Ok([accuracy, splits.into()])
}

/// Passes and rules on both data sets.
pub fn table(bars: &mut Vec<Bar>) -> Result<Table> {
    let mut rows = Vec::new();
    for (name, data, least) in
        [("digits", data::digits(), 0.89), ("breast cancer", data::breast_cancer(), 0.91)]
    {
        let splits = SPLITS.map(|seed| data.split(seed)).collect::<Result<Vec<_>>>()?;
        let of = |judge: fn(&Split) -> Result<f64>| splits.iter().map(judge).collect::<Result<Vec<_>>>();
        let (majority, batch) =
            (of(|split| Ok(split.test.majority_rate()))?, of(baselines::logistic_regression)?);
        for (rule_name, rule) in [("majority", LeafRule::Majority), ("naive Bayes", LeafRule::NaiveBayes)] {
            for (leaves, passes) in [(1, 1), (8, 1), (8, 20)] {
                let measured = splits.iter().map(|split| measure(split, leaves, rule, passes));
                let measured = measured.collect::<Result<Vec<_>>>()?;
                let figure =
                    |figure: usize| measured.iter().map(|figures| figures[figure]).collect::<Vec<_>>();
                let moments = 8 * data.shape.features * data.shape.classes;
                let bytes =
                    12 * usize::from(NODES) + usize::from(leaves) * (8 + 4 * data.shape.classes + moments);
                rows.push(vec![
                    format!("{name}, {rule_name}"),
                    leaves.to_string(),
                    bytes.to_string(),
                    passes.to_string(),
                    format!("{:.1}", mean(&figure(1))),
                    percent(&figure(0)),
                    format!("{:.1}", 100.0 * mean(&majority)),
                    format!("{:.1}", 100.0 * mean(&batch)),
                ]);
                if (rule, leaves, passes) == (LeafRule::NaiveBayes, 8, 1) {
                    let what = format!("Hoeffding tree, {name}, one pass");
                    bars.push(Bar::at_least(what, least, mean(&figure(0))));
                }
            }
        }
    }
    Ok(Table {
        caption:
            "Hoeffding trees; accuracy in percent, beside the most frequent class and logistic regression."
                .into(),
        head: vec![
            "data, leaves judge by",
            "active leaves",
            "state, B",
            "passes",
            "splits",
            "accuracy",
            "most frequent",
            "logistic",
        ],
        rows,
    })
}
