//! What a node's stream is made of.
use crate::data::{Sample, vibration::Endless};
use crate::scenario::Experiment;
use std::rc::Rc;

/// The samples that a node owns, to be gone through pass after pass.
#[derive(Clone)]
pub struct OwnedSamples {
    first_pass: Rc<[Sample]>,
    later: Later,
}

/// What passes after the first one bring.
#[derive(Clone)]
enum Later {
    /// The same again.
    Repeated,
    /// New samples of the same origins.
    Renewed { endless: Rc<Endless>, rows: Rc<[usize]> },
}

impl OwnedSamples {
    /// Those of a node; `endless` is that of the experiment's task, shared by all nodes.
    pub fn of_node(experiment: &Experiment, node: usize, endless: Option<&Rc<Endless>>) -> Self {
        let share = &experiment.shares[node];
        let later = endless.map_or(Later::Repeated, |endless| Later::Renewed {
            endless: Rc::clone(endless),
            rows: share.as_slice().into(),
        });
        Self { first_pass: share.iter().map(|&row| experiment.task.train[row].clone()).collect(), later }
    }

    /// How many a pass has.
    pub fn count(&self) -> usize {
        self.first_pass.len()
    }

    /// Writes a sample's features (`[n_features]`) and returns its class.
    pub fn read(&self, index: usize, pass: u64, features: &mut [f32]) -> usize {
        let write = |sample: &Sample, features: &mut [f32]| {
            features.copy_from_slice(&sample.features);
            usize::from(sample.label)
        };
        match &self.later {
            Later::Renewed { endless, rows } if pass > 0 => {
                write(&endless.sample(rows[index], pass), features)
            }
            _ => write(&self.first_pass[index], features),
        }
    }
}
