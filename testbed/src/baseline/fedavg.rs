//! Synchronous federated averaging of uncompressed `f32` models, one local pass a round (McMahan et al. 2017).
use super::{FedAvg, Rows, Trainer};
use crate::data::Shares;
use chirrup_learn::LearnError;

/// Rounds after which the accuracy counts as out of reach.
const MOST_ROUNDS: u32 = 200;

/// Runs rounds in which every node takes part until the model reaches `target`.
pub fn until(
    trainer: &Trainer,
    train: &Rows,
    test: &Rows,
    shares: &Shares,
    target: f64,
) -> Result<FedAvg, LearnError> {
    let nodes: Vec<Rows> = shares.iter().map(|share| train.gather(share)).collect();
    let mut global = vec![0.0; trainer.n_params()];
    let mut best = 0.0f64;
    for round in 1..=MOST_ROUNDS {
        global = self::round(trainer, &global, &nodes, round)?;
        let accuracy = trainer.accuracy(&global, test)?;
        best = best.max(accuracy);
        if accuracy >= target {
            let bytes_per_node = Some(u64::from(round) * 4 * trainer.n_params() as u64);
            return Ok(FedAvg { bytes_per_node, rounds: round, accuracy, reason: None });
        }
    }
    let reason = format!("accuracy {target:.3} was not reached in {MOST_ROUNDS} rounds, best {best:.3}");
    Ok(FedAvg { bytes_per_node: None, rounds: MOST_ROUNDS, accuracy: best, reason: Some(reason) })
}

/// The mean of all nodes' models, weighted by their numbers of samples.
fn round(trainer: &Trainer, global: &[f32], nodes: &[Rows], round: u32) -> Result<Vec<f32>, LearnError> {
    let mut sums = vec![0.0f64; global.len()];
    let mut samples = 0.0;
    for (node, rows) in nodes.iter().enumerate() {
        let mut params = global.to_vec();
        let mut rng = trainer.rng("fedavg", u64::from(round) << 32 | node as u64);
        trainer.pass(&mut params, rows, &mut rng)?;
        let weight = rows.len() as f64;
        sums.iter_mut().zip(&params).for_each(|(sum, &param)| *sum += weight * f64::from(param));
        samples += weight;
    }
    Ok(sums.into_iter().map(|sum| (sum / samples) as f32).collect())
}
