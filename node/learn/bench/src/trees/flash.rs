//! Trees grown on a computer and executed from their image.
use super::cart::{Growth, Tree};
use crate::data::{self, Labelled, SPLITS, Split};
use crate::section::{Bar, Table, mean, percent};
use anyhow::Result;
use chirrup_learn::random::Random;
use chirrup_learn::trees::fixed::{Forest, Node, encode};
use smartcore::ensemble::random_forest_classifier::{
    RandomForestClassifier, RandomForestClassifierParameters,
};
use smartcore::linalg::basic::matrix::DenseMatrix;

const FOREST: usize = 15;

/// A trained forest beside its image.
struct Trained {
    trees: Vec<Tree>,
    image: Vec<u8>,
}

fn train(data: &Labelled, trees: usize, seed: u64) -> Result<Trained> {
    let mut random = Random::new(seed);
    let features = data.shape.features;
    let trees: Vec<Tree> = (0..trees)
        .map(|_| {
            let all = 0..data.len();
            if trees == 1 {
                return Tree::grow(
                    data,
                    &mut all.collect::<Vec<_>>(),
                    Growth { depth: 10, features },
                    &mut random,
                );
            }
            let mut drawn: Vec<usize> = all.map(|_| random.below(data.len() as u32) as usize).collect();
            let features = libm::sqrt(features as f64) as usize;
            Tree::grow(data, &mut drawn, Growth { depth: 10, features }, &mut random)
        })
        .collect();
    let nodes: Vec<Vec<Node>> = trees.iter().map(Tree::nodes).collect();
    let nodes: Vec<&[Node]> = nodes.iter().map(Vec::as_slice).collect();
    let mut image = vec![0; 1 << 20];
    let bytes = encode(&nodes, data.shape, &mut image)?;
    image.truncate(bytes);
    Ok(Trained { trees, image })
}

/// The most votes, the lowest class of several, from the trainer's own trees.
fn vote(trees: &[Tree], sample: &[f32], classes: usize) -> usize {
    let mut votes = vec![0; classes];
    trees.iter().for_each(|tree| votes[tree.predict(sample)] += 1);
    (0..classes).rev().max_by_key(|&class| votes[class]).unwrap_or(0)
}

/// Accuracy from the image, the share of predictions that are the trainer's, and bytes of the image.
fn measure(split: &Split, trees: usize, seed: u64) -> Result<[f64; 3]> {
    let trained = train(&split.train, trees, seed)?;
    let forest = Forest::new(&trained.image)?;
    let mut votes = vec![0; forest.votes_len()];
    let accuracy = split.test.accuracy(|sample| forest.predict(sample, &mut votes))?;
    let (mut same, mut all) = (0, 0);
    for (sample, _) in split.test.iter().chain(split.train.iter()) {
        let wanted = vote(&trained.trees, sample, forest.shape().classes);
        let is_same = forest.predict(sample, &mut votes)? == wanted;
        // A lone tree needs no votes.
        same += usize::from(is_same && (trees > 1 || forest.predict_first(sample)? == wanted));
        all += 1;
    }
    Ok([accuracy, same as f64 / all as f64, trained.image.len() as f64])
}

/// Accuracy of a forest of as many trees of an independent implementation.
fn independent(split: &Split, trees: usize) -> Result<f64> {
    let matrix = |data: &Labelled| DenseMatrix::from_2d_vec(&data.samples);
    let labels: Vec<i32> = split.train.labels.iter().map(|&label| label as i32).collect();
    let parameters = RandomForestClassifierParameters::default()
        .with_n_trees(trees as u16)
        .with_max_depth(10)
        .with_seed(1);
    let model = RandomForestClassifier::fit(&matrix(&split.train)?, &labels, parameters)?;
    let predicted = model.predict(&matrix(&split.test)?)?;
    let correct = predicted.iter().zip(&split.test.labels).filter(|&(&found, &label)| found == label as i32);
    Ok(correct.count() as f64 / split.test.len() as f64)
}

/// One tree and a forest on both data sets.
pub fn table(bars: &mut Vec<Bar>) -> Result<Table> {
    let mut rows = Vec::new();
    for (name, data) in [("digits", data::digits()), ("breast cancer", data::breast_cancer())] {
        let splits = SPLITS.map(|seed| Ok((seed, data.split(seed)?))).collect::<Result<Vec<_>>>()?;
        for trees in [1, FOREST] {
            let measured = splits.iter().map(|(seed, split)| measure(split, trees, *seed));
            let measured = measured.collect::<Result<Vec<_>>>()?;
            let of = |figure: usize| measured.iter().map(|figures| figures[figure]).collect::<Vec<_>>();
            let beside = splits.iter().map(|(_, split)| independent(split, trees));
            rows.push(vec![
                format!("{name}, {trees}"),
                format!("{:.0}", mean(&of(2))),
                "0".into(),
                if trees == 1 { 0 } else { 2 * data.shape.classes }.to_string(),
                percent(&of(0)),
                percent(&of(1)),
                percent(&beside.collect::<Result<Vec<_>>>()?),
            ]);
            let what =
                format!("{name}, trees from flash: {trees}, share of predictions that are the trainer's");
            bars.push(Bar::at_least(what, 1.0, mean(&of(1))));
        }
    }
    Ok(Table {
        caption: "Trees from flash. Votes lie on the stack of the caller. Beside: a forest of as many trees of equal \
                  depth, by `smartcore`."
            .into(),
        head: vec![
            "data, trees",
            "image, B",
            "static RAM, B",
            "votes, B",
            "accuracy",
            "as the trainer",
            "beside",
        ],
        rows,
    })
}
