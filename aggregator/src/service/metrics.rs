//! The status in Prometheus' text format, version 0.0.4.
use super::mqtt::LinkState;
use super::status::Status;
use std::fmt::{Display, Write};

/// Writes every metric.
pub fn text(status: &Status, link: &LinkState) -> String {
    let mut page = Page(String::new());
    page.gauge("version", "Number of the newest version.", status.version.unwrap_or(0));
    page.gauge("task_settled", "1 once the task is published.", u8::from(status.task.settled));
    page.gauge("contributions_waiting", "Contributions that wait for a version.", status.waiting);
    page.counter("contributions_accepted_total", "Contributions accepted.", status.accepted);
    page.counter("ledger_records_total", "Records in the ledger.", status.ledger_records);
    page.gauge("devices", "Devices enrolled.", status.devices.len());
    let up_to_date = status.devices.iter().filter(|device| Some(device.model_version) == status.version);
    page.gauge("devices_up_to_date", "Devices that hold the newest version.", up_to_date.count());
    page.gauge("mqtt_connected", "1 while the subscription stands.", u8::from(link.is_connected()));
    page.counter("envelopes_refused_total", "Envelopes that did not open.", link.refused_envelopes());
    page.counter("receipts_dropped_total", "Receipts that found the way out full.", link.dropped_receipts());
    page.counter("uplinks_put_off_total", "Uplinks that their gateways are to bring again.", status.put_off);
    page.head(
        "bad_tags_left",
        "Bad tags that a gateway may still bring; those with all are not listed.",
        "gauge",
    );
    for (gateway, left) in &status.bad_tags_left {
        page.sample("bad_tags_left", &format!("{{gateway=\"{gateway}\"}}"), left);
    }
    page.head("rejects_total", "What was refused, by reason.", "counter");
    for (reason, count) in &status.rejects {
        page.sample("rejects_total", &format!("{{reason=\"{reason}\"}}"), count);
    }
    let newest_first = || status.versions.iter().rev();
    let judged = [
        ("nodes", newest_first().find_map(|version| Some((version.number, version.nodes?)))),
        ("validation", newest_first().find_map(|version| Some((version.number, version.validation?)))),
    ];
    page.head("accuracy", "Accuracy of the newest version that was judged, by who judged it.", "gauge");
    for (source, verdict) in judged {
        if let Some((_, accuracy)) = verdict {
            page.sample("accuracy", &format!("{{source=\"{source}\"}}"), accuracy.accuracy);
        }
    }
    page.head("judged_version", "Number of that version.", "gauge");
    for (source, verdict) in judged {
        if let Some((number, _)) = verdict {
            page.sample("judged_version", &format!("{{source=\"{source}\"}}"), number);
        }
    }
    page.0
}

struct Page(String);

impl Page {
    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, help, "gauge");
        self.sample(name, "", value);
    }

    fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, help, "counter");
        self.sample(name, "", value);
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        self.line(format_args!(
            "# HELP chirrup_aggregator_{name} {help}\n# TYPE chirrup_aggregator_{name} {kind}"
        ));
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl Display) {
        self.line(format_args!("chirrup_aggregator_{name}{labels} {value}"));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{line}").expect("a string takes all that is written to it");
    }
}
