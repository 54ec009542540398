//! Where nodes and gateways stand, on a plane.
use crate::kernel::Rng;
use core::f64::consts::TAU;

/// A point, in metres from the middle of the area.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Position {
    /// East.
    pub x_m: f64,
    /// North.
    pub y_m: f64,
}

impl Position {
    /// The straight distance to another point, in metres.
    pub fn distance_m(self, other: Self) -> f64 {
        let (x, y) = (self.x_m - other.x_m, self.y_m - other.y_m);
        libm::sqrt(x * x + y * y)
    }

    fn polar(distance_m: f64, angle: f64) -> Self {
        Self { x_m: distance_m * libm::cos(angle), y_m: distance_m * libm::sin(angle) }
    }
}

/// `count` points, uniform over a disc around the middle. A point does not depend on how many follow it.
pub fn nodes_in_disc(count: usize, radius_m: f64, seed: u64) -> Vec<Position> {
    let place = |index| {
        let mut rng = Rng::for_purpose(seed, "node-position", index);
        let distance_m = radius_m * libm::sqrt(rng.uniform());
        Position::polar(distance_m, TAU * rng.uniform())
    };
    (0..count as u64).map(place).collect()
}

/// One gateway in the middle, or several evenly spaced on the circle of half the radius.
pub fn gateways_in_disc(count: usize, radius_m: f64) -> Vec<Position> {
    if count == 1 {
        return vec![Position::default()];
    }
    (0..count).map(|index| Position::polar(radius_m / 2.0, TAU * index as f64 / count as f64)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_fill_the_disc_evenly_and_keep_their_places() {
        let points = nodes_in_disc(4_000, 1_000.0, 1);
        let within = |radius_m| {
            points.iter().filter(|point| point.distance_m(Position::default()) <= radius_m).count()
        };
        assert_eq!(within(1_000.0), 4_000);
        // A quarter of the area lies within half the radius.
        assert!((900..1_100).contains(&within(500.0)), "{}", within(500.0));
        assert_eq!(points[..10], nodes_in_disc(10, 1_000.0, 1));
        assert_ne!(points[..10], nodes_in_disc(10, 1_000.0, 2));
    }

    #[test]
    fn gateways_stand_apart() {
        assert_eq!(gateways_in_disc(1, 500.0), [Position::default()]);
        let two = gateways_in_disc(2, 500.0);
        assert!((two[0].distance_m(two[1]) - 500.0).abs() < 1e-9);
    }
}
