//! Writes the images that `node/learn/footprint` runs:
//!
//! ```text
//! cargo run -p chirrup-compile --example footprint_images
//! ```
use chirrup_compile::compile::compile;
use chirrup_compile::quantise::Format;
use chirrup_compile::simplify::simplify;
use chirrup_compile::zoo;
use chirrup_learn::random::Random;
use std::path::PathBuf;

/// Files and their bytes.
pub fn images() -> anyhow::Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut graph = zoo::digits_like();
    simplify(&mut graph);
    let mut random = Random::new(1);
    let samples: Vec<Vec<f32>> =
        (0..50).map(|_| (0..64).map(|_| 3.0 * random.symmetric()).collect()).collect();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../learn/footprint/src/exercises/inference");
    let formats = [("int8.bin", Format::Int8), ("f32.bin", Format::F32), ("f16.bin", Format::F16)];
    formats
        .into_iter()
        .map(|(name, format)| Ok((folder.join(name), compile(&graph, format, &samples)?.image)))
        .collect()
}

#[allow(dead_code, reason = "a test compares what this would write")]
fn main() -> anyhow::Result<()> {
    for (path, image) in images()? {
        std::fs::write(path, image)?;
    }
    Ok(())
}
