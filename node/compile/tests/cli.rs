//! The program: exit codes, files, and messages.
#![allow(clippy::unwrap_used)]

use chirrup_compile::onnx::write;
use chirrup_compile::zoo;
use chirrup_learn::infer::Network;
use chirrup_learn::random::Random;
use std::path::Path;
use std::process::{Command, Output};

fn program(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_chirrup-compile")).args(arguments).current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn from_a_model_to_an_image_and_back_to_words() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let graph = zoo::multiscale_by_depth();
    std::fs::write(at("model.onnx"), write::write(&graph)).unwrap();
    let mut random = Random::new(1);
    let length = graph.shape(graph.input).elements();
    let line = |_| (0..length).map(|_| random.symmetric().to_string()).collect::<Vec<_>>().join(",");
    std::fs::write(at("samples.csv"), (0..3).map(line).collect::<Vec<_>>().join("\n")).unwrap();
    for format in ["int8", "int8-float-fallback", "f16", "f32"] {
        let arguments = [
            "model.onnx",
            "--calibration",
            "samples.csv",
            "--format",
            format,
            "--prune",
            "0.5",
            "--out",
            "model.bin",
            "--rust",
            "model.rs",
        ];
        let done = program(folder.path(), &arguments);
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
        assert!(text(&done.stdout).contains("planned, in place"));
        let image = std::fs::read(at("model.bin")).unwrap();
        Network::load(&image).unwrap();
        let source = std::fs::read_to_string(at("model.rs")).unwrap();
        assert!(source.contains(&format!("pub static IMAGE: [u8; {}]", image.len())));
        let inspected = program(folder.path(), &["inspect", "model.bin"]);
        assert_eq!(inspected.status.code(), Some(0));
        assert!(text(&inspected.stdout).contains("convolution 1x9 weights"), "{}", text(&inspected.stdout));
    }
}

#[test]
fn failures_are_1_and_wrong_usage_is_2() {
    let folder = tempfile::tempdir().unwrap();
    let code = |arguments: &[&str]| program(folder.path(), arguments).status.code();
    assert_eq!(code(&[]), Some(2));
    assert_eq!(code(&["model.onnx"]), Some(2), "no place for the image");
    assert_eq!(code(&["model.onnx", "--out", "a", "--prune", "1.5"]), Some(2));
    assert_eq!(code(&["model.onnx", "--out", "a"]), Some(1), "no such file");
    std::fs::write(folder.path().join("model.onnx"), b"PK").unwrap();
    assert_eq!(code(&["model.onnx", "--out", "a"]), Some(1), "no model");
    assert_eq!(code(&["inspect", "model.onnx"]), Some(1), "no image");
    std::fs::write(folder.path().join("model.onnx"), write::write(&zoo::multiscale_by_depth())).unwrap();
    let refused = program(folder.path(), &["model.onnx", "--out", "a"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("needs samples"), "{}", text(&refused.stderr));
    assert!(!folder.path().join("a").exists());
}
