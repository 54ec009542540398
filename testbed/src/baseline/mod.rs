//! What other ways would have given: every figure that a report compares the federation with.
//!
//! All baselines are really computed, from the same split, on the same common scale and with the same learner as
//! the federation. None knows of a radio: they neither lose frames nor wait, and bytes are those of the content
//! alone, without seal and frame. That favours the baselines, deliberately.
mod fedavg;
mod raw;
mod rows;
mod train;

use crate::data::{Shares, TaskData};
use crate::scenario::SoftmaxConfig;
use chirrup_learn::LearnError;
use serde::Serialize;

use rows::Rows;
use train::Trainer;

/// What the federation is compared with.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Baselines {
    /// Accuracy of one model trained on all nodes' samples.
    pub centralised: f64,
    /// Mean accuracy, over nodes, of a model trained on the node's own samples.
    pub local_only: f64,
    /// Sending every sample.
    pub raw_data: RawData,
    /// Sending as few samples as reach the federation's accuracy.
    pub raw_subset: RawSubset,
    /// Sending whole models in synchronous rounds.
    pub fedavg_fp32: FedAvg,
}

/// Sending every sample, quantised as coarsely as costs less than half a point of accuracy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct RawData {
    /// Mean over nodes, each column coded adaptively or with a fixed number of bits, whichever is shorter.
    pub bytes_per_node: u64,
    /// Accuracy of a model trained on the quantised samples.
    pub accuracy: f64,
    /// Bits of a quantised feature, before coding.
    pub bits_per_feature: u32,
}

/// The smallest class-balanced, coarsely coded sample of the data that reaches the federation's accuracy.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RawSubset {
    /// Mean over nodes; absent when no such sample reaches it.
    pub bytes_per_node: Option<u64>,
    /// Accuracy of a model trained on that sample, or the best that was reached.
    pub accuracy: f64,
    /// Samples that all nodes together would send.
    pub samples: Option<usize>,
    /// Bits of a quantised feature, before coding.
    pub bits_per_feature: Option<u32>,
    /// Why there are no bytes.
    pub reason: Option<String>,
}

/// Synchronous federated averaging of uncompressed models, every node in every round (McMahan et al. 2017).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FedAvg {
    /// Bytes that a node sends until the federation's accuracy is reached; absent when it never is.
    pub bytes_per_node: Option<u64>,
    /// Rounds until then, or those that were tried.
    pub rounds: u32,
    /// Accuracy at the end.
    pub accuracy: f64,
    /// Why there are no bytes.
    pub reason: Option<String>,
}

/// Computes all baselines; `target` is the accuracy that the federation reached.
pub fn compute(
    task: &TaskData,
    shares: &Shares,
    learner: &SoftmaxConfig,
    seed: u64,
    target: f64,
) -> Result<Baselines, LearnError> {
    let (train, test) = rows::scaled(task)?;
    let trainer = Trainer::new(task, learner, seed);
    let centralised = trainer.accuracy(&trainer.train(&train, "centralised")?, &test)?;
    Ok(Baselines {
        centralised,
        local_only: local_only(&trainer, &train, &test, shares)?,
        raw_data: raw::whole(&trainer, &train, &test, shares, centralised)?,
        raw_subset: raw::subset(&trainer, &train, &test, shares, target)?,
        fedavg_fp32: fedavg::until(&trainer, &train, &test, shares, target)?,
    })
}

fn local_only(trainer: &Trainer, train: &Rows, test: &Rows, shares: &Shares) -> Result<f64, LearnError> {
    let mut sum = 0.0;
    for share in shares {
        sum += trainer.accuracy(&trainer.train(&train.gather(share), "local")?, test)?;
    }
    Ok(sum / shares.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{self, Partition, partition};
    use crate::scenario::{DataConfig, Scale, Source};

    const LEARNER: SoftmaxConfig = SoftmaxConfig { learning_rate: 0.02, l2: 0.0 };

    fn breast_cancer(partition: Partition) -> (TaskData, Shares) {
        let task =
            data::load(&DataConfig { source: Source::BreastCancer, scale: Scale::Moments }, 1).unwrap();
        let shares = partition::shares(partition, &task.train, None, 10, 1).unwrap();
        (task, shares)
    }

    #[test]
    fn baselines_order_as_they_must() {
        let (task, shares) = breast_cancer(Partition::Dirichlet { alpha: 0.3 });
        let baselines = compute(&task, &shares, &LEARNER, 1, 0.93).unwrap();
        assert!(baselines.centralised > 0.94, "{baselines:?}");
        assert!(baselines.local_only < baselines.centralised, "{baselines:?}");
        assert!(baselines.raw_data.accuracy >= baselines.centralised - 0.005, "{baselines:?}");
        let subset = baselines.raw_subset.bytes_per_node.unwrap();
        assert!(subset < baselines.raw_data.bytes_per_node, "{baselines:?}");
        assert!(baselines.raw_subset.accuracy >= 0.93, "{baselines:?}");
        let fedavg = &baselines.fedavg_fp32;
        assert_eq!(fedavg.bytes_per_node.unwrap(), u64::from(fedavg.rounds) * 4 * (30 * 2 + 2));
        assert_eq!(baselines, compute(&task, &shares, &LEARNER, 1, 0.93).unwrap());
    }

    #[test]
    fn an_accuracy_out_of_reach_is_said_to_be() {
        let (task, shares) = breast_cancer(Partition::Iid);
        let baselines = compute(&task, &shares, &LEARNER, 1, 1.01).unwrap();
        assert_eq!(baselines.fedavg_fp32.bytes_per_node, None);
        assert!(baselines.fedavg_fp32.reason.unwrap().contains("not reached"));
        assert_eq!(baselines.raw_subset.bytes_per_node, None);
        assert!(baselines.raw_subset.reason.unwrap().contains("reaches"));
    }

    #[test]
    fn nodes_of_one_class_know_little_alone() {
        let task = data::load(&DataConfig { source: Source::Digits, scale: Scale::Moments }, 1).unwrap();
        let shares = partition::shares(Partition::OneClass, &task.train, None, 10, 1).unwrap();
        let (train, test) = rows::scaled(&task).unwrap();
        let trainer = Trainer::new(&task, &LEARNER, 1);
        assert!(local_only(&trainer, &train, &test, &shares).unwrap() < 0.3);
    }
}
