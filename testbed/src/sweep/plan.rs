//! Which runs a sweep consists of.
use super::store::{Keys, RunKey, StoreError};
use crate::scenario::{Overrides, Scenario, ScenarioError};
use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;

/// More runs than this are taken for a mistake.
const MAX_RUNS: usize = 100_000;

/// A key of the scenario and the values that it takes in turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variation {
    /// Section and key.
    pub key: String,
    /// Its values, as they were written.
    pub values: Vec<String>,
}

/// A sweep cannot be carried out as it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Not of the form `section.key=value,value`.
    #[error("--vary {0}: expected section.key=value,value,...")]
    BadForm(String),
    /// A key is varied twice.
    #[error("--vary {key}: the key is varied twice")]
    RepeatedKey {
        /// The key.
        key: String,
    },
    /// A value is named twice.
    #[error("--vary {key}: the value {value} is named twice")]
    RepeatedValue {
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// Seeds have an option of their own.
    #[error("--vary run.seed: seeds are varied by --seeds, from the scenario's run.seed on")]
    SeedVaried,
    /// The numbers of the seeds do not fit.
    #[error("run.seed = {first}: {count} seeds from there on go beyond the largest seed")]
    SeedTooLarge {
        /// The scenario's seed.
        first: u64,
        /// How many were asked for.
        count: u32,
    },
    /// More than anybody waits for.
    #[error("{runs} runs were asked for: allowed are from 1 to {MAX_RUNS}")]
    TooManyRuns {
        /// How many.
        runs: usize,
    },
    /// One of the scenarios is wrong.
    #[error("{point}: {source}")]
    Scenario {
        /// Which combination of values.
        point: String,
        /// What is wrong with it.
        source: ScenarioError,
    },
    /// What a scenario names cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl FromStr for Variation {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, PlanError> {
        let bad = || PlanError::BadForm(text.to_owned());
        let (key, list) = text.split_once('=').ok_or_else(bad)?;
        let (key, values) = (key.trim().to_owned(), split(list));
        if !key.contains('.') || values.iter().any(String::is_empty) {
            return Err(bad());
        }
        if key == "run.seed" {
            return Err(PlanError::SeedVaried);
        }
        match values.iter().enumerate().find(|(index, value)| values[..*index].contains(value)) {
            Some((_, value)) => Err(PlanError::RepeatedValue { key, value: value.clone() }),
            None => Ok(Self { key, values }),
        }
    }
}

/// Splits at commas outside of brackets and quotes.
fn split(list: &str) -> Vec<String> {
    let (mut values, mut value) = (Vec::new(), String::new());
    let (mut depth, mut quoted) = (0u32, false);
    for character in list.chars() {
        match character {
            '"' => quoted = !quoted,
            '[' | '{' if !quoted => depth += 1,
            ']' | '}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        if character == ',' && depth == 0 && !quoted {
            values.push(std::mem::take(&mut value).trim().to_owned());
        } else {
            value.push(character);
        }
    }
    values.push(value.trim().to_owned());
    values
}

/// One combination of values.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// A value a varied key.
    pub values: Vec<String>,
    /// Seeds, and which of [`Plan::runs`] has each.
    pub runs: Vec<(u64, usize)>,
}

/// A run to be made once, even if several combinations come to the same scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedRun {
    /// Names its folder.
    pub key: RunKey,
    /// What to run.
    pub scenario: Scenario,
}

/// All runs of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Name of the scenario.
    pub name: String,
    /// The varied keys.
    pub keys: Vec<String>,
    /// Every combination; the last key varies fastest.
    pub points: Vec<Point>,
    /// What is to be run.
    pub runs: Vec<PlannedRun>,
}

/// Runs that are planned already, by their keys.
#[derive(Default)]
struct Known {
    keys: Keys,
    runs: BTreeMap<RunKey, usize>,
}

impl Plan {
    /// Every combination of `variations` on the scenario at `path`, with `seeds` seeds each. All scenarios are read,
    /// so that none is found to be wrong when others have run for hours.
    pub fn new(
        path: Option<&Path>,
        set: &[String],
        variations: &[Variation],
        seeds: u32,
    ) -> Result<Self, PlanError> {
        let keys: Vec<String> = variations.iter().map(|variation| variation.key.clone()).collect();
        if let Some((_, key)) = keys.iter().enumerate().find(|(index, key)| keys[..*index].contains(key)) {
            return Err(PlanError::RepeatedKey { key: key.clone() });
        }
        let combinations = variations.iter().map(|variation| variation.values.len());
        let runs = combinations.chain([seeds as usize]).fold(1, usize::saturating_mul);
        if !(1..=MAX_RUNS).contains(&runs) {
            return Err(PlanError::TooManyRuns { runs });
        }
        let mut plan = Self { name: String::new(), keys, points: Vec::new(), runs: Vec::new() };
        let mut known = Known::default();
        for values in combine(variations) {
            let scenario = plan.scenario(path, set, &values)?;
            plan.add(&scenario, values, seeds, &mut known)?;
        }
        Ok(plan)
    }

    fn scenario(
        &self,
        path: Option<&Path>,
        set: &[String],
        values: &[String],
    ) -> Result<Scenario, PlanError> {
        let entries = self.keys.iter().zip(values).map(|(key, value)| format!("{key}={value}"));
        let entries: Vec<String> = entries.collect();
        let overrides = Overrides { set: set.iter().chain(&entries).cloned().collect(), seed: None };
        Scenario::load(path, &overrides)
            .map_err(|source| PlanError::Scenario { point: entries.join(", "), source })
    }

    fn add(
        &mut self,
        scenario: &Scenario,
        values: Vec<String>,
        seeds: u32,
        known: &mut Known,
    ) -> Result<(), PlanError> {
        let first = scenario.run.seed;
        if first.checked_add(u64::from(seeds)).is_none_or(|end| end > i64::MAX as u64) {
            return Err(PlanError::SeedTooLarge { first, count: seeds });
        }
        self.name.clone_from(&scenario.name);
        let mut runs = Vec::new();
        for seed in first..first + u64::from(seeds) {
            let mut scenario = scenario.clone();
            scenario.run.seed = seed;
            let key = known.keys.of(&scenario)?;
            let run = *known.runs.entry(key.clone()).or_insert(self.runs.len());
            if run == self.runs.len() {
                self.runs.push(PlannedRun { key, scenario });
            }
            runs.push((seed, run));
        }
        self.points.push(Point { values, runs });
        Ok(())
    }
}

/// Every combination of one value a variation, the last varying fastest.
fn combine(variations: &[Variation]) -> Vec<Vec<String>> {
    variations.iter().fold(vec![Vec::new()], |combinations, variation| {
        let longer = |begun: &Vec<String>| -> Vec<Vec<String>> {
            let with = |value: &String| begun.iter().chain([value]).cloned().collect();
            variation.values.iter().map(with).collect()
        };
        combinations.iter().flat_map(longer).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(vary: &[&str], seeds: u32) -> Result<Plan, String> {
        let variations: Result<Vec<Variation>, PlanError> = vary.iter().map(|text| text.parse()).collect();
        let plan = variations.and_then(|variations| Plan::new(None, &[], &variations, seeds));
        plan.map_err(|error| error.to_string())
    }

    #[test]
    fn every_combination_has_every_seed() {
        let plan = plan(&["radio.data_rate=0,3,5", "nodes.count=10,20"], 4).unwrap();
        assert_eq!((plan.points.len(), plan.runs.len(), plan.name.as_str()), (6, 24, "quickstart"));
        assert_eq!(plan.keys, ["radio.data_rate", "nodes.count"]);
        assert_eq!(plan.points[1].values, ["0", "20"]);
        assert_eq!(plan.points[5].runs, [(1, 20), (2, 21), (3, 22), (4, 23)]);
        let last = &plan.runs[23].scenario;
        assert_eq!((last.nodes.count, last.run.seed), (20, 4));
    }

    #[test]
    fn combinations_that_come_to_the_same_are_run_once() {
        let plan = plan(&["nodes.partition=iid,dirichlet", "nodes.alpha=0.1,0.5"], 2).unwrap();
        assert_eq!((plan.points.len(), plan.runs.len()), (4, 6));
        assert_eq!(plan.points[0].runs, plan.points[1].runs);
    }

    #[test]
    fn a_sweep_of_seeds_alone_has_one_point() {
        let plan = plan(&[], 3).unwrap();
        assert_eq!((plan.points.len(), plan.runs.len()), (1, 3));
    }

    #[test]
    fn commas_within_brackets_and_quotes_do_not_split() {
        assert_eq!(split("a, [1,2],\"x,y\""), ["a", "[1,2]", "\"x,y\""]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let table: &[(&[&str], u32, &str)] = &[
            (&["seeds"], 1, "expected section.key=value,value"),
            (&["count=3"], 1, "expected section.key=value,value"),
            (&["nodes.count=3,,4"], 1, "expected section.key=value,value"),
            (&["nodes.count=3,3"], 1, "the value 3 is named twice"),
            (&["nodes.count=3", "nodes.count=4"], 1, "nodes.count: the key is varied twice"),
            (&["run.seed=1,2"], 1, "seeds are varied by --seeds"),
            (&["nodes.count=3"], 0, "0 runs were asked for"),
            (&["nodes.count=3"], 100_001, "from 1 to 100000"),
            (&["radio.data_rate=3,9"], 1, "radio.data_rate=9: radio.data_rate = 9"),
            (&["radio.colour=1,2"], 1, "unknown key radio.colour"),
        ];
        for (vary, seeds, expected) in table {
            let error = plan(vary, *seeds).unwrap_err();
            assert!(error.contains(expected), "{vary:?}: {error}");
        }
    }
}
