//! From books and ledger to a record of the run.
use super::cores::CoresError;
use super::course::Course;
use super::fleet::Fleet;
use super::scoring::Chain;
use super::tally::NodeTally;
use super::world::Ended;
use crate::ble::Books;
use crate::checker::Checks;
use crate::faults::Injected;
use crate::radio::outcome::Outcomes;
use crate::radio::{GatewayIndex, NodeIndex, Transmitter};
use crate::scenario::Experiment;
use crate::summary::{
    BleTotals, ContributionTotals, GatewayRecord, LinkKind, NodeRecord, RadioTotals, RunRecord,
};
use chirrup_aggregator::core::Reject;
use chirrup_aggregator::core::ledger::Record;
use chirrup_protocol::airtime::LORAWAN_OVERHEAD_BYTES;
use chirrup_protocol::time::Instant;
use std::collections::BTreeMap;

/// Sums a run up. The versions come from the ledger alone. No checks are made here.
pub fn record(
    experiment: &Experiment,
    fleet: &Fleet,
    ended: &Ended,
    ledger: &[Record],
    rejects: &BTreeMap<Reject, u64>,
) -> Result<RunRecord, CoresError> {
    let chain = Chain::from_ledger(experiment, fleet, ledger)?;
    let medium = ended.air.medium();
    let log = medium.log();
    let course = Course::of(&chain, log.records(), &ended.tallies, ended.at);
    // Who has left runs no model.
    let there = ended.tallies.iter().filter(|tally| tally.is_there(ended.at));
    let held: Vec<u32> = there.map(|tally| tally.version_at(ended.at)).collect();
    Ok(RunRecord {
        faults: Injected { backdoor_success: chain.backdoor_success, ..ended.injected },
        virtual_s: ended.at.as_secs_f64(),
        wall_s: 0.0,
        trace_hash: hex::encode(trace_hash(ended)),
        versions: course.closings(),
        course: course.into_records(),
        accuracy: chain.deployed(&held),
        nodes: node_records(experiment, fleet, ended, &chain),
        gateways: gateway_records(fleet, ended),
        radio: totals(log.uplinks().outcomes, log.downlinks().outcomes),
        ble: ended.ble.as_ref().map(|ble| ble_totals(fleet, &ble.books())),
        contributions: ContributionTotals {
            sent: ended.tallies.iter().map(|tally| tally.counts.contributions).sum(),
            accepted: chain.accepted.iter().sum(),
            stale_mean_versions: chain.stale_mean,
            rejected: rejects.iter().map(|(reason, count)| (name(*reason), *count)).collect(),
        },
        checks: Checks::default(),
    })
}

fn name(reason: Reject) -> String {
    serde_json::to_value(reason)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .expect("reasons serialise as their names")
}

fn node_records(experiment: &Experiment, fleet: &Fleet, ended: &Ended, chain: &Chain) -> Vec<NodeRecord> {
    let medium = ended.air.medium();
    let log = medium.log();
    let of = |(index, tally): (usize, &NodeTally)| {
        let node = NodeIndex(index as u32);
        let last = log.records().iter().rev().find(|sent| sent.source == Transmitter::Node(node));
        let (spreading_factor, bandwidth_hz) =
            last.map_or((0, 0), |sent| (sent.modulation.spreading_factor, sent.modulation.bandwidth_hz));
        let energy_mj = tally.contribution.energy_mj + tally.control.energy_mj;
        let data_rate = fleet.radio.region.data_rate(spreading_factor, bandwidth_hz).map_or(0, |dr| dr.0);
        NodeRecord {
            dev_eui: fleet.nodes[index].dev_eui,
            name: experiment.node_name(index).map(str::to_owned),
            position: fleet.node_positions[index],
            link: if fleet.speaks_ble(node) { LinkKind::Ble } else { LinkKind::Lorawan },
            data_rate,
            spreading_factor,
            samples: experiment.shares[index].len(),
            contribution: tally.contribution,
            control: tally.control,
            duty_worst_ratio: log.worst_ratio_of(Transmitter::Node(node)),
            lost: log.node(node).outcomes.into(),
            battery_years: experiment.scenario.nodes.battery.years(energy_mj, ended.at.as_secs_f64()),
            gone_at_s: tally.gone_at.map(Instant::as_secs_f64),
            contributions_accepted: chain.accepted.get(index).copied().unwrap_or(0),
            versions: tally.versions.clone(),
        }
    };
    ended.tallies.iter().enumerate().map(of).collect()
}

fn gateway_records(fleet: &Fleet, ended: &Ended) -> Vec<GatewayRecord> {
    let medium = ended.air.medium();
    let log = medium.log();
    let of = |(index, id)| {
        let gateway = GatewayIndex(index as u16);
        let sums = log.gateway(gateway);
        let frames = sums.outcomes.total();
        GatewayRecord {
            id,
            position: fleet.gateway_positions[index],
            downlink_frames: frames,
            downlink_payload_bytes: sums.phy_bytes.saturating_sub(frames * LORAWAN_OVERHEAD_BYTES as u64),
            downlink_airtime_s: sums.airtime.as_secs_f64(),
            duty_worst_ratio: log.worst_ratio_of(Transmitter::Gateway(gateway)),
        }
    };
    fleet.gateways.iter().copied().enumerate().map(of).collect()
}

/// Over both airs, where there are two.
fn trace_hash(ended: &Ended) -> [u8; 32] {
    let lora = ended.air.medium().log().trace_hash();
    ended.ble.as_ref().map_or(lora, |ble| ble.books().trace_with(lora))
}

fn ble_totals(fleet: &Fleet, books: &Books) -> BleTotals {
    let nodes = (0..fleet.nodes.len() as u32).map(|node| books.node(NodeIndex(node)));
    let gateways = (0..fleet.gateways.len() as u16).map(|gateway| books.gateway(GatewayIndex(gateway)));
    let gateway_airtime_s = gateways.map(|gateway| gateway.airtime.as_secs_f64()).sum();
    nodes.fold(BleTotals { gateway_airtime_s, ..BleTotals::default() }, |sum, node| BleTotals {
        advertisements: sum.advertisements + node.advertisements,
        connections: sum.connections + node.connections,
        broken: sum.broken + node.broken,
        pdus: sum.pdus + node.pdus,
        repeated: sum.repeated + node.repeated,
        gateway_airtime_s,
    })
}

fn totals(uplinks: Outcomes, downlinks: Outcomes) -> RadioTotals {
    let mut all = uplinks;
    all += downlinks;
    RadioTotals { transmissions: all.total(), delivered: all.delivered, lost: all.into() }
}
