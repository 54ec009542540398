//! The page of a run of plain traffic.
use super::charts::{axis, chart, percent_axis, time_unit};
use super::page::{chart_section, frame, part};
use super::palette::look;
use super::tables::{escape, remarks, table};
use super::words::{count, span};
use super::{WriteError, write_file};
use crate::scenario::Scenario;
use crate::summary::PerNode;
use crate::traffic::Ended;
use crate::traffic::timeline::Row;
use plotly::common::{Line, LineShape, Mode};
use plotly::{Plot, Scatter};
use std::path::Path;

/// What a line counts.
type Count = fn(&Row) -> u64;

/// Everything that the page shows.
#[derive(Clone, Copy, Debug)]
pub struct PacketReport<'a> {
    /// What was asked for.
    pub scenario: &'a Scenario,
    /// What happened.
    pub ended: &'a Ended,
}

impl PacketReport<'_> {
    /// Writes page, summary and time line into `folder`, which is created; older ones are replaced.
    pub fn write(&self, folder: &Path) -> Result<(), WriteError> {
        write_file(folder, "report.html", self.html().as_bytes())?;
        write_file(folder, "summary.json", self.ended.summary.to_json().as_bytes())?;
        write_file(folder, "timeline.csv", &self.ended.timeline.to_csv())
    }

    /// The page as HTML.
    pub fn html(&self) -> String {
        let summary = &self.ended.summary;
        let title = format!("Chirrup: {}, seed {}", summary.scenario, summary.seed);
        let sections = [
            part("What came of it", remarks(&self.figures())),
            part("What nodes sent", self.sent()),
            chart_section(
                "Delivery",
                "delivery",
                &self.delivery(),
                "Share that a gateway received of the uplinks that ended in each hundredth of the run.",
            ),
            chart_section("Frames", "frames", &self.frames(), "How many ended in each hundredth of the run."),
            part("Scenario", format!("<pre>{}</pre>\n", escape(&self.scenario_text()))),
        ];
        frame(&title, &self.opening(), &sections.concat(), &format!("Trace {}", summary.trace_hash))
    }

    fn opening(&self) -> String {
        let summary = &self.ended.summary;
        let traffic = &summary.traffic;
        format!(
            "{} sent {} frames of plain traffic in {} of virtual time (seed {}), at an offered load G of {:.4} a \
             channel. {:.2} % reached a gateway, {} were lost to collisions.",
            count(summary.nodes, "node"),
            traffic.uplinks,
            span(summary.virtual_s),
            summary.seed,
            traffic.load,
            100.0 * traffic.uplink_delivery_ratio,
            traffic.uplinks_lost.collision
        )
    }

    fn figures(&self) -> String {
        let rows = self.ended.summary.figures().into_iter().map(|(name, value)| vec![name.to_owned(), value]);
        table(&["figure", "value"], rows)
    }

    fn sent(&self) -> String {
        let sent = &self.ended.summary.uplink;
        let row = |name: &str, of: &PerNode, digits: usize| {
            vec![name.to_owned(), format!("{:.digits$}", of.mean), format!("{:.digits$}", of.max)]
        };
        let rows = [
            row("frames", &sent.frames_per_node, 1),
            row("application bytes", &sent.payload_bytes_per_node, 0),
            row("airtime (s)", &sent.airtime_s_per_node, 2),
            row("energy (mJ)", &sent.energy_mj_per_node, 0),
        ];
        table(&["a node", "mean", "largest"], rows.into_iter())
    }

    fn delivery(&self) -> Plot {
        let share = |step: &Row| (step.sent > 0).then(|| 100.0 * step.delivered as f64 / step.sent as f64);
        let (times, unit) = self.times();
        let (x, y) =
            times.into_iter().zip(self.steps()).filter_map(|(x, step)| Some((x, share(&step)?))).unzip();
        // From nothing to all: enlarged, a frame lost would look like a breakdown.
        let delivered = percent_axis("delivered").range(vec![0.0, 103.0]);
        let mut plot = chart(axis(format!("virtual time ({unit})")), delivered);
        plot.add_trace(line("uplinks delivered", x, y, 0));
        plot
    }

    fn frames(&self) -> Plot {
        let (times, unit) = self.times();
        let mut plot = chart(axis(format!("virtual time ({unit})")), axis("frames"));
        let series: [(&str, Count); 4] = [
            ("uplinks", |step| step.sent),
            ("delivered", |step| step.delivered),
            ("lost to collisions", |step| step.lost_collision),
            ("downlinks", |step| step.downlinks),
        ];
        for (index, (name, of)) in series.into_iter().enumerate() {
            let counts = self.steps().iter().map(|step| of(step) as f64).collect();
            plot.add_trace(line(name, times.clone(), counts, index));
        }
        plot
    }

    /// What each step of the time line added.
    fn steps(&self) -> Vec<Row> {
        let rows = self.ended.timeline.rows();
        let before = std::iter::once(None).chain(rows.iter().map(Some));
        rows.iter().zip(before).map(|(row, before)| before.map_or(*row, |before| row.since(before))).collect()
    }

    /// When each step ended, and in which unit.
    fn times(&self) -> (Vec<f64>, &'static str) {
        let (unit_s, unit) = time_unit(self.ended.summary.virtual_s);
        (self.ended.timeline.rows().iter().map(|row| row.at_s / unit_s).collect(), unit)
    }

    fn scenario_text(&self) -> String {
        serde_json::to_string_pretty(self.scenario).expect("a scenario is plain data")
    }
}

fn line(name: &str, x: Vec<f64>, y: Vec<f64>, series: usize) -> Box<Scatter<f64, f64>> {
    let look = look(series);
    let line = Line::new().color(look.colour).dash(look.dash).width(2.0).shape(LineShape::Vh);
    Scatter::new(x, y).name(name).mode(Mode::Lines).line(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Overrides;
    use crate::traffic::simulate;

    fn ended(text: &str) -> (Scenario, Ended) {
        let text = format!("{text}\n[nodes]\ncount = 4\n[radio]\nradius_m = 300\n[run]\nduration_s = 7200");
        let scenario = Scenario::from_toml("a<b", &text, Path::new(""), &Overrides::default()).unwrap();
        let ended = simulate(&scenario, scenario.traffic.as_ref().unwrap(), &mut |_| {}).unwrap();
        (scenario, ended)
    }

    #[test]
    fn the_page_is_complete_with_and_without_a_mac() {
        for text in ["[traffic]\nmean_s = 60", "[traffic]\nmean_s = 60\nmac = \"bare\""] {
            let (scenario, ended) = ended(text);
            let page = PacketReport { scenario: &scenario, ended: &ended }.html();
            for part in
                ["Plotly.newPlot(\"delivery\"", "Plotly.newPlot(\"frames\"", "offered load G", "a&lt;b"]
            {
                assert!(page.contains(part), "{part}");
            }
            assert!(page.contains(&format!("Trace {}", ended.summary.trace_hash)));
            assert!(page.len() < 6_000_000, "{} bytes", page.len());
        }
    }

    #[test]
    fn steps_add_up_to_the_whole() {
        let (scenario, ended) = ended("[traffic]\nmean_s = 60\nmac = \"bare\"");
        let steps = PacketReport { scenario: &scenario, ended: &ended }.steps();
        assert_eq!(steps.len(), 100);
        assert_eq!(steps.iter().map(|step| step.sent).sum::<u64>(), ended.summary.traffic.uplinks);
        let delivered: u64 = steps.iter().map(|step| step.delivered).sum();
        assert_eq!(delivered, ended.summary.traffic.uplinks_delivered);
    }
}
