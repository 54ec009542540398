//! Small-scale fading: reflected waves add up or cancel, differently for each frame and receiver.
//!
//! Fading is flat over a frame's band and constant over its time on the air. A frame's gain is a function of who sent
//! it, when, and who receives it, so that no frame changes what another one draws.
use super::links::ReceivedPower;
use super::{GatewayIndex, NodeIndex};
use crate::kernel::Rng;
use chirrup_protocol::seal::Direction;
use chirrup_protocol::time::Instant;

/// A distribution of gains with mean 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum FadingModel {
    /// No fading.
    #[default]
    None,
    /// No direct wave: power is exponentially distributed.
    Rayleigh,
    /// A direct wave, and reflected ones around it (Rice, "Statistical properties of a sine wave plus random noise",
    /// Bell System Technical Journal 27, 1948).
    Rician {
        /// Power of the direct wave over that of all others, in dB.
        k_db: f64,
    },
}

/// The least gain, which keeps powers finite: -120 dB.
const LEAST_GAIN: f64 = 1e-12;

/// The fading of a run.
#[derive(Clone, Copy, Debug)]
pub struct Fading {
    waves: Waves,
    uplink_key: u64,
    downlink_key: u64,
}

#[derive(Clone, Copy, Debug)]
enum Waves {
    None,
    /// Amplitude of the direct wave, and standard deviation of each of both quadratures.
    Sum {
        direct: f64,
        scattered: f64,
    },
}

impl Fading {
    /// Fading by this model, from the run's seed.
    pub fn new(model: FadingModel, seed: u64) -> Self {
        let waves = match model {
            FadingModel::None => Waves::None,
            FadingModel::Rayleigh => Waves::Sum { direct: 0.0, scattered: libm::sqrt(0.5) },
            FadingModel::Rician { k_db } => {
                let k = libm::pow(10.0, k_db / 10.0);
                Waves::Sum { direct: libm::sqrt(k / (k + 1.0)), scattered: libm::sqrt(0.5 / (k + 1.0)) }
            }
        };
        let key = |label| Rng::for_purpose(seed, label, 0).next_u64();
        Self { waves, uplink_key: key("fading-uplink"), downlink_key: key("fading-downlink") }
    }

    /// A frame of a node at a gateway, or of a gateway at a node.
    pub fn frame(
        &self,
        direction: Direction,
        start: Instant,
        node: NodeIndex,
        gateway: GatewayIndex,
        mean: ReceivedPower,
    ) -> ReceivedPower {
        let Waves::Sum { direct, scattered } = self.waves else { return mean };
        let link = (u64::from(node.0) << 16) | u64::from(gateway.0);
        let key = match direction {
            Direction::Up => self.uplink_key,
            Direction::Down => self.downlink_key,
        };
        let draw = mix(mix(key ^ start.as_micros()) ^ link);
        let gain = gain(draw, direct, scattered).max(LEAST_GAIN);
        ReceivedPower { dbm: mean.dbm + 10.0 * libm::log10(gain), mw: mean.mw * gain }
    }
}

/// Power of a direct wave and two normally distributed quadratures (Box and Muller 1958).
fn gain(draw: u64, direct: f64, scattered: f64) -> f64 {
    let radius = scattered * libm::sqrt(-2.0 * libm::log(1.0 - uniform(mix(draw ^ 1))));
    let angle = core::f64::consts::TAU * uniform(mix(draw ^ 2));
    let (in_phase, quadrature) = (direct + radius * libm::cos(angle), radius * libm::sin(angle));
    in_phase * in_phase + quadrature * quadrature
}

/// Uniform in [0, 1), with 53 bits.
pub(super) fn uniform(bits: u64) -> f64 {
    (bits >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// A permutation of 64 bits in which each bit of the input changes half of the output: a step of SplitMix64 (Steele,
/// Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, with Stafford's variant 13).
pub(super) const fn mix(input: u64) -> u64 {
    let mut bits = input.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAMES: u64 = 100_000;
    const MEAN: ReceivedPower = ReceivedPower { dbm: 0.0, mw: 1.0 };

    fn gains(model: FadingModel) -> Vec<f64> {
        let fading = Fading::new(model, 1);
        let frame = |index: u64| {
            let (start, node) = (Instant::from_micros(index * 1_000), NodeIndex(index as u32 % 7));
            fading.frame(Direction::Up, start, node, GatewayIndex(0), MEAN).mw
        };
        (0..FRAMES).map(frame).collect()
    }

    fn share_below(gains: &[f64], limit: f64) -> f64 {
        gains.iter().filter(|gain| **gain < limit).count() as f64 / gains.len() as f64
    }

    /// Within four standard errors.
    fn assert_share(have: f64, expected: f64, what: &str) {
        let error = libm::sqrt(expected * (1.0 - expected) / FRAMES as f64);
        assert!((have - expected).abs() < 4.0 * error, "{what}: {have} against {expected}");
    }

    /// P(gain < x) = 1 - e^(-x).
    #[test]
    fn rayleigh_power_is_exponential() {
        let gains = gains(FadingModel::Rayleigh);
        for margin_db in [-3.0, 0.0, 3.0, 10.0, 20.0] {
            let limit = libm::pow(10.0, -margin_db / 10.0);
            assert_share(share_below(&gains, limit), 1.0 - libm::exp(-limit), &format!("{margin_db} dB"));
        }
    }

    /// P(gain < x) as a mixture of Erlang distributions whose order is Poisson with mean K: the series of Marcum's Q.
    fn rician_below(k: f64, x: f64) -> f64 {
        let y = (1.0 + k) * x;
        let (mut weight, mut term, mut tail, mut below) = (libm::exp(-k), libm::exp(-y), 0.0, 0.0);
        for order in 0..200 {
            tail += term;
            below += weight * (1.0 - tail);
            weight *= k / f64::from(order + 1);
            term *= y / f64::from(order + 1);
        }
        below
    }

    #[test]
    fn rician_power_is_noncentral_chi_square() {
        for k_db in [-10.0, 0.0, 6.0, 10.0] {
            let (gains, k) = (gains(FadingModel::Rician { k_db }), libm::pow(10.0, k_db / 10.0));
            for limit in [0.1, 0.3, 1.0, 2.0] {
                let what = format!("K = {k_db} dB, below {limit}");
                assert_share(share_below(&gains, limit), rician_below(k, limit), &what);
            }
        }
    }

    #[test]
    fn the_mean_power_is_kept_and_neighbouring_frames_fade_apart() {
        for model in [FadingModel::Rayleigh, FadingModel::Rician { k_db: 3.0 }] {
            let gains = gains(model);
            let mean = gains.iter().sum::<f64>() / FRAMES as f64;
            assert!((mean - 1.0).abs() < 0.015, "{mean}");
            let product = gains.windows(2).map(|pair| (pair[0] - 1.0) * (pair[1] - 1.0)).sum::<f64>();
            assert!((product / FRAMES as f64).abs() < 0.015);
        }
    }

    #[test]
    fn a_frame_fades_the_same_again_and_differently_elsewhere() {
        let fading = Fading::new(FadingModel::Rayleigh, 1);
        let (start, gateway) = (Instant::from_micros(5), GatewayIndex(0));
        let here = fading.frame(Direction::Up, start, NodeIndex(1), gateway, MEAN);
        assert_eq!(here, fading.frame(Direction::Up, start, NodeIndex(1), gateway, MEAN));
        assert!((libm::pow(10.0, here.dbm / 10.0) / here.mw - 1.0).abs() < 1e-9);
        assert_ne!(here, fading.frame(Direction::Up, start, NodeIndex(1), GatewayIndex(1), MEAN));
        assert_ne!(here, fading.frame(Direction::Up, start, NodeIndex(2), gateway, MEAN));
        assert_ne!(here, fading.frame(Direction::Down, start, NodeIndex(1), gateway, MEAN));
        assert_eq!(
            Fading::new(FadingModel::None, 1).frame(Direction::Up, start, NodeIndex(1), gateway, MEAN),
            MEAN
        );
    }
}
