//! What came of a sweep: all figures of all runs, and their bands.
use super::plan::Plan;
use super::statistics::{Band, pareto_front};
use super::store::{Finished, RunKey, Store};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// The figures of the Pareto plot: cost, and gain.
pub const AIRTIME: &str = "uplink.airtime_s_per_node.mean";
/// See [`AIRTIME`].
pub const ACCURACY: &str = "accuracy.final";

/// One finished run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunResult {
    /// Its seed.
    pub seed: u64,
    /// Names its folder.
    pub key: RunKey,
    /// Every text and number of its summary; names of nested ones are joined by dots.
    pub figures: BTreeMap<String, Value>,
    /// Virtual time in seconds, and the accuracy of the models that nodes ran from then on.
    pub held: Vec<(f64, f64)>,
}

/// The finished runs of one combination of values.
#[derive(Clone, Debug, PartialEq)]
pub struct PointResult {
    /// A value a varied key.
    pub values: Vec<String>,
    /// In order of seeds.
    pub runs: Vec<RunResult>,
}

impl PointResult {
    /// A figure over the seeds.
    pub fn band(&self, figure: &str) -> Option<Band> {
        let values = self.runs.iter().filter_map(|run| run.figures.get(figure)?.as_f64());
        Band::of(&values.collect::<Vec<f64>>())
    }

    /// The accuracy of the models that nodes ran at a time, over the seeds; `None` before all of them had one.
    pub fn held_at(&self, at_s: f64) -> Option<Band> {
        let held = |run: &RunResult| {
            run.held.iter().take_while(|(since_s, _)| *since_s <= at_s).last().map(|(_, held)| *held)
        };
        Band::of(&self.runs.iter().map(held).collect::<Option<Vec<f64>>>()?)
    }
}

/// All finished runs of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct Results {
    /// Name of the scenario.
    pub name: String,
    /// The varied keys.
    pub keys: Vec<String>,
    /// Every combination.
    pub points: Vec<PointResult>,
}

impl Results {
    /// Reads what is finished.
    pub fn read(plan: &Plan, store: &Store) -> Self {
        let result = |&(seed, run): &(u64, usize)| {
            let key = &plan.runs[run].key;
            let Finished { summary, held } = store.finished(key)?;
            let mut figures = BTreeMap::new();
            flatten("", &summary, &mut figures);
            Some(RunResult { seed, key: key.clone(), figures, held })
        };
        let points = plan.points.iter().map(|point| PointResult {
            values: point.values.clone(),
            runs: point.runs.iter().filter_map(result).collect(),
        });
        Self { name: plan.name.clone(), keys: plan.keys.clone(), points: points.collect() }
    }

    /// How a point is called: its values with their keys.
    pub fn label(&self, point: &PointResult) -> String {
        let entries = self.keys.iter().zip(&point.values).map(|(key, value)| format!("{key} = {value}"));
        let label = entries.collect::<Vec<_>>().join(", ");
        if label.is_empty() { "as the file says".to_owned() } else { label }
    }

    /// Points that no other beats in both mean airtime and mean accuracy, by airtime; points without both are left out.
    pub fn front(&self) -> Vec<usize> {
        let placed = self.points.iter().enumerate().filter_map(|(index, point)| {
            Some((index, (point.band(AIRTIME)?.mean, point.band(ACCURACY)?.mean)))
        });
        let (indices, places): (Vec<usize>, Vec<(f64, f64)>) = placed.unzip();
        pareto_front(&places).into_iter().map(|place| indices[place]).collect()
    }

    fn figures(&self) -> BTreeSet<&str> {
        let runs = self.points.iter().flat_map(|point| &point.runs);
        runs.flat_map(|run| run.figures.keys()).map(String::as_str).filter(|name| *name != "seed").collect()
    }

    /// One line a run: the varied values, seed, folder, and every figure of its summary.
    pub fn write_runs(&self, to: impl io::Write) -> Result<(), csv::Error> {
        let mut writer = csv::Writer::from_writer(to);
        let figures = self.figures();
        let head = self.keys.iter().map(String::as_str).chain(["seed", "run"]);
        writer.write_record(head.chain(figures.iter().copied()))?;
        for point in &self.points {
            for run in &point.runs {
                let cells =
                    figures.iter().map(|figure| run.figures.get(*figure).map_or_else(String::new, cell));
                let names = point.values.iter().cloned();
                let names = names.chain([run.seed.to_string(), run.key.as_str().to_owned()]);
                writer.write_record(names.chain(cells))?;
            }
        }
        Ok(writer.flush()?)
    }

    /// One line a point and numeric figure: the varied values, the figure, seeds, mean, and both ends of the 95 %
    /// confidence interval, empty from a single seed. Wall time is left out: all else is the same on every machine.
    pub fn write_bands(&self, to: impl io::Write) -> Result<(), csv::Error> {
        let mut writer = csv::Writer::from_writer(to);
        let head = self.keys.iter().map(String::as_str);
        writer.write_record(head.chain(["figure", "seeds", "mean", "low", "high"]))?;
        for point in &self.points {
            for figure in self.figures().into_iter().filter(|figure| *figure != "wall_s") {
                let Some(band) = point.band(figure) else { continue };
                let end = |end: f64| if band.seeds > 1 { end.to_string() } else { String::new() };
                let numbers =
                    [band.seeds.to_string(), band.mean.to_string(), end(band.low()), end(band.high())];
                let names = point.values.iter().cloned().chain([figure.to_owned()]);
                writer.write_record(names.chain(numbers))?;
            }
        }
        Ok(writer.flush()?)
    }
}

fn cell(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn flatten(path: &str, value: &Value, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(fields) => {
            let dot = if path.is_empty() { "" } else { "." };
            fields.iter().for_each(|(name, field)| flatten(&format!("{path}{dot}{name}"), field, into));
        }
        Value::String(_) | Value::Number(_) | Value::Bool(_) => {
            into.insert(path.to_owned(), value.clone());
        }
        Value::Null | Value::Array(_) => {}
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::report::sample;
    use crate::sweep::Variation;

    /// A sweep of made-up runs: faster data rates cost less airtime and are the better, the more so with other seeds.
    pub fn results(vary: &[&str], seeds: u32) -> Results {
        let variations: Vec<Variation> = vary.iter().map(|text| text.parse().unwrap()).collect();
        let plan = Plan::new(None, &[], &variations, seeds).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        for (index, planned) in plan.runs.iter().enumerate() {
            let mut run = sample::run();
            run.accuracy.held = 0.9 - 0.01 * (index as f64) + 0.002 * planned.scenario.run.seed as f64;
            run.nodes.iter_mut().for_each(|node| node.contribution.airtime_s /= 1.0 + index as f64);
            store.keep(&planned.key, &sample::summary(&run), &run).unwrap();
        }
        Results::read(&plan, &store)
    }

    #[test]
    fn every_run_is_a_line_with_every_figure() {
        let results = results(&["radio.data_rate=0,3", "nodes.count=10,20"], 2);
        let mut text = Vec::new();
        results.write_runs(&mut text).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_slice());
        let head = reader.headers().unwrap().clone();
        assert_eq!(
            head.iter().take(4).collect::<Vec<_>>(),
            ["radio.data_rate", "nodes.count", "seed", "run"]
        );
        for figure in [ACCURACY, AIRTIME, "trace_hash", "radio.lost.collision", "baselines.centralised"] {
            assert_eq!(head.iter().filter(|name| *name == figure).count(), 1, "{figure}");
        }
        let lines: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!(lines.len(), 8);
        assert_eq!(lines[3].iter().take(3).collect::<Vec<_>>(), ["0", "20", "2"]);
    }

    #[test]
    fn bands_are_those_of_the_runs() {
        let results = results(&["radio.data_rate=0,3"], 3);
        let point = &results.points[1];
        let accuracies =
            [3u32, 4, 5].map(|index| 0.9 - 0.01 * f64::from(index) + 0.002 * f64::from(index - 2));
        let band = Band::of(&accuracies).unwrap();
        let read = point.band(ACCURACY).unwrap();
        assert!((read.mean - band.mean).abs() < 1e-12 && read.seeds == 3, "{read:?}");
        assert_eq!(point.band("no.such.figure"), None);
        let mut text = Vec::new();
        results.write_bands(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.starts_with("radio.data_rate,figure,seeds,mean,low,high\n"));
        let line = text.lines().find(|line| line.starts_with("3,accuracy.final,")).unwrap();
        assert!(line.starts_with("3,accuracy.final,3,"), "{line}");
    }

    #[test]
    fn accuracy_at_a_time_is_that_of_the_version_before() {
        let results = results(&["radio.data_rate=0,3"], 2);
        let point = &results.points[0];
        let (first, second) = (point.runs[0].held[0], point.runs[0].held[1]);
        assert_eq!(point.held_at(first.0 - 1.0), None);
        assert_eq!(point.held_at((first.0 + second.0) / 2.0).unwrap().mean, first.1);
        assert_eq!(point.held_at(second.0).unwrap().mean, second.1);
    }

    #[test]
    fn the_label_names_keys_and_values() {
        let several = results(&["radio.data_rate=0,3", "nodes.count=10"], 1);
        assert_eq!(several.label(&several.points[1]), "radio.data_rate = 3, nodes.count = 10");
        let one = results(&[], 2);
        assert_eq!(one.label(&one.points[0]), "as the file says");
        assert_eq!(one.front(), [0]);
    }
}
