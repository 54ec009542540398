//! Versions of the global model: each a function of its closing record alone.
use super::federation::Federation;
use super::strategy::{Update, to_float};
use chirrup_protocol::codec::{CodecError, linear};
use chirrup_protocol::ids::{DevEui, TaskId};
use chirrup_protocol::task::{Learner, Task};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What makes a contribution itself, whatever road brought it: a retry keeps it, and it counts once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ContributionId {
    /// Who made it.
    pub dev_eui: DevEui,
    /// For which task.
    pub task: TaskId,
    /// Which one of the device's.
    pub sequence: u32,
    /// Which part of it.
    pub block: u8,
}

/// A contribution that waits for its version, or was part of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Contribution {
    /// The version it was begun from.
    pub base_version: u32,
    /// Examples behind it.
    pub examples: u32,
    /// Coordinates that arrived, in fixed point.
    pub changes: Vec<(u32, i64)>,
}

/// A version of the global model.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// Its number; 0 is the model of zeros that every node starts from.
    pub number: u32,
    /// Hash over parent, task, contributions and parameters.
    pub hash: [u8; 32],
    /// Parameters in fixed point, `[classes][features + 1]`.
    pub params: Vec<i64>,
    /// The quantised model that nodes run; empty for version 0.
    pub object: Vec<u8>,
}

impl Version {
    /// Version 0 of a task.
    pub fn zero(task: &Task, task_hash: [u8; 32]) -> Self {
        let params = vec![0; n_params(task)];
        let hash = chain_hash([0; 32], task_hash, 0, &[], &params);
        Self { number: 0, hash, params, object: Vec::new() }
    }

    /// The version that follows from contributions, which must be in ascending order of their ids.
    pub fn next(
        &self,
        federation: &Federation,
        task_hash: [u8; 32],
        contributions: &[(ContributionId, &Contribution)],
    ) -> Result<Self, CodecError> {
        let updates: Vec<Update<'_>> = contributions
            .iter()
            .map(|(_, contribution)| Update {
                changes: &contribution.changes,
                examples: contribution.examples,
                staleness: self.number.saturating_sub(contribution.base_version),
            })
            .collect();
        let params = federation.strategy.combine(&self.params, &updates);
        let number = self.number + 1;
        let ids: Vec<ContributionId> = contributions.iter().map(|(id, _)| *id).collect();
        let hash = chain_hash(self.hash, task_hash, number, &ids, &params);
        let object = quantise(&federation.task, federation.model_bits, &params)?;
        Ok(Self { number, hash, params, object })
    }

    /// The parameters that nodes run, `[n_params]`: those of the quantised model.
    pub fn deployed(&self, task: &Task, model_bits: u8) -> Result<Vec<f32>, CodecError> {
        let mut params = vec![0.0; n_params(task)];
        if self.number > 0 {
            linear::decode(&self.object, columns(task), model_bits, &mut params)?;
        }
        Ok(params)
    }
}

/// Parameters of the task's model.
pub fn n_params(task: &Task) -> usize {
    let Learner::Softmax { .. } = task.learner;
    usize::from(task.classes) * columns(task)
}

fn columns(task: &Task) -> usize {
    usize::from(task.features) + 1
}

fn quantise(task: &Task, model_bits: u8, params: &[i64]) -> Result<Vec<u8>, CodecError> {
    let floats: Vec<f32> = params.iter().map(|&param| to_float(param)).collect();
    let mut object = vec![0; linear::encoded_bytes(task.classes.into(), columns(task), model_bits)];
    linear::encode(&floats, columns(task), model_bits, &mut object)?;
    Ok(object)
}

fn chain_hash(
    parent: [u8; 32],
    task: [u8; 32],
    number: u32,
    contributions: &[ContributionId],
    params: &[i64],
) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"chirrup version");
    hash.update(parent);
    hash.update(task);
    hash.update(number.to_le_bytes());
    hash.update((contributions.len() as u64).to_le_bytes());
    for id in contributions {
        hash.update(id.dev_eui.0);
        hash.update([id.task.0, id.block]);
        hash.update(id.sequence.to_le_bytes());
    }
    for param in params {
        hash.update(param.to_le_bytes());
    }
    hash.finalize().into()
}
