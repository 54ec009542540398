//! The page around charts and tables.
use super::{Report, charts, map, tables, timeline, words};
use plotly::Plot;

/// Nothing may be loaded: charts work with the script and styles in the page alone.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:";

const STYLE: &str = include_str!("page.css");

/// On paper a chart is as wide as the page, and so low that two have room on one.
const PRINT_SCRIPT: &str = include_str!("print.js");

/// Tables of the class `sortable` sort by the column whose head is pressed, by number where its cells begin with one;
/// pressed again, the other way round. What a cell says in words comes last.
const SORT_SCRIPT: &str = include_str!("sort.js");

/// The whole page.
pub fn html(report: &Report) -> String {
    let title = format!("Chirrup: {}, seed {}", report.summary.scenario, report.summary.seed);
    let footer = format!("Trace {}", report.summary.trace_hash);
    frame(&title, &words::paragraph(report), &sections(report), &footer)
}

/// A page around sections that are HTML already; the other parts are text.
pub(super) fn frame(title: &str, opening: &str, sections: &str, footer: &str) -> String {
    let title = tables::escape(title);
    [
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n".to_owned(),
        format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n"),
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n".to_owned(),
        format!("<title>{title}</title>\n<style>\n{STYLE}</style>\n{}\n</head>\n", chart_script()),
        format!("<body>\n<h1>{title}</h1>\n<p>{}</p>\n", tables::escape(opening)),
        "<noscript><p>The charts need JavaScript; the tables hold the same figures.</p></noscript>\n"
            .to_owned(),
        sections.to_owned(),
        format!(
            "<footer>{}</footer>\n<script>{PRINT_SCRIPT}{SORT_SCRIPT}</script>\n",
            tables::escape(footer)
        ),
        "</body>\n</html>\n".to_owned(),
    ]
    .concat()
}

/// The chart library of the `plotly` crate. The crate hands it out with a formula renderer behind it, two megabytes
/// that no chart here needs.
fn chart_script() -> String {
    const END: &str = "</script>";
    let scripts = Plot::offline_js_sources();
    let end = scripts.find(END).expect("the crate hands out script elements") + END.len();
    scripts[..end].to_owned()
}

/// A section with a chart.
pub(super) fn chart_section(title: &str, id: &str, plot: &Plot, words: &str) -> String {
    let chart = plot.to_inline_html(Some(id));
    format!("<section>\n<h2>{title}</h2>\n<p>{words}</p>\n{chart}\n</section>\n")
}

/// A section with something else.
pub(super) fn part(title: &str, body: impl std::fmt::Display) -> String {
    format!("<section>\n<h2>{title}</h2>\n{body}</section>\n")
}

fn sections(report: &Report) -> String {
    let chart = chart_section;
    [
        part("Compared with other ways", tables::remarks(&tables::baselines(report))),
        accuracy(report),
        part("Accuracy in detail", tables::accuracy(report)),
        part("What nodes sent", tables::traffic(report)),
        chart("Airtime", "airtime", &charts::airtime(report), "Time that every node spent on the air."),
        chart(
            "Duty cycle",
            "duty-cycle",
            &charts::duty_cycle(report),
            "The worst one-hour window of every transmitter, in its busiest sub-band.",
        ),
        chart("Battery", "battery", &charts::battery(report), &words::battery(report)),
        losses(report),
        part("Frames and contributions", tables::losses(report)),
        chart("Map", "map", &map::map(report), &words::map(report)),
        chart("The air", "air", &timeline::chart_of(report), &timeline::words(report)),
        part("Gateways", tables::gateways(report)),
        part("Nodes", format!("<div class=\"wide\">{}</div>\n", tables::nodes(report))),
        part("Scenario", format!("<pre>{}</pre>\n", tables::escape(&scenario_text(report)))),
    ]
    .concat()
}

/// Against everything that it cost.
fn accuracy(report: &Report) -> String {
    if report.run.course.is_empty() {
        return part("Accuracy over time", "<p>No version of the model came about.</p>\n");
    }
    let chart = chart_section;
    let apart = words::counted_apart(report);
    [
        chart(
            "Accuracy over time",
            "accuracy-time",
            &charts::accuracy_over_time(report),
            "Share of the held-out samples that a node classifies correctly with the model that it runs, and that the \
             newest version would.",
        ),
        chart(
            "Accuracy over airtime",
            "accuracy-airtime",
            &charts::accuracy_over_airtime(report),
            &format!("The same over the time that a node had spent on the air by then.{apart}"),
        ),
        chart(
            "Accuracy over energy",
            "accuracy-energy",
            &charts::accuracy_over_energy(report),
            &format!("The same over the energy that a node had spent on sending by then, listening and sleep not included.{apart}"),
        ),
        chart(
            "Accuracy over bytes",
            "accuracy-bytes",
            &charts::accuracy_over_bytes(report),
            &format!(
                "The same over the bytes that a node had put on the air by then, headers and joins included, on a \
                 logarithmic scale. Points are other ways to train the model; they count content alone.{apart}"
            ),
        ),
    ]
    .concat()
}

fn losses(report: &Report) -> String {
    let title = "What was lost, and why";
    if report.run.nodes.iter().all(|node| charts::lost(node) == 0) {
        return part(title, "<p>Every uplink reached a gateway.</p>\n");
    }
    chart_section(title, "losses", &charts::losses(report), "Uplinks that no gateway received.")
}

fn scenario_text(report: &Report) -> String {
    serde_json::to_string_pretty(report.scenario).expect("a scenario is plain data")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::summary::NodeRecord;
    use chirrup_protocol::ids::DevEui;

    #[test]
    fn the_page_is_complete_and_forbids_loading() {
        let page = sample::with_report(html);
        assert!(page.contains("default-src 'none'"));
        for id in [
            "accuracy-time",
            "accuracy-airtime",
            "accuracy-energy",
            "accuracy-bytes",
            "airtime",
            "duty-cycle",
            "battery",
            "losses",
            "map",
            "air",
        ] {
            assert!(page.contains(&format!("Plotly.newPlot(\"{id}\"")), "{id}");
        }
        assert!(page.len() < 6_000_000, "{} bytes", page.len());
    }

    /// Outside the embedded library there is no address at all, and no element that loads anything.
    #[test]
    fn nothing_is_loaded_from_a_network() {
        let page = sample::with_report(html).replace(&chart_script(), "");
        for forbidden in
            ["http://", "https://", "src=", "href=", "url(", "@import", "<link", "<iframe", "<img"]
        {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn a_large_fleet_does_not_make_a_large_page() {
        let mut run = sample::run();
        let node = run.nodes[0].clone();
        run.nodes = (0..10_000)
            .map(|index| NodeRecord { dev_eui: DevEui::from_u64(index), ..node.clone() })
            .collect();
        let page = sample::with_report_of(&run, html);
        assert!(page.contains("node, by airtime, one in 50 of 10000"));
        assert!(page.contains("The first 1000 of 10000 nodes."));
        assert!(page.len() < 7_000_000, "{} bytes", page.len());
    }

    #[test]
    fn the_library_is_whole_and_alone() {
        let script = chart_script();
        assert_eq!(script.matches("<script").count(), 1);
        assert!(script.contains("plotly.js v"));
        assert!(!script.contains("MathJax.loader"));
    }

    #[test]
    fn names_from_the_data_cannot_become_markup() {
        let mut run = sample::run();
        run.nodes[0].name = Some("</script><script>alert(1)</script>".into());
        let page = sample::with_report_of(&run, html).replace(&chart_script(), "");
        assert!(!page.contains("<script>alert"));
    }

    #[test]
    fn a_run_in_which_nothing_came_about_says_so() {
        let mut run = sample::run();
        (run.versions, run.course) = (Vec::new(), Vec::new());
        run.nodes.iter_mut().for_each(|node| node.lost = crate::summary::Losses::default());
        for run in [run, crate::summary::RunRecord::default()] {
            let page = sample::with_report_of(&run, html).replace(&chart_script(), "");
            assert_eq!(page.matches("No version of the model came about").count(), 2);
            assert!(page.contains("Every uplink reached a gateway"));
            assert!(!page.contains(">NaN") && !page.contains(" NaN"));
            for chart in ["accuracy-time", "accuracy-bytes", "losses"] {
                assert!(!page.contains(&format!("\"{chart}\"")), "{chart}");
            }
        }
    }

    #[test]
    fn charts_say_what_they_leave_out() {
        let mut run = sample::run();
        assert!(!sample::with_report_of(&run, html).contains("BLE is not"));
        run.ble = Some(crate::summary::BleTotals::default());
        let page = sample::with_report_of(&run, html);
        for words in
            ["over LoRaWAN and BLE through", "What went over BLE is not counted here", "BLE is not shown"]
        {
            assert!(page.contains(words), "{words}");
        }
    }
}
