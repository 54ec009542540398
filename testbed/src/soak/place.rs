//! Where a drawn fleet stands, and what else is on its air: region, antennas, BLE, nodes on the move, interferers.
//!
//! Each of them has a stream of its own, so that one more leaves the others as they are. Entries go behind those of the
//! fleet, and replace them where they have the same key. Whatever could take a node out of reach has an end, at which
//! the node is where it can be heard; `docs/checks.md` says what follows from that.
use super::draw::Drawer;
use crate::kernel::Rng;
use core::f64::consts::TAU;

/// What is known of a fleet before its place is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The seed.
    pub seed: u64,
    /// Number of nodes.
    pub nodes: u64,
    /// Radius of the disc that they stand in, in metres.
    pub radius_m: u64,
    /// When nodes have come to rest and jammers have ended, in seconds.
    pub calm_s: u64,
}

/// What was drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Entries that hold with and without faults.
    pub scenario: Vec<String>,
    /// Entries of faults.
    pub faults: Vec<String>,
}

/// How nodes are connected; some of it excludes other parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    /// The network server adapts data rates. It takes a node that has moved some 190 uplinks to be heard again, more
    /// than it sends in the time to heal: such nodes stand still.
    NetworkAdr,
    /// A node with BLE stands still too.
    Ble,
    Moving,
}

/// In how many of ten seeds.
const KINDS: [Kind; 10] = [
    Kind::Plain,
    Kind::Plain,
    Kind::Plain,
    Kind::Plain,
    Kind::NetworkAdr,
    Kind::NetworkAdr,
    Kind::Ble,
    Kind::Ble,
    Kind::Moving,
    Kind::Moving,
];

/// Far out of reach of every gateway at 14 dBm, and within what Okumura-Hata covers.
const AWAY_M: f64 = 15_000.0;

impl Field {
    /// Draws a place for a fleet.
    pub fn place(mut self) -> Place {
        let kind = Drawer::of(self.seed, "soak-kind").one_of(&KINDS);
        let mut scenario = self.region(kind);
        scenario.extend(self.propagation());
        if kind == Kind::Ble {
            scenario.extend(self.ble());
        }
        if kind == Kind::Moving {
            scenario.extend(self.tracks());
        }
        let mut place = Place { scenario, faults: Vec::new() };
        self.interferers(&mut place);
        place
    }

    fn region(&self, kind: Kind) -> Vec<String> {
        let mut draw = Drawer::of(self.seed, "soak-region");
        let region = draw.pick("radio.region", &["eu868", "eu868", "eu868", "us915", "au915"]);
        let sub_band = draw.one_of(&[1, 2, 3, 4, 5, 6, 7, 8]);
        // Slower ones do not carry a contribution there. The fastest is that of the channel of 500 kHz.
        let narrow = draw.one_of(&[0, 1, 2, 3]);
        let is_adr = draw.rng.chance(0.5);
        let slowest = match region {
            "us915" => Some(1),
            "au915" => Some(3),
            _ => None,
        };
        if let Some(slowest) = slowest {
            draw.set("radio.sub_band", sub_band);
            let data_rate = if is_adr { "adr".to_owned() } else { (slowest + narrow).to_string() };
            draw.set("radio.data_rate", data_rate);
        }
        if kind == Kind::NetworkAdr {
            draw.set("radio.adr", "network");
            draw.set("radio.data_rate", "adr");
        }
        draw.entries
    }

    fn propagation(&self) -> Vec<String> {
        let mut draw = Drawer::of(self.seed, "soak-propagation");
        draw.maybe(30, "radio.path_loss", &["okumura-hata"]);
        draw.maybe(30, "radio.environment", &["urban-large", "suburban", "open"]);
        draw.maybe(30, "radio.path_loss_exponent", &[2.0, 3.5]);
        draw.maybe(20, "radio.gateway_height_m", &[30, 60]);
        draw.maybe(20, "radio.node_height_m", &[1, 3]);
        draw.maybe(20, "radio.antenna_gain_dbi", &[3, 6]);
        draw.maybe(20, "radio.node_antenna_gain_dbi", &[-2, 2]);
        draw.maybe(30, "radio.shadowing_correlation_m", &[50, 200]);
        draw.maybe(20, "radio.rician_k_db", &[0, 10]);
        draw.entries
    }

    /// Within a radius at which everybody who has BLE reaches a gateway with it.
    fn ble(&mut self) -> Vec<String> {
        let mut draw = Drawer::of(self.seed, "soak-ble");
        let speakers = draw.pick("ble.nodes", &["all", "share", "in-range"]);
        self.radius_m = if speakers == "in-range" { 60 } else { 20 };
        draw.set("radio.radius_m", self.radius_m);
        draw.maybe(50, "ble.share", &[0.3, 0.8]);
        draw.maybe(50, "ble.shadowing_db", &[2.0, 4.0]);
        draw.maybe(50, "ble.loss", &[0.05, 0.3]);
        draw.maybe(30, "ble.interval_ms", &[7.5, 1_000.0]);
        draw.maybe(30, "ble.latency", &[1, 4]);
        draw.maybe(30, "ble.mtu", &[23, 100]);
        draw.maybe(30, "ble.advertising_ms", &[20, 1_000]);
        // More than twice the longest interval that latency allows.
        draw.set("ble.supervision_ms", 12_000);
        draw.entries
    }

    /// Half of the nodes move between points of the disc, some by way of places where nobody hears them.
    fn tracks(&self) -> Vec<String> {
        let mut draw = Drawer::of(self.seed, "soak-tracks");
        let mut rows = Vec::new();
        for node in 0..self.nodes {
            let mut rng = Rng::for_purpose(self.seed, "soak-track", node);
            let (moves, goes_away) = (rng.chance(0.5), rng.chance(0.5));
            let points = if moves { 2 + rng.below(4) } else { 0 };
            for point in 0..points {
                let is_between = point > 0 && point + 1 < points;
                let reach_m = self.radius_m as f64 * libm::sqrt(rng.uniform());
                let distance_m = if goes_away && is_between { AWAY_M } else { reach_m };
                let angle = TAU * rng.uniform();
                let (x_m, y_m) = (distance_m * libm::cos(angle), distance_m * libm::sin(angle));
                let time_s = self.calm_s * point / (points - 1);
                rows.push(format!("[{node},{time_s},{x_m:.0},{y_m:.0}]"));
            }
        }
        if !rows.is_empty() {
            draw.set("radio.tracks", format_args!("[{}]", rows.join(",")));
        }
        draw.entries
    }

    /// Some seeds have a neighbour on one channel for ever, others jammers over all of them until it is calm.
    fn interferers(&self, place: &mut Place) {
        let mut draw = Drawer::of(self.seed, "soak-interferers");
        let (lot, count) = (draw.rng.below(100), draw.one_of(&[1, 1, 2]));
        let sections = |draw: &mut Drawer, count, what: fn(&Self, &mut Drawer) -> String| {
            let list: Vec<String> = (0..count).map(|_| format!("{{{}}}", what(self, draw))).collect();
            format!("radio.interferers=[{}]", list.join(","))
        };
        match lot {
            0..20 => place.scenario.push(sections(&mut draw, 1, Self::neighbour)),
            20..45 => place.faults.push(sections(&mut draw, count, Self::jammer)),
            _ => {}
        }
    }

    fn neighbour(&self, draw: &mut Drawer) -> String {
        let power_dbm = draw.one_of(&[0, 14, 20]);
        let duty = draw.one_of(&[0.05, 0.3, 1.0]);
        format!("{},power_dbm={power_dbm},duty={duty}", self.transmitter(draw))
    }

    fn jammer(&self, draw: &mut Drawer) -> String {
        let power_dbm = draw.one_of(&[14, 27, 40]);
        let duty = draw.one_of(&[0.1, 0.5, 1.0]);
        // Of all channels that gateways hear, in EU868 and in a sub-band of the others.
        let bandwidth_khz = draw.one_of(&[125, 1_000, 3_200]);
        let transmitter = self.transmitter(draw);
        let until_s = self.calm_s;
        format!(
            "{transmitter},power_dbm={power_dbm},duty={duty},bandwidth_khz={bandwidth_khz},until_s={until_s}"
        )
    }

    fn transmitter(&self, draw: &mut Drawer) -> String {
        let mut metres = || (draw.rng.uniform() - 0.5) * 2.0 * self.radius_m as f64;
        let (x_m, y_m) = (metres(), metres());
        let waveform = draw.one_of(&["noise", "chirps"]);
        let spreading_factor = draw.one_of(&[7, 9, 12]);
        let period_s = draw.one_of(&[1, 60]);
        format!(
            "x_m={x_m:.0},y_m={y_m:.0},waveform=\"{waveform}\",spreading_factor={spreading_factor},period_s={period_s}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radio::{NodeIndex, Position};
    use crate::scenario::{AdrChoice, BleNodes, Overrides, Scenario};
    use chirrup_protocol::region::Region;
    use chirrup_protocol::time::{Duration, Instant};

    const CALM_S: u64 = 10_800;

    fn placed(seed: u64) -> (Place, Scenario) {
        let place = Field { seed, nodes: 8, radius_m: 800, calm_s: CALM_S }.place();
        let mut set = vec!["nodes.count=8".to_owned(), "radio.radius_m=800".to_owned()];
        set.extend(place.scenario.iter().chain(&place.faults).cloned());
        let scenario = Scenario::load(None, &Overrides { set, seed: Some(seed) }).unwrap();
        (place, scenario)
    }

    #[test]
    fn everything_is_drawn_by_some_seed() {
        let all: Vec<Scenario> = (0..400).map(|seed| placed(seed).1).collect();
        let some = |is: &dyn Fn(&Scenario) -> bool| all.iter().filter(|scenario| is(scenario)).count() >= 10;
        for region in [Region::Eu868, Region::Us915, Region::Au915] {
            assert!(some(&|scenario| scenario.radio.region == region), "{region:?}");
        }
        for number in 1..=8 {
            let has = |scenario: &Scenario| {
                scenario.radio.channel_group.is_some_and(|group| group.number() == number)
            };
            assert!(all.iter().any(has), "{number}");
        }
        assert!(some(&|scenario| scenario.radio.adr == AdrChoice::Network));
        assert!(some(&|scenario| scenario.ble.is_some_and(|ble| ble.nodes == BleNodes::All)));
        assert!(some(&|scenario| scenario
            .ble
            .is_some_and(|ble| matches!(ble.nodes, BleNodes::InRange { .. }))));
        assert!(some(&|scenario| scenario.radio.tracks.is_some()));
        let path_loss = |scenario: &Scenario| scenario.radio.propagation.path_loss;
        assert!(some(&|scenario| matches!(path_loss(scenario), crate::radio::PathLoss::OkumuraHata(_))));
    }

    #[test]
    fn who_moves_is_back_and_who_jams_has_ended_when_it_is_calm() {
        let calm = Instant::ZERO + Duration::from_secs(CALM_S);
        let (mut away, mut neighbours, mut jammers) = (0, 0, 0);
        for seed in 0..400 {
            let (place, Scenario { radio, .. }) = placed(seed);
            let until = if place.faults.is_empty() { Instant::NEVER } else { calm };
            assert!(radio.interferers.iter().all(|interferer| interferer.until == until), "{seed}");
            jammers += place.faults.len();
            neighbours += usize::from(place.faults.is_empty() && !radio.interferers.is_empty());
            let Some(tracks) = radio.tracks else { continue };
            let within_m = |at: Option<Position>| at.map_or(0.0, |at| at.distance_m(Position::default()));
            for node in (0..8).map(NodeIndex) {
                assert!(within_m(tracks.position(node, calm)) < 802.0, "{seed}");
            }
            away += usize::from(tracks.points().any(|at| within_m(Some(at)) > 10_000.0));
        }
        assert!(away > 20 && neighbours > 40 && jammers > 50, "{away} {neighbours} {jammers}");
    }
}
