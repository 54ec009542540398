//! Shadowing: how much more or less than the mean a link loses, because of what stands on its way. Log-normal, fixed
//! for as long as both ends stay where they are.
//!
//! Independent links draw one number each. Links that are correlated in space read a field, one a gateway, at the
//! node's place: two nodes side by side see nearly the same. The field is Gaussian with the correlation of Gudmundson
//! ("Correlation model for shadow fading in mobile radio systems", Electronics Letters 27(23), 1991): e^(-d / D) at a
//! distance d. It is a sum of plane waves of random direction and phase, whose wave numbers are drawn from the
//! spectrum of that correlation. On a plane its density is D^2 k / (1 + D^2 k^2)^(3/2), and its distribution
//! 1 - 1 / sqrt(1 + D^2 k^2) is easily inverted. So a link costs the same however many nodes there are, and a node that
//! moves needs no memory of where it was.
use super::geometry::Position;
use crate::kernel::Rng;
use core::f64::consts::TAU;

/// Plane waves in a field. The correlation within one field differs from the mean over all fields by some
/// 1 / sqrt(2 * 256), a 23rd.
const WAVES: usize = 256;

/// A wave number beyond which a field does not follow: the shortest wave is a 160th of the distance D.
const STEEPEST: f64 = 1_000.0;

/// How links are shadowed.
#[derive(Clone, Debug)]
pub enum Shadowing {
    /// Not at all.
    None,
    /// Each by itself.
    Independent {
        /// Standard deviation in dB.
        deviation_db: f64,
        /// The run's seed.
        seed: u64,
    },
    /// As the place of the node says: a field a gateway.
    Correlated(Vec<Field>),
}

/// Shadowing over the plane, as one gateway sees it.
#[derive(Clone, Debug)]
pub struct Field {
    amplitude_db: f64,
    waves: Vec<Wave>,
}

#[derive(Clone, Copy, Debug)]
struct Wave {
    /// Radians a metre to the east.
    x: f64,
    /// Radians a metre to the north.
    y: f64,
    phase: f64,
}

impl Shadowing {
    /// Shadowing with a standard deviation of `deviation_db` towards each gateway, correlated over `correlation_m`
    /// metres; 0 makes links independent.
    pub fn new(deviation_db: f64, correlation_m: f64, gateways: usize, seed: u64) -> Self {
        if deviation_db == 0.0 {
            return Self::None;
        }
        if correlation_m == 0.0 {
            return Self::Independent { deviation_db, seed };
        }
        let field = |gateway| Field::new(deviation_db, correlation_m, seed, gateway);
        Self::Correlated((0..gateways as u64).map(field).collect())
    }

    /// What a node's link loses beyond the mean, in dB.
    pub fn link_db(&self, node: usize, at: Position, gateway: usize) -> f64 {
        self.db("shadowing", node, at, gateway)
    }

    /// The same for an interferer.
    pub fn interferer_db(&self, interferer: usize, at: Position, gateway: usize) -> f64 {
        self.db("shadowing-interferer", interferer, at, gateway)
    }

    fn db(&self, label: &str, station: usize, at: Position, gateway: usize) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Independent { deviation_db, seed } => {
                let index = ((station as u64) << 16) | gateway as u64;
                deviation_db * Rng::for_purpose(*seed, label, index).normal()
            }
            Self::Correlated(fields) => fields[gateway].db_at(at),
        }
    }
}

impl Field {
    /// The field of a gateway. Wave numbers are stratified: one from each of as many equal parts of the spectrum.
    pub fn new(deviation_db: f64, correlation_m: f64, seed: u64, gateway: u64) -> Self {
        let mut rng = Rng::for_purpose(seed, "shadowing-field", gateway);
        let mut wave = |part: usize| {
            let share = (part as f64 + rng.uniform()) / WAVES as f64;
            let rest = 1.0 - share;
            let steepness = libm::sqrt(1.0 / (rest * rest) - 1.0).min(STEEPEST);
            let (number, angle) = (steepness / correlation_m, TAU * rng.uniform());
            let phase = TAU * rng.uniform();
            Wave { x: number * libm::cos(angle), y: number * libm::sin(angle), phase }
        };
        let waves = (0..WAVES).map(&mut wave).collect();
        Self { amplitude_db: deviation_db * libm::sqrt(2.0 / WAVES as f64), waves }
    }

    /// Shadowing at a place, in dB.
    pub fn db_at(&self, at: Position) -> f64 {
        let sum: f64 =
            self.waves.iter().map(|wave| libm::cos(wave.x * at.x_m + wave.y * at.y_m + wave.phase)).sum();
        self.amplitude_db * sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radio::geometry::nodes_in_disc;

    const DEVIATION_DB: f64 = 7.8;
    const CORRELATION_M: f64 = 50.0;
    const FIELDS: u64 = 40;

    fn fields() -> impl Iterator<Item = Field> {
        (0..FIELDS).map(|gateway| Field::new(DEVIATION_DB, CORRELATION_M, 1, gateway))
    }

    /// Mean of a product over many places and fields, as a share of the variance.
    fn correlation_at(distance_m: f64) -> f64 {
        let places = nodes_in_disc(200, 5_000.0, 3);
        let mut sum = 0.0;
        for field in fields() {
            for place in &places {
                let aside = Position { x_m: place.x_m + distance_m, y_m: place.y_m };
                sum += field.db_at(*place) * field.db_at(aside);
            }
        }
        sum / (FIELDS as f64 * places.len() as f64 * DEVIATION_DB * DEVIATION_DB)
    }

    #[test]
    fn a_field_is_correlated_as_gudmundson_says() {
        for share in [0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0] {
            let (have, expected) = (correlation_at(share * CORRELATION_M), libm::exp(-share));
            assert!((have - expected).abs() < 0.03, "{share} D: {have} against {expected}");
        }
    }

    /// Shares of a normal distribution within one and two deviations: .6827 and .9545; its mean is 0.
    #[test]
    fn a_field_is_normal() {
        let places = nodes_in_disc(300, 5_000.0, 4);
        let mut values = Vec::new();
        for field in fields() {
            values.extend(places.iter().map(|place| field.db_at(*place) / DEVIATION_DB));
        }
        let n = values.len() as f64;
        let within = |limit: f64| values.iter().filter(|value| value.abs() < limit).count() as f64 / n;
        assert!((within(1.0) - 0.682_7).abs() < 0.01, "{}", within(1.0));
        assert!((within(2.0) - 0.954_5).abs() < 0.005, "{}", within(2.0));
        let mean = values.iter().sum::<f64>() / n;
        assert!(mean.abs() < 0.03, "{mean}");
    }

    #[test]
    fn gateways_and_seeds_see_different_fields_and_each_repeats() {
        let here = Position { x_m: 123.0, y_m: -45.0 };
        let at = |seed, gateway| Field::new(DEVIATION_DB, CORRELATION_M, seed, gateway).db_at(here);
        assert_eq!(at(1, 0), at(1, 0));
        assert!((at(1, 0) - at(1, 1)).abs() > 1e-3);
        assert!((at(1, 0) - at(2, 0)).abs() > 1e-3);
    }

    #[test]
    fn neighbours_see_nearly_the_same_only_where_links_are_correlated() {
        let (one, other) = (Position::default(), Position { x_m: 0.5, y_m: 0.0 });
        let difference = |correlation_m| {
            let shadowing = Shadowing::new(DEVIATION_DB, correlation_m, 1, 1);
            (shadowing.link_db(0, one, 0) - shadowing.link_db(1, other, 0)).abs()
        };
        assert!(difference(0.0) > 1.0, "{}", difference(0.0));
        assert!(difference(CORRELATION_M) < 2.0, "{}", difference(CORRELATION_M));
        assert_eq!(Shadowing::new(0.0, 0.0, 1, 1).link_db(0, one, 0), 0.0);
    }
}
