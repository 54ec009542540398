//! What a sweep leaves behind: `report.html`, `runs.csv` and `bands.csv`.
mod charts;
mod packets;

use super::page::{self, chart_section, part};
use super::tables::sortable;
use super::{WriteError, write_file};
use crate::sweep::Results;
use crate::sweep::results::{ACCURACY, AIRTIME, PointResult};
use crate::sweep::statistics::Band;
use std::path::Path;

/// Combinations beyond this have no row in the page; `bands.csv` has them all.
const MOST_ROWS: usize = 500;

/// A figure of the table: title, name in the summary, factor, digits.
type Column = (&'static str, &'static str, f64, usize);

/// Figures of the table where something is learnt.
const COLUMNS: [Column; 7] = [
    ("accuracy (%)", ACCURACY, 100.0, 1),
    ("airtime a node (s)", AIRTIME, 1.0, 1),
    ("bytes a node", "uplink.payload_bytes_per_node.mean", 1.0, 0),
    ("energy a node (J)", "uplink.energy_mj_per_node.mean", 1e-3, 1),
    ("battery, first empty (years)", "battery.years_per_node.min", 1.0, 2),
    ("delivered (%)", "radio.delivery_ratio", 100.0, 1),
    ("duty cycle, worst hour (%)", "duty_cycle.worst_ratio", 100.0, 1),
];

const STATED: &str = "Each figure is the mean over seeds, and ± is half the width of its 95 % confidence interval by Student's t with one \
                      degree of freedom fewer than there are seeds; from a single seed there is none.";

/// Everything that the report of a sweep shows.
#[derive(Clone, Copy, Debug)]
pub struct SweepReport<'a> {
    /// What came of it.
    pub results: &'a Results,
}

impl SweepReport<'_> {
    /// Writes the three files into `folder`, which is created; older ones are replaced.
    pub fn write(&self, folder: &Path) -> Result<(), WriteError> {
        let csv = |write: &dyn Fn(&mut Vec<u8>) -> Result<(), csv::Error>| {
            let mut bytes = Vec::new();
            write(&mut bytes).expect("lines are of one length, and memory takes them all");
            bytes
        };
        write_file(folder, "runs.csv", &csv(&|to| self.results.write_runs(to)))?;
        write_file(folder, "bands.csv", &csv(&|to| self.results.write_bands(to)))?;
        write_file(folder, "report.html", self.html().as_bytes())
    }

    /// The page as HTML.
    pub fn html(&self) -> String {
        let title = format!("Chirrup: sweep of {}", self.results.name);
        let sections = if packets::are_in(self.results) {
            self.delivery() + &self.points(&packets::COLUMNS)
        } else {
            [self.pareto(), self.over_time(), self.points(&COLUMNS)].concat()
        };
        page::frame(
            &title,
            &self.opening(),
            &sections,
            "All figures of all runs are in runs.csv, their bands in bands.csv.",
        )
    }

    fn opening(&self) -> String {
        let runs: usize = self.results.points.iter().map(|point| point.runs.len()).sum();
        let varied = match self.results.keys.as_slice() {
            [] => "Nothing but the seed was varied.".to_owned(),
            keys => format!("Varied: {}.", keys.join(", ")),
        };
        let points = match self.results.points.len() {
            1 => "one combination of values".to_owned(),
            points => format!("{points} combinations of values"),
        };
        format!("{runs} finished runs of {points}. {varied} {STATED}")
    }

    fn pareto(&self) -> String {
        chart_section(
            "Accuracy against airtime",
            "pareto",
            &charts::pareto(self.results),
            "Every combination by its number in the table, with 95 % intervals. Those on the line are beaten by no other in both \
             airtime and accuracy.",
        )
    }

    fn delivery(&self) -> String {
        chart_section(
            "Delivery against load",
            "delivery",
            &packets::delivery(self.results),
            "Every combination by its number in the table, with 95 % intervals. G is the time on air of all uplinks over \
             virtual time and number of channels.",
        )
    }

    fn over_time(&self) -> String {
        let (chosen, words) = charts::chosen(self.results);
        let words = format!(
            "Accuracy of the models that nodes ran, mean over seeds, in its 95 % interval, from when every seed had a \
             version. {words}"
        );
        chart_section(
            "Accuracy over time",
            "accuracy-time",
            &charts::over_time(self.results, &chosen),
            &words,
        )
    }

    fn points(&self, columns: &[Column]) -> String {
        let results = self.results;
        let head = ["no."].into_iter().chain(results.keys.iter().map(String::as_str)).chain(["seeds"]);
        let head = head.chain(columns.iter().map(|column| column.0));
        // Only what learns can be beaten: it has both figures that are compared.
        let front = results.front();
        let last = ["unbeaten"].into_iter().filter(|_| !front.is_empty());
        let rows = results.points.iter().take(MOST_ROWS).enumerate().map(|(index, point)| {
            let unbeaten = if front.contains(&index) { "yes" } else { "no" };
            row(index, point, columns, last.clone().map(|_| unbeaten))
        });
        let head = head.chain(last.clone());
        let mut html = String::new();
        if results.points.len() > MOST_ROWS {
            html += &format!("<p>The first {MOST_ROWS} of {} combinations.</p>", results.points.len());
        }
        html += &sortable(&head.collect::<Vec<_>>(), rows);
        part("Combinations", format!("<div class=\"wide\">{html}</div>\n"))
    }

    /// The few figures that end a sweep on the terminal: what no other combination beats; of plain traffic, all.
    pub fn ending_table(&self) -> String {
        let results = self.results;
        let title = format!("{}, sweep, {} combinations\n", results.name, results.points.len());
        if packets::are_in(results) {
            return title + &packets::ending_lines(results);
        }
        let front = results.front();
        let lines = front.iter().map(|&index| {
            let point = &results.points[index];
            let of = |figure, factor, digits| text(point.band(figure), factor, digits);
            let airtime = of(AIRTIME, 1.0, 1);
            format!("  {} % with {airtime} s on air: {}\n", of(ACCURACY, 100.0, 1), results.label(point))
        });
        title + &lines.collect::<String>()
    }
}

fn row(
    index: usize,
    point: &PointResult,
    columns: &[Column],
    unbeaten: impl Iterator<Item = &'static str>,
) -> Vec<String> {
    let names = [(index + 1).to_string()].into_iter().chain(point.values.iter().cloned());
    let figures = columns.iter().map(|&(_, figure, factor, digits)| text(point.band(figure), factor, digits));
    names.chain([point.runs.len().to_string()]).chain(figures).chain(unbeaten.map(str::to_owned)).collect()
}

fn text(band: Option<Band>, factor: f64, digits: usize) -> String {
    let Some(band) = band else { return "–".to_owned() };
    let mean = format!("{:.digits$}", factor * band.mean);
    match band.half_width {
        Some(half) => format!("{mean} ± {:.digits$}", factor * half),
        None => mean,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::results::tests::results;

    #[test]
    fn the_page_shows_every_combination_and_states_its_interval() {
        let results = results(&["radio.data_rate=0,3,5", "nodes.count=10,20"], 3);
        let report = SweepReport { results: &results };
        let page = report.html();
        for part in
            ["Plotly.newPlot(\"pareto\"", "Plotly.newPlot(\"accuracy-time\"", "Student's t", "<td>6</td>"]
        {
            assert!(page.contains(part), "{part}");
        }
        assert!(page.contains("18 finished runs of 6 combinations"));
        assert!(page.len() < 6_000_000, "{} bytes", page.len());
    }

    #[test]
    fn three_files_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let results = results(&["radio.data_rate=0,3"], 2);
        SweepReport { results: &results }.write(&folder.path().join("new")).unwrap();
        for file in ["report.html", "runs.csv", "bands.csv"] {
            assert!(folder.path().join("new").join(file).exists(), "{file}");
        }
    }

    #[test]
    fn a_sweep_without_a_finished_run_has_a_report_too() {
        let mut results = results(&["radio.data_rate=0,3"], 1);
        results.points.iter_mut().for_each(|point| point.runs.clear());
        let report = SweepReport { results: &results };
        assert!(report.html().contains("0 finished runs of 2 combinations"));
        assert_eq!(report.ending_table().lines().count(), 1);
    }

    #[test]
    fn the_terminal_is_told_what_no_other_beats() {
        let results = results(&["radio.data_rate=0,3"], 2);
        let table = SweepReport { results: &results }.ending_table();
        assert!(table.starts_with("quickstart, sweep, 2 combinations\n"), "{table}");
        assert!(table.contains(" ± ") && table.contains("radio.data_rate = 3"), "{table}");
    }

    #[test]
    fn values_cannot_become_markup() {
        let mut results = results(&["radio.data_rate=0,3"], 1);
        results.points[0].values[0] = "</script><script>alert(1)</script>".into();
        let page = SweepReport { results: &results }.html();
        assert!(!page.contains("<script>alert"));
    }
}
