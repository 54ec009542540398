//! Section `radio`: the air between nodes and gateways.
use super::ScenarioError;
use super::parse::{MAX_DURATION_S, MAX_GATEWAYS};
use super::propagation::{PropagationConfig, propagation};
use super::section::{Section, TextOrRows};
use crate::radio::fading::Fading;
use crate::radio::geometry::{gateways_in_disc, nodes_in_disc};
use crate::radio::hata;
use crate::radio::{
    CollisionModel, Interferer, NodeIndex, PathLoss, Position, Propagation, Shadowing, Surroundings, Terrain,
    Tracks, Waveform,
};
use chirrup_protocol::message::contribution;
use chirrup_protocol::region::{ChannelGroup, ChannelPlan, DataRate, FitError, Region};
use chirrup_protocol::seal::Direction;
use chirrup_protocol::time::{Duration, Instant};
use serde::{Serialize, Serializer};
use std::path::Path;

/// Section `radio`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RadioConfig {
    /// Radio region.
    pub region: Region,
    /// The channels that gateways hear, where the region's are fixed.
    #[serde(rename = "sub_band")]
    pub channel_group: Option<ChannelGroup>,
    /// Number of gateways, at least 1.
    pub gateways: usize,
    /// Nodes stand in a disc of this radius around the origin, in metres.
    pub radius_m: f64,
    /// Data rate of the nodes' uplinks.
    pub data_rate: DataRateChoice,
    /// Who decides about it.
    pub adr: AdrChoice,
    /// What happens when frames overlap.
    #[serde(serialize_with = "as_named")]
    pub collision: CollisionModel,
    /// What links lose.
    #[serde(flatten)]
    pub propagation: PropagationConfig,
    /// How much a node's clock may be wrong, in parts per million, fast or slow.
    pub clock_drift_ppm: f64,
    /// Which nodes move, and how.
    pub tracks: Option<Tracks>,
    /// Transmitters that are no part of the network.
    pub interferers: Vec<Interferer>,
}

/// How nodes choose their data rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataRateChoice {
    /// As the link allows.
    Adr,
    /// Always this one.
    Fixed(DataRate),
}

/// Who decides about the data rate of a node, and about its power.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdrChoice {
    /// The aggregator advises a data rate in sealed messages; nodes send with full power.
    Advice,
    /// The network server commands both (LinkADRReq).
    Network,
}

/// Regions that nodes and network server run in; the first is the default.
const REGIONS: [(&str, Region); 3] =
    [("eu868", Region::Eu868), ("us915", Region::Us915), ("au915", Region::Au915)];

/// What the smallest contribution takes of a sealed frame's message.
const LEAST_MESSAGE_BYTES: usize = contribution::HEADER_BYTES + 1;

/// Collision models by the names that scenarios use; the first is the default.
const COLLISION_MODELS: [(&str, CollisionModel); 4] = [
    ("goursaud", CollisionModel::Goursaud),
    ("croce", CollisionModel::Croce),
    ("capture", CollisionModel::Capture),
    ("aloha", CollisionModel::Aloha),
];

fn as_named<S: Serializer>(model: &CollisionModel, serializer: S) -> Result<S::Ok, S::Error> {
    let named = COLLISION_MODELS.iter().find(|(_, named)| named == model);
    serializer.serialize_str(named.expect("every model has a name").0)
}

impl RadioConfig {
    /// The slowest data rate that carries a contribution, and the fastest on channels of 125 kHz, on which adaptive
    /// data rate stays: of 500 kHz a gateway hears one channel.
    pub fn useful_data_rates(&self) -> (DataRate, DataRate) {
        let highest = self.region.highest_narrow_data_rate();
        let carries = |rate: &DataRate| carries_contributions(self.region, *rate).is_ok();
        let rates = self.region.lowest_data_rate().0..=highest.0;
        (rates.map(DataRate).find(carries).unwrap_or(highest), highest)
    }

    /// Where nodes stand at the beginning of the run with this seed.
    pub fn node_positions(&self, nodes: usize, seed: u64) -> Vec<Position> {
        let mut positions = nodes_in_disc(nodes, self.radius_m, seed);
        for (node, position) in (0..).zip(&mut positions) {
            let tracked =
                self.tracks.as_ref().and_then(|tracks| tracks.position(NodeIndex(node), Instant::ZERO));
            *position = tracked.unwrap_or(*position);
        }
        positions
    }

    /// Where gateways stand.
    pub fn gateway_positions(&self) -> Vec<Position> {
        gateways_in_disc(self.gateways, self.radius_m)
    }

    /// What surrounds so many nodes in the run with this seed.
    pub fn surroundings(&self, nodes: usize, seed: u64) -> Surroundings {
        let PropagationConfig { path_loss, antennas, shadowing_db, shadowing_correlation_m, fading } =
            self.propagation;
        let shadowing = Shadowing::new(shadowing_db, shadowing_correlation_m, self.gateways, seed);
        let terrain = Terrain {
            propagation: Propagation { path_loss, shadowing, antennas },
            nodes: self.node_positions(nodes, seed),
            gateways: self.gateway_positions(),
            tracks: self.tracks.clone(),
        };
        Surroundings::new(terrain, Fading::new(fading, seed), &self.interferers, seed)
    }

    /// Every track is that of a node.
    pub(super) fn check_tracks(&self, nodes: usize) -> Result<(), ScenarioError> {
        let last = self.tracks.as_ref().and_then(Tracks::last_node);
        match last.filter(|last| last.0 as usize >= nodes) {
            None => Ok(()),
            Some(NodeIndex(node)) => Err(bad(
                "tracks",
                format!("a track of node {node}"),
                format!("nodes from 0 to {}", nodes - 1),
            )),
        }
    }
}

pub(super) fn bad(key: &str, value: String, allowed: String) -> ScenarioError {
    ScenarioError::BadValue { key: format!("radio.{key}"), value, allowed }
}

pub(super) fn radio(mut keys: Section) -> Result<RadioConfig, ScenarioError> {
    let region = keys.choice("region", &REGIONS)?;
    let channel_group = channel_group(&mut keys, region)?;
    let rates = region.lowest_data_rate().0..=region.highest_data_rate().0;
    let fixed = |index| DataRateChoice::Fixed(DataRate(index));
    let first_hz = channel_group.and_then(|group| group.channels_hz(region).next());
    let channel_hz = first_hz.unwrap_or(region.default_channels_hz()[0]);
    let radio = RadioConfig {
        region,
        channel_group,
        adr: keys.choice("adr", &[("advice", AdrChoice::Advice), ("network", AdrChoice::Network)])?,
        gateways: keys.integer("gateways", 1, 1..=MAX_GATEWAYS)? as usize,
        radius_m: keys.number("radius_m", 2_000.0, 1.0..=100_000.0)?,
        data_rate: keys.choice_or_integer("data_rate", ("adr", DataRateChoice::Adr), rates, fixed)?,
        propagation: propagation(&mut keys, channel_hz)?,
        collision: keys.choice("collision", &COLLISION_MODELS)?,
        clock_drift_ppm: keys.number("clock_drift_ppm", 0.0, 0.0..=100_000.0)?,
        tracks: tracks(&mut keys)?,
        interferers: keys
            .tables("interferers", "radio.interferers")?
            .into_iter()
            .map(|keys| interferer(keys, channel_hz))
            .collect::<Result<_, _>>()?,
    };
    keys.finish()?;
    check_data_rate(&radio)?;
    check_distances(&radio)?;
    Ok(radio)
}

/// The tracks in a file, or in the scenario itself.
fn tracks(keys: &mut Section) -> Result<Option<Tracks>, ScenarioError> {
    let allowed = "a file in quotes, or a list of rows [node, time_s, x_m, y_m]";
    Ok(match keys.text_or_rows("tracks", allowed)? {
        None => None,
        Some(TextOrRows::Text(path)) => Some(Tracks::load(Path::new(&path))?),
        Some(TextOrRows::Rows(rows)) => Some(Tracks::of_rows(rows)?),
    })
}

fn channel_group(keys: &mut Section, region: Region) -> Result<Option<ChannelGroup>, ScenarioError> {
    match region.channel_plan() {
        ChannelPlan::Dynamic => {
            keys.refuse("sub_band", "a region in which gateways hear all channels")?;
            Ok(None)
        }
        ChannelPlan::Fixed => {
            let common = u64::from(ChannelGroup::COMMON.number());
            let number = keys.integer("sub_band", common, 1..=ChannelGroup::COUNT.into())?;
            Ok(ChannelGroup::new(number as u8))
        }
    }
}

/// Room for a contribution in a frame, in bytes, or why there is none.
fn carries_contributions(region: Region, data_rate: DataRate) -> Result<usize, FitError> {
    region.message_room(Direction::Up, region.uplink_dwell(), data_rate, LEAST_MESSAGE_BYTES)
}

/// A fixed data rate carries contributions.
fn check_data_rate(radio: &RadioConfig) -> Result<(), ScenarioError> {
    let DataRateChoice::Fixed(data_rate) = radio.data_rate else { return Ok(()) };
    let Err(reason) = carries_contributions(radio.region, data_rate) else { return Ok(()) };
    let (lowest, highest) = (radio.useful_data_rates().0, radio.region.highest_data_rate());
    let allowed = format!("\"adr\", or a number from {} to {}, as {reason}", lowest.0, highest.0);
    Err(bad("data_rate", data_rate.0.to_string(), allowed))
}

fn interferer(mut keys: Section, channel_hz: u32) -> Result<Interferer, ScenarioError> {
    let metres = -200_000.0..=200_000.0;
    let waveforms = [("noise", Waveform::Noise), ("chirps", Waveform::Chirps(7))];
    let mut waveform = keys.choice("waveform", &waveforms)?;
    let given = keys.integer("spreading_factor", 7, 7..=12)? as u8;
    if let Waveform::Chirps(spreading_factor) = &mut waveform {
        *spreading_factor = given;
    }
    let interferer = Interferer {
        at: Position { x_m: keys.number("x_m", 0.0, metres.clone())?, y_m: keys.number("y_m", 0.0, metres)? },
        power_dbm: keys.number("power_dbm", 14.0, -100.0..=100.0)?,
        frequency_hz: keys.integer("frequency_hz", channel_hz.into(), 1..=u32::MAX.into())? as u32,
        bandwidth_hz: 1_000 * keys.integer("bandwidth_khz", 125, 1..=100_000)? as u32,
        waveform,
        duty: keys.number("duty", 1.0, 0.0..=1.0)?,
        period: Duration::from_micros((1e6 * keys.number("period_s", 1.0, 0.001..=1e6)?) as u64),
        until: keys
            .optional_number("until_s", 0.0..=MAX_DURATION_S as f64)?
            .map_or(Instant::NEVER, |s| Instant::from_micros((1e6 * s) as u64)),
    };
    keys.finish()?;
    Ok(interferer)
}

/// Okumura-Hata says nothing about longer links than its measurements.
fn check_distances(radio: &RadioConfig) -> Result<(), ScenarioError> {
    let PathLoss::OkumuraHata(_) = radio.propagation.path_loss else { return Ok(()) };
    let allowed = format!(
        "at most {} m between a gateway and a node or interferer with path_loss = \"okumura-hata\"",
        hata::FARTHEST_M
    );
    let gateways = radio.gateway_positions();
    let too_far = |at: Position| gateways.iter().any(|gateway| gateway.distance_m(at) > hata::FARTHEST_M);
    // The farthest node stands on the edge, opposite of a gateway.
    let farthest_m = if radio.gateways == 1 { radio.radius_m } else { 1.5 * radio.radius_m };
    if farthest_m > hata::FARTHEST_M {
        return Err(bad("radius_m", radio.radius_m.to_string(), allowed));
    }
    if let Some(at) = radio.tracks.iter().flat_map(Tracks::points).find(|at| too_far(*at)) {
        return Err(bad("tracks", format!("a point at {}, {} m", at.x_m, at.y_m), allowed));
    }
    if let Some(Interferer { at, .. }) = radio.interferers.iter().find(|interferer| too_far(interferer.at)) {
        return Err(bad("interferers", format!("one at {}, {} m", at.x_m, at.y_m), allowed));
    }
    Ok(())
}
