//! What a link loses between two places: path loss, shadowing, and what antennas gain.
use super::geometry::Position;
use super::path_loss::PathLoss;
use super::shadowing::Shadowing;

/// How far antennas stand apart in height, and what they gain.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Antennas {
    /// A gateway's antenna above a node's, in metres. It makes links longer under [`PathLoss::LogDistance`]; the other
    /// model has its own heights.
    pub height_difference_m: f64,
    /// Gain of a gateway's antenna, in dBi. It counts in both directions: the power radiated on the downlink is that
    /// of the transmitter and this.
    pub gateway_gain_dbi: f64,
    /// Gain of a node's antenna, in dBi.
    pub node_gain_dbi: f64,
}

/// The attenuation of links.
#[derive(Clone, Debug)]
pub struct Propagation {
    /// The mean over all links of one length.
    pub path_loss: PathLoss,
    /// What a link differs from it.
    pub shadowing: Shadowing,
    /// Both ends.
    pub antennas: Antennas,
}

impl Propagation {
    /// Path loss alone.
    pub fn clear(path_loss: PathLoss) -> Self {
        Self { path_loss, shadowing: Shadowing::None, antennas: Antennas::default() }
    }

    /// From a node to a gateway, in dB.
    pub fn link_db(&self, node: usize, node_at: Position, gateway: usize, gateway_at: Position) -> f64 {
        let shadowed_db = self.mean_db(node_at, gateway_at) + self.shadowing.link_db(node, node_at, gateway);
        shadowed_db - (self.antennas.gateway_gain_dbi + self.antennas.node_gain_dbi)
    }

    /// From an interferer, as high as a node, to a gateway, in dB. Its power is what it radiates, antenna included.
    pub fn interferer_to_gateway_db(
        &self,
        interferer: usize,
        at: Position,
        gateway: usize,
        gateway_at: Position,
    ) -> f64 {
        let shadow_db = self.shadowing.interferer_db(interferer, at, gateway);
        self.mean_db(at, gateway_at) + shadow_db - self.antennas.gateway_gain_dbi
    }

    /// From an interferer, as high as a gateway, to a node, in dB; without shadowing.
    pub fn interferer_to_node_db(&self, at: Position, node_at: Position) -> f64 {
        self.mean_db(at, node_at) - self.antennas.node_gain_dbi
    }

    fn mean_db(&self, one: Position, other: Position) -> f64 {
        let (ground_m, up_m) = (one.distance_m(other), self.antennas.height_difference_m);
        match self.path_loss {
            PathLoss::LogDistance(model) if up_m != 0.0 => {
                model.attenuation_db(libm::sqrt(ground_m * ground_m + up_m * up_m))
            }
            model => model.attenuation_db(ground_m),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Position = Position { x_m: 0.0, y_m: 0.0 };
    const THERE: Position = Position { x_m: 30.0, y_m: 0.0 };

    #[test]
    fn antennas_gain_and_heights_lengthen_the_way() {
        let clear = Propagation::clear(PathLoss::OULU);
        let mut high = clear.clone();
        high.antennas = Antennas { height_difference_m: 40.0, gateway_gain_dbi: 6.0, node_gain_dbi: -2.0 };
        assert_eq!(clear.link_db(0, THERE, 0, HERE), PathLoss::OULU.attenuation_db(30.0));
        assert_eq!(high.link_db(0, THERE, 0, HERE), PathLoss::OULU.attenuation_db(50.0) - 4.0);
        assert_eq!(
            high.interferer_to_gateway_db(0, THERE, 0, HERE),
            PathLoss::OULU.attenuation_db(50.0) - 6.0
        );
        assert_eq!(high.interferer_to_node_db(THERE, HERE), PathLoss::OULU.attenuation_db(50.0) + 2.0);
    }
}
