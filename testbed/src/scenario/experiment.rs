//! A scenario together with the data that it names.
use super::Scenario;
use crate::data::{self, DataError, Partition, PartitionError, Shares, TaskData, partition};

/// Everything that a simulation, and every baseline, starts from.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// What was asked for; `nodes.count` is the number of nodes there are.
    pub scenario: Scenario,
    /// The samples.
    pub task: TaskData,
    /// For every node the training rows that it owns, as indices into [`TaskData::train`].
    pub shares: Shares,
    /// What the user should know before trusting the result.
    pub warnings: Vec<String>,
}

/// The data of a scenario cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ExperimentError {
    /// It cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// It cannot be spread over the nodes.
    #[error(transparent)]
    Partition(#[from] PartitionError),
}

impl Experiment {
    /// Reads the data and spreads it over the nodes.
    pub fn load(mut scenario: Scenario) -> Result<Self, ExperimentError> {
        let seed = scenario.run.seed;
        let mut task = data::load(&scenario.data, seed)?;
        let mut warnings = std::mem::take(&mut task.warnings);
        let nodes = scenario.nodes;
        let shares = partition::shares(nodes.partition, &task.train, task.nodes.as_ref(), nodes.count, seed)?;
        if shares.len() != nodes.count {
            warnings.push(format!(
                "nodes.count = {} is not used: the data names {} nodes",
                nodes.count,
                shares.len()
            ));
            scenario.nodes.count = shares.len();
        }
        Ok(Self { scenario, task, shares, warnings })
    }

    /// The data's own name of a node, where nodes come from a column.
    pub fn node_name(&self, node: usize) -> Option<&str> {
        let column =
            self.task.nodes.as_ref().filter(|_| self.scenario.nodes.partition == Partition::ByColumn)?;
        column.names.get(node).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Overrides;

    fn with(set: &[String]) -> Result<Experiment, String> {
        let overrides = Overrides { set: set.to_vec(), seed: None };
        let scenario = Scenario::load(None, &overrides).map_err(|error| error.to_string())?;
        Experiment::load(scenario).map_err(|error| error.to_string())
    }

    #[test]
    fn the_quickstart_has_data_for_every_node() {
        let experiment = with(&[]).unwrap();
        assert_eq!(experiment.shares.len(), 20);
        assert_eq!(experiment.shares.concat().len(), experiment.task.train.len());
        assert_eq!(experiment.node_name(0), None);
        assert!(experiment.warnings.is_empty(), "{:?}", experiment.warnings);
    }

    #[test]
    fn a_column_of_nodes_decides_how_many_there_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fleet.csv");
        let rows: String =
            (0..30).map(|i| format!("{i},{},{}\n", i % 2, ["north", "south"][i % 2])).collect();
        std::fs::write(&path, format!("x,label,node\n{rows}")).unwrap();
        let set = [
            "data.source=csv".into(),
            format!("data.path={}", path.display()),
            "nodes.partition=by-column".into(),
        ];
        let experiment = with(&set).unwrap();
        assert_eq!((experiment.scenario.nodes.count, experiment.node_name(1)), (2, Some("south")));
        assert!(experiment.warnings[0].contains("nodes.count = 20 is not used: the data names 2 nodes"));
        let iid = with(&set[..2]).unwrap();
        assert_eq!((iid.shares.len(), iid.node_name(1)), (20, None));
    }

    #[test]
    fn a_partition_that_the_data_cannot_give_is_refused() {
        let error = with(&["nodes.partition=by-column".into()]).unwrap_err();
        assert!(error.contains("needs a column of nodes"), "{error}");
        assert!(with(&["nodes.count=5000".into()]).unwrap_err().contains("nodes.count = 5000"));
    }
}
