//! Plain traffic: packets without learning, to validate the radio by itself.
//!
//! The same air, links and books as everywhere. What sends is either the radio alone, or the unmodified LoRaWAN stack
//! in front of the real network server. What this does not have: an aggregator, and content worth reading.
//!
//! Reading order: [`source`] says when a node has something to send; [`bare`] sends it by the radio alone, [`stack`]
//! by nodes with a MAC ([`node`]) in front of [`network`]; [`record`] and [`timeline`] say what came of it.
pub mod bare;
pub mod network;
pub mod node;
pub mod record;
pub mod source;
pub mod stack;
pub mod timeline;

pub use record::{Ended, TrafficSummary};

use crate::radio::air_log::Detail;
use crate::radio::{CollisionModel, MediumConfig};
use crate::scenario::{Mac, Scenario, TrafficConfig};
use bare::{Bare, Offer};
use chirrup_protocol::region::Region;
use chirrup_protocol::time::{Duration, Instant};

/// A medium of EU868 that loses nothing on purpose.
pub const fn medium(collision: CollisionModel, seed: u64) -> MediumConfig {
    MediumConfig { region: Region::Eu868, collision, frame_loss: 0.0, detail: Detail::Sums, seed }
}

/// Runs the traffic of a scenario.
///
/// # Errors
/// See [`network::NetworkError`]; the radio alone has none.
pub fn simulate(
    scenario: &Scenario,
    traffic: &TrafficConfig,
    progress: &mut dyn FnMut(Instant),
) -> Result<Ended, network::NetworkError> {
    let (radio, seed) = (&scenario.radio, scenario.run.seed);
    let medium = MediumConfig {
        region: radio.region,
        collision: radio.collision,
        frame_loss: scenario.faults.frame_loss,
        detail: Detail::Sums,
        seed,
    };
    let length = Duration::from_secs(scenario.run.duration_s);
    match traffic.mac {
        Mac::Bare => {
            let bare = Bare::new(
                medium,
                scenario.radio.surroundings(scenario.nodes.count, seed),
                &offers(scenario, traffic),
                &traffic.channels_hz,
            );
            let (air, timeline) = bare.run(length, progress);
            let at = air.clock().now();
            let summary = TrafficSummary::new(scenario, traffic, air.medium().log(), at, None);
            Ok(Ended { at, timeline, summary })
        }
        Mac::LorawanDevice { activation, confirmation } => {
            let setup = stack::Setup { scenario, traffic, activation, confirmation };
            let (air, timeline, exchanges) = stack::run(
                &setup,
                medium,
                scenario.radio.surroundings(scenario.nodes.count, seed),
                progress,
            )?;
            let at = air.clock().now();
            let summary = TrafficSummary::new(scenario, traffic, air.medium().log(), at, Some(exchanges));
            Ok(Ended { at, timeline, summary })
        }
    }
}

fn offers(scenario: &Scenario, traffic: &TrafficConfig) -> Vec<Offer> {
    let TrafficConfig { interval, mean_s, modulation, phy_bytes, .. } = *traffic;
    vec![Offer { interval, mean_s, modulation, phy_bytes }; scenario.nodes.count]
}
