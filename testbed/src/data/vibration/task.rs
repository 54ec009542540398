//! Which windows are learnt from, which are held out, and the stream that goes on behind both.
//!
//! | rows | machines | windows |
//! | --- | --- | --- |
//! | training, in the order of machines | those that are learnt from, in the conditions that they show | the first |
//! | `test-same-machines` | as many of those as other machines, in every condition | far behind any stream |
//! | `test-other-machines` | others of the same kind, in every condition | far behind any stream |
//!
//! A machine that showed one fault is tested on all: what one machine showed, another shall recognise.
use super::faults::Condition;
use super::machine::Machine;
use super::signal::{self, Window};
use super::{VibrationConfig, features};
use crate::data::{NodeColumn, Sample, TaskData};
use crate::kernel::Rng;
use std::collections::BTreeMap;

/// Held-out windows a machine and condition.
const TEST_WINDOWS: usize = 5;
/// Number of the first held-out window: a stream of one window a second reaches it after 136 years.
const FIRST_TEST_WINDOW: u64 = 1 << 32;
/// Number of the first machine that nobody learns from.
const FIRST_TEST_MACHINE: u64 = 1 << 32;

/// Makes windows and samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Generator {
    /// Of what kind.
    pub config: VibrationConfig,
    /// Of which run.
    pub seed: u64,
}

/// What a sample was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Number of the machine.
    pub machine: u64,
    /// Its condition.
    pub condition: Condition,
    /// Number of the window.
    pub number: u64,
}

/// The streams of nodes: a row's later windows are of the same machine in the same condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Endless {
    /// Makes them.
    pub generator: Generator,
    /// Where each training row came from.
    pub origins: Vec<Origin>,
}

impl Endless {
    /// What takes the place of a training row on a later pass of a stream; pass 0 has the row itself.
    pub fn sample(&self, row: usize, pass: u64) -> Sample {
        let origin = self.origins[row];
        let number = origin.number + pass * self.generator.config.windows as u64;
        self.generator.sample(Origin { number, ..origin })
    }
}

impl Generator {
    /// A machine.
    pub fn machine(&self, index: u64) -> Machine {
        Machine::draw(&self.config, self.seed, index)
    }

    /// A window of it.
    pub fn window(&self, origin: Origin) -> Window {
        let Origin { machine, condition, number } = origin;
        // A stream for each machine and condition.
        let index = machine * Condition::ALL.len() as u64 + condition as u64;
        let seed = Rng::for_purpose(self.seed, "vibration-condition", index).next_u64();
        signal::window(&self.config, &self.machine(machine), condition, number, seed)
    }

    /// What a learner is given of it.
    pub fn sample(&self, origin: Origin) -> Sample {
        let bearing = self.machine(origin.machine).bearing;
        let window = self.window(origin);
        let features = features::of_window(&window, &bearing, self.config.sample_rate_hz.into())
            .expect("a scenario's windows are powers of two within the bounds");
        Sample { features, label: self.label(origin.condition) }
    }

    fn label(&self, condition: Condition) -> u16 {
        let fault = self.config.faults.iter().position(|fault| *fault == condition);
        fault.map_or(0, |index| index as u16 + 1)
    }

    /// The conditions that a machine shows, ascending: healthy, and some of the faults.
    pub fn shown(&self, machine: u64) -> Vec<Condition> {
        let mut faults = self.config.faults.clone();
        Rng::for_purpose(self.seed, "vibration-faults", machine).shuffle(&mut faults);
        faults.truncate(self.config.faults_per_machine);
        faults.push(Condition::Healthy);
        faults.sort_unstable();
        faults
    }

    fn origins(&self) -> Vec<Origin> {
        let mut origins = Vec::new();
        for machine in 0..self.config.machines as u64 {
            for condition in self.shown(machine) {
                let numbers = 0..self.config.windows as u64;
                origins.extend(numbers.map(|number| Origin { machine, condition, number }));
            }
        }
        origins
    }

    fn held_out(&self, machines: impl Iterator<Item = u64>) -> Vec<Sample> {
        let mut rows = Vec::new();
        for machine in machines {
            for condition in self.config.conditions() {
                let numbers = FIRST_TEST_WINDOW..FIRST_TEST_WINDOW + TEST_WINDOWS as u64;
                rows.extend(numbers.map(|number| self.sample(Origin { machine, condition, number })));
            }
        }
        rows
    }

    fn tests(&self) -> BTreeMap<String, Vec<Sample>> {
        let others = self.config.test_machines as u64;
        let machines = self.config.machines as u64;
        // Spread over all, as shares of nodes may follow the order of machines.
        let same = (0..others.min(machines)).map(|index| index * machines / others.min(machines));
        let other = (0..others).map(|index| FIRST_TEST_MACHINE + index);
        BTreeMap::from([
            ("test-same-machines".to_owned(), self.held_out(same)),
            ("test-other-machines".to_owned(), self.held_out(other)),
        ])
    }
}

/// The task: every training row belongs to its machine, which is a node where the partition is `by-column`.
pub fn load(config: &VibrationConfig, seed: u64) -> TaskData {
    let generator = Generator { config: config.clone(), seed };
    let origins = generator.origins();
    let names = (0..config.machines).map(|machine| format!("machine {machine:05}")).collect();
    let of_row = origins.iter().map(|origin| origin.machine as usize).collect();
    TaskData {
        name: "vibration".to_owned(),
        features: features::names(),
        classes: config.conditions().iter().map(|condition| condition.name().to_owned()).collect(),
        train: origins.iter().map(|&origin| generator.sample(origin)).collect(),
        nodes: Some(NodeColumn { names, of_row }),
        tests: generator.tests(),
        endless: Some(Endless { generator, origins }),
        schema: None,
        warnings: Vec::new(),
    }
}
