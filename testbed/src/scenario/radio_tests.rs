//! What the section `radio` may say of physics, and what is answered to it.
use super::*;
use crate::radio::{FadingModel, NodeIndex, PathLoss, Waveform};
use chirrup_protocol::time::Instant;
use std::path::Path;

fn radio(text: &str) -> Result<RadioConfig, String> {
    let text = format!("[radio]\n{text}");
    let scenario = Scenario::from_toml("test", &text, Path::new(""), &Overrides::default());
    scenario.map(|scenario| scenario.radio).map_err(|error| error.to_string())
}

#[test]
fn silence_means_the_city_of_oulu_without_shadowing_fading_drift_or_interferers() {
    let radio = radio("").unwrap();
    let PropagationConfig { path_loss, antennas, shadowing_db, shadowing_correlation_m, fading } =
        radio.propagation;
    assert_eq!((path_loss, antennas), (PathLoss::OULU, Default::default()));
    assert_eq!((shadowing_db, shadowing_correlation_m, fading), (0.0, 0.0, FadingModel::None));
    assert_eq!((radio.clock_drift_ppm, radio.tracks, radio.interferers.len()), (0.0, None, 0));
}

#[test]
fn every_key_arrives_where_it_belongs() {
    let radio = radio(
        "path_loss = \"okumura-hata\"\nenvironment = \"open\"\ngateway_height_m = 50\nnode_height_m = 2\n\
         antenna_gain_dbi = 6\nnode_antenna_gain_dbi = -1\nshadowing_db = 7.8\nshadowing_correlation_m = 50\n\
         fading = \"rician\"\nrician_k_db = 9\nclock_drift_ppm = 40\n\
         [[radio.interferers]]\nx_m = 100\ny_m = -200\nwaveform = \"chirps\"\nspreading_factor = 9\n\
         power_dbm = 20\nfrequency_hz = 868300000\nbandwidth_khz = 250\nduty = 0.5\nperiod_s = 2\n\
         until_s = 3600.5\n\
         [[radio.interferers]]\n",
    );
    let radio = radio.unwrap();
    let PathLoss::OkumuraHata(_) = radio.propagation.path_loss else { panic!("another model") };
    let antennas = radio.propagation.antennas;
    assert_eq!((antennas.gateway_gain_dbi, antennas.node_gain_dbi), (6.0, -1.0));
    assert_eq!(radio.propagation.fading, FadingModel::Rician { k_db: 9.0 });
    let [first, second] = radio.interferers[..] else { panic!("not two") };
    assert_eq!((first.at.x_m, first.at.y_m, first.power_dbm), (100.0, -200.0, 20.0));
    assert_eq!((first.waveform, first.duty), (Waveform::Chirps(9), 0.5));
    assert_eq!(
        (first.frequency_hz, first.bandwidth_hz, first.period.as_micros()),
        (868_300_000, 250_000, 2_000_000)
    );
    assert_eq!((first.until.as_micros(), second.until), (3_600_500_000, Instant::NEVER));
    assert_eq!((second.waveform, second.duty, second.frequency_hz), (Waveform::Noise, 1.0, 868_100_000));
}

#[test]
fn heights_lengthen_the_links_of_log_distance() {
    let antennas = radio("gateway_height_m = 20\nnode_height_m = 2").unwrap().propagation.antennas;
    assert_eq!(antennas.height_difference_m, 18.0);
}

#[test]
fn what_physics_does_not_allow_is_named() {
    let hata = "path_loss = \"okumura-hata\"\n";
    let far = "[[radio.interferers]]\nx_m = 20001";
    for (text, expected) in [
        (
            "path_loss = \"free-space\"",
            "radio.path_loss = \"free-space\": allowed is log-distance, okumura-hata",
        ),
        ("environment = \"forest\"", "urban, urban-large, suburban, open"),
        (
            &format!("{hata}gateway_height_m = 10"),
            "radio.gateway_height_m = 10: allowed is a number from 30 to 200",
        ),
        (&format!("{hata}node_height_m = 11"), "radio.node_height_m = 11: allowed is a number from 1 to 10"),
        (&format!("{hata}radius_m = 20001"), "radio.radius_m = 20001: allowed is at most 20000 m"),
        (&format!("{hata}radius_m = 14000\ngateways = 3"), "radio.radius_m = 14000"),
        (&format!("{hata}{far}"), "radio.interferers = one at 20001, 0 m"),
        ("fading = \"nakagami\"", "none, rayleigh, rician"),
        ("clock_drift_ppm = -1", "radio.clock_drift_ppm = -1"),
        ("interferers = 3", "radio.interferers = 3: allowed is a list of sections, [[radio.interferers]]"),
        (
            "[[radio.interferers]]\ncolour = 1",
            "unknown key radio.interferers.colour; allowed in this section: waveform",
        ),
        ("[[radio.interferers]]\nduty = 2", "radio.interferers.duty = 2: allowed is a number from 0 to 1"),
        ("tracks = \"/nowhere.csv\"", "radio.tracks: /nowhere.csv"),
    ] {
        let error = radio(text).unwrap_err();
        assert!(error.contains(expected), "{text:?}\n  gave     {error}\n  expected {expected}");
    }
}

#[test]
fn tracks_are_relative_to_the_scenario_and_must_be_those_of_nodes() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("t.csv"), "node,time_s,x_m,y_m\n3,0,1,2\n3,10,21000,0\n").unwrap();
    let load = |text: &str| {
        let text = format!("{text}[radio]\ntracks = \"t.csv\"\n");
        Scenario::from_toml("test", &text, folder.path(), &Overrides::default())
    };
    let radio = load("").unwrap().radio;
    let at = radio.node_positions(20, 1)[3];
    assert_eq!((at.x_m, at.y_m), (1.0, 2.0));
    assert!(radio.tracks.unwrap().position(NodeIndex(4), Instant::ZERO).is_none());
    let error = load("[nodes]\ncount = 3\n").unwrap_err().to_string();
    assert!(error.contains("a track of node 3: allowed is nodes from 0 to 2"), "{error}");
    let error = radio_far(&folder.path().join("t.csv"));
    assert!(error.contains("radio.tracks = a point at 21000, 0 m"), "{error}");
}

#[test]
fn tracks_may_stand_in_the_scenario_itself() {
    let set = |value: &str| Overrides { set: vec![format!("radio.tracks={value}")], seed: None };
    let scenario = Scenario::load(None, &set("[[3, 0, 1.5, 2], [3, 10, 11.5, -8]]")).unwrap();
    let tracks = scenario.radio.tracks.unwrap();
    let at = tracks.position(NodeIndex(3), Instant::from_micros(5_000_000)).unwrap();
    assert_eq!((at.x_m, at.y_m), (6.5, -3.0));
    let rows = serde_json::json!([[3.0, 0.0, 1.5, 2.0], [3.0, 10.0, 11.5, -8.0]]);
    assert_eq!(serde_json::to_value(&tracks).unwrap(), rows);
    let allowed = "allowed is a file in quotes, or a list of rows [node, time_s, x_m, y_m]";
    for (value, expected) in [
        ("[[3, 0, 1]]", allowed),
        ("[]", allowed),
        ("5", allowed),
        ("[[3, 0, 1, 2], [3, 0, 1, 2]]", "radio.tracks: the list, row 2: the rows of a node are in order"),
        ("[[0.5, 0, 1, 2]]", "radio.tracks: the list, row 1: a node is a whole number from 0"),
        ("[[20, 0, 1, 2]]", "a track of node 20: allowed is nodes from 0 to 19"),
    ] {
        let error = Scenario::load(None, &set(value)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

fn radio_far(tracks: &Path) -> String {
    radio(&format!("path_loss = \"okumura-hata\"\ntracks = \"{}\"", tracks.display())).unwrap_err()
}
