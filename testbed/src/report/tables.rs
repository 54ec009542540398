//! The tables of a report, as HTML.
use super::Report;
use super::charts::{causes, lost, name};
use super::words::count;
use crate::summary::{LinkKind, NodeRecord, SentPerNode};
use std::fmt::Write;

/// Nodes beyond this have no row: a browser would not scroll through them.
const MOST_ROWS: usize = 1_000;

/// Text for use in HTML.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A table; the first column holds names, the others figures.
pub fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let head = head.iter().map(|cell| format!("<th scope=\"col\">{}</th>", escape(cell)));
    table_of("<table>", &head.collect::<String>(), rows)
}

/// A table whose heads are buttons that sort it.
pub fn sortable(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let button =
        |cell: &&str| format!("<th scope=\"col\"><button type=\"button\">{}</button></th>", escape(cell));
    table_of("<table class=\"sortable\">", &head.iter().map(button).collect::<String>(), rows)
}

/// A table whose last column is text.
pub fn remarks(table: &str) -> String {
    format!("<div class=\"remarks\">{table}</div>\n")
}

fn table_of(opening: &str, head: &str, rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut html = format!("<div class=\"scroll\">{opening}<thead><tr>{head}");
    html += "</tr></thead><tbody>\n";
    for row in rows {
        html += "<tr>";
        row.iter().for_each(|cell| html += &format!("<td>{}</td>", escape(cell)));
        html += "</tr>\n";
    }
    html + "</tbody></table></div>\n"
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn bytes(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "–".to_owned(), |bytes| bytes.to_string())
}

/// What the federation and other ways reach, and what they cost.
pub fn baselines(report: &Report) -> String {
    let summary = report.summary;
    let b = &summary.baselines;
    let own = summary.uplink.total.payload_bytes_per_node.mean;
    let row = |name: &str, accuracy: f64, bytes: String, note: &str| {
        vec![name.to_owned(), percent(accuracy), bytes, note.to_owned()]
    };
    let raw_note =
        format!("{} a feature, then entropy coded", count(b.raw_data.bits_per_feature as usize, "bit"));
    let subset_note = match (b.raw_subset.samples, b.raw_subset.bits_per_feature) {
        (Some(samples), Some(bits)) => {
            format!("{} of all nodes, {} a feature", count(samples, "sample"), count(bits as usize, "bit"))
        }
        _ => b.raw_subset.reason.clone().unwrap_or_default(),
    };
    let fedavg_note = b
        .fedavg_fp32
        .reason
        .clone()
        .unwrap_or_else(|| format!("{} with every node", count(b.fedavg_fp32.rounds as usize, "round")));
    let rows = [
        row(
            "Federation (models on nodes)",
            summary.accuracy.final_,
            format!("{own:.0}"),
            if report.run.versions.is_empty() {
                "no version of the model came about"
            } else {
                "over the air, all frames"
            },
        ),
        row("All data in one place", b.centralised, "–".into(), "unquantised"),
        row("Every node alone", b.local_only, "0".into(), "mean of nodes"),
        row("Most frequent class", summary.accuracy.majority_rate, "0".into(), ""),
        row("Sending all samples", b.raw_data.accuracy, bytes(Some(b.raw_data.bytes_per_node)), &raw_note),
        row(
            "Sending the smallest subset",
            b.raw_subset.accuracy,
            bytes(b.raw_subset.bytes_per_node),
            &subset_note,
        ),
        row(
            "FedAvg, whole f32 models",
            b.fedavg_fp32.accuracy,
            bytes(b.fedavg_fp32.bytes_per_node),
            &fedavg_note,
        ),
    ];
    table(&["way", "accuracy", "bytes a node sends", "remark"], rows.into_iter())
}

/// Accuracies of the deployed model.
pub fn accuracy(report: &Report) -> String {
    let accuracy = &report.summary.accuracy;
    let mut rows = vec![
        vec!["models on nodes at the end, mean".to_owned(), percent(accuracy.final_)],
        vec!["best version".to_owned(), percent(accuracy.best)],
        vec!["mean recall of classes".to_owned(), percent(accuracy.balanced)],
    ];
    rows.extend(
        accuracy.server_model.map(|share| vec!["larger model of the aggregator".to_owned(), percent(share)]),
    );
    rows.extend(
        accuracy.by_split.iter().map(|(split, share)| vec![format!("split {split}"), percent(*share)]),
    );
    table(&["on the held-out samples", "accuracy"], rows.into_iter())
}

/// What nodes sent, by sort of frame.
pub fn traffic(report: &Report) -> String {
    let uplink = &report.summary.uplink;
    let row = |name: &str, sent: &SentPerNode| {
        let mean_max = |per_node: &crate::summary::PerNode, digits: usize| {
            format!("{:.digits$} / {:.digits$}", per_node.mean, per_node.max)
        };
        vec![
            name.to_owned(),
            mean_max(&sent.frames_per_node, 1),
            mean_max(&sent.payload_bytes_per_node, 0),
            mean_max(&sent.airtime_s_per_node, 2),
            mean_max(&sent.energy_mj_per_node, 0),
        ]
    };
    let rows = [
        row("all uplinks", &uplink.total),
        row("contributions", &uplink.contribution),
        row("control", &uplink.control),
    ];
    let head = ["a node, mean / largest", "frames", "bytes", "airtime (s)", "energy (mJ)"];
    table(&head, rows.into_iter())
}

/// Frames that were lost, and contributions that were not taken, by cause.
pub fn losses(report: &Report) -> String {
    let radio = &report.summary.radio;
    let mut rows = vec![vec!["frames on the air".to_owned(), radio.totals.transmissions.to_string()]];
    rows.push(vec!["frames delivered".to_owned(), radio.totals.delivered.to_string()]);
    rows.extend(
        causes()
            .iter()
            .map(|(name, count)| vec![format!("lost: {name}"), count(&radio.totals.lost).to_string()]),
    );
    let contributions = &report.summary.contributions;
    rows.push(vec!["contributions sent".to_owned(), contributions.sent.to_string()]);
    rows.push(vec!["contributions accepted".to_owned(), contributions.accepted.to_string()]);
    rows.extend(
        contributions.rejected.iter().map(|(reason, n)| vec![format!("rejected: {reason}"), n.to_string()]),
    );
    table(&["what became of frames and contributions", "count"], rows.into_iter())
}

/// One row a gateway.
pub fn gateways(report: &Report) -> String {
    let rows = report.run.gateways.iter().map(|gateway| {
        vec![
            gateway.id.to_string(),
            format!("{:.0}, {:.0}", gateway.position.x_m, gateway.position.y_m),
            gateway.downlink_frames.to_string(),
            gateway.downlink_payload_bytes.to_string(),
            format!("{:.2}", gateway.downlink_airtime_s),
            percent(gateway.duty_worst_ratio),
        ]
    });
    table(
        &["gateway", "position (m)", "downlink frames", "bytes", "airtime (s)", "duty cycle, worst hour"],
        rows,
    )
}

/// One row a node.
pub fn nodes(report: &Report) -> String {
    let nodes = &report.run.nodes;
    let mut html = String::new();
    if nodes.len() > MOST_ROWS {
        let note = writeln!(html, "<p>The first {MOST_ROWS} of {} nodes.</p>", nodes.len());
        note.expect("writing to a string does not fail");
    }
    let head = [
        "no.",
        "node",
        "position (m)",
        "DR",
        "SF",
        "samples",
        "contrib. frames",
        "control frames",
        "bytes",
        "airtime (s)",
        "energy (mJ)",
        "battery (years)",
        "duty, worst hour",
        "lost",
        "accepted",
    ];
    html + &sortable(&head, (1..).zip(nodes.iter().take(MOST_ROWS)).map(node_row))
}

fn node_row((number, node): (usize, &NodeRecord)) -> Vec<String> {
    let sent = node.sent();
    let (data_rate, spreading_factor) = match node.link {
        LinkKind::Lorawan => (node.data_rate.to_string(), node.spreading_factor.to_string()),
        LinkKind::Ble => ("BLE".into(), "BLE".into()),
    };
    vec![
        number.to_string(),
        name(node),
        format!("{:.0}, {:.0}", node.position.x_m, node.position.y_m),
        data_rate,
        spreading_factor,
        node.samples.to_string(),
        node.contribution.frames.to_string(),
        node.control.frames.to_string(),
        sent.payload_bytes.to_string(),
        format!("{:.2}", sent.airtime_s),
        format!("{:.0}", sent.energy_mj),
        format!("{:.2}", node.battery_years),
        percent(node.duty_worst_ratio),
        lost(node).to_string(),
        node.contributions_accepted.to_string(),
    ]
}
