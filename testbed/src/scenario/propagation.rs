//! Keys of the section `radio` that say what links lose.
use super::ScenarioError;
use super::radio::bad;
use super::section::Section;
use crate::radio::fading::FadingModel;
use crate::radio::hata::{Environment, HataError, OkumuraHata};
use crate::radio::{Antennas, LogDistance, PathLoss};
use serde::Serialize;

/// What links lose.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PropagationConfig {
    /// The mean over all links of one length.
    pub path_loss: PathLoss,
    /// Heights and gains.
    #[serde(flatten)]
    pub antennas: Antennas,
    /// Standard deviation of log-normal shadowing, in dB.
    pub shadowing_db: f64,
    /// Distance over which its correlation falls to 1/e, in metres; 0 for links that are shadowed each by itself.
    pub shadowing_correlation_m: f64,
    /// From frame to frame.
    pub fading: FadingModel,
}

const ENVIRONMENTS: [(&str, Environment); 4] = [
    ("urban", Environment::Urban),
    ("urban-large", Environment::UrbanLarge),
    ("suburban", Environment::Suburban),
    ("open", Environment::Open),
];

#[derive(Clone, Copy)]
enum PathLossModel {
    LogDistance,
    OkumuraHata,
}

const PATH_LOSS_MODELS: [(&str, PathLossModel); 2] =
    [("log-distance", PathLossModel::LogDistance), ("okumura-hata", PathLossModel::OkumuraHata)];

/// Height of a gateway's antenna under Okumura-Hata where the scenario does not say.
const GATEWAY_HEIGHT_M: f64 = 30.0;
/// Height of a node's antenna, likewise.
const NODE_HEIGHT_M: f64 = 1.5;

pub(super) fn propagation(keys: &mut Section, channel_hz: u32) -> Result<PropagationConfig, ScenarioError> {
    let kind = keys.choice("path_loss", &PATH_LOSS_MODELS)?;
    // Read in any case: an override of one key alone must not make others unknown.
    let exponent = keys.number("path_loss_exponent", LogDistance::OULU.exponent, 1.0..=6.0)?;
    let environment = keys.choice("environment", &ENVIRONMENTS)?;
    let gateway_height_m = keys.optional_number("gateway_height_m", 0.0..=1_000.0)?;
    let node_height_m = keys.optional_number("node_height_m", 0.0..=1_000.0)?;
    let (path_loss, height_difference_m) = match kind {
        PathLossModel::LogDistance => {
            let difference_m = gateway_height_m.unwrap_or(0.0) - node_height_m.unwrap_or(0.0);
            (PathLoss::LogDistance(LogDistance { exponent, ..LogDistance::OULU }), difference_m)
        }
        PathLossModel::OkumuraHata => {
            let heights_m =
                (gateway_height_m.unwrap_or(GATEWAY_HEIGHT_M), node_height_m.unwrap_or(NODE_HEIGHT_M));
            (okumura_hata(environment, channel_hz, heights_m)?, 0.0)
        }
    };
    let antennas = Antennas {
        height_difference_m,
        gateway_gain_dbi: keys.number("antenna_gain_dbi", 0.0, -20.0..=30.0)?,
        node_gain_dbi: keys.number("node_antenna_gain_dbi", 0.0, -20.0..=30.0)?,
    };
    Ok(PropagationConfig {
        path_loss,
        antennas,
        shadowing_db: keys.number("shadowing_db", 0.0, 0.0..=30.0)?,
        shadowing_correlation_m: keys.number("shadowing_correlation_m", 0.0, 0.0..=100_000.0)?,
        fading: fading(keys)?,
    })
}

fn okumura_hata(
    environment: Environment,
    channel_hz: u32,
    (gateway_height_m, node_height_m): (f64, f64),
) -> Result<PathLoss, ScenarioError> {
    let frequency_mhz = f64::from(channel_hz) / 1e6;
    let model = OkumuraHata::new(environment, frequency_mhz, gateway_height_m, node_height_m);
    let with = "with path_loss = \"okumura-hata\"";
    let model = model.map_err(|error| match error {
        HataError::GatewayHeight { have_m } => {
            bad("gateway_height_m", have_m.to_string(), format!("a number from 30 to 200 {with}"))
        }
        HataError::NodeHeight { have_m } => {
            bad("node_height_m", have_m.to_string(), format!("a number from 1 to 10 {with}"))
        }
        HataError::Frequency { have_mhz } => {
            bad("region", format!("{have_mhz} MHz"), format!("a band from 150 to 1500 MHz {with}"))
        }
    });
    Ok(PathLoss::OkumuraHata(model?))
}

fn fading(keys: &mut Section) -> Result<FadingModel, ScenarioError> {
    let kinds = [
        ("none", FadingModel::None),
        ("rayleigh", FadingModel::Rayleigh),
        ("rician", FadingModel::Rician { k_db: 6.0 }),
    ];
    let mut fading = keys.choice("fading", &kinds)?;
    let given_db = keys.number("rician_k_db", 6.0, -40.0..=40.0)?;
    if let FadingModel::Rician { k_db } = &mut fading {
        *k_db = given_db;
    }
    Ok(fading)
}
