//! How strong a signal arrives at 2.4 GHz, and how often a PDU is lost.
//!
//! Bits go wrong by themselves, with the error rate of non-coherent binary FSK, e^(-g / 2) / 2 at a ratio g of energy
//! a bit to noise (Proakis and Salehi, Digital Communications, 5th edition, 4.5). g is proportional to the received
//! power, and is anchored where the receiver's data sheet states its sensitivity: there .1 % of bits are wrong (Core
//! Specification 5.4, Vol 6, Part A, 4.1), hence 1 - .999^368 = 30.8 % of PDUs with 37 bytes of payload. A PDU is
//! whole when all bits behind its preamble are.
use crate::kernel::Rng;
use crate::radio::{GatewayIndex, NodeIndex, Position};
use chirrup_protocol::ble::airtime::PDU_OVERHEAD_BYTES;

/// Bit error rate at the sensitivity.
const REFERENCE_ERROR_RATE: f64 = 1e-3;
/// Received power at which it is so: LE 1M of the nRF52840 (product specification, 6.20: -95 dBm).
pub const SENSITIVITY_DBM: f64 = -95.0;
/// The middle of the band, in MHz.
const FREQUENCY_MHZ: f64 = 2_440.0;
/// Ratio of a signal to another on its channel at which it is still received (Vol 6, Part A, 4.2).
pub const CO_CHANNEL_DB: f64 = 21.0;
/// Preamble, which may be damaged.
const PREAMBLE_BYTES: usize = 1;

/// What a link loses and has.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Budget {
    /// Radiated power of both ends, in dBm.
    pub power_dbm: f64,
    /// Exponent of the path loss.
    pub path_loss_exponent: f64,
    /// Standard deviation of log-normal shadowing, fixed for a link, in dB.
    pub shadowing_db: f64,
    /// Share of PDUs lost besides, whatever their level: other users of the band.
    pub loss: f64,
}

impl Default for Budget {
    /// 0 dBm through offices.
    fn default() -> Self {
        Self { power_dbm: 0.0, path_loss_exponent: 3.0, shadowing_db: 0.0, loss: 0.0 }
    }
}

impl Budget {
    /// Attenuation over a distance in dB: 20 log f - 28 + 10 n log d, f in MHz and d in metres, not below 1 m (ITU-R
    /// P.1238 on one floor; n = 3 for offices at 2.4 GHz).
    pub fn attenuation_db(&self, distance_m: f64) -> f64 {
        20.0 * libm::log10(FREQUENCY_MHZ) - 28.0
            + 10.0 * self.path_loss_exponent * libm::log10(distance_m.max(1.0))
    }

    /// Received power without shadowing, in dBm.
    pub fn received_dbm(&self, distance_m: f64) -> f64 {
        self.power_dbm - self.attenuation_db(distance_m)
    }

    /// Probability that a PDU with so many bytes of payload is lost.
    pub fn loss(&self, received_dbm: f64, payload_bytes: usize) -> f64 {
        1.0 - (1.0 - self.loss) * (1.0 - pdu_error_rate(received_dbm, payload_bytes))
    }
}

/// Share of bits that are wrong at a received power.
pub fn bit_error_rate(received_dbm: f64) -> f64 {
    // At the sensitivity e^(-g / 2) / 2 is the reference.
    let half_ratio = -libm::log(2.0 * REFERENCE_ERROR_RATE);
    let relative = libm::pow(10.0, (received_dbm - SENSITIVITY_DBM) / 10.0);
    0.5 * libm::exp(-half_ratio * relative)
}

/// Share of PDUs with so many bytes of payload in which any bit is wrong.
pub fn pdu_error_rate(received_dbm: f64, payload_bytes: usize) -> f64 {
    let bits = (8 * (PDU_OVERHEAD_BYTES - PREAMBLE_BYTES + payload_bytes)) as f64;
    -libm::expm1(bits * libm::log1p(-bit_error_rate(received_dbm)))
}

/// Every link of a run.
#[derive(Clone, Debug)]
pub struct Links {
    /// What they lose.
    pub budget: Budget,
    nodes: Vec<Position>,
    gateways: Vec<Position>,
    seed: u64,
}

impl Links {
    /// Between these places.
    pub const fn new(budget: Budget, nodes: Vec<Position>, gateways: Vec<Position>, seed: u64) -> Self {
        Self { budget, nodes, gateways, seed }
    }

    /// Number of gateways.
    pub const fn gateways(&self) -> usize {
        self.gateways.len()
    }

    /// Power of a node's signal at a gateway, and the other way round, in dBm.
    pub fn received_dbm(&self, node: NodeIndex, gateway: GatewayIndex) -> f64 {
        let (at, to) = (self.nodes[node.0 as usize], self.gateways[usize::from(gateway.0)]);
        let shadowing_db = if self.budget.shadowing_db > 0.0 {
            let link = u64::from(node.0) << 16 | u64::from(gateway.0);
            self.budget.shadowing_db * Rng::for_purpose(self.seed, "ble-shadowing", link).normal()
        } else {
            0.0
        };
        self.budget.received_dbm(at.distance_m(to)) - shadowing_db
    }

    /// The gateway that a node hears best, and the power at which it does; the first of several.
    pub fn best(&self, node: NodeIndex) -> (GatewayIndex, f64) {
        let level = |gateway| (GatewayIndex(gateway), self.received_dbm(node, GatewayIndex(gateway)));
        let levels = (0..self.gateways.len() as u16).map(level);
        levels.fold(
            (GatewayIndex(0), f64::NEG_INFINITY),
            |best, other| if other.1 > best.1 { other } else { best },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_the_sensitivity_the_specified_share_of_pdus_is_lost() {
        assert!((bit_error_rate(SENSITIVITY_DBM) - 1e-3).abs() < 1e-15);
        assert!((pdu_error_rate(SENSITIVITY_DBM, 37) - 0.308_010_241_1).abs() < 1e-9);
        // A signal that is not there is a coin for each bit; one that is strong loses nothing.
        assert!((bit_error_rate(-200.0) - 0.5).abs() < 1e-9);
        assert!(pdu_error_rate(-85.0, 251) < 1e-20);
    }

    #[test]
    fn loss_grows_with_distance_and_length() {
        let budget = Budget::default();
        let loss = |distance_m, bytes| budget.loss(budget.received_dbm(distance_m), bytes);
        for distance_m in 1..200 {
            let (near, far) = (f64::from(distance_m), f64::from(distance_m + 1));
            assert!(loss(near, 27) <= loss(far, 27));
            assert!(loss(near, 27) <= loss(near, 251));
        }
        // 20 log 2440 - 28 = 39.75 dB at a metre: 55.25 dB are left for 30 log d, 69.4 m.
        assert!((budget.received_dbm(1.0) + 39.748).abs() < 1e-3);
        let range_m = libm::pow(10.0, (95.0 - 39.748) / 30.0);
        assert!((range_m - 69.44).abs() < 0.05, "{range_m}");
        assert!((loss(range_m, 37) - 0.308).abs() < 1e-3);
    }

    #[test]
    fn losses_of_two_kinds_are_independent() {
        let budget = Budget { loss: 0.5, ..Budget::default() };
        assert!((budget.loss(SENSITIVITY_DBM, 37) - (1.0 - 0.5 * 0.691_989_758_9)).abs() < 1e-9);
        assert!((budget.loss(0.0, 251) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn a_node_belongs_to_the_gateway_that_it_hears_best() {
        let at = |x_m| Position { x_m, y_m: 0.0 };
        let links = Links::new(Budget::default(), vec![at(1.0), at(60.0)], vec![at(0.0), at(80.0)], 1);
        assert_eq!(links.best(NodeIndex(0)).0, GatewayIndex(0));
        assert_eq!(links.best(NodeIndex(1)).0, GatewayIndex(1));
        let shadowed = Links { budget: Budget { shadowing_db: 8.0, ..Budget::default() }, ..links.clone() };
        let again = shadowed.received_dbm(NodeIndex(1), GatewayIndex(0));
        assert_eq!(again, shadowed.received_dbm(NodeIndex(1), GatewayIndex(0)), "fixed for a link");
        assert_ne!(again, links.received_dbm(NodeIndex(1), GatewayIndex(0)));
    }
}
