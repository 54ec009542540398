//! Section `ble`: nodes that reach a gateway over Bluetooth Low Energy instead of LoRaWAN.
use super::ScenarioError;
use super::section::Section;
use crate::ble::{Budget, Parameters};
use chirrup_protocol::ble::Mtu;
use serde::Serialize;
use toml::Table;

/// Section `ble`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BleConfig {
    /// Keys `nodes`, `margin_db` and `share`.
    pub nodes: BleNodes,
    /// Timing and MTU.
    #[serde(flatten)]
    pub parameters: Parameters,
    /// Power and losses.
    #[serde(flatten)]
    pub budget: Budget,
}

/// Which nodes speak BLE. The others speak LoRaWAN.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BleNodes {
    /// Those that a gateway would receive well enough.
    InRange {
        /// How far above the sensitivity, in dB.
        margin_db: f64,
    },
    /// All of them.
    All,
    /// Each with this probability, wherever it stands.
    Share(f64),
}

/// Steps of the connection interval (Core Specification 5.4, Vol 6, Part B, 4.5.1).
const INTERVAL_STEP_MS: f64 = 1.25;

/// The section, if it is there.
pub fn read(scenario: &Table) -> Result<Option<BleConfig>, ScenarioError> {
    if !scenario.contains_key("ble") {
        return Ok(None);
    }
    let has_tracks = scenario.get("radio").is_some_and(|radio| radio.get("tracks").is_some());
    if has_tracks {
        let what = "section [ble]".into();
        return Err(ScenarioError::Meaningless {
            what,
            because: "radio.tracks: a node with BLE does not move",
        });
    }
    let mut keys = Section::of(scenario, "ble")?;
    let config = BleConfig {
        nodes: nodes(&mut keys)?,
        parameters: parameters(&mut keys)?,
        budget: Budget {
            power_dbm: keys.number("power_dbm", 0.0, -40.0..=20.0)?,
            path_loss_exponent: keys.number("path_loss_exponent", 3.0, 1.0..=6.0)?,
            shadowing_db: keys.number("shadowing_db", 0.0, 0.0..=30.0)?,
            loss: keys.number("loss", 0.0, 0.0..=1.0)?,
        },
    };
    keys.finish()?;
    Ok(Some(config))
}

fn nodes(keys: &mut Section) -> Result<BleNodes, ScenarioError> {
    let kinds = [
        ("in-range", BleNodes::InRange { margin_db: 0.0 }),
        ("all", BleNodes::All),
        ("share", BleNodes::Share(0.0)),
    ];
    let kind = keys.choice("nodes", &kinds)?;
    // Read in any case: an override of one key alone must not make others unknown.
    let margin_db = keys.number("margin_db", 10.0, -40.0..=60.0)?;
    let share = keys.number("share", 0.5, 0.0..=1.0)?;
    Ok(match kind {
        BleNodes::InRange { .. } => BleNodes::InRange { margin_db },
        BleNodes::All => BleNodes::All,
        BleNodes::Share(_) => BleNodes::Share(share),
    })
}

fn parameters(keys: &mut Section) -> Result<Parameters, ScenarioError> {
    let default = Parameters::default();
    let mtu = keys.integer("mtu", default.mtu.bytes() as u64, 23..=247)? as usize;
    let mtu = Mtu::new(mtu).expect("the range is that of the type");
    let interval_ms = keys.number("interval_ms", 30.0, 7.5..=4_000.0)?;
    if interval_ms % INTERVAL_STEP_MS != 0.0 {
        return Err(bad("interval_ms", interval_ms, "a multiple of 1.25 from 7.5 to 4000".into()));
    }
    let least_event_ms = Parameters { mtu, ..default }.least_event().as_micros() as f64 / 1e3;
    let latency = keys.integer("latency", 0, 0..=499)? as u16;
    let supervision_ms = keys.number("supervision_ms", 4_000.0, 100.0..=32_000.0)?;
    // Core Specification 5.4, Vol 6, Part B, 4.5.2.
    let least_ms = 2.0 * f64::from(1 + latency) * interval_ms;
    if supervision_ms <= least_ms {
        let allowed = format!("more than {least_ms}, twice (1 + latency) interval_ms, up to 32000");
        return Err(bad("supervision_ms", supervision_ms, allowed));
    }
    let scan_interval_ms = keys.number("scan_interval_ms", 50.0, 2.5..=10_240.0)?;
    Ok(Parameters {
        interval_us: us(interval_ms),
        event_us: us(keys.number("event_ms", 7.5, least_event_ms..=interval_ms)?),
        latency,
        supervision_us: us(supervision_ms),
        mtu,
        advertising_us: us(keys.number("advertising_ms", 100.0, 20.0..=10_240.0)?),
        scan_interval_us: us(scan_interval_ms),
        scan_window_us: us(keys.number("scan_window_ms", scan_interval_ms, 2.5..=scan_interval_ms)?),
    })
}

fn us(ms: f64) -> u64 {
    libm::round(ms * 1e3) as u64
}

fn bad(key: &str, value: f64, allowed: String) -> ScenarioError {
    ScenarioError::BadValue { key: format!("ble.{key}"), value: value.to_string(), allowed }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Option<BleConfig>, String> {
        read(&text.parse().unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn without_the_section_nobody_speaks_ble() {
        assert_eq!(parsed("[radio]"), Ok(None));
        let config = parsed("[ble]").unwrap().unwrap();
        assert_eq!(config.nodes, BleNodes::InRange { margin_db: 10.0 });
        assert_eq!((config.parameters, config.budget), (Parameters::default(), Budget::default()));
    }

    #[test]
    fn every_key_is_read() {
        let config = parsed(
            "[ble]\nnodes = \"share\"\nshare = 0.25\nmargin_db = 3\ninterval_ms = 1000\nevent_ms = 20\nlatency = 2\n\
             supervision_ms = 7000\nmtu = 23\nadvertising_ms = 250\nscan_interval_ms = 60\nscan_window_ms = 30\n\
             power_dbm = 4\npath_loss_exponent = 2.5\nshadowing_db = 6\nloss = 0.1",
        );
        let config = config.unwrap().unwrap();
        assert_eq!(config.nodes, BleNodes::Share(0.25));
        let parameters = Parameters {
            interval_us: 1_000_000,
            event_us: 20_000,
            latency: 2,
            supervision_us: 7_000_000,
            mtu: Mtu::LEAST,
            advertising_us: 250_000,
            scan_interval_us: 60_000,
            scan_window_us: 30_000,
        };
        let budget = Budget { power_dbm: 4.0, path_loss_exponent: 2.5, shadowing_db: 6.0, loss: 0.1 };
        assert_eq!((config.parameters, config.budget), (parameters, budget));
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_can() {
        let table = [
            ("interval_ms = 30.5", "ble.interval_ms = 30.5: allowed is a multiple of 1.25 from 7.5 to 4000"),
            ("event_ms = 4", "ble.event_ms = 4: allowed is a number from 4.326 to 30"),
            ("mtu = 22", "ble.mtu = 22: allowed is a whole number from 23 to 247"),
            ("nodes = \"some\"", "ble.nodes = \"some\": allowed is in-range, all, share"),
            (
                "interval_ms = 1000\nlatency = 1",
                "ble.supervision_ms = 4000: allowed is more than 4000, twice (1 + latency) interval_ms, up to 32000",
            ),
            ("scan_window_ms = 60", "ble.scan_window_ms = 60: allowed is a number from 2.5 to 50"),
        ];
        for (text, expected) in table {
            assert_eq!(parsed(&format!("[ble]\n{text}")).unwrap_err(), expected);
        }
        assert!(parsed("[ble]\nrange_m = 3").unwrap_err().starts_with("unknown key ble.range_m"));
        let moving = parsed("[ble]\n[radio]\ntracks = \"a.csv\"").unwrap_err();
        assert_eq!(moving, "section [ble] has no meaning with radio.tracks: a node with BLE does not move");
    }
}
