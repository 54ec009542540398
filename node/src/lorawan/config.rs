//! What a node is born with.
use chirrup_protocol::ids::DevEui;
use chirrup_protocol::region::{DataRate, Region};

/// Identity, root key and limits of a node. They never change and are no part of a snapshot.
#[derive(Clone)]
pub struct GuardConfig {
    /// Radio region.
    pub region: Region,
    /// The node's EUI, most significant byte first.
    pub dev_eui: DevEui,
    /// The join server's EUI, most significant byte first.
    pub join_eui: [u8; 8],
    /// Root key that the join server shares.
    pub app_key: [u8; 16],
    /// Slowest data rate at which the node may send; also the one it begins with.
    pub lowest_data_rate: DataRate,
    /// Fastest data rate at which the node may send.
    pub highest_data_rate: DataRate,
}

impl core::fmt::Debug for GuardConfig {
    /// Leaves the key out.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("GuardConfig")
            .field("region", &self.region)
            .field("dev_eui", &self.dev_eui)
            .field("lowest_data_rate", &self.lowest_data_rate)
            .field("highest_data_rate", &self.highest_data_rate)
            .finish_non_exhaustive()
    }
}
