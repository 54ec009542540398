//! What was done to a run, by kind.
use core::ops::AddAssign;
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
}

impl AddAssign for Injected {
    fn add_assign(&mut self, other: Self) {
        self.reboots += other.reboots;
        self.power_cuts += other.power_cuts;
        self.torn_writes += other.torn_writes;
        self.frames_cut_short += other.frames_cut_short;
        self.clock_jumps += other.clock_jumps;
        self.nodes_left += other.nodes_left;
        self.nodes_late += other.nodes_late;
        self.batteries_empty += other.batteries_empty;
        self.gateway_outages += other.gateway_outages;
        self.gateway_off_s += other.gateway_off_s;
        self.frames_corrupted += other.frames_corrupted;
        self.frames_replayed += other.frames_replayed;
        self.backhaul_outages += other.backhaul_outages;
        self.backhaul_off_s += other.backhaul_off_s;
        self.messages_lost += other.messages_lost;
        self.messages_reordered += other.messages_reordered;
        self.messages_duplicated += other.messages_duplicated;
        self.byzantine_nodes += other.byzantine_nodes;
        self.samples_forged += other.samples_forged;
        self.contributions_forged += other.contributions_forged;
    }
}
