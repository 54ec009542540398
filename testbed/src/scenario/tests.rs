//! What scenarios may say, and what is answered to those that may not.
use super::*;
use crate::data::vibration::Condition;
use crate::radio::CollisionModel;
use chirrup_protocol::region::{DataRate, Region};
use std::path::Path;

fn parse(text: &str) -> Result<Scenario, String> {
    Scenario::from_toml("test", text, Path::new("/folder"), &Overrides::default()).map_err(|e| e.to_string())
}

fn quickstart_with(set: &[&str]) -> Result<Scenario, String> {
    let overrides = Overrides { set: set.iter().map(|entry| (*entry).to_owned()).collect(), seed: None };
    Scenario::load(None, &overrides).map_err(|error| error.to_string())
}

#[test]
fn the_quickstart_is_what_the_documentation_says() {
    let scenario = quickstart_with(&[]).unwrap();
    assert_eq!(scenario.name, "quickstart");
    assert_eq!(scenario.data.source, Source::Digits);
    assert_eq!(scenario.nodes.count, 20);
    assert_eq!(scenario.nodes.partition, Partition::Dirichlet { alpha: 0.5 });
    assert_eq!((scenario.radio.gateways, scenario.radio.region), (1, Region::Eu868));
    assert_eq!(scenario.run, RunConfig { duration_s: 86_400, seed: 1 });
}

#[test]
fn vibration_has_a_machine_a_node_unless_told_otherwise() {
    let of = |text: &str| {
        let Source::Vibration(vibration) = parse(text).unwrap().data.source else { panic!("not vibration") };
        vibration
    };
    assert_eq!(of("[data]\nsource = \"vibration\""), VibrationConfig::default());
    let text = "[data]\nsource = \"vibration\"\nfaults = [\"imbalance\", \"inner\"]\nwindow = 512\n[nodes]\ncount = 7";
    let given = of(text);
    assert_eq!((given.machines, given.window, given.faults_per_machine), (7, 512, 2));
    assert_eq!(given.faults, [Condition::Inner, Condition::Imbalance]);
    assert_eq!(of("[data]\nsource = \"vibration\"\nmachines = 9").machines, 9);
}

#[test]
fn an_empty_file_is_all_defaults() {
    let scenario = parse("").unwrap();
    assert_eq!(scenario.nodes.count, 20);
    assert_eq!(scenario.radio.data_rate, DataRateChoice::Adr);
}

#[test]
fn overrides_win_and_need_no_quotes() {
    let scenario = quickstart_with(&[
        "radio.data_rate=3",
        "radio.collision=aloha",
        "nodes.partition=iid",
        "run.seed=7",
        "faults.frame_loss=.3",
        "faults.frame_loss=0.25",
        "data.source=csv",
        "data.path=some dir/x.csv",
    ])
    .unwrap();
    assert_eq!(scenario.radio.data_rate, DataRateChoice::Fixed(DataRate(3)));
    assert_eq!(scenario.radio.collision, CollisionModel::Aloha);
    assert_eq!(scenario.nodes.partition, Partition::Iid);
    assert_eq!(scenario.run.seed, 7);
    assert_eq!(scenario.faults.frame_loss, 0.25);
    let Source::Csv(csv) = scenario.data.source else { panic!("not csv") };
    assert_eq!(csv.path, Path::new("some dir/x.csv"));
    assert_eq!((csv.label.as_str(), csv.node), ("label", None));
    assert_eq!(quickstart_with(&["radio.data_rate=adr"]).unwrap().radio.data_rate, DataRateChoice::Adr);
}

#[test]
fn the_seed_option_wins_over_everything() {
    let overrides = Overrides { set: vec!["run.seed=7".into()], seed: Some(9) };
    assert_eq!(Scenario::load(None, &overrides).unwrap().run.seed, 9);
}

#[test]
fn a_path_in_a_file_is_relative_to_the_file() {
    let scenario = parse("[data]\nsource = \"csv\"\npath = \"x.csv.gz\"\n").unwrap();
    let Source::Csv(csv) = scenario.data.source else { panic!("not csv") };
    assert_eq!(csv.path, Path::new("/folder/x.csv.gz"));
}

#[test]
fn what_is_wrong_is_named_with_what_is_allowed() {
    let table: &[(&str, &[&str])] = &[
        ("[radio]\ncolour = 1", &["unknown key radio.colour", "region, sub_band, adr, gateways, radius_m"]),
        ("[radios]\ngateways = 1", &["unknown section [radios]", "radio, faults"]),
        ("gateways = 1", &["unknown section [gateways]"]),
        ("radio = 3", &["radio = 3", "a section"]),
        ("[radio]\ncollision = \"none\"", &["radio.collision = \"none\"", "goursaud, croce, capture, aloha"]),
        ("[radio]\ngateways = 0", &["radio.gateways = 0", "from 1 to"]),
        ("[radio]\ngateways = 1.5", &["radio.gateways = 1.5", "a whole number"]),
        ("[radio]\ngateways = -1", &["radio.gateways = -1"]),
        ("[radio]\ndata_rate = 6", &["radio.data_rate = 6", "\"adr\", or a number from 0 to 5"]),
        ("[radio]\ndata_rate = \"fast\"", &["radio.data_rate = \"fast\""]),
        ("[radio]\nradius_m = nan", &["radio.radius_m = nan", "from 1 to 100000"]),
        ("[radio]\nregion = \"as923\"", &["radio.region = \"as923\"", "eu868, us915, au915"]),
        ("[faults]\nframe_loss = 1.5", &["faults.frame_loss = 1.5", "from 0 to 1"]),
        ("[faults]\nbyzantine_kind = \"spy\"", &["faults.byzantine_kind = \"spy\"", "label-flip, sign-flip"]),
        ("[faults]\ntorn_write = 2", &["faults.torn_write = 2", "from 0 to 1"]),
        ("[faults]\nbattery = \"dead\"", &["faults.battery = \"dead\"", "forecast, silence"]),
        (
            "[faults]\ngateway_off = 2",
            &["unknown key faults.gateway_off", "gateway_off_per_day, gateway_off_s"],
        ),
        ("[backhaul]\nlatency_s = 1", &["unknown key backhaul.latency_s", "latency_ms, reordered"]),
        ("[backhaul]\noutage_s = 0", &["backhaul.outage_s = 0", "from 1 to 86400"]),
        ("[contribution]\nkind = \"model\"", &["contribution.kind = \"model\" is not available"]),
        ("[contribution]\nkind = \"poem\"", &["contribution.kind = \"poem\"", "update"]),
        ("[data]\nsource = \"csv\"", &["data.path is needed with data.source = \"csv\""]),
        ("[data]\nsource = \"digits\"\npath = \"x\"", &["unknown key data.path"]),
        ("[data]\nsource = \"mnist\"", &["data.source = \"mnist\"", "digits, breast-cancer, vibration, csv"]),
        ("[data]\nmachines = 4", &["unknown key data.machines"]),
        (
            "[data]\nsource = \"vibration\"\nwindow = 1000",
            &["data.window = 1000", "256, 512, 1024, 2048, 4096"],
        ),
        ("[nodes]\nbattery_mah = 0", &["nodes.battery_mah = 0", "from 1 to"]),
        (
            "[data]\nsource = \"vibration\"\nfaults = [\"rust\"]",
            &["data.faults = [\"rust\"]", "a list of different ones of inner, outer, ball, imbalance"],
        ),
        ("[data]\nsource = \"vibration\"\nfaults = []", &["data.faults = []", "at least one"]),
        (
            "[data]\nsource = \"vibration\"\nfaults = [\"ball\"]\nfaults_per_machine = 2",
            &["data.faults_per_machine = 2", "from 1 to 1"],
        ),
        (
            "[data]\nsource = \"vibration\"\nload_profile = \"wild\"",
            &["data.load_profile = \"wild\"", "random, constant, daily, drive"],
        ),
        ("[data]\nsource = \"vibration\"\nseverity = 0", &["data.severity = 0", "from 0.01 to 100"]),
        ("[nodes]\ncount = \"many\"", &["nodes.count = \"many\""]),
        ("[nodes]\npartition = \"dirichlet\"\nalpha = 0", &["nodes.alpha = 0"]),
        ("[run]\nduration_s = 0", &["run.duration_s = 0"]),
        ("[run\n", &["not valid TOML", "line 1"]),
    ];
    for (text, expected) in table {
        let error = parse(text).unwrap_err();
        for part in *expected {
            assert!(error.contains(part), "{text:?}\n  gave     {error}\n  expected {part}");
        }
    }
}

#[test]
fn an_override_must_have_its_form() {
    for entry in ["seed=3", "run.seed", "run.=3", ".seed=3"] {
        assert!(quickstart_with(&[entry]).unwrap_err().contains("expected section.key=value"), "{entry}");
    }
    assert!(quickstart_with(&["run.sed=3"]).unwrap_err().contains("unknown key run.sed"));
}

#[test]
fn a_scenario_exports_as_plain_data() {
    let json = serde_json::to_value(quickstart_with(&[]).unwrap()).unwrap();
    assert_eq!(json["nodes"]["partition"]["kind"], "dirichlet");
    assert_eq!(json["learner"]["kind"], "softmax");
    assert_eq!(json["radio"]["collision"], "goursaud");
}
