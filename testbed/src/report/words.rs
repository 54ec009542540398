//! A run in words: the paragraph that opens a report, and the table that ends a run on the terminal.
use super::Report;
use crate::scenario::Source;
use crate::summary::Summary;

/// What happened, in a few sentences.
pub fn paragraph(report: &Report) -> String {
    let sentences = [setting(report), outcome(report), cost(report), air(report.summary)];
    // No line begins with the sign.
    sentences.join(" ").replace(" %", "\u{a0}%")
}

fn setting(report: &Report) -> String {
    let summary = report.summary;
    let data = match &report.scenario.data.source {
        Source::Digits => "digits".to_owned(),
        Source::BreastCancer => "breast-cancer".to_owned(),
        Source::Vibration(vibration) => format!("vibration of {} machines", vibration.machines),
        Source::Csv(csv) => csv.path.display().to_string(),
    };
    let link = if report.run.ble.is_some() { "LoRaWAN and BLE" } else { "LoRaWAN" };
    format!(
        "{} learnt the data {data} over {link} through {} in {} of virtual time (seed {}).",
        count(summary.nodes, "node"),
        count(report.run.gateways.len(), "gateway"),
        span(summary.virtual_s),
        summary.seed
    )
}

fn outcome(report: &Report) -> String {
    let summary = report.summary;
    let nodes = if report.run.versions.is_empty() {
        "No version of the model came about, so that nodes classify nothing".to_owned()
    } else {
        format!(
            "With the models that they run at the end, nodes classify {} of the held-out samples correctly",
            percent(summary.accuracy.final_)
        )
    };
    format!(
        "{nodes}; training on all data in one place gives {}, a node on its own {}, and always answering the most frequent \
         class {}.",
        percent(summary.baselines.centralised),
        percent(summary.baselines.local_only),
        percent(summary.accuracy.majority_rate)
    )
}

fn cost(report: &Report) -> String {
    let summary = report.summary;
    let sent = &summary.uplink.total;
    let own = format!(
        "For that a node sent {:.0} bytes in {:.1} frames on average, with {:.1} s on the air and {:.1} J. Sending all \
         samples takes {} bytes",
        sent.payload_bytes_per_node.mean,
        sent.frames_per_node.mean,
        sent.airtime_s_per_node.mean,
        sent.energy_mj_per_node.mean / 1_000.0,
        summary.baselines.raw_data.bytes_per_node
    );
    // What reaches nothing is reached by all.
    if report.run.versions.is_empty() {
        return own + ".";
    }
    let fedavg = match summary.baselines.fedavg_fp32.bytes_per_node {
        Some(bytes) => format!("and FedAvg with whole models {bytes} bytes"),
        None => "and FedAvg with whole models does not reach this accuracy".to_owned(),
    };
    let subset = match summary.baselines.raw_subset.bytes_per_node {
        Some(bytes) => format!("the smallest coded subset that reaches this accuracy {bytes} bytes"),
        None => "no coded subset reaches this accuracy".to_owned(),
    };
    format!("{own}, {subset}, {fedavg}.")
}

fn air(summary: &Summary) -> String {
    format!(
        "{} of all frames arrived; in its worst hour the busiest transmitter used {} of the airtime it is allowed.",
        percent(summary.radio.delivery_ratio),
        percent(summary.duty_cycle.worst_ratio)
    )
}

/// What the map shows.
pub fn map(report: &Report) -> String {
    let radio = &report.scenario.radio;
    let moving = if radio.tracks.is_some() { " Nodes that move are shown where they began." } else { "" };
    let ble = if report.run.ble.is_some() { " Links over BLE are not drawn." } else { "" };
    format!(
        "Nodes at the spreading factor that they ended with, each linked to the gateway that received most of its frames, by \
         the share that it received; up to {} nodes have links.{moving}{ble}",
        super::map::MOST_LINKS
    )
}

/// What charts over the air leave out, to be appended.
pub fn counted_apart(report: &Report) -> &'static str {
    if report.run.ble.is_some() { " What went over BLE is not counted here." } else { "" }
}

/// What the forecast of batteries rests on.
pub fn battery(report: &Report) -> String {
    let battery = report.scenario.nodes.battery;
    let years = report.summary.battery.years_per_node;
    format!(
        "If the run goes on as it was, batteries last {:.1} years on average, and the first is empty after {:.1}. Counted is \
         the radio, sending, listening and asleep, without what sensors and computing need. The battery has {:.0} mAh and \
         loses {} of what is left in a year by itself.",
        years.mean,
        years.min,
        battery.capacity_mah,
        percent(battery.self_discharge_per_year)
    )
}

/// The few figures that end a run on the terminal.
pub fn ending_table(summary: &Summary) -> String {
    let sent = &summary.uplink.total;
    let bytes =
        |bytes: Option<u64>| bytes.map_or_else(|| "not reached".to_owned(), |bytes| format!("{bytes} B"));
    let rows = [
        (
            "accuracy",
            format!("{} (best {})", percent(summary.accuracy.final_), percent(summary.accuracy.best)),
        ),
        ("  all data in one place", percent(summary.baselines.centralised)),
        ("  every node alone", percent(summary.baselines.local_only)),
        ("  most frequent class", percent(summary.accuracy.majority_rate)),
        (
            "uplink a node, mean",
            format!(
                "{:.0} B, {:.1} frames, {:.1} s on air, {:.1} J",
                sent.payload_bytes_per_node.mean,
                sent.frames_per_node.mean,
                sent.airtime_s_per_node.mean,
                sent.energy_mj_per_node.mean / 1_000.0
            ),
        ),
        ("  all samples instead", bytes(Some(summary.baselines.raw_data.bytes_per_node))),
        ("  smallest subset instead", bytes(summary.baselines.raw_subset.bytes_per_node)),
        ("  FedAvg f32 instead", bytes(summary.baselines.fedavg_fp32.bytes_per_node)),
        (
            "downlink, total",
            format!(
                "{} B, {} frames, {:.1} s on air",
                summary.downlink.payload_bytes_total,
                summary.downlink.frames_total,
                summary.downlink.airtime_s_total
            ),
        ),
        ("frames delivered", percent(summary.radio.delivery_ratio)),
        (
            "battery, mean",
            format!(
                "{:.1} years (first empty after {:.1})",
                summary.battery.years_per_node.mean, summary.battery.years_per_node.min
            ),
        ),
        ("duty cycle, worst hour", percent(summary.duty_cycle.worst_ratio)),
        (
            "contributions",
            format!("{} sent, {} accepted", summary.contributions.sent, summary.contributions.accepted),
        ),
        ("time", format!("{} virtual in {:.1} s", span(summary.virtual_s), summary.wall_s)),
        ("trace", summary.trace_hash.clone()),
    ];
    let title = format!("{}, {}, seed {}\n", summary.scenario, count(summary.nodes, "node"), summary.seed);
    rows.iter().fold(title, |table, (name, value)| table + &format!("  {name:<26} {value}\n"))
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// So many of something.
pub fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// A time that anyone can picture.
pub fn span(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7_200.0 => format!("{:.0} min", s / 60.0),
        s if s < 3.0 * 86_400.0 => format!("{:.1} h", s / 3_600.0),
        s => format!("{:.1} days", s / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_paragraph_holds_the_figures_that_matter() {
        let text = sample::with_report(paragraph);
        for part in
            ["20 nodes", "1 gateway", "24.0 h", "seed 1", "FedAvg with whole models", "airtime it is allowed"]
        {
            assert!(text.contains(part), "{part} is missing in: {text}");
        }
    }

    #[test]
    fn the_ending_table_has_short_lines() {
        let table = sample::with_report(|report| ending_table(report.summary));
        assert!(table.starts_with("quickstart, 20 nodes, seed 1\n"));
        assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
    }
}
