//! What a run of plain traffic says about itself in `summary.json`.
use super::timeline::Timeline;
use crate::radio::NodeIndex;
use crate::radio::air_log::{AirLog, Sums};
use crate::radio::energy::run_mj;
use crate::scenario::{Mac, Scenario, TrafficConfig};
use crate::summary::{Downlink, DutyCycle, Losses, PerNode, Radio, RadioTotals, SentPerNode};
use chirrup_protocol::airtime::LORAWAN_OVERHEAD_BYTES;
use chirrup_protocol::time::Instant;
use serde::Serialize;

/// What nodes and network counted beside the air, where there is a MAC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Exchanges {
    /// Nodes that joined.
    pub joined: u64,
    /// Joins that brought no session.
    pub joins_failed: u64,
    /// Packets that fell due in a session.
    pub packets: u64,
    /// Those whose exchange broke off.
    pub failed: u64,
    /// Those that the duty cycle had no room for; a node drops them.
    pub refused_duty_cycle: u64,
    /// Those that were acknowledged, where that was asked for.
    pub acknowledged: u64,
    /// Those that reached the network server with a valid integrity code and a new counter, each counted once.
    pub received: u64,
    /// Application bytes in them.
    pub received_bytes: u64,
}

/// A finished run.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// When.
    pub at: Instant,
    /// Its course.
    pub timeline: Timeline,
    /// What is in the JSON object.
    pub summary: TrafficSummary,
}

/// The JSON object that `--json` prints and `summary.json` holds: the fields of [`crate::summary::Summary`] that have
/// a meaning without learning, and `traffic`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrafficSummary {
    /// Name of the scenario.
    pub scenario: String,
    /// Seed of every random draw.
    pub seed: u64,
    /// Number of nodes.
    pub nodes: usize,
    /// Virtual time, in seconds.
    pub virtual_s: f64,
    /// Wall time, in seconds; set by whoever reads the clock.
    pub wall_s: f64,
    /// Hash over everything that was on the air.
    pub trace_hash: String,
    /// What nodes sent.
    pub uplink: SentPerNode,
    /// What gateways sent.
    pub downlink: Downlink,
    /// What became of the frames, in both directions.
    pub radio: Radio,
    /// How near transmitters came to their limit.
    pub duty_cycle: DutyCycle,
    /// The traffic itself.
    pub traffic: Traffic,
}

/// What plain traffic came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Traffic {
    /// What was asked for.
    pub asked: TrafficConfig,
    /// Offered load G: time on air of all uplinks over virtual time and number of channels.
    pub load: f64,
    /// Uplinks on the air, joins among them.
    pub uplinks: u64,
    /// Those that at least one gateway had.
    pub uplinks_delivered: u64,
    /// Delivered over sent; 0 when nothing was.
    pub uplink_delivery_ratio: f64,
    /// The rest, by cause.
    pub uplinks_lost: Losses,
    /// Bits a second that arrived: of PHY payloads with the radio alone, of application payloads with a MAC.
    pub goodput_bps: f64,
    /// Transmissions outside of every sub-band.
    pub outside_bands: u64,
    /// What nodes and network server counted; absent with the radio alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exchanges: Option<Exchanges>,
}

impl TrafficSummary {
    /// Sums a run up.
    pub fn new(
        scenario: &Scenario,
        asked: &TrafficConfig,
        log: &AirLog,
        at: Instant,
        exchanges: Option<Exchanges>,
    ) -> Self {
        let (nodes, seconds) = (scenario.nodes.count, at.as_secs_f64());
        let (uplinks, downlinks) = (log.uplinks(), log.downlinks());
        let mut all = uplinks.outcomes;
        all += downlinks.outcomes;
        let bytes = match (asked.mac, exchanges) {
            (Mac::LorawanDevice { .. }, Some(exchanges)) => exchanges.received_bytes,
            _ => uplinks.outcomes.delivered * u64::from(asked.phy_bytes),
        };
        Self {
            scenario: scenario.name.clone(),
            seed: scenario.run.seed,
            nodes,
            virtual_s: seconds,
            wall_s: 0.0,
            trace_hash: hex::encode(log.trace_hash()),
            uplink: sent_per_node(log, nodes, at),
            downlink: Downlink {
                payload_bytes_total: payload_bytes(&downlinks),
                frames_total: downlinks.outcomes.total(),
                airtime_s_total: downlinks.airtime.as_secs_f64(),
            },
            radio: Radio {
                totals: RadioTotals {
                    transmissions: all.total(),
                    delivered: all.delivered,
                    lost: all.into(),
                },
                delivery_ratio: ratio(all.delivered, all.total()),
            },
            duty_cycle: DutyCycle { worst_ratio: log.worst_ratio() },
            traffic: Traffic {
                load: uplinks.airtime.as_secs_f64() / seconds / asked.channels_hz.len() as f64,
                uplinks: uplinks.outcomes.total(),
                uplinks_delivered: uplinks.outcomes.delivered,
                uplink_delivery_ratio: ratio(uplinks.outcomes.delivered, uplinks.outcomes.total()),
                uplinks_lost: uplinks.outcomes.into(),
                goodput_bps: bytes as f64 * 8.0 / seconds,
                outside_bands: log.duty().outside_bands(),
                exchanges,
                asked: asked.clone(),
            },
        }
    }

    /// The summary as one JSON object, over several lines.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a summary is plain data") + "\n"
    }

    /// The summary as one JSON object on one line.
    pub fn to_json_line(&self) -> String {
        serde_json::to_string(self).expect("a summary is plain data") + "\n"
    }

    /// The few figures that end a run on the terminal.
    pub fn ending_table(&self) -> String {
        let title = format!("{}, {} nodes, seed {}\n", self.scenario, self.nodes, self.seed);
        self.figures().iter().fold(title, |table, (name, value)| table + &format!("  {name:<26} {value}\n"))
    }

    /// The same, one by one.
    pub fn figures(&self) -> Vec<(&'static str, String)> {
        let percent = |share: f64| format!("{:.2} %", 100.0 * share);
        let traffic = &self.traffic;
        let lost = traffic.uplinks_lost;
        vec![
            ("offered load G", format!("{:.4}", traffic.load)),
            ("uplinks", format!("{} sent, {} delivered", traffic.uplinks, traffic.uplinks_delivered)),
            ("uplink delivery", percent(traffic.uplink_delivery_ratio)),
            (
                "lost to",
                format!(
                    "collision {}, sensitivity {}, half duplex {}, demodulators {}, injected {}",
                    lost.collision, lost.sensitivity, lost.half_duplex, lost.no_demodulator, lost.injected
                ),
            ),
            ("goodput", format!("{:.2} bit/s", traffic.goodput_bps)),
            ("duty cycle, worst hour", percent(self.duty_cycle.worst_ratio)),
            ("time", format!("{:.0} s virtual in {:.1} s", self.virtual_s, self.wall_s)),
            ("trace", self.trace_hash.clone()),
        ]
    }
}

fn sent_per_node(log: &AirLog, nodes: usize, at: Instant) -> SentPerNode {
    let per_node = |figure: &dyn Fn(NodeIndex) -> f64| {
        PerNode::of((0..nodes).map(|node| figure(NodeIndex(node as u32))))
    };
    SentPerNode {
        payload_bytes_per_node: per_node(&|node| payload_bytes(&log.node(node)) as f64),
        frames_per_node: per_node(&|node| log.node(node).outcomes.total() as f64),
        airtime_s_per_node: per_node(&|node| log.node(node).airtime.as_secs_f64()),
        energy_mj_per_node: per_node(&|node| run_mj(&log.radio_time(node), at - Instant::ZERO)),
    }
}

/// PHY payload less what LoRaWAN puts around an application's.
fn payload_bytes(sums: &Sums) -> u64 {
    sums.phy_bytes.saturating_sub(sums.outcomes.total() * LORAWAN_OVERHEAD_BYTES as u64)
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole > 0 { part as f64 / whole as f64 } else { 0.0 }
}
