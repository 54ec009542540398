//! A made-up run for the report's tests. No figure in it was measured.
use super::Report;
use crate::baseline::{Baselines, FedAvg, RawData, RawSubset};
use crate::checker::{Checks, Looked};
use crate::kernel::Rng;
use crate::radio::air_log::Transmission;
use crate::radio::{AirRecords, Cause, Emission, GatewayIndex, NodeIndex, Transmitter, Verdict};
use crate::scenario::{Overrides, Scenario};
use crate::summary::*;
use chirrup_protocol::airtime::Modulation;
use chirrup_protocol::ids::{DevEui, GatewayId};
use chirrup_protocol::time::{Duration, Instant};
use std::collections::BTreeMap;

pub fn run() -> RunRecord {
    let mut rng = Rng::for_purpose(1, "made-up", 0);
    let nodes: Vec<NodeRecord> = (0..20).map(|index| node(index, &mut rng)).collect();
    let versions: Vec<VersionRecord> =
        (0..40).map(|version| version_record(version, nodes.len() as f64)).collect();
    RunRecord {
        virtual_s: 86_400.0,
        wall_s: 1.25,
        trace_hash: "5f".repeat(32),
        course: course(&versions),
        versions,
        accuracy: DeployedAccuracy {
            held: 0.918,
            balanced: 0.91,
            server_model: None,
            by_split: BTreeMap::from([("test".into(), 0.915)]),
        },
        nodes,
        gateways: vec![GatewayRecord {
            id: GatewayId([0xaa; 8]),
            position: Position::default(),
            downlink_frames: 400,
            downlink_payload_bytes: 16_000,
            downlink_airtime_s: 95.0,
            duty_worst_ratio: 0.55,
        }],
        radio: RadioTotals {
            transmissions: 1_600,
            delivered: 1_500,
            lost: Losses {
                collision: 60,
                sensitivity: 30,
                half_duplex: 8,
                no_demodulator: 0,
                interference: 0,
                off_channel: 0,
                injected: 2,
                unheard: 0,
            },
        },
        ble: None,
        contributions: ContributionTotals {
            sent: 1_000,
            accepted: 930,
            stale_mean_versions: 0.8,
            rejected: BTreeMap::from([("replayed".into(), 3)]),
        },
        checks: Checks {
            duty_cycle: Some(Looked { looked_at: 1_600, violations: 0 }),
            models: Some(Looked { looked_at: 240, violations: 0 }),
            ..Checks::default()
        },
        faults: crate::faults::Injected::default(),
    }
}

/// Uplinks of the nodes in turn, every tenth of them lost, and a downlink after every fourth.
pub fn air() -> AirRecords {
    let mut air = AirRecords::default();
    for frame in 0..200u32 {
        let airtime = Duration::from_millis(300);
        let mut keep = |source, at_s: u64, verdict: Verdict| {
            let emission = Emission {
                frequency_hz: 868_100_000,
                modulation: Modulation::lorawan(9, 125_000),
                power_dbm: 14,
                phy: vec![0x40; 20],
            };
            let (start, verdicts) = (Instant::from_micros(at_s * 1_000_000), [verdict]);
            air.keep(&Transmission { source, start, airtime, emission: &emission, verdicts: &verdicts });
        };
        let heard = Verdict::Delivered { rssi_dbm: -110.0, snr_db: 2.0 };
        let verdict = if frame % 10 == 9 { Verdict::Lost(Cause::Collision) } else { heard };
        keep(Transmitter::Node(NodeIndex(frame % 20)), u64::from(400 * frame), verdict);
        if frame % 4 == 3 {
            keep(Transmitter::Gateway(GatewayIndex(0)), u64::from(400 * frame + 5), heard);
        }
    }
    air
}

/// Half-way to the version after, nodes hold more of what there is; after the last, all.
fn course(versions: &[VersionRecord]) -> Vec<VersionRecord> {
    let later = versions.iter().skip(1).map(|next| next.at_s).chain([86_400.0]);
    let passing = versions.iter().zip(later).map(|(version, later_s)| VersionRecord {
        at_s: (version.at_s + later_s) / 2.0,
        held: version.accuracy,
        ..*version
    });
    versions.iter().zip(passing).flat_map(|(version, passing)| [*version, passing]).collect()
}

fn version_record(version: u32, nodes: f64) -> VersionRecord {
    let progress = f64::from(version) / 39.0;
    VersionRecord {
        at_s: 600.0 + progress * 80_000.0,
        version,
        accuracy: 0.93 - 0.83 * libm::exp(-5.0 * progress),
        held: 0.92 - 0.82 * libm::exp(-4.5 * progress),
        nodes_up_to_date: 12,
        uplink_phy_bytes: (progress * 1_500.0 * nodes) as u64,
        uplink_airtime_s: progress * 30.0 * nodes,
        uplink_energy_mj: progress * 4_500.0 * nodes,
        downlink_airtime_s: progress * 95.0,
    }
}

fn node(index: u64, rng: &mut Rng) -> NodeRecord {
    let spreading_factor = 7 + rng.below(6) as u8;
    let airtime_s = 2.0 * f64::from(1u32 << (spreading_factor - 7));
    let sent = |part: f64| Sent {
        payload_bytes: (900.0 * part) as u64,
        frames: (50.0 * part) as u64,
        airtime_s: airtime_s * part,
        energy_mj: airtime_s * part * 145.0,
    };
    NodeRecord {
        dev_eui: DevEui::from_u64(0x70b3_d57e_d000_0000 + index),
        name: None,
        position: Position { x_m: 4_000.0 * rng.uniform() - 2_000.0, y_m: 4_000.0 * rng.uniform() - 2_000.0 },
        link: LinkKind::Lorawan,
        data_rate: 12 - spreading_factor,
        spreading_factor,
        samples: 20 + rng.below(200) as usize,
        contribution: sent(0.7),
        control: sent(0.3),
        duty_worst_ratio: 0.1 + 0.6 * rng.uniform(),
        lost: Losses {
            collision: rng.below(8),
            sensitivity: rng.below(4),
            half_duplex: rng.below(2),
            no_demodulator: 0,
            interference: 0,
            off_channel: 0,
            injected: rng.below(2),
            unheard: 0,
        },
        battery_years: 2.0 + 20.0 / airtime_s,
        gone_at_s: None,
        contributions_accepted: 40,
        versions: Vec::new(),
    }
}

pub fn baselines() -> Baselines {
    Baselines {
        centralised: 0.955,
        local_only: 0.52,
        raw_data: RawData { bytes_per_node: 2_340, accuracy: 0.951, bits_per_feature: 3 },
        raw_subset: RawSubset {
            bytes_per_node: Some(410),
            accuracy: 0.931,
            samples: Some(320),
            bits_per_feature: Some(2),
            reason: None,
        },
        fedavg_fp32: FedAvg { bytes_per_node: Some(31_200), rounds: 12, accuracy: 0.932, reason: None },
    }
}

pub fn summary(run: &RunRecord) -> Summary {
    Summary::new("quickstart", 1, 0.1, run, baselines())
}

pub fn with_report<T>(f: impl FnOnce(&Report) -> T) -> T {
    with_report_of(&run(), f)
}

pub fn with_report_of<T>(run: &RunRecord, f: impl FnOnce(&Report) -> T) -> T {
    let scenario = Scenario::load(None, &Overrides::default()).unwrap();
    f(&Report { scenario: &scenario, run, summary: &summary(run), air: &air() })
}
