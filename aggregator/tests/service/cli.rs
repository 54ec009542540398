//! Configuration and enrolment through the shipped binary.
use crate::bench::{Files, Process, SECRETS, binary};
use chirrup_aggregator::service::config::Config;
use std::fs;
use std::os::unix::fs::PermissionsExt;
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
        ("min_interval_s = 0", "min_interval_s = 3601", &["`cadence.min_interval_s` is greater than"]),
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
        ("signing.key", "devices.toml", &["devices.toml: expected 64 hexadecimal digits"]),
        ("validation.csv", "missing.csv", &["missing.csv"]),
    ];
    for (from, to, reasons) in table {
        let files = Files::new(1883);
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
fn a_bad_list_of_devices_is_refused_without_showing_it() {
    let secret = hex::encode([0x41; 32]);
    let device =
        |dev_eui: &str, secret: &str| format!("[[device]]\ndev_eui = \"{dev_eui}\"\nsecret = \"{secret}\"\n");
    let table = [
        (device("0101", &secret), "expected 16 hexadecimal digits"),
        (device("0101010101010101", &secret[1..]), "is not 64 hexadecimal digits"),
        (device("0101010101010101", &secret).repeat(2), "enrolled twice"),
        (
            format!("[[device]]\ndev_eui = \"0101010101010101\"\nsecert = \"{secret}\"\n"),
            "line 3: unknown field",
        ),
        (format!("[[device]]\nsecret = \"{secret}\"\n"), "missing field `dev_eui`"),
    ];
    for (list, reason) in table {
        let files = Files::new(1883);
        files.write_secret("devices.toml", &list);
        let error = Config::load(&files.config()).err().unwrap().to_string();
        assert!(error.contains(reason), "{error}");
        assert!(!error.contains(&secret[1..]), "{error}");
    }
}

#[test]
fn enroll_draws_a_secret_and_says_what_to_provision() {
    let files = Files::new(1883);
    let output = command(&["enroll", "--dev-eui", "70b3d57ed0000001"], &files.config());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    let secret = said.lines().find_map(|line| line.strip_prefix("secret = \"")?.strip_suffix('"')).unwrap();
    assert_eq!(secret.len(), 64);
    assert!(said.contains("dev_eui = \"70b3d57ed0000001\""));
    assert!(said.contains("aggregator_public_key = \""));
    let list = files.path("devices.toml");
    assert!(fs::read_to_string(&list).unwrap().contains(secret));
    assert_eq!(fs::metadata(&list).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(Config::load(&files.config()).unwrap().federation.devices.len(), 3);
    let twice = command(&["enroll", "--dev-eui", "70b3d57ed0000001"], &files.config());
    assert_eq!(twice.status.code(), Some(1));
    assert!(text(&twice.stderr).contains("enrolled already"));
    assert!(fs::read_to_string(&list).unwrap().contains(secret), "a refused enrolment changes nothing");
}

#[test]
fn a_list_is_created_by_the_first_enrolment() {
    let files = Files::new(1883);
    let list = files.path("new.toml");
    let enroll = ["enroll", "--dev-eui", "70b3d57ed0000002", "--devices"];
    let output = Command::new(binary()).args(enroll).arg(&list).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(fs::metadata(&list).unwrap().permissions().mode() & 0o777, 0o600);
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
    files.write_secret("devices.toml", &devices.replace(&second, "0303030303030303"));
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
    let added = command(&["enroll", "--dev-eui", "70b3d57ed0000001"], &files.config());
    assert!(added.status.success());
    assert_eq!(Process::start(&files).await.terminate().await.code(), Some(0));
    // The enlarged list is now the one to keep.
    let devices = fs::read_to_string(files.path("devices.toml")).unwrap();
    let before = devices.split("\n[[device]]\ndev_eui = \"70b3").next().unwrap();
    files.write_secret("devices.toml", before);
    let output = command(&["run"], &files.config());
    assert!(text(&output.stderr).contains("device 70b3d57ed0000001 is not enrolled any more"));
}
