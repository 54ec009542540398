//! Which node owns which training row.
use super::dirichlet::dirichlet as dirichlet_shares;
use super::{NodeColumn, Sample};
use crate::kernel::Rng;

/// How training rows are spread over nodes.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Partition {
    /// Shuffled and dealt in turn: every node sees the same mixture.
    Iid,
    /// The rows of each class are spread in shares drawn from a symmetric Dirichlet distribution (Hsu, Qi and
    /// Brown 2019): the smaller `alpha`, the more a node's labels differ from its neighbours'.
    Dirichlet {
        /// Concentration, above 0.
        alpha: f64,
    },
    /// Every node sees one class only; with fewer nodes than classes, every class is seen by one node only.
    OneClass,
    /// As a column of the data says.
    ByColumn,
}

/// For every node the indices of its training rows, ascending. No share is empty and no row is in two.
pub type Shares = Vec<Vec<usize>>;

/// The rows cannot be spread as asked.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartitionError {
    /// Some node would have nothing to learn from.
    #[error("nodes.count = {nodes} is more than the {rows} training rows")]
    TooManyNodes {
        /// Nodes asked for.
        nodes: usize,
        /// Rows there are.
        rows: usize,
    },
    /// More nodes share a class than it has rows.
    #[error(
        "nodes.partition = \"one-class\" gives class \"{class}\" {nodes} nodes, but it has {rows} training rows"
    )]
    ClassTooSmall {
        /// Index of the class.
        class: usize,
        /// Nodes that share it.
        nodes: usize,
        /// Its rows.
        rows: usize,
    },
    /// The data does not say who recorded what.
    #[error("nodes.partition = \"by-column\" needs a column of nodes, and the data has none")]
    NoNodeColumn,
}

/// Spreads `rows` over `nodes` nodes; [`Partition::ByColumn`] has as many nodes as the column names.
pub fn shares(
    partition: Partition,
    rows: &[Sample],
    column: Option<&NodeColumn>,
    nodes: usize,
    seed: u64,
) -> Result<Shares, PartitionError> {
    if let Partition::ByColumn = partition {
        return column.map(by_column).ok_or(PartitionError::NoNodeColumn);
    }
    if nodes > rows.len() {
        return Err(PartitionError::TooManyNodes { nodes, rows: rows.len() });
    }
    let mut shares = match partition {
        Partition::Iid => iid(rows.len(), nodes, seed),
        Partition::Dirichlet { alpha } => dirichlet(&by_class(rows, seed), nodes, alpha, seed),
        _ => one_class(&by_class(rows, seed), nodes)?,
    };
    shares.iter_mut().for_each(|share| share.sort_unstable());
    Ok(shares)
}

fn by_column(column: &NodeColumn) -> Shares {
    let mut shares = vec![Vec::new(); column.names.len()];
    column.of_row.iter().enumerate().for_each(|(row, &node)| shares[node].push(row));
    shares
}

fn iid(n_rows: usize, nodes: usize, seed: u64) -> Shares {
    let mut order: Vec<usize> = (0..n_rows).collect();
    Rng::for_purpose(seed, "partition-iid", 0).shuffle(&mut order);
    let mut shares = vec![Vec::new(); nodes];
    order.into_iter().enumerate().for_each(|(turn, row)| shares[turn % nodes].push(row));
    shares
}

/// The rows of each class in shuffled order; classes without rows are left out.
fn by_class(rows: &[Sample], seed: u64) -> Vec<Vec<usize>> {
    let n_classes = rows.iter().map(|row| usize::from(row.label) + 1).max().unwrap_or(0);
    let mut classes = vec![Vec::new(); n_classes];
    rows.iter().enumerate().for_each(|(index, row)| classes[usize::from(row.label)].push(index));
    for (class, members) in classes.iter_mut().enumerate() {
        Rng::for_purpose(seed, "partition-class", class as u64).shuffle(members);
    }
    classes.retain(|members| !members.is_empty());
    classes
}

fn dirichlet(classes: &[Vec<usize>], nodes: usize, alpha: f64, seed: u64) -> Shares {
    let mut shares = vec![Vec::new(); nodes];
    for (class, members) in classes.iter().enumerate() {
        let mut rng = Rng::for_purpose(seed, "partition-dirichlet", class as u64);
        let mut from = 0;
        let mut cumulative = 0.0;
        for (share, portion) in shares.iter_mut().zip(dirichlet_shares(&mut rng, alpha, nodes)) {
            cumulative += portion;
            let to = ((cumulative * members.len() as f64 + 0.5) as usize).clamp(from, members.len());
            share.extend_from_slice(&members[from..to]);
            from = to;
        }
        // Rounding of the sum may leave a row behind.
        shares[nodes - 1].extend_from_slice(&members[from..]);
    }
    feed_the_empty(&mut shares);
    shares
}

/// A node with nothing gets one row of the node that has most.
fn feed_the_empty(shares: &mut Shares) {
    while let Some(empty) = shares.iter().position(Vec::is_empty) {
        let richest = (0..shares.len()).max_by_key(|&node| shares[node].len()).expect("there is a node");
        let row = shares[richest].pop().expect("there are at least as many rows as nodes");
        shares[empty].push(row);
    }
}

fn one_class(classes: &[Vec<usize>], nodes: usize) -> Result<Shares, PartitionError> {
    let mut shares = vec![Vec::new(); nodes];
    for (class, members) in classes.iter().enumerate() {
        let owners: Vec<usize> = if nodes < classes.len() {
            vec![class % nodes]
        } else {
            (0..nodes).filter(|node| node % classes.len() == class).collect()
        };
        if owners.len() > members.len() {
            return Err(PartitionError::ClassTooSmall { class, nodes: owners.len(), rows: members.len() });
        }
        members.iter().enumerate().for_each(|(turn, &row)| shares[owners[turn % owners.len()]].push(row));
    }
    Ok(shares)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn rows(n: usize, n_classes: usize) -> Vec<Sample> {
        (0..n).map(|i| Sample { features: vec![], label: (i % n_classes) as u16 }).collect()
    }

    fn classes_of(share: &[usize], rows: &[Sample]) -> BTreeSet<u16> {
        share.iter().map(|&row| rows[row].label).collect()
    }

    proptest! {
        #[test]
        fn every_row_has_exactly_one_owner(
            n_rows in 60usize..400, nodes in 1usize..20, seed: u64, alpha in 0.01f64..100.0, kind in 0..3,
        ) {
            let rows = rows(n_rows, 3);
            let partition = [Partition::Iid, Partition::Dirichlet { alpha }, Partition::OneClass][kind as usize];
            let shares = shares(partition, &rows, None, nodes, seed).unwrap();
            prop_assert_eq!(shares.len(), nodes);
            prop_assert!(shares.iter().all(|share| !share.is_empty()));
            let mut all: Vec<usize> = shares.concat();
            all.sort_unstable();
            prop_assert!(all.into_iter().eq(0..n_rows));
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_shares() {
        let rows = rows(200, 4);
        let of_seed = |seed| shares(Partition::Dirichlet { alpha: 0.5 }, &rows, None, 10, seed).unwrap();
        assert_eq!(of_seed(1), of_seed(1));
        assert_ne!(of_seed(1), of_seed(2));
    }

    #[test]
    fn a_small_alpha_separates_classes_and_a_large_one_mixes_them() {
        let rows = rows(5_000, 10);
        let mean_classes = |alpha| {
            let shares = shares(Partition::Dirichlet { alpha }, &rows, None, 10, 7).unwrap();
            shares.iter().map(|share| classes_of(share, &rows).len()).sum::<usize>() as f64 / 10.0
        };
        assert!(mean_classes(0.02) < 4.0, "{}", mean_classes(0.02));
        assert!(mean_classes(100.0) > 9.9, "{}", mean_classes(100.0));
    }

    #[test]
    fn one_class_a_node_means_one_class() {
        let rows = rows(300, 3);
        let wide = shares(Partition::OneClass, &rows, None, 7, 1).unwrap();
        assert!(wide.iter().all(|share| classes_of(share, &rows).len() == 1));
        let narrow = shares(Partition::OneClass, &rows, None, 2, 1).unwrap();
        assert_eq!(classes_of(&narrow[0], &rows), BTreeSet::from([0, 2]));
        assert_eq!(classes_of(&narrow[1], &rows), BTreeSet::from([1]));
    }

    #[test]
    fn what_cannot_be_spread_is_refused() {
        let few = rows(6, 3);
        assert_eq!(
            shares(Partition::Iid, &few, None, 7, 1),
            Err(PartitionError::TooManyNodes { nodes: 7, rows: 6 })
        );
        assert_eq!(shares(Partition::ByColumn, &few, None, 2, 1), Err(PartitionError::NoNodeColumn));
        let lopsided: Vec<_> =
            (0..9).map(|i| Sample { features: vec![], label: u16::from(i == 8) }).collect();
        assert_eq!(
            shares(Partition::OneClass, &lopsided, None, 4, 1),
            Err(PartitionError::ClassTooSmall { class: 1, nodes: 2, rows: 1 })
        );
    }

    #[test]
    fn a_column_decides_by_itself() {
        let column = NodeColumn { names: vec!["a".into(), "b".into()], of_row: vec![1, 0, 1] };
        let shares = shares(Partition::ByColumn, &rows(3, 2), Some(&column), 99, 1).unwrap();
        assert_eq!(shares, [vec![1], vec![0, 2]]);
    }
}
