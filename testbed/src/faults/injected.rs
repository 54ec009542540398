//! What was done to a run, by kind.
use serde::Serialize;

/// How often each fault struck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Injected {
    /// Nodes restarted.
    pub reboots: u64,
    /// Nodes that lost their power.
    pub power_cuts: u64,
    /// Those of them that lost it in the middle of a write.
    pub torn_writes: u64,
    /// Frames that a power cut broke off.
    pub frames_cut_short: u64,
    /// Clocks of nodes set.
    pub clock_jumps: u64,
    /// Nodes that left for ever.
    pub nodes_left: u64,
    /// Nodes that came later than the others.
    pub nodes_late: u64,
    /// Nodes whose battery ran out.
    pub batteries_empty: u64,
    /// Times that a gateway was off.
    pub gateway_outages: u64,
    /// How long gateways were off, all together, in seconds.
    pub gateway_off_s: f64,
    /// Times that network server and aggregator restarted.
    pub service_restarts: u64,
    /// Frames corrupted on their way into a gateway or a node.
    pub frames_corrupted: u64,
    /// Frames that an attacker sent again.
    pub frames_replayed: u64,
    /// Times that the backhaul was down.
    pub backhaul_outages: u64,
    /// How long it was down, in seconds.
    pub backhaul_off_s: f64,
    /// Messages that were on their way when it went down.
    pub messages_lost: u64,
    /// Messages that arrived behind later ones.
    pub messages_reordered: u64,
    /// Uplinks that the backhaul delivered twice.
    pub messages_duplicated: u64,
    /// Nodes that work against the others.
    pub byzantine_nodes: u64,
    /// Samples that such nodes forged.
    pub samples_forged: u64,
    /// Contributions that such nodes forged.
    pub contributions_forged: u64,
    /// Share of the test rows of other classes that the newest version takes for the backdoor's class once they carry
    /// its trigger; `None` without a backdoor.
    pub backdoor_success: Option<f64>,
}
