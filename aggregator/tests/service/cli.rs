//! Configuration and enrolment through the shipped binary.
use crate::bench::{Files, Node, Process, SECRETS, binary};
use chirrup_aggregator::service::config::Config;
use chirrup_protocol::identity::revocation::RevocationList;
use chirrup_protocol::identity::{AggregatorKeys, ENROLMENT_BYTES, Enrolment, NodeKeys, enrolment};
use chirrup_protocol::ids::DevEui;
use chirrup_protocol::manifest::TrustAnchor;
use chirrup_protocol::time::Instant;
use ed25519_dalek::SigningKey;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn command(arguments: &[&str], config: &Path) -> Output {
    Command::new(binary()).args(arguments).arg("--config").arg(config).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn check_config_says_what_it_understood_without_secrets() {
    let files = Files::new(1883);
    let output = command(&["check-config"], &files.config());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    for part in
        ["3 features, 3 classes", "moments of 2 devices", "devices       2", "4 samples", "test/v1/up/+"]
    {
        assert!(said.contains(part), "`{part}` is missing in\n{said}");
    }
    let secrets =
        SECRETS.iter().copied().map(str::to_owned).chain([1, 2].map(|n| hex::encode([0x40 + n; 32])));
    for secret in secrets {
        assert!(!said.contains(&secret));
    }
}

#[test]
fn the_example_is_understood() {
    let files = Files::new(1883);
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/aggregator.toml");
    fs::copy(example, files.config()).unwrap();
    fs::copy(files.path("devices.toml"), files.path("enrolled-devices.toml")).unwrap();
    let output = command(&["check-config"], &files.config());
    assert!(output.status.success(), "{}", text(&output.stderr));
}

/// Each line: what to replace, by what, and what the error must say.
#[test]
fn a_bad_configuration_is_refused_with_its_reason() {
    let table = [
        ("[cadence]", "[cadence]\nbufer = 1", &["line", "unknown field `bufer`"][..]),
        ("ledger = \"ledger.redb\"\n", "", &["missing field `ledger`"]),
        ("kind = \"softmax\"", "kind = \"forest\"", &["line", "unknown variant `forest`"]),
        ("features = 3", "features = 4000", &["task needs 32037 bytes"]),
        ("classes = 3", "classes = 60000", &["model needs"]),
        ("features = 3", "features = 4", &["validation.csv", "3 columns", "4 features"]),
        (
            "classes = 3",
            "classes = 2",
            &["validation.csv: row 4, column `label`: `2` is not a class, 0 to 1"],
        ),
        ("classes = 3", "classes = 1", &["`task.classes` is 1, must be 2 to 65535"]),
        ("learning_rate = 0.1", "learning_rate = nan", &["`task.learner.learning_rate` is NaN"]),
        ("server_rate = 1.0", "server_rate = inf", &["`strategy.server_rate` is inf"]),
        ("model_bits = 8", "model_bits = 9", &["`task.model_bits` is 9, must be 2 to 8"]),
        ("id = 3", "id = 16", &["`task.id` is 16"]),
        ("min_examples = 4", "min_examples = 101", &["min_examples` is greater than"]),
        ("min_interval_s = 170", "min_interval_s = 3601", &["`cadence.min_interval_s` is greater than"]),
        (
            "min_interval_s = 170",
            "min_interval_s = 160",
            &["1022 versions take at least 163520 s", "must be at least 172800 s"],
        ),
        ("max_staleness = 20", "max_staleness = 256", &["`cadence.max_staleness` is 256"]),
        ("region = \"eu868\"", "region = \"us915\"", &["line", "unknown variant `us915`", "`eu868`"]),
        ("data_rate = 3", "data_rate = 7", &["`downlink.data_rate`: DR7"]),
        ("source = \"moments\"", "source = \"schema\"", &["`scale.source = \"schema\"` takes"]),
        (
            "source = \"moments\"\ndevices = 2\npatience_s = 86400",
            "source = \"schema\"\nschema = [[0.0, 1.0]]",
            &["the schema has 1 entries, `task.features` is 3"],
        ),
        (
            "listen = \"127.0.0.1:0\"\n\n[clock]\nsource = \"injected\"\nlisten = \"127.0.0.1:0\"",
            "listen = \"127.0.0.1:0\"\n\n[clock]\nsource = \"injected\"\nlisten = \"0.0.0.0:1\"",
            &["a loopback address"],
        ),
        ("client_id = \"aggregator\"", "client_id = \"\"", &["`mqtt.client_id`"]),
        ("client_id = \"aggregator\"", "client_id = \"a\"\nusername = \"a\"", &["go together"]),
        ("topic_prefix = \"test/v1\"", "topic_prefix = \"test/#\"", &["`mqtt.topic_prefix`"]),
        ("signing.key", "missing.key", &["missing.key", "No such file"]),
        ("signing.key", "validation.csv", &["validation.csv", "chmod 600"]),
        ("backhaul.key", "no.key", &["no.key: expected 64 hexadecimal digits"]),
        ("validation.csv", "missing.csv", &["missing.csv"]),
    ];
    for (from, to, reasons) in table {
        let files = Files::new(1883);
        files.write_secret("no.key", "7");
        files.edit_config(from, to);
        let error =
            Config::load(&files.config()).err().unwrap_or_else(|| panic!("`{to}` was taken")).to_string();
        for reason in reasons {
            assert!(error.contains(reason), "`{to}` says: {error}");
        }
        assert!(!error.contains(SECRETS[0]), "{error}");
    }
}

#[test]
fn a_bad_list_of_devices_is_refused() {
    let key = hex::encode([0x41; 32]);
    let table = Node::new(1).table();
    let with = |field: &str, value: &str| {
        let line = table.lines().find(|line| line.starts_with(field)).unwrap();
        table.replace(line, &format!("{field} = \"{value}\""))
    };
    let table = [
        (with("dev_eui", "0101"), "expected 16 hexadecimal digits"),
        (with("x25519", &key[1..]), "`x25519` of device 0101010101010101 is not a public key"),
        (with("x25519", &"0".repeat(64)), "device 0101010101010101: the X25519 key of the other side"),
        (with("ed25519", &"0".repeat(64)), "`ed25519` of device 0101010101010101 is not a public key"),
        (table.repeat(2), "enrolled twice"),
        (table.replace("ed25519", "ed25591"), "unknown field `ed25591`"),
        ("[[device]]\n".into(), "missing field `dev_eui`"),
    ];
    for (list, reason) in table {
        let files = Files::new(1883);
        files.write("devices.toml", &list);
        let error = Config::load(&files.config()).err().unwrap().to_string();
        assert!(error.contains(reason), "{error}");
    }
}

/// A device that is on no list yet.
fn newcomer() -> [u8; ENROLMENT_BYTES] {
    Enrolment::sign(DevEui::from_u64(0x70b3_d57e_d000_0001), &NodeKeys::from_seed(&[0x61; 32]))
}

fn newcomer_text() -> String {
    enrolment::write_text(&newcomer(), &mut [0; enrolment::ENROLMENT_CHARACTERS]).into()
}

#[test]
fn enroll_checks_what_a_device_says_and_welcomes_it() {
    let files = Files::new(1883);
    files.edit_config("\"devices.toml\"", "\"new.toml\"");
    files.write("binary", "");
    fs::write(files.path("binary"), newcomer()).unwrap();
    files.write("text", &format!("  {}\n", newcomer_text()));
    let [binary, text_file] = ["binary", "text"].map(|name| files.path(name));
    let forms: [&[&str]; 4] = [
        &[&newcomer_text()],
        &[&hex::encode(newcomer())],
        &["--file", binary.to_str().unwrap()],
        &["--file", text_file.to_str().unwrap()],
    ];
    let mut welcomes = forms.map(|form| {
        let output = command(&[&["enroll"], form].concat(), &files.config());
        assert!(output.status.success(), "{}", text(&output.stderr));
        let twice = command(&[&["enroll"], form].concat(), &files.config());
        assert_eq!(twice.status.code(), Some(1));
        assert!(text(&twice.stderr).contains("enrolled already"));
        let devices = Config::load(&files.config()).unwrap().federation.devices;
        fs::remove_file(files.path("new.toml")).unwrap();
        (text(&output.stdout), devices)
    });
    let (said, devices) = welcomes[0].clone();
    assert!(said.contains("dev_eui = \"70b3d57ed0000001\""));
    let welcome = said.lines().find_map(|line| line.strip_prefix("welcome = \"")?.strip_suffix('"'));
    let keys = AggregatorKeys::from_text(welcome.unwrap()).unwrap();
    assert!(said.contains(&hex::encode(keys.to_welcome())));
    // What the node makes of its welcome is what the aggregator has made of the enrolment.
    let dev_eui = devices[0].dev_eui;
    let secret = NodeKeys::from_seed(&[0x61; 32]).device_secret(dev_eui, &keys).unwrap();
    assert_eq!(&devices[0].secret, secret.expose());
    welcomes.iter_mut().for_each(|other| assert_eq!(*other, (said.clone(), devices.clone())));
}

#[test]
fn an_enrolment_that_does_not_verify_changes_nothing() {
    let files = Files::new(1883);
    let mut altered = newcomer();
    altered[0] ^= 1;
    let list = fs::read_to_string(files.path("devices.toml")).unwrap();
    for (enrolment, reason) in [
        (hex::encode(altered), "signature does not verify"),
        (hex::encode(&newcomer()[1..]), "needs 136 bytes, there are 135"),
        (newcomer_text().to_lowercase(), "neither `CHIRRUP-E1:...` nor hexadecimal"),
        (newcomer_text()[..200].into(), "cannot be base45 here"),
    ] {
        let output = command(&["enroll", &enrolment], &files.config());
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains(reason), "{}", text(&output.stderr));
    }
    fs::remove_file(files.path("agreement.key")).unwrap();
    let output = command(&["enroll", &newcomer_text()], &files.config());
    assert!(text(&output.stderr).contains("agreement.key"), "{}", text(&output.stderr));
    assert_eq!(fs::read_to_string(files.path("devices.toml")).unwrap(), list);
}

#[test]
fn revoke_keeps_a_list_that_the_root_has_signed() {
    let files = Files::new(1883);
    let revoke = |arguments: &[&str]| command(&[&["revoke"], arguments].concat(), &files.config());
    let second = DevEui([2; 8]).to_string();
    assert!(revoke(&[&second, "--from-s", "1000"]).status.success());
    let again = revoke(&[&second]);
    assert!(text(&again.stderr).contains("revoked already, from second 1000 on"), "{}", text(&again.stderr));
    let stranger = revoke(&["0303030303030303"]);
    assert!(text(&stranger.stderr).contains("is not enrolled"), "{}", text(&stranger.stderr));
    assert!(revoke(&[&DevEui([1; 8]).to_string(), "--from-s", "7"]).status.success());

    let bytes = fs::read(files.path("revocations.list")).unwrap();
    let seed = hex::decode(SECRETS[0]).unwrap().try_into().unwrap();
    let root = TrustAnchor::of(&SigningKey::from_bytes(&seed));
    let list = RevocationList::verify(&bytes, &root).unwrap();
    assert_eq!((list.number(), list.len(), list.revoked_from_s(DevEui([2; 8]))), (2, 2, Some(1_000)));
    let devices = Config::load(&files.config()).unwrap().federation.devices;
    let revoked_from: Vec<_> = devices.iter().map(|device| device.revoked_from).collect();
    assert_eq!(revoked_from, [7, 1_000].map(|s| Some(Instant::from_micros(s * 1_000_000))));

    fs::write(files.path("revocations.list"), [&bytes[..], &[0]].concat()).unwrap();
    let error = Config::load(&files.config()).err().unwrap().to_string();
    assert!(error.contains("revocations.list") && error.contains("there are 114"), "{error}");
}

#[test]
fn wrong_usage_is_told_apart_from_failure() {
    assert_eq!(Command::new(binary()).arg("dance").output().unwrap().status.code(), Some(2));
    assert_eq!(command(&["check-config"], Path::new("/nonexistent.toml")).status.code(), Some(1));
}

#[tokio::test]
async fn a_ledger_of_another_federation_is_refused_in_words() {
    // No broker listens: the ledger is written all the same.
    let files = Files::new(9);
    let mut service = Process::start(&files).await;
    assert_eq!(service.terminate().await.code(), Some(0));
    let run = || command(&["run"], &files.config());
    files.edit_config("max_staleness = 20", "max_staleness = 21");
    files.edit_config("server_rate = 1.0", "server_rate = 0.5");
    let second = chirrup_protocol::ids::DevEui([2; 8]).to_string();
    let devices = fs::read_to_string(files.path("devices.toml")).unwrap();
    files.write("devices.toml", &devices.replace(&second, "0303030303030303"));
    files.write_secret("signing.key", SECRETS[1]);
    let output = run();
    assert_eq!(output.status.code(), Some(1));
    let message = text(&output.stderr);
    for difference in [
        "the configuration does not match the ledger",
        "cadence.max_staleness was 20, is 21",
        "the strategy was",
        "device 0202020202020202 is not enrolled any more",
        "the signing key's public part was",
    ] {
        assert!(message.contains(difference), "`{difference}` is missing in {message}");
    }
}

#[tokio::test]
async fn what_steers_only_the_future_may_change() {
    let files = Files::new(9);
    assert_eq!(Process::start(&files).await.terminate().await.code(), Some(0));
    files.edit_config("buffer = 2", "buffer = 3");
    files.edit_config("data_rate = 3", "data_rate = 0");
    let added = command(&["enroll", &newcomer_text()], &files.config());
    assert!(added.status.success());
    assert_eq!(Process::start(&files).await.terminate().await.code(), Some(0));
    // The enlarged list is now the one to keep.
    let devices = fs::read_to_string(files.path("devices.toml")).unwrap();
    let before = devices.split("\n[[device]]\ndev_eui = \"70b3").next().unwrap();
    files.write("devices.toml", before);
    let output = command(&["run"], &files.config());
    assert!(text(&output.stderr).contains("device 70b3d57ed0000001 is not enrolled any more"));
}
